"""A lake for tests of the pack for people's tools: two playlists that share songs, and titles of any kind."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import Publisher

FIRST = date(2025, 12, 22)
"""Two years, and ISO weeks whose year is not the calendar's."""
DAYS = [FIRST + timedelta(days=number) for number in range(14) if number not in (7, 8)]
NASTY = (
    '=HYPERLINK("http://a.test","x")',
    "+1+1",
    "-2",
    "@SUM(1)",
    'He said "no", and left',
    "Two\nlines",
    "Two\r\nlines",
    "a;b,c|d",
    "＝1",
    "'quoted'",
    "傘 ☂ עברית",
    "]]> <&>' \\",
    "[square] {curly} %s",
    "NULL",
    "007",
)
TITLES = [*NASTY, *(f"Song {number}" for number in range(15))]
SIZE = 20


def track(title):
    """A song: every third has a guest named like it, every fourth names an artist twice, every fifth has no album."""
    number = TITLES.index(title)
    artists = [{"id": f"artist-{number % 7}", "name": f"Artist {number % 7}"}]
    if number % 3 == 0:
        artists.append({"id": f"guest-{number}", "name": title})
    if number % 4 == 0:
        artists.append(artists[0])
    album = {"id": f"album-{number}", "name": f"Album of {title}", "total_tracks": 9, "release_date": "2025-12-01"}
    return {
        "id": f"{number:022}",
        "name": title,
        "artists": [] if title == "Song 3" else artists,
        "duration_ms": 180_000 + number,
        "explicit": number % 2 == 0,
        "popularity": number,
        **({} if number % 5 == 0 else {"album": album}),
    }


def listing(random, size=SIZE):
    """A chart of one day, whose songs say their streams from position 1 to the last but one."""
    titles = random.sample(TITLES, size)
    return [
        {"track": track(title), "streams": 10_000 - position if position < size else None}
        for position, title in enumerate(titles, 1)
    ]


class StarLake:
    """The lake, its settings, and the publisher that wrote it."""

    def __init__(self, folder, days=DAYS):
        (folder / "playlists.yaml").write_text(
            "start: 2025-01-01\nplaylists:\n"
            "  - {slug: first, title: 'The first, \"quoted\"', source: demo}\n"
            "  - {slug: second, title: It's the second, source: demo}\n"
            "  - {slug: nothing, title: Without a day, source: demo}\n",
            encoding="utf-8",
        )
        self.store = LocalObjectStore(folder / "lake")
        self.environment = {
            "SPOTIFY_ASSETS_LAKE": self.store.uri("").rstrip("/"),
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
        }
        self.settings = load_settings(self.environment)
        self._publisher = Publisher(self.store)
        self._random = {slug: Random(slug) for slug in ("first", "second")}  # noqa: S311 - a chart, no secret
        self.add(days)

    def add(self, days):
        """Write more days, and publish."""
        for slug, random in self._random.items():
            self._publisher.write_snapshots(slug, [make_snapshot(listing(random), day, slug=slug) for day in days])
        self._publisher.publish()

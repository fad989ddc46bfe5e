"""Little charts as the compacted history has them: written down in a compact notation, and random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from spotify_assets.schemas import Table
from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES

Facts = Mapping[str, Any]

Alias = tuple[str, str | None, str | None]
"""A row of song_aliases.csv."""
REJECTED = "-"
"""Stands in a listing for an entry that is no song."""


class History(NamedTuple):
    """What the analyses are made of."""

    chart_days: pd.DataFrame
    chart_entries: pd.DataFrame
    aliases: tuple[Alias, ...] = ()


def day(number: int) -> date:
    """The days of the notation: 1 is Thursday, 2026-01-01; 32 is the first of February."""
    return date(2025, 12, 31) + timedelta(days=number)


def little_chart(
    listings: Mapping[int, str],
    songs: Mapping[str, Facts] | None = None,
    rows: Mapping[tuple[int, int], Facts] | None = None,
    **chart: Any,
) -> History:
    """A chart from a compact notation.

    Args:
        listings: by number of the day (see `day`), what it lists from position 1 on: names of songs, and `-` for an
            entry that is no song.
        songs: what is not as usual of a song. A song `a` has the id `id-a`, the title `Song a`, no ISRC, one credit
            (see `by`), and nothing else is known of it.
        rows: what is not as usual of one row, by day and position.
        chart: `playlist` (`chart`), `cadence` (`daily`), `source` (`charts`) and `chart_size` (as many as listed).
    """
    songs, rows = songs or {}, rows or {}
    return chart_of(
        {
            day(number): [
                None if name == REJECTED else song(name) | songs.get(name, {}) | rows.get((number, position), {})
                for position, name in enumerate(listing.split(), 1)
            ]
            for number, listing in listings.items()
        },
        **chart,
    )


def song(name: str) -> Facts:
    """What rows say of a song of the notation."""
    return {"song_id": f"id-{name}", "song_name": f"Song {name}", **by(f"artist-{name}")}


def by(*keys: str) -> Facts:
    """Credits, in order: an artist `x` is called `Name of x`."""
    return {"artist_keys": list(keys), "artist_names": [f"Name of {key}" for key in keys]}


def together(*charts: History) -> History:
    """Several playlists as one history."""
    return History(
        pd.concat([chart.chart_days for chart in charts], ignore_index=True),
        pd.concat([chart.chart_entries for chart in charts], ignore_index=True),
        tuple(alias for chart in charts for alias in chart.aliases),
    )


def chart_of(
    listings: Mapping[date, Sequence[Facts | None]],
    *,
    playlist: str = "chart",
    cadence: str = "daily",
    source: str = "charts",
    chart_size: int | None = None,
) -> History:
    """A chart from the facts of its rows: by day, from position 1 on, None for an entry that is no song."""
    days: list[Facts] = []
    entries: list[Facts] = []
    for snapshot_date, listed in sorted(listings.items()):
        rows = [_entry(position, facts) for position, facts in enumerate(listed, 1) if facts is not None]
        content_hash = str([(row["position"], row["song_ref"], row["streams"]) for row in rows])
        unchanged = bool(days) and days[-1]["content_hash"] == content_hash
        days.append(
            {
                "playlist": playlist,
                "snapshot_date": snapshot_date,
                "source": source,
                "cadence": cadence,
                "edition": days[-1]["edition"] if unchanged else snapshot_date,
                "chart_size": len(listed) if chart_size is None else chart_size,
                "listed": len(listed),
                "accepted": len(rows),
                "rejected": len(listed) - len(rows),
                "content_hash": content_hash,
                "unchanged": unchanged,
                "stale": False,
                "renewed_at": None,
                "failed_checks": None,
            }
        )
        entries += [row | {"playlist": playlist, "snapshot_date": snapshot_date} for row in rows]
    return History(_frame(CHART_DAYS, days), _frame(CHART_ENTRIES, entries))


def _entry(position: int, facts: Facts) -> dict[str, Any]:
    row = dict.fromkeys(CHART_ENTRIES.column_names) | {"artist_keys": [], "artist_names": []} | facts
    named = row["song_name"] or row["isrc"]
    title = f"name:{row['isrc']} {row['song_name']} of {row['artist_names']}" if named else None
    return row | {
        "position": position,
        "row_status": "ok" if row["song_name"] else "untitled",
        "song_ref": row["song_id"] or title,
        "lead_artist_key": row["artist_keys"][0] if row["artist_keys"] else None,
        "lead_artist_name": row["artist_names"][0] if row["artist_names"] else None,
    }


def _frame(table: Table, rows: Sequence[Facts]) -> pd.DataFrame:
    columns = ["playlist", *table.column_names]
    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=columns, dtype=object)


# Random charts

FEATURES = (
    *("gaps", "repeated editions", "short editions", "rejected", "unnamed", "relinked", "without ids", "listed twice"),
    *("retitled", "two versions", "shared ISRCs"),
    *("collaborations", "nobody credited", "renamed artists", "albums", "releases", "genres"),
    *("streams", "popularity", "durations", "official figures", "aliases"),
)
"""What may make a chart difficult. Hypothesis shrinks a failure to the few that it takes."""

STEPS = {"daily": (1,), "weekly": (6, 7, 8)}
STEPS_OVER_A_GAP = {"daily": (2, 3, 8, 33), "weekly": (9, 10, 11, 14, 21, 60)}
ARTISTS = ("artist-p", "artist-q", "artist-r", "artist-s", "artist-t")
GENRES = ("city pop", "enka", "j-pop", "j-rock")
RELEASES = (
    (date(2026, 1, 5), date(2026, 1, 5)),
    (date(2025, 12, 31), date(2025, 12, 31)),
    (date(2025, 12, 1), date(2025, 12, 31)),
    (date(2026, 1, 1), date(2026, 1, 3)),
    (date(2025, 1, 1), date(2025, 12, 31)),
    (date(2024, 7, 1), date(2024, 7, 1)),
    (date(1999, 1, 1), date(1999, 12, 31)),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One or two random playlists that share songs.

    What a chart is like is Hypothesis's choice; what stands where is left to a random generator of which it chooses the
    seed, because thousands of cells are more choices than it can make.
    """
    features = {feature for feature in FEATURES if draw(st.booleans())}
    places = draw(st.integers(3, 8))
    random = draw(st.randoms(use_true_random=True))
    songs = [_versions(random, number, features) for number in range(places + 3)]
    charts = [
        _random_chart(random, songs, features, playlist, draw(st.integers(1, 25)), places, *kind)
        for playlist, kind in zip(
            ("first", "second"),
            draw(
                st.lists(
                    st.sampled_from(
                        [("daily", "charts"), ("daily", "spotify"), ("weekly", "charts"), ("weekly", "spotify")]
                    ),
                    min_size=1,
                    max_size=2,
                )
            ),
            strict=False,
        )
    ]
    history = together(*charts)
    return history._replace(aliases=_aliases(random, history)) if "aliases" in features else history


def _versions(random: Random, number: int, features: set[str]) -> list[Facts]:
    """The ways in which rows may tell of a song, of which they take any."""
    base = {"song_id": f"id-{number}", "song_name": f"Song {number}", **by(random.choice(ARTISTS))}
    if "collaborations" in features:
        base |= by(*random.choices(ARTISTS, k=random.randint(1, 4)))
    if "nobody credited" in features and random.random() < 0.2:
        base |= by()
    if "albums" in features:
        album = random.choice(("v", "w", None))
        base |= {"album_key": album, "album_name": album and f"Album {album}"}
    versions = [base]
    if "relinked" in features:
        isrcs = (None, "N/A", f"JPAB126{number:05}", f"jp-ab1-26-{number:05}", f"USXY926{number:05}")
        versions += [base | {"song_id": f"id-{number}-{again}", "isrc": random.choice(isrcs)} for again in (1, 2)]
    if "without ids" in features:
        versions += [
            base | {"song_id": None},
            base | {"song_id": None, "isrc": random.choice((None, "TBA", f"JPAB126{number:05}"))},
        ]
    if "retitled" in features:
        titles = (f"SONG {number}!", f"Ｓｏｎｇ{number}", f"歌 {number}", f"Song {number + 1}")
        versions += [base | {"song_id": f"id-{number}-as-{title}", "song_name": title} for title in titles]
    if "shared ISRCs" in features:
        versions += [base | {"song_id": f"id-{number}-shared", "isrc": f"JPAB126{number // 2:05}"}]
    return versions


def _random_chart(
    random: Random,
    songs: Sequence[Sequence[Facts]],
    features: set[str],
    playlist: str,
    editions: int,
    places: int,
    cadence: str,
    source: str,
) -> History:
    listings: dict[date, list[Facts | None]] = {}
    edition_date = date(2025, 12, 1) + timedelta(days=random.randrange(40))
    listing: list[Facts | None] = []
    for _ in range(editions):
        if not (listing and "repeated editions" in features and random.random() < 0.2):
            listing = _listing(random, songs, features, places)
        fetched = [0]
        if (cadence, source) == ("weekly", "spotify"):
            fetched += random.sample(range(1, 6), k=random.randrange(6))
        for later in fetched:
            listings[edition_date + timedelta(days=later)] = [
                listed and listed | _facts_of_a_day(random, listed, features) for listed in listing
            ]
        over_a_gap = "gaps" in features and random.random() < 0.25
        edition_date += timedelta(days=random.choice((STEPS_OVER_A_GAP if over_a_gap else STEPS)[cadence]))
    return chart_of(listings, playlist=playlist, cadence=cadence, source=source, chart_size=places)


def _listing(random: Random, songs: Sequence[Sequence[Facts]], features: set[str], places: int) -> list[Facts | None]:
    """The rows of an edition, with what makes its content: songs and streams."""
    shortened = "short editions" in features and random.random() < 0.3
    listed = [dict(random.choice(versions)) for versions in random.sample(songs, k=places)]
    listed = listed[: random.randrange(places) if shortened else places]
    if "listed twice" in features and len(listed) > 2:
        listed[random.randrange(len(listed))] = dict(random.choice(listed))
    if "two versions" in features and len(listed) > 2:
        listed[0] = dict(random.choice(next(versions for versions in songs if _names(listed[1], versions))))
    if "streams" in features:
        for row in listed:
            row["streams"] = random.choice((None, *range(1000, 1010), *range(2000, 2010)))
    rows: list[Facts | None] = list(listed)
    for position in range(len(rows)):
        if "rejected" in features and random.random() < 0.1:
            rows[position] = None
        elif "unnamed" in features and random.random() < 0.1:
            rows[position] = dict(random.choice(({}, by(ARTISTS[0]))))
    return rows


def _names(row: Facts, versions: Sequence[Facts]) -> bool:
    """Whether a row is one of these versions of a song."""
    return any(
        row["song_id"] == version["song_id"] and row["song_name"] == version["song_name"] for version in versions
    )


def _facts_of_a_day(random: Random, listed: Facts, features: set[str]) -> Facts:
    """What may be another on every day without the chart changing."""
    facts: dict[str, Any] = {}
    if "renamed artists" in features:
        facts["artist_names"] = [random.choice((name, name, f"New {name}", None)) for name in listed["artist_names"]]
    if "albums" in features and listed.get("album_key"):
        facts["album_total_tracks"] = random.choice((None, 10, 12))
        facts["album_name"] = random.choice((listed["album_name"], f"{listed['album_name']} (Deluxe)", None))
    if "releases" in features and random.random() < 0.7:
        facts["release_date_from"], facts["release_date_to"] = random.choice(RELEASES)
    if "genres" in features:
        facts["genres"] = random.choice((None, sorted(random.sample(GENRES, k=random.randrange(4)))))
    if "popularity" in features:
        facts["popularity"] = random.choice((None, 0, *range(40, 60)))
    if "durations" in features:
        facts["duration_ms"] = random.choice((None, 180_000, 180_000, 182_000, 184_000))
        facts["explicit"] = random.choice((None, True, False))
    if "official figures" in features and random.random() < 0.5:
        facts["official_peak_position"] = random.choice((None, 1, 2, 5))
        facts["official_previous_position"] = random.choice((None, None, 3))
        facts["official_days_on_chart"] = random.choice((None, 1, 1, 9))
        facts["official_weeks_on_chart"] = random.choice((None, None, 1, 4))
    return facts


def _aliases(random: Random, history: History) -> tuple[Alias, ...]:
    """Two songs that are one, and two that differ."""
    names = sorted({name for column in ("song_ref", "isrc") for name in history.chart_entries[column] if name})
    if len(names) < 4:
        return ()
    song, same, other, different = random.sample(names, k=4)
    return ((song, same, None), (other, None, different))


def examples(count: int) -> settings:
    """Settings for tests that run all SQL files on every example."""
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])


def shuffle(rows: pd.DataFrame, random: Random) -> pd.DataFrame:
    """The rows in another order."""
    return rows.iloc[random.sample(range(len(rows)), k=len(rows))].reset_index(drop=True)

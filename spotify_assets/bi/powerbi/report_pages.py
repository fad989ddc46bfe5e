"""The four pages of the Power BI report: today, songs, artists and chart health.

A table that has columns of several tables has a measure as well that no row lacks: by it Power BI knows which of their
values belong together.
"""

from __future__ import annotations

from dataclasses import dataclass

from spotify_assets.bi.labels import column_label, table_label
from spotify_assets.bi.powerbi.measures import MEASURES
from spotify_assets.bi.powerbi.visuals import Field, Place, Top, Visual
from spotify_assets.schemas.star import STAR

WIDTH, HEIGHT = 1280, 720
_MEASURES = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True)
class Page:
    """A page: its name in the project, its name for people, its visuals, and which rows all of them show."""

    name: str
    title: str
    visuals: tuple[Visual, ...]
    only: Field | None = None
    """A column of truth values: only rows where it is true are shown."""


def _column(table: str, column: str) -> Field:
    """A column by its names in the star schema."""
    if column not in STAR[table].column_names:
        raise KeyError(f"{table} has no column {column}")
    return Field(table_label(STAR[table]), column_label(column))


def _measure(name: str) -> Field:
    return Field(_MEASURES[name].table, name, is_measure=True)


def _entry(column: str) -> Field:
    return _column("fact_chart_entries", column)


def _edition(column: str) -> Field:
    return _column("fact_chart_editions", column)


_DAY = _column("dim_date", "calendar_date")
_MONTH = _column("dim_date", "month")
_PLAYLIST = _column("dim_playlist", "playlist_title")
_SONG = _column("dim_song", "song_label")
_ARTIST = _column("dim_artist", "artist_name")


def _cards(*names: str, x: int = 264, width: int = 992) -> tuple[Visual, ...]:
    """Figures beside each other, at the top of a page."""
    each = width // len(names)
    return tuple(
        Visual(
            name=f"card_{number}",
            kind="card",
            title=name,
            description=_MEASURES[name].description,
            place=Place(x + number * each, 16, each - 16, 104),
            roles={"Values": (_measure(name),)},
            objects={"categoryLabels": {"show": "false"}},
        )
        for number, name in enumerate(names)
    )


def _slicer(name: str, column: Field, title: str, y: int, height: int, mode: str) -> Visual:
    return Visual(
        name=name,
        kind="slicer",
        title=title,
        description=f"Pick {title.lower()}; the whole page follows",
        place=Place(16, y, 232, height),
        roles={"Values": (column,)},
        objects={"data": {"mode": f"'{mode}'"}},
    )


_PLAYLIST_SLICER = _slicer("playlist", _PLAYLIST, "Playlist", 16, 104, "Dropdown")
_DATE_SLICER = _slicer("dates", _DAY, "Dates", 136, 136, "Between")
_POSITIONS = {"valueAxis": {"invertAxis": "true"}}
"""Number one stands above."""

TODAY = Page(
    name="today",
    title="Today",
    only=_entry("is_newest_edition"),
    visuals=(
        _PLAYLIST_SLICER,
        *_cards("Newest edition", "Songs charted", "New and returning", "Total streams"),
        Visual(
            name="chart",
            kind="tableEx",
            title="The newest edition",
            description="Every song of the newest edition, with its place, its movement and its run",
            place=Place(264, 136, 976, 568),
            roles={
                "Values": (
                    _PLAYLIST,
                    _entry("position"),
                    _column("dim_song", "song_name"),
                    _column("dim_song", "artist_names"),
                    _entry("movement"),
                    _entry("entry_status"),
                    _entry("peak_position"),
                    _entry("editions_on_chart"),
                    _entry("streak"),
                    _measure("Total points"),
                    _measure("Total streams"),
                )
            },
            sort=(_entry("position"), "Ascending"),
            objects={"total": {"totals": "false"}},
        ),
        Visual(
            name="statuses",
            kind="clusteredBarChart",
            title="What moved",
            description="Songs of the newest edition by what they did: up, down, the same, new or back",
            place=Place(16, 136, 232, 568),
            roles={"Category": (_entry("entry_status"),), "Y": (_measure("Song-editions"),)},
            sort=(_measure("Song-editions"), "Descending"),
        ),
    ),
)

SONGS = Page(
    name="songs",
    title="Songs",
    visuals=(
        _PLAYLIST_SLICER,
        _DATE_SLICER,
        *_cards("Songs charted", "Song-editions", "Total points", "Total streams"),
        Visual(
            name="runs",
            kind="lineChart",
            title="Runs of the ten songs with the most points",
            description="Position by day of the ten songs with the most points in the dates that are picked",
            place=Place(264, 136, 976, 272),
            roles={"Category": (_DAY,), "Y": (_measure("Best position"),), "Series": (_SONG,)},
            sort=(_DAY, "Ascending"),
            top=Top(10, _SONG, _measure("Total points")),
            objects=_POSITIONS,
        ),
        Visual(
            name="songs",
            kind="tableEx",
            title="Songs",
            description="Every song that charted, with its best position, its time on the chart, points and streams",
            place=Place(264, 424, 976, 280),
            roles={
                "Values": (
                    _SONG,
                    _measure("Best position"),
                    _measure("Song-editions"),
                    _measure("Editions at number one"),
                    _measure("Longest run"),
                    _measure("Mean position"),
                    _measure("Total points"),
                    _measure("Total streams"),
                )
            },
            sort=(_measure("Total points"), "Descending"),
        ),
        Visual(
            name="albums",
            kind="clusteredBarChart",
            title="Albums",
            description="The eight albums whose songs have the most points",
            place=Place(16, 288, 232, 416),
            roles={"Category": (_column("dim_album", "album_name"),), "Y": (_measure("Total points"),)},
            sort=(_measure("Total points"), "Descending"),
            top=Top(8, _column("dim_album", "album_name"), _measure("Total points")),
        ),
    ),
)

ARTISTS = Page(
    name="artists",
    title="Artists",
    visuals=(
        _PLAYLIST_SLICER,
        _DATE_SLICER,
        *_cards("Credited songs", "Credited song-editions", "Credited number ones"),
        Visual(
            name="ranking",
            kind="clusteredBarChart",
            title="The fifteen artists with the most points",
            description="Points of the fifteen artists with the most; a song's points are shared by its artists",
            place=Place(264, 136, 480, 568),
            roles={"Category": (_ARTIST,), "Y": (_measure("Shared points"),)},
            sort=(_measure("Shared points"), "Descending"),
            top=Top(15, _ARTIST, _measure("Shared points")),
        ),
        Visual(
            name="shares",
            kind="lineChart",
            title="Their share of the chart by month",
            description="Share of all points by month, of the five artists with the most points",
            place=Place(760, 136, 480, 272),
            roles={"Category": (_MONTH,), "Y": (_measure("Share of points"),), "Series": (_ARTIST,)},
            sort=(_MONTH, "Ascending"),
            top=Top(5, _ARTIST, _measure("Shared points")),
        ),
        Visual(
            name="artists",
            kind="tableEx",
            title="Artists",
            description="Every credited artist, with songs, time on the chart, points and share",
            place=Place(760, 424, 480, 280),
            roles={
                "Values": (
                    _ARTIST,
                    _measure("Credited songs"),
                    _measure("Credited song-editions"),
                    _measure("Credited number ones"),
                    _measure("Shared points"),
                    _measure("Share of points"),
                )
            },
            sort=(_measure("Shared points"), "Descending"),
        ),
    ),
)

HEALTH = Page(
    name="chart_health",
    title="Chart health",
    visuals=(
        _PLAYLIST_SLICER,
        _DATE_SLICER,
        *_cards("Editions", "Missing editions", "Completeness", "Unidentified entries", "Editions with failed checks"),
        Visual(
            name="moves",
            kind="clusteredColumnChart",
            title="Songs that came and left by month",
            description="How many songs came to the chart and left it in each month",
            place=Place(264, 136, 480, 272),
            roles={"Category": (_MONTH,), "Y": (_measure("Songs that came"), _measure("Songs that left"))},
            sort=(_MONTH, "Ascending"),
        ),
        Visual(
            name="turnover",
            kind="lineChart",
            title="Turnover by month",
            description="Share of songs that the edition before did not have, by month",
            place=Place(760, 136, 480, 272),
            roles={"Category": (_MONTH,), "Y": (_measure("Turnover"),)},
            sort=(_MONTH, "Ascending"),
        ),
        Visual(
            name="editions",
            kind="tableEx",
            title="Editions",
            description="Every edition, with how large it was, what is missing before it, and what the checks found",
            place=Place(264, 424, 976, 280),
            roles={
                "Values": (
                    _PLAYLIST,
                    _edition("edition_date"),
                    _edition("source"),
                    _edition("songs"),
                    _edition("unidentified"),
                    _edition("missing_before"),
                    _edition("entries"),
                    _edition("exits"),
                    _edition("failed_checks"),
                    _measure("Completeness"),
                )
            },
            sort=(_edition("edition_date"), "Descending"),
            objects={"total": {"totals": "false"}},
        ),
        Visual(
            name="doubts",
            kind="clusteredBarChart",
            title="What statuses rest on",
            description="Song-editions by what their status rests on: observed, official or doubtful",
            place=Place(16, 288, 232, 416),
            roles={"Category": (_entry("entry_status_basis"),), "Y": (_measure("Song-editions"),)},
            sort=(_measure("Song-editions"), "Descending"),
        ),
    ),
)

PAGES = (TODAY, SONGS, ARTISTS, HEALTH)

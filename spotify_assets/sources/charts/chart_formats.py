"""The known formats of chart files, told apart by their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.chart_text import refusal

Cells = list[str]
Record = tuple[int, Cells]
"""A row with the number of the line that it begins on."""


@dataclass(frozen=True)
class ChartFormat:
    """A known kind of chart file. Its columns are given as keys, see `column_key`; a file may have more.

    Attributes:
        name: what it is called in this project.
        position, title, artists: the columns of these.
        track_id: the column that says Spotify's id of the track; None where there is none.
        dates: the column of the chart's day, or those of year, month and day; none where the file's name has to say it.
        country: the column of the country, where the format is known by it.
        family: the column that says `top200` or `viral50`, where the format is known by it.
        blank_country: what a blank country means; None where it means nothing.
        cadence: how often its charts are made, where that is known of the format itself.
    """

    name: str
    position: str
    title: str
    artists: str
    track_id: str | None = None
    dates: tuple[str, ...] = ()
    country: str | None = None
    family: str | None = None
    blank_country: str | None = None
    cadence: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns by which the format is known."""
        columns = [self.position, self.track_id, self.title, self.artists, self.country, self.family, *self.dates]
        return [column for column in columns if column]


FORMATS = (
    ChartFormat("charts.spotify.com", "rank", "track_name", "artist_names", "uri"),
    ChartFormat("spotifycharts.com archive", "position", "track_name", "artist", "url", ("year", "month", "day")),
    ChartFormat("spotifycharts.com archive", "position", "track_name", "artist", "url", ("date",)),
    ChartFormat("spotifycharts.com", "position", "track_name", "artist", "url"),
    ChartFormat("playlist archive", "position", "song", "artist", None, ("date",)),
    ChartFormat("chart archive", "rank", "title", "artists", "track_id", ("chart_date",)),
    ChartFormat("fycharts", "position", "track_name", "artist", "spotify_id", ("date",), country="region"),
    ChartFormat("Kaggle charts", "rank", "title", "artist", "url", ("date",), country="region", family="chart"),
    ChartFormat(
        "spotifycharts package", "track_position", "track_name", "artist_name", "track_url", ("date",), "region_name"
    ),
    ChartFormat(
        "countries data set",
        "daily_rank",
        "name",
        "artists",
        "spotify_id",
        ("snapshot_date",),
        country="country",
        blank_country="global",
        cadence="daily",
    ),
)
"""The known formats. Of several that a header fits, the first counts."""
NUMBER_COLUMNS = frozenset(
    {
        *("streams", "stream_count", "peak_rank", "previous_rank", "prev_rank", "days_on_chart", "weeks_on_chart"),
        *("duration_ms", "popularity", "total_tracks"),
    }
)
"""Columns of whole numbers, positions apart."""
COUNTRY_COLUMNS = ("country", "region", "region_name")
DAY_COLUMNS = frozenset({"year", "month", "day", *(column for known in FORMATS for column in known.dates)})
"""The columns that say a chart's day."""
CADENCE_COLUMNS = {"days_on_chart": "daily", "weeks_on_chart": "weekly"}


@dataclass(frozen=True)
class Header:
    """The columns of a file, in its order: as written, and as they are looked up (`column_key`)."""

    format: ChartFormat
    names: tuple[str, ...]
    keys: tuple[str, ...]


@lru_cache(maxsize=1024)
def column_key(name: str) -> str:
    """A header name as it is looked up: `Track Name`, `track_name` and a quoted `"Track Name"` are one column."""
    return re.sub(r"\s+", "_", name.strip('\ufeff" \t').casefold())


def read_header(name: str, records: Iterator[Record], notes: list[str]) -> Header:
    """The header, which is the first record; a note that stands before it is noted.

    Raises:
        SourceRefusal: it is that of no known format, or names a column twice.
    """
    first = number, names = next(records)
    if format_of(names) is None and sum(bool(cell.strip()) for cell in names) == 1:
        # The old site put a note, alone on its line, before the header.
        notes.append(f"note before the header left out: {''.join(names).strip()}")
        number, names = next(records, first)
    format_ = format_of(names)
    if format_ is None:
        raise _unknown_header(name, *first)
    keys = tuple(map(column_key, names))
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise refusal(
            name,
            f"its header names a column twice: {', '.join(key or '(without a name)' for key in twice)}",
            why="it cannot be told which of the two is meant",
            remedy="remove or rename one of the columns",
            line=number,
        )
    return Header(format_, tuple(names), keys)


def format_of(names: Iterable[str]) -> ChartFormat | None:
    """The format that a header is of, if it is known."""
    keys = set(map(column_key, names))
    return next((known for known in FORMATS if keys.issuperset(known.columns)), None)


def _unknown_header(name: str, number: int, names: Cells) -> SourceRefusal:
    first_line = ",".join(names)
    known = "; ".join(f"{known.name} ({', '.join(known.columns)})" for known in FORMATS)
    return refusal(
        name,
        "its header is that of no known chart file",
        why=f"its first line is {first_line[:200]!r}",
        remedy=f"give a CSV file whose header has at least the columns of one of these: {known}",
        line=number,
    )


def date_columns(header: Header) -> list[int]:
    """Where the columns of the chart's day are: one, or those of year, month and day; none where the name says it."""
    # Someone may have added the day to a format that has none.
    keys = header.format.dates or (("date",) if "date" in header.keys else ())
    return [header.keys.index(key) for key in keys]

"""The SQL files: their text, what they read, and the same query for some playlists and years only.

A file is one query in Athena's (Trino's) dialect that computes its whole table, so that an analyst can run it as it
stands. What a run adds - another dialect, other names of tables, fewer rows - is added to the parsed query, never to
the text. Parsing needs sqlglot, which is imported on use: definitions load without it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.schemas.analyses import (
    ANALYSES,
    CHART_ENTRIES,
    CHART_PERIODS,
    COMPACTED,
    IDENTITY,
    SONG_HISTORY,
    SONG_IDENTITY,
)
from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES

if TYPE_CHECKING:
    from sqlglot import exp

FOLDER = Path(__file__).parent
INPUTS: Mapping[str, Table] = {**COMPACTED, **IDENTITY, **ANALYSES}
"""Every table that an analysis may read."""
ALL_YEARS = 0
"""The year of the part that holds the period `all`."""
BY_PERIOD = frozenset({"artist_analysis", "album_analysis", "genre_trends", "chart_trends"})
COMMENT = re.compile(r"--[^\n]*")
READ_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Part:
    """What is made and kept by itself: the rows of a playlist, or of one of its years.

    Attributes:
        playlist: its slug.
        year: None where a table is made by playlist. Of song_history the year of the edition; of a table of periods the
            year in which the period ends, and `ALL_YEARS` for the period `all`.
    """

    playlist: str
    year: int | None = None


@dataclass(frozen=True)
class Statement:
    """The query that makes one analysis."""

    table: Table
    text: str

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tables that it reads, in order of first mention. Found without parsing, for fast loading."""
        names = READ_TABLE.findall(COMMENT.sub("", self.text))
        return tuple(dict.fromkeys(name for name in names if name in INPUTS))

    @property
    def file(self) -> Path:
        """Where the query stands."""
        return _file(self.table.name)

    @property
    def by_period(self) -> bool:
        """Whether its rows are of periods, so that its parts are years and the whole time."""
        return self.table.name in BY_PERIOD

    @property
    def year_of_part(self) -> str | None:
        """What tells the part's year of a row, in SQL; None where parts are whole playlists."""
        if self.by_period:
            return f"case when period = 'all' then {ALL_YEARS} else year(period_end) end"
        return "year(edition_date)" if self.table is SONG_HISTORY else None

    def parts(self, playlist: str, years: Collection[int]) -> list[Part]:
        """All parts that a playlist with these years of history has."""
        if self.year_of_part is None:
            return [Part(playlist)]
        if self.by_period:
            # The newest week may end in the next year.
            return [Part(playlist, year) for year in sorted({ALL_YEARS, *years, max(years) + 1})]
        return [Part(playlist, year) for year in sorted(years)]

    def query(self) -> exp.Query:
        """The parsed query; a new tree at every call."""
        return self._parsed.copy()

    @cached_property
    def _parsed(self) -> exp.Query:
        return parse(self.text)

    def query_for(self, playlists: Collection[str] = (), years: Collection[int] = ()) -> exp.Query:
        """The query for some playlists and years (none: all): the rows that the whole query has there.

        Every column is cast to the type of the schema. Only rows that count for these parts are read.
        """
        query = self.query()
        for table in _tables_read(query):
            conditions = self._conditions(table.name, playlists, years)
            if conditions:
                text = f"SELECT * FROM {table.name} WHERE {' AND '.join(conditions)}"
                table.replace(parse(text).subquery(table.alias_or_name, copy=False))
        columns = ", ".join(f"CAST({c.name} AS {TYPES[c.type].trino}) AS {c.name}" for c in self.table.columns)
        of_years = f" WHERE {self.year_of_part} IN ({_list(years)})" if years else ""
        return parse(f"SELECT {columns} FROM whole{of_years}").with_("whole", query, copy=False)

    def _conditions(self, name: str, playlists: Collection[str], years: Collection[int]) -> list[str]:
        """Which rows of a table that is read count for these playlists and years."""
        if name == SONG_IDENTITY.name:
            return []
        conditions = [f"playlist IN ({_list(playlists)})"] if playlists else []
        if years and self.table is SONG_HISTORY and name == CHART_ENTRIES.name:
            conditions.append(_of_songs(conditions, years))
        elif years and self.by_period:
            conditions += _of_periods(name, years)
        return conditions


@lru_cache
def statement_of(name: str) -> Statement:
    """The statement of an analysis."""
    return Statement(ANALYSES[name], _file(name).read_text(encoding="utf-8"))


def _file(name: str) -> Path:
    return FOLDER / f"{name}.sql"


def statements() -> list[Statement]:
    """The statements of all analyses, each after those that it reads."""
    return [statement_of(name) for name in ANALYSES]


def _tables_read(query: exp.Query) -> list[exp.Table]:
    from sqlglot import exp

    return [table for table in query.find_all(exp.Table) if table.name in INPUTS]


def _of_songs(of_playlists: Sequence[str], years: Collection[int]) -> str:
    """All rows of the songs that these years have, whatever the rows call them: what a song did before counts."""
    in_years = " AND ".join([*of_playlists, f"year IN ({_list(years)})"])
    return (
        f"song_ref IN (SELECT song_ref FROM song_identity WHERE song_key IN (SELECT song_key FROM song_identity "
        f"WHERE song_ref IN (SELECT song_ref FROM chart_entries WHERE {in_years})))"
    )


def _of_periods(name: str, years: Collection[int]) -> list[str]:
    """Rows that count for the periods that end in these years, and for those just before, with which they compare."""
    if name == CHART_PERIODS.name:
        compared = {*years, *(year - 1 for year in years if year != ALL_YEARS)}
        return [f"case when period = 'all' then {ALL_YEARS} else year(period_end) end IN ({_list(compared)})"]
    if name == SONG_HISTORY.name and ALL_YEARS not in years:
        # A week that ends in a year may begin in the one before.
        return [f"edition_date BETWEEN date '{min(years) - 2}-12-25' AND date '{max(years)}-12-31'"]
    return []


def _list(values: Collection[str] | Collection[int]) -> str:
    return ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in sorted(values))


def parse(text: str) -> exp.Query:
    """A query in Athena's dialect."""
    import sqlglot
    from sqlglot import exp

    query = sqlglot.parse_one(text, read="athena")
    if not isinstance(query, exp.Query):
        raise TypeError(f"not a query: {text[:100]}")
    return query

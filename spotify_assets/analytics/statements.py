"""The SQL files: their text, what they read, and the same query for some playlists and years only.

A file is one query in Athena's (Trino's) dialect that computes its whole table, so that an analyst can run it as it
stands. What a run adds - another dialect, other names of tables, fewer rows - is added to the parsed query, never to
the text. Parsing needs sqlglot, which is imported on use: definitions load without it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.schemas.analyses import ANALYSES, CHART_ENTRIES, COMPACTED, SONG_HISTORY, SONG_IDENTITY
from spotify_assets.schemas.table import Table

if TYPE_CHECKING:
    from sqlglot import exp

FOLDER = Path(__file__).parent
INPUTS: Mapping[str, Table] = {**COMPACTED, SONG_IDENTITY.name: SONG_IDENTITY, **ANALYSES}
"""Every table that an analysis may read."""
TRINO_TYPES: Mapping[str, str] = {
    "string": "varchar",
    "int32": "integer",
    "int64": "bigint",
    "float64": "double",
    "bool": "boolean",
    "date": "date",
    "list<string>": "array(varchar)",
}
"""Trino's names of the types of the schemas."""
COMMENT = re.compile(r"--[^\n]*")
READ_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Part:
    """What is made and kept by itself: the rows of a playlist (a slug), and of song_history those of one year."""

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
    def by_year(self) -> bool:
        """Whether its parts are years of a playlist."""
        return self.table is SONG_HISTORY

    def query(self) -> exp.Query:
        """The parsed query; a new tree at every call."""
        return parse(self.text)

    def query_for(self, playlists: Collection[str] = (), years: Collection[int] = ()) -> exp.Query:
        """The query for some playlists and years (none: all): the rows that the whole query has there.

        Every column is cast to the type of the schema. Only the rows of these playlists are read. With years, all rows
        of the songs of these years are read, because what a song did before counts.
        """
        query = self.query()
        for table in _tables_read(query):
            restriction = _restriction(table.name, playlists, years)
            if restriction:
                text = f"SELECT * FROM {table.name} WHERE {restriction}"
                table.replace(parse(text).subquery(table.alias_or_name, copy=False))
        columns = ", ".join(f"CAST({c.name} AS {TRINO_TYPES[c.type]}) AS {c.name}" for c in self.table.columns)
        of_years = f" WHERE year(edition_date) IN ({_list(years)})" if years else ""
        return parse(f"SELECT {columns} FROM whole{of_years}").with_("whole", query)


@lru_cache
def statement_of(name: str) -> Statement:
    """The statement of an analysis."""
    return Statement(ANALYSES[name], (FOLDER / f"{name}.sql").read_text(encoding="utf-8"))


def statements() -> list[Statement]:
    """The statements of all analyses, each after those that it reads."""
    return [statement_of(name) for name in ANALYSES]


def _tables_read(query: exp.Query) -> list[exp.Table]:
    from sqlglot import exp

    return [table for table in query.find_all(exp.Table) if table.name in INPUTS]


def _restriction(name: str, playlists: Collection[str], years: Collection[int]) -> str:
    """Which rows of a table are needed for these playlists and years, as a condition; nothing if all are."""
    if name == SONG_IDENTITY.name:
        return ""
    conditions = [f"playlist IN ({_list(playlists)})"] if playlists else []
    if years and name == CHART_ENTRIES.name:
        in_years = " AND ".join([*conditions, f"year IN ({_list(years)})"])
        # Rows of the songs that these years have, whatever the rows call them.
        conditions.append(
            f"song_ref IN (SELECT song_ref FROM song_identity WHERE song_key IN (SELECT song_key FROM song_identity "
            f"WHERE song_ref IN (SELECT song_ref FROM chart_entries WHERE {in_years})))"
        )
    return " AND ".join(conditions)


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

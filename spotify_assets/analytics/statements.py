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
COMMENT = re.compile(r"--[^\n]*")
READ_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Part:
    """What is made and kept by itself: the rows of a playlist, and of song_history those of one year."""

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
        import sqlglot
        from sqlglot import exp

        return sqlglot.parse_one(self.text, read="athena", into=exp.Query)

    def query_for(self, parts: Collection[Part]) -> exp.Query:
        """The query for some playlists, all of them with the same years if any: same rows as the whole query has there.

        Only the rows of these playlists are read. With years, all rows of the songs of these years are read, because
        what a song did before counts, and only the rows of these years are given.
        """
        playlists = sorted({part.playlist for part in parts})
        years = sorted({part.year for part in parts if part.year is not None})
        query = self.query()
        of_playlists = f"playlist IN ({', '.join(map(_text, playlists))})"
        for table in _tables_read(query):
            name = table.name
            if name == SONG_IDENTITY.name:
                continue
            condition = of_playlists
            if years and name == CHART_ENTRIES.name:
                condition += f" AND {_songs_of(of_playlists, years)}"
            table.replace(_subquery(f"SELECT * FROM {name} WHERE {condition}", table.alias or name))
        if not years:
            return query
        of_years = f"year(edition_date) IN ({', '.join(map(str, years))})"
        return _parse(f"SELECT * FROM whole WHERE {of_years}").with_("whole", query)


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


def _songs_of(of_playlists: str, years: Collection[int]) -> str:
    """Rows of songs that these years have, whatever the rows call them."""
    in_years = f"{of_playlists} AND year IN ({', '.join(map(str, years))})"
    keys = (
        f"SELECT song_key FROM {SONG_IDENTITY.name} WHERE song_ref IN "
        f"(SELECT song_ref FROM {CHART_ENTRIES.name} WHERE {in_years})"
    )
    return f"(song_ref IN (SELECT song_ref FROM {SONG_IDENTITY.name} WHERE song_key IN ({keys})))"


def _parse(text: str) -> exp.Query:
    import sqlglot
    from sqlglot import exp

    return sqlglot.parse_one(text, read="athena", into=exp.Query)


def _subquery(text: str, alias: str) -> exp.Subquery:
    return _parse(text).subquery(alias, copy=False)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

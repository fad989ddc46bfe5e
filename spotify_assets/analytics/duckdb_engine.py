"""The engine that makes analyses with DuckDB, one playlist at a time, so that memory is bounded by its history.

Which files are read, and how they come from a bucket, is known to `lake_files`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain

import duckdb
import pyarrow as pa

from spotify_assets.analytics.duckdb_connection import open_connection, refusal
from spotify_assets.analytics.lake_files import LakeFiles
from spotify_assets.analytics.statements import INPUTS, Part, Statement
from spotify_assets.errors import NotStored, SchemaViolation
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.schemas.table import Table, arrow_schema
from spotify_assets.storage.layout import Year, identity_key, run_prefix, year_key
from spotify_assets.storage.parquet import encode

PART_YEAR = "of_year"
MADE = "made"
"""The table that holds what a statement made."""


@contextmanager
def open_duckdb_engine(files: LakeFiles, years: Collection[Year], memory_limit: str) -> Iterator[DuckDBEngine]:
    """An engine on a database in memory, which spills to a temporary folder beyond `memory_limit` (like `2GB`).

    Args:
        files: the lake.
        years: those of the compacted history.
        memory_limit: the most that DuckDB takes.
    """
    with open_connection(memory_limit) as connection:
        yield DuckDBEngine(files, years, connection)


class DuckDBEngine:
    """See `Engine`."""

    def __init__(self, files: LakeFiles, years: Collection[Year], connection: duckdb.DuckDBPyConnection) -> None:
        self._files = files
        self._connection = connection
        self._ready: dict[str, dict[str, list[str]]] = {}
        self._years = sorted(years)

    def write(self, statement: Statement, parts: Collection[Part], run: str) -> Mapping[Part, Mapping[str, str]]:
        """See `Engine`."""
        years: dict[str, list[int | None]] = {}
        for part in sorted(parts):
            years.setdefault(part.playlist, []).append(part.year)
        written: dict[Part, dict[str, str]] = {}
        for playlist, wanted in years.items():
            self._make(statement, playlist, tuple(year for year in wanted if year is not None))
            for year in wanted:
                part = Part(playlist, year)
                key = run_prefix(statement.table.name, run) + part_folder(part) + "part-0.parquet"
                data = encode(self._rows(statement.table, part))
                self._files.write(key, data)
                written[part] = {key: hashlib.sha256(data).hexdigest()}
            self._connection.execute(f"DROP TABLE {MADE}")
        return written

    def ready(self, table: Table, files: Mapping[Part, Sequence[str]], run: str) -> None:  # noqa: ARG002 - see Engine
        """See `Engine`."""
        found: dict[str, list[str]] = {}
        for part, keys in sorted(files.items()):
            found.setdefault(part.playlist, []).extend(keys)
        self._ready[table.name] = found

    def _make(self, statement: Statement, playlist: str, years: tuple[int, ...]) -> None:
        """Put the rows of a playlist into a table of DuckDB, which may spill, as rows in Arrow may not."""
        sources = {name: self._keys(INPUTS[name], playlist) for name in statement.inputs}
        try:
            for name, keys in sources.items():
                rows = self._source(INPUTS[name], playlist, keys)
                self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")
            self._connection.execute(f"CREATE TEMP TABLE {MADE} AS {_translated(statement, years)}")
        except (duckdb.Error, NotStored) as error:
            what = f"DuckDB did not make {statement.table.name} of {playlist}."
            read = chain.from_iterable(sources.values())
            raise refusal(what, error, self._files, read, defect_of=f"{statement.table.name}.sql") from error

    def _rows(self, table: Table, part: Part) -> pa.Table:
        """The rows of a part among those that were made, by the table's key."""
        rows = self._connection.table(MADE)
        if part.year is not None:
            rows = rows.filter(f"{PART_YEAR} = {part.year}")
        found = rows.order(", ".join(table.key)).to_arrow_table()
        _check_key(table, found)
        return _conform(table, found)

    def _keys(self, table: Table, playlist: str) -> list[str]:
        """The files that hold the rows of a playlist in a table."""
        if table.name in IDENTITY:
            return [identity_key(table.name)]
        if table.name in COMPACTED:
            return [year_key(table.name, *year) for year in self._of(playlist)]
        return self._ready[table.name].get(playlist, [])

    def _source(self, table: Table, playlist: str, keys: Sequence[str]) -> str:
        """A query for the rows that a playlist has in a table."""
        if table.name not in COMPACTED:
            return self._files.rows(table, keys)
        return " UNION ALL ".join(
            f"SELECT *, '{playlist}' AS playlist, {year.year} AS year FROM ({self._files.rows(table, [key])})"
            for year, key in zip(self._of(playlist), keys, strict=True)
        )

    def _of(self, playlist: str) -> list[Year]:
        return [year for year in self._years if year.playlist == playlist]


def part_folder(part: Part) -> str:
    """Where a part is within its run's folder, as Athena's UNLOAD names it."""
    return f"of_playlist={part.playlist}/" + ("" if part.year is None else f"of_year={part.year}/")


@cache
def _translated(statement: Statement, years: tuple[int, ...]) -> str:
    """The statement in DuckDB's dialect, its rows with the year of their part."""
    query = statement.query_for(years=years)
    if statement.year_of_part:
        query = query.select(f"{statement.year_of_part} AS {PART_YEAR}", dialect="athena", copy=False)
    return query.sql("duckdb", copy=False)


def _check_key(table: Table, rows: pa.Table) -> None:
    if rows.group_by(list(table.key)).aggregate([]).num_rows < rows.num_rows:
        raise _violation(table, f"several rows have the same {', '.join(table.key)}")


def _conform(table: Table, rows: pa.Table) -> pa.Table:
    schema = arrow_schema(table)
    lacking = [field.name for field in schema if not field.nullable and rows[field.name].null_count]
    if lacking:
        raise _violation(table, f"values are missing in {', '.join(lacking)}")
    return pa.table([rows[field.name].cast(field.type) for field in schema], schema=schema)


def _violation(table: Table, why: str) -> SchemaViolation:
    return SchemaViolation(
        f"The table {table.name} is not written.",
        why=why,
        remedy=f"this is a defect of {table.name}.sql: please report it",
    )

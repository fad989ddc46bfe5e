"""DuckDB over the lake's Parquet files, one playlist at a time, so that memory is bounded by a playlist's history.

Which files they are, and how they come from a bucket, is known to `lake_files`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain

import duckdb
import pyarrow as pa
from sqlglot import exp

from spotify_assets.analytics.lake_files import LakeFiles, open_lake_files
from spotify_assets.analytics.releases import NO_RELEASE, read_release
from spotify_assets.analytics.statements import INPUTS, Part, Statement
from spotify_assets.errors import EngineError, NotStored, SchemaViolation, StorageError
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.schemas.table import Table, arrow_schema
from spotify_assets.storage.layout import ANALYTICS_PREFIX, Year, identity_key, run_prefix, year_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import PUBLISH_AGAIN, encode, refuse_damaged

PART_YEAR = "of_year"
MADE = "made"
"""The table that holds what a statement made."""
MAX_THREADS = 4


@contextmanager
def open_duckdb_engine(files: LakeFiles, years: Collection[Year], memory_limit: str) -> Iterator[DuckDBEngine]:
    """An engine on a database in memory, which spills to a temporary folder beyond `memory_limit` (like `2GB`).

    Args:
        files: the lake.
        years: those of the compacted history.
        memory_limit: the most that DuckDB takes.
    """
    with _open(memory_limit) as connection:
        yield DuckDBEngine(files, years, connection)


def ask(store: ObjectStore, memory_limit: str, query: exp.Query) -> pa.Table:
    """The answer to a query over the released analyses, and over what the songs are taken for.

    Raises:
        EngineError: DuckDB refuses the query, or has too little memory or space for it.
        StorageError: nothing is released yet, or a file is damaged or cannot be read.
    """
    release = read_release(store)
    if release is NO_RELEASE:
        raise StorageError(
            f"There are no analyses in {store.uri(ANALYTICS_PREFIX)}.",
            why="no publish run has ended well there yet",
            remedy="run publish_job in the UI or `make demo`, and see that SPOTIFY_ASSETS_LAKE is the right lake",
        )
    with _open(memory_limit) as connection, open_lake_files(store) as files:
        tables = {**IDENTITY, **ANALYSES}
        read = sorted({table.name for table in query.find_all(exp.Table)} & tables.keys())
        keys = {name: [identity_key(name)] if name in IDENTITY else release.keys(name) for name in read}
        try:
            for name in read:
                connection.execute(f"CREATE TEMP VIEW {name} AS {files.rows(tables[name], keys[name])}")
            return connection.sql(query.sql("duckdb")).to_arrow_table()
        except (duckdb.Error, NotStored) as error:
            of_all = chain.from_iterable(keys.values())
            raise _refused("DuckDB did not answer.", error, store, of_all, defect_of="the query") from error


@contextmanager
def _open(memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that reckons as Athena does."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{memory_limit}'")
        # Every thread holds memory of its own: sixteen of them do not make ten years of a chart within 512 MB.
        connection.execute(f"SET threads = {min(MAX_THREADS, _threads(connection))}")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET TimeZone = 'UTC'")
        # Joins as the statements write them: estimates of a table of one playlist are poor, and plans by them slow.
        connection.execute("SET disabled_optimizers = 'join_order'")
        # Athena divides whole numbers to whole numbers.
        connection.execute("SET integer_division = true")
        yield connection


def _refused(what: str, error: Exception, store: ObjectStore, keys: Iterable[str], *, defect_of: str) -> EngineError:
    """The refusal for what DuckDB did not do with these files.

    Raises:
        StorageError: it is for one of them, which is damaged or not there.
    """
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(what, why=str(error), remedy="set SPOTIFY_ASSETS_MEMORY_LIMIT higher")
    refuse_damaged(store, keys, PUBLISH_AGAIN)
    if isinstance(error, duckdb.IOException):
        remedy = "see that the folder for temporary files has space, and try again"
    else:
        remedy = f"this is a defect of {defect_of}: correct it, or report it if it came with this package"
    return EngineError(what, why=str(error), remedy=remedy)


def _threads(connection: duckdb.DuckDBPyConnection) -> int:
    """How many threads DuckDB would use by itself."""
    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    return int(threads)


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
            raise _refused(what, error, self._files, read, defect_of=f"{statement.table.name}.sql") from error

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
        query = query.select(f"{statement.year_of_part} AS {PART_YEAR}", dialect="athena")
    return query.sql("duckdb")


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

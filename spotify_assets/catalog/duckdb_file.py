"""`catalog.duckdb` in the lake, with a view or table for each table of the lake, that any DuckDB client can open.

In a folder the views read the lake's Parquet files by absolute path, so new partitions are there at once. Not every
DuckDB client can read a bucket (that takes an extension and credentials), so there the file holds the rows themselves.

The file records what it was made of, in a schema of its own: the next one is made from it and from the objects that are
new since. Of a folder's file only the columns are read, once: a view has to know whether files differ in them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spotify_assets.errors import NotStored, StorageError
from spotify_assets.schemas import PARTITION_COLUMNS, TABLES, Table, arrow_schema
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.daily_files import DailyFiles
from spotify_assets.storage.layout import CATALOG_KEY, partition_key, partition_pattern, partition_values
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_all
from spotify_assets.storage.parquet import MOST_BYTES_OF_A_DAY, PUBLISH_AGAIN, decode, rebuild_again, refuse_damaged

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

STORAGE_VERSION = "v1.0.0"
"""Readable by every DuckDB since 1.0; the default of DuckDB 2 is not readable by 1.x clients."""
PARTITION_TYPES = {"playlist": "VARCHAR", "snapshot_date": "DATE", "year": "INTEGER"}
PARTITION_DESCRIPTIONS = {
    "playlist": "The playlist's slug in the playlists file",
    "snapshot_date": "The day of the snapshot in Japan; for chart files the chart's own date",
    "year": "The year of the snapshot date",
}
MADE_BY_PUBLISHING = (*COMPACTED.values(), *IDENTITY.values(), *ANALYSES.values())
"""Tables whose files a publish run makes; those of all others belong to a day."""
OBJECTS_AT_ONCE = 1000


FILES = "made_of.files"
"""Which version of which object each table is made of, and the object's columns where they matter."""
DEFINITIONS = "made_of.definitions"
"""A digest of what each view or table was defined by."""


class _File(NamedTuple):
    version: str
    columns: str


@dataclass(frozen=True)
class StoredTable:
    """A table and the objects that it consists of.

    Attributes:
        files: the version of each object, by its key; where there are partitions each key has a folder like
            `playlist=<slug>` for each of them.
        partitions: names of the partition columns, which are in the keys and not in the objects.
    """

    table: Table
    files: Mapping[str, str]
    partitions: tuple[str, ...] = ()

    def remedy(self, key: str) -> str:
        """What mends a damaged file of it."""
        return PUBLISH_AGAIN if self.table in MADE_BY_PUBLISHING else rebuild_again(key)


def stored_tables(daily: DailyFiles, history: Mapping[str, Mapping[str, str]]) -> list[StoredTable]:
    """Every table that people may ask, also those that have no object yet.

    Args:
        daily: the objects of the daily tables.
        history: the versions of the objects of the compacted history, of identity and of the released analyses,
            by table and key.
    """
    of_days = [
        StoredTable(
            table,
            {partition_key(name, *partition): version for partition, version in daily.get(name, {}).items()},
            PARTITION_COLUMNS,
        )
        for name, table in TABLES.items()
    ]
    made = [
        StoredTable(table, history.get(table.name, {}), ("playlist", "year") if table.name in COMPACTED else ())
        for table in MADE_BY_PUBLISHING
    ]
    return [*of_days, *made]


def refresh(store: ObjectStore, tables: Collection[StoredTable]) -> str:
    """Replace `catalog.duckdb` by one that knows these tables.

    Returns:
        Where the file is.

    Raises:
        StorageError: a file of a table is damaged, or the catalog could not be put in place; the old one still stands.
    """
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CATALOG_KEY
        try:
            path.write_bytes(store.read(CATALOG_KEY))
            _make(path, store, tables)
        except (NotStored, duckdb.Error):
            # None yet, or one that cannot be gone on from: of another version, or damaged.
            path.unlink(missing_ok=True)
            _make_anew(path, store, tables)
        with path.open("rb") as file:
            store.write(CATALOG_KEY, file)
    return store.uri(CATALOG_KEY)


def _make_anew(path: Path, store: ObjectStore, tables: Collection[StoredTable]) -> None:
    import duckdb

    try:
        with _open(path) as connection:
            connection.execute("CREATE SCHEMA made_of")
            names = ("table_name", "key", "version", "columns")
            connection.execute(f"CREATE TABLE {FILES} ({', '.join(f'{name} VARCHAR' for name in names)})")
            connection.execute(f"CREATE TABLE {DEFINITIONS} (name VARCHAR, definition VARCHAR)")
            for table in (FILES, DEFINITIONS):
                connection.execute(
                    f"COMMENT ON TABLE {table} IS 'What this file was made of, for the next publish run'"
                )
        _make(path, store, tables)
    except duckdb.Error as error:
        for stored in tables:
            for key in stored.files:
                refuse_damaged(store, [key], stored.remedy(key))
        raise StorageError(
            f"{CATALOG_KEY} is not brought up to date: files of the lake cannot be read.",
            why=str(error),
            remedy="see that no other run changes the lake, and run publish_job again",
        ) from error


def _make(path: Path, store: ObjectStore, tables: Collection[StoredTable]) -> None:
    """Bring a file up to date with the lake."""
    with _open(path) as connection:
        recorded = _recorded(connection)
        definitions = dict(connection.execute(f"SELECT name, definition FROM {DEFINITIONS}").fetchall())
        for stored in tables:
            known = recorded.get(stored.table.name, {})
            # Each comment by itself would go to the disk: half of the time that a small catalog takes.
            connection.begin()
            if isinstance(store, LocalObjectStore):
                _make_view(connection, store, stored, known, definitions.get(stored.table.name))
            else:
                _make_table(connection, store, stored, known, definitions.get(stored.table.name))
            connection.commit()


def _recorded(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, _File]]:
    """What the file was made of, by table and key."""
    found: dict[str, dict[str, _File]] = {}
    for name, key, version, columns in connection.execute(f"FROM {FILES}").fetchall():
        found.setdefault(name, {})[key] = _File(version, columns)
    return found


def _make_view(
    connection: duckdb.DuckDBPyConnection,
    store: LocalObjectStore,
    stored: StoredTable,
    known: Mapping[str, _File],
    definition: str | None,
) -> None:
    same = {key: file for key, file in known.items() if stored.files.get(key) == file.version}
    new = _columns_of(connection, store, sorted(stored.files.keys() - same.keys()))
    _record(connection, stored, known.keys() - same.keys(), new)
    query = _view(store, stored, {file.columns for file in same.values()} | set(new.values()))
    if definition != _definition(stored, query):
        _define(connection, stored, "VIEW", query)


def _make_table(
    connection: duckdb.DuckDBPyConnection,
    store: ObjectStore,
    stored: StoredTable,
    known: Mapping[str, _File],
    definition: str | None,
) -> None:
    query = _empty(stored)
    same = {key for key, file in known.items() if stored.files.get(key) == file.version}
    gone = set(known) - same
    if definition != _definition(stored, query) or (gone and not stored.partitions):
        _define(connection, stored, "TABLE", query)
        same, gone = set(), set(known)
    elif gone:
        _delete_rows(connection, stored, gone)
    new = sorted(stored.files.keys() - same)
    _record(connection, stored, gone, dict.fromkeys(new, ""))
    for start in range(0, len(new), OBJECTS_AT_ONCE):
        rows = _read_rows(store, stored, new[start : start + OBJECTS_AT_ONCE])
        connection.register("rows", rows)
        connection.execute(f"INSERT INTO {stored.table.name} BY NAME FROM rows")
        connection.unregister("rows")


def _define(connection: duckdb.DuckDBPyConnection, stored: StoredTable, kind: str, query: str) -> None:
    """Create a view or table, or replace it by another."""
    name = stored.table.name
    connection.execute(f"CREATE OR REPLACE {kind} {name} AS {query}")
    _describe(connection, stored, kind, name)
    _add_flat_view(connection, stored)
    connection.execute(f"DELETE FROM {DEFINITIONS} WHERE name = ?", [name])
    connection.execute(f"INSERT INTO {DEFINITIONS} VALUES (?, ?)", [name, _definition(stored, query)])


def _definition(stored: StoredTable, query: str) -> str:
    """Changes with all that a view or table is made from."""
    return hashlib.sha256(f"{query} {stored.table} {stored.partitions}".encode()).hexdigest()


def _record(
    connection: duckdb.DuckDBPyConnection, stored: StoredTable, gone: Collection[str], new: Mapping[str, str]
) -> None:
    """Take down of which objects a table is made now: some are gone, some are new, with their columns."""
    import pyarrow as pa

    name = stored.table.name
    if gone:
        connection.register("gone", pa.table({"key": pa.array(gone, pa.string())}))
        connection.execute(f"DELETE FROM {FILES} WHERE table_name = ? AND key IN (SELECT key FROM gone)", [name])
        connection.unregister("gone")
    if new:
        files = {"key": list(new), "version": [stored.files[key] for key in new], "columns": list(new.values())}
        connection.register("new", pa.table(files))
        connection.execute(f"INSERT INTO {FILES} SELECT ?, key, version, columns FROM new", [name])
        connection.unregister("new")


@contextmanager
def _open(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {_text(str(path))} AS catalog_file (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE catalog_file")
        yield connection
        connection.execute("USE memory")
        connection.execute("DETACH catalog_file")
    finally:
        connection.close()


def _columns_of(connection: duckdb.DuckDBPyConnection, store: LocalObjectStore, keys: list[str]) -> dict[str, str]:
    """The columns of each of these files, with their types."""
    if not keys:
        return {}
    found = connection.execute(
        "SELECT file_name, string_agg(name || ' ' || coalesce(duckdb_type, ''), ', ') "
        f"FROM parquet_schema({_list(store, keys)}) GROUP BY file_name"
    )
    columns = dict(found.fetchall())
    return {key: columns[store.uri(key)] for key in keys}


def _view(store: LocalObjectStore, stored: StoredTable, versions: Collection[str]) -> str:
    """A query over the table's files, which have these columns: one version where all have the same.

    A column that a file does not have yet (a new one) is null in its rows.
    """
    if not stored.files:
        return _empty(stored)
    if stored.partitions:
        # A pattern and not a list: new partitions are there at once.
        names = _text(store.uri(partition_pattern(stored.table.name, stored.partitions)))
        types = ", ".join(f"'{name}': {PARTITION_TYPES[name]}" for name in stored.partitions)
        options = f"hive_partitioning = true, hive_types = {{{types}}}"
    else:
        names = _list(store, stored.files)
        options = "hive_partitioning = false"
    if len(versions) > 1:
        # Only then: with it a query opens every file first, and holds all that it learned until its end.
        options += ", union_by_name = true"
    there = {column.split(" ")[0] for version in versions for column in version.split(", ")}
    columns = [
        column.name if column.name in there else f"CAST(NULL AS {TYPES[column.type].duckdb}) AS {column.name}"
        for column in stored.table.columns
    ]
    return f"SELECT {', '.join([*columns, *stored.partitions])} FROM read_parquet({names}, {options})"


def _empty(stored: StoredTable) -> str:
    types = {column.name: TYPES[column.type].duckdb for column in stored.table.columns}
    types |= {name: PARTITION_TYPES[name] for name in stored.partitions}
    columns = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in types.items())
    return f"SELECT {columns} WHERE false"


def _delete_rows(connection: duckdb.DuckDBPyConnection, stored: StoredTable, keys: Collection[str]) -> None:
    """Delete the rows of some partitions."""
    import pyarrow as pa

    values = [partition_values(key) for key in keys]
    connection.register("gone", pa.table({name: [of_key[name] for of_key in values] for name in stored.partitions}))
    same = " AND ".join(f"rows_of.{name} = CAST(gone.{name} AS {PARTITION_TYPES[name]})" for name in stored.partitions)
    connection.execute(f"DELETE FROM {stored.table.name} AS rows_of USING gone WHERE {same}")
    connection.unregister("gone")


def _read_rows(store: ObjectStore, stored: StoredTable, keys: list[str]) -> pa.Table:
    import pyarrow as pa

    tables = [arrow_schema(stored.table).empty_table()]
    most_bytes = None if stored.table in MADE_BY_PUBLISHING else MOST_BYTES_OF_A_DAY
    for key, data in zip(keys, read_all(store, keys), strict=True):
        rows = decode(data, store.uri(key), remedy=stored.remedy(key), most_bytes=most_bytes)
        values = partition_values(key)
        for name in stored.partitions:
            rows = rows.append_column(name, pa.array([values[name]] * rows.num_rows, pa.string()))
        tables.append(rows)
    return pa.concat_tables(tables, promote_options="permissive")


def _describe(connection: duckdb.DuckDBPyConnection, stored: StoredTable, kind: str, name: str) -> None:
    connection.execute(f"COMMENT ON {kind} {name} IS {_text(stored.table.description)}")
    descriptions = {column.name: column.description for column in stored.table.columns}
    descriptions |= {column: PARTITION_DESCRIPTIONS[column] for column in stored.partitions}
    for column, description in descriptions.items():
        connection.execute(f"COMMENT ON COLUMN {name}.{column} IS {_text(description)}")


def _add_flat_view(connection: duckdb.DuckDBPyConnection, stored: StoredTable) -> None:
    """Beside a table with lists, a view of the same rows with the lists joined to text, for tools without arrays."""
    table = stored.table
    if table.list_columns:
        joined = ", ".join(f"array_to_string({name}, ', ') AS {name}" for name in table.list_columns)
        connection.execute(f"CREATE OR REPLACE VIEW {table.name}_flat AS SELECT * REPLACE ({joined}) FROM {table.name}")
        _describe(connection, stored, "VIEW", f"{table.name}_flat")


def _list(store: LocalObjectStore, keys: Iterable[str]) -> str:
    return f"[{', '.join(_text(store.uri(key)) for key in keys)}]"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

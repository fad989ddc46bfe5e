"""The local side of the catalog: `catalog.duckdb` in the lake, with a view per table, that any DuckDB client can open.

In a folder the views read the lake's Parquet files by absolute path, so new partitions are there at once. Not every
DuckDB client can read a bucket (that takes an extension and credentials), so there the file holds the rows themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.errors import StorageError
from spotify_assets.schemas import PARTITION_COLUMNS, TABLES, Table, arrow_schema
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.layout import CATALOG_KEY, partition_key, partition_pattern, partition_values
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_all
from spotify_assets.storage.parquet import MATERIALIZE_AGAIN, PUBLISH_AGAIN, decode, refuse_damaged

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


@dataclass(frozen=True)
class StoredTable:
    """A table and the objects that it consists of.

    Attributes:
        keys: of the objects; where there are partitions each has a folder like `playlist=<slug>` for each of them.
        partitions: names of the partition columns, which are in the keys and not in the objects.
    """

    table: Table
    keys: Collection[str]
    partitions: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        """What mends a damaged file of it."""
        return PUBLISH_AGAIN if self.table in MADE_BY_PUBLISHING else MATERIALIZE_AGAIN


def stored_tables(
    lake_partitions: Mapping[str, set[tuple[str, str]]], history_keys: Mapping[str, Collection[str]]
) -> list[StoredTable]:
    """Every table that people may ask, also those that have no object yet.

    Args:
        lake_partitions: the partitions that the lake holds, by daily table: pairs of playlist and snapshot date.
        history_keys: the objects of the compacted history, of identity and of the released analyses, by table.
    """
    daily = [
        StoredTable(
            table,
            [partition_key(table.name, slug, day) for slug, day in sorted(lake_partitions.get(table.name, ()))],
            PARTITION_COLUMNS,
        )
        for table in TABLES.values()
    ]
    history = [
        StoredTable(table, history_keys.get(table.name, ()), ("playlist", "year") if table.name in COMPACTED else ())
        for table in MADE_BY_PUBLISHING
    ]
    return [*daily, *history]


def refresh(store: ObjectStore, tables: Iterable[StoredTable]) -> str:
    """Replace `catalog.duckdb` by one that knows these tables.

    Returns:
        Where the file is.

    Raises:
        StorageError: a file of a table is damaged, or the catalog could not be put in place; the old one still stands.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CATALOG_KEY
        with _open(path) as connection:
            for stored in tables:
                if stored.keys and not isinstance(store, LocalObjectStore):
                    _copy_rows(connection, store, stored)
                else:
                    query = _files(connection, store, stored) if stored.keys else _empty(stored)
                    connection.execute(f"CREATE VIEW {stored.table.name} AS {query}")
                    _describe(connection, stored, "VIEW", stored.table.name)
                _add_flat_view(connection, stored)
        store.write(CATALOG_KEY, path.read_bytes())
    return store.uri(CATALOG_KEY)


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


def _files(connection: duckdb.DuckDBPyConnection, store: ObjectStore, stored: StoredTable) -> str:
    """A query over the table's files. A column that a file does not have yet (a new one) is null in its rows."""
    import duckdb

    if stored.partitions:
        # A pattern and not a list: new partitions are there at once.
        names = _text(store.uri(partition_pattern(stored.table.name, stored.partitions)))
        types = ", ".join(f"'{name}': {PARTITION_TYPES[name]}" for name in stored.partitions)
        options = f"hive_partitioning = true, hive_types = {{{types}}}"
    else:
        names = f"[{', '.join(_text(store.uri(key)) for key in stored.keys)}]"
        options = "hive_partitioning = false"
    try:
        counts = _files_with_column(connection, names)
    except duckdb.Error as error:
        refuse_damaged(store, stored.keys, stored.remedy)
        raise StorageError(
            f"{CATALOG_KEY} is not brought up to date: files of the lake cannot be read.",
            why=str(error),
            remedy="see that no other run changes the lake, and run publish_job again",
        ) from error
    every_file = [len(stored.keys)]
    if any(counts.get(name, every_file) != every_file for name in stored.table.column_names):
        # Only then: with it a query opens every file first, and holds all that it learned until its end.
        options += ", union_by_name = true"
    columns = [
        column.name if column.name in counts else f"CAST(NULL AS {TYPES[column.type].duckdb}) AS {column.name}"
        for column in stored.table.columns
    ]
    return f"SELECT {', '.join([*columns, *stored.partitions])} FROM read_parquet({names}, {options})"


def _files_with_column(connection: duckdb.DuckDBPyConnection, names: str) -> dict[str, list[int]]:
    """How many files have a column, by its name: one number for each type that it has in them."""
    query = f"SELECT name, count(*) FROM parquet_schema({names}) GROUP BY name, duckdb_type"
    counts: dict[str, list[int]] = {}
    for name, count in connection.execute(query).fetchall():
        counts.setdefault(name, []).append(count)
    return counts


def _empty(stored: StoredTable) -> str:
    types = {column.name: TYPES[column.type].duckdb for column in stored.table.columns}
    types |= {name: PARTITION_TYPES[name] for name in stored.partitions}
    columns = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in types.items())
    return f"SELECT {columns} WHERE false"


def _copy_rows(connection: duckdb.DuckDBPyConnection, store: ObjectStore, stored: StoredTable) -> None:
    connection.execute(f"CREATE TABLE {stored.table.name} AS {_empty(stored)}")
    keys = sorted(stored.keys)
    for start in range(0, len(keys), OBJECTS_AT_ONCE):
        rows = _read_rows(store, stored, keys[start : start + OBJECTS_AT_ONCE])
        connection.register("rows", rows)
        connection.execute(f"INSERT INTO {stored.table.name} BY NAME SELECT * FROM rows")
        connection.unregister("rows")
    _describe(connection, stored, "TABLE", stored.table.name)


def _read_rows(store: ObjectStore, stored: StoredTable, keys: list[str]) -> pa.Table:
    import pyarrow as pa

    tables = [arrow_schema(stored.table).empty_table()]
    for key, data in zip(keys, read_all(store, keys), strict=True):
        rows = decode(data, store.uri(key), remedy=stored.remedy)
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
        connection.execute(f"CREATE VIEW {table.name}_flat AS SELECT * REPLACE ({joined}) FROM {table.name}")
        _describe(connection, stored, "VIEW", f"{table.name}_flat")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

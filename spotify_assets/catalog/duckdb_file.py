"""The local side of the catalog: `catalog.duckdb` in the lake, with a view per table, that any DuckDB client can open.

In a folder the views read the lake's Parquet files by absolute path, so new partitions are there at once. Not every
DuckDB client can read a bucket (that takes an extension and credentials), so there the file holds the rows themselves.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.schemas import TABLES, Table, arrow_schema
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_all

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FILE = "catalog.duckdb"
STORAGE_VERSION = "v1.0.0"
"""Readable by every DuckDB since 1.0; the default of DuckDB 2 is not readable by 1.x clients."""
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "list<string>": "VARCHAR[]",
}
PARTITION_TYPES = {"playlist": "VARCHAR", "snapshot_date": "DATE"}
PARTITION_DESCRIPTIONS = {
    "playlist": "The playlist's slug in the playlists file",
    "snapshot_date": "The day of the snapshot in Japan; for chart files the chart's own date",
}
OBJECTS_AT_ONCE = 1000


def refresh(store: ObjectStore, lake_partitions: Mapping[str, set[tuple[str, str]]]) -> str:
    """Replace `catalog.duckdb` by one that knows every table, also those that have no partition yet.

    Args:
        store: the lake.
        lake_partitions: the partitions that the lake holds, by table: pairs of playlist and snapshot date.

    Returns:
        Where the file is.

    Raises:
        StorageError: the file could not be put in place; the old one still stands.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        with _open(path) as connection:
            for table in TABLES.values():
                partitions = lake_partitions.get(table.name, set())
                if not partitions:
                    connection.execute(f"CREATE VIEW {table.name} AS {_empty(table)}")
                elif isinstance(store, LocalObjectStore):
                    connection.execute(f"CREATE VIEW {table.name} AS {_files(connection, store, table)}")
                else:
                    _copy_rows(connection, store, table, partitions)
                _describe(
                    connection,
                    table,
                    "TABLE" if partitions and not isinstance(store, LocalObjectStore) else "VIEW",
                    table.name,
                )
                _add_flat_view(connection, table)
        store.write(FILE, path.read_bytes())
    return store.uri(FILE)


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


def _files(connection: duckdb.DuckDBPyConnection, store: LocalObjectStore, table: Table) -> str:
    """A query over the table's files. A column that no file has yet (a new one) is null until a rebuild writes it."""
    pattern = _text(store.uri(f"{table.name}/playlist=*/snapshot_date=*/part-0.parquet"))
    types = ", ".join(f"'{name}': {type_}" for name, type_ in PARTITION_TYPES.items())
    files = f"read_parquet({pattern}, hive_partitioning = true, hive_types = {{{types}}}, union_by_name = true)"
    present = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()}
    columns = ", ".join(
        column.name if column.name in present else f"CAST(NULL AS {DUCKDB_TYPES[column.type]}) AS {column.name}"
        for column in table.columns
    )
    return f"SELECT {columns}, {', '.join(PARTITION_TYPES)} FROM {files}"


def _empty(table: Table) -> str:
    types = {column.name: DUCKDB_TYPES[column.type] for column in table.columns} | PARTITION_TYPES
    columns = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in types.items())
    return f"SELECT {columns} WHERE false"


def _copy_rows(
    connection: duckdb.DuckDBPyConnection, store: ObjectStore, table: Table, partitions: set[tuple[str, str]]
) -> None:
    connection.execute(f"CREATE TABLE {table.name} AS {_empty(table)}")
    ordered = sorted(partitions)
    for start in range(0, len(ordered), OBJECTS_AT_ONCE):
        rows = _read_rows(store, table, ordered[start : start + OBJECTS_AT_ONCE])
        connection.register("rows", rows)
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM rows")
        connection.unregister("rows")


def _read_rows(store: ObjectStore, table: Table, partitions: list[tuple[str, str]]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys = [f"{table.name}/playlist={slug}/snapshot_date={day}/part-0.parquet" for slug, day in partitions]
    tables = [arrow_schema(table).empty_table()]
    for (slug, day), data in zip(partitions, read_all(store, keys), strict=True):
        rows = pq.read_table(io.BytesIO(data))
        for name, value in zip(PARTITION_TYPES, (slug, day), strict=True):
            rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
        tables.append(rows)
    return pa.concat_tables(tables, promote_options="permissive")


def _describe(connection: duckdb.DuckDBPyConnection, table: Table, kind: str, name: str) -> None:
    connection.execute(f"COMMENT ON {kind} {name} IS {_text(table.description)}")
    descriptions = {column.name: column.description for column in table.columns} | PARTITION_DESCRIPTIONS
    for column, description in descriptions.items():
        connection.execute(f"COMMENT ON COLUMN {name}.{column} IS {_text(description)}")


def _add_flat_view(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Beside a table with lists, a view of the same rows with the lists joined to text, for tools without arrays."""
    if table.list_columns:
        joined = ", ".join(f"array_to_string({name}, ', ') AS {name}" for name in table.list_columns)
        connection.execute(f"CREATE VIEW {table.name}_flat AS SELECT * REPLACE ({joined}) FROM {table.name}")
        _describe(connection, table, "VIEW", f"{table.name}_flat")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

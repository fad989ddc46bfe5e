"""Parquet files of the lake as DuckDB reads them: those of a folder where they are, those of a bucket fetched once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_all


class LakeFiles:
    """The files of a lake, and a folder for those that have to be fetched: DuckDB reads no bucket by itself."""

    def __init__(self, store: ObjectStore, cache_folder: Path) -> None:
        self._store = store
        self._cache_folder = cache_folder

    def rows(self, table: Table, keys: Sequence[str]) -> str:
        """A query for the rows of a table in these files; for none without a file."""
        if not keys:
            types = ", ".join(f"CAST(NULL AS {TYPES[column.type].duckdb}) AS {column.name}" for column in table.columns)
            return f"SELECT {types} WHERE false"
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in self._paths(keys))
        return f"SELECT {', '.join(table.column_names)} FROM read_parquet([{files}], hive_partitioning = false)"

    def _paths(self, keys: Sequence[str]) -> list[Path]:
        if isinstance(self._store, LocalObjectStore):
            return [Path(self._store.uri(key)) for key in keys]
        lacking = [key for key in keys if not (self._cache_folder / key).exists()]
        for key, data in zip(lacking, read_all(self._store, lacking), strict=True):
            path = self._cache_folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return [self._cache_folder / key for key in keys]

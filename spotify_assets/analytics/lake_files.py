"""The lake as a publish run or a query uses it: files that DuckDB can read, and nothing fetched twice.

A folder's files are read where they are. DuckDB reads no bucket by itself, so what is asked of a bucket is kept in a
folder until the end. That is right only for what nobody else changes meanwhile: the daily tables have to be listed
before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, LocalObjectStore, ObjectStore, StoredObject


@contextmanager
def open_lake_files(store: ObjectStore) -> Iterator[LakeFiles]:
    """The files of a lake, with a folder for those that have to be fetched."""
    with tempfile.TemporaryDirectory() as folder:
        yield LakeFiles(store, Path(folder))


class LakeFiles:
    """An object store over another one; see `ObjectStore` for what it shares with it."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store = store
        self._folder = None if isinstance(store, LocalObjectStore) else folder

    def path(self, key: str) -> Path:
        """Where an object's bytes can be read as a file.

        Raises:
            StorageError: it is not there, or cannot be read.
        """
        if self._folder is None:
            return Path(self._store.uri(key))
        path = self._folder / key
        if not path.exists():
            _put(path, self._store.read(key))
        return path

    def rows(self, table: Table, keys: Sequence[str]) -> str:
        """A query for the rows of a table in these files; for none without a file."""
        if not keys:
            types = ", ".join(f"CAST(NULL AS {TYPES[column.type].duckdb}) AS {column.name}" for column in table.columns)
            return f"SELECT {types} WHERE false"
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in self._paths(keys))
        return f"SELECT {', '.join(table.column_names)} FROM read_parquet([{files}], hive_partitioning = false)"

    def _paths(self, keys: Sequence[str]) -> list[Path]:
        if self._folder is None:
            return [self.path(key) for key in keys]
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            return list(pool.map(self.path, keys))

    def list_keys(self, prefix: str) -> list[str]:
        """See `ObjectStore`."""
        return self._store.list_keys(prefix)

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """See `ObjectStore`."""
        return self._store.list_objects(prefix)

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        return self._store.read(key) if self._folder is None else self.path(key).read_bytes()

    def open(self, key: str) -> IO[bytes]:
        """See `ObjectStore`."""
        return self._store.open(key)

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """See `ObjectStore`."""
        self._forget(key)
        self._store.write(key, data)
        if self._folder is not None and isinstance(data, bytes):
            _put(self._folder / key, data)

    def write_over(self, before: bytes | None, key: str, data: bytes) -> bool:
        """See `ObjectStore`."""
        self._forget(key)
        return self._store.write_over(before, key, data)

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore`."""
        self._forget(target)
        self._store.copy(source, target)
        if self._folder is not None and (self._folder / source).exists():
            _put(self._folder / target, (self._folder / source).read_bytes())

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._forget(key)
        self._store.delete(key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """See `ObjectStore`."""
        for key in keys:
            self._forget(key)
        self._store.delete_all(keys)

    def uri(self, key: str) -> str:
        """See `ObjectStore`."""
        return self._store.uri(key)

    def _forget(self, key: str) -> None:
        if self._folder is not None:
            (self._folder / key).unlink(missing_ok=True)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

"""Objects by key: what a folder and a bucket have in common, and the folder. What objects mean is not known here."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

from spotify_assets.errors import NotStored, StorageError

PARALLEL_REQUESTS = 8
ABANDONED_AFTER = timedelta(days=1)
"""What nobody has finished by then belongs to a run that was killed."""


@dataclass(frozen=True)
class StoredObject:
    """An object's key, when it was last written or put there (UTC), what changes with its content, and its bytes."""

    key: str
    modified: datetime
    version: str
    size: int


class ObjectStore(Protocol):
    """Whole objects under keys like `songs/playlist=a/snapshot_date=2026-11-01/part-0.parquet`."""

    def list_keys(self, prefix: str) -> list[str]:
        """Keys that begin with `prefix` (which ends in /), sorted."""
        ...

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """As `list_keys`, with time of writing and version; costs more in a folder."""
        ...

    def read(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            NotStored: there is no such object.
            StorageError: it cannot be read.
        """
        ...

    def open(self, key: str) -> IO[bytes]:
        """The object's bytes as a file that can be sought, for what may be large.

        Raises:
            StorageError: there is no such object, or it cannot be read.
        """
        ...

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """Put the object in place whole: a reader sees the old one or the new one, never a part.

        Args:
            key: its key.
            data: its bytes, or a file that has them from where it stands to its end.

        Raises:
            StorageError: the object could not be written; the old one, if any, still stands.
        """
        ...

    def write_over(self, before: bytes | None, key: str, data: bytes) -> bool:
        """As `write`, if the object's bytes are still those of `before` (None: if there is no such object).

        Returns:
            Whether it was written; of several that try at once, one is.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Put an object in place a second time, without its bytes passing through here.

        Raises:
            StorageError: there is no such object, or it could not be written.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            StorageError: it could not be removed.
        """
        ...

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove several objects; a bucket takes a thousand with one call.

        Raises:
            StorageError: some could not be removed.
        """
        ...

    def uri(self, key: str) -> str:
        """Where the object is, for a person."""
        ...


def read_all(store: ObjectStore, keys: Iterable[str]) -> list[bytes]:
    """Read several objects at once, in the order of `keys`."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return list(pool.map(store.read, keys))


def write_all(store: ObjectStore, objects: Mapping[str, bytes]) -> None:
    """Write several objects at once. Each is old or new at any moment; together they are not one transaction."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        for _ in pool.map(store.write, objects.keys(), objects.values()):
            pass


def read_if_present(store: ObjectStore, key: str) -> bytes | None:
    """The object's bytes, or None if there is no such object."""
    try:
        return store.read(key)
    except NotStored:
        return None


def remove_abandoned(store: ObjectStore, prefix: str, before: datetime) -> list[str]:
    """Remove what was last written below `prefix` before a moment; the keys that were removed.

    Raises:
        StorageError: it cannot be listed or removed.
    """
    keys = [stored.key for stored in store.list_objects(prefix) if stored.modified < before]
    store.delete_all(keys)
    return keys


def missing(uri: str) -> NotStored:
    """The refusal for an object that is not there."""
    return NotStored(
        f"{uri} does not exist.",
        why="it was never written, or somebody removed it",
        remedy="materialize the partition that it belongs to",
    )


class LocalObjectStore:
    """A folder. Objects are written beside the lake's tables (in `.tmp`) and renamed into place."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._temporary = self._folder / ".tmp"

    def list_keys(self, prefix: str) -> list[str]:
        """See `ObjectStore`."""
        return sorted(key for key, _ in self._list(prefix))

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """See `ObjectStore`. A file that was moved here keeps its old mtime; its ctime tells when it came."""
        return sorted(
            (stored for key, entry in self._list(prefix) if (stored := _stored(key, entry))), key=lambda one: one.key
        )

    def _list(self, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
        """Keys and entries of the files below a prefix. Links are followed, but not back to where they are."""
        found: list[tuple[str, os.DirEntry[str]]] = []
        folders: list[tuple[str, frozenset[tuple[int, int]]]] = [(prefix, frozenset())]
        try:
            while folders:
                folder, above = folders.pop()
                with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
                    status = (self._folder / folder).stat()
                    itself = (status.st_dev, status.st_ino)
                    if itself in above:
                        continue
                    for entry in entries:
                        if _leads_to(entry, os.DirEntry.is_dir):
                            folders.append((f"{folder}{entry.name}/", above | {itself}))
                        elif _leads_to(entry, os.DirEntry.is_file):
                            found.append((folder + entry.name, entry))
        except OSError as error:
            raise StorageError(
                f"{self.uri(prefix)} cannot be listed.",
                why=error.strerror or str(error),
                remedy="check the permissions of the lake's folder",
            ) from error
        return found

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        with self._reading(key):
            return (self._folder / key).read_bytes()

    def open(self, key: str) -> IO[bytes]:
        """See `ObjectStore`."""
        with self._reading(key):
            return (self._folder / key).open("rb")

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """See `ObjectStore`. Bytes reach the disk before the rename, so that a power cut leaves no empty object."""
        target = self._folder / key
        temporary = self._temporary / uuid.uuid4().hex
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                shutil.copyfileobj(io.BytesIO(data) if isinstance(data, bytes) else data, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise StorageError(
                f"{self.uri(key)} cannot be written.",
                why=error.strerror or str(error),
                remedy="check free space and permissions, or set SPOTIFY_ASSETS_LAKE to another folder",
            ) from error

    def write_over(self, before: bytes | None, key: str, data: bytes) -> bool:
        """See `ObjectStore`. Who compares and writes has the folder to itself for that moment."""
        with self._reading(""):
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            unchanged = read_if_present(self, key) == before
            if unchanged:
                self.write(key, data)
            return unchanged
        finally:
            os.close(folder)

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore`. Objects are replaced and never changed in place, so a second name is enough."""
        path = self._folder / target
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.hardlink_to(self._folder / source)
        except FileNotFoundError:
            raise missing(self.uri(source)) from None
        except OSError:
            # Not every file system knows links.
            self.write(target, self.read(source))

    def delete(self, key: str) -> None:
        """See `ObjectStore`. Folders that become empty go with it."""
        path = self._folder / key
        try:
            path.unlink(missing_ok=True)
            for folder in path.relative_to(self._folder).parents[:-1]:
                (self._folder / folder).rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise StorageError(
                    f"{self.uri(key)} cannot be removed.",
                    why=error.strerror or str(error),
                    remedy="check the permissions of the lake's folder",
                ) from error

    def delete_all(self, keys: Sequence[str]) -> None:
        """See `ObjectStore`. One after the other."""
        for key in keys:
            self.delete(key)

    def uri(self, key: str) -> str:
        """See `ObjectStore`."""
        return str(self._folder / key)

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise missing(self.uri(key)) from None
        except OSError as error:
            raise StorageError(
                f"{self.uri(key)} cannot be read.",
                why=error.strerror or str(error),
                remedy="check the permissions of the lake's folder",
            ) from error


def _leads_to(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    """Whether an entry is of a kind, links followed; one that leads nowhere, or round in a circle, is of none."""
    try:
        return kind(entry)
    except OSError:
        return False


def _stored(key: str, entry: os.DirEntry[str]) -> StoredObject | None:
    """None for a file that has gone since it was listed."""
    try:
        found = entry.stat()
    except FileNotFoundError:
        return None
    # Not the ctime, which changes with permissions and names. A file that replaces another is another inode.
    version = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
    return StoredObject(key, datetime.fromtimestamp(found.st_ctime, UTC), version, found.st_size)

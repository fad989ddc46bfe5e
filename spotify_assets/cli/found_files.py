"""The chart files that a person points at: files, folders, zip archives. What may become of them is `chart_intake`."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.sources.charts.landing import SUFFIXES, Original, is_hidden
from spotify_assets.storage.object_store import LocalObjectStore

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class FoundFile:
    """A file to import. Its bytes are not kept: it is opened when they are needed.

    Attributes:
        where: what a person calls it.
        original: the file, its version being the SHA-256 of its bytes; or why there are no bytes of it.
    """

    where: str
    original: Original | Refusal


def find_files(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """The chart files at these paths: files, folders with all that is in them, and zip archives.

    A path that does not exist and an archive that cannot be read are among them, as unreadable.
    """
    for path in paths:
        if path.is_dir():
            yield from find_files(path / found for found in _files_in(path) if _is_meant(found))
        elif path.suffix.casefold() == ".zip":
            yield from _in_archive(path)
        else:
            yield _file(path)


def readable(file: FoundFile) -> Original:
    """The file, if it can be read.

    Raises:
        Refusal: why it cannot.
    """
    if isinstance(file.original, Refusal):
        raise file.original
    return file.original


def _is_meant(path: str) -> bool:
    """Whether a file in a folder or an archive is to be imported, going by its path in there."""
    return path.casefold().endswith((*SUFFIXES, ".zip")) and not is_hidden(path)


def _in_archive(path: Path) -> Iterator[FoundFile]:
    try:
        # Its members are opened as long as somebody may ask for them; the last one to go closes it.
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        yield _unreadable(str(path), str(error), remedy="give an archive that opens, or the files in it")
        return
    # Two members may have the same name: they are told apart by where in the archive they are.
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        if not member.is_dir() and _is_meant(member.filename):
            yield _member(archive, f"{path}/{member.filename}", member)


def _member(archive: zipfile.ZipFile, where: str, member: zipfile.ZipInfo) -> FoundFile:
    remedy = "unpack the archive and give the files in it"
    name = PurePosixPath(member.filename)
    if name.suffix.casefold() == ".zip":
        return _unreadable(where, "it is an archive inside an archive", remedy=remedy)
    try:
        return _found(where, name.name, partial(archive.open, member))
    # What zipfile raises for a member that is damaged, or that needs a password or a compression it does not know.
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        return _unreadable(where, str(error), remedy=remedy)


def _files_in(folder: Path) -> list[str]:
    """The paths in a folder of all files in it, as a landing folder would have them: links are followed."""
    return LocalObjectStore(folder).list_keys("")


def _file(path: Path) -> FoundFile:
    if is_hidden(path.name):
        return _unreadable(
            str(path),
            "its name begins with a dot, and hidden files count nowhere",
            remedy="rename it if it is a chart",
        )
    try:
        if path.is_file() and not path.name.casefold().endswith(SUFFIXES):
            return _of_another_name(path)
        return _found(str(path), path.name, lambda: path.open("rb"))
    except OSError as error:
        return _unreadable(str(path), error.strerror or str(error), remedy="give existing files, folders or archives")


def _of_another_name(path: Path) -> FoundFile:
    if path.name.casefold().endswith(TAR_SUFFIXES):
        return _unreadable(str(path), "by its name it is a tar archive", remedy="unpack it and give the files in it")
    return _unreadable(
        str(path),
        f"a chart file ends in {' or '.join(SUFFIXES)}; nothing else is looked for in the landing folder",
        remedy="rename it so if it is a chart file",
    )


def _found(where: str, name: str, opener: Callable[[], AbstractContextManager[IO[bytes]]]) -> FoundFile:
    with opener() as file:
        return FoundFile(where, Original(name, digest_of_bytes(file), opener))


def digest_of_bytes(file: IO[bytes]) -> str:
    """The SHA-256 of a file, from where it stands."""
    # Typeshed asks for more than a file in general has; those given here have it.
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _unreadable(where: str, why: str, *, remedy: str) -> FoundFile:
    return FoundFile(where, SourceRefusal(f"{where} cannot be read.", why=why, remedy=remedy))

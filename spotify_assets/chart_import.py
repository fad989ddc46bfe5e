"""Importing chart files: which files there are, whose each one is, and what may be put into the landing folder.

Reading a file belongs to `sources.chart_files`; turning landed files into tables is a run like any other.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.sources.chart_files import ChartEdition, ChartFile
from spotify_assets.sources.charts import ChartsSource
from spotify_assets.sources.landing import FOLDER, SUFFIXES, Original, assign, landing_key
from spotify_assets.sources.snapshot import CHARTS
from spotify_assets.storage.object_store import ObjectStore


@dataclass(frozen=True)
class FoundFile:
    """A file to import. Its bytes are not kept: it is opened when they are needed.

    Attributes:
        where: what a person calls it.
        original: the file, its version being the SHA-256 of its bytes; or why there are no bytes of it.
    """

    where: str
    original: Original | Refusal


@dataclass(frozen=True)
class Verdict:
    """What becomes of a file: its playlist and chart when it may be imported, or why it is refused."""

    file: FoundFile
    playlist: PlaylistSettings | None = None
    chart: ChartFile | None = None
    refusal: Refusal | None = None

    @property
    def slug(self) -> str | None:
        """The playlist's name."""
        return self.playlist.slug if self.playlist else None

    @property
    def days(self) -> list[date]:
        """The days that it holds."""
        return [edition.chart_date for edition in self.chart.editions] if self.chart else []

    @property
    def missing_days(self) -> list[str]:
        """The spans of days between its first and its last that a file for a daily chart leaves out."""
        if self.playlist is None or self.playlist.cadence == "weekly":
            return []
        one = timedelta(days=1)
        holes = [(before + one, after - one) for before, after in pairwise(sorted(self.days)) if after - before > one]
        return [f"{first}" if first == last else f"{first} to {last}" for first, last in holes]


def find_files(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """The chart files at these paths: files, folders with all that is in them, and zip archives.

    A path that does not exist and an archive that cannot be read are among them, as unreadable.
    """
    for path in paths:
        if path.is_dir():
            yield from find_files(sorted(found for found in path.rglob("*") if found.is_file() and _is_meant(found)))
        elif path.suffix.casefold() == ".zip":
            yield from _in_archive(path)
        else:
            yield _file(path)


def judge(files: Iterable[FoundFile], settings: Settings, store: ObjectStore, slug: str | None) -> list[Verdict]:
    """Decide about each file; nothing is written.

    A file is refused when it cannot be read, when it is not certain whose it is, when the partitions begin after one of
    its days or the day is in the future, and when another file, landed already or before it in this import, says
    something else about one of its days, or has its name and other content.
    """
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    landed = ChartsSource(store, playlists)
    taken: dict[str, str | None] = dict.fromkeys(store.list_keys(FOLDER))
    accepted: dict[tuple[str, date], dict[str, ChartEdition]] = {}
    verdicts = []
    for file in files:
        try:
            original = _readable(file)
            playlist, chart, _ = assign(original, playlists, slug)
            key = landing_key(playlist.slug, original.name)
            _check_days(file, chart, settings.start)
            if key in taken:
                _check_same_content(file.where, original, key, taken[key] or _digest_of_object(store, key))
            for edition in chart.editions:
                before = accepted.get((playlist.slug, edition.chart_date), {})
                _check_same(file, edition, before | landed.editions(playlist, edition.chart_date))
            accepted |= {(playlist.slug, edition.chart_date): {file.where: edition} for edition in chart.editions}
            taken[key] = original.version
            verdicts.append(Verdict(file, playlist, chart))
        except Refusal as refusal:
            verdicts.append(Verdict(file, refusal=refusal))
    return verdicts


def land(verdicts: Iterable[Verdict], store: ObjectStore) -> dict[str, list[date]]:
    """Keep the originals of the accepted files in the landing folder; the days that they hold, by playlist.

    Raises:
        SourceRefusal: a file was changed since it was judged; it and those after it are not kept.
    """
    days: dict[str, set[date]] = {}
    for verdict in verdicts:
        if verdict.slug is not None:
            _keep(_readable(verdict.file), verdict.slug, store)
            days.setdefault(verdict.slug, set()).update(verdict.days)
    return {slug: sorted(found) for slug, found in days.items()}


def _keep(original: Original, slug: str, store: ObjectStore) -> None:
    with original.open() as file:
        if _digest(file) != original.version:
            raise SourceRefusal(
                f"{original.name} is not imported.",
                why="it was changed while this import was reading it",
                remedy="wait until it is complete, then import again",
            )
        file.seek(0)
        store.write(landing_key(slug, original.name), file)


def _readable(file: FoundFile) -> Original:
    if isinstance(file.original, Refusal):
        raise file.original
    return file.original


def _is_meant(path: PurePath) -> bool:
    """Whether a file in a folder or an archive is to be imported; macOS puts a shadow beside each file."""
    return path.name.casefold().endswith((*SUFFIXES, ".zip")) and not path.name.startswith("._")


def _in_archive(path: Path) -> Iterator[FoundFile]:
    try:
        # Its members are opened as long as somebody may ask for them; the last one to go closes it.
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        yield _unreadable(str(path), str(error), remedy="give an archive that opens, or the files in it")
        return
    members = [PurePosixPath(member) for member in sorted(archive.namelist()) if not member.endswith("/")]
    for member in filter(_is_meant, members):
        yield _member(archive, f"{path}/{member}", member)


def _member(archive: zipfile.ZipFile, where: str, member: PurePosixPath) -> FoundFile:
    remedy = "unpack the archive and give the files in it"
    if member.suffix.casefold() == ".zip":
        return _unreadable(where, "it is an archive inside an archive", remedy=remedy)
    try:
        return _found(where, member.name, partial(archive.open, str(member)))
    # What zipfile raises for a member that is damaged, or that needs a password or a compression it does not know.
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        return _unreadable(where, str(error), remedy=remedy)


def _file(path: Path) -> FoundFile:
    if path.is_file() and not path.name.casefold().endswith(SUFFIXES):
        return _unreadable(
            str(path),
            f"a chart file ends in {' or '.join(SUFFIXES)}; nothing else is looked for in the landing folder",
            remedy="rename it so if it is a chart file",
        )
    try:
        return _found(str(path), path.name, lambda: path.open("rb"))
    except OSError as error:
        return _unreadable(str(path), error.strerror or str(error), remedy="give existing files, folders or archives")


def _found(where: str, name: str, opener: Callable[[], AbstractContextManager[IO[bytes]]]) -> FoundFile:
    with opener() as file:
        return FoundFile(where, Original(name, _digest(file), opener))


def _digest(file: IO[bytes]) -> str:
    # Typeshed asks for more than a file in general has; those given here have it.
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _digest_of_object(store: ObjectStore, key: str) -> str:
    with store.open(key) as file:
        return _digest(file)


def _unreadable(where: str, why: str, *, remedy: str) -> FoundFile:
    return FoundFile(where, SourceRefusal(f"{where} cannot be read.", why=why, remedy=remedy))


def _check_days(file: FoundFile, chart: ChartFile, start: date) -> None:
    first, last = (edge(edition.chart_date for edition in chart.editions) for edge in (min, max))
    if first < start:
        raise SourceRefusal(
            f"{file.where} holds {first}, which is before the first partition, {start}.",
            why="`start` in the playlists file says where the partitions begin",
            remedy=f"set `start` to {first} or earlier, then import again",
        )
    if last > today_in_japan():
        raise SourceRefusal(
            f"{file.where} holds {last}, which is in the future.",
            why=f"in Japan it is {today_in_japan()}",
            remedy="correct the date in the file or in its name",
        )


def _check_same_content(where: str, original: Original, key: str, digest: str) -> None:
    if original.version != digest:
        raise SourceRefusal(
            f"{where} is not kept as {key}: there is a file of that name with other content.",
            why="nothing is overwritten silently",
            remedy="rename this file, or remove the other one if this one is to replace it",
        )


def _check_same(file: FoundFile, edition: ChartEdition, others: dict[str, ChartEdition]) -> None:
    for where, other in others.items():
        if other.digest != edition.digest:
            raise SourceRefusal(
                f"{file.where} and {where} both hold {edition.chart_date}, and they differ.",
                why="only one of them can be that day's chart",
                remedy="import the right one alone; if the wrong one has landed, remove it from there first",
            )

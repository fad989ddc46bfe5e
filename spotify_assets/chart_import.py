"""Importing chart files: which files there are, whose each one is, and what may be put into the landing folder.

Reading a file belongs to `sources.chart_files`; turning landed files into tables is a run like any other.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path, PurePath, PurePosixPath

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.sources.chart_files import ChartEdition, ChartFile
from spotify_assets.sources.charts import ChartsSource
from spotify_assets.sources.landing import FOLDER, SUFFIXES, assign, landing_key
from spotify_assets.sources.snapshot import CHARTS
from spotify_assets.storage.object_store import ObjectStore


@dataclass(frozen=True)
class FoundFile:
    """A file to import; `where` is what a person calls it, `unreadable` says why there are no bytes of it."""

    where: str
    name: str
    data: bytes = b""
    unreadable: Refusal | None = None


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
    kept: dict[str, bytes | None] = dict.fromkeys(store.list_keys(FOLDER))
    accepted: dict[tuple[str, date], dict[str, ChartEdition]] = {}
    verdicts = []
    for file in files:
        try:
            if file.unreadable:
                raise file.unreadable
            playlist, chart = assign(file.name, file.data, playlists, slug)
            key = landing_key(playlist.slug, file.name)
            _check_days(file, chart, settings.start)
            _check_name(file, store, key, kept)
            for edition in chart.editions:
                before = accepted.get((playlist.slug, edition.chart_date), {})
                _check_same(file, edition, before | landed.editions(playlist, edition.chart_date))
            accepted |= {(playlist.slug, edition.chart_date): {file.where: edition} for edition in chart.editions}
            kept[key] = file.data
            verdicts.append(Verdict(file, playlist, chart))
        except Refusal as refusal:
            verdicts.append(Verdict(file, refusal=refusal))
    return verdicts


def land(verdicts: Iterable[Verdict], store: ObjectStore) -> dict[str, list[date]]:
    """Keep the originals of the accepted files in the landing folder; the days that they hold, by playlist."""
    days: dict[str, set[date]] = {}
    for verdict in verdicts:
        if verdict.slug is not None:
            store.write(landing_key(verdict.slug, verdict.file.name), verdict.file.data)
            days.setdefault(verdict.slug, set()).update(verdict.days)
    return {slug: sorted(found) for slug, found in days.items()}


def _is_meant(path: PurePath) -> bool:
    """Whether a file in a folder or an archive is to be imported; macOS puts a shadow beside each file."""
    return path.name.casefold().endswith((*SUFFIXES, ".zip")) and not path.name.startswith("._")


def _in_archive(path: Path) -> Iterator[FoundFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [PurePosixPath(member) for member in sorted(archive.namelist()) if not member.endswith("/")]
            for member in filter(_is_meant, members):
                yield _member(archive, f"{path}/{member}", member)
    except (OSError, zipfile.BadZipFile) as error:
        yield _unreadable(str(path), path.name, str(error), remedy="give an archive that opens, or the files in it")


def _member(archive: zipfile.ZipFile, where: str, member: PurePosixPath) -> FoundFile:
    remedy = "unpack the archive and give the files in it"
    if member.suffix.casefold() == ".zip":
        return _unreadable(where, member.name, "it is an archive inside an archive", remedy=remedy)
    try:
        return FoundFile(where, member.name, archive.read(str(member)))
    # What zipfile raises for a member that is damaged, or that needs a password or a compression it does not know.
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        return _unreadable(where, member.name, str(error), remedy=remedy)


def _file(path: Path) -> FoundFile:
    try:
        return FoundFile(str(path), path.name, path.read_bytes())
    except OSError as error:
        why = error.strerror or str(error)
        return _unreadable(str(path), path.name, why, remedy="give existing files, folders or archives")


def _unreadable(where: str, name: str, why: str, *, remedy: str) -> FoundFile:
    return FoundFile(where, name, unreadable=SourceRefusal(f"{where} cannot be read.", why=why, remedy=remedy))


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


def _check_name(file: FoundFile, store: ObjectStore, key: str, kept: Mapping[str, bytes | None]) -> None:
    """Refuse a name that other content has; `kept` has the bytes of what was accepted before it in this import."""
    if key not in kept:
        return
    before = kept[key]
    if (store.read(key) if before is None else before) != file.data:
        raise SourceRefusal(
            f"{file.where} is not kept as {key}: there is a file of that name with other content.",
            why="nothing is overwritten silently",
            remedy="rename this file, or remove the other one if this one is to replace it",
        )


def _check_same(file: FoundFile, edition: ChartEdition, others: dict[str, ChartEdition]) -> None:
    for where, other in others.items():
        if other.rows != edition.rows:
            raise SourceRefusal(
                f"{file.where} and {where} both hold {edition.chart_date}, and they differ.",
                why="only one of them can be that day's chart",
                remedy="import the right one alone; if the wrong one has landed, remove it from there first",
            )

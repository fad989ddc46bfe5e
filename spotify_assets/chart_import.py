"""Importing chart files: which files there are, whose each one is, and what may be put into the landing folder.

Reading a file belongs to `sources.chart_files`; turning landed files into tables is a run like any other.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import Settings
from spotify_assets.sources.chart_files import ChartEdition, ChartFile
from spotify_assets.sources.charts import ChartsSource
from spotify_assets.sources.landing import SUFFIXES, assign, landing_key
from spotify_assets.sources.snapshot import CHARTS
from spotify_assets.storage.object_store import ObjectStore


@dataclass(frozen=True)
class FoundFile:
    """A file to import; `where` is what a person calls it."""

    where: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Verdict:
    """What becomes of a file: its playlist and chart when it may be imported, or why it is refused."""

    file: FoundFile
    slug: str | None = None
    chart: ChartFile | None = None
    refusal: Refusal | None = None

    @property
    def days(self) -> list[date]:
        """The days that it holds."""
        return [edition.chart_date for edition in self.chart.editions] if self.chart else []


def find_files(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """The chart files at these paths: files, folders with all that is in them, and zip archives.

    Raises:
        SourceRefusal: a path does not exist, or an archive cannot be read.
    """
    for path in paths:
        if path.is_dir():
            inside = sorted(found for found in path.rglob("*") if found.name.casefold().endswith((*SUFFIXES, ".zip")))
            yield from find_files(inside)
        elif path.suffix.casefold() == ".zip":
            yield from _in_archive(path)
        else:
            yield FoundFile(str(path), path.name, _bytes_of(path))


def judge(files: Iterable[FoundFile], settings: Settings, store: ObjectStore, slug: str | None) -> list[Verdict]:
    """Decide about each file; nothing is written.

    A file is refused when it cannot be read, when it is not certain whose it is, when the partitions begin after one of
    its days or the day is in the future, and when another file, landed already or before it in this import, says
    something else about one of its days, or has its name and other content.
    """
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    landed = ChartsSource(store, playlists)
    kept = set(store.list_keys("landing/charts/"))
    accepted: dict[tuple[str, date], dict[str, ChartEdition]] = {}
    verdicts = []
    for file in files:
        try:
            playlist, chart = assign(file.name, file.data, playlists, slug)
            _check_days(file, chart, settings.start)
            _check_name(file, store, landing_key(playlist.slug, file.name), kept)
            for edition in chart.editions:
                before = accepted.get((playlist.slug, edition.chart_date), {})
                _check_same(file, edition, before | landed.editions(playlist, edition.chart_date))
            accepted |= {(playlist.slug, edition.chart_date): {file.where: edition} for edition in chart.editions}
            verdicts.append(Verdict(file, playlist.slug, chart))
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


def _in_archive(path: Path) -> Iterator[FoundFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                if member.casefold().endswith(SUFFIXES) and not member.startswith("__MACOSX/"):
                    yield FoundFile(f"{path}/{member}", member.rsplit("/", 1)[-1], archive.read(member))
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceRefusal(
            f"{path} cannot be read.", why=str(error), remedy="give an archive that opens, or the files in it"
        ) from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceRefusal(
            f"{path} cannot be read.",
            why=error.strerror or str(error),
            remedy="give existing files, folders or archives",
        ) from error


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


def _check_name(file: FoundFile, store: ObjectStore, key: str, kept: set[str]) -> None:
    if key in kept and store.read(key) != file.data:
        raise SourceRefusal(
            f"{file.where} is not kept as {key}: there is a file of that name with other content.",
            why="nothing is overwritten silently",
            remedy="rename this file, or remove the landed one if this one is to replace it",
        )


def _check_same(file: FoundFile, edition: ChartEdition, others: dict[str, ChartEdition]) -> None:
    for where, other in others.items():
        if other.rows != edition.rows:
            raise SourceRefusal(
                f"{file.where} and {where} both hold {edition.chart_date}, and they differ.",
                why="only one of them can be that day's chart",
                remedy="import the right one alone; if the wrong one has landed, remove it from there first",
            )

"""Importing chart files: which files there are, whose each one is, and what may be put into the landing folder.

Reading a file belongs to `sources.chart_files`; turning landed files into tables is a run like any other.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import CHARTS
from spotify_assets.sources.charts.chart_files import ChartFile
from spotify_assets.sources.charts.charts_source import ChartsSource
from spotify_assets.sources.charts.edition_checks import ChartEdition
from spotify_assets.sources.charts.landing import SUFFIXES, Original, assign, is_hidden
from spotify_assets.storage.layout import LANDING_PREFIX, landing_key
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
THURSDAY = 3
ONE_CHART_A_DAY = "only one of them can be that day's chart"


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
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        if self.playlist is None or self.chart is None:
            return []
        weekdays = _notes_on_weekdays(self.days) if self.playlist.cadence == "weekly" else []
        missing = [f"no chart for {', '.join(self.missing_days)}"] if self.missing_days else []
        return [*self.chart.notes, *weekdays, *missing]

    @property
    def missing_days(self) -> list[str]:
        """The spans of days between its first and its last that it leaves out; of a weekly chart, the ends of weeks."""
        if self.playlist is None:
            return []
        step = timedelta(weeks=1) if self.playlist.cadence == "weekly" else timedelta(days=1)
        spans = []
        for before, after in pairwise(sorted(self.days)):
            # Now and then a week is dated a day early or late.
            missing = round((after - before) / step) - 1
            if missing > 0:
                first, last = before + step, before + missing * step
                spans.append(f"{first}" if first == last else f"{first} to {last}")
        return spans


class _Landed(NamedTuple):
    """What the landing folder holds: the keys of all objects, and the charts of the files."""

    store: ObjectStore
    keys: frozenset[str]
    charts: ChartsSource


class _Claim(NamedTuple):
    """What only one file of a playlist can say, or several that agree; with what to say of those that do not."""

    slug: str
    said: str
    why: str
    remedy: str


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


def judge(files: Iterable[FoundFile], settings: Settings, store: ObjectStore, slug: str | None) -> list[Verdict]:
    """Decide about each file; nothing is written.

    A file is refused when it cannot be read, when it is not certain whose it is, when the partitions begin after one of
    its days or the day is in the future, and when a file that landed already says something else about one of its days,
    or has its name and other content. Two files of this import that contradict each other so are both refused, in
    whatever order they are given: nobody but a person knows which is right.
    """
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    landed = _Landed(store, frozenset(store.list_keys(LANDING_PREFIX)), ChartsSource(store, playlists))
    return _compared([_judge_alone(file, settings.start, playlists, slug, landed) for file in files])


def _judge_alone(
    file: FoundFile, start: date, playlists: Sequence[PlaylistSettings], slug: str | None, landed: _Landed
) -> Verdict:
    """Decide about a file without regard to the others of the import."""
    try:
        original = _readable(file)
        playlist, chart, _ = assign(original, playlists, slug)
        _check_days(file, chart, start)
        key = landing_key(playlist.slug, original.name)
        if key in landed.keys:
            _check_same_content(file.where, original, key, _digest_of_object(landed.store, key))
        for edition in chart.editions:
            _check_same(file, edition, _landed_editions(file, landed.charts, playlist, edition.chart_date))
    except Refusal as refusal:
        return Verdict(file, refusal=refusal)
    return Verdict(file, playlist, chart)


def _compared(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts with those files refused that contradict each other."""
    contents: dict[_Claim, dict[bytes | str, str]] = {}
    for verdict in verdicts:
        for claim, content in _claims(verdict):
            files = contents.setdefault(claim, {})
            files[content] = min(verdict.file.where, files.get(content, verdict.file.where))
    return [_compare(verdict, contents) for verdict in verdicts]


def _compare(verdict: Verdict, contents: Mapping[_Claim, Mapping[bytes | str, str]]) -> Verdict:
    for claim, content in _claims(verdict):
        others = [where for other, where in contents[claim].items() if other != content]
        if others:
            what = f"{verdict.file.where} and {min(others)} both {claim.said}, and they differ."
            return Verdict(verdict.file, refusal=SourceRefusal(what, why=claim.why, remedy=claim.remedy))
    return verdict


def _claims(verdict: Verdict) -> Iterator[tuple[_Claim, bytes | str]]:
    """What a file that may be imported says, with what tells it from another that says something else."""
    if verdict.playlist is None or verdict.chart is None:
        return
    slug, original = verdict.playlist.slug, _readable(verdict.file)
    for edition in verdict.chart.editions:
        yield _Claim(slug, f"hold {edition.chart_date}", ONE_CHART_A_DAY, "import the right one alone"), edition.digest
    yield _Claim(slug, f"are called {original.name}", "nothing is overwritten silently", "rename one"), original.version


def _notes_on_weekdays(days: Iterable[date]) -> list[str]:
    """Which weeks of a weekly chart do not end as they should: a line for each weekday that they end on."""
    by_weekday: dict[str, list[date]] = {}
    for day in days:
        if day.weekday() != THURSDAY:
            by_weekday.setdefault(f"{day:%A}", []).append(day)
    return [
        f"{found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''}: a {weekday}; "
        "the weeks of Spotify's charts end on a Thursday"
        for weekday, found in by_weekday.items()
    ]


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


def _landed_editions(
    file: FoundFile, landed: ChartsSource, playlist: PlaylistSettings, day: date
) -> dict[str, ChartEdition]:
    try:
        return landed.editions(playlist, day)
    except SourceRefusal as refusal:
        raise SourceRefusal(
            f"{file.where} cannot be compared with what has landed for {playlist.slug}.",
            why=f"{refusal.what.removesuffix('.')} ({refusal.why})",
            remedy=f"remove that landed file, or put it right: {refusal.remedy}; then import again",
        ) from refusal


def _check_same(file: FoundFile, edition: ChartEdition, others: dict[str, ChartEdition]) -> None:
    for where, other in others.items():
        if other.digest != edition.digest:
            raise SourceRefusal(
                f"{file.where} and {where} both hold {edition.chart_date}, and they differ.",
                why=ONE_CHART_A_DAY,
                remedy="if the wrong one has landed, remove it from there first, then import the right one",
            )

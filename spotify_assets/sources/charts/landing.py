"""The landing folder: chart files that a person downloaded, and which playlist and days each one is for.

`landing/charts/<file>` for files that name their chart, `landing/charts/<slug>/<file>` for those put there for one
playlist. The files stay as they were put; what they say becomes raw snapshots (`charts`). Reading one is `chart_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from typing import IO, NamedTuple

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.charts.chart_files import (
    ChartFile,
    FileContent,
    NoSuchChart,
    SeveralCharts,
    read_chart_file,
)
from spotify_assets.sources.charts.edition_rows import EditionRows
from spotify_assets.sources.charts.file_names import chart_and_day_in_name
from spotify_assets.storage.layout import LANDING_PREFIX
from spotify_assets.storage.object_store import ObjectStore, StoredObject

REMEMBERED_FILES = 8
"""How many read files a process keeps: an import is many runs, and each looks into the same landed file. Of each it is
some bytes a day in memory; the rows are on disk."""
SHORTEST_WEEK = timedelta(days=6)
"""How near to each other two weekly charts can be: now and then one is dated a day early or late."""
SUFFIXES = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Original:
    """A chart file as it was downloaded, wherever it lies.

    Attributes:
        name: its name, which may say its chart and day.
        version: what tells its content from any other that is or was there.
        open: gives its bytes, any number of times.
    """

    name: str
    version: str
    open: Callable[[], AbstractContextManager[IO[bytes]]] = field(compare=False, repr=False)


@dataclass(frozen=True)
class LandedFile:
    """One file of the landing folder.

    Attributes:
        slug: the playlist that it was put there for, if any.
        chart: the chart that its name says, if any.
        day: the one day that its name says; None where only its rows tell the days.
    """

    stored: StoredObject
    original: Original
    slug: str | None
    chart: str | None
    day: date | None


class LandingFolder(NamedTuple):
    """The chart files of the landing folder, and what is never read there and why. Hidden files do not count."""

    files: list[LandedFile]
    others: list[str]


def landed_files(store: ObjectStore) -> list[LandedFile]:
    """The chart files of the landing folder, in order of their keys."""
    return look_into_landing(store).files


def look_into_landing(store: ObjectStore) -> LandingFolder:
    """What the landing folder holds, in order of keys."""
    files, others = [], []
    for stored in store.list_objects(LANDING_PREFIX):
        path = stored.key.removeprefix(LANDING_PREFIX)
        *folders, name = path.split("/")
        if is_hidden(path):
            continue
        if not _is_text(path):
            others.append(f"{stored.key!a} (its name is not UTF-8)")
        elif name.casefold().endswith(SUFFIXES):
            original = Original(name, f"{store.uri(stored.key)} {stored.version}", partial(store.open, stored.key))
            files.append(LandedFile(stored, original, folders[0] if folders else None, *chart_and_day_in_name(name)))
        else:
            others.append(f"{stored.key} (a chart file ends in {' or '.join(SUFFIXES)})")
    return LandingFolder(files, others)


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder that it is in, has a name that begins with a dot.

    Systems and programs put such files beside those that people mean: `._a.csv` and `__MACOSX/._a.csv` (macOS),
    `.#a.csv` (an editor's lock), `.ipynb_checkpoints/a.csv`. They count nowhere.
    """
    return any(part.startswith(".") and part not in {".", ".."} for part in path.split("/"))


def _is_text(path: str) -> bool:
    """Whether a path can be written down: a name in another encoding than UTF-8 cannot (PEP 383)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


class Share(NamedTuple):
    """A chart of a file, whose it is, and the rows of the file."""

    playlist: PlaylistSettings
    chart: ChartFile
    rows: EditionRows


def problem_with(key: str, refusal: Refusal) -> str:
    """What is wrong with a landed file, in a line."""
    return f"{key}: {refusal.what} Why: {refusal.why}. What to do: {refusal.remedy}."


def share_out(original: Original, playlists: Sequence[PlaylistSettings], slug: str | None) -> list[Share]:
    """Read a chart file and tell whose it is: the named playlist's, else of each whose chart or country it names.

    A file of several countries goes to the playlists of these; what no playlist takes is left out. What names no chart
    goes to the playlist that it fits by country, kind and cadence, if there is only one.

    Args:
        original: the file.
        playlists: the playlists of source `charts`.
        slug: the playlist that somebody named for it, if any.

    Returns:
        At least one share, in the order of `playlists`.

    Raises:
        SourceRefusal: the file cannot be read, or it is not certain whose it is; the choices are named.
    """
    if slug is not None:
        named = next((playlist for playlist in playlists if playlist.slug == slug), None)
        if named is None:
            raise _unassigned(original.name, f"there is no playlist {slug!r} of source charts", playlists)
        share = _share(_read(original, None), original, named)
        _check(share.chart, named)
        return [share]
    content = _read(original, None)
    found = list(_matching(content, original, playlists))
    fitting = [share for share in found if _fits(share)]
    if fitting and len({share.chart.number for share in fitting}) == len(fitting):
        return fitting
    if len(found) == 1:
        _check(found[0].chart, found[0].playlist)
    try:
        # Without a country, a damaged file says so itself.
        chart_file = content.of()
    except SeveralCharts as refusal:
        said = refusal.what.removeprefix(f"{original.name}: ").removesuffix(".")
        raise _unassigned(original.name, said, playlists) from None
    if chart_file.chart:
        raise _unassigned(
            original.name,
            f"it says it is {chart_file.chart}",
            playlists,
            remedy=f"add a playlist with `chart: {chart_file.chart}`, or rename the file if its name is wrong, and "
            "name its playlist with --playlist",
        )
    says = " ".join(filter(None, (chart_file.country, chart_file.cadence)))
    raise _unassigned(
        original.name, f"it says it is {says}" if says else "it says neither chart nor country", playlists
    )


@lru_cache(REMEMBERED_FILES)
def _read(original: Original, cadence: str | None) -> FileContent:
    with original.open() as file:
        return read_chart_file(original.name, file, cadence=cadence)


def _share(content: FileContent, original: Original, playlist: PlaylistSettings) -> Share:
    """What a playlist gets of a file.

    Raises:
        NoSuchChart: the file has no chart of that country and kind.
        SourceRefusal: that chart cannot be used.
    """
    chart = content.of(playlist.country, playlist.kind)
    if chart.cadence is None and playlist.cadence == "weekly":
        # Its days are those of weeks, which the file does not say.
        content = _read(original, "weekly")
        chart = content.of(playlist.country, playlist.kind)
    return Share(playlist, chart, content.rows)


def _matching(content: FileContent, original: Original, playlists: Sequence[PlaylistSettings]) -> Iterator[Share]:
    """The playlists that a file can be for, going by the chart, or the country and kind, that it names, if any."""
    named = content.named
    for playlist in playlists:
        if named.chart not in (None, playlist.chart) or named.kind not in (None, playlist.kind):
            continue
        try:
            share = _share(content, original, playlist)
        except NoSuchChart:
            continue
        if named.chart or share.chart.country in (None, playlist.country):
            yield share


def _fits(share: Share) -> bool:
    try:
        _check(share.chart, share.playlist)
    except SourceRefusal:
        return False
    return True


def _check(chart_file: ChartFile, playlist: PlaylistSettings) -> None:
    """Refuse a file that names another chart, or is not of the playlist's cadence."""
    _check_cadence(chart_file, playlist)
    _check_chart(chart_file, playlist)
    _check_weeks(chart_file, playlist)


def _check_cadence(chart_file: ChartFile, playlist: PlaylistSettings) -> None:
    if chart_file.cadence not in (None, playlist.cadence):
        raise SourceRefusal(
            f"{chart_file.name} is a {chart_file.cadence} chart; {playlist.slug} is {playlist.cadence}.",
            why="days and weeks cannot be one history",
            remedy="name a playlist of that cadence, or add one to the playlists file",
        )


def _check_chart(chart_file: ChartFile, playlist: PlaylistSettings) -> None:
    if chart_file.chart not in (None, playlist.chart):
        raise SourceRefusal(
            f"{chart_file.name} is the chart {chart_file.chart}; {playlist.slug} is {playlist.chart}.",
            why="its name says so, and two charts cannot be one history",
            remedy="name a playlist of that chart, or rename the file if its name is wrong",
        )


def _check_weeks(chart_file: ChartFile, playlist: PlaylistSettings) -> None:
    """Refuse daily charts that do not say so for a weekly playlist: their days tell."""
    days = [edition.chart_date for edition in chart_file.editions]
    near = [(before, after) for before, after in pairwise(days) if after - before < SHORTEST_WEEK]
    if playlist.cadence == "weekly" and near:
        before, after = near[0]
        raise SourceRefusal(
            f"{chart_file.name} holds {before} and {after}, and {playlist.slug} is weekly.",
            why="charts so near to each other are not those of weeks; days and weeks cannot be one history",
            remedy="name a playlist of daily charts, or add one to the playlists file",
        )


def other_day_of_week(day: date, stored: Iterable[date]) -> date | None:
    """Of a weekly playlist, a stored day that is so near to this one that both are of one week, if there is any."""
    return next((other for other in stored if timedelta() < abs(other - day) < SHORTEST_WEEK), None)


def _unassigned(
    name: str,
    why: str,
    playlists: Sequence[PlaylistSettings],
    remedy: str = "name one with --playlist, or put the file into landing/charts/<slug>/",
) -> SourceRefusal:
    if not playlists:
        return SourceRefusal(
            f"{name}: there is no playlist for it.",
            why=f"{why}; playlists of source charts are: none",
            remedy="add one with `source: charts`, and set SPOTIFY_ASSETS_PLAYLISTS to the path of that file",
        )
    choices = ", ".join(f"{playlist.slug} ({playlist.chart})" for playlist in playlists)
    return SourceRefusal(
        f"{name}: it is not certain which playlist this file is for.",
        why=f"{why}; playlists of source charts are: {choices}",
        remedy=remedy,
    )

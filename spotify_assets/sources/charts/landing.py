"""The landing folder: chart files that a person downloaded, and which playlist and days each one is for.

`landing/charts/<file>` for files that name their chart, `landing/charts/<slug>/<file>` for those put there for one
playlist. The files stay as they were put; what they say becomes raw snapshots (`charts`). Reading one is `chart_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from typing import IO, NamedTuple

from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.charts.chart_files import ChartFile, SeveralCountries, read_chart_file
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


def problem_with(key: str, refusal: Refusal) -> str:
    """What is wrong with a landed file, in a line."""
    return f"{key}: {refusal.what} Why: {refusal.why}. What to do: {refusal.remedy}."


def assign(
    original: Original, playlists: Sequence[PlaylistSettings], slug: str | None
) -> tuple[PlaylistSettings, ChartFile, EditionRows]:
    """Read a chart file and tell whose it is: the named playlist's, else the one whose chart or country it names.

    A file that names no chart goes to the playlist that it fits by country and cadence, if there is only one.

    Args:
        original: the file.
        playlists: the playlists of source `charts`.
        slug: the playlist that somebody named for it, if any.

    Raises:
        SourceRefusal: the file cannot be read, or it is not certain whose it is; the choices are named.
    """
    if slug is not None:
        named = next((playlist for playlist in playlists if playlist.slug == slug), None)
        if named is None:
            raise _unassigned(original.name, f"there is no playlist {slug!r} of source charts", playlists)
        chart_file, rows = _read(original, named.country)
        _check(chart_file, named)
        return named, chart_file, rows
    found = list(_matching(original, playlists))
    fitting = [(playlist, chart_file, rows) for playlist, chart_file, rows in found if _fits(chart_file, playlist)]
    if len(fitting) == 1:
        return fitting[0]
    if len(found) == 1:
        playlist, chart_file, _ = found[0]
        _check(chart_file, playlist)
    try:
        # Read without a country, a damaged file says so itself.
        chart_file, _ = _read(original, None)
    except SeveralCountries as refusal:
        said = refusal.what.removeprefix(f"{original.name}: ").removesuffix(".")
        raise _unassigned(original.name, said, playlists) from refusal
    says = chart_file.chart or " ".join(filter(None, (chart_file.country, chart_file.cadence)))
    raise _unassigned(
        original.name, f"it says it is {says}" if says else "it says neither chart nor country", playlists
    )


@lru_cache(REMEMBERED_FILES)
def _read(original: Original, country: str | None) -> tuple[ChartFile, EditionRows]:
    with original.open() as file:
        return read_chart_file(original.name, file, country=country)


def _matching(
    original: Original, playlists: Sequence[PlaylistSettings]
) -> Iterator[tuple[PlaylistSettings, ChartFile, EditionRows]]:
    """The playlists that a file can be for, going by the chart or the country that it names, if any."""
    named, _ = chart_and_day_in_name(original.name)
    for playlist in playlists:
        if named not in (None, playlist.chart):
            continue
        try:
            chart_file, rows = _read(original, playlist.country)
        except SourceRefusal:
            continue
        if chart_file.chart or chart_file.country in (None, playlist.country):
            yield playlist, chart_file, rows


def _fits(chart_file: ChartFile, playlist: PlaylistSettings) -> bool:
    try:
        _check(chart_file, playlist)
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


def _unassigned(name: str, why: str, playlists: Sequence[PlaylistSettings]) -> SourceRefusal:
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
        remedy="name one with --playlist, or put the file into landing/charts/<slug>/",
    )

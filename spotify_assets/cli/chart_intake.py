"""Importing chart files: which files there are, whose each one is, and what may be put into the landing folder.

Reading a file belongs to `sources.chart_files`; turning landed files into tables is a run like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from spotify_assets.cli.found_files import FoundFile, digest_of_bytes, readable
from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import CHARTS
from spotify_assets.sources.charts.chart_files import ChartFile
from spotify_assets.sources.charts.charts_source import ChartsSource
from spotify_assets.sources.charts.edition_checks import ChartEdition
from spotify_assets.sources.charts.landing import Original, Share, other_day_of_week, share_out
from spotify_assets.storage.layout import LANDING_PREFIX, landing_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.raw_layer import RawLayer

THURSDAY = 3
ONE_CHART_A_DAY = "only one of them can be that day's chart"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a file for a playlist: its chart when it may be imported, or why it is refused.

    Attributes:
        key: where the original is to be kept; None where it has landed before.
        short_days: what is to be said of its days that are much shorter than those beside them.
    """

    file: FoundFile
    playlist: PlaylistSettings | None = None
    chart: ChartFile | None = None
    key: str | None = None
    refusal: Refusal | None = None
    short_days: tuple[str, ...] = ()

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
        return [*self.chart.notes, *self.short_days, *weekdays, *missing]

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
    """What is there before the import: the keys of the landing folder, the charts of its files, and the stored days."""

    store: ObjectStore
    keys: frozenset[str]
    charts: ChartsSource
    stored_days: Callable[[str], Collection[date]]


class _Claim(NamedTuple):
    """What only one file of a playlist can say, or several that agree; with what to say of those that do not."""

    slug: str
    said: str
    why: str
    remedy: str


def judge(files: Iterable[FoundFile], settings: Settings, store: ObjectStore, slug: str | None) -> list[Verdict]:
    """Decide about each file; nothing is written.

    A file is refused when it cannot be read, when it is not certain whose it is, when the partitions begin after one of
    its days or the day is in the future, and when a file that landed already says something else about one of its days,
    or has its name and other content. Two files of this import that contradict each other so are both refused, in
    whatever order they are given: nobody but a person knows which is right.
    """
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    landed = _Landed(
        store,
        frozenset(store.list_keys(LANDING_PREFIX)),
        ChartsSource(store, playlists),
        lru_cache(lambda slug: RawLayer(store).latest_keys(slug).keys()),
    )
    alone = [verdict for file in files for verdict in _judge_alone(file, settings.start, playlists, slug, landed)]
    return _with_short_days(_compared(alone), landed)


def _judge_alone(
    file: FoundFile, start: date, playlists: Sequence[PlaylistSettings], slug: str | None, landed: _Landed
) -> list[Verdict]:
    """Decide about a file without regard to the others of the import: a verdict for each playlist that it is for."""
    try:
        original = readable(file)
        shares = share_out(original, playlists, slug)
        key = landing_key(shares[0].playlist.slug if len(shares) == 1 else None, original.name)
        for share in shares:
            _check_days(file, share.chart, start)
            for edition in share.chart.editions:
                of_day = _landed_editions(file, landed.charts, share.playlist, edition.chart_date)
                _check_same(file, edition, of_day)
                _check_week(file, share.playlist, edition.chart_date, landed)
        is_there = key in landed.keys
        if is_there:
            _check_same_content(file.where, original, key, shares, landed, playlists)
    except Refusal as refusal:
        return [Verdict(file, refusal=refusal)]
    return [Verdict(file, share.playlist, share.chart, None if is_there else key) for share in shares]


def _check_week(file: FoundFile, playlist: PlaylistSettings, day: date, landed: _Landed) -> None:
    """Refuse a week that is stored under another day: it would count twice."""
    if playlist.cadence != "weekly":
        return
    stored = other_day_of_week(day, landed.stored_days(playlist.slug))
    if stored:
        raise SourceRefusal(
            f"{file.where} holds the week of {playlist.slug} that ends on {day}, and {stored} is stored for it.",
            why="weekly charts so near to each other are one week, under two conventions or of two files",
            remedy=f"leave it out, or withdraw the stored one: `spotify-assets withdraw {playlist.slug} {stored}`",
        )


def _compared(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts with those files refused that contradict each other, for all playlists that they are for."""
    contents: dict[_Claim, dict[bytes | str, str]] = {}
    for verdict in verdicts:
        for claim, content in _claims(verdict):
            files = contents.setdefault(claim, {})
            files[content] = min(verdict.file.where, files.get(content, verdict.file.where))
    refused: dict[str, Verdict] = {}
    for verdict in verdicts:
        found = _contradiction(verdict, contents)
        if found:
            refused.setdefault(verdict.file.where, Verdict(verdict.file, refusal=found))
    return list({id(one): one for one in (refused.get(verdict.file.where, verdict) for verdict in verdicts)}.values())


def _contradiction(verdict: Verdict, contents: Mapping[_Claim, Mapping[bytes | str, str]]) -> Refusal | None:
    for claim, content in _claims(verdict):
        others = [where for other, where in contents[claim].items() if other != content]
        if others:
            what = f"{verdict.file.where} and {min(others)} both {claim.said}, and they differ."
            return SourceRefusal(what, why=claim.why, remedy=claim.remedy)
    return None


def _claims(verdict: Verdict) -> Iterator[tuple[_Claim, bytes | str]]:
    """What a file that may be imported says, with what tells it from another that says something else."""
    if verdict.playlist is None or verdict.chart is None:
        return
    slug, original = verdict.playlist.slug, readable(verdict.file)
    for edition in verdict.chart.editions:
        yield _Claim(slug, f"hold {edition.chart_date}", ONE_CHART_A_DAY, "import the right one alone"), edition.digest
    said = hashlib.sha256(repr([(edition.chart_date, edition.digest) for edition in verdict.chart.editions]).encode())
    yield _Claim(slug, f"are called {original.name}", "nothing is overwritten silently", "rename one"), said.digest()


def _with_short_days(verdicts: Sequence[Verdict], landed: _Landed) -> list[Verdict]:
    """The verdicts, with a note on each day that has less than half as many rows as the days beside it."""
    sizes: dict[str, dict[date, int]] = {}
    for verdict in verdicts:
        if verdict.playlist and verdict.chart:
            of_playlist = sizes.setdefault(verdict.playlist.slug, {})
            of_playlist |= {edition.chart_date: edition.size for edition in verdict.chart.editions}
            step = timedelta(weeks=1) if verdict.playlist.cadence == "weekly" else timedelta(days=1)
            for day in (min(verdict.days) - step, max(verdict.days) + step):
                for edition in landed.charts.editions(verdict.playlist, day).values():
                    of_playlist.setdefault(day, edition.size)
    return [
        replace(verdict, short_days=tuple(_short_days(verdict.days, sizes[verdict.slug]))) if verdict.slug else verdict
        for verdict in verdicts
    ]


def _short_days(days: Iterable[date], sizes: Mapping[date, int]) -> Iterator[str]:
    in_order = sorted(sizes)
    for day in sorted(days):
        place = in_order.index(day)
        beside = [sizes[other] for other in (*in_order[max(place - 3, 0) : place], *in_order[place + 1 : place + 4])]
        if beside and sizes[day] * 2 < median(beside):
            yield f"{day}: {sizes[day]} rows, and the charts beside it have {median(beside):g}"


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
    kept: set[str] = set()
    for verdict in verdicts:
        if verdict.slug is not None:
            if verdict.key is not None and verdict.key not in kept:
                _keep(readable(verdict.file), verdict.key, store)
                kept.add(verdict.key)
            days.setdefault(verdict.slug, set()).update(verdict.days)
    return {slug: sorted(found) for slug, found in days.items()}


def _keep(original: Original, key: str, store: ObjectStore) -> None:
    with original.open() as file:
        if digest_of_bytes(file) != original.version:
            raise SourceRefusal(
                f"{original.name} is not imported.",
                why="it was changed while this import was reading it",
                remedy="wait until it is complete, then import again",
            )
        file.seek(0)
        store.write(key, file)


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


def _check_same_content(
    where: str,
    original: Original,
    key: str,
    shares: Sequence[Share],
    landed: _Landed,
    playlists: Sequence[PlaylistSettings],
) -> None:
    """Refuse a file whose name has landed with something else; quotes and line ends make no other file."""
    with landed.store.open(key) as file:
        of_that_name = Original(original.name, digest_of_bytes(file), partial(landed.store.open, key))
    if of_that_name == original:
        return
    slug = shares[0].playlist.slug if len(shares) == 1 else None
    if _said(shares) != _said(share_out(of_that_name, playlists, slug)):
        raise SourceRefusal(
            f"{where} is not kept as {key}: there is a file of that name with other content.",
            why="nothing is overwritten silently",
            remedy="rename this file, or remove the other one if this one is to replace it",
        )


def _said(shares: Sequence[Share]) -> dict[str, tuple[ChartEdition, ...]]:
    return {share.playlist.slug: share.chart.editions for share in shares}


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

"""Source `archive`: a playlist as a public archive recorded it. It has a past: the days of its commits.

The list of a day in Japan is that of the last commit of the day. The archive's repositories follow each other: a later
one counts from its first list of the playlist on, and an earlier one is asked only for the days before. In old commits
a list is in Markdown only, under the playlist's id or, before that, under its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.snapshot import ARCHIVE, Entry, PlaylistSnapshot
from spotify_assets.sources.archive.archived_list import read_archived_list
from spotify_assets.sources.archive.commit_history import CommitHistories, CommitHistory
from spotify_assets.sources.archive.github import Commit, GithubClient
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore

PARALLEL_FETCHES = 4
"""Files that are asked for at a time."""


@dataclass(frozen=True)
class Recorded:
    """Where the list of a day is."""

    repository: str
    path: str
    commit: Commit


class ArchiveSource:
    """Lists of the public archive. One object serves all playlists of a run.

    Args:
        store: the lake, which keeps the lists of commits.
        client: asks GitHub.
    """

    has_past = True
    comes_during_the_day = True
    wants_previous = False

    def __init__(self, store: ObjectStore, client: GithubClient) -> None:
        self._histories = CommitHistories(store, client)
        self._client = client
        self._offered: dict[str, dict[date, Recorded]] = {}
        self._fetching: dict[tuple[str, date], Future[bytes]] = {}
        self._spans: dict[str, tuple[date, date]] = {}

    @property
    def absence(self) -> Absence:
        """Why days are not there: the archive recorded no list on them."""
        spans = [f"{slug}: known are lists from {first} to {last}" for slug, (first, last) in self._spans.items()]
        return Absence(
            "the archive recorded no list of the playlist on these days, and nothing is stored for them "
            f"({'; '.join(spans) or 'it has none of that time'})",
            "leave these days out: `spotify-assets archive fetch` and the backfill of other ranges go on without them; "
            "today's list comes in the course of the day",
        )

    def recorded(self, playlist: PlaylistSettings, first: date, last: date) -> dict[date, Recorded]:
        """Where the lists of these days are, for those that have one, in order of days.

        Raises:
            Refusal: GitHub does not give a list of commits.
        """
        found: dict[date, Recorded] = {}
        end = last
        for repository, path in _files(playlist):
            history = self._histories.covering(repository, path, first, end)
            self._remember(playlist.slug, history)
            days = history.last_of_days()
            found |= {day: Recorded(repository, path, days[day]) for day in days if day not in found}
            if history.first_day is not None:
                end = min(end, history.first_day)
                if history.first_day <= first:
                    break
        return {day: found[day] for day in sorted(found) if first <= day <= last}

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """The days that have a commit, except those that are stored from it or a later one.

        Raises:
            Refusal: GitHub does not give a list of commits.
        """
        known = self.recorded(playlist, min(days), min(max(days), today_in_japan()))
        offered = {
            day: known[day]
            for day in days
            if day in known and (day not in stored or stored[day] < known[day].commit.at)
        }
        self._offered[playlist.slug] = offered
        return set(offered)

    def fetch(
        self,
        playlist: PlaylistSettings,
        day: date,
        previous: PlaylistSnapshot | None,  # noqa: ARG002 - a list is complete in itself
        *,
        may_retry: bool,  # noqa: ARG002 - short waits are sat out by the client
    ) -> PlaylistSnapshot:
        """Give the list of a day that is on offer.

        Raises:
            SourceRefusal: the file is gone, damaged, or of another playlist.
            SourceUnavailable: GitHub could not be reached or kept failing.
            RateLimited: it asks to wait for longer than a minute.
        """
        recorded = self._offered.get(playlist.slug, {}).get(day)
        if recorded is None:
            raise SourceRefusal(
                f"There is no list of {playlist.slug} for {day}.", why=self.absence.why, remedy=self.absence.remedy
            )
        try:
            data = self._file(playlist, day)
        except (RateLimited, SourceUnavailable) as refusal:
            # What others of the files at a time have brought is not fetched again.
            refusal.so_far = tuple(self._finished(playlist))
            raise
        return self._snapshot(playlist, day, recorded, data)

    def _snapshot(self, playlist: PlaylistSettings, day: date, recorded: Recorded, data: bytes) -> PlaylistSnapshot:
        found = read_archived_list(data, recorded.path, str(playlist.playlist_id))
        origin = {"repository": recorded.repository, "commit": recorded.commit.sha, "path": recorded.path}
        notes = []
        if found.nominal_size is not None and len(found.entries) < found.nominal_size:
            notes.append(
                f"{len(found.entries)} of {found.nominal_size} entries: the archive leaves out what has no track, so "
                "positions after a gap are too small, and nobody knows where it is."
            )
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source=ARCHIVE,
            # When the archive recorded it: whoever fetches it, and how often, stores the same.
            fetched_at=recorded.commit.at,
            entries=tuple(Entry(position, payload) for position, payload in enumerate(found.entries, 1)),
            playlist_id=playlist.playlist_id,
            playlist={**found.playlist, "archive": origin},
            playlist_snapshot_id=found.snapshot_id,
            chart_size=found.nominal_size,
            renewed_at=found.renewed_at,
            notes=tuple(notes),
        )

    def _remember(self, slug: str, history: CommitHistory) -> None:
        if history.first_day and history.last_day:
            first, last = self._spans.get(slug, (history.first_day, history.last_day))
            self._spans[slug] = (min(first, history.first_day), max(last, history.last_day))

    def _file(self, playlist: PlaylistSettings, day: date) -> bytes:
        """The bytes of a day's file; those of the other days on offer are fetched meanwhile, a few at a time."""
        if (playlist.slug, day) not in self._fetching:
            self._fetch_ahead(playlist.slug)
        return self._fetching.pop((playlist.slug, day)).result()

    def _finished(self, playlist: PlaylistSettings) -> Iterator[PlaylistSnapshot]:
        """The lists that were under way when a limit was met and came all the same; nothing more is asked for."""
        waiting, self._fetching = self._fetching, {}
        under_way = {key: future for key, future in waiting.items() if not future.cancel()}
        for (slug, day), future in under_way.items():
            if slug != playlist.slug:
                continue
            with contextlib.suppress(Refusal):
                yield self._snapshot(playlist, day, self._offered[slug][day], future.result())

    def _fetch_ahead(self, slug: str) -> None:
        pool = ThreadPoolExecutor(PARALLEL_FETCHES, thread_name_prefix="archive")
        for day, recorded in sorted(self._offered[slug].items()):
            future = pool.submit(self._client.file_at, recorded.repository, recorded.commit.sha, recorded.path)
            self._fetching[slug, day] = future
        pool.shutdown(wait=False)


def _files(playlist: PlaylistSettings) -> Iterator[tuple[str, str]]:
    """The repositories and paths under which a playlist's lists were recorded, the newest first.

    Markdown alone was written in the oldest repository's first years only; later each list is in JSON too.
    """
    for repository in reversed(playlist.repositories):
        yield repository, f"playlists/pretty/{playlist.playlist_id}.json"
    oldest = playlist.repositories[0]
    yield oldest, f"playlists/pretty/{playlist.playlist_id}.md"
    yield oldest, f"playlists/pretty/{playlist.archived_title or playlist.title}.md"

"""The archive's lists completed by Spotify's track objects, for those who have an app.

A track object brings what the archive does not have: ISRC, release date, explicit flag. Lists that are stored already
are completed too, once Spotify may be asked. Track objects never cost a list: what cannot be had is missing, and the
notes name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spotify_assets.snapshot import Entry, PlaylistSnapshot
from spotify_assets.sources.archive.archive_source import ArchiveSource
from spotify_assets.sources.archive.github import GithubClient
from spotify_assets.sources.charts.chart_tracks import ChartTracks, track_ids

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore

ReadStored = Callable[[str, Iterable[date]], Sequence[PlaylistSnapshot]]


class CompletedArchiveSource(ArchiveSource):
    """`ArchiveSource`, with the track objects of its entries.

    Args:
        store, client: as of `ArchiveSource`.
        tracks: where track objects come from; shared by the run, so that each id is asked for once.
        read_stored: reads the stored days of a playlist.
    """

    wants_previous = True

    def __init__(self, store: ObjectStore, client: GithubClient, tracks: ChartTracks, read_stored: ReadStored) -> None:
        super().__init__(store, client)
        self._tracks = tracks
        self._read_stored = read_stored
        self._stored: dict[str, dict[date, PlaylistSnapshot]] = {}

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """As of `ArchiveSource`, and the stored days that name tracks which Spotify was never asked for."""
        offered = super().days_on_offer(playlist, days, stored)
        found = self._read_stored(playlist.slug, [day for day in days if day in stored and day not in offered])
        self._stored[playlist.slug] = {one.snapshot_date: one for one in found if _lacks_tracks(one)}
        return offered | set(self._stored[playlist.slug])

    def fetch(
        self, playlist: PlaylistSettings, day: date, previous: PlaylistSnapshot | None, *, may_retry: bool
    ) -> PlaylistSnapshot:
        """The list of a day, from the archive or the store, with its track objects. Errors as of `ArchiveSource`."""
        kept = self._stored.get(playlist.slug, {}).get(day)
        listed = kept or super().fetch(playlist, day, previous, may_retry=may_retry)
        known = [kept, previous, *self._stored.get(playlist.slug, {}).values()]
        found = self._tracks.of_day(
            day,
            _rows(listed.entries),
            ahead=(),
            market=playlist.market,
            stored=[snapshot for snapshot in known if snapshot],
        )
        return replace(
            listed,
            fetched_at=datetime.now(tz=UTC),
            tracks=found.objects,
            tracks_without_answer=found.without_answer,
            quota_mode=found.quota_mode,
            language=self._tracks.language if found.objects else None,
            notes=(*listed.notes, *found.notes),
        )


def _rows(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """The addresses of the entries' tracks, as a chart file has them."""
    payloads = (entry.payload for entry in entries if isinstance(entry.payload, dict))
    return [{"url": payload["url"]} for payload in payloads if isinstance(payload.get("url"), str)]


def _lacks_tracks(snapshot: PlaylistSnapshot) -> bool:
    return not {*snapshot.tracks, *snapshot.tracks_without_answer}.issuperset(track_ids(_rows(snapshot.entries)))

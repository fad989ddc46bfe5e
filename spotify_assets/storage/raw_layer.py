"""The raw layer: every snapshot as received, append-only: which files there are, which count, and what may be added.

`raw_playlist/playlist=<slug>/snapshot_date=<date>/<fetched_at>.jsonl.gz` holds one fetch (see `raw_format`). The latest
file of a day counts; identical content adds no file.

A file can be withdrawn (`withdrawals`): it stays, and an older file of its day counts. A day of which every file is
withdrawn has no snapshot, which is no error. A newer fetch counts again by itself, unless its content is that of a
withdrawn file of the day: that is not stored again and stays withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from spotify_assets.errors import StorageError
from spotify_assets.snapshot import CHARTS, SPOTIFY, Entry, PlaylistSnapshot
from spotify_assets.storage.layout import fetch_time, parse_raw_key, raw_key, raw_prefix
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore, write_all
from spotify_assets.storage.raw_format import REMEDY_OF_DAMAGE, content_digest, damaged, decode, encode, read_records
from spotify_assets.storage.withdrawals import Action, Marker, Withdrawals


@dataclass(frozen=True)
class Stored:
    """Where a snapshot is, and whether this call put it there (False: the same content was stored already).

    Attributes:
        withdrawn: why that content does not count, where it was withdrawn.
    """

    uri: str
    added: bool
    withdrawn: Marker | None = None


@dataclass(frozen=True)
class StoredFiles:
    """The raw files of a playlist.

    Attributes:
        by_day: the keys of each stored day's files, oldest fetch first, in order of days.
        withdrawals: the files that are withdrawn now, by key.
        counting: the key of the file that counts, for each day that has one.
        newest: the key of the latest fetch of each day, withdrawn or not.
        withdrawn_days: the days of which every file is withdrawn, with the withdrawal that was last.
    """

    by_day: Mapping[date, Sequence[str]]
    withdrawals: Mapping[str, Marker]
    counting: dict[date, str]
    newest: dict[date, str]
    withdrawn_days: Mapping[date, Marker]

    def withdrawn_of(self, day: date) -> list[str]:
        """The withdrawn files of a day, in the order in which they were withdrawn."""
        there = set(self.by_day.get(day, ()))
        return [key for key in self.withdrawals if key in there]


class RawLayer:
    """The stored snapshots of all playlists in one lake."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._withdrawals = Withdrawals(store)

    def files(self, slug: str) -> StoredFiles:
        """What is stored of a playlist, and what of it counts: two listings, and a read per marker."""
        by_day = _by_day(self._store.list_keys(raw_prefix(slug)))
        return _stored_files(by_day, self._withdrawals.withdrawn_keys(slug))

    def latest_keys(self, slug: str) -> dict[date, str]:
        """The key of the file that counts for each day that has one, in order of days."""
        return self.files(slug).counting

    def withdraw(self, slug: str, day: date, why: str) -> Marker:
        """Withdraw the file that counts for a day.

        Raises:
            StorageError: the day was never stored, all its files are withdrawn already, or no reason is given.
        """
        reason = why.strip()
        if not reason:
            raise StorageError(
                f"The snapshot of {slug} for {day} is not withdrawn.",
                why="no reason is given, and later readers of the audit list would not know what was wrong",
                remedy="give a reason: --why 'what is wrong with it'",
            )
        files = self.files(slug)
        _check_stored(slug, day, files)
        if day in files.withdrawn_days:
            marker = files.withdrawn_days[day]
            raise StorageError(
                f"The snapshot of {slug} for {day} is withdrawn already.",
                why=f"it was withdrawn at {marker.at:%Y-%m-%d %H:%M:%S} UTC: {marker.why}",
                remedy=f"nothing, or `spotify-assets rebuild {slug} {day} {day}` if the tables still hold the day",
            )
        return self._withdrawals.record(slug, day, files.counting[day], Action.WITHDRAW, reason)

    def restore(self, slug: str, day: date, why: str = "") -> Marker:
        """Take the last withdrawal of a day back.

        Raises:
            StorageError: the day was never stored, or none of its files is withdrawn.
        """
        files = self.files(slug)
        _check_stored(slug, day, files)
        withdrawn = files.withdrawn_of(day)
        if not withdrawn:
            raise StorageError(
                f"There is nothing to restore of {slug} for {day}.",
                why="none of the files that are stored for it is withdrawn",
                remedy=f"see `spotify-assets withdrawals {slug}` for the days that are",
            )
        return self._withdrawals.record(slug, day, withdrawn[-1], Action.RESTORE, why.strip())

    def withdrawal_of(self, snapshot: PlaylistSnapshot, files: StoredFiles) -> Marker | None:
        """The withdrawal that keeps a snapshot from counting, because it has the withdrawn file's content."""
        if not files.withdrawn_of(snapshot.snapshot_date):
            return None
        same = self._same_content(snapshot, content_digest(snapshot), files)
        return None if same is None else files.withdrawals.get(same)

    def append(
        self, slug: str, snapshots: Sequence[PlaylistSnapshot], files: StoredFiles | None = None
    ) -> list[Stored]:
        """Store snapshots of one playlist, except those whose day already has the same content, counting or withdrawn.

        Args:
            slug: the playlist.
            snapshots: what is to be stored.
            files: what is stored already, where it was listed before.

        Raises:
            StorageError: the playlist's stored days come from another source or another playlist, or days have a file
                as new or newer that has other content or is damaged (all are named). Nothing is written then. A list
                of Spotify's is always the newest of its day: of two fetches the later one counts, whatever the clock.
        """
        files = files or self.files(slug)
        if snapshots:
            for source, playlist_id in {(snapshot.source, snapshot.playlist_id) for snapshot in snapshots}:
                self.check_origin(files, slug, source, playlist_id)
        planned: list[tuple[str, bytes | None]] = []
        refused: list[StorageError] = []
        for snapshot in snapshots:
            try:
                planned.append(self._plan(snapshot, files))
            except StorageError as error:
                refused.append(error)
        if refused:
            raise StorageError(
                f"{len(refused)} of {len(snapshots)} days of {slug} cannot be stored.",
                why="; ".join(f"{error.what} ({error.why})" for error in refused),
                remedy="; ".join(dict.fromkeys(error.remedy for error in refused)),
            )
        write_all(self._store, {key: data for key, data in planned if data is not None})
        return [
            Stored(self._store.uri(key), added=data is not None, withdrawn=files.withdrawals.get(key))
            for key, data in planned
        ]

    def check_origin(self, files: StoredFiles, slug: str, source: str, playlist_id: str | None) -> None:
        """See that what is to be stored comes from where the stored days come from.

        Raises:
            StorageError: the stored days come from another source or another playlist.
        """
        header = next(filter(None, map(self._header, reversed(files.newest.values()))), None)
        if header is None or (header.get("source"), header.get("playlist_id")) == (source, playlist_id):
            return
        raise StorageError(
            f"Nothing is stored for {slug}.",
            why=f"its stored days come from source {header.get('source')}, playlist {header.get('playlist_id')}; this "
            f"would come from source {source}, playlist {playlist_id}: one history would mix two charts",
            remedy="give the playlist another slug in the playlists file, or use another lake",
        )

    def read_days(self, slug: str, days: Iterable[date]) -> list[PlaylistSnapshot]:
        """The snapshots that count for these days, in the order of `days`, without those that are withdrawn.

        Raises:
            StorageError: naming every day that was never stored and every file that cannot be read.
        """
        files = self.files(slug)
        keys = files.counting
        wanted = list(days)
        absent = [day for day in wanted if day not in files.by_day]
        counting = [day for day in wanted if day in keys]
        found = dict(zip(counting, self._read_at_once(keys[day] for day in counting), strict=True))
        broken = {day: result for day, result in found.items() if isinstance(result, StorageError)}
        if not absent and not broken:
            return [result for result in found.values() if isinstance(result, PlaylistSnapshot)]
        raise StorageError(
            f"{len(absent) + len(broken)} of {len(wanted)} days of {slug} have no usable raw snapshot: "
            f"{', '.join(map(str, sorted([*absent, *broken])))}.",
            why="; ".join(
                ([f"nothing is stored for {', '.join(map(str, absent))}"] if absent else [])
                + [f"{error.what} ({error.why})" for error in broken.values()]
            ),
            remedy=_remedy(slug, wanted, absent, broken),
        )

    def read_usable(self, slug: str, days: Iterable[date]) -> list[PlaylistSnapshot]:
        """The snapshots that count for these days; days that are not stored, withdrawn or damaged are left out."""
        keys = self.latest_keys(slug)
        found = self._read_at_once(keys[day] for day in days if day in keys)
        return [result for result in found if isinstance(result, PlaylistSnapshot)]

    def read_nearest(self, files: StoredFiles, day: date) -> PlaylistSnapshot | None:
        """The readable snapshot that is likely to have most in common with a day: its own, else the last before it.

        Where nothing is stored that early, it is the newest of all.
        """
        newest_first = sorted(files.counting, reverse=True)
        nearest_first = sorted(newest_first, key=lambda stored: stored > day)
        return next(self._readable(files.counting[stored] for stored in nearest_first), None)

    def uri(self, slug: str) -> str:
        """Where the playlist's snapshots are, for a person."""
        return self._store.uri(raw_prefix(slug))

    def _read(self, key: str) -> PlaylistSnapshot:
        snapshot = decode(self._store.read(key), self._store.uri(key))
        there = parse_raw_key(key)
        # Not the playlist: its folder may have been renamed.
        if there and (there.day, there.fetched_at) != (snapshot.snapshot_date, snapshot.fetched_at):
            what_it_is = f"the fetch of {snapshot.fetched_at.isoformat()} for {snapshot.snapshot_date}"
            raise damaged(self._store.uri(key), f"its header says that it is {what_it_is}")
        return snapshot

    def _read_or_error(self, key: str) -> PlaylistSnapshot | StorageError:
        try:
            return self._read(key)
        except StorageError as error:
            return error

    def _read_at_once(self, keys: Iterable[str]) -> list[PlaylistSnapshot | StorageError]:
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            return list(pool.map(self._read_or_error, keys))

    def _readable(self, keys: Iterable[str]) -> Iterator[PlaylistSnapshot]:
        """A damaged file only costs its own day: it is named when that day is asked for, and passed over otherwise."""
        return (found for found in map(self._read_or_error, keys) if isinstance(found, PlaylistSnapshot))

    def _plan(self, snapshot: PlaylistSnapshot, files: StoredFiles) -> tuple[str, bytes | None]:
        """The key that holds the snapshot's content, and the bytes to write there (None: stored already)."""
        key = _key(snapshot)
        content = content_digest(snapshot)
        same = self._same_content(snapshot, content, files)
        if same:
            return same, None
        newest = files.newest.get(snapshot.snapshot_date)
        if newest and newest >= key and snapshot.source == SPOTIFY:
            # A list of this moment is the newest one, whatever the clock says that was set back since, or is right now.
            snapshot = _fetched_after(snapshot, fetch_time(newest))
            return _key(snapshot), encode(snapshot, content)
        if newest and newest >= key:
            if not self._header(newest):
                raise damaged(
                    self._store.uri(newest),
                    "it cannot be read",
                    remedy="remove it and run the day again to store it anew",
                )
            raise StorageError(
                f"{self._store.uri(key)} is not written.",
                why=f"the raw layer is append-only and {self._store.uri(newest)} is as new, with other content",
                remedy="use another lake, or another slug, if the old content is no longer wanted",
            )
        return key, encode(snapshot, content)

    def _same_content(self, snapshot: PlaylistSnapshot, content: str, files: StoredFiles) -> str | None:
        """The file of the snapshot's day that has its content: the one that counts, else a withdrawn one.

        The rows of a chart file that was withdrawn are the same whatever Spotify says of their tracks since.
        """
        day = snapshot.snapshot_date
        withdrawn = files.withdrawn_of(day)[::-1]
        candidates = [files.counting[day], *withdrawn] if day in files.counting else withdrawn
        same = next((key for key in candidates if self._header(key).get("content_sha256") == content), None)
        if same or snapshot.source != CHARTS:
            return same
        stored = zip(withdrawn, self._read_at_once(withdrawn), strict=True)
        return next((key for key, found in stored if _entries(found) == snapshot.entries), None)

    def _header(self, key: str) -> dict[str, Any]:
        """The header of a file; nothing of one that cannot be read, so that a damaged file stops no later fetch."""
        try:
            return next(read_records(self._store.read(key), self._store.uri(key)))
        except StorageError:
            return {}


def _fetched_after(snapshot: PlaylistSnapshot, newest: datetime) -> PlaylistSnapshot:
    """A snapshot that comes after another fetch of its day, with a note of what the clock said."""
    said = f"The clock said {snapshot.fetched_at.isoformat()}, which is before the fetch that it follows."
    return replace(snapshot, fetched_at=newest + timedelta(microseconds=1), notes=(*snapshot.notes, said))


def _key(snapshot: PlaylistSnapshot) -> str:
    return raw_key(snapshot.slug, snapshot.snapshot_date, snapshot.fetched_at)


def fetched_at(keys: Mapping[date, str]) -> dict[date, datetime]:
    """When the raw files at these keys were fetched, as their names tell."""
    return {day: fetch_time(key) for day, key in keys.items()}


def _by_day(keys: Iterable[str]) -> dict[date, list[str]]:
    # Sorted keys end with the latest fetch of a day: names are UTC times of fixed width.
    by_day: dict[date, list[str]] = {}
    for key in keys:
        raw = parse_raw_key(key)
        if raw:
            by_day.setdefault(raw.day, []).append(key)
    return by_day


def _stored_files(by_day: Mapping[date, Sequence[str]], withdrawals: Mapping[str, Marker]) -> StoredFiles:
    counting: dict[date, str] = {}
    withdrawn_days: dict[date, Marker] = {}
    for day, keys in by_day.items():
        left = [key for key in keys if key not in withdrawals]
        if left:
            counting[day] = left[-1]
        else:
            withdrawn_days[day] = max((withdrawals[key] for key in keys), key=lambda marker: marker.at)
    newest = {day: keys[-1] for day, keys in by_day.items()}
    return StoredFiles(by_day, withdrawals, counting, newest, withdrawn_days)


def _check_stored(slug: str, day: date, files: StoredFiles) -> None:
    if day not in files.by_day:
        near = f"stored days run from {min(files.by_day)} to {max(files.by_day)}" if files.by_day else "no day is"
        raise StorageError(
            f"There is no snapshot of {slug} for {day}.",
            why=f"nothing was ever stored for it; {near}",
            remedy="give a day that is stored",
        )


def _entries(found: PlaylistSnapshot | StorageError) -> tuple[Entry, ...] | None:
    return found.entries if isinstance(found, PlaylistSnapshot) else None


def _remedy(slug: str, days: Sequence[date], absent: Collection[date], damaged: Collection[date]) -> str:
    """What to do about days of a run that cannot be read; `rebuild` leaves out by itself what was never stored."""
    remedies = []
    if absent:
        remedies.append("materialize raw_playlist for days that the source can still give")
    if len(absent) + len(damaged) < len(days):
        excepted = "".join(f" --except {day}" for day in damaged)
        command = f"spotify-assets rebuild {slug} {min(days)} {max(days)}{excepted}"
        remedies.append(f"run the other days without these: choose ranges between them, or run `{command}`")
    if damaged:
        remedies.append(f"for a damaged file: {REMEDY_OF_DAMAGE}")
    return "; ".join(remedies)

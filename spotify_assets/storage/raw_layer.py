"""The raw layer: every snapshot as received, as gzip of JSON lines, append-only.

`raw_playlist/playlist=<slug>/snapshot_date=<date>/<fetched_at>.jsonl.gz` holds a header record, one record per entry,
and one per album and artist object. The latest file of a day counts; identical content adds no file; the same snapshot
gives the same bytes. What payloads mean is not known here (that is `transforms`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from spotify_assets.errors import StorageError
from spotify_assets.sources.snapshot import CatalogObject, Entry, PlaylistSnapshot
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore, write_all

FORMAT_VERSION = 1
FOLDER = "raw_playlist"
# What is asked of a header before, or without, decoding the rest.
HEADER_FIELDS = ("source", "playlist_id", "entries", "albums", "artists", "content_sha256")
KEY = re.compile(FOLDER + r"/playlist=[^/]+/snapshot_date=(?P<day>\d{4}-\d\d-\d\d)/\d{8}T\d{6}\.\d{6}Z\.jsonl\.gz")


@dataclass(frozen=True)
class Stored:
    """Where a snapshot is, and whether this call put it there (False: the same content was stored already)."""

    uri: str
    added: bool


class RawLayer:
    """The stored snapshots of all playlists in one lake."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def latest_keys(self, slug: str) -> dict[date, str]:
        """The key of the file that counts for each stored day, in order of days."""
        return _by_day(self._store.list_keys(f"{FOLDER}/playlist={slug}/"))

    def append(self, slug: str, snapshots: Sequence[PlaylistSnapshot]) -> list[Stored]:
        """Store snapshots of one playlist, except those whose day already has the same content.

        Raises:
            StorageError: the playlist's stored days come from another source or another playlist, or a day has a file
                as new or newer with other content. Nothing is written then.
        """
        keys = self.latest_keys(slug)
        if snapshots:
            self._check_same_origin(snapshots, reversed(keys.values()))
        planned = [self._plan(snapshot, keys.get(snapshot.snapshot_date)) for snapshot in snapshots]
        write_all(self._store, {key: data for key, data in planned if data is not None})
        return [Stored(self._store.uri(key), added=data is not None) for key, data in planned]

    def read_days(self, slug: str, days: Iterable[date]) -> list[PlaylistSnapshot]:
        """The snapshots that count for these days, in the order of `days`.

        Raises:
            StorageError: naming every day that has no snapshot and every file that cannot be read.
        """
        keys = self.latest_keys(slug)
        wanted = list(days)
        absent = [day for day in wanted if day not in keys]
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            found = list(pool.map(self._read_or_error, (keys[day] for day in wanted if day in keys)))
        broken = [result for result in found if isinstance(result, StorageError)]
        if not absent and not broken:
            return [result for result in found if isinstance(result, PlaylistSnapshot)]
        raise StorageError(
            f"{len(absent) + len(broken)} of {len(wanted)} days of {slug} have no usable raw snapshot.",
            why="; ".join(
                ([f"nothing is stored for {', '.join(map(str, absent))}"] if absent else [])
                + [f"{error.what} ({error.why})" for error in broken]
            ),
            remedy=(
                "materialize raw_playlist for days that the source can still give; run the other days without these"
            ),
        )

    def read_latest(self, slug: str) -> PlaylistSnapshot | None:
        """The newest stored snapshot that can be read, or None."""
        return next(self._readable(reversed(self.latest_keys(slug).values())), None)

    def read_before(self, slug: str, day: date) -> Iterator[PlaylistSnapshot]:
        """The readable snapshots before `day`, newest first, each read when it is asked for."""
        earlier = {stored: key for stored, key in self.latest_keys(slug).items() if stored < day}
        return self._readable(reversed(earlier.values()))

    def uri(self, slug: str) -> str:
        """Where the playlist's snapshots are, for a person."""
        return self._store.uri(f"{FOLDER}/playlist={slug}/")

    def _read(self, key: str) -> PlaylistSnapshot:
        return decode(self._store.read(key), self._store.uri(key))

    def _read_or_error(self, key: str) -> PlaylistSnapshot | StorageError:
        try:
            return self._read(key)
        except StorageError as error:
            return error

    def _readable(self, keys: Iterable[str]) -> Iterator[PlaylistSnapshot]:
        """A damaged file only costs its own day: it is named when that day is asked for, and passed over otherwise."""
        return (found for found in map(self._read_or_error, keys) if isinstance(found, PlaylistSnapshot))

    def _plan(self, snapshot: PlaylistSnapshot, current: str | None) -> tuple[str, bytes | None]:
        """The key that holds the snapshot's content, and the bytes to write there (None: stored already)."""
        key = _key(snapshot)
        content = content_digest(snapshot)
        if current and self._header(current).get("content_sha256") == content:
            return current, None
        if current and current >= key:
            raise StorageError(
                f"{self._store.uri(key)} is not written.",
                why=f"the raw layer is append-only and {self._store.uri(current)} is as new, with other content",
                remedy="use another lake, or another slug, if the old content is no longer wanted",
            )
        return key, encode(snapshot, content)

    def _header(self, key: str) -> dict[str, Any]:
        """The header of a file; nothing of one that cannot be read, so that a damaged file stops no later fetch."""
        try:
            return next(_records(self._store.read(key), self._store.uri(key)))
        except StorageError:
            return {}

    def _check_same_origin(self, snapshots: Sequence[PlaylistSnapshot], keys: Iterable[str]) -> None:
        header = next(filter(None, map(self._header, keys)), None)
        if header is None:
            return
        stored = (header.get("source"), header.get("playlist_id"))
        for snapshot in snapshots:
            new = (snapshot.source, snapshot.playlist_id)
            if stored != new:
                raise StorageError(
                    f"The snapshot of {snapshot.slug} for {snapshot.snapshot_date} is not stored.",
                    why=f"the stored days of {snapshot.slug} come from source {stored[0]}, playlist {stored[1]}; "
                    f"this one comes from source {new[0]}, playlist {new[1]}: one history would mix two charts",
                    remedy="give the playlist another slug in the playlists file, or use another lake",
                )


def content_digest(snapshot: PlaylistSnapshot) -> str:
    """SHA-256 of what was received, without the circumstances of the fetch (time, notes, what was carried over)."""
    content: list[Any] = [
        snapshot.source,
        snapshot.playlist_id,
        snapshot.playlist_snapshot_id,
        [[entry.position, entry.payload] for entry in snapshot.entries],
        {identifier: found.payload for identifier, found in snapshot.albums.items()},
        {identifier: found.payload for identifier, found in snapshot.artists.items()},
    ]
    if snapshot.tracks:
        content.append({identifier: found.payload for identifier, found in snapshot.tracks.items()})
    return hashlib.sha256(_json(content, sort_keys=True)).hexdigest()


def encode(snapshot: PlaylistSnapshot, content: str) -> bytes:
    """The bytes of a raw file: the same snapshot always gives the same."""
    header = {
        "record": "header",
        "format": FORMAT_VERSION,
        "slug": snapshot.slug,
        "snapshot_date": snapshot.snapshot_date.isoformat(),
        "source": snapshot.source,
        "playlist_id": snapshot.playlist_id,
        "fetched_at": snapshot.fetched_at.astimezone(UTC).isoformat(),
        "api_shape": snapshot.api_shape,
        "quota_mode": snapshot.quota_mode,
        "language": snapshot.language,
        "snapshot_id": snapshot.playlist_snapshot_id,
        "chart_date": snapshot.chart_date and snapshot.chart_date.isoformat(),
        "chart_size": snapshot.chart_size,
        "entries": len(snapshot.entries),
        "albums": len(snapshot.albums),
        "artists": len(snapshot.artists),
        "tracks": len(snapshot.tracks),
        "playlist": dict(snapshot.playlist),
        "notes": list(snapshot.notes),
        "content_sha256": content,
    }
    records = [
        header,
        *({"record": "entry", "position": entry.position, "payload": entry.payload} for entry in snapshot.entries),
        *_object_records("album", snapshot.albums),
        *_object_records("artist", snapshot.artists),
        *_object_records("track", snapshot.tracks),
    ]
    lines = b"".join(_json(record) + b"\n" for record in records)
    return gzip.compress(lines, mtime=0)


def decode(data: bytes, uri: str) -> PlaylistSnapshot:
    """Read the bytes of a raw file.

    Raises:
        StorageError: the bytes are damaged, of a format that this version does not know, or incomplete.
    """
    header, *records = _records(data, uri)
    try:
        snapshot = PlaylistSnapshot(
            slug=header["slug"],
            snapshot_date=date.fromisoformat(header["snapshot_date"]),
            source=header["source"],
            fetched_at=datetime.fromisoformat(header["fetched_at"]),
            entries=tuple(Entry(item["position"], item["payload"]) for item in records if item["record"] == "entry"),
            albums=_objects(records, "album"),
            artists=_objects(records, "artist"),
            tracks=_objects(records, "track"),
            playlist_id=header["playlist_id"],
            playlist=header["playlist"],
            playlist_snapshot_id=header["snapshot_id"],
            api_shape=header["api_shape"],
            quota_mode=header["quota_mode"],
            language=header["language"],
            chart_date=header["chart_date"] and date.fromisoformat(header["chart_date"]),
            chart_size=header["chart_size"],
            notes=tuple(header["notes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(uri, f"a record is not as expected: {error!r}") from error
    counts = {
        "entries": len(snapshot.entries),
        "albums": len(snapshot.albums),
        "artists": len(snapshot.artists),
        "tracks": len(snapshot.tracks),
    }
    if any(header.get(name, 0) != count for name, count in counts.items()):
        raise _damaged(uri, f"its header announces other numbers of records than it holds: {counts}")
    if [entry.position for entry in snapshot.entries] != list(range(1, len(snapshot.entries) + 1)):
        raise _damaged(uri, "its positions do not run from 1 without holes")
    return snapshot


def _key(snapshot: PlaylistSnapshot) -> str:
    fetched_at = snapshot.fetched_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{FOLDER}/playlist={snapshot.slug}/snapshot_date={snapshot.snapshot_date}/{fetched_at}.jsonl.gz"


def fetched_at(keys: Mapping[date, str]) -> dict[date, datetime]:
    """When the files at these keys were fetched, as their names tell."""
    return {
        day: datetime.strptime(key.rsplit("/", 1)[-1], "%Y%m%dT%H%M%S.%fZ.jsonl.gz").replace(tzinfo=UTC)
        for day, key in keys.items()
    }


def _by_day(keys: Iterable[str]) -> dict[date, str]:
    # Sorted keys end with the latest fetch of a day: names are UTC times of fixed width.
    dated = ((_day(match["day"]), match[0]) for match in map(KEY.fullmatch, keys) if match)
    return {day: key for day, key in dated if day is not None}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _json(value: Any, *, sort_keys: bool = False) -> bytes:
    # An API may send half of a surrogate pair; it is kept as received.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode("utf-8", errors="surrogatepass")


def _object_records(kind: str, objects: Mapping[str, CatalogObject]) -> Iterator[dict[str, Any]]:
    for identifier, found in objects.items():
        carried_from = found.carried_from and found.carried_from.isoformat()
        yield {"record": kind, "id": identifier, "carried_from": carried_from, "payload": found.payload}


def _objects(records: list[dict[str, Any]], kind: str) -> dict[str, CatalogObject]:
    return {
        item["id"]: CatalogObject(item["payload"], item["carried_from"] and date.fromisoformat(item["carried_from"]))
        for item in records
        if item["record"] == kind
    }


def _records(data: bytes, uri: str) -> Iterator[dict[str, Any]]:
    try:
        text = gzip.decompress(data).decode("utf-8", errors="surrogatepass")
        records = [json.loads(line) for line in text.split("\n") if line]
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _damaged(uri, str(error)) from error
    if not records or not isinstance(records[0], dict) or records[0].get("record") != "header":
        raise _damaged(uri, "it does not begin with a header record")
    if records[0].get("format") != FORMAT_VERSION:
        raise StorageError(
            f"{uri} has raw format {records[0].get('format')}.",
            why=f"this version of Spotify Assets knows format {FORMAT_VERSION}",
            remedy="run the version that wrote it, or a newer one",
        )
    absent = [name for name in HEADER_FIELDS if name not in records[0]]
    if absent:
        raise _damaged(uri, f"its header lacks {', '.join(absent)}")
    return iter(records)


def _damaged(uri: str, why: str) -> StorageError:
    return StorageError(
        f"{uri} is damaged.",
        why=why,
        remedy="restore it from a backup or a bucket version, or remove it so that an older fetch of the day counts",
    )

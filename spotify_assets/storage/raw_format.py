"""The format of a raw file: gzip of JSON lines. A snapshot to bytes and back; the same snapshot gives the same bytes.

A header record comes first, then one record per entry, and one per album, artist and track object. What payloads mean
is not known here (that is `transforms`), nor where files are and which count (that is `raw_layer`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from spotify_assets.errors import StorageError
from spotify_assets.snapshot import CatalogObject, Entry, PlaylistSnapshot

FORMAT_VERSION = 1
MOST_BYTES = 128_000_000
"""Unpacked: a list of ten thousand songs with all their objects takes two fifths of it."""
MOST_VALUES = 8_000_000
"""As many as a list of ten thousand songs has twice over. An empty object takes twenty times its bytes in memory."""
LONGEST_RECORD = 16_000_000
"""Bytes; an album with all its tracks in all markets has less than one million."""
# What is asked of a header before, or without, decoding the rest.
HEADER_FIELDS = ("source", "playlist_id", "entries", "albums", "artists", "content_sha256")

TEXT_OR_NONE, NUMBER_OR_NONE = (str, type(None)), (int, type(None))
HEADER_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "slug": str,
    "source": str,
    "playlist_id": TEXT_OR_NONE,
    "snapshot_id": TEXT_OR_NONE,
    "api_shape": TEXT_OR_NONE,
    "quota_mode": TEXT_OR_NONE,
    "language": TEXT_OR_NONE,
    "chart_size": NUMBER_OR_NONE,
    "announced": NUMBER_OR_NONE,
    "playlist": dict,
    "notes": list,
    "tracks_without_answer": list,
}
"""What a header holds besides days, moments and numbers of records. Fields of later versions may be absent."""

REMEDY_OF_DAMAGE = (
    "restore it from a backup or a bucket version, or take it out (`spotify-assets withdraw`): an older fetch of the "
    "day counts then"
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
    if snapshot.renewed_at:
        content.append({"renewed at": snapshot.renewed_at.astimezone(UTC).isoformat()})
    if snapshot.tracks_without_answer:
        content.append({"tracks without answer": sorted(snapshot.tracks_without_answer)})
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
        "announced": snapshot.announced,
        "renewed_at": snapshot.renewed_at and snapshot.renewed_at.astimezone(UTC).isoformat(),
        "entries": len(snapshot.entries),
        "albums": len(snapshot.albums),
        "artists": len(snapshot.artists),
        "tracks": len(snapshot.tracks),
        "tracks_without_answer": list(snapshot.tracks_without_answer),
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
    header, *records = read_records(data, uri)
    wrong = [name for name, of in HEADER_TYPES.items() if name in header and not isinstance(header[name], of)]
    if wrong:
        raise damaged(uri, f"its header has values of another type: {', '.join(wrong)}")
    try:
        header["source"].encode()  # half of a surrogate pair is in no name
        snapshot = PlaylistSnapshot(
            slug=header["slug"],
            snapshot_date=date.fromisoformat(header["snapshot_date"]),
            source=header["source"],
            fetched_at=_moment(header["fetched_at"]),
            entries=tuple(Entry(item["position"], item["payload"]) for item in records if item["record"] == "entry"),
            albums=_objects(records, "album"),
            artists=_objects(records, "artist"),
            tracks=_objects(records, "track"),
            tracks_without_answer=tuple(header.get("tracks_without_answer", ())),
            playlist_id=header["playlist_id"],
            playlist=header["playlist"],
            playlist_snapshot_id=header["snapshot_id"],
            api_shape=header["api_shape"],
            quota_mode=header["quota_mode"],
            language=header["language"],
            chart_date=header["chart_date"] and date.fromisoformat(header["chart_date"]),
            chart_size=header["chart_size"],
            announced=header.get("announced"),
            renewed_at=_moment(header["renewed_at"]) if header.get("renewed_at") else None,
            notes=tuple(header["notes"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(uri, f"a record is not as expected: {error!r}") from error
    counts = {
        "entries": len(snapshot.entries),
        "albums": len(snapshot.albums),
        "artists": len(snapshot.artists),
        "tracks": len(snapshot.tracks),
    }
    if any(header.get(name, 0) != count for name, count in counts.items()):
        raise damaged(uri, f"its header announces other numbers of records than it holds: {counts}")
    if [entry.position for entry in snapshot.entries] != list(range(1, len(snapshot.entries) + 1)):
        raise damaged(uri, "its positions do not run from 1 without holes")
    return snapshot


def damaged(uri: str, why: str, remedy: str = REMEDY_OF_DAMAGE) -> StorageError:
    """The refusal for a raw file that cannot be what was written."""
    return StorageError(f"{uri} is damaged.", why=why, remedy=remedy)


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


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


def _record(line: bytes, uri: str) -> Any:
    if len(line) > LONGEST_RECORD:
        raise damaged(uri, f"a record has more than {LONGEST_RECORD:,} bytes, and no object is that long")
    return json.loads(line.decode("utf-8", errors="surrogatepass"))


def read_records(data: bytes, uri: str) -> Iterator[dict[str, Any]]:
    """The records of a raw file: its header, then all others.

    Raises:
        StorageError: the bytes are damaged, or of a format that this version does not know.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(MOST_BYTES + 1)
        if len(unpacked) > MOST_BYTES:
            raise damaged(uri, f"unpacked it has more than {MOST_BYTES:,} bytes, and no list is that long")
        values = sum(map(unpacked.count, (b"[", b"{", b",")))
        if values > MOST_VALUES:
            raise damaged(uri, f"it has {values:,} values, and no list has more than {MOST_VALUES:,}")
        # Line by line: as one text it could take four times its bytes, and its lines as much again.
        records = [_record(line, uri) for line in io.BytesIO(unpacked) if line != b"\n"]
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise damaged(uri, str(error)) from error
    if not records or not isinstance(records[0], dict) or records[0].get("record") != "header":
        raise damaged(uri, "it does not begin with a header record")
    if records[0].get("format") != FORMAT_VERSION:
        raise StorageError(
            f"{uri} has raw format {records[0].get('format')}.",
            why=f"this version of Spotify Assets knows format {FORMAT_VERSION}",
            remedy="run the version that wrote it, or a newer one",
        )
    absent = [name for name in HEADER_FIELDS if name not in records[0]]
    if absent:
        raise damaged(uri, f"its header lacks {', '.join(absent)}")
    return iter(records)

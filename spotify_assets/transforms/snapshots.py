"""What is known of a day's snapshot as a whole: size, identity of content, renewal, coverage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from spotify_assets import schemas
from spotify_assets.snapshot import ARCHIVE, CHARTS, SPOTIFY, CatalogObject, PlaylistSnapshot
from spotify_assets.transforms.entries import api_shaped, track_of
from spotify_assets.transforms.songs import Row, credits_of
from spotify_assets.transforms.values import INT64_MAXIMUM, at, in_utc, moment, text, whole_number


def content_hash(snapshot: PlaylistSnapshot) -> str:
    """SHA-256 over what stands at each position: the track's id, else its names, and its streams where given.

    What changes daily without the chart changing (popularity, images, followers) does not count.
    """
    content = [_identity(api_shaped(snapshot, entry)) for entry in snapshot.entries]
    compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(compact.encode()).hexdigest()


def snapshot_rows(
    counts: Sequence[tuple[PlaylistSnapshot, int, int]],
    frames: Mapping[str, pd.DataFrame],
    cadence: str,
) -> Iterator[Row]:
    """The rows of `snapshots`.

    Args:
        counts: per day, in order: the snapshot, its accepted and its rejected entries.
        frames: the other tables of the same days, for coverage.
        cadence: `daily` or `weekly`.
    """
    coverage = _coverage(frames)
    albums, artists = _listed_ids(frames["albums"], "album_id"), _listed_ids(frames["artists"], "artist_id")
    for snapshot, accepted, rejected in counts:
        day, without_objects = snapshot.snapshot_date, snapshot.source in (ARCHIVE, CHARTS)
        nominal = whole_number(snapshot.chart_size)
        yield {
            "source": snapshot.source,
            "cadence": cadence,
            "chart_date": snapshot.chart_date,
            "renewed_at": renewed_at(snapshot),
            "fetched_at": in_utc(snapshot.fetched_at),
            "chart_size": len(snapshot.entries) if nominal is None else nominal,
            "listed": len(snapshot.entries),
            "announced": whole_number(snapshot.announced),
            "accepted": accepted,
            "rejected": rejected,
            "content_hash": content_hash(snapshot),
            "api_shape": text(snapshot.api_shape),
            "quota_mode": text(snapshot.quota_mode),
            "language": text(snapshot.language),
            "playlist_snapshot_id": text(snapshot.playlist_snapshot_id),
            # Nobody asks for these objects of charts and of the archive's lists: no share of them.
            "coverage_album_objects": None if without_objects else _share(albums.get(day, []), snapshot.albums),
            "coverage_artist_objects": None if without_objects else _share(artists.get(day, []), snapshot.artists),
            "carried_over": sum(
                found.carried_from is not None for found in (*snapshot.albums.values(), *snapshot.artists.values())
            ),
            **coverage.get(day, {}),
            "snapshot_date": day,
        }


def renewed_at(snapshot: PlaylistSnapshot) -> datetime | None:
    """When the list was last renewed (UTC, without zone), where its source says it.

    Spotify says it by the newest `added_at`: that of a chart's entries is the moment at which it renewed the list.
    """
    if snapshot.renewed_at is not None or snapshot.source != SPOTIFY:
        return snapshot.renewed_at and in_utc(snapshot.renewed_at)
    latest = in_utc(snapshot.fetched_at) + timedelta(days=1)
    added = [moment(at(entry.payload, "added_at")) for entry in snapshot.entries]
    return max((found for found in added if found and found <= latest), default=None)


def _identity(payload: Any) -> list[object]:
    track = track_of(payload)
    names = None
    if text(at(track, "id")) is None:
        names = [text(at(track, "name")), [text(artist.get("name")) for artist in credits_of(track)]]
    return [text(at(track, "id")), names, whole_number(at(payload, "streams"), maximum=INT64_MAXIMUM)]


def _listed_ids(frame: pd.DataFrame, column: str) -> dict[date, list[str]]:
    """The ids of a table by day."""
    ids: dict[date, list[str]] = {}
    for day, identifier in zip(frame["snapshot_date"], frame[column], strict=True):
        if identifier is not None:
            ids.setdefault(day, []).append(identifier)
    return ids


def _share(listed: Sequence[str], found: Mapping[str, CatalogObject]) -> float | None:
    return sum(identifier in found for identifier in listed) / len(listed) if listed else None


def _coverage(frames: Mapping[str, pd.DataFrame]) -> dict[date, Row]:
    """Per day and optional column: the share of rows that have a value. A table without rows that day has no share."""
    coverage: dict[date, Row] = {}
    for table in (schemas.SONGS, schemas.ALBUMS, schemas.ARTISTS):
        columns = [column for column in table.columns if column.nullable]
        frame = frames[table.name]
        shares = frame[[column.name for column in columns]].notna().groupby(frame["snapshot_date"]).mean()
        shares.columns = [schemas.coverage_column(table, column) for column in columns]
        for day, *row in shares.itertuples(name=None):
            coverage.setdefault(day, {}).update(zip(shares.columns, row, strict=True))
    return coverage

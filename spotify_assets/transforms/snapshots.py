"""What is known of a day's snapshot as a whole: size, identity, edition, coverage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from spotify_assets import schemas
from spotify_assets.snapshot import CHARTS, CatalogObject, PlaylistSnapshot
from spotify_assets.transforms.entries import api_shaped, track_of
from spotify_assets.transforms.songs import Row, credits_of
from spotify_assets.transforms.values import INT64_MAXIMUM, at, in_utc, text, whole_number

STALE_AFTER = {"daily": timedelta(days=3), "weekly": timedelta(days=9)}
"""How long a chart may stay the same before it is older than its day: two missed updates of a daily chart, one of a
weekly chart and a day or two of delay."""


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
    earlier: Iterable[PlaylistSnapshot],
    cadence: str,
) -> Iterator[Row]:
    """The rows of `snapshots`.

    Args:
        counts: per day, in order: the snapshot, its accepted and its rejected entries.
        frames: the other tables of the same days, for coverage.
        earlier: the stored snapshots before the first day, newest first.
        cadence: `daily` or `weekly`.
    """
    coverage = _coverage(frames)
    albums, artists = _listed_ids(frames["albums"], "album_id"), _listed_ids(frames["artists"], "artist_id")
    previous_hash: str | None = None
    edition: date | None = None
    for number, (snapshot, accepted, rejected) in enumerate(counts):
        day, is_chart = snapshot.snapshot_date, snapshot.source == CHARTS
        hashed = content_hash(snapshot)
        if number == 0:
            previous_hash, edition = _last_edition(earlier)
        unchanged = hashed == previous_hash
        edition = edition if unchanged and edition else snapshot.snapshot_date
        previous_hash = hashed
        yield {
            "source": snapshot.source,
            "cadence": cadence,
            "chart_date": snapshot.chart_date,
            "fetched_at": in_utc(snapshot.fetched_at),
            "chart_size": len(snapshot.entries) if snapshot.chart_size is None else snapshot.chart_size,
            "listed": len(snapshot.entries),
            "accepted": accepted,
            "rejected": rejected,
            "content_hash": hashed,
            "unchanged": unchanged,
            "stale": snapshot.snapshot_date - edition >= STALE_AFTER[cadence],
            "edition": edition,
            "api_shape": snapshot.api_shape,
            "quota_mode": snapshot.quota_mode,
            "language": snapshot.language,
            "playlist_snapshot_id": snapshot.playlist_snapshot_id,
            # Charts are completed by track objects only: no share of what nobody asks for.
            "coverage_album_objects": None if is_chart else _share(albums.get(day, []), snapshot.albums),
            "coverage_artist_objects": None if is_chart else _share(artists.get(day, []), snapshot.artists),
            "carried_over": sum(
                found.carried_from is not None for found in (*snapshot.albums.values(), *snapshot.artists.values())
            ),
            **coverage.get(snapshot.snapshot_date, {}),
            "snapshot_date": snapshot.snapshot_date,
        }


def dependants(later: Iterable[PlaylistSnapshot]) -> list[PlaylistSnapshot]:
    """The snapshots whose rows of `snapshots` may change with the snapshot before them.

    These are the next one, and those after it as long as they have its content: one edition with it.

    Args:
        later: the stored snapshots after a day, oldest first; read only as far as needed.
    """
    found: list[PlaylistSnapshot] = []
    first: str | None = None
    for snapshot in later:
        hashed = content_hash(snapshot)
        if first is not None and hashed != first:
            break
        first = hashed
        found.append(snapshot)
    return found


def _identity(payload: Any) -> list[object]:
    track = track_of(payload)
    names = None
    if text(at(track, "id")) is None:
        names = [text(at(track, "name")), [text(artist.get("name")) for artist in credits_of(track)]]
    return [text(at(track, "id")), names, whole_number(at(payload, "streams"), maximum=INT64_MAXIMUM)]


def _last_edition(earlier: Iterable[PlaylistSnapshot]) -> tuple[str | None, date | None]:
    """Hash of the newest of `earlier`, and the first day since which every stored snapshot has had it."""
    newest: str | None = None
    first: date | None = None
    for snapshot in earlier:
        hashed = content_hash(snapshot)
        if newest is not None and hashed != newest:
            break
        newest, first = hashed, snapshot.snapshot_date
    return newest, first


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

"""All daily tables of a range of snapshots at once: one day and ten years are the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from spotify_assets import schemas
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.storage.raw_format import content_digest
from spotify_assets.transforms.albums import album_rows
from spotify_assets.transforms.artists import artist_rows
from spotify_assets.transforms.entries import ListedTrack, RejectedEntry, read_entries
from spotify_assets.transforms.snapshots import snapshot_rows
from spotify_assets.transforms.songs import Row, song_artist_rows, song_rows
from spotify_assets.transforms.values import payload_digest


def daily_tables(snapshots: Sequence[PlaylistSnapshot], cadence: str) -> dict[str, pd.DataFrame]:
    """Build every daily table. What it has of a day depends on that day's snapshot and on nothing else.

    Args:
        snapshots: one per day, in order of days.
        cadence: the playlist's cadence, `daily` or `weekly`.

    Returns:
        By table name, one frame for all days: the columns of `schemas` and `snapshot_date` (a date).
    """
    read = [(snapshot, *read_entries(snapshot)) for snapshot in snapshots]
    per_day: Mapping[str, Callable[[PlaylistSnapshot, list[ListedTrack], list[RejectedEntry]], Iterable[Row]]] = {
        "songs": lambda snapshot, tracks, _: song_rows(snapshot, tracks),
        "albums": lambda snapshot, tracks, _: album_rows(snapshot, tracks),
        "artists": lambda snapshot, tracks, _: artist_rows(snapshot, tracks),
        "song_artists": lambda _, tracks, __: song_artist_rows(tracks),
        "rejects": lambda _, __, rejected: reject_rows(rejected),
    }
    frames = {
        name: frame(
            schemas.TABLES[name],
            (
                {**row, "snapshot_date": snapshot.snapshot_date}
                for snapshot, tracks, rejected in read
                for row in rows_of(snapshot, tracks, rejected)
            ),
        )
        for name, rows_of in per_day.items()
    }
    counts = [(snapshot, len(tracks), len(rejected)) for snapshot, tracks, rejected in read]
    frames["snapshots"] = frame(schemas.SNAPSHOTS, snapshot_rows(counts, frames, cadence))
    return {name: frames[name] for name in schemas.TABLES}


def made_of(snapshot: PlaylistSnapshot, cadence: str) -> str:
    """A text that two makes of a day's tables share exactly if they are alike: what was received, and the code."""
    return f"{content_digest(snapshot)[:16]} {cadence} {_code()}"


@cache
def _code() -> str:
    """A digest of the modules that make the tables."""
    folders = (Path(__file__).parent, Path(schemas.__file__).parent)
    modules = sorted(module for folder in folders for module in folder.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()[:16]


def reject_rows(rejected: list[RejectedEntry]) -> Iterator[Row]:
    """The rows of `rejects` for one snapshot."""
    for entry in rejected:
        yield {
            "position": entry.position,
            "kind": entry.kind,
            "reason": entry.reason,
            "payload_sha256": payload_digest(entry.payload),
        }


def frame(table: schemas.Table, rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a frame with the table's columns and `snapshot_date`.

    Columns hold Python objects, so that a missing whole number stays missing and does not turn its column to floats.
    """
    columns = [*table.column_names, "snapshot_date"]
    return pd.DataFrame([[row.get(column) for column in columns] for row in rows], columns=columns, dtype=object)

"""Days whose tables are not made of the list that counts: a run was killed after it had stored or withdrawn one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.daily import SNAPSHOTS
from spotify_assets.storage.layout import parse_partition_key, parse_raw_key, raw_prefix, table_prefix
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import MADE_OF, read_partitions
from spotify_assets.storage.raw_layer import RawLayer, fetched_at
from spotify_assets.storage.withdrawals import Withdrawals


def changed_days(store: ObjectStore, slug: str) -> set[date]:
    """Days of a playlist that were ever withdrawn, or of which a raw file is as new as their tables: a few.

    Raises:
        StorageError: the lake cannot be listed, or a marker of a withdrawal is damaged.
    """
    made = {
        partition.day: stored.modified
        for stored in store.list_objects(table_prefix(SNAPSHOTS.name, slug))
        if (partition := parse_partition_key(stored.key))
    }
    changed = {
        raw.day
        for stored in store.list_objects(raw_prefix(slug))
        if (raw := parse_raw_key(stored.key)) and raw.day in made and stored.modified >= made[raw.day]
    }
    return changed | {marker.snapshot_date for marker in Withdrawals(store).history(slug)}


def outdated_days(store: ObjectStore, slug: str, days: Collection[date], *, damaged: bool) -> list[date]:
    """Those of a playlist's days whose tables are of another fetch than the one that counts, or not of one make.

    Args:
        store: the lake.
        slug: the playlist.
        days: days that have all their tables, which are read.
        damaged: whether a day is one of them of which a table cannot be read.

    Raises:
        StorageError: the lake cannot be listed, or a marker of a withdrawal is damaged.
    """
    counting = fetched_at(RawLayer(store).latest_keys(slug))

    def is_outdated(day: date) -> bool:
        try:
            frames = {name: read_partitions(store, table, slug, [day]) for name, table in TABLES.items()}
        except StorageError:
            return damaged
        if len({frame.attrs[MADE_OF][day] for frame in frames.values()}) > 1:
            return True
        expected = [_in_milliseconds(counting[day])] if day in counting else []
        return [moment.to_pydatetime() for moment in frames[SNAPSHOTS.name]["fetched_at"]] != expected

    return [day for day in sorted(days) if is_outdated(day)]


def _in_milliseconds(moment: datetime) -> datetime:
    """A moment of UTC as tables have it."""
    return moment.replace(tzinfo=None, microsecond=moment.microsecond // 1000 * 1000)

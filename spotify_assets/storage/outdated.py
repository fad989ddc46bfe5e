"""Days whose tables are not made of the list that counts: a run was killed in between, or the list is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.daily import SNAPSHOTS
from spotify_assets.storage.layout import (
    RAW_PREFIX,
    day_folder,
    fetch_time,
    parse_partition_key,
    parse_raw_key,
    raw_prefix,
    table_prefix,
)
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import MADE_OF, read_partitions
from spotify_assets.storage.raw_layer import RawLayer, StoredFiles
from spotify_assets.storage.withdrawals import Withdrawals

REMEDY_OF_LOSS = "restore it from a backup or a bucket version; until then the day's tables cannot be made again"


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


def outdated_days(store: ObjectStore, slug: str, days: Collection[date]) -> list[date]:
    """Those of a playlist's days whose tables are of another fetch than the one that counts, or not of one make.

    Not those whose fetch is lost: their tables are what is left of it. Nor those of which a table cannot be read.

    Raises:
        StorageError: the lake cannot be listed, or a marker of a withdrawal is damaged.
    """
    files = RawLayer(store).files(slug)

    def is_outdated(day: date) -> bool:
        try:
            frames = {name: read_partitions(store, table, slug, [day]) for name, table in TABLES.items()}
        except StorageError:
            return False
        if len({frame.attrs[MADE_OF][day] for frame in frames.values()}) > 1:
            return True
        made_of = [moment.to_pydatetime() for moment in frames[SNAPSHOTS.name]["fetched_at"]]
        return made_of != _counting(files, day) and not _is_lost(files, day, made_of)

    return [day for day in sorted(days) if is_outdated(day)]


def lost_days(store: ObjectStore, slug: str, days: Collection[date]) -> list[date]:
    """Those of a playlist's days whose tables are of a fetch that is stored no more, and that no later one follows.

    Raises:
        StorageError: the lake cannot be listed, or a marker of a withdrawal is damaged.
    """
    files = RawLayer(store).files(slug)
    keys = store.list_keys(table_prefix(SNAPSHOTS.name, slug))
    made = {partition.day for key in keys if (partition := parse_partition_key(key))}

    def is_lost(day: date) -> bool:
        try:
            rows = read_partitions(store, SNAPSHOTS, slug, [day])
        except StorageError:
            return False
        return _is_lost(files, day, [moment.to_pydatetime() for moment in rows["fetched_at"]])

    return [day for day in sorted(made & set(days)) if is_lost(day)]


def refuse_lost(store: ObjectStore, slug: str, days: Collection[date]) -> None:
    """See that what the tables of days are made of is still there: made again they would have other rows.

    Raises:
        StorageError: it is not, or the lake cannot be listed.
    """
    lost = lost_days(store, slug, days)
    if lost:
        places = ", ".join(store.uri(RAW_PREFIX + day_folder(slug, day)) for day in lost)
        raise StorageError(
            f"The tables of {slug} for {', '.join(map(str, lost))} are not made again.",
            why=f"the list that they are made of is gone from {places}",
            remedy=REMEDY_OF_LOSS,
        )


def _is_lost(files: StoredFiles, day: date, made_of: Sequence[datetime]) -> bool:
    stored = {_in_milliseconds(fetch_time(key)) for key in files.by_day.get(day, ())}
    followed = any(moment < counting for moment in made_of for counting in _counting(files, day))
    return not followed and any(moment not in stored for moment in made_of)


def _counting(files: StoredFiles, day: date) -> list[datetime]:
    """When the list was fetched that counts for a day, if there is one."""
    return [_in_milliseconds(fetch_time(files.counting[day]))] if day in files.counting else []


def _in_milliseconds(moment: datetime) -> datetime:
    """A moment of UTC as tables have it."""
    return moment.replace(tzinfo=None, microsecond=moment.microsecond // 1000 * 1000)

"""Reading everything that the lake keeps, to find what is damaged. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date

from spotify_assets.analytics.compaction import damaged_compacted
from spotify_assets.analytics.releases import NO_RELEASE, damaged_files, read_release
from spotify_assets.errors import Damaged, StorageError
from spotify_assets.schemas.analyses import IDENTITY
from spotify_assets.schemas.daily import SNAPSHOTS
from spotify_assets.storage.daily_files import complete_days, incomplete_days, list_daily_files
from spotify_assets.storage.layout import (
    ANALYTICS_PREFIX,
    RAW_PREFIX,
    RELEASE_KEY,
    WRITTEN_KEYS,
    Partition,
    day_folder,
    identity_key,
    parse_raw_key,
    parse_run,
    partition_key,
    withdrawals_prefix,
)
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore
from spotify_assets.storage.outdated import REMEDY_OF_LOSS, lost_days, outdated_days
from spotify_assets.storage.parquet import PUBLISH_AGAIN, rebuild_again, refuse_damaged
from spotify_assets.storage.raw_format import decode as decode_raw
from spotify_assets.storage.withdrawals import Withdrawals
from spotify_assets.storage.written import damaged_written


def find_damage(store: ObjectStore) -> Iterator[StorageError]:
    """A refusal for each object that is damaged or gone, which names it and what mends it; in the order of the data.

    Read are the raw layer, the withdrawals, the daily tables, the compacted history, identity, the released analyses,
    the report and the star schema. What is left of older runs is not, nor what people may change.
    """
    raw = [key for key in store.list_keys(RAW_PREFIX) if parse_raw_key(key)]
    yield from _refusals(raw, lambda key: decode_raw(store.read(key), store.uri(key)))
    yield from _refusals([""], lambda _: Withdrawals(store).history())
    daily = list_daily_files(store)
    stored = {Partition(parsed.playlist, parsed.day) for key in raw if (parsed := parse_raw_key(key))}
    for day in sorted(set().union(*daily.values()) - stored):
        yield _damaged(store, RAW_PREFIX + day_folder(*day), REMEDY_OF_LOSS)
    for day, lacking in incomplete_days(daily).items():
        for key in (partition_key(table, *day) for table in lacking):
            yield _damaged(store, key, rebuild_again(key))
    days = [partition_key(table, *day) for table, found in daily.items() for day in found]
    yield from _refusals(days, lambda key: refuse_damaged(store, [key], rebuild_again(key)))
    yield from _outdated(store, complete_days(daily) & stored)
    for key in damaged_compacted(store):
        yield _damaged(store, key)
    released = [key for key in store.list_keys(ANALYTICS_PREFIX) if parse_run(key)]
    if released:
        yield from _refusals(map(identity_key, IDENTITY), lambda key: refuse_damaged(store, [key], PUBLISH_AGAIN))
        yield from _released(store)
    for prefix in WRITTEN_KEYS:
        yield from (_damaged(store, key) for key in damaged_written(store, prefix))


def _outdated(store: ObjectStore, days: Collection[Partition]) -> Iterator[StorageError]:
    for slug in sorted({day.playlist for day in days}):
        of_slug = [day.day for day in days if day.playlist == slug]
        lost: list[date] = []
        outdated: list[date] = []
        with suppress(StorageError):  # for a damaged marker, which is named above
            lost, outdated = lost_days(store, slug, of_slug), outdated_days(store, slug, of_slug)
        yield from (_damaged(store, RAW_PREFIX + day_folder(slug, day), REMEDY_OF_LOSS) for day in lost)
        for day in outdated:
            key = partition_key(SNAPSHOTS.name, slug, day)
            yield StorageError(
                f"{store.uri(key)}, and what belongs to it, is not made of the list that counts.",
                why="a run was killed before it had made the day's tables, or the marker of a withdrawal is gone from "
                f"{store.uri(withdrawals_prefix(slug))}",
                remedy=f"put the marker back if there was one, or withdraw the list again; then {rebuild_again(key)}",
            )


def _released(store: ObjectStore) -> Iterator[StorageError]:
    try:
        release = read_release(store)
    except StorageError as refusal:
        yield refusal
        return
    if release is NO_RELEASE:
        yield _damaged(store, RELEASE_KEY)
    for key in sorted(damaged_files(store, release.digests())):
        yield _damaged(store, key)


def _refusals(keys: Iterable[str], read: Callable[[str], object]) -> Iterator[StorageError]:
    def attempt(key: str) -> StorageError | None:
        try:
            read(key)
        except StorageError as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        yield from filter(None, pool.map(attempt, keys))


def _damaged(store: ObjectStore, key: str, remedy: str = PUBLISH_AGAIN) -> Damaged:
    return Damaged(
        f"{store.uri(key)} is damaged or gone.",
        why="its bytes are not those that were written there",
        remedy=remedy,
    )

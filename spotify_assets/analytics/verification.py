"""Reading everything that the lake keeps, to find what is damaged. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from spotify_assets.analytics.compaction import damaged_compacted
from spotify_assets.analytics.releases import damaged_files, read_release
from spotify_assets.errors import Damaged, StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import IDENTITY
from spotify_assets.storage.layout import (
    RAW_PREFIX,
    RELEASE_KEY,
    identity_key,
    parse_partition_key,
    parse_raw_key,
    table_prefix,
)
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore, read_if_present
from spotify_assets.storage.parquet import PUBLISH_AGAIN, decode, rebuild_again
from spotify_assets.storage.raw_format import decode as decode_raw
from spotify_assets.storage.withdrawals import Withdrawals


def find_damage(store: ObjectStore) -> Iterator[StorageError]:
    """A refusal for each object that is damaged, which names it and what mends it; in the order of the data.

    Read are the raw layer, the withdrawals, the daily tables, the compacted history, identity and the released
    analyses. What is left of older runs is not.
    """
    raw = [key for key in store.list_keys(RAW_PREFIX) if parse_raw_key(key)]
    yield from _refusals(raw, lambda key: decode_raw(store.read(key), store.uri(key)))
    yield from _refusals([""], lambda _: Withdrawals(store).history())
    for table in TABLES:
        days = [key for key in store.list_keys(table_prefix(table)) if parse_partition_key(key)]
        yield from _refusals(days, lambda key: decode(store.read(key), store.uri(key), remedy=rebuild_again(key)))
    for key in damaged_compacted(store):
        yield _damaged(store, key)
    identity = [key for key in map(identity_key, IDENTITY) if read_if_present(store, key) is not None]
    yield from _refusals(identity, lambda key: decode(store.read(key), store.uri(key), remedy=PUBLISH_AGAIN))
    yield from _released(store)


def _released(store: ObjectStore) -> Iterator[StorageError]:
    try:
        release = read_release(store, RELEASE_KEY)
    except StorageError as refusal:
        yield refusal
        return
    parts = [part for of_table in release.tables.values() for part in of_table.values()]
    digests = {key: digest for part in parts for key, digest in part.files.items()}
    for key in sorted(damaged_files(store, digests)):
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


def _damaged(store: ObjectStore, key: str) -> Damaged:
    return Damaged(
        f"{store.uri(key)} is damaged or gone.",
        why="its bytes are not those that were written there",
        remedy=PUBLISH_AGAIN,
    )

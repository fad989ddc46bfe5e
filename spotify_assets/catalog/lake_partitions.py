"""Which partitions the lake really holds, by listing it: what the catalog is compared with."""

from __future__ import annotations

from spotify_assets.schemas import TABLES
from spotify_assets.storage.layout import parse_partition_key, table_prefix
from spotify_assets.storage.object_store import ObjectStore


def list_partitions(store: ObjectStore) -> dict[str, set[tuple[str, str]]]:
    """Pairs of playlist and snapshot date, by table."""
    return {
        table: {
            (partition.playlist, str(partition.day))
            for partition in map(parse_partition_key, store.list_keys(table_prefix(table)))
            if partition
        }
        for table in TABLES
    }

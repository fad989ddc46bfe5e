"""Which partitions the lake really holds, by listing it: what the catalog is compared with."""

from __future__ import annotations

import re

from spotify_assets.schemas import TABLES
from spotify_assets.storage.object_store import ObjectStore

PARTITION = re.compile(r"[^/]+/playlist=(?P<playlist>[^/]+)/snapshot_date=(?P<day>[^/]+)/part-0\.parquet")


def list_partitions(store: ObjectStore) -> dict[str, set[tuple[str, str]]]:
    """Pairs of playlist and snapshot date, by table."""
    return {
        table: {
            (match["playlist"], match["day"])
            for match in map(PARTITION.fullmatch, store.list_keys(f"{table}/"))
            if match
        }
        for table in TABLES
    }

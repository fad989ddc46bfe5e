"""Which objects the daily tables consist of: listed once in a publish run, and passed on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from spotify_assets.schemas import TABLES
from spotify_assets.storage.layout import Partition, parse_partition_key, table_prefix
from spotify_assets.storage.object_store import ObjectStore

DailyFiles = Mapping[str, Mapping[Partition, str]]
"""By table, the version of each partition's object, in order."""


def list_daily_files(store: ObjectStore) -> DailyFiles:
    """The objects of all daily tables as they are now.

    Raises:
        StorageError: the lake cannot be listed.
    """
    files: dict[str, dict[Partition, str]] = {}
    for table in TABLES:
        parsed = (
            (parse_partition_key(stored.key), stored.version) for stored in store.list_objects(table_prefix(table))
        )
        files[table] = {partition: version for partition, version in parsed if partition}
    return files


def incomplete_days(files: DailyFiles) -> dict[Partition, list[str]]:
    """The days that some tables have and others lack, with the tables that lack them."""
    return {
        partition: lacking
        for partition in sorted(set().union(*files.values()))
        if (lacking := [table for table, found in files.items() if partition not in found])
    }


def complete_days(files: DailyFiles) -> set[Partition]:
    """The days that have all their tables."""
    return set.intersection(*(set(found) for found in files.values()))


def stored_digest(store: ObjectStore, files: DailyFiles) -> str:
    """A digest of what all complete days of a lake consist of, and of where the lake is; empty where there is none.

    A release names the place: in `catalog.duckdb`, in Glue and in the projects of the pack. So that of a lake that was
    moved or copied is another one, which would else read what is left at the place of before.
    """
    days = sorted(complete_days(files))
    versions = [f"{day} {table} {found[day]}" for day in days for table, found in files.items()]
    return hashlib.sha256("\n".join([store.uri(""), *versions]).encode()).hexdigest() if days else ""

"""Removing old days from a lake: the partitions in Glue, the daily tables, the raw files. By the day, never by age.

What is made of the days (history, analyses, report, pack) follows with the next publish run, as if they had never been
there. Landed chart files, the archive's list of commits and the markers of withdrawals stay.

A batch of days goes after the other, and of each first its partitions, then its tables, then its raw files. So a day
that was begun lacks a table, and publish runs leave it out; and what is left of it is found again, and removed, as long
as anything is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from spotify_assets.catalog.glue_comparison import read_tables
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.catalog.glue_tables import DELETED_PER_CALL, delete_partitions
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.settings import Settings
from spotify_assets.storage.layout import parse_partition_key, parse_raw_key, partition_key, raw_prefix, table_prefix
from spotify_assets.storage.object_store import ObjectStore, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


@dataclass(frozen=True)
class OldDay:
    """What there is of an old day.

    Attributes:
        partitions: names of the tables that have it in Glue.
        tables: its objects in the daily tables.
        raw: its raw files.
    """

    partitions: list[str] = field(default_factory=list)
    tables: list[StoredObject] = field(default_factory=list)
    raw: list[StoredObject] = field(default_factory=list)


OldDays = Mapping[date, OldDay]
"""The old days of a playlist, oldest first."""


def first_kept(keep: int) -> date:
    """The first day that stays where days are kept for so many days: that many before today in Japan."""
    return today_in_japan() - timedelta(days=keep)


@contextmanager
def open_glue(settings: Settings) -> Iterator[GlueClient | None]:
    """A client of Glue where it is the catalog.

    Raises:
        CatalogError: AWS's variables name no region, or are contradictory.
    """
    if settings.glue_crawler:
        with open_client() as glue:
            yield glue
    else:
        yield None


def find_old(
    store: ObjectStore, glue: GlueClient | None, database: str, slugs: Iterable[str], first: date
) -> dict[str, OldDays]:
    """What a lake, and Glue where it is the catalog, have of the days before one, by playlist.

    Raises:
        StorageError: the lake cannot be listed.
        CatalogUnavailable: Glue refuses.
    """
    registered = read_tables(glue, database, TABLES) if glue else {}
    partitions = {name: table.partitions for name, table in registered.items()}
    return {slug: _old_days(store, partitions, slug, first) for slug in slugs}


def _old_days(
    store: ObjectStore, partitions: Mapping[str, Collection[tuple[str, str]]], slug: str, first: date
) -> OldDays:
    days: dict[date, OldDay] = defaultdict(OldDay)
    for table in TABLES:
        for stored in store.list_objects(table_prefix(table, slug)):
            if partition := parse_partition_key(stored.key):
                days[partition.day].tables.append(stored)
        for registered in partitions.get(table, ()):
            partition = parse_partition_key(partition_key(table, *registered))
            if partition and partition.playlist == slug:
                days[partition.day].partitions.append(table)
    for stored in store.list_objects(raw_prefix(slug)):
        if raw := parse_raw_key(stored.key):
            days[raw.day].raw.append(stored)
    return {day: days[day] for day in sorted(days) if day < first}


def remove(store: ObjectStore, glue: GlueClient | None, database: str, slug: str, days: OldDays) -> None:
    """Remove old days of a playlist.

    Raises:
        StorageError: an object could not be removed.
        CatalogUnavailable: Glue refuses.
    """
    old = list(days.items())
    for start in range(0, len(old), DELETED_PER_CALL):
        batch = old[start : start + DELETED_PER_CALL]
        if glue:
            for table in TABLES:
                registered = [(slug, str(day)) for day, of_day in batch if table in of_day.partitions]
                delete_partitions(glue, database, table, registered)
        store.delete_all([stored.key for _, of_day in batch for stored in of_day.tables])
        store.delete_all([stored.key for _, of_day in batch for stored in of_day.raw])

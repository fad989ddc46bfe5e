"""What is new in the lake since it was last published, as Dagster's event log has it.

A partition is complete when all its tables have it, and new when the newest of their materializations is newer than the
last release had seen. The catalog, the first asset of a publish run, records what it saw at its start, and each asset
after it what the one before it recorded; the sensor reads what the release says. So nothing is lost when
publishing fails halfway, whoever made the partitions, and a rebuilt partition counts as new.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.storage.layout import MARKER_KEY, RAW_PREFIX
from spotify_assets.storage.object_store import ObjectStore, read_if_present

PUBLISH_JOB = "publish_job"
CATALOG_KEY = dg.AssetKey(["catalog"])
RELEASE_KEY = dg.AssetKey(["release"])
REPORT_KEY = dg.AssetKey(["report"])
BI_PACK_KEY = dg.AssetKey(["bi_pack"])
PUBLISH_KEYS = (
    CATALOG_KEY,
    *(dg.AssetKey([name]) for name in (*COMPACTED, *IDENTITY, *ANALYSES)),
    RELEASE_KEY,
    REPORT_KEY,
    BI_PACK_KEY,
)
"""The assets of a publish run."""
PUBLISHED_UP_TO = "published_up_to"
"""Metadata of all assets of a publish run: storage id of the newest table materialization when it started."""
LEFT_OUT = "days left out"
"""Metadata of a release: the stored days that it waits for, and why."""
NONE_LEFT_OUT = "none"
LOOKED_AT = 100
"""How many of a table's newest materializations are looked at. Reading one takes half a millisecond, so that the tables
of twenty playlists take some seconds of the minute that a tick has, however long the history is."""


@dataclass(frozen=True)
class News:
    """What is new, as far as it was looked at.

    Attributes:
        complete: new partitions that all tables have, by playlist.
        partial: new partitions that some table does not have yet, by playlist.
        up_to: storage id of the newest materialization of a complete one; None when there is none.
    """

    complete: Mapping[str, list[str]]
    partial: Mapping[str, list[str]]
    up_to: int | None


@dataclass(frozen=True)
class _Recent:
    """The newest materializations of a table: storage ids by partition, and whether there are more than these."""

    ids: Mapping[str, int]
    more: bool


def table_keys(slug: str) -> list[dg.AssetKey]:
    """Keys of the tables of a playlist."""
    return [dg.AssetKey([slug, table]) for table in TABLES]


def daily_keys(slug: str) -> list[dg.AssetKey]:
    """Keys of all that a day of a playlist consists of: the raw snapshot and the tables."""
    return [dg.AssetKey([slug, "raw_playlist"]), *table_keys(slug)]


def newest_materialization(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> int:
    """Storage id of the newest materialization of any of the assets; 0 when there is none."""
    with _unlogged():
        return max(_last_ids(instance, keys).values(), default=0)


def published_up_to(instance: dg.DagsterInstance, key: dg.AssetKey = RELEASE_KEY) -> int:
    """Storage id that the last materialization of an asset of publish runs was made up to; 0 when there is none."""
    with _unlogged():
        event = instance.get_latest_materialization_event(key)
    recorded = (
        event.asset_materialization.metadata.get(PUBLISHED_UP_TO) if event and event.asset_materialization else None
    )
    return recorded.value or 0 if isinstance(recorded, dg.IntMetadataValue) else 0


def refuse_a_lost_lake(instance: dg.DagsterInstance, store: ObjectStore, slugs: Sequence[str]) -> None:
    """Refuse an empty lake where there was one: it is not mounted, or somebody emptied it.

    Args:
        instance: knows what was made, and where.
        store: the lake.
        slugs: the playlists that are asked for.

    Raises:
        StorageError: the lake has neither its marker nor a snapshot, and tables were made in this very place.
    """
    if read_if_present(store, MARKER_KEY) is not None:
        return
    place = store.uri("")
    if any(_made_in(instance, slug, place) for slug in slugs) and not store.list_keys(RAW_PREFIX):
        raise StorageError(
            f"The lake {place.rstrip('/')} is empty, and Dagster knows of days that were stored there.",
            why="it is not mounted, or was emptied or moved",
            remedy="bring the lake back and run this again; if it is to begin anew, put an empty file "
            f"{MARKER_KEY} there, or use another DAGSTER_HOME",
        )


def _made_in(instance: dg.DagsterInstance, slug: str, place: str) -> bool:
    """Whether the tables of a playlist were last made in the lake at this place."""
    with _unlogged():
        event = instance.get_latest_materialization_event(table_keys(slug)[0])
    metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return str(metadata["dagster/uri"].value).startswith(place) if "dagster/uri" in metadata else False


@contextmanager
def _unlogged() -> Iterator[None]:
    """Read the instance from a step: Dagster's SQLite storage would wait for itself if that were logged into it.

    It has one lock for reading and writing. A log line of SQLAlchemy while it reads (`managed_python_loggers` at DEBUG)
    is written by the thread that holds it.
    """
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def find_news(instance: dg.DagsterInstance, slugs: Sequence[str], after: int) -> News:
    """The partitions whose tables were materialized after storage id `after`, up to `LOOKED_AT` of each table.

    Where a table has more than that and none of those looked at is complete, all of them are taken for complete: a
    publish run too many is harmless, one too few is not.
    """
    last = _last_ids(instance, [key for slug in slugs for key in table_keys(slug)])
    complete: dict[str, list[str]] = {}
    partial: dict[str, list[str]] = {}
    newest: list[int] = []
    for slug in slugs:
        recent = {key: _recent(instance, key, after) for key in table_keys(slug) if last.get(key, 0) > after}
        candidates = {partition for events in recent.values() for partition in events.ids}
        whole = set(candidates)
        for key in table_keys(slug):
            seen = recent[key].ids.keys() if key in recent else set()
            whole &= seen | _having(instance, key, whole - seen)
        if not whole and any(events.more for events in recent.values()):
            whole = candidates
        complete[slug] = sorted(whole)
        partial[slug] = sorted(candidates - whole)
        newest += [events.ids[partition] for events in recent.values() for partition in whole & events.ids.keys()]
    return News(
        complete={slug: partitions for slug, partitions in complete.items() if partitions},
        partial={slug: partitions for slug, partitions in partial.items() if partitions},
        up_to=max(newest, default=None),
    )


def _last_ids(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, int]:
    entries = [record.asset_entry for record in instance.get_asset_records(keys)]
    return {entry.asset_key: entry.last_materialization_storage_id or 0 for entry in entries}


def _recent(instance: dg.DagsterInstance, key: dg.AssetKey, after: int) -> _Recent:
    newest_first = instance.fetch_materializations(dg.AssetRecordsFilter(key, after_storage_id=after), limit=LOOKED_AT)
    ids: dict[str, int] = {}
    for record in newest_first.records:
        if record.partition_key is not None:
            ids.setdefault(record.partition_key, record.storage_id)
    return _Recent(ids, more=newest_first.has_more)


def _having(instance: dg.DagsterInstance, key: dg.AssetKey, partitions: set[str]) -> set[str]:
    """Which of the partitions an asset has ever had."""
    lacking = set(partitions)
    while lacking:
        wanted = dg.AssetRecordsFilter(key, asset_partitions=sorted(lacking))
        found = {record.partition_key for record in instance.fetch_materializations(wanted, limit=LOOKED_AT).records}
        if not found:
            break
        lacking.difference_update(found)
    return partitions - lacking

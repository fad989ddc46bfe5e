"""What is new in the lake since it was last published, as Dagster's event log tells it.

A partition is complete when all its tables have it, and new when the newest of their materializations is newer than the
last release had seen. The catalog, the first asset of a publish run, records what it saw at its start, and each asset
after it what the one before it recorded; the sensor reads what the last one, the release, says. So nothing is lost when
publishing fails halfway, whoever made the partitions, and a rebuilt partition counts as new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY

CATALOG_KEY = dg.AssetKey(["catalog"])
RELEASE_KEY = dg.AssetKey(["release"])
PUBLISH_KEYS = (
    CATALOG_KEY,
    *(dg.AssetKey([name]) for name in (*COMPACTED, *IDENTITY, *ANALYSES)),
    RELEASE_KEY,
)
"""The assets of a publish run."""
PUBLISHED_UP_TO = "published_up_to"
"""Metadata of all assets of a publish run: storage id of the newest table materialization when it started."""


@dataclass(frozen=True)
class News:
    """What is new.

    Attributes:
        complete: new partitions that all tables have, by playlist.
        partial: new partitions that some table does not have yet, by playlist.
        up_to: storage id of the newest materialization of a complete one; None when there is none.
    """

    complete: Mapping[str, list[str]]
    partial: Mapping[str, list[str]]
    up_to: int | None


def table_keys(slug: str) -> list[dg.AssetKey]:
    """Keys of the tables of a playlist."""
    return [dg.AssetKey([slug, table]) for table in TABLES]


def daily_keys(slug: str) -> list[dg.AssetKey]:
    """Keys of all that a day of a playlist consists of: the raw snapshot and the tables."""
    return [dg.AssetKey([slug, "raw_playlist"]), *table_keys(slug)]


def newest_materialization(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> int:
    """Storage id of the newest materialization of any of the assets; 0 when there is none."""
    ids = [record.asset_entry.last_materialization_storage_id for record in instance.get_asset_records(keys)]
    return max((storage_id for storage_id in ids if storage_id is not None), default=0)


def published_up_to(instance: dg.DagsterInstance, key: dg.AssetKey = RELEASE_KEY) -> int:
    """Storage id that the last materialization of an asset of publish runs was made up to; 0 when there is none."""
    event = instance.get_latest_materialization_event(key)
    recorded = (
        event.asset_materialization.metadata.get(PUBLISHED_UP_TO) if event and event.asset_materialization else None
    )
    return recorded.value or 0 if isinstance(recorded, dg.IntMetadataValue) else 0


def find_news(instance: dg.DagsterInstance, slugs: Iterable[str], after: int) -> News:
    """The partitions whose tables were materialized after storage id `after`."""
    complete: dict[str, list[str]] = {}
    partial: dict[str, list[str]] = {}
    newest: list[int] = []
    for slug in slugs:
        keys = table_keys(slug)
        recent = [_latest_ids(instance, key, after=after) for key in keys]
        candidates = sorted(set().union(*recent))
        if not candidates:
            continue
        having = [set(_latest_ids(instance, key, partitions=set(candidates))) for key in keys]
        whole = set.intersection(*having)
        complete[slug] = [partition for partition in candidates if partition in whole]
        partial[slug] = [partition for partition in candidates if partition not in whole]
        newest += [ids[partition] for ids in recent for partition in complete[slug] if partition in ids]
    return News(
        complete={slug: partitions for slug, partitions in complete.items() if partitions},
        partial={slug: partitions for slug, partitions in partial.items() if partitions},
        up_to=max(newest, default=None),
    )


def _latest_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, *, after: int | None = None, partitions: set[str] | None = None
) -> Mapping[str, int]:
    # Not public, but the only way whose cost does not grow with the history; a test pins its behaviour.
    return instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=partitions, after_cursor=after
    )

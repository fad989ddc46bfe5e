"""The catalog asset: what the daily tables of the lake hold, and (with Glue) the crawl that makes it queryable.

A local catalog is one file, which the release writes whole; here the lake is judged.
"""

# Without `from __future__ import annotations`: Dagster does not resolve string annotations of context and config.
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from spotify_assets.assets.common import OWNERS, enter_lake, without_useless_retries
from spotify_assets.publication import CATALOG_KEY, PUBLISHED_UP_TO, newest_materialization, table_keys
from spotify_assets.schemas import Column
from spotify_assets.settings import Settings
from spotify_assets.storage.daily_files import DailyFiles, incomplete_days
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.object_store import ABANDONED_AFTER


class CatalogConfig(dg.Config):
    """How long a Glue crawl may take and how often it is looked at. Without meaning for catalog.duckdb."""

    crawl_timeout_seconds: float = 45 * 60
    poll_seconds: float = 10


def build_catalog(settings: Settings) -> dg.AssetsDefinition:
    """The asset `catalog`, downstream of all daily tables."""
    keys = [key for playlist in settings.playlists for key in table_keys(playlist.slug)]

    @dg.asset(
        key=CATALOG_KEY,
        deps=keys,
        group_name="catalog",
        description=(
            "Which days are whole, and does Athena know of them? The Glue tables of database "
            f"`{settings.glue_database}`, brought up to date by the crawler `{settings.glue_crawler}` when a partition "
            "or column is new, then compared with the schemas."
            if settings.glue_crawler
            else "Which days are whole, and which lack a table? Here the lake is judged before anything is made of it; "
            "the release writes `catalog.duckdb`."
        ),
        kinds={"glue" if settings.glue_crawler else "duckdb"},
        owners=OWNERS,
        tags={"layer": "catalog"},
    )
    @without_useless_retries
    def catalog(context: dg.AssetExecutionContext, config: CatalogConfig, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
        enter_lake(context, lake, [playlist.slug for playlist in settings.playlists])
        # Before anything is listed: what is materialized from here on counts as new the next time.
        seen = newest_materialization(context.instance, keys)
        daily = lake.daily_files(anew=True)
        incomplete = incomplete_days(daily)
        for day, lacking in incomplete.items():
            context.log.warning("%s of %s has no %s", day.day, day.playlist, ", ".join(lacking))
        crawl = _refresh_glue(settings, config, daily) if settings.glue_crawler else {}
        counts = {f"partitions of {table}": len(found) for table, found in daily.items()}
        return dg.MaterializeResult(
            metadata={PUBLISHED_UP_TO: seen, **crawl, "days that lack a table": len(incomplete), **counts}
        )

    return catalog


def _refresh_glue(settings: Settings, config: CatalogConfig, daily: DailyFiles) -> dict[str, Any]:
    from spotify_assets.catalog.glue_crawl import open_client, refresh
    from spotify_assets.catalog.glue_tables import drop_abandoned

    with open_client() as glue:
        abandoned = drop_abandoned(glue, settings.glue_database, datetime.now(UTC) - ABANDONED_AFTER)
        report = refresh(
            glue,
            crawler=str(settings.glue_crawler),
            database=settings.glue_database,
            lake_uri=settings.lake,
            lake_partitions={table: {(slug, str(day)) for slug, day in found} for table, found in daily.items()},
            timeout_seconds=config.crawl_timeout_seconds,
            poll_seconds=config.poll_seconds,
            on_schema_change=settings.glue_crawl == "on_schema_change",
        )
    return {
        "crawl": "skipped" if report.skipped else "done",
        "reason": report.reason,
        "tables added": ", ".join(report.tables_added) or "none",
        "partitions added": dg.MetadataValue.json(dict(report.partitions_added)),
        "tables registered without the crawler": ", ".join(report.registered.tables) or "none",
        "columns registered without the crawler": ", ".join(_columns(report.registered.columns)) or "none",
        "partitions registered without the crawler": sum(map(len, report.registered.partitions.values())),
        "columns changed": ", ".join(report.columns_changed) or "none",
        "columns of older schemas": ", ".join(report.surplus_columns) or "none",
        "waited for another crawl (s)": round(report.waited_seconds, 1),
        "crawl duration (s)": round(report.crawl_seconds, 1),
        **({} if report.dpu_hours is None else {"crawl DPU-hours": report.dpu_hours}),
        "tables of killed runs removed": ", ".join(abandoned) or "none",
    }


def _columns(registered: Mapping[str, Sequence[Column]]) -> list[str]:
    return [f"{table}.{column.name}" for table, columns in registered.items() for column in columns]

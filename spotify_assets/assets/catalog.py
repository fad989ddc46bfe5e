"""The catalog asset: makes what is new in the lake queryable, by the Glue crawler or in catalog.duckdb."""

# Without `from __future__ import annotations`: Dagster does not resolve string annotations of context and config.
from typing import Any

import dagster as dg

from spotify_assets.assets.common import OWNERS, without_useless_retries
from spotify_assets.publication import CATALOG_KEY, PUBLISHED_UP_TO, newest_materialization, table_keys
from spotify_assets.settings import Settings
from spotify_assets.storage.lake import Lake


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
            f"The Glue tables of database `{settings.glue_database}`, brought up to date by the crawler "
            f"`{settings.glue_crawler}` when a partition or column is new, then compared with the schemas."
            if settings.glue_crawler
            else "`catalog.duckdb` in the lake: a view per table, to be opened with any DuckDB client."
        ),
        kinds={"glue" if settings.glue_crawler else "duckdb"},
        owners=OWNERS,
        tags={"layer": "catalog"},
    )
    @without_useless_retries
    def catalog(context: dg.AssetExecutionContext, config: CatalogConfig, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from spotify_assets.catalog.lake_partitions import list_partitions

        # Before anything is read: what is materialized from here on counts as new the next time.
        seen = newest_materialization(context.instance, keys)
        store = lake.store()
        partitions = list_partitions(store)
        metadata = (
            _refresh_glue(settings, config, partitions) if settings.glue_crawler else _refresh_file(store, partitions)
        )
        counts = {f"partitions of {table}": len(found) for table, found in partitions.items()}
        return dg.MaterializeResult(metadata={PUBLISHED_UP_TO: seen, **metadata, **counts})

    return catalog


def _refresh_file(store: Any, partitions: dict[str, set[tuple[str, str]]]) -> dict[str, Any]:
    from spotify_assets.analytics.releases import history_keys, read_release
    from spotify_assets.catalog.duckdb_file import refresh, stored_tables

    released = history_keys(store, read_release(store))
    return {"dagster/uri": refresh(store, stored_tables(partitions, released))}


def _refresh_glue(
    settings: Settings, config: CatalogConfig, partitions: dict[str, set[tuple[str, str]]]
) -> dict[str, Any]:
    from spotify_assets.catalog.glue import open_client, refresh

    with open_client() as glue:
        report = refresh(
            glue,
            crawler=str(settings.glue_crawler),
            database=settings.glue_database,
            lake_uri=settings.lake,
            lake_partitions=partitions,
            timeout_seconds=config.crawl_timeout_seconds,
            poll_seconds=config.poll_seconds,
        )
    return {
        "crawl": "skipped" if report.skipped else "done",
        "reason": report.reason,
        "tables added": ", ".join(report.tables_added) or "none",
        "partitions added": dg.MetadataValue.json(dict(report.partitions_added)),
        "columns changed": ", ".join(report.columns_changed) or "none",
        "columns of older schemas": ", ".join(report.surplus_columns) or "none",
        "waited for another crawl (s)": round(report.waited_seconds, 1),
        "crawl duration (s)": round(report.crawl_seconds, 1),
    }

"""A release of the analyses in the catalog: Glue tables that point to its run, or a new catalog.duckdb."""

from __future__ import annotations

from spotify_assets.analytics.releases import RELEASE_KEY, Release, history_keys, remove_old_runs, write_release
from spotify_assets.catalog.duckdb_file import refresh, stored_tables
from spotify_assets.catalog.lake_partitions import list_partitions
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore


def release_into_catalog(settings: Settings, store: ObjectStore, release: Release) -> list[str]:
    """Make a release the one that people see, and remove runs that are too old to be read.

    Returns:
        The names of the removed runs.

    Raises:
        CatalogError: Glue refuses.
        StorageError: the lake could not be written; the last release still stands.
    """
    write_release(store, release, RELEASE_KEY)
    if settings.glue_crawler is None:
        refresh(store, stored_tables(list_partitions(store), history_keys(store, release)))
    return remove_old_runs(store, release)

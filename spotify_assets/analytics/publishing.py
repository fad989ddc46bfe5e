"""A release of the analyses in the catalog: Glue tables that point to its run, or a new catalog.duckdb."""

from __future__ import annotations

from spotify_assets.analytics.releases import Release, history_keys, remove_old_runs, write_release
from spotify_assets.catalog.duckdb_file import refresh, stored_tables
from spotify_assets.catalog.glue import open_client
from spotify_assets.catalog.glue_tables import register_history, register_table
from spotify_assets.catalog.lake_partitions import list_partitions
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.settings import Settings
from spotify_assets.storage.layout import RELEASE_KEY, run_prefix
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
    else:
        _register(settings.glue_database, store, release)
    return remove_old_runs(store, release)


def _register(database: str, store: ObjectStore, release: Release) -> None:
    """Point the Glue tables to a release, one after the other: Glue changes one table at a time."""
    with open_client() as glue:
        register_history(glue, database, store)
        for name in release.tables:
            location = store.uri(run_prefix(name, release.run))
            register_table(glue, database, name, ANALYSES[name], location, parameters={"run": release.run})

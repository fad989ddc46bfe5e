"""A release of the analyses in the catalog: Glue tables that point to its run, or a new catalog.duckdb."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from spotify_assets.analytics.releases import NO_RELEASE, Release, old_keys, read_release, write_release
from spotify_assets.catalog.duckdb_file import refresh, stored_tables
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.catalog.glue_tables import register_history, register_table
from spotify_assets.errors import StorageError
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, COMPACTED, IDENTITY
from spotify_assets.settings import Settings
from spotify_assets.storage.daily_files import DailyFiles
from spotify_assets.storage.layout import (
    ANALYTICS_PREFIX,
    PREPARED_KEY,
    RELEASE_KEY,
    TEMPORARY_PREFIX,
    Year,
    parse_year_key,
    run_prefix,
    table_prefix,
)
from spotify_assets.storage.object_store import ABANDONED_AFTER, ObjectStore, remove_abandoned
from spotify_assets.storage.written import forget_written


def release_into_catalog(settings: Settings, store: ObjectStore, daily: DailyFiles) -> tuple[Release, list[str]]:
    """Make the prepared release the one that people see, and remove what is too old to be read or written.

    Args:
        settings: which catalog there is.
        store: the lake.
        daily: the objects of the daily tables, of which a catalog file is made.

    Returns:
        The release, and the names of the runs that were removed.

    Raises:
        CatalogError: Glue refuses.
        StorageError: nothing is prepared, or the lake could not be written; the last release still stands.
    """
    release = read_release(store, PREPARED_KEY)
    if release is NO_RELEASE:
        raise StorageError(
            f"There is nothing to release in {store.uri(ANALYTICS_PREFIX)}.",
            why="no analyses were made there yet",
            remedy="run publish_job: it makes them first",
        )
    runs = _versions(store, ANALYTICS_PREFIX)
    history = {name: _versions(store, table_prefix(name)) for name in (*COMPACTED, *IDENTITY)}
    if settings.glue_crawler is None:
        refresh(store, stored_tables(daily, _of_people(history) | _of_release(release, runs)))
    else:
        years = {year for key in history[CHART_DAYS.name] if (year := parse_year_key(key))}
        _register(settings.glue_database, store, release, years)
    forget_written(store)
    # Last: what this records decides whether people see what is stored, and a run that was killed before is repeated.
    write_release(store, release, RELEASE_KEY)
    old = old_keys(release, list(runs))
    store.delete_all([key for keys in old.values() for key in keys])
    remove_abandoned(store, TEMPORARY_PREFIX, datetime.now(UTC) - ABANDONED_AFTER)
    return release, list(old)


def _versions(store: ObjectStore, prefix: str) -> dict[str, str]:
    return {stored.key: stored.version for stored in store.list_objects(prefix)}


def _of_people(history: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The compacted history without what is recorded beside it."""
    return {
        name: {key: version for key, version in files.items() if key.endswith(".parquet")}
        for name, files in history.items()
    }


def _of_release(release: Release, runs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The files of the released analyses, as far as they are there."""
    return {name: {key: runs[key] for key in release.keys(name) if key in runs} for name in release.tables}


def _register(database: str, store: ObjectStore, release: Release, years: Collection[Year]) -> None:
    """Point the Glue tables to a release, one after the other: Glue changes one table at a time."""
    with open_client() as glue:
        register_history(glue, database, store, years)
        for name in release.tables:
            location = store.uri(run_prefix(name, release.run))
            register_table(glue, database, name, ANALYSES[name], location, parameters={"run": release.run})

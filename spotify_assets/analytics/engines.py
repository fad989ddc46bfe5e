"""Which engine runs the analyses, by the settings."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager

from spotify_assets.analytics.engine import Engine
from spotify_assets.analytics.lake_files import LakeFiles
from spotify_assets.settings import Settings
from spotify_assets.storage.layout import Year


def open_engine(settings: Settings, files: LakeFiles, years: Collection[Year]) -> AbstractContextManager[Engine]:
    """The engine that `SPOTIFY_ASSETS_ENGINE` names, over a lake that has these years of the compacted history.

    Raises:
        CatalogError: Glue does not take the tables of the history, which Athena reads.
        EngineError: Athena cannot be reached with these settings.
    """
    if settings.engine == "athena":
        from spotify_assets.analytics.athena_engine import open_athena_engine

        return open_athena_engine(files, years, workgroup=settings.athena_workgroup, database=settings.glue_database)
    from spotify_assets.analytics.duckdb_engine import open_duckdb_engine

    return open_duckdb_engine(files, years, settings.memory_limit)

"""The jobs: one makes today's tables, one publishes what is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from spotify_assets.publication import table_keys
from spotify_assets.settings import PlaylistSettings

DAILY_PLAYLIST_JOB = "daily_playlist_job"
PUBLISH_JOB = "publish_job"


def build_daily_playlist_job(playlists: Sequence[PlaylistSettings]) -> Any:
    """The job that fills one day of every playlist whose source can be asked for today, in one process."""
    # By key and not by group: a playlist may be called like the group of the catalog.
    slugs = [playlist.slug for playlist in playlists]
    keys = [key for slug in slugs for key in (dg.AssetKey([slug, "raw_playlist"]), *table_keys(slug))]
    return dg.define_asset_job(
        DAILY_PLAYLIST_JOB,
        selection=dg.AssetSelection.assets(*keys),
        description="One day of all playlists: raw snapshot and daily tables. One that fails leaves the others alone.",
    )


def build_publish_job(catalog: dg.AssetsDefinition) -> Any:
    """The job that makes new partitions queryable; `glue_crawler_sensor` starts it."""
    return dg.define_asset_job(
        PUBLISH_JOB,
        selection=dg.AssetSelection.assets(catalog),
        description="Bring the catalog up to date with the lake (Glue crawler, or catalog.duckdb).",
    )

"""Assembly and nothing else: the settings say which playlists there are, and everything is put together here."""

from __future__ import annotations

import dagster as dg

from spotify_assets.assets.catalog import build_catalog
from spotify_assets.assets.daily_tables import build_daily_tables
from spotify_assets.assets.raw_playlist import build_raw_playlist
from spotify_assets.jobs import build_daily_playlist_job, build_publish_job
from spotify_assets.partitions import daily_partitions
from spotify_assets.resources import build_resources
from spotify_assets.schedules import build_daily_playlist_schedule
from spotify_assets.sensors import build_glue_crawler_sensor
from spotify_assets.settings import Settings, load_settings
from spotify_assets.sources.snapshot import CHARTS


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything that Dagster is to know, for these settings."""
    partitions = daily_partitions(settings.start)
    catalog = build_catalog(settings)
    publish_job = build_publish_job(catalog)
    asked_daily = [playlist for playlist in settings.playlists if playlist.source != CHARTS]
    daily_playlist_job = build_daily_playlist_job(asked_daily) if asked_daily else None
    return dg.Definitions(
        assets=[
            *(build_raw_playlist(playlist, partitions) for playlist in settings.playlists),
            *(build_daily_tables(playlist, partitions) for playlist in settings.playlists),
            catalog,
        ],
        jobs=[daily_playlist_job, publish_job] if daily_playlist_job else [publish_job],
        schedules=[build_daily_playlist_schedule(daily_playlist_job)] if daily_playlist_job else [],
        sensors=[build_glue_crawler_sensor(settings.playlists, publish_job)],
        resources=build_resources(settings),
        # A process per step would import pandas and pyarrow in each: 24 s for the daily job instead of 6 s.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` and `dg` load."""
    return build_definitions(load_settings())

"""Assembly and nothing else: the settings say which playlists there are, and everything is put together here."""

from __future__ import annotations

import dagster as dg

from spotify_assets.assets.analyses import build_analyses
from spotify_assets.assets.bi_pack import build_bi_pack
from spotify_assets.assets.catalog import build_catalog
from spotify_assets.assets.daily_tables import build_daily_tables
from spotify_assets.assets.raw_playlist import build_raw_playlist
from spotify_assets.assets.report import build_report
from spotify_assets.jobs import (
    PUBLISH_RETRIES,
    build_chart_files_job,
    build_daily_playlist_job,
    build_prune_job,
    build_publish_job,
    build_tidy_job,
)
from spotify_assets.partitions import daily_partitions
from spotify_assets.resources import build_resources
from spotify_assets.schedules import build_daily_playlist_schedule, build_upkeep_schedule
from spotify_assets.sensors.archived_days import build_archive_sensor
from spotify_assets.sensors.chart_landing import build_chart_landing_sensor
from spotify_assets.sensors.glue_crawler import build_glue_crawler_sensor
from spotify_assets.sensors.movement_alerts import build_movement_alerts
from spotify_assets.sensors.playlist_change import build_playlist_change_sensor
from spotify_assets.settings import PlaylistSettings, Settings, load_settings
from spotify_assets.snapshot import ARCHIVE, CHARTS


def build_definitions(settings: Settings, *, publish_retries: dg.RetryPolicy | None = None) -> dg.Definitions:
    """Everything that Dagster is to know, for these settings.

    Args:
        settings: which playlists there are, and where the lake is.
        publish_retries: for publish runs that nobody waits for; a command reports a failure at once.
    """
    partitions = daily_partitions(settings.start)
    publish_job = build_publish_job(publish_retries)
    jobs = [publish_job]
    schedules = []
    sensors = [build_glue_crawler_sensor(settings.playlists, publish_job)]
    if settings.alert_urls or settings.secret:
        sensors.append(build_movement_alerts(settings))
    if settings.keep_days:
        prune_job = build_prune_job(settings, settings.keep_days)
        jobs.append(prune_job)
        schedules.append(
            build_upkeep_schedule(prune_job, 1, "removes the days that are older than SPOTIFY_ASSETS_KEEP_DAYS")
        )
    if settings.keep_runs_days:
        tidy_job = build_tidy_job(settings.keep_runs_days)
        jobs.append(tidy_job)
        schedules.append(
            build_upkeep_schedule(tidy_job, 2, "removes records of runs older than SPOTIFY_ASSETS_KEEP_RUNS_DAYS")
        )
    from_files = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    if from_files:
        chart_files_job = build_chart_files_job(from_files)
        jobs.append(chart_files_job)
        sensors.append(build_chart_landing_sensor(settings, chart_files_job))
    asked_daily = [playlist for playlist in settings.playlists if playlist.source != CHARTS]
    if asked_daily:
        daily_playlist_job = build_daily_playlist_job(asked_daily)
        jobs.append(daily_playlist_job)
        schedules.append(build_daily_playlist_schedule(daily_playlist_job))
        from_spotify = [playlist for playlist in asked_daily if playlist.source == "spotify"]
        archived = [playlist for playlist in asked_daily if playlist.source == ARCHIVE]
        if archived:
            sensors.append(build_archive_sensor(archived, daily_playlist_job))
        if from_spotify:
            sensors.append(build_playlist_change_sensor(from_spotify, daily_playlist_job))
    return dg.Definitions(
        assets=[
            *(
                build_raw_playlist(playlist, partitions, asks_spotify=_asks_spotify(playlist, settings))
                for playlist in settings.playlists
            ),
            *(build_daily_tables(playlist, partitions) for playlist in settings.playlists),
            build_catalog(settings),
            *build_analyses(settings),
            build_report(settings),
            build_bi_pack(settings),
        ],
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        resources=build_resources(settings),
        # A process per step would import pandas and pyarrow in each: 6.0 s for the daily job instead of 2.9 s.
        executor=dg.in_process_executor,
    )


def _asks_spotify(playlist: PlaylistSettings, settings: Settings) -> bool:
    """Whether a playlist's runs call Spotify: charts and archived lists only to be completed, where there is an app."""
    has_app = settings.spotify.client_id is not None or settings.secret is not None
    is_completed = playlist.source in (ARCHIVE, CHARTS) and has_app
    return playlist.source == "spotify" or is_completed


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` and `dg` load."""
    return build_definitions(load_settings(), publish_retries=PUBLISH_RETRIES)

"""The schedules: the daily one, and the weekly one that removes old days."""

from __future__ import annotations

from typing import Any

import dagster as dg

from spotify_assets.partitions import TIMEZONE, today_in_japan

HOUR_IN_JAPAN = 9
"""Spotify renews its daily playlists during the night in Japan."""


def build_daily_playlist_schedule(daily_playlist_job: Any) -> dg.ScheduleDefinition:
    """Every morning in Japan: today's partition."""

    # Not build_schedule_from_partitioned_job: in Dagster 1.13 its ticks use an API that Dagster has deprecated.
    @dg.schedule(
        name="daily_playlist_schedule",
        job=daily_playlist_job,
        cron_schedule=f"0 {HOUR_IN_JAPAN} * * *",
        execution_timezone=TIMEZONE,
        description=f"Every day at {HOUR_IN_JAPAN:02}:00 in Japan: today's partition of all playlists.",
    )
    def daily_playlist_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = str(today_in_japan(context.scheduled_execution_time))
        return dg.RunRequest(run_key=day, partition_key=day)

    return daily_playlist_schedule


def build_upkeep_schedule(job: dg.JobDefinition, hours_before: int, what: str) -> dg.ScheduleDefinition:
    """Every Monday in Japan, some hours before the day's run, with which the analyses follow."""
    return dg.ScheduleDefinition(
        name=job.name.replace("_job", "_schedule"),
        job=job,
        cron_schedule=f"0 {HOUR_IN_JAPAN - hours_before} * * 1",
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every Monday in Japan: {what}.",
    )

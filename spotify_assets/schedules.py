"""The daily schedule."""

from __future__ import annotations

from typing import Any

import dagster as dg

HOUR_IN_JAPAN = 9
"""Spotify renews its daily playlists during the night in Japan."""


def build_daily_playlist_schedule(daily_playlist_job: Any) -> Any:
    """Every morning in Japan: today's partition. The time zone is that of the partitions."""
    return dg.build_schedule_from_partitioned_job(
        daily_playlist_job,
        name="daily_playlist_schedule",
        hour_of_day=HOUR_IN_JAPAN,
        description=f"Every day at {HOUR_IN_JAPAN:02}:00 in Japan: today's partition of all playlists.",
    )

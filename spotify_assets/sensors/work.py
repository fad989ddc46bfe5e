"""What is under way: the runs and backfills that write tables, for which sensors wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from spotify_assets.jobs import CHART_FILES_JOB, DAILY_PLAYLIST_JOB

LONGEST_WAIT = timedelta(hours=24)
"""A run that was killed can look unfinished until somebody puts the instance in order (`upkeep`). What is older is not
waited for: should it write after all, that is new then."""
NAMED = 5
BACKFILLS = 20
"""How many of the newest backfills are looked at."""
TABLE_JOBS = {DAILY_PLAYLIST_JOB, CHART_FILES_JOB}
"""Jobs that write tables. A run of theirs may name no assets; one that was started from an asset's page always does."""
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in ENDED]


def work_under_way(instance: dg.DagsterInstance, keys: set[dg.AssetKey], jobs: set[str]) -> Iterator[str]:
    """Runs and backfills that write these assets and have not ended.

    Args:
        instance: where they are recorded.
        keys: the assets.
        jobs: names of the jobs that write them when a run names no assets.
    """
    since = datetime.now(UTC) - LONGEST_WAIT
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED, updated_after=since)):
        run = record.dagster_run
        if keys & run.asset_selection if run.asset_selection else run.job_name in jobs:
            yield f"run {run.run_id}"
    # Between two of its runs a backfill has none that is unfinished.
    for backfill in instance.get_backfills(limit=BACKFILLS):
        requested = backfill.status.name == "REQUESTED" and backfill.backfill_timestamp >= since.timestamp()
        if requested and (keys & set(backfill.asset_selection or ()) or backfill.job_name in jobs):
            yield f"backfill {backfill.backfill_id}"

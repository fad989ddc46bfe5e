"""Removing old records of Dagster: runs that nothing needs any more, and the logs of those that are needed.

What a run has made is known by its events: without them the UI would show its days as missing, and the sensors would
not know what is published. So of a run that has made something which still counts only the log of its steps goes. (Old
ticks are removed by Dagster itself, as `retention` in dagster.yaml says.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from spotify_assets.publication import PUBLISH_JOB, PUBLISH_KEYS

LOG_REMOVED = "spotify_assets/log_removed"
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class Tidied(NamedTuple):
    """How many runs are gone, and of how many others the logs are."""

    runs: int
    logs: int


def tidy(instance: dg.DagsterInstance, before: datetime) -> Tidied:
    """Remove what nothing needs of the runs that ended before a moment.

    Runs go that have made nothing, and publish runs but the newest and those that an asset's newest state is from. Of
    all others the logs go, where each run has a file of its own, as in Dagster's SQLite storage.
    """
    needed = _publish_runs_in_use(instance)
    runs = logs = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=ENDED, updated_before=before)):
        run = record.dagster_run
        log = _log(instance, run.run_id)
        # Without its log a run looks as if it had made nothing.
        is_useless = LOG_REMOVED not in run.tags and not _has_made_something(instance, run.run_id)
        if run.run_id not in needed and (is_useless or run.job_name == PUBLISH_JOB):
            instance.delete_run(run.run_id)
            for part in log.parent.glob(f"{log.name}*") if log else ():
                part.unlink(missing_ok=True)
            runs += 1
        elif LOG_REMOVED not in run.tags and log:
            instance.add_run_tags(run.run_id, {LOG_REMOVED: "yes"})
            _empty(log)
            logs += 1
        else:
            continue
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    return Tidied(runs, logs)


def _publish_runs_in_use(instance: dg.DagsterInstance) -> Collection[str]:
    """The newest publish run, whatever became of it, and those in which the assets of publish runs were last made."""
    newest = instance.get_run_records(dg.RunsFilter(job_name=PUBLISH_JOB), limit=1)
    events = [instance.get_latest_materialization_event(key) for key in PUBLISH_KEYS]
    return {record.dagster_run.run_id for record in newest} | {event.run_id for event in events if event}


def _has_made_something(instance: dg.DagsterInstance, run_id: str) -> bool:
    made = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=1)
    return bool(made.records)


def _log(instance: dg.DagsterInstance, run_id: str) -> Path | None:
    """The file of the events that a run's own page shows; None in a storage that keeps those of all runs together."""
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    return Path(path_of(run_id)) if path_of else None


def _empty(log: Path) -> None:
    """Remove the events; the file stays, because a web server that has opened it would not make it again."""
    with closing(sqlite3.connect(log, isolation_level=None)) as database:
        database.execute("DELETE FROM event_logs")
        database.execute("VACUUM")

"""Putting the Dagster instance of this machine in order before it is used: dead runs end, the pool has its limit.

Dagster's default launcher does not look after the processes of its runs. What was killed together with the code
server (a power cut, the whole of `make dev`) stays STARTED, and keeps its place among the concurrent runs and in the
pool.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import dagster as dg

from spotify_assets.assets.raw_playlist import SPOTIFY_POOL
from spotify_assets.jobs import HOST_TAG, host_tags

PROCESS_TAG = "spotify_assets/process_id"
IN_A_PROCESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Tags by which a run of this process is known to be dead when the process is gone."""
    return {**host_tags(), PROCESS_TAG: str(os.getpid())}


def put_in_order(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process is gone and give the pool its limit; the ids of the runs that were ended."""
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits and SPOTIFY_POOL not in storage.get_concurrency_keys():
        # Dagster does so when it first meets the pool, but only after it has let the first runs pass. Doing it twice
        # fails on PostgreSQL.
        storage.initialize_concurrency_limit_to_default(SPOTIFY_POOL)
    return list(_end_dead_runs(instance))


def _end_dead_runs(instance: dg.DagsterInstance) -> Iterator[str]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=IN_A_PROCESS)):
        run = record.dagster_run
        process = _process_of(instance, run)
        if process is not None and not is_alive(process):
            instance.report_run_failed(run, f"The process of this run (id {process}) is gone: it was killed.")
            yield run.run_id


def _process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """The process on this machine that executes a run; None where that is not certain.

    A run without the tag of its machine may be anywhere. A run that was started again has the tags of the run before.
    """
    if run.parent_run_id or run.tags.get(HOST_TAG) != host_tags()[HOST_TAG]:
        return None
    if PROCESS_TAG in run.tags:
        return int(run.tags[PROCESS_TAG])
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        recorded = event.engine_event_data.metadata.get("pid") if event else None
        if isinstance(recorded, dg.TextMetadataValue) and recorded.value:
            return int(recorded.value)
    return None


def is_alive(process: int) -> bool:
    """Whether there is a process of this id on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

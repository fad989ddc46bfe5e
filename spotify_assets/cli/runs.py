"""Runs that the command line starts: ranges of days in this process, on the same instance that the UI shows.

Dagster's own commands refuse ranges of assets whose backfill policy has more than one run, and cost a process a run.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from spotify_assets import errors
from spotify_assets.assets.common import PARTITIONS_PER_RUN
from spotify_assets.cli.upkeep import process_tags
from spotify_assets.partitions import range_tags

# The events are in the UI; on the terminal only what went wrong is of use.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
REFUSALS = {
    name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, errors.Refusal)
}
"""Errors whose words are for a person; what caused them is not."""


@dataclass(frozen=True)
class ChunkResult:
    """One run over some days: `failures` says what went wrong, in the words of the refusals; empty on success."""

    first: date
    last: date
    failures: list[str]


def run_range(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    asset_keys: Sequence[dg.AssetKey],
    days: Sequence[date],
    advance: Callable[[], None] = lambda: None,
) -> Iterator[ChunkResult]:
    """Materialize assets of a job for consecutive days, some days a run; a run that fails leaves the others alone.

    `advance` is called whenever an asset of a day is there.
    """
    for start in range(0, len(days), PARTITIONS_PER_RUN):
        chunk = days[start : start + PARTITIONS_PER_RUN]
        failures = failures_of(_execute(job, instance, advance, tags=range_tags(chunk), asset_keys=asset_keys))
        yield ChunkResult(chunk[0], chunk[-1], failures)


def run_requested(job: dg.JobDefinition, instance: dg.DagsterInstance, request: dg.RunRequest) -> list[str]:
    """Execute what a schedule or a sensor requested; what went wrong, or nothing."""
    keys = list(request.asset_selection) if request.asset_selection else None
    result = _execute(job, instance, tags=request.tags, asset_keys=keys, partition_key=request.partition_key)
    return failures_of(result)


def publish(
    job: dg.JobDefinition, instance: dg.DagsterInstance, advance: Callable[[], None] = lambda: None
) -> list[str]:
    """Run the job that publishes; what went wrong, or nothing. `advance` is called whenever an asset is there."""
    return failures_of(_execute(job, instance, advance))


def _execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    advance: Callable[[], None] = lambda: None,
    *,
    tags: Mapping[str, str] | None = None,
    asset_keys: Sequence[dg.AssetKey] | None = None,
    partition_key: str | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job, or those of its assets that are named."""

    def listen(entry: dg.EventLogEntry) -> None:
        if entry.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            advance()

    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, listen)
    return job.execute_in_process(
        run_config=QUIET,
        instance=instance,
        run_id=run_id,
        asset_selection=asset_keys,
        partition_key=partition_key,
        tags={**(tags or {}), **process_tags()},
        raise_on_error=False,
    )


def failures_of(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the failed steps of a run say, in the words of the refusals; empty on success."""
    failed = [event for event in result.all_events if event.is_step_failure]
    messages = [_message(event.step_failure_data) for event in failed]
    return messages or ([] if result.success else ["The run failed; the UI shows its events."])


def _message(failure: Any) -> str:
    if failure.user_failure_data is not None:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error.cause is not None and error.cls_name not in REFUSALS:
        error = error.cause
    return str(error.message).strip().split(f"{error.cls_name}: ", 1)[-1]

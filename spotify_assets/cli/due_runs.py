"""What the daily schedule and the sensors request at this moment, and its runs in this process.

The very definitions that Dagster's daemon evaluates are evaluated here, without a daemon. The instance may be new each
time: the lake says what has been done. A day that has all its tables is not run again, and what the sensors have seen
is kept beside the data.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.assets.common import PARTITIONS_PER_RUN
from spotify_assets.catalog.pruning import find_old, first_kept, open_glue
from spotify_assets.cli.runs import run_requested
from spotify_assets.errors import Damaged
from spotify_assets.jobs import PRUNE_JOB, job_of
from spotify_assets.partitions import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    consecutive,
    range_tags,
    today_in_japan,
)
from spotify_assets.publication import PUBLISH_JOB, PUBLISH_KEYS, daily_keys, table_keys
from spotify_assets.sensors.work import work_under_way
from spotify_assets.settings import Settings
from spotify_assets.snapshot import CHARTS
from spotify_assets.storage.daily_files import complete_days, list_daily_files, stored_digest
from spotify_assets.storage.layout import SENSOR_CURSORS_KEY, Partition
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.outdated import changed_days, outdated_days
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.storage.records import decode_record, encode_record

if TYPE_CHECKING:
    from spotify_assets.cli.deployment import Deployment

PUBLISHING = "glue_crawler_sensor"
TELLING = "movement_alerts"
UPKEEP = ("prune_schedule", "tidy_schedule")


@dataclass(frozen=True)
class DueRun:
    """A run that was due and has ended.

    Attributes:
        requested_by: the schedule or the sensor, or what else made it due.
        subject: what it was of, for a person.
        failures: what went wrong, in the words of the refusals; empty on success.
        is_publishing: whether it was a publish run.
    """

    requested_by: str
    subject: str
    failures: Sequence[str]
    is_publishing: bool = False


class _Heard(logging.Handler):
    """What a sensor logs, for a terminal; Dagster would print it in the form of its own log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.lines.append(record.getMessage())


class DueRuns:
    """Evaluates the schedule and the sensors of a deployment, and executes what they request, one run after the other.

    Attributes:
        skipped: why schedules and sensors requested nothing, and what else they say, a line each.
    """

    def __init__(self, deployment: Deployment, settings: Settings, store: ObjectStore) -> None:
        self._definitions = deployment.definitions
        self._instance = deployment.instance
        self._settings = settings
        self._store = store
        self.skipped: list[str] = []
        self._tried: set[Partition] = set()

    def of_old_days(self) -> Iterator[DueRun]:
        """The removal of old days, if there are any and the settings ask for it."""
        if self._settings.keep_days and self._has_days_before(first := first_kept(self._settings.keep_days)):
            job = self._definitions.resolve_job_def(PRUNE_JOB)
            failures = run_requested(job, self._instance, dg.RunRequest())
            yield DueRun(PRUNE_JOB, f"days before {first}", failures)

    def _has_days_before(self, first: date) -> bool:
        slugs = [playlist.slug for playlist in self._settings.playlists]
        with open_glue(self._settings) as glue:
            return any(find_old(self._store, glue, self._settings.glue_database, slugs, first).values())

    def of_stored_days(self) -> Iterator[DueRun]:
        """The tables of stored days that lack some, are of two makes or of another list: a run was killed."""
        made = self._whole_days()
        raw = RawLayer(self._store)
        today = today_in_japan()
        for playlist in self._settings.playlists:
            stored = sorted(raw.files(playlist.slug).by_day)
            whole = {day for day in stored if Partition(playlist.slug, day) in made}
            changed = whole & changed_days(self._store, playlist.slug)
            whole -= set(outdated_days(self._store, playlist.slug, changed))
            whole |= {day for day in stored if Partition(playlist.slug, day) in self._tried}
            lacking = [day for day in stored if self._settings.start <= day <= today and day not in whole]
            self._tried |= {Partition(playlist.slug, day) for day in lacking}
            for stretch in consecutive(lacking):
                for begin in range(0, len(stretch), PARTITIONS_PER_RUN):
                    tags = range_tags(stretch[begin : begin + PARTITIONS_PER_RUN])
                    request = dg.RunRequest(asset_selection=table_keys(playlist.slug), tags=tags)
                    yield self._run("a day that is stored", job_of(playlist), request)

    def of_schedules(self) -> Iterator[DueRun]:
        """Today's partition of the playlists that have not all their tables of today."""
        now = datetime.now(UTC)
        made = self._whole_days()
        lacking = [
            playlist.slug
            for playlist in self._settings.playlists
            if playlist.source != CHARTS and Partition(playlist.slug, today_in_japan(now)) not in made
        ]
        keys = [key for slug in lacking for key in daily_keys(slug)]
        for schedule in self._definitions.schedules or () if lacking else ():
            if schedule.name in UPKEEP:
                continue
            definition = self._definitions.resolve_schedule_def(schedule.name)
            repository = self._definitions.get_repository_def()
            with dg.build_schedule_context(self._instance, now, repository_def=repository) as context:
                requests = definition.evaluate_tick(context).run_requests or ()
            for request in requests:
                request_of_lacking = request.with_replaced_attrs(asset_selection=keys)
                yield self._run(definition.name, definition.job_name, request_of_lacking)

    def of_sensors(self) -> Iterator[DueRun]:
        """What the sensors of the sources request, tick after tick until it is nothing more."""
        for sensor in self._definitions.sensors or ():
            if sensor.name not in (PUBLISHING, TELLING):
                yield from self._of_sensor(sensor.name)

    def of_publishing(self) -> Iterator[DueRun]:
        """The publish run, if something is new or the one before has failed; with what it left out, once more."""
        yield from self._publishing()
        if self._left_out() - self._tried:
            mended = False
            for run in self.of_stored_days():
                mended = True
                yield run
            if mended:
                yield from self._publishing()

    def _publishing(self) -> Iterator[DueRun]:
        tick = self._tick(PUBLISHING, None)
        for request in tick.run_requests:
            yield self._run(PUBLISHING, PUBLISH_JOB, request)
        if not tick.run_requests and not self.released() and not self._is_busy():
            yield self._run("a publish run that failed", PUBLISH_JOB, dg.RunRequest())

    def tell(self) -> None:
        """Let the sensor that tells people what moved have its tick, if it is there."""
        if any(sensor.name == TELLING for sensor in self._definitions.sensors or ()):
            list(self._of_sensor(TELLING))

    def released(self) -> bool:
        """Whether what people see is made of what the lake holds now."""
        from spotify_assets.analytics.releases import is_released

        return is_released(self._store, stored_digest(self._store, list_daily_files(self._store)))

    def _of_sensor(self, name: str) -> Iterator[DueRun]:
        seen: set[str] = set()
        while True:
            cursors = self._cursors()
            tick = self._tick(name, cursors.get(name))
            requests = [request for request in tick.run_requests if _subject(request) not in seen]
            seen.update(map(_subject, requests))
            runs = [self._run(name, request.job_name or self._job_of(name), request) for request in requests]
            yield from runs
            if any(run.failures for run in runs):
                return  # the cursor stays, so that it comes up again the next time
            if tick.cursor != cursors.get(name):
                self._store.write(SENSOR_CURSORS_KEY, encode_record({**cursors, name: tick.cursor}))
            if not requests:
                return

    def _cursors(self) -> dict[str, Any]:
        """What the sensors have seen. A damaged record counts as none: they look at everything again."""
        try:
            return decode_record(read_if_present(self._store, SENSOR_CURSORS_KEY) or b"{}")
        except ValueError:
            return {}

    def _tick(self, name: str, cursor: str | None) -> Any:
        sensor = self._definitions.resolve_sensor_def(name)
        resources = self._definitions.resources
        with dg.build_sensor_context(
            self._instance, cursor, definitions=self._definitions, resources=resources
        ) as context:
            heard = _Heard()
            context.log.handlers[:] = [heard]
            tick = sensor.evaluate_tick(context)
        reason = [tick.skip_message] if tick.skip_message else []
        said = [line for line in heard.lines if line not in (tick.skip_message or "")] + reason
        self.skipped += [line for text in said if (line := f"{name}: {text}") not in self.skipped]
        return tick

    def _run(self, requested_by: str, job_name: str, request: dg.RunRequest) -> DueRun:
        job = self._definitions.resolve_job_def(job_name)
        failures = run_requested(job, self._instance, request)
        return DueRun(requested_by, _subject(request), failures, is_publishing=job_name == PUBLISH_JOB)

    def _job_of(self, sensor: str) -> str:
        return str(self._definitions.resolve_sensor_def(sensor).job_name)

    def _whole_days(self) -> Collection[Partition]:
        """The days that have all their tables, without those that the last release found to be of two makes."""
        return complete_days(list_daily_files(self._store)) - self._left_out()

    def _left_out(self) -> set[Partition]:
        from spotify_assets.analytics.releases import NO_RELEASE, read_release

        try:
            release = read_release(self._store)
        except Damaged:
            release = NO_RELEASE  # the publish run makes it anew
        return {Partition(slug, date.fromisoformat(day)) for slug, days in release.left_out.items() for day in days}

    def _is_busy(self) -> bool:
        keys = {*PUBLISH_KEYS, *(key for playlist in self._settings.playlists for key in table_keys(playlist.slug))}
        return any(work_under_way(self._instance, keys, {PUBLISH_JOB}))


def _subject(request: dg.RunRequest) -> str:
    """What a run is of, for a person: playlists and days."""
    slugs = sorted({key.path[0] for key in request.asset_selection or () if len(key.path) > 1})
    first = request.tags.get(RANGE_START_TAG) or request.partition_key or request.tags.get(PARTITION_TAG)
    days = dict.fromkeys(filter(None, [first, request.tags.get(RANGE_END_TAG)]))
    return " ".join(filter(None, [", ".join(slugs), " to ".join(days)]))

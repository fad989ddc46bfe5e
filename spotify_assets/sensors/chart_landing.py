"""The sensor of the landing folder: chart files that are new or were replaced become runs of the days that they hold.

What it has looked at is a watermark in its cursor (`landing_watermark`); what files hold is read in `landed_days`. A
file comes up again when it is put there again. Days that a run has filled since (`spotify-assets charts import`), or
from a file that says the same, are not run again: a change of permissions costs a look and no run. Whatever is wrong
with a file is a line in the tick, and stops neither the sensor nor other files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from spotify_assets.assets.common import PARTITIONS_PER_RUN
from spotify_assets.jobs import DAILY_PLAYLIST_JOB
from spotify_assets.partitions import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    consecutive,
    range_tags,
)
from spotify_assets.publication import daily_keys
from spotify_assets.sensors.landed_days import HeldDay, read_files
from spotify_assets.sensors.landing_watermark import Watermark
from spotify_assets.sensors.work import NAMED, TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import CHARTS
from spotify_assets.sources.charts.charts_source import stored_digest
from spotify_assets.sources.charts.landing import LandedFile, landed_files
from spotify_assets.storage.layout import LANDING_PREFIX
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.raw_layer import RawLayer

FILES_PER_TICK = 500
"""A tick has a minute; what is left over comes up in the next one."""
SECONDS_BETWEEN_TICKS = 30
SECONDS_BETWEEN_TICKS_ON_S3 = 300
"""Each look lists the landing folder; a bucket has requests paid for."""
WHOLE_JOBS = TABLE_JOBS - {DAILY_PLAYLIST_JOB}
"""Jobs that fill playlists of source `charts` when a run names no assets."""


@dataclass(frozen=True)
class DoneRun:
    """Days of a playlist that a successful run has filled from what had landed when it started."""

    started: float
    first: str
    last: str

    def filled(self, day: date, there_since: datetime) -> bool:
        """Whether it has filled a day from files that had been there since then."""
        return self.started > there_since.timestamp() and self.first <= str(day) <= self.last


def build_chart_landing_sensor(settings: Settings, chart_files_job: Any) -> dg.SensorDefinition:
    """The sensor over the landing folder, for all playlists of source `charts`."""
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    keys = {key for playlist in playlists for key in daily_keys(playlist.slug)}

    @dg.sensor(
        name="chart_landing_sensor",
        job=chart_files_job,
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS_ON_S3 if settings.lake_is_s3 else SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"lake"},
        description=(
            f"Requests runs for the days that new or replaced files in {LANDING_PREFIX} hold: consecutive days of a "
            f"playlist are one run of up to {PARTITIONS_PER_RUN} days. A file that cannot be used is named in the tick "
            "and comes up again when it is replaced. It stops no other file, except in the folder of a playlist, where "
            "it may hold any of its days: there the others wait. Days that a run has filled since their "
            "file was put there, or from a file that says the same, are not run again."
        ),
    )
    def chart_landing_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        store: ObjectStore = context.resources.lake.store()
        looked = datetime.now(UTC)
        watermark = Watermark.of(context.cursor, looked)
        new = [landed for landed in landed_files(store) if watermark.is_new(landed.stored)]
        if not new:
            return dg.SkipReason(f"No new file in {LANDING_PREFIX}.")
        busy = list(work_under_way(context.instance, keys, WHOLE_JOBS))
        if busy:
            return dg.SkipReason(f"{len(new)} new files wait for the end of {', '.join(busy[:NAMED])}.")
        new.sort(key=_by_playlist_and_day(playlists))
        taken, rest = new[:FILES_PER_TICK], new[FILES_PER_TICK:]
        reading = read_files(taken, playlists, settings.start)
        for problem in reading.problems:
            context.log.warning(problem)
        requests = [
            request
            for slug, days in reading.days.items()
            for request in run_requests(slug, _not_done(context.instance, RawLayer(store), slug, days))
        ]
        unread = [*reading.unread, *(landed.stored.key for landed in rest)]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _nothing_to_run(len(taken), reading.problems),
            cursor=watermark.after([landed.stored for landed in new], unread, looked).cursor(),
        )

    return chart_landing_sensor


def _by_playlist_and_day(playlists: Sequence[PlaylistSettings]) -> Callable[[LandedFile], tuple[str, date, str]]:
    """The order in which files make the fewest runs, going by folder and name."""
    slugs = {playlist.chart: playlist.slug for playlist in playlists}
    return lambda landed: (landed.slug or slugs.get(landed.chart, ""), landed.day or date.min, landed.stored.key)


def run_requests(slug: str, days: Sequence[date]) -> Iterator[dg.RunRequest]:
    """As few runs as possible for these days: a run takes a range without gaps."""
    for stretch in consecutive(days):
        for begin in range(0, len(stretch), PARTITIONS_PER_RUN):
            chunk = stretch[begin : begin + PARTITIONS_PER_RUN]
            # Without a run key, which Dagster remembers for ever: a file may bring the same days any number of times.
            yield dg.RunRequest(asset_selection=daily_keys(slug), tags=range_tags(chunk))


def _not_done(instance: dg.DagsterInstance, raw: RawLayer, slug: str, days: Mapping[date, HeldDay]) -> list[date]:
    """The days that no run has filled since, and whose tables say something else or are not there."""
    if not days:
        return []
    runs = list(_done_runs(instance, slug, min(held.there_since for held in days.values())))
    left = [day for day, held in days.items() if not any(run.filled(day, held.there_since) for run in runs)]
    made = set.intersection(*(instance.get_materialized_partitions(key) for key in daily_keys(slug)))
    stored = dict(_stored_digests(raw, slug, [day for day in left if str(day) in made]))
    return sorted(day for day in left if days[day].digests != {stored.get(day)})


def _stored_digests(raw: RawLayer, slug: str, days: Sequence[date]) -> Iterator[tuple[date, bytes]]:
    # Of all days at once the charts would not fit into memory.
    for begin in range(0, len(days), PARTITIONS_PER_RUN):
        for chart in raw.read_usable(slug, days[begin : begin + PARTITIONS_PER_RUN]):
            yield chart.snapshot_date, stored_digest(chart)


def _done_runs(instance: dg.DagsterInstance, slug: str, since: datetime) -> Iterator[DoneRun]:
    keys = set(daily_keys(slug))
    succeeded = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=since)
    for record in instance.get_run_records(succeeded):
        run = record.dagster_run
        whole = keys <= run.asset_selection if run.asset_selection else run.job_name in WHOLE_JOBS
        first = run.tags.get(RANGE_START_TAG) or run.tags.get(PARTITION_TAG)
        if whole and first and record.start_time:
            yield DoneRun(record.start_time, first, run.tags.get(RANGE_END_TAG, first))


def _nothing_to_run(files: int, problems: Sequence[str]) -> str:
    if problems:
        return f"{len(problems)} of {files} new files cannot be used as they are: {' | '.join(problems[:NAMED])}"
    return f"{files} new files, all of whose days have been filled from them, or from files that say the same."

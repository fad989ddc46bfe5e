"""The sensor of the landing folder: chart files that are new or were replaced become runs of the days that they hold.

What it has looked at is a watermark in its cursor: the last second in which a looked-at file was put there, and the
files of that second. A file counts again when it is put there again; that is also how a file that could not be used
comes up once more. Reading files and telling whose they are belongs to `sources.landing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from spotify_assets.assets.common import PARTITIONS_PER_RUN
from spotify_assets.errors import Refusal, StorageError
from spotify_assets.jobs import DAILY_PLAYLIST_JOB
from spotify_assets.partitions import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    consecutive,
    range_tags,
    today_in_japan,
)
from spotify_assets.publication import daily_keys
from spotify_assets.sensors.work import NAMED, TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import CHARTS
from spotify_assets.sources.charts.landing import LandedFile, assign, landed_files, problem_with
from spotify_assets.storage.layout import LANDING_PREFIX
from spotify_assets.storage.object_store import ObjectStore, StoredObject

FILES_PER_TICK = 500
"""A tick has a minute; what is left over comes up in the next one."""
WHOLE_JOBS = TABLE_JOBS - {DAILY_PLAYLIST_JOB}
"""Jobs that fill playlists of source `charts` when a run names no assets."""
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Watermark:
    """How far the landing folder was looked at; the cursor is its JSON.

    Attributes:
        second: start of the last second in which a file that was looked at was put there (Unix time).
        looked: when the folder was last listed (Unix time).
        files: the looked-at files of that second, with the exact moment.
        unread: files that are read again at every tick: the lake could not give them, or a run would stop at a
            file beside them.
    """

    second: float = 0.0
    looked: float = 0.0
    files: dict[str, float] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cursor: str | None) -> Watermark:
        """What a cursor says; a sensor without one has looked at nothing."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def cursor(self) -> str:
        """The cursor that says this."""
        return json.dumps(asdict(self))

    def is_new(self, stored: StoredObject) -> bool:
        """Whether a file was put there since, or may have been."""
        if stored.key in self.unread:
            return True
        moment = stored.modified.timestamp()
        if moment < self.second or moment >= self.second + 1:
            return moment >= self.second
        # A bucket tells whole seconds: while that second lasts, a file may be replaced without another time.
        may_have_changed = not stored.modified.microsecond and self.looked < moment + 1
        return self.files.get(stored.key) != moment or may_have_changed

    def after(self, taken: Sequence[StoredObject], unread: list[str], looked: datetime) -> Watermark:
        """The watermark when these files have been looked at as well."""
        moments = {stored.key: stored.modified.timestamp() for stored in taken}
        second = max([self.second, *(float(int(moment)) for moment in moments.values())])
        files = {key: moment for key, moment in (self.files | moments).items() if moment >= second}
        return Watermark(second, looked.timestamp(), files, unread)


@dataclass(frozen=True)
class Reading:
    """What new files hold.

    Attributes:
        days: by playlist: each day, and since when the newest file that holds it has surely been there.
        problems: what is wrong with which file.
        unread: keys of the files that are to be read again.
    """

    days: dict[str, dict[date, datetime]]
    problems: list[str]
    unread: list[str]


@dataclass(frozen=True)
class DoneRun:
    """Days of a playlist that a successful run has filled from what had landed when it started."""

    started: float
    first: str
    last: str


def build_chart_landing_sensor(settings: Settings, chart_files_job: Any) -> dg.SensorDefinition:
    """The sensor over the landing folder, for all playlists of source `charts`."""
    playlists = [playlist for playlist in settings.playlists if playlist.source == CHARTS]
    keys = {key for playlist in playlists for key in daily_keys(playlist.slug)}

    @dg.sensor(
        name="chart_landing_sensor",
        job=chart_files_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"lake"},
        description=(
            f"Requests runs for the days that new or replaced files in {LANDING_PREFIX} hold: consecutive days of a "
            f"playlist are one run of up to {PARTITIONS_PER_RUN} days. A file that cannot be used is named in the tick "
            "and comes up again when it is replaced. It stops no other file, except in the folder of a playlist, where it "
            "may hold any of its days: there the others wait. Days that a run has filled since their file was put "
            "there (`spotify-assets charts import`) are not run again."
        ),
    )
    def chart_landing_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        store: ObjectStore = context.resources.lake.store()
        watermark = Watermark.of(context.cursor)
        looked = datetime.now(UTC)
        new = sorted(
            (landed for landed in landed_files(store) if watermark.is_new(landed.stored)),
            key=lambda landed: (landed.stored.modified, landed.stored.key),
        )[:FILES_PER_TICK]
        if not new:
            return dg.SkipReason(f"No new file in {LANDING_PREFIX}.")
        busy = list(work_under_way(context.instance, keys, WHOLE_JOBS))
        if busy:
            return dg.SkipReason(f"{len(new)} new files wait for the end of {', '.join(busy[:NAMED])}.")
        reading = read_files(new, playlists, settings.start)
        for problem in reading.problems:
            context.log.warning(problem)
        requests = [
            request
            for slug, days in reading.days.items()
            for request in run_requests(slug, _not_done(context.instance, slug, days))
        ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _nothing_to_run(len(new), reading.problems),
            cursor=watermark.after([landed.stored for landed in new], reading.unread, looked).cursor(),
        )

    return chart_landing_sensor


def read_files(files: Sequence[LandedFile], playlists: Sequence[PlaylistSettings], start: date) -> Reading:
    """Read files and collect the days that they hold, among those from `start` to today in Japan."""
    reading = Reading({playlist.slug: {} for playlist in playlists}, [], [])
    files_of: dict[str, list[str]] = {playlist.slug: [] for playlist in playlists}
    blocked: dict[str, str] = {}
    for landed in files:
        key = landed.stored.key
        try:
            playlist, chart_file, _ = assign(landed.original, playlists, landed.slug)
        except Refusal as refusal:
            reading.problems.append(problem_with(key, refusal))
            if isinstance(refusal, StorageError):
                reading.unread.append(key)
            elif landed.slug in files_of and landed.day is None:
                # It may hold any day of its playlist, so a run over any of them would stop at it.
                reading.unread.append(key)
                blocked[landed.slug] = key
            continue
        files_of[playlist.slug].append(key)
        there_since = landed.stored.modified + (timedelta() if landed.stored.modified.microsecond else SECOND)
        days = [edition.chart_date for edition in chart_file.editions]
        inside = [day for day in days if start <= day <= today_in_japan()]
        of_playlist = reading.days[playlist.slug]
        for day in inside:
            of_playlist[day] = max(there_since, of_playlist.get(day, there_since))
        if len(inside) < len(days):
            reading.problems.append(_no_partitions(key, days, start))
    for slug, key in blocked.items():
        reading.days[slug].clear()
        reading.unread.extend(files_of[slug])
        if files_of[slug]:
            reading.problems.append(
                f"{slug}: {len(files_of[slug])} of its files wait until {key} is mended or removed."
            )
    return reading


def _no_partitions(key: str, days: Sequence[date], start: date) -> str:
    """What to say of a file with days before the first partition, or in the future."""
    outside = [day for day in days if not start <= day <= today_in_japan()]
    remedies = ["correct the dates, and put the file there again"]
    if min(outside) < start:
        remedies.insert(0, f"set `start` to {min(outside)} or earlier")
    return (
        f"{key}: {len(outside)} of its {len(days)} days are no partitions, as {outside[0]}. Why: partitions go from "
        f"{start}, the `start` of the playlists file, to today. What to do: {', or '.join(remedies)}."
    )


def run_requests(slug: str, days: Sequence[date]) -> Iterator[dg.RunRequest]:
    """As few runs as possible for these days: a run takes a range without gaps."""
    for stretch in consecutive(days):
        for begin in range(0, len(stretch), PARTITIONS_PER_RUN):
            chunk = stretch[begin : begin + PARTITIONS_PER_RUN]
            # Without a run key, which Dagster remembers for ever: a file may bring the same days any number of times.
            yield dg.RunRequest(asset_selection=daily_keys(slug), tags=range_tags(chunk))


def _not_done(instance: dg.DagsterInstance, slug: str, days: dict[date, datetime]) -> list[date]:
    if not days:
        return []
    done = list(_done_runs(instance, slug, min(days.values())))
    return sorted(
        day
        for day, there_since in days.items()
        if not any(run.started > there_since.timestamp() and run.first <= str(day) <= run.last for run in done)
    )


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
    return f"{files} new files, all of whose days were filled by runs that started after they were put there."

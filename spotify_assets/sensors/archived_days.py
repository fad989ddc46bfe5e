"""The sensor of the public archive: new days of its playlists become runs, and what a rate limit cut off goes on.

GitHub is asked at most every quarter of an hour, for the playlists that lack a list of today or of the days before, and
never more often than its limit for people without an account allows. What was asked stands in the lake, not in the
cursor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import dagster as dg

from spotify_assets.assets.raw_playlist import GO_ON_TAG
from spotify_assets.errors import RateLimited, Refusal
from spotify_assets.partitions import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG, TIMEZONE, today_in_japan
from spotify_assets.publication import daily_keys
from spotify_assets.sensors.work import NAMED, TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings
from spotify_assets.storage.raw_layer import RawLayer

if TYPE_CHECKING:
    from spotify_assets.sources.archive.archive_source import ArchiveSource

MINUTES_BETWEEN = 15
ASKED_AT_ONCE = 4
"""Playlists that are asked for in one tick: four ticks an hour make 16 calls, of 60 that GitHub allows."""
FIRST_HOUR = 9
"""The archive begins its daily work at 09:00 in Japan."""
LOOKED_BACK = 3
"""Days before today of which a list that was not fetched, because the run of its day failed, is fetched later."""
REMEMBERED = timedelta(days=2)
"""How long ago a run may have been cut off to be gone on with."""
LONGEST_CLOSED = timedelta(days=1)
"""No limit of GitHub lasts longer: an end after that was reckoned with a clock that was ahead."""


@dataclass(frozen=True)
class Cursor:
    """Where the sensor stands.

    Attributes:
        first: number of the playlist that is asked for first in the next tick.
        closed_until: end of a rate limit (Unix time); nothing is asked before.
    """

    first: int = 0
    closed_until: float = 0.0


def build_archive_sensor(playlists: Sequence[PlaylistSettings], daily_playlist_job: Any) -> dg.SensorDefinition:
    """The sensor over playlists of source `archive`."""

    @dg.sensor(
        name="archive_sensor",
        job=daily_playlist_job,
        minimum_interval_seconds=MINUTES_BETWEEN * 60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"lake", "sources"},
        description=(
            f"Every {MINUTES_BETWEEN} minutes from {FIRST_HOUR:02}:00 in Japan on, one call per playlist asks the "
            "public archive for lists that are newer than the stored ones, until today's is stored; each new day "
            f"becomes a run. Days of the last {LOOKED_BACK} whose runs failed are fetched too. Runs that a rate limit "
            "cut off go on after it."
        ),
    )
    def archive_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = datetime.now(UTC)
        cursor = Cursor(**json.loads(context.cursor)) if context.cursor else Cursor()
        requests = list(_cut_off(context.instance, playlists, now))
        reasons: list[str] = []
        closed_until = datetime.fromtimestamp(cursor.closed_until, UTC)
        if _is_to_come(closed_until, now):
            reasons.append(f"GitHub asked to be left alone until {closed_until}.")
        else:
            ahead = [*playlists, *playlists][cursor.first : cursor.first + min(ASKED_AT_ONCE, len(playlists))]
            cursor = Cursor((cursor.first + len(ahead)) % len(playlists))
            for playlist in ahead:
                try:
                    found = _look_at(context, playlist, now)
                except RateLimited as refusal:
                    reasons.append(str(refusal))
                    cursor = Cursor(cursor.first, (now + (refusal.retry_after or timedelta(hours=1))).timestamp())
                    break
                except Refusal as refusal:
                    found = str(refusal)
                if isinstance(found, str):
                    reasons.append(found)
                else:
                    requests += found
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else "\n".join(reasons),
            cursor=json.dumps(asdict(cursor)),
        )

    return archive_sensor


def _look_at(
    context: dg.SensorEvaluationContext, playlist: PlaylistSettings, now: datetime
) -> list[dg.RunRequest] | str:
    """The runs that a playlist needs, or what it waits for."""
    today = today_in_japan(now)
    stored = RawLayer(context.resources.lake.store()).files(playlist.slug).newest
    recent = [today - timedelta(days=ago) for ago in range(LOOKED_BACK + 1)]
    lacking = [day for day in recent if day not in stored and day >= min(stored, default=today)]
    if not lacking:
        return f"{playlist.slug}: the list of {today} is stored."
    if now.astimezone(ZoneInfo(TIMEZONE)).hour < FIRST_HOUR:
        return f"{playlist.slug}: the archive begins its work at {FIRST_HOUR:02}:00 in Japan."
    busy = list(work_under_way(context.instance, set(daily_keys(playlist.slug)), TABLE_JOBS))
    if busy:
        return f"{playlist.slug} is not asked for while {', '.join(busy[:NAMED])} is under way."
    newest = max(stored, default=None)
    source = cast("ArchiveSource", context.resources.sources.source_of(playlist))
    # Of days that are over all commits are known after a while: they are not asked for again.
    recorded = source.recorded(playlist, min([newest or today, *lacking]), max(lacking))
    new = [day for day in recorded if day not in stored]
    if not new:
        days = ", ".join(map(str, sorted(lacking)))
        return f"{playlist.slug}: the archive has no list of {days} yet; the newest that is stored is of {newest}."
    return [
        dg.RunRequest(
            # With the commit, so that a run that failed is not repeated, and a later list of the day is fetched.
            run_key=f"{playlist.slug}-{day}-{recorded[day].commit.sha}",
            partition_key=str(day),
            asset_selection=daily_keys(playlist.slug),
        )
        for day in new
    ]


def _cut_off(
    instance: dg.DagsterInstance, playlists: Sequence[PlaylistSettings], now: datetime
) -> Iterator[dg.RunRequest]:
    """Once for each run that a rate limit cut off: the same days again, when it is over."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - REMEMBERED)
    for record in instance.get_run_records(failed):
        run = record.dagster_run
        first = run.tags.get(RANGE_START_TAG) or run.tags.get(PARTITION_TAG)
        for slug in [playlist.slug for playlist in playlists]:
            after = run.tags.get(f"{GO_ON_TAG}/{slug}")
            if first and after and not _is_to_come(datetime.fromisoformat(after), now):
                yield dg.RunRequest(
                    run_key=f"{slug}-after-{run.run_id}",
                    asset_selection=daily_keys(slug),
                    tags={RANGE_START_TAG: first, RANGE_END_TAG: run.tags.get(RANGE_END_TAG, first)},
                )


def _is_to_come(end: datetime, now: datetime) -> bool:
    """Whether the end of a limit is to be waited for."""
    return now < end <= now + LONGEST_CLOSED

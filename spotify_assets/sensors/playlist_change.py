"""The sensor that asks Spotify, in one cheap call per playlist, whether a playlist has moved since it was stored.

For a chart followed more closely than once a day; every snapshot of a day stays in the raw layer. Off by default: the
daily schedule is enough for most, and calls count against a quota.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from spotify_assets.errors import RateLimited, Refusal
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import daily_keys
from spotify_assets.sensors.work import TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.storage.raw_layer import RawLayer

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.spotify_source import SpotifySource

MINUTES_BETWEEN = 15
WAIT_WHEN_NOT_SAID = timedelta(days=1)
"""A used-up quota does not say when it is refilled."""
LONGEST_CLOSED = timedelta(days=7)
"""No limit lasts longer: an end after that was reckoned with a clock that was ahead."""


@dataclass(frozen=True)
class Cursor:
    """What a tick leaves for the next one.

    Attributes:
        closed_until: end of a rate limit; asking earlier can prolong it.
        unchanged: by playlist, the last version that was another one and listed the same.
    """

    closed_until: str | None = None
    unchanged: dict[str, str] = field(default_factory=dict)


def build_playlist_change_sensor(playlists: Sequence[PlaylistSettings], daily_playlist_job: Any) -> dg.SensorDefinition:
    """The sensor over playlists of source `spotify`."""

    @dg.sensor(
        name="playlist_change_sensor",
        job=daily_playlist_job,
        minimum_interval_seconds=MINUTES_BETWEEN * 60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        required_resource_keys={"lake", "sources"},
        description=(
            f"Every {MINUTES_BETWEEN} minutes one call per Spotify playlist asks for its version. Where it is not the "
            "one last stored today, the entries are compared, and today's partition is run if they are others. Does "
            "not ask while a run of the playlist is under way, nor before a rate limit is over."
        ),
    )
    def playlist_change_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        now = datetime.now(UTC)
        cursor = Cursor(**json.loads(context.cursor)) if context.cursor else Cursor()
        closed = datetime.fromisoformat(cursor.closed_until) if cursor.closed_until else now
        if now < closed <= now + LONGEST_CLOSED:
            return dg.SkipReason(f"Spotify asked to be left alone until {cursor.closed_until}.")
        requests: list[dg.RunRequest] = []
        reasons: list[str] = []
        closed_until = None
        for playlist in playlists:
            try:
                found = _look_at(context, playlist, today_in_japan(now), cursor.unchanged)
            except RateLimited as refusal:
                reasons.append(str(refusal))
                closed_until = (now + (refusal.retry_after or WAIT_WHEN_NOT_SAID)).isoformat()
                break
            except Refusal as refusal:
                found = str(refusal)
            if isinstance(found, dg.RunRequest):
                requests.append(found)
            else:
                reasons.append(found)
        for reason in reasons:
            context.log.info(reason)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else "\n".join(reasons),
            cursor=json.dumps(asdict(Cursor(closed_until, cursor.unchanged))),
        )

    return playlist_change_sensor


def _look_at(
    context: dg.SensorEvaluationContext, playlist: PlaylistSettings, today: date, unchanged: dict[str, str]
) -> dg.RunRequest | str:
    """The run that a playlist needs, or why it needs none; a version that changed nothing is remembered."""
    keys = daily_keys(playlist.slug)
    busy = next(work_under_way(context.instance, set(keys), TABLE_JOBS - {CHART_FILES_JOB}), None)
    if busy:
        return f"{playlist.slug} is not asked for while {busy} is under way."
    source = cast("SpotifySource", context.resources.sources.source_of(playlist))
    version = source.current_version(playlist)
    if version is None:
        return f"Spotify gives no version of {playlist.slug}, so whether it moved cannot be told."
    stored = _stored(RawLayer(context.resources.lake.store()), playlist.slug, today)
    if stored and version in (stored.playlist_snapshot_id, unchanged.get(playlist.slug)):
        return f"{playlist.slug} has not moved since it was stored today."
    # The version of Spotify's own playlists may differ in every answer: what is listed decides.
    if stored and source.is_listed_as(playlist, stored):
        unchanged[playlist.slug] = version
        return f"{playlist.slug} has another version than when it was stored today, but lists the same."
    # With the day, since each day is to have a snapshot; with the version, so that a failed run is not repeated.
    return dg.RunRequest(run_key=f"{playlist.slug}-{today}-{version}", partition_key=str(today), asset_selection=keys)


def _stored(raw: RawLayer, slug: str, day: date) -> PlaylistSnapshot | None:
    files = raw.files(slug)
    return next(iter(raw.read_days(slug, [day])), None) if day in files.counting else None

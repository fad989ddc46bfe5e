"""The sensor that publishes what is new: one publish run for any number of new partitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from spotify_assets.jobs import PUBLISH_JOB
from spotify_assets.publication import (
    PUBLISH_KEYS,
    find_news,
    newest_materialization,
    published_up_to,
    table_keys,
)
from spotify_assets.sensors.work import LONGEST_WAIT, NAMED, TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings

UP_TO_TAG = "spotify_assets/published_up_to"
ATTEMPTS = 6
FIRST_BACKOFF = timedelta(minutes=1)


def build_glue_crawler_sensor(playlists: Sequence[PlaylistSettings], publish_job: Any) -> dg.SensorDefinition:
    """The sensor over the tables of these playlists."""
    slugs = [playlist.slug for playlist in playlists]
    keys = [key for slug in slugs for key in table_keys(slug)]

    @dg.sensor(
        name="glue_crawler_sensor",
        job=publish_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests one run of publish_job when the tables of some partitions are complete and new, whoever made "
            "them. Waits while tables are still being written; retries a failed publish run, "
            f"{ATTEMPTS} times at most, with growing pauses."
        ),
    )
    def glue_crawler_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.RunRequest:
        instance = context.instance
        published = published_up_to(instance)
        if newest_materialization(instance, keys) <= published:
            return dg.SkipReason("Nothing was materialized since the last release.")
        busy = list(work_under_way(instance, {*keys, *PUBLISH_KEYS}, TABLE_JOBS | {PUBLISH_JOB}))
        if busy:
            return dg.SkipReason(
                f"Tables are being written or published: {', '.join(busy[:NAMED])}. (Cancel what will never end; "
                f"after {LONGEST_WAIT.total_seconds() / 3600:.0f} hours it is not waited for.)"
            )
        news = find_news(instance, slugs, published)
        if news.up_to is None:
            waiting = [f"{slug} {day}" for slug, days in news.partial.items() for day in days]
            return dg.SkipReason(f"No partition has all its tables yet; incomplete: {', '.join(waiting[:NAMED])}.")
        attempts = instance.get_run_records(
            dg.RunsFilter(job_name=PUBLISH_JOB, tags={UP_TO_TAG: str(news.up_to)}), limit=ATTEMPTS
        )
        if len(attempts) >= ATTEMPTS:
            return dg.SkipReason(
                f"Publishing failed {len(attempts)} times, last in run {attempts[0].dagster_run.run_id}. Mend the "
                "cause named there and materialize the catalog; new partitions start new attempts."
            )
        not_before = _not_before(attempts)
        if not_before > datetime.now(UTC):
            return dg.SkipReason(
                f"Publishing failed {len(attempts)} times; next attempt after {not_before:%H:%M:%S} UTC."
            )
        return dg.RunRequest(
            # The attempt is part of the key: Dagster remembers run keys for ever and drops what it has seen.
            run_key=f"{news.up_to}-{len(attempts) + 1}",
            tags={
                UP_TO_TAG: str(news.up_to),
                **{f"spotify_assets.new/{slug}": str(len(days)) for slug, days in news.complete.items()},
            },
        )

    return glue_crawler_sensor


def _not_before(attempts: Sequence[dg.RunRecord]) -> datetime:
    """When the next attempt may start: a pause that doubles, counted from the end of the last one."""
    if not attempts:
        return datetime.fromtimestamp(0, UTC)
    ended = attempts[0].end_time or attempts[0].update_timestamp.timestamp()
    doubled: int = 2 ** (len(attempts) - 1)
    return datetime.fromtimestamp(ended, UTC) + FIRST_BACKOFF * doubled

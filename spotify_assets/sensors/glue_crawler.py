"""The sensor that publishes what is new: one publish run for any number of new partitions.

What is new is what the instance has recorded since the last release; and once an hour, whatever the instance knows, the
days of the lake are compared with those that the release was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from spotify_assets.publication import (
    LOOKED_AT,
    PUBLISH_JOB,
    PUBLISH_KEYS,
    find_news,
    newest_materialization,
    published_up_to,
    refuse_a_lost_lake,
    table_keys,
)
from spotify_assets.sensors.work import LONGEST_WAIT, NAMED, TABLE_JOBS, work_under_way
from spotify_assets.settings import PlaylistSettings
from spotify_assets.storage.daily_files import stored_digest
from spotify_assets.storage.lake import Lake

UP_TO_TAG = "spotify_assets/published_up_to"
BETWEEN_LOOKS = timedelta(hours=1)
"""Between two looks at the lake, which list all daily tables."""


def build_glue_crawler_sensor(playlists: Sequence[PlaylistSettings], publish_job: Any) -> dg.SensorDefinition:
    """The sensor over the tables of these playlists."""
    slugs = [playlist.slug for playlist in playlists]
    keys = [key for slug in slugs for key in table_keys(slug)]

    @dg.sensor(
        name="glue_crawler_sensor",
        job=publish_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"lake"},
        description=(
            "Requests one run of publish_job when the tables of some partitions are complete and new, whoever made "
            "them, or when the lake holds other days than were released. Waits while tables are still being written. A "
            "publish run retries by itself; one that gave up is not requested again until something new is there or "
            "somebody launches publish_job."
        ),
    )
    def glue_crawler_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.RunRequest:
        instance = context.instance
        published = published_up_to(instance)
        recorded_news = newest_materialization(instance, keys) > published
        looked = datetime.fromisoformat(context.cursor) if context.cursor else datetime.min.replace(tzinfo=UTC)
        now = datetime.now(UTC)
        if not recorded_news and looked <= now < looked + BETWEEN_LOOKS:
            return dg.SkipReason("Nothing was materialized since the last release.")
        busy = list(work_under_way(instance, {*keys, *PUBLISH_KEYS}, TABLE_JOBS | {PUBLISH_JOB}))
        if busy:
            return dg.SkipReason(
                f"Tables are being written or published: {', '.join(busy[:NAMED])}. (Cancel what will never end; "
                f"after {LONGEST_WAIT.total_seconds() / 3600:.0f} hours it is not waited for.)"
            )
        if not recorded_news:
            context.update_cursor(now.isoformat())
            return _compare_with_lake(instance, context.resources.lake, slugs)
        news = find_news(instance, slugs, published)
        if news.up_to is None:
            waiting = [f"{slug} {day}" for slug, days in news.partial.items() for day in days]
            return dg.SkipReason(f"No partition has all its tables yet; incomplete: {', '.join(waiting[:NAMED])}.")
        up_to = str(news.up_to)
        requested = instance.get_run_records(dg.RunsFilter(job_name=PUBLISH_JOB, tags={UP_TO_TAG: up_to}), limit=1)
        if requested:
            run = requested[0].dagster_run
            return dg.SkipReason(
                f"What is new was to be published by run {run.run_id}, whose status is {run.status.value}. Mend the "
                "cause named there and launch publish_job; new partitions start a run of their own."
            )
        return dg.RunRequest(
            run_key=up_to,
            tags={
                UP_TO_TAG: up_to,
                **{f"spotify_assets.new/{slug}": _count(days) for slug, days in news.complete.items()},
            },
        )

    return glue_crawler_sensor


def _compare_with_lake(instance: dg.DagsterInstance, lake: Lake, slugs: Sequence[str]) -> dg.SkipReason | dg.RunRequest:
    """Whether the lake holds other days than were released: it was moved, or an instance knew them that is gone.

    Raises:
        StorageError: the lake is lost.
    """
    from spotify_assets.analytics.releases import is_released  # it brings pyarrow along

    store = lake.store()
    refuse_a_lost_lake(instance, store, slugs)
    stored = stored_digest(store, lake.daily_files(anew=True))
    if is_released(store, stored):
        return dg.SkipReason("Nothing was materialized since the last release, which is made of what the lake holds.")
    # With what is stored, so that a publish run that gave up is not requested every hour.
    return dg.RunRequest(run_key=f"lake-{stored}")


def _count(days: Sequence[str]) -> str:
    return str(len(days)) if len(days) < LOOKED_AT else f"{LOOKED_AT} or more"

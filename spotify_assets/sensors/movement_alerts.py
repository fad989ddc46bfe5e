"""The sensor that tells people what moved and what failed. It starts no run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import dagster as dg

from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import PUBLISH_JOB
from spotify_assets.settings import Settings, with_secrets
from spotify_assets.settings.environment import ALERT_URLS

if TYPE_CHECKING:
    from spotify_assets.alerts.message import Message
    from spotify_assets.storage.object_store import ObjectStore


def build_movement_alerts(settings: Settings) -> dg.SensorDefinition:
    """The sensor over all playlists; it is only there where a target is set."""

    @dg.sensor(
        name="movement_alerts",
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={"lake"},
        description=(
            "Sends a message per edition (new number one, new and back, climbs of ten and more, long runs that ended) "
            "and per failure (nothing stored by noon in Japan, a publish run that gave up, a consent that ends soon) "
            "to the services of SPOTIFY_ASSETS_ALERT_URLS: each once, and none of a backfill of old days."
        ),
    )
    def movement_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from spotify_assets.alerts.sent_messages import SentMessages, send
        from spotify_assets.alerts.targets import targets
        from spotify_assets.analytics.releases import read_release

        store = context.resources.lake.store()
        known = with_secrets(settings)
        if known.alert_urls is None:
            return dg.SkipReason(f"The secret {known.secret} has no {ALERT_URLS}: there is nobody to tell.")
        now = datetime.now(UTC)
        released = read_release(store).run
        editions = edition_messages(known, store, now) if released != context.cursor else ()
        failures = failure_messages(known, store, context.instance, now)
        outcomes = list(send(chain(editions, failures), targets(known), SentMessages(store)))
        if all(outcome.taken for outcome in outcomes):
            context.update_cursor(released)
        return dg.SkipReason("; ".join(map(str, outcomes)) or "There is nothing new to tell.")

    return movement_alerts


def edition_messages(settings: Settings, store: ObjectStore, now: datetime) -> Iterator[Message]:
    """What may be told of the newest edition of each playlist, whether or not it was told before.

    Raises:
        EngineError, StorageError: the released tables cannot be read.
    """
    from spotify_assets.alerts.edition_message import edition_message
    from spotify_assets.analytics.released_tables import RELEASED, open_released_tables
    from spotify_assets.analytics.releases import NO_RELEASE, read_release
    from spotify_assets.report.today import read_today

    if read_release(store) is NO_RELEASE:
        return
    with open_released_tables(store, settings.memory_limit) as released:
        with_editions = released.with_editions()
        for playlist in settings.playlists:
            if playlist.slug not in with_editions:
                continue
            released.show(list(RELEASED), playlist.slug)
            message = edition_message(playlist, read_today(released, playlist.slug), today_in_japan(now))
            if message:
                yield message


def failure_messages(
    settings: Settings, store: ObjectStore, instance: dg.DagsterInstance, now: datetime
) -> Iterator[Message]:
    """What may be told of failures, whether or not it was told before.

    Raises:
        StorageError: the raw layer cannot be listed.
    """
    from spotify_assets.alerts.failure_messages import gave_up_message, late_message, token_message

    for playlist in settings.playlists:
        late = late_message(playlist, store, now)
        if late:
            yield late
    for run in instance.get_runs(dg.RunsFilter(job_name=PUBLISH_JOB), limit=1):
        if run.status == dg.DagsterRunStatus.FAILURE:
            yield gave_up_message(run.run_id)
    token = token_message(settings.spotify.refresh_token_since, today_in_japan(now))
    if token:
        yield token

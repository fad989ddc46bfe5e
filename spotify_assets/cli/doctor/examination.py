"""The whole examination: what is looked at, in which order, and what is not looked at offline."""

from __future__ import annotations

from collections.abc import Iterator

from spotify_assets.cli.doctor.findings import BAD, OK, Finding
from spotify_assets.cli.doctor.kept_secrets import known_settings, look_at_secrets
from spotify_assets.cli.doctor.machine import Clock, look_at_disks
from spotify_assets.cli.doctor.of_aws import look_at_athena, look_at_crawler
from spotify_assets.cli.doctor.of_dagster import look_at_dagster
from spotify_assets.cli.doctor.of_lake import look_at_lake
from spotify_assets.cli.doctor.of_sources import look_at_playlists
from spotify_assets.errors import Refusal, StorageError
from spotify_assets.resources import build_lake
from spotify_assets.settings import Settings


def examine(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Look at everything; offline, at what needs neither Spotify, GitHub nor AWS."""
    clock = Clock()
    slugs = ", ".join(playlist.slug for playlist in settings.playlists)
    yield Finding("settings", OK, f"{settings.playlists_file}: {slugs}, from {settings.start} on")
    try:
        known = known_settings(settings, offline=offline)
    except Refusal as refusal:
        known = None
        yield Finding("secrets", BAD, str(refusal))
    else:
        yield from look_at_secrets(settings, known)
    yield from look_at_playlists(settings, known, clock, offline=offline)
    yield from look_at_lake(settings, clock, offline=offline)
    if settings.glue_crawler and not offline:
        yield look_at_crawler(settings)
        yield from look_at_athena(settings)
    yield from look_at_dagster(settings, offline=offline)
    yield from look_at_disks(settings)
    yield clock.finding()


def verify(settings: Settings) -> Iterator[Finding]:
    """Read everything that the lake keeps, and name each object that is damaged."""
    from spotify_assets.alerts.sent_messages import SentMessages
    from spotify_assets.analytics.verification import find_damage

    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        damage = list(find_damage(lake.store()))
        try:
            SentMessages(lake.store()).verify()
        except StorageError as error:
            damage.append(error)
    for refusal in damage:
        yield Finding("object", BAD, str(refusal))
    if not damage:
        yield Finding("objects", OK, "everything in the lake was read, and is as it was written")

"""The commands around the public playlist archive."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from spotify_assets.cli.arguments import days_between
from spotify_assets.cli.console import print_line
from spotify_assets.cli.deployment import Deployment, fill, opened, print_results, publish
from spotify_assets.errors import RateLimited, SettingsError
from spotify_assets.partitions import consecutive, today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings, load_settings
from spotify_assets.snapshot import ARCHIVE

if TYPE_CHECKING:
    from spotify_assets.storage.object_store import ObjectStore

NAMED_STRETCHES = 10
pause = time.sleep


@click.group()
def archive() -> None:
    """Charts of the public playlist archive, which needs no account."""


@archive.command()
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How many days, up to today.")
def fetch(days: int) -> None:
    """Fetch the newest days of every playlist with `source: archive`, make their tables and publish them.

    Days that are there already are neither fetched nor made again. When GitHub's rate limit is reached, the command
    publishes what it has, waits for the limit's end and goes on; whoever ends it loses nothing.
    """
    settings = load_settings()
    playlists = [playlist for playlist in settings.playlists if playlist.source == ARCHIVE]
    if not playlists:
        raise SettingsError(
            f"The playlists file {settings.playlists_file} has no playlist with `source: archive`.",
            why="only those come from the public playlist archive",
            remedy="point SPOTIFY_ASSETS_PLAYLISTS at examples/japan.yaml, or add such a playlist",
        )
    last = today_in_japan()
    first = max(settings.start, last - timedelta(days=days - 1))
    with opened(settings) as deployment:
        fetched = [_fetch(deployment, settings, playlist, days_between(first, last)) for playlist in playlists]
        well = publish(deployment) and all(fetched)
    if not well:
        sys.exit(1)
    print_results(settings)
    print_line(
        "The next day: the archive records a list every day after 09:00 in Japan. Run this again, or leave `make dev` "
        f"running with SPOTIFY_ASSETS_PLAYLISTS={settings.playlists_file}: archive_sensor fetches it."
    )


def _fetch(deployment: Deployment, settings: Settings, playlist: PlaylistSettings, days: Sequence[date]) -> bool:
    """Fill what is lacking of these days; whether everything went well."""
    from spotify_assets.assets.common import PARTITIONS_PER_RUN

    while True:
        try:
            lacking, without = _lacking(settings, playlist, days)
        except RateLimited as limit:
            _wait(deployment, str(limit), limit.retry_after or timedelta(hours=1))
            continue
        runs = [
            stretch[start : start + PARTITIONS_PER_RUN]
            for stretch in consecutive(lacking)
            for start in range(0, len(stretch), PARTITIONS_PER_RUN)
        ]
        go_on_after, failed = None, False
        for run in runs:
            if not fill(deployment, playlist, run):
                failed = True
                go_on_after = _go_on_after(deployment, playlist)
                if go_on_after:
                    break
        if go_on_after:
            _wait(deployment, "GitHub's rate limit is reached.", go_on_after - datetime.now(UTC))
            continue
        if failed:
            # A run fails as a whole; the days beside a refused one are stored, and have their tables made.
            for stretch in consecutive(_unmade(settings, playlist, days)):
                fill(deployment, playlist, stretch)
        _print_missing(playlist, without, covered=len(days) - len(without))
        return not failed


def _lacking(settings: Settings, playlist: PlaylistSettings, days: Sequence[date]) -> tuple[list[date], list[date]]:
    """The days that are to be fetched or made, and those of which the archive has no list."""
    from spotify_assets.resources import Sources, build_lake
    from spotify_assets.storage.raw_layer import RawLayer, fetched_at

    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        stored = fetched_at(RawLayer(lake.store()).files(playlist.slug).newest)
        offered = Sources(settings, lake).source_of(playlist).days_on_offer(playlist, days, stored)
    unmade = _unmade(settings, playlist, days)
    without = [day for day in days if day not in offered and day not in stored]
    return sorted({*unmade, *offered}), without


def _unmade(settings: Settings, playlist: PlaylistSettings, days: Sequence[date]) -> list[date]:
    """The days that are stored and lack a table."""
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.raw_layer import RawLayer

    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        stored = RawLayer(lake.store()).files(playlist.slug).by_day
        made = set(_made(lake.store(), playlist.slug))
    return [day for day in days if day in stored and day not in made]


def _made(store: ObjectStore, slug: str) -> Iterator[date]:
    """The days that have all their tables."""
    from spotify_assets.schemas import TABLES
    from spotify_assets.storage.layout import parse_partition_key, table_prefix

    listed = [map(parse_partition_key, store.list_keys(table_prefix(table, slug))) for table in TABLES]
    days = [{partition.day for partition in partitions if partition} for partitions in listed]
    yield from set.intersection(*days)


def _go_on_after(deployment: Deployment, playlist: PlaylistSettings) -> datetime | None:
    """When the last run may go on, if a rate limit cut it off."""
    import dagster as dg

    from spotify_assets.assets.raw_playlist import GO_ON_TAG
    from spotify_assets.jobs import job_of

    (run,) = deployment.instance.get_runs(dg.RunsFilter(job_name=job_of(playlist)), limit=1)
    after = run.tags.get(f"{GO_ON_TAG}/{playlist.slug}")
    return datetime.fromisoformat(after) if after else None


def _wait(deployment: Deployment, why: str, wait: timedelta) -> None:
    publish(deployment)
    print_line(
        f"{why}\nGoing on at {datetime.now(UTC) + wait:%H:%M} UTC; whoever ends this now (Ctrl-C) loses nothing."
    )
    pause(max(0.0, wait.total_seconds()) + 1)


def _print_missing(playlist: PlaylistSettings, missing: Sequence[date], *, covered: int) -> None:
    stretches = [f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}" for days in consecutive(missing)]
    named = ", ".join(stretches[:NAMED_STRETCHES]) + (", ..." if len(stretches) > NAMED_STRETCHES else "")
    print_line(f"{playlist.slug}: {covered} days" + (f"; the archive has no list of {named}" if missing else ""))

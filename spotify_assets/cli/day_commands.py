"""Commands for days that are stored: their tables made again, their snapshots withdrawn and restored."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime

import click

from spotify_assets.cli.arguments import DAY, check_days, days_between, playlist_called
from spotify_assets.cli.console import print_line, print_table
from spotify_assets.cli.deployment import Deployment, make_tables, opened, publish
from spotify_assets.errors import StorageError
from spotify_assets.partitions import consecutive
from spotify_assets.settings import PlaylistSettings, Settings, load_settings
from spotify_assets.storage.layout import RAW_PREFIX, day_folder, fetch_time

NAMED_GAPS = 20


@click.command()
@click.argument("slug")
@click.argument("first", metavar="FIRST", type=DAY)
@click.argument("last", metavar="LAST", type=DAY)
@click.option("--except", "left_out", type=DAY, multiple=True, metavar="DATE", help="Leave a day out; may be repeated.")
def rebuild(slug: str, first: datetime, last: datetime, left_out: Sequence[datetime]) -> None:
    """Make the tables of playlist SLUG again for the days FIRST to LAST, from what the raw layer holds.

    Days are written like 2026-11-22. Those that were never stored are named and left out. A day whose raw file is
    damaged fails, together with the run that it is in; the message names it, so that the others can be made without it.
    What was made is published, as by an import.
    """
    settings = load_settings()
    playlist = playlist_called(settings, slug)
    check_days(settings, first.date(), last.date())
    excepted = {moment.date() for moment in left_out}
    wanted = [day for day in days_between(first.date(), last.date()) if day not in excepted]
    days = _stored_days(settings, slug, wanted)
    with opened(settings) as deployment:
        well = _make_again(settings, deployment, playlist, days)
    if not well:
        sys.exit(1)


def _make_again(settings: Settings, deployment: Deployment, playlist: PlaylistSettings, days: Sequence[date]) -> bool:
    """Make the tables of these days and publish them; a crawl of Glue is left to the sensor, as it costs."""
    well = make_tables(deployment, playlist, days)
    if settings.glue_crawler is None:
        well = publish(deployment) and well
    return well


def _stored_days(settings: Settings, slug: str, wanted: Sequence[date]) -> list[date]:
    """Those of the days that the raw layer holds, withdrawn or not; the others are named."""
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.raw_layer import RawLayer

    store = build_lake(settings.lake).store()
    stored = RawLayer(store).files(slug).by_day
    days = [day for day in wanted if day in stored]
    lacking = [day for day in wanted if day not in stored]
    gaps = consecutive(lacking)
    named = ", ".join(str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}" for gap in gaps[:NAMED_GAPS])
    named += f" and {len(gaps) - NAMED_GAPS} more gaps" if len(gaps) > NAMED_GAPS else ""
    if not days:
        place = store.uri(RAW_PREFIX + day_folder(slug, lacking[0])) if lacking else ""
        raise StorageError(
            f"There is nothing to make tables of {slug} from.",
            why=f"nothing is stored for {named}; there is no file in {place}" if lacking else "all days are left out",
            remedy=f"give days between {min(stored)} and {max(stored)}, or restore a file that was there from a backup"
            if stored
            else f"materialize raw_playlist first, and see that {settings.lake} is the right lake",
        )
    if gaps:
        print_line(f"{slug}: nothing is stored for {named}")
    return days


@click.command()
@click.argument("slug")
@click.argument("day", metavar="DATE", type=DAY)
@click.option("--why", default="", help="What is wrong with the snapshot; kept in the audit list.")
@click.option("--restore", is_flag=True, help="Take the last withdrawal of that day back.")
def withdraw(slug: str, day: datetime, why: str, restore: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Take the snapshot of playlist SLUG for DATE out of the tables; its raw file stays.

    An older fetch of that day counts then, if there is one; a newer fetch with other content counts by itself. The
    tables of that day are made again and published at once.
    """
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.raw_layer import RawLayer

    settings = load_settings()
    playlist = playlist_called(settings, slug)
    check_days(settings, day.date(), day.date())
    raw = RawLayer(build_lake(settings.lake).store())
    with opened(settings) as deployment:  # refused before a marker is written
        marker = raw.restore(slug, day.date(), why) if restore else raw.withdraw(slug, day.date(), why)
        counting = raw.latest_keys(slug).get(day.date())
        print_line(
            f"{slug} {day.date()}: the fetch of {fetch_time(marker.raw_key):%Y-%m-%d %H:%M:%S} UTC "
            f"{'is no longer withdrawn' if restore else 'is withdrawn'}; "
            + (f"that of {fetch_time(counting):%Y-%m-%d %H:%M:%S} UTC counts" if counting else "the day has no other")
        )
        well = _make_again(settings, deployment, playlist, [day.date()])
    if not well:
        sys.exit(1)


@click.command()
@click.argument("slug", required=False)
def withdrawals(slug: str | None) -> None:
    """List all withdrawals and restorations, of playlist SLUG or of all playlists, oldest first."""
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.withdrawals import Withdrawals

    settings = load_settings()
    if slug is not None:
        playlist_called(settings, slug)
    rows = [
        [f"{marker.at:%Y-%m-%d %H:%M:%S}", marker.slug, marker.snapshot_date, marker.action, marker.why]
        for marker in Withdrawals(build_lake(settings.lake).store()).history(slug)
    ]
    print_table(["time (UTC)", "playlist", "day", "action", "why"], rows)

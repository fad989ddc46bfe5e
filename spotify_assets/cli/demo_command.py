"""The command that fills the lake with the synthetic chart."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from spotify_assets.cli.arguments import days_between
from spotify_assets.cli.deployment import fill, opened, print_results, publish
from spotify_assets.errors import SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import load_settings


@click.command()
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How many days, up to today.")
def demo(days: int) -> None:
    """Fill the lake with the synthetic chart and make it queryable."""
    settings = load_settings()
    playlists = [playlist for playlist in settings.playlists if playlist.source == "demo"]
    if not playlists:
        raise SettingsError(
            f"The playlists file {settings.playlists_file} has no playlist with `source: demo`.",
            why="the demo only ever fills playlists that are synthetic",
            remedy="unset SPOTIFY_ASSETS_PLAYLISTS to run the demo that is built in",
        )
    last = today_in_japan()
    first = max(settings.start, last - timedelta(days=days - 1))
    with opened(settings) as deployment:
        filled = [fill(deployment, playlist, days_between(first, last)) for playlist in playlists]
        well = all(filled) and publish(deployment)
    if not well:
        sys.exit(1)
    print_results(settings)

"""The command that removes old days."""

from __future__ import annotations

import sys

import click

from spotify_assets.cli.arguments import playlist_called
from spotify_assets.cli.console import print_line, print_table
from spotify_assets.cli.deployment import opened, publish
from spotify_assets.settings import load_settings


@click.command()
@click.option(
    "--keep", type=click.IntRange(1, 36500), required=True, metavar="DAYS", help="How many days before today stay."
)
@click.option("--playlist", "slug", metavar="SLUG", help="Only this playlist; default: all of the playlists file.")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
def prune(keep: int, slug: str | None, yes: bool) -> None:  # noqa: FBT001 - click gives options by name
    """List the days that lie more than DAYS before today in Japan, and with --yes remove them and publish.

    What goes of a day: its partitions in Glue, its tables, its raw files. History, analyses, report and pack are made
    anew without it. Landed chart files stay.
    """
    from spotify_assets.catalog.pruning import find_old, first_kept, open_glue, remove
    from spotify_assets.resources import build_lake

    settings = load_settings()
    slugs = [playlist_called(settings, slug).slug] if slug else [playlist.slug for playlist in settings.playlists]
    first = first_kept(keep)
    with build_lake(settings.lake).process_config_and_initialize_cm() as lake, open_glue(settings) as glue:
        store = lake.store()
        old = find_old(store, glue, settings.glue_database, slugs, first)
        rows = []
        for playlist, days in old.items():
            objects = [stored for of_day in days.values() for stored in (*of_day.tables, *of_day.raw)]
            span = f"{min(days)} to {max(days)}" if days else "none"
            rows.append([playlist, len(days), span, len(objects), sum(stored.size for stored in objects)])
        print_table(["playlist", "days", "from, to", "objects", "bytes"], rows)
        if not yes:
            print_line(f"Nothing is removed yet: with --yes the days before {first} go.")
            return
        for playlist, days in old.items():
            remove(store, glue, settings.glue_database, playlist, days)
    print_line(f"Removed: all days before {first}.")
    with opened(settings) as deployment:
        if not publish(deployment):
            sys.exit(1)

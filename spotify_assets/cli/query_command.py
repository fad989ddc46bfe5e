"""The command that asks the saved queries."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from spotify_assets.cli.arguments import DAY, check_slug
from spotify_assets.errors import SettingsError
from spotify_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyarrow import Table
    from sqlglot.expressions import Query


@click.command()
@click.argument("name", required=False)
@click.option("--playlist", help="Slug of the playlist; default: all.")
@click.option("--other-playlist", help="Slug of the playlist to compare with.")
@click.option("--from", "first_day", type=DAY, help="First day; each query says what it means alone.")
@click.option("--to", "last_day", type=DAY, help="Last day; each query says what it means alone.")
@click.option("--song", help="A song's key, Spotify id or title.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(
    name: str | None,
    playlist: str | None,
    other_playlist: str | None,
    first_day: datetime | None,
    last_day: datetime | None,
    song: str | None,
    form: str,
) -> None:
    """Print the answer to the saved query NAME over the released analyses; without NAME, list the queries."""
    from spotify_assets.analytics.queries import saved_queries, saved_query

    if name is None:
        for saved in saved_queries().values():
            click.echo(f"{saved.name}: {saved.question}")
        return
    settings = load_settings()
    if first_day and last_day and first_day > last_day:
        raise SettingsError(
            f"There are no days from {first_day.date()} to {last_day.date()}.",
            why="the last day is before the first",
            remedy="give --from the earlier day and --to the later one",
        )
    asked = saved_query(name).asking(
        {
            "playlist": playlist,
            "other_playlist": other_playlist,
            "first_day": first_day.date() if first_day else None,
            "last_day": last_day.date() if last_day else None,
            "song": song,
        }
    )
    _print_rows(_answer(settings, asked, [slug for slug in (playlist, other_playlist) if slug]), form)


def _answer(settings: Settings, asked: Query, slugs: Sequence[str]) -> Table:
    """The answer to a query that names these playlists."""
    from spotify_assets.analytics.duckdb_engine import ask
    from spotify_assets.analytics.releases import read_release
    from spotify_assets.resources import build_lake

    store = build_lake(settings.lake).store()
    released = read_release(store).playlists
    for slug in slugs:
        # A playlist that is no longer in the file keeps its history.
        if slug not in released:
            check_slug(settings, slug, released)
    return ask(store, settings.memory_limit, asked)


def _print_rows(answer: Table, form: str) -> None:
    """Print an answer as a table for people, or as CSV or JSON for programs; a missing value is empty, or null."""
    rows = answer.to_pylist()
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1, default=str))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, answer.column_names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        cells = [list(row.values()) for row in rows]
        click.echo(tabulate(cells, headers=answer.column_names, disable_numparse=True, missingval=""))
    if not rows:
        click.echo("No rows.", err=True)

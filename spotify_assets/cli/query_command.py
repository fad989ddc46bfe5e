"""The command that asks the saved queries."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from spotify_assets.analytics.spreadsheet_cells import guarded
from spotify_assets.cli.arguments import DAY, playlist_called
from spotify_assets.cli.console import print_data, print_line, print_table
from spotify_assets.errors import SettingsError
from spotify_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyarrow import Table
    from sqlglot.expressions import Query

    from spotify_assets.analytics.queries import SavedQuery


@click.command(add_help_option=False)
@click.argument("name", required=False)
@click.option("--playlist", help="Slug of the playlist; default: all.")
@click.option("--other-playlist", help="Slug of the playlist to compare with.")
@click.option("--from", "first_day", type=DAY, help="First day; what it means alone depends on the query.")
@click.option("--to", "last_day", type=DAY, help="Last day; what it means alone depends on the query.")
@click.option("--song", help="A song's key, Spotify id or title.")
@click.option("--help", "explain", is_flag=True, help="Show this message; after NAME, what it answers and takes.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(
    name: str | None,
    playlist: str | None,
    other_playlist: str | None,
    first_day: datetime | None,
    last_day: datetime | None,
    song: str | None,
    form: str,
    explain: bool,  # noqa: FBT001 - click gives options by name
) -> None:
    """Print the answer to the saved query NAME over the released analyses; without NAME, list the queries."""
    from spotify_assets.analytics.queries import saved_queries, saved_query

    if explain:
        context = click.get_current_context()
        print_line(_help_of(saved_query(name), context) if name else context.get_help())
        return
    if name is None:
        print_table(["query", "what it answers"], [(saved.name, saved.answers) for saved in saved_queries().values()])
        print_line("\n`spotify-assets query NAME --help` shows what a query takes, and what it means for it.")
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


def _help_of(saved: SavedQuery, context: click.Context) -> str:
    """The help of one query: what it answers, and those of the options that it takes."""
    options = [option for option in context.command.params if option.name in (*saved.takes, "form")]
    needed = " and ".join(option.opts[0] for option in options if option.name in saved.needs)
    paragraphs = [saved.answers, saved.details, f"It needs {needed}." if needed else ""]
    command = click.Command(saved.name, params=options, help="\n\n".join(filter(None, paragraphs)))
    return command.get_help(click.Context(command, context.parent, f"{context.info_name} {saved.name}"))


def _answer(settings: Settings, asked: Query, slugs: Sequence[str]) -> Table:
    """The answer to a query that names these playlists."""
    from spotify_assets.analytics.released_tables import ask
    from spotify_assets.analytics.releases import read_release
    from spotify_assets.resources import build_lake

    store = build_lake(settings.lake).store()
    released = read_release(store).playlists
    for slug in slugs:
        # A playlist that is no longer in the file keeps its history.
        if slug not in released:
            playlist_called(settings, slug, released)
    return ask(store, settings.memory_limit, asked)


def _print_rows(answer: Table, form: str) -> None:
    """Print an answer as a table for people, or as CSV or JSON; a missing value is empty, or null.

    CSV ends in spreadsheets: there no text is a formula. JSON has the exact texts.
    """
    rows = answer.to_pylist()
    if form == "json":
        print_data(json.dumps(rows, ensure_ascii=False, indent=1, default=str) + "\n")
    elif form == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, answer.column_names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
        print_data(text.getvalue())
    else:
        print_table(answer.column_names, [list(row.values()) for row in rows])
    if not rows:
        print_line("No rows.", error=True)

"""The command `spotify-assets`. It parses, calls and prints; what is done is done elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from spotify_assets.errors import Refusal, SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings, load_settings

DAY = click.DateTime(["%Y-%m-%d"])


class _Group(click.Group):
    """Prints a refusal as it is meant to be read, instead of a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except Refusal as refusal:
            click.echo(str(refusal), err=True)
            sys.exit(1)


@click.group(cls=_Group)
def main() -> None:
    """A Spotify chart playlist as a lake of daily tables. The UI is started by `make dev`."""


@main.command()
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
    tables = ["raw_playlist", *_table_names()]
    filled = [_run_range(settings, playlist, tables, first, last) for playlist in playlists]
    if not (all(filled) and _refresh_catalog(settings)):
        sys.exit(1)
    click.echo(f"\nThe lake:     {settings.lake}")
    if settings.glue_crawler:
        click.echo(f"The catalog:  Glue database {settings.glue_database}   (open it with Athena)")
    else:
        click.echo(f"The catalog:  {settings.lake}/catalog.duckdb   (open it with any DuckDB client)")
    click.echo("Ask it:       select snapshot_date, count(*) from songs group by 1")
    click.echo("The UI:       make dev, then http://127.0.0.1:3000")


@main.command()
def prepare() -> None:
    """Put the Dagster instance in order: create it, end runs whose process was killed, limit the pool."""
    from spotify_assets.runs import open_instance

    with open_instance():
        pass


@main.command()
@click.argument("slug")
@click.argument("first", type=DAY)
@click.argument("last", type=DAY)
def rebuild(slug: str, first: datetime, last: datetime) -> None:
    """Make the tables of playlist SLUG again for the days FIRST to LAST, from what the raw layer holds."""
    settings = load_settings()
    playlist = next((playlist for playlist in settings.playlists if playlist.slug == slug), None)
    if playlist is None:
        raise SettingsError(
            f"There is no playlist {slug!r}.",
            why=f"{settings.playlists_file} names {', '.join(playlist.slug for playlist in settings.playlists)}",
            remedy="give one of these",
        )
    today = today_in_japan()
    if not settings.start <= first.date() <= last.date() <= today:
        raise SettingsError(
            f"The days {first.date()} to {last.date()} cannot be rebuilt.",
            why=f"days run from {settings.start} (`start` in the playlists file) to {today} (today in Japan)",
            remedy="give a first and a last day within these, in this order",
        )
    if not _run_range(settings, playlist, _table_names(), first.date(), last.date()):
        sys.exit(1)


@main.command()
@click.option("--offline", is_flag=True, help="Look at settings only; ask neither Spotify nor AWS.")
def doctor(offline: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Look at settings, lake, Spotify and catalog, and say what is wrong and what to do."""
    from spotify_assets.doctor import examine

    settings = load_settings()
    findings = list(examine(settings, offline=offline))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'BAD '} {finding.subject}: {finding.text}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@main.command()
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=".env",
    show_default=True,
    help="Where the refresh token is written.",
)
def auth(env_file: Path) -> None:
    """Get a refresh token for your own Spotify account, once, in a browser.

    The app's page at developer.spotify.com/dashboard must name the redirect URI http://127.0.0.1:8888/callback. Nothing
    listens there: after you consent the browser shows an error page, whose address you paste here.
    """
    from spotify_assets.sources.consent import obtain_refresh_token, write_refresh_token

    def ask(address: str) -> str:
        click.echo(f"Open this address, consent, and copy the address that the browser ends at:\n\n{address}\n")
        return str(click.prompt("That address", hide_input=True))

    write_refresh_token(env_file, obtain_refresh_token(load_settings().spotify, ask))
    click.echo(f"SPOTIFY_REFRESH_TOKEN is in {env_file}, readable by you alone. Spotify ends it six months from today.")


def _table_names() -> list[str]:
    from spotify_assets.schemas import TABLES

    return list(TABLES)


def _run_range(settings: Settings, playlist: PlaylistSettings, assets: Sequence[str], first: date, last: date) -> bool:
    """Materialize and report; whether everything went well."""
    import dagster as dg

    from spotify_assets.definitions import build_definitions
    from spotify_assets.runs import open_instance, run_range

    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    keys = [dg.AssetKey([playlist.slug, asset]) for asset in assets]
    well = True
    with open_instance() as instance:
        for chunk in run_range(build_definitions(settings), instance, keys, days):
            click.echo(f"{playlist.slug} {chunk.first} to {chunk.last}: {'FAILED' if chunk.failures else 'done'}")
            for failure in chunk.failures:
                click.echo(failure, err=True)
            well = well and not chunk.failures
    return well


def _refresh_catalog(settings: Settings) -> bool:
    from spotify_assets.definitions import build_definitions
    from spotify_assets.runs import open_instance, refresh_catalog

    with open_instance() as instance:
        failures = refresh_catalog(build_definitions(settings), instance)
    for failure in failures:
        click.echo(failure, err=True)
    return not failures

"""The command `spotify-assets`. It parses, calls and prints; what is done is done elsewhere."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

import click
from tabulate import tabulate

from spotify_assets.errors import Refusal, SettingsError, StorageError
from spotify_assets.partitions import consecutive, today_in_japan
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.layout import fetch_time

if TYPE_CHECKING:
    import dagster as dg
    from pyarrow import Table
    from sqlglot.expressions import Query

    from spotify_assets.cli.chart_intake import Verdict
    from spotify_assets.storage.object_store import ObjectStore

DAY = click.DateTime(["%Y-%m-%d"])
NAMED_GAPS = 20


class _Deployment(NamedTuple):
    """The definitions of some settings, and the Dagster instance that they run on."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance


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
    with _opened(settings) as deployment:
        filled = [_materialize(deployment, playlist.slug, tables, _days(first, last)) for playlist in playlists]
        well = all(filled) and _publish(deployment)
    if not well:
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
    from spotify_assets.cli.runs import open_instance

    with open_instance():
        pass


@main.command()
@click.argument("slug")
@click.argument("first", metavar="FIRST", type=DAY)
@click.argument("last", metavar="LAST", type=DAY)
@click.option("--except", "left_out", type=DAY, multiple=True, metavar="DATE", help="Leave a day out; may be repeated.")
def rebuild(slug: str, first: datetime, last: datetime, left_out: Sequence[datetime]) -> None:
    """Make the tables of playlist SLUG again for the days FIRST to LAST, from what the raw layer holds.

    Days are written like 2026-11-22. Those that were never stored are named and left out. A day whose raw file is
    damaged fails, together with the run that it is in; the message names it, so that the others can be made without it.
    """
    settings = load_settings()
    _check_slug(settings, slug)
    _check_days(settings, first.date(), last.date())
    wanted = [day for day in _days(first.date(), last.date()) if day not in {moment.date() for moment in left_out}]
    days = _stored_days(settings, slug, wanted)
    with _opened(settings) as deployment:
        well = _materialize(deployment, slug, _table_names(), days)
    if not well:
        sys.exit(1)


@main.command()
@click.argument("slug")
@click.argument("day", metavar="DATE", type=DAY)
@click.option("--why", default="", help="What is wrong with the snapshot; kept in the audit list.")
@click.option("--restore", is_flag=True, help="Take the last withdrawal of that day back.")
def withdraw(slug: str, day: datetime, why: str, restore: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Take the snapshot of playlist SLUG for DATE out of the tables; its raw file stays.

    An older fetch of that day counts then, if there is one; a newer fetch with other content counts by itself. The
    tables of that day are made again at once, and the days after it that are told by it.
    """
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.raw_layer import RawLayer

    settings = load_settings()
    _check_slug(settings, slug)
    _check_days(settings, day.date(), day.date())
    raw = RawLayer(build_lake(settings.lake).store())
    with _opened(settings) as deployment:  # refused before a marker is written
        marker = raw.restore(slug, day.date(), why) if restore else raw.withdraw(slug, day.date(), why)
        counting = raw.latest_keys(slug).get(day.date())
        click.echo(
            f"{slug} {day.date()}: the fetch of {fetch_time(marker.raw_key):%Y-%m-%d %H:%M:%S} UTC "
            f"{'is no longer withdrawn' if restore else 'is withdrawn'}; "
            + (f"that of {fetch_time(counting):%Y-%m-%d %H:%M:%S} UTC counts" if counting else "the day has no other")
        )
        well = _materialize(deployment, slug, _table_names(), [day.date()])
        if settings.glue_crawler is None:
            well = _publish(deployment) and well
    if not well:
        sys.exit(1)


@main.command()
@click.argument("slug", required=False)
def withdrawals(slug: str | None) -> None:
    """List all withdrawals and restorations, of playlist SLUG or of all playlists, oldest first."""
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.withdrawals import Withdrawals

    settings = load_settings()
    if slug is not None:
        _check_slug(settings, slug)
    rows = [
        [f"{marker.at:%Y-%m-%d %H:%M:%S}", marker.slug, marker.snapshot_date, marker.action, marker.why]
        for marker in Withdrawals(build_lake(settings.lake).store()).history(slug)
    ]
    click.echo(tabulate(rows, headers=["time (UTC)", "playlist", "day", "action", "why"], disable_numparse=True))


@main.command()
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
            _check_slug(settings, slug, released)
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


@main.command()
@click.option("--offline", is_flag=True, help="Look at settings only; ask neither Spotify nor AWS.")
def doctor(offline: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Look at settings, lake, Spotify and catalog, and say what is wrong and what to do."""
    from spotify_assets.cli.doctor import examine

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
    from spotify_assets.sources.spotify.consent import obtain_refresh_token, write_refresh_token

    def ask(address: str) -> str:
        click.echo(f"Open this address, consent, and copy the address that the browser ends at:\n\n{address}\n")
        return str(click.prompt("That address", hide_input=True))

    write_refresh_token(env_file, obtain_refresh_token(load_settings().spotify, ask))
    click.echo(f"SPOTIFY_REFRESH_TOKEN is in {env_file}, readable by you alone. Spotify ends it six months from today.")


@main.group(cls=_Group)
def charts() -> None:
    """Chart files that you downloaded yourself."""


@charts.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--playlist", "slug", help="The playlist that the files are for, where they do not say it themselves.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def import_charts(paths: tuple[Path, ...], slug: str | None, dry_run: bool) -> None:  # noqa: FBT001
    """Import chart files: files, folders or zip archives at PATHS. The originals are kept in the lake."""
    from spotify_assets.cli.chart_intake import find_files, judge, land
    from spotify_assets.resources import build_lake

    settings = load_settings()
    store = build_lake(settings.lake).store()
    with nullcontext() if dry_run else _opened(settings) as deployment:  # refused before an original is kept
        verdicts = judge(find_files(paths), settings, store, slug)
        _show_verdicts(verdicts)
        well = all(verdict.refusal is None for verdict in verdicts) and bool(verdicts)
        if deployment:
            tables = ["raw_playlist", *_table_names()]
            landed = land(verdicts, store)
            filled = [_materialize(deployment, slug, tables, days) for slug, days in landed.items()]
            for slug, days in landed.items():
                _tell_of_withdrawn(store, slug, days)
            well = all(filled) and well
            if filled and settings.glue_crawler is None:
                well = _publish(deployment) and well
    if not well:
        sys.exit(1)


def _show_verdicts(verdicts: Sequence[Verdict]) -> None:
    rows = [
        [
            verdict.file.where,
            verdict.slug,
            verdict.chart.format,
            f"{min(verdict.days)} to {max(verdict.days)}",
            len(verdict.days),
            sum(edition.size for edition in verdict.chart.editions),
        ]
        for verdict in verdicts
        if verdict.chart is not None
    ]
    click.echo(tabulate(rows, headers=["file", "playlist", "format", "days", "number", "rows"]))
    for verdict in verdicts:
        for note in verdict.notes:
            click.echo(f"{verdict.file.where}: {note}")
        if verdict.refusal is not None:
            click.echo(f"REFUSED {_with_path(str(verdict.refusal), verdict.file.where)}", err=True)
    if not verdicts:
        click.echo("No chart files there: a chart file ends in .csv or .csv.gz.", err=True)


def _with_path(refusal: str, where: str) -> str:
    """A refusal that says where its file lies; by itself it may begin with the file's name alone."""
    if refusal.startswith(where):
        return refusal
    name = PurePath(where).name
    return f"{where}{refusal.removeprefix(name)}" if refusal.startswith(name) else f"{where}: {refusal}"


def _check_slug(settings: Settings, slug: str, released: Collection[str] = ()) -> None:
    """Refuse a slug that the playlists file does not name; `released` are those that the refusal names besides."""
    slugs = [playlist.slug for playlist in settings.playlists]
    if slug not in slugs:
        why = f"{settings.playlists_file} names {', '.join(slugs)}"
        raise SettingsError(
            f"There is no playlist {slug!r}.",
            why=f"{why}; the analyses have {', '.join(sorted(released))}" if released else why,
            remedy="give one of these",
        )


def _check_days(settings: Settings, first: date, last: date) -> None:
    today = today_in_japan()
    if not settings.start <= first <= last <= today:
        raise SettingsError(
            f"There are no tables for the days {first} to {last}.",
            why=f"days run from {settings.start} (`start` in the playlists file) to {today} (today in Japan)",
            remedy="give days within these, the first and the last in this order",
        )


def _stored_days(settings: Settings, slug: str, wanted: Sequence[date]) -> list[date]:
    """Those of the days that the raw layer holds, withdrawn or not; the others are named."""
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.raw_layer import RawLayer

    stored = RawLayer(build_lake(settings.lake).store()).files(slug).by_day
    days = [day for day in wanted if day in stored]
    gaps = consecutive([day for day in wanted if day not in stored])
    named = ", ".join(str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}" for gap in gaps[:NAMED_GAPS])
    named += f" and {len(gaps) - NAMED_GAPS} more gaps" if len(gaps) > NAMED_GAPS else ""
    if not days:
        raise StorageError(
            f"There is nothing to make tables of {slug} from.",
            why=f"nothing is stored for {named}" if named else "all days are left out",
            remedy=f"give days between {min(stored)} and {max(stored)}" if stored else "materialize raw_playlist first",
        )
    if gaps:
        click.echo(f"{slug}: nothing is stored for {named}")
    return days


def _tell_of_withdrawn(store: ObjectStore, slug: str, days: Sequence[date]) -> None:
    """Name the days that stay empty because somebody withdrew them, which an import does not undo."""
    from spotify_assets.storage.raw_layer import RawLayer

    withdrawn = RawLayer(store).files(slug).withdrawn_days
    for day in filter(withdrawn.__contains__, days):
        click.echo(
            f"{slug} {day}: stays withdrawn ({withdrawn[day].why}); "
            f"`spotify-assets withdraw {slug} {day} --restore --why REASON` undoes that"
        )


def _table_names() -> list[str]:
    from spotify_assets.schemas import TABLES

    return list(TABLES)


@contextmanager
def _opened(settings: Settings) -> Iterator[_Deployment]:
    from spotify_assets.cli.runs import open_instance
    from spotify_assets.definitions import build_definitions

    with open_instance() as instance:
        yield _Deployment(build_definitions(settings), instance)


def _materialize(deployment: _Deployment, slug: str, assets: Sequence[str], days: Sequence[date]) -> bool:
    """Materialize a playlist's assets for sorted days, in stretches without a gap; whether everything went well."""
    import dagster as dg

    from spotify_assets.cli.runs import run_range

    keys = [dg.AssetKey([slug, asset]) for asset in assets]
    well = True
    for stretch in consecutive(days):
        for chunk in run_range(deployment.definitions, deployment.instance, keys, stretch):
            click.echo(f"{slug} {chunk.first} to {chunk.last}: {'FAILED' if chunk.failures else 'done'}")
            for failure in chunk.failures:
                click.echo(failure, err=True)
            well = well and not chunk.failures
    return well


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _publish(deployment: _Deployment) -> bool:
    from spotify_assets.cli.runs import publish

    failures = publish(deployment.definitions, deployment.instance)
    for failure in failures:
        click.echo(failure, err=True)
    return not failures

"""The commands for chart files: what is decided about each file is printed, and what landed becomes tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from spotify_assets.cli.deployment import materialize, opened, publish, table_names
from spotify_assets.settings import load_settings

if TYPE_CHECKING:
    from spotify_assets.cli.chart_intake import Verdict
    from spotify_assets.storage.object_store import ObjectStore


@click.group()
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
    with nullcontext() if dry_run else opened(settings) as deployment:  # refused before an original is kept
        verdicts = judge(find_files(paths), settings, store, slug)
        _show_verdicts(verdicts)
        well = all(verdict.refusal is None for verdict in verdicts) and bool(verdicts)
        if deployment:
            tables = ["raw_playlist", *table_names()]
            landed = land(verdicts, store)
            filled = [materialize(deployment, slug, tables, days) for slug, days in landed.items()]
            for slug, days in landed.items():
                _tell_of_withdrawn(store, slug, days)
            well = all(filled) and well
            if filled and settings.glue_crawler is None:
                well = publish(deployment) and well
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


def _tell_of_withdrawn(store: ObjectStore, slug: str, days: Sequence[date]) -> None:
    """Name the days that stay empty because somebody withdrew them, which an import does not undo."""
    from spotify_assets.storage.raw_layer import RawLayer

    withdrawn = RawLayer(store).files(slug).withdrawn_days
    for day in filter(withdrawn.__contains__, days):
        click.echo(
            f"{slug} {day}: stays withdrawn ({withdrawn[day].why}); "
            f"`spotify-assets withdraw {slug} {day} --restore --why REASON` undoes that"
        )

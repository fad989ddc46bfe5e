"""The commands for chart files: what is decided about each file is printed, and what landed becomes tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from spotify_assets.cli.arguments import playlist_called
from spotify_assets.cli.console import print_line, print_table, progress
from spotify_assets.cli.deployment import Deployment, fill, opened, publish
from spotify_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from spotify_assets.cli.chart_intake import Verdict
    from spotify_assets.cli.found_files import FoundFile
    from spotify_assets.storage.object_store import ObjectStore


@click.group()
def charts() -> None:
    """Chart files that you downloaded yourself."""


@charts.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--playlist", "slug", help="The playlist that the files are for, where they do not say it themselves.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def import_charts(paths: tuple[Path, ...], slug: str | None, dry_run: bool) -> None:  # noqa: FBT001
    """Import chart files: files, folders or zip archives at PATHS. The originals are kept in the lake.

    The last line counts the files that were imported, that were refused, and that are unchanged since an earlier
    import. The exit code is 0 when all is well, with nothing new as well, and 1 when a file was refused, a run failed
    or no chart file was there.
    """
    from spotify_assets.cli.chart_intake import judge, land
    from spotify_assets.cli.found_files import find_files
    from spotify_assets.publication import refuse_a_lost_lake
    from spotify_assets.resources import build_lake

    settings = load_settings()
    store = build_lake(settings.lake).store()
    with nullcontext() if dry_run else opened(settings) as deployment:
        if deployment:  # refused before an original is kept
            refuse_a_lost_lake(deployment.instance, store, [playlist.slug for playlist in settings.playlists])
        files = list(find_files(paths))
        with progress("reading chart files", total=len(files)) as advance:
            verdicts = judge(_counted(files, advance), settings, store, slug)
        _show_verdicts(verdicts)
        well = all(verdict.refusal is None for verdict in verdicts) and bool(verdicts)
        if deployment:
            well = _make_days(settings, deployment, store, land(verdicts, store)) and well
        _show_counts(verdicts, dry_run=dry_run)
    if not well:
        sys.exit(1)


def _counted(files: Iterable[FoundFile], advance: Callable[[], None]) -> Iterator[FoundFile]:
    """The files; `advance` is called when the next one is asked for."""
    for file in files:
        yield file
        advance()


def _make_days(
    settings: Settings, deployment: Deployment, store: ObjectStore, landed: Mapping[str, Sequence[date]]
) -> bool:
    """Make the tables of the days that landed, by playlist, and publish them; whether everything went well."""
    filled = [fill(deployment, playlist_called(settings, slug), days) for slug, days in landed.items()]
    for slug, days in landed.items():
        _name_withdrawn(store, slug, days)
    well = all(filled)
    if filled and settings.glue_crawler is None:
        well = publish(deployment) and well
    return well


def _show_counts(verdicts: Sequence[Verdict], *, dry_run: bool) -> None:
    """The line that sums an import up, in files: one may be for several playlists."""
    kept = {verdict.file.where: verdict.key for verdict in verdicts if verdict.refusal is None}
    unchanged = sum(key is None for key in kept.values())
    refused = len({verdict.file.where for verdict in verdicts} - kept.keys())
    imported = f"{len(kept) - unchanged} {'would be imported' if dry_run else 'imported'}"
    print_line(f"Files: {imported}, {refused} refused, {unchanged} unchanged")


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
    print_table(["file", "playlist", "format", "days", "number", "rows"], rows)
    for verdict in verdicts:
        for note in verdict.notes:
            print_line(f"{verdict.file.where}: {note}")
        if verdict.refusal is not None:
            print_line(f"REFUSED {_with_path(str(verdict.refusal), verdict.file.where)}", error=True)
    if not verdicts:
        print_line("No chart files there: a chart file ends in .csv or .csv.gz.", error=True)


def _with_path(refusal: str, where: str) -> str:
    """A refusal that says where its file lies; by itself it may begin with the file's name alone."""
    if refusal.startswith(where):
        return refusal
    name = PurePath(where).name
    return f"{where}{refusal.removeprefix(name)}" if refusal.startswith(name) else f"{where}: {refusal}"


def _name_withdrawn(store: ObjectStore, slug: str, days: Sequence[date]) -> None:
    """Name the days that stay empty because somebody withdrew them, which an import does not undo."""
    from spotify_assets.storage.raw_layer import RawLayer

    withdrawn = RawLayer(store).files(slug).withdrawn_days
    for day in filter(withdrawn.__contains__, days):
        print_line(
            f"{slug} {day}: stays withdrawn ({withdrawn[day].why}); "
            f"`spotify-assets withdraw {slug} {day} --restore --why REASON` undoes that"
        )

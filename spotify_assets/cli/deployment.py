"""The definitions and the Dagster instance that a command works on, and its runs there with what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spotify_assets.cli.console import print_line, progress
from spotify_assets.partitions import consecutive
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.storage.layout import REPORT_INDEX_KEY

if TYPE_CHECKING:
    import dagster as dg


class Deployment(NamedTuple):
    """The definitions of some settings, and the Dagster instance that they run on."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance


@contextmanager
def opened(settings: Settings) -> Iterator[Deployment]:
    """The deployment of these settings, its instance in order and open as long as the context lasts."""
    from spotify_assets.cli.instance import open_instance
    from spotify_assets.definitions import build_definitions

    with open_instance() as instance:
        yield Deployment(build_definitions(settings), instance)


def print_results(settings: Settings) -> None:
    """Print where the results are."""
    print_line(f"\nThe lake:     {settings.lake}")
    if settings.glue_crawler:
        print_line(f"The catalog:  Glue database {settings.glue_database}   (open it with Athena)")
    else:
        print_line(f"The catalog:  {settings.lake}/catalog.duckdb   (open it with any DuckDB client)")
    print_line("Ask it:       select snapshot_date, count(*) from songs group by 1")
    print_line("The UI:       make dev, then http://127.0.0.1:3000")
    print_line(f"The report:   {report_address(settings)}   (make report opens it)")


def report_address(settings: Settings) -> str:
    """The address of the chart report's first page: of a file that a browser opens, or of an object in the bucket."""
    address = f"{settings.lake}/{REPORT_INDEX_KEY}"
    return address if settings.lake_is_s3 else Path(address).as_uri()


def fill(deployment: Deployment, playlist: PlaylistSettings, days: Sequence[date]) -> bool:
    """Fetch the snapshots of a playlist's sorted days and make their tables; whether everything went well."""
    from spotify_assets.publication import daily_keys

    return _materialize(deployment, playlist, daily_keys(playlist.slug), days)


def make_tables(deployment: Deployment, playlist: PlaylistSettings, days: Sequence[date]) -> bool:
    """Make the tables of a playlist's sorted days from what is stored; whether everything went well."""
    from spotify_assets.publication import table_keys

    return _materialize(deployment, playlist, table_keys(playlist.slug), days)


def _materialize(
    deployment: Deployment, playlist: PlaylistSettings, keys: Sequence[dg.AssetKey], days: Sequence[date]
) -> bool:
    from spotify_assets.cli.runs import run_range
    from spotify_assets.jobs import job_of

    job = deployment.definitions.resolve_job_def(job_of(playlist))
    well = True
    with progress(f"{playlist.slug}: {len(days)} days", total=len(keys) * len(days)) as advance:
        for stretch in consecutive(days):
            for chunk in run_range(job, deployment.instance, keys, stretch, advance):
                print_line(f"{playlist.slug} {chunk.first} to {chunk.last}: {'FAILED' if chunk.failures else 'done'}")
                for failure in chunk.failures:
                    print_line(failure, error=True)
                well = well and not chunk.failures
    return well


def publish(deployment: Deployment) -> bool:
    """Make what is new queryable and release the analyses; whether everything went well."""
    from spotify_assets.cli import runs
    from spotify_assets.publication import PUBLISH_JOB, PUBLISH_KEYS

    job = deployment.definitions.resolve_job_def(PUBLISH_JOB)
    with progress("catalog, analyses, report", total=len(PUBLISH_KEYS)) as advance:
        failures = runs.publish(job, deployment.instance, advance)
    for failure in failures:
        print_line(failure, error=True)
    print_line(f"Catalog, analyses and report: {'FAILED' if failures else 'published'}")
    left_out = left_out_days(deployment.instance)
    if left_out:
        print_line(f"Left out until `spotify-assets rebuild` makes them again: {left_out}")
    return not failures


def left_out_days(instance: dg.DagsterInstance) -> str:
    """The stored days that the last release waits for, and why; empty where there are none."""
    from spotify_assets.publication import LEFT_OUT, NONE_LEFT_OUT, RELEASE_KEY

    event = instance.get_latest_materialization_event(RELEASE_KEY)
    recorded = event.asset_materialization.metadata.get(LEFT_OUT) if event and event.asset_materialization else None
    return str(recorded.value) if recorded and recorded.value != NONE_LEFT_OUT else ""

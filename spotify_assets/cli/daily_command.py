"""The command that does the whole day in one process: for cron, systemd, a container that ends, a workflow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from spotify_assets.cli.console import print_line
from spotify_assets.cli.deployment import opened
from spotify_assets.errors import Refusal
from spotify_assets.settings import load_settings

if TYPE_CHECKING:
    from spotify_assets.cli.due_runs import DueRun


@click.command()
def daily() -> None:
    """Do what the schedule and the sensors would do now, publish what is new, and end.

    Old days, where SPOTIFY_ASSETS_KEEP_DAYS is set; today's partitions, days that the archive has or that files have
    brought, lists that changed; then the catalog (with Glue: its crawler), analyses, report and pack, if anything is
    new. No daemon is needed, and the Dagster instance may be an empty one: the lake says what has been done. Two on one
    lake do not run at once. It may run any number of times a day: what is there is not made again.

    The last line is for alarms. It begins with `daily: released`, `daily: nothing new` or `daily: failed`; the exit
    code is 1 when something has failed.
    """
    try:
        ended, released = _do()
    except Refusal as refusal:
        print_line(str(refusal), error=True)
        print_line(f"daily: failed; {refusal.what}")
        sys.exit(1)
    failed = sum(bool(run.failures) for run in ended)
    if failed:
        print_line(f"daily: failed; {failed} of {len(ended)} runs, named above")
        sys.exit(1)
    if not released:
        print_line("daily: failed; what is stored is not released, for the reason above")
        sys.exit(1)
    if any(run.is_publishing for run in ended):
        print_line(f"daily: released; {len(ended)} runs")
    else:
        print_line("daily: nothing new; what is stored is released")


def _do() -> tuple[list[DueRun], bool]:
    """The runs that were due, all at their ends, and whether what is stored is released after them."""
    from spotify_assets.cli.due_runs import DueRuns
    from spotify_assets.cli.lease import lease
    from spotify_assets.resources import build_lake

    settings = load_settings()
    with build_lake(settings.lake).process_config_and_initialize_cm() as lake, opened(settings) as deployment:
        store = lake.store()
        with lease(store):
            due = DueRuns(deployment, settings, store)
            ended = []
            for of_kind in (due.of_old_days, due.of_stored_days, due.of_schedules, due.of_sensors, due.of_publishing):
                for run in of_kind():
                    ended.append(run)
                    outcome = "FAILED" if run.failures else "done"
                    print_line(f"{run.requested_by}: {run.subject or 'catalog, analyses, report'}: {outcome}")
                    for failure in run.failures:
                        print_line(failure, error=True)
            due.tell()
            for reason in due.skipped:
                print_line(reason)
            return ended, due.released()

"""The command that removes old records of Dagster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from spotify_assets.cli.console import print_line


@click.command()
@click.option("--keep", type=click.IntRange(1, 36500), default=90, show_default=True, metavar="DAYS", help="How long.")
def tidy(keep: int) -> None:
    """Remove what nothing needs of Dagster's records of runs that ended more than DAYS ago.

    Runs that have made nothing, and old publish runs, go. Runs whose days still count stay, without the log of their
    steps. What publishing needs stays. The lake is not touched.
    """
    from spotify_assets.cli.instance import open_instance
    from spotify_assets.tidying import tidy as remove

    with open_instance() as instance:
        tidied = remove(instance, datetime.now(UTC) - timedelta(days=keep))
    print_line(f"{tidied.runs} runs are gone, and the logs of {tidied.logs} others.")

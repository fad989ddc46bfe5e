"""The command around alerts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import chain

import click

from spotify_assets.cli.console import print_line
from spotify_assets.settings import load_settings, with_secrets


@click.command()
@click.option("--dry-run", is_flag=True, help="Only print what may be told now, also what was told before.")
def alerts(dry_run: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Tell what moved in the newest editions and what failed, each once; the sensor movement_alerts does so, too."""
    from spotify_assets.alerts.sent_messages import SentMessages, send
    from spotify_assets.alerts.targets import targets
    from spotify_assets.cli.instance import open_instance
    from spotify_assets.resources import build_lake
    from spotify_assets.sensors.movement_alerts import edition_messages, failure_messages

    settings = with_secrets(load_settings())
    store = build_lake(settings.lake).store()
    now = datetime.now(UTC)
    with open_instance() as instance:
        messages = chain(edition_messages(settings, store, now), failure_messages(settings, store, instance, now))
        if dry_run:
            told = [f"{message.title}\n{message.text}" for message in messages]
            print_line("\n\n".join(told) or "There is nothing to tell.")
            return
        outcomes = list(send(messages, targets(settings), SentMessages(store)))
    for outcome in outcomes:
        print_line(str(outcome), error=not outcome.taken)
    if not outcomes:
        print_line("There is nothing new to tell.")
    if not all(outcome.taken for outcome in outcomes):
        sys.exit(1)

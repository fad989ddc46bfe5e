"""The command `spotify-assets`: the group of its commands. Each module beside it holds those of one subject."""

from __future__ import annotations

import sys

import click

from spotify_assets.cli.alert_command import alerts
from spotify_assets.cli.archive_commands import archive
from spotify_assets.cli.bi_command import bi
from spotify_assets.cli.chart_commands import charts
from spotify_assets.cli.console import never_fail, print_line
from spotify_assets.cli.daily_command import daily
from spotify_assets.cli.day_commands import rebuild, withdraw, withdrawals
from spotify_assets.cli.demo_command import demo
from spotify_assets.cli.prune_command import prune
from spotify_assets.cli.query_command import query
from spotify_assets.cli.report_command import report
from spotify_assets.cli.setup_commands import auth, doctor, prepare
from spotify_assets.cli.tidy_command import tidy
from spotify_assets.errors import Refusal
from spotify_assets.settings.environment import read_env_file


class RefusalGroup(click.Group):
    """Prints a refusal as it is meant to be read, instead of a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Invoke the command; a refusal ends it with exit code 1."""
        never_fail()
        try:
            return super().invoke(context)
        except Refusal as refusal:
            print_line(str(refusal), error=True)
            sys.exit(1)


@click.group(cls=RefusalGroup)
def main() -> None:
    """A Spotify chart playlist as a lake of daily tables. The UI is started by `make dev`."""
    read_env_file()


for command in (
    demo,
    prepare,
    daily,
    rebuild,
    withdraw,
    withdrawals,
    prune,
    tidy,
    query,
    report,
    bi,
    alerts,
    doctor,
    auth,
    archive,
    charts,
):
    main.add_command(command)

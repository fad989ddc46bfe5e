"""The command around the chart report."""

from __future__ import annotations

import webbrowser

import click

from spotify_assets.cli.console import print_line
from spotify_assets.cli.deployment import report_address
from spotify_assets.settings import load_settings


@click.command()
@click.option("--open", "opens", is_flag=True, help="Open the report in the browser, where the lake is a folder.")
def report(opens: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Make the chart report anew from what is released, and print where it is. Every publish run does so, too."""
    from spotify_assets.report.chart_report import write_report
    from spotify_assets.resources import build_lake

    settings = load_settings()
    write_report(settings, build_lake(settings.lake).store())
    address = report_address(settings)
    print_line(address)
    if opens and not settings.lake_is_s3 and not webbrowser.open(address):
        print_line("There is no browser here: open the address in one.", error=True)

"""Commands for whoever sets the platform up: the Dagster instance, what works and what does not, Spotify's consent."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spotify_assets.cli.console import print_data, print_table
from spotify_assets.errors import SettingsError
from spotify_assets.settings import load_settings

if TYPE_CHECKING:
    from spotify_assets.cli.doctor import Finding


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port that the UI is to have.")
def prepare(port: int | None) -> None:
    """Put the Dagster instance in order, and look whether the UI can be started; `make dev` does so first.

    Creates the instance, ends runs whose process was killed, limits the pool. Refuses when a setting is wrong, when the
    port is taken, and when another daemon runs on the same instance.
    """
    from spotify_assets.cli.prepare import check_settings, prepare_instance

    check_settings()
    prepare_instance(port, click.echo)


@click.command()
@click.option("--offline", is_flag=True, help="Ask neither Spotify, GitHub nor AWS.")
@click.option("--verify", is_flag=True, help="Read everything in the lake, and name what is damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects {subject, status, text} for programs.")
@click.option("--round-trip", is_flag=True, help="Besides, try Glue and Athena out with a tiny lake: about $0.15.")
@click.option("--yes", is_flag=True, help="Do not ask before the round trip.")
def doctor(offline: bool, verify: bool, as_json: bool, round_trip: bool, yes: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Look at everything that the daily job needs, and say what is wrong and what to do. Nothing is changed.

    Each finding is `ok`, `note` (worth knowing, the daily job works all the same) or `BAD`. The exit code is 1 when
    something is bad: the daily job would not work.
    """
    findings = _examined(offline=offline, verify=verify)
    if round_trip:
        findings += _round_trip(yes=yes)
    if as_json:
        print_data(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1) + "\n")
    else:
        shown = {"bad": "BAD"}
        rows = [(shown.get(found.status, found.status), found.subject, found.text) for found in findings]
        print_table(["", "what", "finding"], rows)
    if any(finding.status == "bad" for finding in findings):
        sys.exit(1)


def _examined(*, offline: bool, verify: bool) -> list[Finding]:
    from spotify_assets.cli import doctor as looks

    try:
        settings = load_settings()
    except SettingsError as refusal:
        return [looks.Finding("settings", "bad", str(refusal))]
    return [*looks.examine(settings, offline=offline), *(looks.verify(settings) if verify else ())]


def _round_trip(*, yes: bool) -> list[Finding]:
    from spotify_assets.cli.doctor import round_trip as trip

    settings = load_settings()
    trip.check_possible(settings)
    if not yes:
        click.confirm(f"{trip.COSTS}\nGo on?", abort=True, err=True)
    return list(trip.round_trip(settings))


@click.command()
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=".env",
    show_default=True,
    help="Where the refresh token is written.",
)
@click.option("--browser/--no-browser", default=True, help="Open a browser here, or paste the address it ends at.")
def auth(env_file: Path, browser: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Get a refresh token for your own Spotify account, once, in a browser.

    The app's page at developer.spotify.com/dashboard must name the redirect URI http://127.0.0.1:8888/callback. The
    browser of this machine comes back there after you consent. Where there is none, open the address elsewhere: the
    browser then shows an error page, whose address you paste here.
    """
    from spotify_assets.sources.spotify.consent import obtain_refresh_token, write_refresh_token

    def ask(address: str) -> str:
        click.echo(f"Open this address, consent, and copy the address that the browser ends at:\n\n{address}\n")
        return str(click.prompt("That address", hide_input=True))

    if browser:
        click.echo("A browser opens: consent there. If none opens, end this with Ctrl-C and give --no-browser.")
    write_refresh_token(env_file, obtain_refresh_token(load_settings().spotify, ask, browser=browser))
    click.echo(f"SPOTIFY_REFRESH_TOKEN is in {env_file}, readable by you alone. Spotify ends it six months from today.")

"""What `make dev` looks at before anything starts: settings, port, instance, and whether another daemon runs on it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import dagster as dg

from spotify_assets.cli.instance import open_instance
from spotify_assets.errors import Refusal, SettingsError
from spotify_assets.settings import load_settings
from spotify_assets.settings.environment import ENV_FILE, read_env_file

LONGEST_SILENCE = 35.0
"""Seconds after which a daemon that lives has reported again: it does so every 30."""
PAUSE = 1.0


def check_settings() -> None:
    """Refuse settings that the UI would stumble over, or take otherwise than the command line.

    Raises:
        SettingsError: a setting cannot be used, or Dagster's UI and this command would read different ones.
    """
    different = read_env_file()
    if different:
        names = ", ".join(different)
        raise SettingsError(
            f"{names}: the environment and the file {ENV_FILE} have different values.",
            why="the Dagster UI takes those of the file, the command line those of the environment",
            remedy=f"unset {names} in this shell, or remove the lines from {ENV_FILE}",
        )
    load_settings()


def prepare_instance(port: int | None, report: Callable[[str], object]) -> None:
    """Create the instance and put it in order; with a port, refuse what keeps the UI from running on it.

    Args:
        port: of the UI on 127.0.0.1; None: the UI is not to be started.
        report: takes a line for a person who waits.

    Raises:
        Refusal: the port is taken, or another daemon runs on the instance.
        SettingsError: DAGSTER_HOME cannot be used.
    """
    if port is not None:
        _check_port(port)
    with open_instance() as instance:
        if port is not None:
            _check_daemon(instance, report)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the web server does: what the last one left behind does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Refusal(
                f"The UI cannot have port {port} of 127.0.0.1.",
                why=error.strerror or str(error),
                remedy=f"end the program that uses it, or give another: make dev PORT={port % 65535 + 1}",
            ) from error


def _check_daemon(instance: dg.DagsterInstance, report: Callable[[str], object]) -> None:
    """Wait, where a daemon reported a moment ago, until it is certain whether it lives: it may have been killed."""
    last = _last_report(instance)
    silent_at = last + LONGEST_SILENCE
    if time.time() < silent_at:
        report(f"A Dagster daemon reported on this instance {time.time() - last:.0f} seconds ago; waiting for another")
    while time.time() < silent_at:
        time.sleep(PAUSE)
        if _last_report(instance) > last:
            raise Refusal(
                f"Another Dagster daemon runs on the instance {instance.root_directory}.",
                why="it has just reported; two daemons would start every run twice",
                remedy="end the other `make dev`, or set DAGSTER_HOME to another folder",
            )


def _last_report(instance: dg.DagsterInstance) -> float:
    """When a daemon last reported, in seconds since 1970; 0 where none did."""
    return max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)

"""The command `spotify-assets` in this process: quick, where it is not the process that is looked at."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from spotify_assets.cli.main import main


def run_command(
    folder: Path, instance: dg.DagsterInstance, *arguments: str, encoding: str = "utf-8", **environment: str
) -> Result:
    """Run the command in a folder, on this Dagster instance, with an output of this encoding.

    An error that is not a refusal is raised.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
        return CliRunner(charset=encoding).invoke(main, arguments, env=environment, catch_exceptions=False)

"""Processes of their own, for tests of what happens between processes.

They are forked from a process that has imported what they need: that is most of what a new one costs.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["spotify_assets_tests.helpers.preloaded"])

PATIENCE = 300
"""Seconds."""


class Ended(NamedTuple):
    """What became of a process."""

    returncode: int | None
    stdout: str
    stderr: str


class Process:
    """A function in a process of its own, started at once."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], function: Callable[..., Any], *arguments: Any
    ) -> None:
        """Run it in a folder, with this process's environment and these variables; output lies beside the folder."""
        self._outputs = [folder.with_name(f"{folder.name}-{id(self)}.{name}") for name in ("stdout", "stderr")]
        variables = {**os.environ, **environment}
        arguments_of_run = (folder, variables, self._outputs, function, arguments)
        self._process = _FORKS.Process(target=_run, args=arguments_of_run, daemon=True)
        self._process.start()

    def end(self) -> Ended:
        """Wait for its end, minutes at most; the code is None where it goes on."""
        self._process.join(timeout=PATIENCE)
        return Ended(self._process.exitcode, *(path.read_text(encoding="utf-8") for path in self._outputs))


def command(*arguments: str) -> None:
    """The command `spotify-assets`, to be run in a process."""
    from spotify_assets.cli.main import main

    main(arguments, prog_name="spotify-assets")


def barrier(number: int) -> Any:
    """What lets processes go on when so many of them have come to it."""
    return _FORKS.Barrier(number)


def _run(
    folder: Path, variables: Mapping[str, str], outputs: list[Path], function: Callable[..., Any], arguments: Any
) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    for number, path in enumerate(outputs, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    function(*arguments)

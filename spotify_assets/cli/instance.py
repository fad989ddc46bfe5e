"""Opening the Dagster instance: where it is, one process at a time while it is created, and its settings."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from spotify_assets.cli.upkeep import put_in_order
from spotify_assets.errors import SettingsError

PROJECT_HOME = Path("dagster_home")
CONFIGURATION = "dagster.yaml"
LOCK = ".spotify_assets.lock"
REMEDY = "set DAGSTER_HOME to an existing folder (absolute path), or unset it and run this in the project's folder"


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The Dagster instance at DAGSTER_HOME, put in order; by default the project's own folder `dagster_home`.

    A folder without a `dagster.yaml` gets the project's.

    Raises:
        SettingsError: there is no such folder, nothing can be written there, or what is done in the context cannot be
            recorded there.
    """
    home, configuration = find_home(), PROJECT_HOME / CONFIGURATION
    with _recording_in(home):
        with _alone(home):
            if configuration.is_file() and not (home / CONFIGURATION).exists():
                shutil.copyfile(configuration, home / CONFIGURATION)
            # On an empty instance each process would create the tables, and all but the first would fail.
            instance = dg.DagsterInstance.get()
            put_in_order(instance)
        with instance:
            yield instance


def find_home() -> Path:
    """The folder that DAGSTER_HOME names, or the project's own, which it names from now on.

    Raises:
        SettingsError: there is no such folder.
    """
    given = os.environ.get("DAGSTER_HOME", "")
    home = Path(given) if given else PROJECT_HOME.absolute()
    if not given and not home.is_dir():
        raise SettingsError(
            "DAGSTER_HOME is not set.",
            why=f"it is where Dagster keeps what it knows of runs and partitions, and {home} does not exist",
            remedy=REMEDY,
        )
    if not home.is_absolute() or not home.is_dir():
        reason = "it is not an absolute path" if not home.is_absolute() else "it does not exist"
        raise SettingsError(
            f"DAGSTER_HOME is {given}.", why="it is not a folder" if home.is_file() else reason, remedy=REMEDY
        )
    os.environ["DAGSTER_HOME"] = str(home)
    return home


@contextmanager
def _recording_in(home: Path) -> Iterator[None]:
    """Refuse by name what Dagster's database refuses: its disk is full or fails, or it is damaged."""
    try:
        yield
    except Exception as error:
        refused = _of_database(error)
        if refused is None:
            raise
        raise SettingsError(
            f"Dagster can record nothing in DAGSTER_HOME, {home}.",
            why=str(refused),
            remedy="free space on its disk (`spotify-assets tidy` removes old records), or set DAGSTER_HOME to another "
            "folder, and run this again; the lake keeps what is stored",
        ) from error


def _of_database(error: BaseException | None) -> BaseException | None:
    """What the database said, if an error comes from it."""
    from sqlalchemy.exc import DBAPIError

    while error is not None and not isinstance(error, DBAPIError):
        error = error.__cause__ or error.__context__
    return error.orig if error is not None else None


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Wait until no other process is in here; the system ends the lock of a process that was killed."""
    try:
        lock = (home / LOCK).open("w")
    except OSError as error:
        raise SettingsError(
            f"Nothing can be written into DAGSTER_HOME, {home}.", why=error.strerror or str(error), remedy=REMEDY
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

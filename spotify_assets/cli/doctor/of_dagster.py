"""Looks at the Dagster instance without putting it in order, and at what runs by itself there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding, look, sentences
from spotify_assets.cli.instance import CONFIGURATION, REMEDY, find_home
from spotify_assets.errors import Refusal, SettingsError
from spotify_assets.publication import refuse_a_lost_lake
from spotify_assets.resources import build_lake
from spotify_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

OWN_STORAGE = "history"
"""The folder in which Dagster keeps its records by itself."""
NAMED_STORAGE = re.compile(r"^(run_|event_log_|schedule_)?storage:", re.MULTILINE)
"""In `dagster.yaml`: where else it keeps them."""


def look_at_dagster(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """The instance: its folder, whether it opens, how large it is, its lake; the schedule and the sensors."""
    subject = "Dagster instance"
    try:
        home = find_home()
        _check_writable(home)
        with ExitStack() as closing:
            instance = _open(home, closing) if _is_created(home) else None
            states = _states(instance) if instance else {}
            yield Finding(subject, OK, _described(home, instance))
            if instance and not (settings.lake_is_s3 and offline):
                yield look("lake of Dagster", lambda: _probe_lake(settings, instance))
    except Refusal as refusal:
        yield Finding(subject, BAD, str(refusal))
        return
    yield from _look_at_definitions(settings, states)


def _check_writable(home: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise SettingsError(
            f"Nothing can be written into DAGSTER_HOME, {home}.", why=error.strerror or str(error), remedy=REMEDY
        ) from error


def _is_created(home: Path) -> bool:
    """Opening an instance creates it, so one that is not there yet is left alone; one elsewhere is there."""
    configuration = home / CONFIGURATION
    text = configuration.read_text(encoding="utf-8", errors="replace") if configuration.is_file() else ""
    return NAMED_STORAGE.search(text) is not None or (home / OWN_STORAGE).is_dir()


def _open(home: Path, closing: ExitStack) -> dg.DagsterInstance:
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError
    from yaml import YAMLError

    try:
        instance = closing.enter_context(dg.DagsterInstance.from_config(str(home)))
        instance.get_runs_count()
    except (dg.DagsterError, SQLAlchemyError, YAMLError, OSError) as error:
        raise SettingsError(
            f"The Dagster instance in {home} does not open.",
            why=" ".join(str(error).split())[:300],
            remedy=f"mend {CONFIGURATION} or the storage that it names; a folder without its storage gets a new one, "
            "and the lake keeps all data",
        ) from error
    return instance


def _described(home: Path, instance: dg.DagsterInstance | None) -> str:
    if instance is None:
        return f"{home}, not created yet: the first run does it"
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    return f"{home} opens: {instance.get_runs_count()} runs, {size / 10**6:.0f} MB in the folder"


def _probe_lake(settings: Settings, instance: dg.DagsterInstance) -> str:
    slugs = [playlist.slug for playlist in settings.playlists]
    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        refuse_a_lost_lake(instance, lake.store(), slugs)
    return f"what Dagster knows of {settings.lake} is there"


def _states(instance: dg.DagsterInstance) -> dict[str, bool]:
    """Whether schedules and sensors are on, of those that somebody switched."""
    found: dict[str, bool] = {}
    for state in instance.all_instigator_state():
        found[state.instigator_name] = found.get(state.instigator_name, False) or state.status.value != "STOPPED"
    return found


def _look_at_definitions(settings: Settings, states: dict[str, bool]) -> Iterator[Finding]:
    from spotify_assets.definitions import build_definitions

    definitions = build_definitions(settings)
    schedules = [definitions.resolve_schedule_def(one.name) for one in definitions.schedules or ()]
    sensors = [definitions.resolve_sensor_def(one.name) for one in definitions.sensors or ()]
    if schedules:
        yield _look_at_switches("schedule", {one.name: states.get(one.name, False) for one in schedules}, set())
    optional = {one.name for one in sensors if one.default_status.value == "STOPPED"}
    switches = {one.name: states.get(one.name, one.name not in optional) for one in sensors}
    yield _look_at_switches("sensors", switches, optional)


def _look_at_switches(subject: str, switches: Mapping[str, bool], optional: Collection[str]) -> Finding:
    """Which are on; off may be those that are optional."""
    on = "On: " + (", ".join(name for name, is_on in switches.items() if is_on) or "none") + "."
    off = [name for name, is_on in switches.items() if not is_on]
    text = f"{on} Off: {', '.join(off)}." if off else on
    if set(off) <= set(optional):
        return Finding(subject, OK, text)
    complaint = sentences(
        text,
        why="nothing that is off runs by itself",
        remedy="switch it on under Automation in the UI (`make dev`), or let cron or systemd run "
        "`spotify-assets daily`, which needs none of them",
    )
    return Finding(subject, NOTE, complaint)

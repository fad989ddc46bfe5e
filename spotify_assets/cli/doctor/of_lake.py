"""Looks at the lake: whether everything can be done there, the catalog file, and whether what is stored is released."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding, look
from spotify_assets.cli.doctor.machine import Clock
from spotify_assets.errors import CatalogError, Refusal, StorageError
from spotify_assets.resources import build_lake
from spotify_assets.settings import Settings
from spotify_assets.storage.daily_files import list_daily_files, stored_digest
from spotify_assets.storage.layout import CATALOG_KEY, TEMPORARY_PREFIX
from spotify_assets.storage.object_store import ObjectStore


def look_at_lake(settings: Settings, clock: Clock, *, offline: bool) -> Iterator[Finding]:
    """The lake, the catalog file of a folder, and the release."""
    subject = f"lake {settings.lake}"
    if settings.lake_is_s3 and offline:
        return
    if not settings.lake_is_s3 and not Path(settings.lake).exists():
        yield look(subject, lambda: _probe_parent(Path(settings.lake)))
    else:
        try:
            with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
                yield from _look_inside(subject, lake.store(), clock if settings.lake_is_s3 else None)
        except Refusal as refusal:
            yield Finding(subject, BAD, str(refusal))
    if not settings.lake_is_s3:
        yield look("catalog", lambda: _probe_catalog(Path(settings.lake) / CATALOG_KEY))


def probe_folder(below: str = TEMPORARY_PREFIX) -> str:
    """A folder below the lake for what somebody tries out, another one each time."""
    return f"{below}doctor-{uuid4().hex[:8]}"


def _look_inside(subject: str, store: ObjectStore, clock: Clock | None) -> Iterator[Finding]:
    refusals = list(_refused(store, clock))
    if refusals:
        yield Finding(subject, BAD, "\n".join(map(str, refusals)))
        return
    yield Finding(subject, OK, "can be written, read and listed, and objects can be removed")
    yield look("release", lambda: _probe_release(store), refused=NOTE)


def _refused(store: ObjectStore, clock: Clock | None) -> Iterator[Refusal]:
    """What cannot be done with an object. Where it cannot be written, nothing else is tried."""
    folder = f"{probe_folder()}/"
    key = f"{folder}probe"

    def listed() -> None:
        for stored in store.list_objects(folder):
            if clock:
                clock.compare("the bucket", stored.modified)

    steps: list[Callable[[], object]] = [lambda: store.read(key), listed, lambda: store.delete(key)]
    try:
        store.write(key, b"")
    except Refusal as refusal:
        yield refusal
        return
    for step in steps:
        try:
            step()
        except Refusal as refusal:
            yield refusal


def _probe_parent(folder: Path) -> str:
    parent = next(parent for parent in folder.parents if parent.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise StorageError(
            f"The lake's folder {folder} cannot be made.",
            why=f"{parent} is not a folder in which you may write",
            remedy="check its permissions, or set SPOTIFY_ASSETS_LAKE to another folder",
        )
    return "is not there yet; the first run makes it"


def _probe_release(store: ObjectStore) -> str:
    from spotify_assets.analytics.releases import is_released
    from spotify_assets.storage.written import missing_written

    stored = stored_digest(store, list_daily_files(store))
    if not stored:
        return "nothing is stored yet"
    if not is_released(store, stored):
        unwritten = [f"; {store.uri(key)} is not there, which comes last" for key in missing_written(store)]
        raise CatalogError(
            "What is stored is not what people see.",
            why="days were stored since the last release, the publish run failed, or the lake was moved or copied"
            + "".join(unwritten),
            remedy="launch publish_job, or run `spotify-assets daily`",
        )
    return "what is stored is released"


def _probe_catalog(path: Path) -> str:
    import duckdb

    if not path.exists():
        return f"{path} is not there yet; `make demo`, or a run of publish_job, makes it"
    try:
        with duckdb.connect(path, read_only=True) as catalog:
            views = catalog.sql("select count(*) from duckdb_views() where not internal").fetchall()[0][0]
            newest = catalog.sql("select max(snapshot_date) from songs").fetchall()[0][0]
    except duckdb.Error as error:
        raise CatalogError(
            f"{path} cannot be read.",
            why=str(error).splitlines()[0],
            remedy="launch publish_job, which makes it again; close other programs that have it open for writing",
        ) from error
    return f"{path} opens: {views} views, " + (f"newest day of songs {newest}" if newest else "no day of songs yet")

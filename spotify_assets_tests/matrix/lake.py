"""A small published lake, the operations on it, and what is seen of it: what the cells of the matrix are made of."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb

from spotify_assets.alerts.edition_message import edition_about
from spotify_assets.alerts.message import Message
from spotify_assets.alerts.sent_messages import SentMessages
from spotify_assets.alerts.targets import targets
from spotify_assets.analytics.released_tables import RELEASED, open_released_tables
from spotify_assets.analytics.releases import read_release
from spotify_assets.cli.deployment import left_out_days
from spotify_assets.cli.lease import LASTS
from spotify_assets.cli.runs import failures_of
from spotify_assets.cli.upkeep import process_tags
from spotify_assets.errors import Refusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.storage.layout import (
    ALIASES_KEY,
    ANALYTICS_PREFIX,
    CATALOG_KEY,
    DAILY_LEASE_KEY,
    SENT_MESSAGES_KEY,
    TEMPORARY_PREFIX,
    parse_partition_key,
    parse_raw_key,
)
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.chart_csv import chart
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.matrix.damage import DAMAGES, UNNOTICED
from spotify_assets_tests.stand_ins.spotify import make_entries

DEMO, LISTED = "demo_japan", "listed"
DAYS = [today_in_japan() - timedelta(days=number) for number in (2, 1, 0)]
LANDED = f"regional-jp-daily-{DAYS[0]}.csv"
PLAYLISTS_FILE = f"""
start: {DAYS[0] - timedelta(days=7)}
playlists:
  - {{slug: {DEMO}, title: A Demo, source: demo}}
  - {{slug: {LISTED}, title: A Chart, source: charts, chart: regional-jp-daily}}
"""
NOBODY = "json://127.0.0.1:9/"
"""Where messages go to: nobody listens there."""
SUBJECTS: dict[str, str] = {
    "raw file": f"raw_playlist/playlist={DEMO}/*/*.gz",
    "withdrawn raw file": f"raw_playlist/playlist={DEMO}/*/*.gz",
    **{f"`{table}` of a day": f"{table}/playlist={DEMO}/*/*.parquet" for table in TABLES},
    "`chart_entries` of a year": f"chart_entries/playlist={DEMO}/*/*.parquet",
    "`chart_days` of a year": f"chart_days/playlist={DEMO}/*/*.parquet",
    "`_days.json` of a year": f"chart_entries/playlist={DEMO}/*/_days.json",
    "`song_identity`": "song_identity/*.parquet",
    "`alias_candidates`": "alias_candidates/*.parquet",
    "`release.json`": "analytics/release.json",
    "`prepared.json`": "analytics/prepared.json",
    "released part": "analytics/*/run=*/**/*.parquet",
    "`catalog.duckdb`": CATALOG_KEY,
    "report page": "report/playlists/*.html",
    "report index": "report/index.html",
    "library of the report": "report/.libraries/*",
    "star table": "bi/star/*/*.parquet",
    "record of the report": "report/.written.json",
    "record of the star tables": "bi/.star.json",
    "record of the pack": "bi/.projects.json",
    "project of the pack": "bi/tableau/*.twb",
    "part of a project of the pack": "bi/powerbi/**/*.tmdl",
    "withdrawal marker": "withdrawals/*/*.json",
    "landed chart file": "landing/charts/*/*.csv",
    "`song_aliases.csv`": ALIASES_KEY,
    "`daily/sensor_cursors.json`": "daily/sensor_cursors.json",
    "`daily/under_way.json`": DAILY_LEASE_KEY,
    "`alerts/sent.json`": SENT_MESSAGES_KEY,
    "marker of the lake": "lake_of_spotify_assets.txt",
}
"""What may be damaged: a pattern of its files."""
NOT_MADE = (DAILY_LEASE_KEY, "daily/sensor_cursors.json", CATALOG_KEY, ".tmp/")
"""Files whose bytes are no content: who runs, what was seen, and a database, whose rows are compared instead."""


@dataclass(frozen=True)
class Ending:
    """How an operation ended."""

    exit_code: int
    output: str


class MatrixLake:
    """A lake that is published once, and is as it was again after each cell. It never moves: its catalog has paths."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "lake"
        self._whole = folder / "whole"
        self.store = LocalObjectStore(self.path)
        playlists = folder / "playlists.yaml"
        playlists.write_text(PLAYLISTS_FILE, encoding="utf-8")
        home = folder / "dagster_home"
        home.mkdir()
        self.environment = {
            "SPOTIFY_ASSETS_PLAYLISTS": str(playlists),
            "SPOTIFY_ASSETS_LAKE": str(self.path),
            "SPOTIFY_ASSETS_ALERT_URLS": NOBODY,
            "DAGSTER_HOME": str(home),
        }
        self.to_import = folder / LANDED
        self.to_import.write_bytes(chart("a", "b", "c"))
        self._make()
        shutil.copytree(self.path, self._whole, copy_function=os.link)
        self._let_tables_come_last()
        self.content = self.read_content()
        self.rows = self.read_rows()
        self.catalog = self.read_catalog()

    def _make(self) -> None:
        with dg.DagsterInstance.ephemeral() as instance, Platform(self.environment, instance) as platform:
            assert platform.run_daily(DAYS[0], DAYS[-1]).success
            raw = RawLayer(self.store)
            moment = datetime.combine(DAYS[0], datetime.min.time(), UTC) + timedelta(hours=1)
            (playlist_id,) = {found.playlist_id for found in raw.read_days(DEMO, DAYS)}
            wrong = make_snapshot(make_entries(2), DAYS[0], slug=DEMO, source="demo", fetched_at=moment)
            wrong = type(wrong)(**{**vars(wrong), "playlist_id": playlist_id})
            raw.append(DEMO, [wrong])
            raw.withdraw(DEMO, DAYS[0], "a wrong list")
            self.store.write(ALIASES_KEY, b"song,differs_from,note\n")
            (target,) = targets(platform.settings)
            SentMessages(self.store).record(target, Message(edition_about(DEMO, DAYS[-1]), "", ""))
            for arguments in (["charts", "import", str(self.to_import)], ["daily"]):
                ended = self.command(instance, *arguments)
                assert ended.exit_code == 0, ended.output
        since = (datetime.now(UTC) - LASTS).isoformat()
        self.store.write(DAILY_LEASE_KEY, json.dumps({**process_tags(), "since": since}).encode())

    def at(self, path: Path) -> MatrixLake:
        """The same lake, if it were in another folder."""
        other = copy.copy(self)
        other.path, other.store = path, LocalObjectStore(path)
        other.environment = {**self.environment, "SPOTIFY_ASSETS_LAKE": str(path)}
        return other

    def as_it_was(self) -> None:
        """Bring every file back, with its place on the disk and its times."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self._whole, self.path, copy_function=os.link)
        self._let_tables_come_last()

    def _let_tables_come_last(self) -> None:
        """Another name for a file makes it newer: tables are newer than the lists that they are made of."""
        for path in self.path.glob("snapshots/*/*/*.parquet"):
            path.chmod(path.stat().st_mode)

    def files(self) -> dict[str, str]:
        """The version of every file that is there."""
        keys = self.store.list_objects("")
        return {stored.key: stored.version for stored in keys if not stored.key.startswith(TEMPORARY_PREFIX)}

    def forget(self, operation: str) -> None:
        """Remove what an operation makes anew of what is left."""
        made = [*(f"{table}/" for table in (*COMPACTED, *IDENTITY)), ANALYTICS_PREFIX]
        slug = LISTED if operation == "import" else DEMO
        made += [] if operation == "publish" else [f"songs/playlist={slug}/snapshot_date={DAYS[0]}/"]
        for key in self.store.list_keys(""):
            if key.startswith(tuple(made)):
                self.store.delete(key)

    def choose(self, subject: str, chance: random.Random) -> str:
        """A file of a kind."""
        found = sorted(path.relative_to(self.path).as_posix() for path in self.path.glob(SUBJECTS[subject]))
        # A raw file that is withdrawn is read by nobody, and is a subject of its own.
        found = [key for key in found if not parse_raw_key(key) or (key in self._counting()) == (subject == "raw file")]
        return chance.choice(found)

    def _counting(self) -> set[str]:
        return set(RawLayer(self.store).latest_keys(DEMO).values())

    def damage(self, key: str, fault: str, chance: random.Random) -> None:
        """Damage a file: as a disk does, or as somebody who puts another in its place."""
        path = self.path / key
        data = DAMAGES[fault](path.read_bytes(), chance)
        if data is None:
            path.unlink()
        elif fault in UNNOTICED:
            times = path.stat()
            path.write_bytes(data)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        else:
            path.unlink()
            path.write_bytes(data)

    def mend_whole(self, key: str, data: bytes) -> None:
        """Undo a damage that shares its place on the disk with the file that is kept."""
        path = self._whole / key
        if path.read_bytes() != data:
            times = path.stat()
            path.write_bytes(data)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def command(self, instance: dg.DagsterInstance, *arguments: str) -> Ending:
        """Run a command."""
        result = run_command(self.folder, instance, *arguments, **self.environment)
        return Ending(result.exit_code, result.output)

    def operate(self, operation: str, key: str = "", instance: dg.DagsterInstance | None = None) -> Ending:
        """Run an operation; `key` is what was damaged. Without a Dagster instance it is one that knows nothing.

        An error that is no refusal is raised.
        """
        with nullcontext(instance) if instance else dg.DagsterInstance.ephemeral() as used:
            if operation in ("publish", "tick"):
                with Platform(self.environment, used) as platform:
                    return publish(platform) if operation == "publish" else tick(platform, "glue_crawler_sensor")
            return self.command(used, *self._arguments(operation, key))

    def _arguments(self, operation: str, key: str) -> list[str]:
        found = parse_raw_key(key) or parse_partition_key(key)
        slug, day = (found.playlist, found.day) if found else (DEMO, DAYS[0])
        return {
            "query": ["query", "longest_runs", "--playlist", DEMO, "--format", "json"],
            "doctor": ["doctor", "--offline", "--verify"],
            "daily": ["daily"],
            "rebuild": ["rebuild", slug, str(day), str(day)],
            "import": ["charts", "import", str(self.to_import)],
        }[operation]

    def read_content(self) -> dict[str, str]:
        """See `content_of`."""
        return content_of(self.store)

    def read_rows(self) -> dict[str, str] | str:
        """See `rows_of`."""
        return rows_of(self.store)

    def read_catalog(self) -> dict[str, str] | str:
        """See `catalog_of`."""
        return catalog_of(self.path)


def catalog_of(lake: Path) -> dict[str, str] | str:
    """A digest of the rows of every view of catalog.duckdb; or DuckDB's error."""
    try:
        with duckdb.connect(str(lake / CATALOG_KEY), read_only=True) as catalog:
            names = catalog.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()
            return {
                name: _digest(str(catalog.sql(f'SELECT * FROM "{name}" ORDER BY ALL').fetchall()).encode())
                for (name,) in names
            }
    except (duckdb.Error, UnicodeDecodeError) as error:
        return str(error)


def content_of(store: ObjectStore) -> dict[str, str]:
    """A digest of every file that is content; released ones by table and part, whatever their run is called."""
    keys = [key for key in store.list_keys("") if not key.startswith((ANALYTICS_PREFIX, *NOT_MADE))]
    content = {key: _digest(store.read(key)) for key in keys if not key.endswith("_days.json")}
    release = read_release(store)
    for name, parts in release.tables.items():
        for part, stored in parts.items():
            content[f"{name} {part}"] = " ".join(_digest(store.read(key)) for key in stored.files)
    return content


def rows_of(store: ObjectStore) -> dict[str, str] | str:
    """A digest of the rows of every released table, as `query` reads them; or the refusal."""
    try:
        with open_released_tables(store, "500MB", of_one_run=True) as released:
            released.show(list(RELEASED))
            return {
                name: _digest(str(released.answer(f"SELECT * FROM {name} ORDER BY ALL").to_pylist()).encode())
                for name in RELEASED
            }
    except Refusal as refusal:
        return str(refusal)


def publish(platform: Platform) -> Ending:
    """A publish run."""
    result = platform.publish()
    failures = failures_of(result)
    left_out = left_out_days(platform.instance)
    return Ending(int(not result.success), "\n".join([*failures, left_out]))


def tick(platform: Platform, name: str) -> Ending:
    """A tick of a sensor."""
    sensor = platform.definitions.resolve_sensor_def(name)
    with dg.build_sensor_context(
        platform.instance, None, definitions=platform.definitions, resources=platform.definitions.resources
    ) as context:
        try:
            ticked = sensor.evaluate_tick(context)
        except Refusal as refusal:
            return Ending(1, str(refusal))
    return Ending(0, str(ticked.skip_message or ticked.run_requests))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is not the same in both."""
    return sorted(key for key in {*before, *after} if before.get(key) != after.get(key))


def day_of(key: str) -> date | None:
    """The day that a file belongs to."""
    found = parse_raw_key(key) or parse_partition_key(key)
    return found.day if found else None

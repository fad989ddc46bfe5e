"""Platforms that call something outside, over ways on which calls go wrong; what the cells of calls are made of."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.config
import dagster as dg
import pyarrow.parquet as pq
import pyathena.util
import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets.sources import bounded_answers
from spotify_assets.sources.archive import github
from spotify_assets.sources.spotify.client import SpotifyClient
from spotify_assets.sources.spotify.spotify_source import SpotifySource
from spotify_assets.storage.layout import ANALYTICS_PREFIX, SENT_MESSAGES_KEY
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.archive import archive_environment, record_days
from spotify_assets_tests.helpers.chart_csv import ID, chart
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.matrix.lake import Ending, content_of, publish, rows_of, tick
from spotify_assets_tests.stand_ins.aws import AwsStandIn
from spotify_assets_tests.stand_ins.bad_way import BadWay, Spoiled
from spotify_assets_tests.stand_ins.chat_service import ChatService
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, REPOSITORY, GithubServer
from spotify_assets_tests.stand_ins.hive import put_object
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries, make_track

TODAY = today_in_japan()
YESTERDAY = TODAY - timedelta(days=1)
MOMENT = datetime.combine(YESTERDAY, datetime.min.time(), UTC) + timedelta(hours=15)
"""The midnight with which today begins in Japan."""
SLUG = "chart"
LANDED = f"regional-jp-daily-{YESTERDAY}.csv"
BUCKET, PREFIX = "lake", "charts"
LAKE = f"s3://{BUCKET}/{PREFIX}"
CRAWLER, DATABASE, WORKGROUP = "crawler", "spotify_assets", "charts"
SECRET = "the-platform"
ALERTS = "a service of alerts"
PLAYLISTS_FILE = f"""
start: {YESTERDAY - timedelta(days=7)}
playlists:
  - {{{{slug: {SLUG}, title: A Chart, {{of_source}}}}}}
  - {{{{slug: listed, title: Another, source: charts, chart: regional-jp-daily}}}}
"""
WITH_TIMES = ("archive/", "raw_playlist/playlist=listed/", "snapshots/playlist=listed/", SENT_MESSAGES_KEY)
"""Files that hold when GitHub was asked, when a chart file came into the lake, or what a service has taken."""
SHORTEST = 2.0
"""Seconds that a client waits for an answer: long enough for a stand-in on a busy machine, which answers at once."""
LONGEST = 5.0
"""Seconds that it waits for all of an answer."""

SHORTEST_OF_AWS = 3.0
"""The same of AWS's clients: its stand-in runs queries before it answers."""


class _MomentOfTheFetch(datetime):
    """The time at which lists are fetched, which is in the files: they can be compared."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        """The same always."""
        return MOMENT.astimezone(tz)


@contextmanager
def without_waiting() -> Iterator[None]:
    """Clients that wait for an answer, and for nothing else but a second that they are asked to."""
    with pytest.MonkeyPatch.context() as patch:
        for init in (SpotifyClient.__init__, SpotifySource.__init__):
            patch.setitem(init.__kwdefaults__, "backoff_factor", 0.0)
        patch.setitem(github.GithubClient.__init__.__kwdefaults__, "pause", lambda _: None)
        patch.setattr(github, "RETRIES", github.RETRIES.new(backoff_factor=0.0))
        patch.setattr(bounded_answers, "LARGEST_ANSWER", 2**20)
        patch.setattr("spotify_assets.aws.answers.LARGEST_ANSWER", 2**20)
        patch.setattr("spotify_assets.aws.answers.LARGEST_OBJECT", 2**24)
        patch.setattr("spotify_assets.assets.raw_playlist.PAUSE_AFTER_OUTAGE", 0.0)
        patch.setattr("spotify_assets.assets.raw_playlist.RETRIES", 1)
        patch.setattr("spotify_assets.sensors.archived_days.FIRST_HOUR", 0)
        patch.setattr("spotify_assets.sources.spotify.spotify_source.datetime", _MomentOfTheFetch)
        patch.setattr("spotify_assets.sources.charts.charts_source.datetime", _MomentOfTheFetch)
        patch.setattr("botocore.endpoint.time", SimpleNamespace(time=time.time, sleep=lambda _: None))
        patch.setattr("spotify_assets.analytics.athena_engine.POLL_SECONDS", 0.0)
        patch.setattr("pyathena.connection.RetryConfig", lambda: pyathena.util.RetryConfig(multiplier=0, max_delay=0))
        # A lease that is left is of a process that is gone; here it is this one.
        patch.setattr("spotify_assets.cli.lease.is_alive", lambda _: False)
        yield


@contextmanager
def impatient(act: str) -> Iterator[None]:
    """Clients that wait for seconds for what never ends, and for anything else however long a busy machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        if act == "hang":
            patch.setitem(SpotifyClient.__init__.__kwdefaults__, "timeout", (SHORTEST, SHORTEST))
            patch.setattr(github, "TIMEOUT", (SHORTEST, SHORTEST))
            patch.setitem(botocore.config.Config.OPTION_DEFAULTS, "read_timeout", SHORTEST_OF_AWS)
        if act == "drip":
            patch.setattr(bounded_answers, "LONGEST_ANSWER", LONGEST)
            patch.setattr("spotify_assets.aws.answers.LONGEST_ANSWER", LONGEST)
        if act in ("hang", "drip"):
            patch.setattr("spotify_assets.alerts.targets.LONGEST_SENDING", LONGEST)
        yield


@dataclass
class Place:
    """A platform with its lake, and the way to what it calls.

    Attributes:
        folder: a folder of its own.
        environment: the variables of the platform.
        way: over which it calls.
        store: the lake, not over that way.
        put: writes a file into it, at no cost.
        emptied: empties the lake, and what is outside but for what the source has.
        sensor: the sensor that calls.
        called: what messages call it by.
    """

    folder: Path
    environment: Mapping[str, str]
    way: BadWay
    store: ObjectStore
    put: Callable[[str, bytes], None]
    emptied: Callable[[], None]
    sensor: str
    called: re.Pattern[str]
    states: dict[str, dict[str, bytes]] = field(default_factory=dict)
    undisturbed: dict[str, After] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / LANDED).write_bytes(chart("a", "b", "c"))
        self.environment = {**self.environment, "DAGSTER_HOME": str(self.folder)}

    def make_state(self, snapshots: bool) -> None:
        """Have yesterday stored and published; today is still to come."""
        if snapshots:
            RawLayer(self.store).append(SLUG, [make_snapshot(make_entries(4), YESTERDAY, slug=SLUG)])
        with (
            self.variables(),
            dg.DagsterInstance.ephemeral() as instance,
            Platform(self.environment, instance) as platform,
        ):
            assert platform.run_daily(YESTERDAY).success
            ended = publish(platform)
            assert ended.exit_code == 0, ended.output
        whole = {key: self.store.read(key) for key in self.store.list_keys("")}
        self.states["whole"] = whole
        self.states["unpublished"] = {key: data for key, data in whole.items() if not key.startswith(ANALYTICS_PREFIX)}

    @contextmanager
    def variables(self) -> Iterator[None]:
        """The environment as the platform's libraries read it too."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield

    def restore(self, operation: str) -> None:
        """Bring the lake into the state from which an operation begins."""
        self.emptied()
        for key, data in self.states["unpublished" if operation == "publish" else "whole"].items():
            self.put(key, data)

    def operate(self, operation: str, spoiled: Spoiled | None = None) -> After:
        """Run an operation on a Dagster instance that knows nothing, with calls that go wrong."""
        self.way.spoil(spoiled)
        in_time = impatient(spoiled.act if spoiled else "")
        with in_time, self.variables(), dg.DagsterInstance.ephemeral() as instance:
            if operation in ("publish", "tick"):
                with Platform(self.environment, instance) as platform:
                    ending = publish(platform) if operation == "publish" else tick(platform, self.sensor)
            else:
                result = run_command(self.folder, instance, *_arguments(operation, self.folder), **self.environment)
                ending = Ending(result.exit_code, result.output)
        lines, outlasted = self.way.lines, self.way.outlasted
        self.way.spoil(None)
        return After(
            ending,
            lines,
            outlasted,
            rows_of(self.store),
            _comparable(content_of(self.store), in_order="SPOTIFY_ASSETS_ENGINE" not in self.environment),
            _entries(self.store),
        )

    def whole(self, operation: str) -> After:
        """What an operation does that nothing disturbs."""
        if operation not in self.undisturbed:
            self.restore(operation)
            self.undisturbed[operation] = self.operate(operation)
        return self.undisturbed[operation]

    def notes(self) -> str:
        """What the newest snapshots say of how they were fetched."""
        raw = RawLayer(self.store)
        newest = {slug: max(days) for slug in (SLUG, "listed") if (days := raw.files(slug).counting)}
        return "\n".join(
            note for slug, day in newest.items() for found in raw.read_days(slug, [day]) for note in found.notes
        )


@dataclass(frozen=True)
class After:
    """How an operation ended, what it called, and what the lake has then."""

    ending: Ending
    lines: list[str]
    outlasted: list[str]
    rows: dict[str, str] | str
    content: dict[str, str]
    entries: dict[str, list[Any]]


def _entries(store: ObjectStore) -> dict[str, list[Any]]:
    """What is listed on each day."""
    return {
        key: pq.read_table(io.BytesIO(store.read(key)), columns=["position"]).to_pylist()
        for key in store.list_keys("songs/")
    }


def _comparable(content: dict[str, str], *, in_order: bool) -> dict[str, str]:
    """Without what holds the time at which it was written, or rows in no order; released rows are compared by rows."""
    return {
        key: digest
        for key, digest in content.items()
        if not key.startswith(WITH_TIMES) and (in_order or "Part(" not in key)
    }


def _arguments(operation: str, folder: Path) -> list[str]:
    return {
        "query": ["query", "longest_runs", "--playlist", SLUG, "--format", "json"],
        "doctor": ["doctor"],
        "daily": ["daily"],
        "rebuild": ["rebuild", SLUG, str(YESTERDAY), str(YESTERDAY)],
        "import": ["charts", "import", str(folder / LANDED)],
    }[operation]


@contextmanager
def open_place(subject: str, folder: Path) -> Iterator[Place]:
    """The platform that makes a call of the table."""
    with ExitStack() as closing:
        closing.enter_context(without_waiting())
        yield PLACES[subject](subject, folder, closing)


def _of_spotify(subject: str, folder: Path, closing: ExitStack) -> Place:
    matching = {
        "token": "POST /api/token",
        "page of a playlist": "GET /v1/playlists/",
        "batch of albums or artists": "GET /v1/(albums|artists|tracks)",
    }[subject]
    server = closing.enter_context(SpotifyServer())
    server.add_playlist(PLAYLIST_ID, make_entries(4))
    server.add_tracks([make_track(1, id=ID)])
    way = closing.enter_context(BadWay(server.url, matching))
    environment = {name: value.replace(server.url, way.url) for name, value in server.environment().items()}
    place = _in_a_folder(folder, way, environment, f"source: spotify, playlist_id: {PLAYLIST_ID}")
    place.sensor, place.called = "playlist_change_sensor", re.compile(f"Spotify|{way.url}")
    place.make_state(snapshots=True)
    return place


def _of_archive(_: str, folder: Path, closing: ExitStack) -> Place:
    server = closing.enter_context(GithubServer())
    server.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
    record_days(server, YESTERDAY, YESTERDAY)
    way = closing.enter_context(BadWay(server.url))
    of_archive = archive_environment(server, folder)
    environment = {name: of_archive[name].replace(server.url, way.url) for name in server.environment()}
    playlist = Path(of_archive["SPOTIFY_ASSETS_PLAYLISTS"]).read_text(encoding="utf-8")
    place = _in_a_folder(folder, way, environment, re.search("source: archive, playlist_id: [^}]+", playlist)[0])
    place.sensor, place.called = "archive_sensor", re.compile("GitHub|The archive's file")
    place.make_state(snapshots=False)
    server.commit(REPOSITORY, f"{MOMENT:%Y-%m-%dT%H:%M:%SZ}", *server.repositories[REPOSITORY][-1].files.popitem())
    return place


def _of_secrets(_: str, folder: Path, closing: ExitStack) -> Place:
    aws = closing.enter_context(AwsStandIn())
    way = closing.enter_context(BadWay(aws.endpoint_url, " secretsmanager"))
    server = closing.enter_context(SpotifyServer())
    server.add_playlist(PLAYLIST_ID, make_entries(4))
    server.add_tracks([make_track(1, id=ID)])
    environment = {**aws.environment(), **server.environment(), "AWS_ENDPOINT_URL": way.url}
    kept = {name: environment.pop(name) for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET")}
    aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(kept))
    environment["SPOTIFY_ASSETS_SECRET"] = SECRET
    place = _in_a_folder(folder, way, environment, f"source: spotify, playlist_id: {PLAYLIST_ID}")
    place.sensor, place.called = "playlist_change_sensor", re.compile(f"The secret {SECRET}")
    place.make_state(snapshots=True)
    return place


def _of_alerts(_: str, folder: Path, closing: ExitStack) -> Place:
    service = closing.enter_context(ChatService())
    way = closing.enter_context(BadWay(service.url))
    # A consent that ends is told at any hour.
    environment = {
        "SPOTIFY_REFRESH_TOKEN_SINCE": str(TODAY - timedelta(days=160)),
        "SPOTIFY_ASSETS_ALERT_URLS": f"{way.url}/{SECRET}".replace("http:", "json:"),
    }
    place = _in_a_folder(folder, way, environment, "source: demo")
    place.sensor, place.called = "movement_alerts", re.compile("did not take it")
    place.make_state(snapshots=False)
    return place


def _in_a_folder(folder: Path, way: BadWay, environment: Mapping[str, str], of_source: str) -> Place:
    store = LocalObjectStore(folder / "lake")
    playlists = folder / "playlists.yaml"
    playlists.write_text(PLAYLISTS_FILE.format(of_source=of_source), encoding="utf-8")
    variables = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(folder / "lake")}
    emptied = lambda: store.delete_all(store.list_keys(""))  # noqa: E731
    return Place(folder, {**environment, **variables}, way, store, store.write, emptied, "", re.compile(""))


def _of_aws(subject: str, folder: Path, closing: ExitStack) -> Place:
    aws = closing.enter_context(AwsStandIn())
    target = {"S3": "-", "Glue": "AWSGlue", "Athena": "AmazonAthena"}[subject]
    way = closing.enter_context(BadWay(aws.endpoint_url, f" {target}\\S*$"))
    playlists = folder / "playlists.yaml"
    playlists.write_text(PLAYLISTS_FILE.format(of_source="source: demo"), encoding="utf-8")
    environment = {
        **aws.environment(),
        "AWS_ENDPOINT_URL": way.url,
        "SPOTIFY_ASSETS_PLAYLISTS": str(playlists),
        "SPOTIFY_ASSETS_LAKE": LAKE,
        **({"GLUE_CRAWLER": CRAWLER} if subject != "S3" else {}),
        **({"SPOTIFY_ASSETS_ENGINE": "athena", "ATHENA_WORKGROUP": WORKGROUP} if subject == "Athena" else {}),
    }
    aws.create_bucket(BUCKET)
    aws.create_crawler(CRAWLER, DATABASE, LAKE)
    aws.create_workgroup(WORKGROUP, output=f"s3://{BUCKET}/results/")

    def emptied() -> None:
        for key in store.list_keys(""):
            aws.client("s3").delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")
        for table in aws.client("glue").get_tables(DatabaseName=DATABASE)["TableList"]:
            aws.client("glue").delete_table(DatabaseName=DATABASE, Name=table["Name"])
        aws.order_crawl(polls=0)

    store = S3ObjectStore(aws.client("s3"), BUCKET, PREFIX)
    place = Place(
        folder,
        environment,
        way,
        store,
        lambda key, data: put_object(BUCKET, f"{PREFIX}/{key}", data),
        emptied,
        "glue_crawler_sensor",
        re.compile({"S3": "s3://|bucket", "Glue": "Glue", "Athena": "Athena"}[subject]),
    )
    aws.order_crawl(polls=0)
    place.make_state(snapshots=False)
    return place


PLACES: Mapping[str, Callable[[str, Path, ExitStack], Place]] = {
    "token": _of_spotify,
    "page of a playlist": _of_spotify,
    "batch of albums or artists": _of_spotify,
    "the archive at GitHub": _of_archive,
    "S3": _of_aws,
    "Glue": _of_aws,
    "Athena": _of_aws,
    "Secrets Manager": _of_secrets,
    ALERTS: _of_alerts,
}

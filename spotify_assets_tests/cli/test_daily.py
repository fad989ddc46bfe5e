"""`spotify-assets daily`: the whole day in one process, any number of times, on any Dagster instance, one at a time."""

from __future__ import annotations

import itertools
import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import dagster as dg
import duckdb
import pytest

from spotify_assets.analytics.verification import find_damage
from spotify_assets.cli.lease import LASTS, lease
from spotify_assets.cli.upkeep import PROCESS_TAG, process_tags
from spotify_assets.jobs import HOST_TAG
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.storage.layout import DAILY_LEASE_KEY
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import decode, encode
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.archive import archive_environment, record_days
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.processes import Process, command
from spotify_assets_tests.helpers.publish_runs import short_publish_runs, whole_publish_runs
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, REPOSITORY, GithubServer, make_list

pytestmark = pytest.mark.slow

TODAY = today_in_japan()
CONFIGURATION = "telemetry: {enabled: false}\n"
HOMES = itertools.count()
MOMENTS = (3, 8, 16, 24)
"""Among the writes of a day: in its tables, in the history and in the analyses."""


class Place:
    """A folder with a lake of the demo, or of other playlists, and the command there."""

    def __init__(self, folder, **environment):
        self.folder = folder
        self.environment = {"SPOTIFY_ASSETS_LAKE": str(folder / "lake"), **environment}
        self.store = LocalObjectStore(folder / "lake")

    def daily(self, instance):
        return run_command(self.folder, instance, "daily", **self.environment)

    def ask(self, query):
        with duckdb.connect(str(self.folder / "lake" / "catalog.duckdb"), read_only=True) as catalog:
            return catalog.sql(query).fetchall()

    def files(self):
        return {key: self.store.read(key) for key in self.store.list_keys("") if not key.startswith(".")}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def tables_in(place):
    """The files of the daily tables."""
    return {key: data for key, data in place.files().items() if key.startswith(tuple(f"{name}/" for name in TABLES))}


def last_line(result):
    return result.output.strip().splitlines()[-1]


def new_instance():
    return dg.DagsterInstance.ephemeral()


class TestTheDay:
    def test_it_is_made_released_and_then_left_alone_on_any_instance(self, place, instance):
        first = place.daily(instance)
        assert (first.exit_code, last_line(first)) == (0, "daily: released; 2 runs")
        assert place.ask("select distinct snapshot_date from songs") == [(TODAY,)]
        assert place.ask("select count(distinct playlist) from chart_editions") == [(1,)]
        stored = place.files()
        assert not [key for key in stored if key.startswith("daily/")]
        with new_instance() as other:
            for again in (instance, other):
                result = place.daily(again)
                assert (result.exit_code, last_line(result)) == (0, "daily: nothing new; what is stored is released")
        assert place.files() == stored

    def test_a_day_that_lost_a_table_gets_it_again(self, place, instance):
        assert place.daily(instance).exit_code == 0
        before = place.files()
        (key,) = place.store.list_keys("songs/")
        place.store.delete(key)
        with new_instance() as other:
            result = place.daily(other)
        assert last_line(result) == "daily: released; 2 runs"
        assert f"a day that is stored: demo_japan {TODAY}: done" in result.output
        assert place.files()[key] == before[key]

    def test_a_day_gets_the_tables_of_the_list_that_counts(self, place, instance):
        """Whoever stored or withdrew a list was killed before its tables were made."""
        assert place.daily(instance).exit_code == 0
        before, raw = tables_in(place), RawLayer(place.store)
        (received,) = raw.read_days("demo_japan", [TODAY])
        newer = replace(received, entries=received.entries[:20], fetched_at=received.fetched_at + timedelta(hours=1))
        for change, songs in (
            (lambda: raw.append("demo_japan", [newer]), 20),
            (lambda: raw.withdraw("demo_japan", TODAY, "it is short"), 50),
            (lambda: raw.withdraw("demo_japan", TODAY, "that too"), 0),
            (lambda: raw.restore("demo_japan", TODAY), 50),
        ):
            change()
            assert any("is not made of the list that counts" in str(found) for found in find_damage(place.store))
            with new_instance() as other:
                result = place.daily(other)
            assert (result.exit_code, last_line(result)) == (0, "daily: released; 2 runs")
            assert place.ask("select count(*) from songs") == [(songs,)]
            assert list(find_damage(place.store)) == []
        assert tables_in(place) == before
        assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"

    def test_a_day_of_two_makes_is_made_again_and_released_at_once(self, place, instance):
        assert place.daily(instance).exit_code == 0
        before = tables_in(place)
        (key,) = place.store.list_keys("songs/")
        place.store.write(key, encode(decode(before[key], key), "another make"))
        with new_instance() as other:
            result = place.daily(other)
        assert (result.exit_code, last_line(result)) == (0, "daily: released; 3 runs")
        assert tables_in(place) == before
        assert place.ask("select snapshot_date from chart_days") == [(TODAY,)]

    def test_old_days_go_first_and_none_of_them_is_made_again(self, place, instance):
        assert run_command(place.folder, instance, "demo", "--days", "4", **place.environment).exit_code == 0
        oldest = TODAY - timedelta(3)
        begun = [key for key in place.store.list_keys("songs/") if f"snapshot_date={oldest}" in key]
        place.store.delete_all(begun)
        place.environment["SPOTIFY_ASSETS_KEEP_DAYS"] = "1"
        result = place.daily(instance)
        assert (result.exit_code, last_line(result)) == (0, "daily: released; 2 runs")
        assert f"prune_job: days before {TODAY - timedelta(1)}: done" in result.output
        kept = [(TODAY - timedelta(1),), (TODAY,)]
        assert place.ask("select snapshot_date from chart_days order by 1") == kept
        assert {key.split("snapshot_date=")[1][:10] for key in place.files() if "snapshot_date=" in key} == {
            str(day) for (day,) in kept
        }
        assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"

    def test_a_publish_run_that_failed_is_tried_again(self, place, instance, monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr("spotify_assets.analytics.publishing.refresh", lambda *_: 1 / 0)
            failed = place.daily(instance)
        assert (failed.exit_code, last_line(failed)) == (1, "daily: failed; 1 of 2 runs, named above")
        result = place.daily(instance)
        assert (result.exit_code, last_line(result)) == (0, "daily: released; 1 runs")

    def test_pages_that_were_not_written_after_a_release_are_written_by_the_next(self, place, instance, monkeypatch):
        with whole_publish_runs():
            with monkeypatch.context() as broken:
                broken.setattr("spotify_assets.report.chart_report.write_report", lambda *_: 1 / 0)
                assert place.daily(instance).exit_code == 1
            assert place.ask("select count(*) from songs") == [(50,)]
            assert not place.store.list_keys("report/")
            assert last_line(place.daily(instance)) == "daily: released; 1 runs"
            assert "report/index.html" in place.store.list_keys("report/")
            assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"

    def test_a_refusal_is_in_the_last_line_too(self, place, instance):
        place.environment["SPOTIFY_ASSETS_LAKE"] = "/proc/lake"
        result = place.daily(instance)
        assert result.exit_code == 1
        assert last_line(result).startswith("daily: failed; ")
        assert "What to do: " in result.output


class TestSources:
    @pytest.fixture
    def github(self):
        with GithubServer() as server:
            server.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
            yield server

    def test_days_of_the_archive_come_when_it_has_them(self, github, tmp_path):
        place = Place(tmp_path, **archive_environment(github, tmp_path))
        record_days(github, TODAY - timedelta(days=3), TODAY - timedelta(days=3))
        with new_instance() as instance:
            assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"
        github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
        with new_instance() as instance:
            result = place.daily(instance)
        assert result.exit_code == 0, result.output
        assert last_line(result).startswith("daily: released; ")
        assert (TODAY,) in place.ask("select distinct snapshot_date from songs")
        calls = len(github.calls("raw"))
        with new_instance() as instance:
            assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"
        assert len(github.calls("raw")) == calls

    def test_files_that_land_are_run_once_and_a_file_that_cannot_be_used_is_named(self, tmp_path):
        playlists = tmp_path / "playlists.yaml"
        playlists.write_text(
            "start: 2026-01-01\nplaylists:\n"
            "  - {slug: chart, title: A Chart, source: charts, chart: regional-jp-daily}\n",
            encoding="utf-8",
        )
        place = Place(tmp_path, SPOTIFY_ASSETS_PLAYLISTS=str(playlists))
        header = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams\n"
        row = "1,spotify:track:{0:022d},Artist,Song,Label,1,1,1,1000\n"
        for day in (5, 6):
            name = f"landing/charts/regional-jp-daily-2026-11-0{day}.csv"
            place.store.write(name, (header + row.format(day)).encode())
        place.store.write("landing/charts/regional-jp-daily-2026-11-07.csv", b"no chart")
        with new_instance() as instance:
            result = place.daily(instance)
        assert (result.exit_code, last_line(result)) == (0, "daily: released; 2 runs")
        assert "chart_landing_sensor: chart 2026-11-05 to 2026-11-06: done" in result.output
        assert "regional-jp-daily-2026-11-07.csv" in result.output
        with new_instance() as instance:
            assert last_line(place.daily(instance)) == "daily: nothing new; what is stored is released"


class TestOneAtATime:
    def hold(self, place, **holder):
        recorded = {**process_tags(), "since": datetime.now(UTC).isoformat(), **holder}
        place.store.write(DAILY_LEASE_KEY, json.dumps(recorded).encode())

    def test_another_one_is_refused_while_its_process_lives(self, place, instance):
        self.hold(place)
        result = place.daily(instance)
        assert result.exit_code == 1
        assert "Another `spotify-assets daily` is under way on this lake" in result.output
        assert place.store.list_keys("songs/") == []
        assert place.store.list_keys("daily/") == [DAILY_LEASE_KEY]

    @pytest.mark.parametrize(
        "ended",
        [
            {PROCESS_TAG: "999999999"},
            {HOST_TAG: "elsewhere", "since": (datetime.now(UTC) - LASTS).isoformat()},
            {"since": "yesterday"},
            {"since": (datetime.now(UTC) + timedelta(days=400)).isoformat()},
        ],
        ids=["its process is gone", "its machine is gone", "it cannot be read", "its clock was wrong"],
    )
    def test_one_that_has_ended_holds_up_nobody(self, place, instance, ended):
        self.hold(place, **ended)
        assert place.daily(instance).exit_code == 0
        assert place.store.list_keys("daily/") == []

    def test_one_whose_lease_was_written_without_an_answer_has_it(self, lake_folder):
        class LosesTheAnswer(LocalObjectStore):
            """As a bucket that is asked again: what is in the way then is what was written before."""

            def write_over(self, before, key, data):
                assert super().write_over(before, key, data)
                return super().write_over(before, key, data)

        store = LosesTheAnswer(lake_folder)
        with lease(store):
            assert store.list_keys("") == [DAILY_LEASE_KEY]
        assert store.list_keys("") == []

    def test_one_on_another_machine_is_waited_for(self, place, instance):
        self.hold(place, **{HOST_TAG: "elsewhere", PROCESS_TAG: "999999999"})
        assert place.daily(instance).exit_code == 1


def daily(killed_at=None):
    """The command in a process, which is killed at so many writes."""
    writes, write = itertools.count(1), LocalObjectStore.write

    def killing(store, key, data):
        if next(writes) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        write(store, key, data)

    with short_publish_runs(), mock.patch.object(LocalObjectStore, "write", killing):
        command("daily")


class TestKilled:
    """Processes, each with an instance of its own."""

    def start(self, folder, *arguments):
        home = folder / f"home{next(HOMES)}"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text(CONFIGURATION)
        environment = {"DAGSTER_HOME": str(home), "SPOTIFY_ASSETS_LAKE": str(folder / "lake")}
        return Process(folder, environment, daily, *arguments)

    def test_killed_at_any_moment_the_next_one_finishes_with_the_same_bytes(self, tmp_path):
        undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
        processes = [self.start(undisturbed)]
        for write in MOMENTS:
            assert self.start(disturbed, write).end().returncode == -signal.SIGKILL
        processes.append(self.start(disturbed))
        for process in processes:
            ended = process.end()
            assert ended.returncode == 0, ended
        expected, found = Place(undisturbed), Place(disturbed)
        for table in TABLES:
            (key,) = expected.store.list_keys(f"{table}/")
            assert found.store.list_keys(f"{table}/") == [key]
            assert found.store.read(key) == expected.store.read(key)
        query = "select playlist, snapshot_date, position, song_id from song_history order by all"
        assert found.ask(query) == expected.ask(query)
        assert found.store.list_keys("daily/") == []

    def test_of_two_at_once_one_does_it(self, tmp_path):
        processes = [self.start(tmp_path) for _ in range(2)]
        endings = [process.end().stdout.strip().splitlines()[-1] for process in processes]
        place = Place(tmp_path)
        assert place.ask("select count(distinct snapshot_date) from songs") == [(1,)]
        assert "daily: released; 2 runs" in endings
        (other,) = [ending for ending in endings if ending != "daily: released; 2 runs"]
        assert other == "daily: nothing new; what is stored is released" or "is under way" in other
        assert len(place.store.list_keys("raw_playlist/")) == 1

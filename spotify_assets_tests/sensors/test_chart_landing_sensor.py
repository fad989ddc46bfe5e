"""The landing sensor as a state machine: which runs it asks for in every state that the landing folder can be in."""

from __future__ import annotations

import dataclasses
import os
import random
import threading
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.assets.common import PARTITIONS_PER_RUN
from spotify_assets.catalog.pruning import find_old, remove
from spotify_assets.cli.runs import run_range
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import StorageError
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.partitions import RANGE_END_TAG, RANGE_START_TAG, today_in_japan
from spotify_assets.publication import daily_keys
from spotify_assets.sensors import chart_landing as landing_sensor
from spotify_assets.sensors import landed_days
from spotify_assets.sensors.landing_watermark import Watermark
from spotify_assets.settings import load_settings
from spotify_assets.sources.charts.charts_source import ChartsSource
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, LocalObjectStore, StoredObject
from spotify_assets_tests.helpers.platform import Platform

pytestmark = pytest.mark.slow

FIRST = date(2025, 3, 1)
LONG_AGO = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
HEADER = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams"
PLAYLISTS = """
start: 2022-01-01
playlists:
  - {slug: japan, title: Japan, source: charts, chart: regional-jp-daily}
  - {slug: world, title: World, source: charts, chart: regional-global-daily}
"""


class DatedStore(LocalObjectStore):
    """A lake whose files were put there when a test says, and that remembers what was read."""

    def __init__(self, folder):
        super().__init__(folder)
        self.times: dict[str, datetime] = {}
        self.reads: list[str] = []
        self.refused: set[str] = set()
        self.before_opening = lambda: None

    def list_objects(self, prefix):
        return [
            dataclasses.replace(stored, modified=self.times.get(stored.key, LONG_AGO))
            for stored in super().list_objects(prefix)
        ]

    def open(self, key):
        self.reads.append(key)
        self.before_opening()
        if key in self.refused:
            raise StorageError(f"{key} cannot be read.", why="the bucket is asleep", remedy="wait")
        return super().open(key)


class Landing:
    """A landing folder, and the sensor with its cursor as the daemon keeps it."""

    def __init__(self, folder, instance):
        playlists = folder / "playlists.yaml"
        playlists.write_text(PLAYLISTS, encoding="utf-8")
        self.environment = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(folder / "lake")}
        self.platform = Platform(self.environment, instance)
        self.instance = instance
        self.store = DatedStore(folder / "lake")
        self.cursor = None

    def put(self, day, *, chart="regional-jp-daily", at=LONG_AGO, content=None, folder=""):
        return self.put_file(f"{folder}{chart}-{day}.csv", content or chart_file(day), at=at)

    def put_file(self, name, content, *, at=LONG_AGO):
        key = f"landing/charts/{name}"
        self.store.write(key, content.encode())
        self.store.times[key] = at
        return key

    def tick(self, store=None):
        sensor = self.platform.definitions.resolve_sensor_def("chart_landing_sensor")
        self.store.reads = []
        with dg.build_sensor_context(
            instance=self.instance,
            definitions=self.platform.definitions,
            cursor=self.cursor,
            resources={"lake": SimpleNamespace(store=lambda: store or self.store)},
        ) as context:
            data = sensor.evaluate_tick(context)
        assert bool(data.run_requests) != bool(data.skip_message)
        self.cursor = data.cursor
        return data

    def requested(self, **arguments):
        """The ranges that a tick asks for, by playlist."""
        found = []
        for request in self.tick(**arguments).run_requests:
            slug = request.asset_selection[0].path[0]
            assert request.asset_selection == daily_keys(slug)
            assert request.job_name == "chart_files_job" or request.job_name is None
            found.append((slug, request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]))
        return found

    def skip(self):
        message = self.tick().skip_message
        assert message
        return message

    def execute(self, request):
        """The run that was asked for, with the job, selection and tags that the daemon creates it with."""
        job = self.platform.definitions.resolve_job_def("chart_files_job")
        return job.execute_in_process(
            instance=self.instance, asset_selection=request.asset_selection, tags=dict(request.tags)
        )

    def record_run(self, day, status, started=None, job_name="chart_files_job", assets=None):
        """A run of one day of Japan, as Dagster records it."""
        run = dg.DagsterRun(
            job_name=job_name,
            run_id=str(uuid.uuid4()),
            asset_selection=assets,
            tags={RANGE_START_TAG: str(day), RANGE_END_TAG: str(day)},
        )
        self.instance.add_run(run)
        started = started or datetime.now(UTC)
        events = [(dg.DagsterEventType.RUN_START, started)]
        ends = {
            dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
            dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        }
        if status in ends:
            events.append((ends[status], started + timedelta(seconds=5)))
        for event, moment in events:
            self.instance.run_storage.handle_run_event(run.run_id, dg.DagsterEvent(event.value, job_name), moment)


def chart_file(day, rows=2, mark=""):
    lines = [
        f'{n},spotify:track:{n:022d},"Band {n}","Song {n} of {day}{mark}",Label,1,1,1,{1000 - n}'
        for n in range(1, rows + 1)
    ]
    return "\n".join([HEADER, *lines]) + "\n"


def days(count, first=FIRST):
    return [first + timedelta(days=number) for number in range(count)]


@pytest.fixture
def landing(tmp_path, instance):
    return Landing(tmp_path, instance)


class TestWhatIsNew:
    def test_no_file(self, landing):
        assert "No new file" in landing.skip()

    def test_one_file_is_one_run_once(self, landing):
        landing.put(FIRST)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()
        assert landing.store.reads == []

    def test_a_hundred_files_are_one_run(self, landing):
        for day in reversed(days(100)):
            landing.put(day)
        assert landing.requested() == [("japan", "2025-03-01", "2025-06-08")]
        assert "No new file" in landing.skip()

    def test_more_days_than_a_run_takes_are_cut(self, landing):
        for day in days(PARTITIONS_PER_RUN + 1):
            landing.put(day)
        assert landing.requested() == [("japan", "2025-03-01", "2025-06-08"), ("japan", "2025-06-09", "2025-06-09")]

    def test_a_gap_ends_a_run(self, landing):
        for day in ("2025-03-01", "2025-03-02", "2025-03-04"):
            landing.put(day)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-02"), ("japan", "2025-03-04", "2025-03-04")]

    def test_a_replaced_file_is_run_again(self, landing):
        landing.put("2025-03-01")
        landing.put("2025-03-02")
        landing.tick()
        landing.put("2025-03-01", at=LONG_AGO + timedelta(hours=1))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert landing.store.reads == ["landing/charts/regional-jp-daily-2025-03-01.csv"]

    def test_two_playlists_have_runs_of_their_own(self, landing):
        landing.put("2025-03-01")
        landing.put("2025-03-02")
        landing.put("2025-03-02", chart="regional-global-daily")
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-02"), ("world", "2025-03-02", "2025-03-02")]

    def test_a_folder_names_the_playlist(self, landing):
        landing.put_file("world/2025-03-02.csv", chart_file("2025-03-02"))
        assert landing.requested() == [("world", "2025-03-02", "2025-03-02")]

    def test_other_files_are_nobodys(self, landing):
        landing.put_file("notes.txt", "bought milk")
        assert "No new file" in landing.skip()

    def test_what_is_too_much_for_a_tick_comes_up_in_the_next(self, landing, monkeypatch):
        monkeypatch.setattr(landing_sensor, "FILES_PER_TICK", 2)
        for day in days(5):
            landing.put(day)
        assert [landing.requested() for _ in range(3)] == [
            [("japan", "2025-03-01", "2025-03-02")],
            [("japan", "2025-03-03", "2025-03-04")],
            [("japan", "2025-03-05", "2025-03-05")],
        ]
        assert "No new file" in landing.skip()


class TestCursor:
    def test_survives_a_restart(self, landing, tmp_path, instance):
        landing.put("2025-03-01")
        landing.tick()
        restarted = Landing(tmp_path, instance)
        restarted.cursor = landing.cursor
        assert "No new file" in restarted.skip()
        restarted.put("2025-03-02", at=LONG_AGO + timedelta(seconds=1))
        assert restarted.requested() == [("japan", "2025-03-02", "2025-03-02")]

    @pytest.mark.parametrize("offset", [timedelta(0), timedelta(milliseconds=500), timedelta(milliseconds=-200)])
    def test_a_file_of_the_same_second_is_not_missed(self, landing, offset):
        landing.put("2025-03-02")
        landing.tick()
        landing.put("2025-03-01", at=LONG_AGO + offset)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()

    def test_in_a_bucket_the_second_that_was_not_over_is_looked_at_once_more(self, landing):
        this_second = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        landing.put("2025-03-01", at=this_second)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        landing.put("2025-03-01", at=this_second, content=chart_file("2025-03-01", mark=" again"))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_in_a_bucket_a_second_that_was_over_is_not_looked_at_again(self, landing):
        landing.put("2025-03-01", at=LONG_AGO.replace(microsecond=0))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()

    def test_does_not_grow_with_the_number_of_files(self, landing):
        for number, day in enumerate(days(50)):
            landing.put(day, at=LONG_AGO + timedelta(seconds=number))
        landing.tick()
        assert len(landing.cursor) < 200

    def test_a_file_moved_there_with_an_older_time_is_new(self, landing, tmp_path):
        """On a real folder: `mv` keeps the time of the download."""
        store = LocalObjectStore(tmp_path / "lake")
        downloaded = tmp_path / "regional-jp-daily-2025-03-01.csv"
        downloaded.write_text(chart_file("2025-03-01"), encoding="utf-8")
        landing.put("2025-03-02")
        assert landing.requested(store=store) == [("japan", "2025-03-02", "2025-03-02")]
        downloaded.rename(tmp_path / "lake/landing/charts" / downloaded.name)
        assert landing.requested(store=store) == [("japan", "2025-03-01", "2025-03-01")]


class TestWatermark:
    """Files that are put and replaced at any moments, between looks at any moments, in ever later order."""

    steps = st.lists(st.tuples(st.integers(0, 1300), st.sampled_from(["look", "a", "b", "c"])), max_size=40)

    def story(self, steps, resolution):
        """The keys that each look finds new, with how many versions of each were put before."""
        now, folder, versions, watermark = LONG_AGO, {}, Counter(), Watermark()
        for pause, step in [*steps, (0, "look"), (5000, "look")]:
            now += timedelta(milliseconds=pause, microseconds=1)
            if step == "look":
                new = [stored for stored in folder.values() if watermark.is_new(stored)]
                watermark = Watermark.of(watermark.after(new, [], now).cursor(), now)
                yield {stored.key: versions[stored.key] for stored in new}, dict(versions)
            else:
                versions[step] += 1
                folder[step] = StoredObject(step, resolution(now), str(versions[step]), 0)

    @given(steps)
    def test_in_a_folder_each_version_is_found_once(self, steps):
        seen: dict[str, int] = {}
        for new, versions in self.story(steps, lambda now: now):
            assert all(seen.get(key, 0) < version for key, version in new.items())
            seen |= new
            assert seen == versions

    @given(steps)
    def test_in_a_bucket_no_version_is_missed_and_looking_ends(self, steps):
        seen: dict[str, int] = {}
        for new, versions in self.story(steps, lambda now: now.replace(microsecond=0)):
            seen |= new
            assert seen == versions
        *_, (new, _) = self.story([*steps, (5000, "look")], lambda now: now.replace(microsecond=0))
        assert new == {}


class TestBadFiles:
    @pytest.fixture
    def warnings(self, monkeypatch):
        logged = []
        monkeypatch.setattr(
            dg.SensorEvaluationContext, "log", property(lambda _: SimpleNamespace(warning=logged.append))
        )
        return logged

    def test_stop_no_good_one_and_are_named(self, landing, warnings):
        landing.put("2025-03-01")
        landing.put_file("junk.csv", "neither,chart\n1,2\n")
        landing.put("2025-03-02", chart="regional-fr-daily")
        landing.put_file("nobody/2025-03-02.csv", chart_file("2025-03-02"))
        landing.put("2025-03-03")
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01"), ("japan", "2025-03-03", "2025-03-03")]
        assert sorted(warning.split(":")[0] for warning in warnings) == [
            "landing/charts/junk.csv",
            "landing/charts/nobody/2025-03-02.csv",
            "landing/charts/regional-fr-daily-2025-03-02.csv",
        ]

    def test_alone_are_the_reason_to_skip_once(self, landing):
        landing.put_file("junk.csv", "neither,chart\n1,2\n")
        assert "1 of 1 new files cannot be used" in landing.tick().skip_message
        assert "No new file" in landing.skip()

    def test_come_up_again_when_replaced(self, landing):
        landing.put("2025-03-01", content="neither,chart\n1,2\n")
        assert "landing/charts/regional-jp-daily-2025-03-01.csv" in landing.skip()
        landing.put("2025-03-01", at=LONG_AGO + timedelta(minutes=1))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_that_the_lake_cannot_give_are_tried_at_every_tick(self, landing):
        landing.put("2025-03-01", at=LONG_AGO + timedelta(minutes=1))
        asleep = landing.put("2025-03-02")
        landing.store.refused = {asleep}
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "the bucket is asleep" in landing.skip()
        landing.store.refused = set()
        assert landing.requested() == [("japan", "2025-03-02", "2025-03-02")]
        assert "No new file" in landing.skip()

    def test_in_a_playlists_folder_let_its_files_wait_because_a_run_would_stop_there(self, landing, warnings):
        landing.put("2025-03-01", folder="japan/")
        landing.put("2025-03-01", chart="regional-global-daily")
        archive = landing.put_file("japan/history.csv", "date,position,song,artist\n2025-03-02,nan,Song,Band\n")
        assert landing.requested() == [("world", "2025-03-01", "2025-03-01")]
        assert "position is 'nan'" in warnings[0]
        assert warnings[1] == f"japan: 1 of its files wait until {archive} is mended or removed."
        assert "1 of its files wait" in landing.skip()
        landing.store.delete(archive)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()

    def test_in_a_playlists_folder_that_say_their_day_stop_only_that(self, landing):
        landing.put("2025-03-01", folder="japan/", content="neither,chart\n1,2\n")
        landing.put("2025-03-02", folder="japan/")
        assert landing.requested() == [("japan", "2025-03-02", "2025-03-02")]

    def test_days_that_are_no_partitions_are_named_and_the_others_run(self, landing, warnings):
        tomorrow = today_in_japan() + timedelta(days=1)
        lines = [f"{day},1,Song,Band" for day in ("2021-12-31", "2022-01-01", tomorrow)]
        landing.put_file("japan/history.csv", "\n".join(["date,position,song,artist", *lines]) + "\n")
        assert landing.requested() == [("japan", "2022-01-01", "2022-01-01")]
        assert "2 of its 3 days are no partitions" in warnings[0]
        assert "set `start` to 2021-12-31" in warnings[0]

    def test_of_the_future_are_not_mended_by_an_earlier_start(self, landing):
        landing.put(today_in_japan() + timedelta(days=1))
        message = landing.skip()
        assert "What to do: correct the dates" in message
        assert "set `start`" not in message


class TestOnce:
    def test_files_wait_while_the_playlist_is_being_written(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-05", dg.DagsterRunStatus.STARTED)
        assert "1 new files wait for the end of run" in landing.skip()
        assert landing.cursor is None

    def test_files_do_not_wait_for_runs_of_other_playlists(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-05", dg.DagsterRunStatus.STARTED, job_name="daily_playlist_job")
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_a_run_of_the_raw_snapshot_alone_does_not_count(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-01", dg.DagsterRunStatus.SUCCESS, assets=frozenset(daily_keys("japan")[:1]))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_a_failed_run_does_not_count(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-01", dg.DagsterRunStatus.FAILURE)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_days_filled_since_the_file_was_put_there_are_not_run_again(self, landing):
        landing.put("2025-03-01")
        landing.put("2025-03-02")
        landing.record_run("2025-03-01", dg.DagsterRunStatus.SUCCESS)
        assert landing.requested() == [("japan", "2025-03-02", "2025-03-02")]

    def test_a_run_that_started_before_the_file_came_does_not_count(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-01", dg.DagsterRunStatus.SUCCESS, started=LONG_AGO - timedelta(seconds=1))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]

    def test_all_filled_says_so(self, landing):
        landing.put("2025-03-01")
        landing.record_run("2025-03-01", dg.DagsterRunStatus.SUCCESS)
        assert "all of whose days have been filled" in landing.skip()

    def test_days_that_the_command_line_imported_are_not_run_again(self, landing):
        for day in days(3):
            landing.put(day)
        job = landing.platform.definitions.resolve_job_def(CHART_FILES_JOB)
        chunks = list(
            run_range(
                job,
                landing.instance,
                daily_keys("japan"),
                days(3),
            )
        )
        assert [chunk.failures for chunk in chunks] == [[]]
        assert "all of whose days have been filled" in landing.skip()

    def test_days_that_were_removed_come_up_only_when_their_file_is_put_there_again(self, landing):
        for day in days(3):
            landing.put(day)
        (request,) = landing.tick().run_requests
        assert landing.execute(request).success
        old = find_old(landing.store, None, "", ["japan"], days(3)[2])["japan"]
        assert list(old) == days(2)
        remove(landing.store, None, "", "japan", old)
        assert landing.skip()
        landing.put(days(3)[0], at=datetime.now(UTC) + timedelta(minutes=1))
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]


def test_in_a_bucket(aws, tmp_path, instance):
    aws.create_bucket("lake")
    playlists = tmp_path / "playlists.yaml"
    playlists.write_text(PLAYLISTS, encoding="utf-8")
    environment = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": "s3://lake/charts"}
    with Platform(environment, instance) as platform:
        for day in days(3):
            platform.store.write(f"landing/charts/regional-jp-daily-{day}.csv", chart_file(day).encode())
        sensor = platform.definitions.resolve_sensor_def("chart_landing_sensor")
        resources = platform.definitions.get_repository_def().get_top_level_resources()
        with dg.build_sensor_context(
            instance=instance, definitions=platform.definitions, resources=resources
        ) as context:
            (request,) = sensor.evaluate_tick(context).run_requests
    assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == ("2025-03-01", "2025-03-03")


class TestManyFiles:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_a_thousand_days_in_any_order_are_ten_runs(self, landing, seed):
        """Whatever the order in which they came: the half that a tick leaves over comes up in the next one."""
        order = days(1000, date(2022, 1, 1))
        random.Random(seed).shuffle(order)  # noqa: S311 - nothing is hidden by it
        for second, day in enumerate(order):
            landing.put(day, content=chart_file(day, rows=1), at=LONG_AGO + timedelta(seconds=second))
        first, second = landing.requested(), landing.requested()
        assert (len(first), len(second)) == (5, 5)
        ends = [tuple(map(date.fromisoformat, ends)) for _, *ends in first + second]
        assert sum((last - first).days + 1 for first, last in ends) == 1000
        assert "No new file" in landing.skip()
        assert len(landing.cursor) < 200

    def test_files_of_several_playlists_are_taken_playlist_by_playlist(self, landing, monkeypatch):
        monkeypatch.setattr(landing_sensor, "FILES_PER_TICK", 3)
        for day in days(3):
            landing.put(day)
            landing.put(f"{day}.csv", chart="world/x")
        found = [landing.requested(), landing.requested()]
        assert sorted(slug for requested in found for slug, *_ in requested) == ["japan", "world"]

    def test_several_are_read_at_once(self, landing):
        meeting = threading.Barrier(PARALLEL_REQUESTS, timeout=10)
        landing.store.before_opening = meeting.wait
        for day in days(PARALLEL_REQUESTS):
            landing.put(day)
        assert landing.requested() == [("japan", "2025-03-01", str(days(PARALLEL_REQUESTS)[-1]))]


class TestStrangeFiles:
    """What may lie in a real landing folder and is no chart; a good file lies beside it."""

    @pytest.fixture
    def folder(self, landing, tmp_path):
        landing.put(FIRST)
        return tmp_path / "lake/landing/charts"

    @pytest.mark.parametrize(
        "name",
        ["._archive.csv", ".#x.csv", "japan/._archive.csv", "japan/.ipynb_checkpoints/archive.csv", ".DS_Store"],
    )
    @pytest.mark.usefixtures("folder")
    def test_hidden_files_count_nowhere(self, landing, name):
        landing.put_file(name, "neither,chart\n")
        tick = landing.tick()
        assert len(tick.run_requests) == 1
        assert landing.execute(tick.run_requests[0]).success
        source = ChartsSource(landing.store, landing.platform.settings.playlists)
        assert not source.days_on_offer(landing.platform.settings.playlists[0], days(3)[1:], {})
        assert "files that" not in source.absence.why

    def test_links_that_lead_nowhere_are_skipped(self, landing, folder):
        (folder / "japan").mkdir()
        (folder / "japan/gone.csv").symlink_to(folder / "nothing.csv")
        (folder / "japan/round.csv").symlink_to(folder / "japan/round.csv")
        (folder / "up").symlink_to(folder)
        os.mkfifo(folder / "japan/pipe.csv")
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()

    def test_links_to_files_and_folders_are_followed(self, landing, folder, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "2025-03-02.csv").write_text(chart_file("2025-03-02"), encoding="utf-8")
        (elsewhere / "a chart").write_text(chart_file("2025-03-03"), encoding="utf-8")
        (folder / "japan").symlink_to(elsewhere)
        (folder / "regional-jp-daily-2025-03-03.csv").symlink_to(elsewhere / "a chart")
        (request,) = landing.tick(LocalObjectStore(tmp_path / "lake")).run_requests
        assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == ("2025-03-01", "2025-03-03")
        assert landing.execute(request).success
        assert len(landing.platform.rows("songs", date(2025, 3, 2), "japan")) == 2

    def test_a_file_that_goes_while_the_folder_is_looked_at_is_skipped(self, landing):
        landing.put("2025-03-01")
        gone = landing.put("2025-03-02")
        landing.store.before_opening = lambda: landing.store.delete(gone)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        assert "No new file" in landing.skip()

    def test_a_name_that_is_no_text_is_never_read(self, landing, folder):
        (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv"))).write_text("neither,chart\n")
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]
        source = ChartsSource(landing.store, landing.platform.settings.playlists)
        source.days_on_offer(landing.platform.settings.playlists[0], days(2), {})
        assert "'landing/charts/caf\\udce9.csv' (its name is not UTF-8)" in source.absence.why

    def test_what_nobody_foresaw_costs_that_file_alone(self, landing, folder, monkeypatch):
        landing.put("2025-03-02")
        read = landed_days.share_out

        def stumble(original, *arguments):
            if original.name.endswith("2025-03-02.csv"):
                raise RecursionError("too deep")
            return read(original, *arguments)

        monkeypatch.setattr(landed_days, "share_out", stumble)
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]


class TestSameContent:
    def fill(self, landing, store):
        for request in landing.tick(store).run_requests:
            assert landing.execute(request).success

    def test_other_permissions_are_no_other_files(self, landing, tmp_path):
        store = LocalObjectStore(tmp_path / "lake")
        for day in days(3):
            landing.put(day)
        self.fill(landing, store)
        changed = list((tmp_path / "lake/landing").rglob("*.csv"))
        for path in changed:
            path.chmod(0o600)
        assert all(landing.tick(store).skip_message for _ in range(2))
        changed[0].write_text(chart_file(changed[0].stem[-10:], mark=" again"), encoding="utf-8")
        (request,) = landing.tick(store).run_requests
        assert request.tags[RANGE_START_TAG] == changed[0].stem[-10:]

    def test_a_day_that_lacks_a_table_is_run_whatever_is_stored(self, landing):
        landing.put(FIRST)
        job = landing.platform.definitions.resolve_job_def("chart_files_job")
        made = job.execute_in_process(
            instance=landing.instance,
            asset_selection=daily_keys("japan")[:2],
            tags={RANGE_START_TAG: str(FIRST), RANGE_END_TAG: str(FIRST)},
        )
        assert made.success
        assert landing.requested() == [("japan", "2025-03-01", "2025-03-01")]


@pytest.mark.parametrize(("lake", "seconds"), [("lake", 30), ("s3://lake/charts", 300)])
def test_how_often_the_folder_is_looked_at(tmp_path, lake, seconds):
    playlists = tmp_path / "playlists.yaml"
    playlists.write_text(PLAYLISTS, encoding="utf-8")
    definitions = build_definitions(
        load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": lake})
    )
    assert definitions.resolve_sensor_def("chart_landing_sensor").minimum_interval_seconds == seconds


class TestRuns:
    def test_a_requested_range_fills_its_days_and_no_other(self, landing):
        for day in days(3):
            landing.put(day)
        landing.put("2025-03-02", chart="regional-global-daily", content=chart_file("2025-03-02", rows=5))
        # Beside files that nobody can read, of another day and of any.
        landing.put("2025-03-20", content="neither,chart\n")
        landing.put_file("junk.csv", "neither,chart\n")
        requests = landing.tick().run_requests
        for request in requests:
            assert landing.execute(request).success
        assert [len(landing.platform.rows("songs", day, "japan")) for day in days(3)] == [2, 2, 2]
        assert len(landing.platform.rows("songs", date(2025, 3, 2), "world")) == 5
        for slug, expected in (("japan", [str(day) for day in days(3)]), ("world", ["2025-03-02"])):
            for key in daily_keys(slug):
                assert sorted(landing.instance.get_materialized_partitions(key)) == expected

    def test_a_run_says_what_was_left_out(self, landing):
        landing.put("2025-03-01")
        junk = landing.put_file("junk.csv", "neither,chart\n")
        (request,) = landing.tick().run_requests
        result = landing.execute(request)
        (made,) = (
            event.materialization
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey(["japan", "raw_playlist"])
        )
        assert made.metadata["notes"].value.startswith(f"- left out: {junk}: junk.csv, line 1: its header is that of")

    def test_a_replaced_file_replaces_the_day(self, landing):
        landing.put("2025-03-01")
        (request,) = landing.tick().run_requests
        assert landing.execute(request).success
        landing.put("2025-03-01", at=datetime.now(UTC), content=chart_file("2025-03-01", rows=4))
        (request,) = landing.tick().run_requests
        assert landing.execute(request).success
        assert len(landing.platform.rows("songs", date(2025, 3, 1), "japan")) == 4

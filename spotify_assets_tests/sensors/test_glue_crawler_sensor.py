"""The sensor as a state machine: what it does in every state that tables, runs and backfills can be in."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.events import EVENT_TYPE_TO_PIPELINE_RUN_STATUS, DagsterEvent
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemotePartitionSetOrigin,
    RemoteRepositoryOrigin,
)
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from spotify_assets.definitions import build_definitions
from spotify_assets.publication import (
    PUBLISHED_UP_TO,
    RELEASE_KEY,
    newest_materialization,
    published_up_to,
    table_keys,
)
from spotify_assets.schemas import TABLES
from spotify_assets.sensors import glue_crawler as sensors
from spotify_assets.sensors.glue_crawler import UP_TO_TAG
from spotify_assets.sensors.work import ENDED, LONGEST_WAIT
from spotify_assets.settings import load_settings
from spotify_assets.storage.daily_files import stored_digest
from spotify_assets.storage.lake import LocalLake
from spotify_assets.storage.layout import Partition

pytestmark = pytest.mark.slow

SLUGS = ("japan", "japan_weekly")
ALL_TABLES = list(TABLES)
DAY = "2026-11-01"
NEXT_DAY = "2026-11-02"
FIRST_DAY = date(2026, 1, 1)
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("spotify_assets"), "__repository__")
EVENT_OF_STATUS = {status: event for event, status in EVENT_TYPE_TO_PIPELINE_RUN_STATUS.items()}
PLAYLISTS = """
start: 2026-01-01
playlists:
  - {slug: japan, title: Japan, source: demo}
  - {slug: japan_weekly, title: Japan by week, source: demo, cadence: weekly}
"""


class Log:
    """What happens on a Dagster instance, and what the sensor makes of it."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.definitions = definitions
        self.store = definitions.resources["lake"].store()
        self.instance = instance
        self.cursor = None

    def materialize(self, days, tables=ALL_TABLES, slug="japan"):
        for day in [days] if isinstance(days, str) else days:
            for table in tables:
                self.instance.report_runless_asset_event(
                    dg.AssetMaterialization(dg.AssetKey([slug, table]), partition=str(day))
                )

    def release(self, seen=None):
        if seen is None:
            seen = newest_materialization(self.instance, [key for slug in SLUGS for key in table_keys(slug)])
        self.instance.report_runless_asset_event(dg.AssetMaterialization(RELEASE_KEY, metadata={PUBLISHED_UP_TO: seen}))

    def run(self, job_name, status=dg.DagsterRunStatus.STARTED, assets=None, tags=None, age=timedelta()):
        run = dg.DagsterRun(
            job_name=job_name,
            run_id=str(uuid.uuid4()),
            asset_selection=frozenset(dg.AssetKey(asset) for asset in assets) if assets else None,
            tags=tags or {},
            remote_job_origin=RemoteJobOrigin(REPOSITORY, job_name),
        )
        self.instance.add_run(run)
        if status in EVENT_OF_STATUS:
            event = DagsterEvent(EVENT_OF_STATUS[status].value, job_name)
            self.instance.run_storage.handle_run_event(run.run_id, event, datetime.now(UTC) - age)
        return run

    def publish(self, request, status=dg.DagsterRunStatus.FAILURE, age=timedelta()):
        """The run that the sensor asked for, as Dagster would record it."""
        run = self.run("publish_job", status=status, tags=dict(request.tags), age=age)
        if status == dg.DagsterRunStatus.SUCCESS:
            self.release()
        return run

    def backfill(self, status=BulkActionStatus.REQUESTED, assets=(), job_name=None, age=timedelta()):
        self.instance.add_backfill(
            PartitionBackfill(
                backfill_id=uuid.uuid4().hex,
                status=status,
                from_failure=False,
                tags={},
                backfill_timestamp=(datetime.now(UTC) - age).timestamp(),
                asset_selection=[dg.AssetKey(asset) for asset in assets] or None,
                partition_set_origin=RemotePartitionSetOrigin(
                    repository_origin=REPOSITORY, partition_set_name=f"{job_name}_partition_set"
                )
                if job_name
                else None,
            )
        )

    def tick(self):
        sensor = self.definitions.resolve_sensor_def("glue_crawler_sensor")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.definitions,
            resources=self.definitions.resources,
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        assert len(data.run_requests) + bool(data.skip_message) == 1
        return data

    def request(self):
        (request,) = self.tick().run_requests
        return request

    def skip(self):
        message = self.tick().skip_message
        assert message
        return message


def days(count, first=FIRST_DAY):
    return [str(first + timedelta(days=number)) for number in range(count)]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensor")
    playlists = folder / "playlists.yaml"
    playlists.write_text(PLAYLISTS, encoding="utf-8")
    return build_definitions(
        load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(folder / "lake")})
    )


@pytest.fixture
def log(definitions, instance):
    return Log(definitions, instance)


@pytest.fixture
def rows_read(monkeypatch):
    """The rows that Dagster's database hands out, by statement."""
    read: list[int] = []
    fetchall = sqlalchemy.engine.CursorResult.fetchall

    def counting(result):
        rows = fetchall(result)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(sqlalchemy.engine.CursorResult, "fetchall", counting)
    return read


class TestWhatIsNew:
    def test_nothing_at_all(self, log):
        assert "Nothing was materialized" in log.skip()

    @pytest.mark.parametrize("missing", ALL_TABLES)
    def test_a_partition_that_lacks_a_table_is_not_published(self, log, missing):
        log.materialize(DAY, [table for table in ALL_TABLES if table != missing])
        assert f"incomplete: japan {DAY}" in log.skip()

    def test_a_complete_partition_is_published_once(self, log):
        log.materialize(DAY)
        request = log.request()
        assert request.tags["spotify_assets.new/japan"] == "1"
        log.publish(request, dg.DagsterRunStatus.SUCCESS)
        assert "Nothing was materialized" in log.skip()

    def test_tables_of_two_playlists_do_not_complete_each_other(self, log):
        log.materialize(DAY, ALL_TABLES[:3], "japan")
        log.materialize(DAY, ALL_TABLES[3:], "japan_weekly")
        assert "No partition has all its tables" in log.skip()

    def test_tables_of_two_days_do_not_complete_each_other(self, log):
        log.materialize(DAY, ALL_TABLES[:3])
        log.materialize(NEXT_DAY, ALL_TABLES[3:])
        assert "No partition has all its tables" in log.skip()

    def test_tables_of_two_runs_complete_each_other(self, log):
        log.materialize(DAY, ALL_TABLES[:3])
        log.skip()
        log.materialize(DAY, ALL_TABLES[3:])
        assert log.request().tags["spotify_assets.new/japan"] == "1"

    def test_the_missing_table_may_come_after_a_publication_of_other_days(self, log):
        log.materialize(DAY, ALL_TABLES[:-1])
        log.materialize(NEXT_DAY)
        log.publish(log.request(), dg.DagsterRunStatus.SUCCESS)
        log.skip()
        log.materialize(DAY, ALL_TABLES[-1:])
        assert log.request().tags["spotify_assets.new/japan"] == "1"

    @pytest.mark.parametrize("tables", [ALL_TABLES, ["albums"]])
    def test_a_rematerialized_partition_is_new(self, log, tables):
        log.materialize(days(3))
        log.publish(log.request(), dg.DagsterRunStatus.SUCCESS)
        log.materialize(days(3)[0], tables)
        assert log.request().tags["spotify_assets.new/japan"] == "1"

    def test_what_is_materialized_while_publishing_is_new_afterwards(self, log):
        log.materialize(DAY)
        request = log.request()
        seen = newest_materialization(log.instance, table_keys("japan"))
        log.materialize(NEXT_DAY)
        log.release(seen)
        log.run("publish_job", dg.DagsterRunStatus.SUCCESS, tags=dict(request.tags))
        assert log.request().tags["spotify_assets.new/japan"] == "1"

    def test_a_raw_snapshot_alone_is_not_news(self, log):
        log.materialize(DAY, ["raw_playlist"])
        assert "Nothing was materialized" in log.skip()

    def test_a_release_reported_by_hand_without_what_it_saw_hides_nothing(self, log):
        log.materialize(DAY)
        log.instance.report_runless_asset_event(dg.AssetMaterialization(RELEASE_KEY))
        assert log.request()

    def test_a_failed_publish_run_has_published_nothing(self, log):
        log.materialize(DAY)
        log.publish(log.request(), dg.DagsterRunStatus.FAILURE)
        assert published_up_to(log.instance) == 0


class TestOneRunForMany:
    def test_a_backfill_of_40_days_with_gaps_in_any_order_is_one_run(self, log):
        asked = days(60)[::3] + days(60)[1::3]
        log.materialize(reversed(asked))
        assert len(asked) == 40
        request = log.request()
        assert request.tags["spotify_assets.new/japan"] == "40"
        log.publish(request, dg.DagsterRunStatus.SUCCESS)
        log.skip()

    def test_40_incomplete_days_do_not_wedge_the_one_that_is_complete(self, log):
        log.materialize(days(40), ["songs"])
        message = log.skip()
        assert message.count("japan") == sensors.NAMED
        log.materialize(DAY)
        request = log.request()
        assert request.tags["spotify_assets.new/japan"] == "1"
        log.publish(request, dg.DagsterRunStatus.SUCCESS)
        log.materialize(days(40), ALL_TABLES[1:])
        assert log.request().tags["spotify_assets.new/japan"] == "40"

    def test_more_than_is_looked_at_is_one_run_and_all_of_it_is_published(self, log, monkeypatch):
        monkeypatch.setattr("spotify_assets.publication.LOOKED_AT", 5)
        monkeypatch.setattr(sensors, "LOOKED_AT", 5)
        log.materialize(days(8))
        request = log.request()
        assert request.tags["spotify_assets.new/japan"] == "5 or more"
        log.publish(request, dg.DagsterRunStatus.SUCCESS)
        assert "Nothing was materialized" in log.skip()

    def test_what_is_whole_is_published_below_more_days_that_are_not_than_are_looked_at(self, log, monkeypatch):
        monkeypatch.setattr("spotify_assets.publication.LOOKED_AT", 5)
        log.materialize(DAY)
        log.materialize(days(8), ["songs"])
        log.publish(log.request(), dg.DagsterRunStatus.SUCCESS)
        assert "Nothing was materialized" in log.skip()

    def test_playlists_share_the_run(self, log):
        log.materialize(days(2), slug="japan")
        log.materialize(days(3), slug="japan_weekly")
        request = log.request()
        assert request.tags["spotify_assets.new/japan"] == "2"
        assert request.tags["spotify_assets.new/japan_weekly"] == "3"


class TestWaiting:
    @pytest.mark.parametrize(
        ("job_name", "assets"),
        [
            ("daily_playlist_job", None),
            ("publish_job", None),
            ("__ASSET_JOB", [["japan", "songs"]]),
            ("__ASSET_JOB", [["japan_weekly", "rejects"], ["other"]]),
            ("__ASSET_JOB", [["catalog"]]),
            ("daily_playlist_job", [["japan", "albums"]]),
        ],
    )
    def test_nothing_is_requested_while_tables_are_written_or_published(self, log, job_name, assets):
        log.materialize(DAY)
        run = log.run(job_name, assets=assets)
        assert run.run_id in log.skip()

    @pytest.mark.parametrize("status", [status for status in EVENT_OF_STATUS if status not in ENDED])
    def test_a_run_is_waited_for_until_it_ends(self, log, status):
        log.materialize(DAY)
        assert log.run("daily_playlist_job", status).run_id in log.skip()

    @pytest.mark.parametrize("assets", [None, [["japan", "songs"]]])
    def test_a_run_that_ended_is_not_waited_for(self, log, assets):
        log.materialize(DAY)
        for status in ENDED:
            log.run("daily_playlist_job", status, assets)
        assert log.request()

    @pytest.mark.parametrize(
        ("job_name", "assets"),
        [("__ASSET_JOB", [["japan", "raw_playlist"]]), ("__ASSET_JOB", [["other"]]), ("another_job", None)],
    )
    def test_a_run_that_writes_no_table_is_not_waited_for(self, log, job_name, assets):
        log.materialize(DAY)
        log.run(job_name, assets=assets)
        assert log.request()

    def test_a_backfill_is_waited_for_between_its_runs(self, log):
        log.materialize(days(3))
        log.backfill(assets=[["japan", "raw_playlist"], ["japan", "songs"]])
        assert "backfill" in log.skip()

    def test_a_backfill_of_the_daily_job_is_waited_for_between_its_runs(self, log):
        log.materialize(days(3))
        log.backfill(job_name="daily_playlist_job")
        assert "backfill" in log.skip()

    @pytest.mark.parametrize(
        "status",
        [BulkActionStatus.COMPLETED_SUCCESS, BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.CANCELED],
    )
    def test_a_backfill_that_ended_or_is_of_other_assets_is_not_waited_for(self, log, status):
        log.materialize(DAY)
        log.backfill(status, assets=[["japan", "songs"]])
        log.backfill(assets=[["other"]])
        log.backfill(job_name="other_job")
        assert log.request()

    @pytest.mark.parametrize("status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED])
    def test_a_long_run_is_waited_for(self, log, status):
        log.materialize(DAY)
        assert log.run("daily_playlist_job", status, age=LONGEST_WAIT - timedelta(minutes=1)).run_id in log.skip()

    def test_a_run_and_a_backfill_that_never_end_are_given_up_after_a_day(self, log):
        log.materialize(DAY)
        for status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED):
            log.run("daily_playlist_job", status, age=LONGEST_WAIT + timedelta(minutes=1))
        log.backfill(assets=[["japan", "songs"]], age=LONGEST_WAIT + timedelta(minutes=1))
        assert log.request()


class TestFailures:
    @pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
    def test_what_gave_up_is_not_requested_again_and_the_way_on_is_named(self, log, status):
        log.materialize(DAY)
        run = log.publish(log.request(), status, age=timedelta(hours=20))
        for _ in range(2):
            message = log.skip()
            assert run.run_id in message
            assert status.value in message
            assert "launch publish_job" in message

    @pytest.mark.parametrize("tables", [ALL_TABLES, ["albums"]])
    @pytest.mark.parametrize("day", [DAY, NEXT_DAY])
    def test_something_new_starts_a_run_that_publishes_the_old_too(self, log, day, tables):
        log.materialize([DAY, NEXT_DAY])
        log.publish(log.request(), age=timedelta(hours=5))
        log.skip()
        log.materialize(day, tables)
        assert log.request().tags["spotify_assets.new/japan"] == "2"

    def test_a_day_that_is_not_whole_is_nothing_new(self, log):
        log.materialize(DAY)
        log.publish(log.request())
        log.materialize(NEXT_DAY, ["songs"])
        assert "launch publish_job" in log.skip()

    def test_a_run_that_somebody_launched_ends_it(self, log):
        log.materialize(DAY)
        log.publish(log.request())
        log.run("publish_job", dg.DagsterRunStatus.SUCCESS)
        log.release()
        assert "Nothing was materialized" in log.skip()

    def test_a_lake_that_holds_other_days_than_were_released_is_published_once_an_hour(self, log, monkeypatch):
        stored = {table: {Partition("japan", FIRST_DAY): "1"} for table in TABLES}
        monkeypatch.setattr(LocalLake, "daily_files", lambda *_, **__: stored)
        request = log.request()
        assert request.run_key == f"lake-{stored_digest(log.store, stored)}"
        assert "Nothing was materialized" in log.skip()
        log.cursor = (datetime.now(UTC) - sensors.BETWEEN_LOOKS).isoformat()
        assert log.request().run_key == request.run_key
        log.cursor = (datetime.now(UTC) + sensors.BETWEEN_LOOKS).isoformat()  # the clock was ahead
        assert log.request().run_key == request.run_key
        log.run("publish_job")
        log.cursor = None
        assert "being written or published" in log.skip()

    def test_a_run_that_somebody_launched_in_vain_does_not_take_the_place_of_one(self, log):
        log.materialize(DAY)
        log.run("publish_job", dg.DagsterRunStatus.FAILURE)
        assert log.request()

    def test_a_release_by_hand_ends_the_attempts(self, log):
        log.materialize(DAY)
        log.publish(log.request(), age=timedelta(hours=5))
        log.release()
        assert "Nothing was materialized" in log.skip()

    def test_run_keys_never_repeat_although_dagster_remembers_them_for_ever(self, log):
        keys = []
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS) * 3:
            log.materialize(DAY)
            request = log.request()
            keys.append(request.run_key)
            log.publish(request, status, age=timedelta(hours=1))
        assert len(set(keys)) == len(keys) == 6

    def test_a_tick_whose_request_was_lost_is_repeated_with_the_same_run_key(self, log):
        log.materialize(DAY)
        assert log.request().run_key == log.request().run_key

    def test_a_tick_that_fails_loses_nothing(self, log, monkeypatch):
        log.materialize(DAY)
        with monkeypatch.context() as broken:
            broken.setattr(sensors, "find_news", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                log.tick()
        assert log.request().tags["spotify_assets.new/japan"] == "1"


class TestState:
    def test_a_restart_loses_and_repeats_nothing(self, definitions, tmp_path):
        with dg.DagsterInstance.local_temp(str(tmp_path)) as before:
            log = Log(definitions, before)
            log.materialize(days(2))
            log.publish(log.request(), dg.DagsterRunStatus.SUCCESS)
            log.materialize(DAY)
            key = log.request().run_key
        with dg.DagsterInstance.local_temp(str(tmp_path)) as after:
            log = Log(definitions, after)
            request = log.request()
            assert request.run_key == key
            assert request.tags["spotify_assets.new/japan"] == "1"
            log.publish(request, dg.DagsterRunStatus.SUCCESS)
            log.skip()

    def test_what_a_tick_keeps_and_asks_for_does_not_grow_with_the_number_of_days(self, log):
        log.materialize(days(2))
        few = log.request()
        log.materialize(days(60))
        many = log.request()
        assert len(str(many.tags)) - len(str(few.tags)) < 10
        assert log.tick().cursor is None

    def test_a_tick_reads_as_much_of_a_long_history_as_of_a_short_one(self, log, rows_read):
        def rows_of_a_tick(history):
            log.materialize(history)
            log.release()
            log.skip()  # the look at the lake, once an hour
            rows_read.clear()
            log.skip()
            idle = sum(rows_read)
            log.materialize(DAY)
            rows_read.clear()
            log.request()
            return idle, sum(rows_read)

        short = rows_of_a_tick(days(3))
        assert rows_of_a_tick(days(60)) == short

    def test_a_tick_after_a_large_import_reads_no_more_than_its_share(self, log, rows_read, monkeypatch):
        monkeypatch.setattr("spotify_assets.publication.LOOKED_AT", 10)

        def rows_of_a_tick(imported):
            log.materialize(imported)
            rows_read.clear()
            log.request()
            log.release()
            return sum(rows_read)

        some = rows_of_a_tick(days(12))
        assert rows_of_a_tick(days(60)) == some


class PublicationMachine(RuleBasedStateMachine):
    """Tables appear in any order, runs end in any way; in the end everything that is whole was published."""

    definitions: dg.Definitions

    def __init__(self) -> None:
        super().__init__()
        self.instance = dg.DagsterInstance.ephemeral()
        self.log = Log(self.definitions, self.instance)
        self.publishing: tuple[dg.DagsterRun, int] | None = None
        self.writing: dg.DagsterRun | None = None
        self.unpublished: set[tuple[str, str]] = set()
        self.in_work: set[tuple[str, str]] = set()
        self.tables: dict[tuple[str, str], set[str]] = {}
        self.writes: list[tuple[str, str]] = []
        self.given_up: set[int] = set()
        self.asked_for = 0

    def teardown(self) -> None:
        self.instance.dispose()

    @rule(slug=st.sampled_from(SLUGS), day=st.sampled_from(days(3)), tables=st.sets(st.sampled_from(ALL_TABLES)))
    def write(self, slug, day, tables):
        whole = tables or set(ALL_TABLES)
        self.log.materialize(day, sorted(whole), slug)
        self.tables.setdefault((slug, day), set()).update(whole)
        self.unpublished.add((slug, day))
        self.writes.append((slug, day))

    @precondition(lambda self: self.writing is None)
    @rule()
    def start_writing(self):
        self.writing = self.log.run("daily_playlist_job")

    @precondition(lambda self: self.writing is not None)
    @rule()
    def end_writing(self):
        self.end(self.writing)
        self.writing = None

    @rule()
    def tick(self):
        data = self.log.tick()
        whole = {partition for partition in self.unpublished if len(self.tables[partition]) == len(ALL_TABLES)}
        newest = max((number for number, partition in enumerate(self.writes) if partition in whole), default=-1)
        expected = bool(whole) and not self.writing and not self.publishing and newest not in self.given_up
        assert bool(data.run_requests) == expected
        for request in data.run_requests:
            counts = {slug: int(request.tags.get(f"spotify_assets.new/{slug}", "0")) for slug in SLUGS}
            assert counts == {slug: sum(found == slug for found, _ in whole) for slug in SLUGS}
            run = self.log.run("publish_job", tags=dict(request.tags), age=timedelta(hours=20))
            seen = newest_materialization(self.instance, [key for slug in SLUGS for key in table_keys(slug)])
            self.publishing = (run, seen)
            self.asked_for = newest
            self.in_work, self.unpublished = self.unpublished, set()

    @precondition(lambda self: self.publishing is not None)
    @rule(well=st.booleans())
    def end_publishing(self, well):
        run, seen = self.publishing
        if well:
            self.log.release(seen)
        else:
            self.unpublished |= self.in_work
            self.given_up.add(self.asked_for)
        self.end(run)
        if not well:
            self.log.run("publish_job", dg.DagsterRunStatus.FAILURE, tags=dict(run.tags))
        self.publishing = None

    def end(self, run):
        self.instance.delete_run(run.run_id)

    @invariant()
    def what_was_published_never_goes_back(self):
        published = published_up_to(self.instance)
        assert published >= getattr(self, "published", 0)
        self.published = published


def test_whatever_happens_everything_whole_is_published_and_nothing_twice(definitions):
    class Machine(PublicationMachine):
        pass

    Machine.definitions = definitions
    Machine.TestCase.settings = hypothesis_settings(max_examples=12, stateful_step_count=25)
    Machine.TestCase().runTest()


def test_a_request_is_named_after_the_newest_that_it_publishes(log):
    log.materialize(DAY)
    request = log.request()
    assert request.run_key == request.tags[UP_TO_TAG] == str(newest_materialization(log.instance, table_keys("japan")))

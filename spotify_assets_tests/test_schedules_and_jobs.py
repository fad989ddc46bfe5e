"""Which day the schedule asks for, and what a run of one day, of a range or of some tables leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from spotify_assets.assets import raw_playlist
from spotify_assets.assets.raw_playlist import RETRIES, as_failure, fetch_days, plan_days
from spotify_assets.checks import CHECKS
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import RateLimited, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import daily_partitions, today_in_japan
from spotify_assets.resources import Sources
from spotify_assets.schemas import TABLES
from spotify_assets.settings import PlaylistSettings, load_settings
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.sources.demo.demo_source import DemoSource
from spotify_assets.sources.source import Absence
from spotify_assets.sources.spotify.spotify_source import SpotifySource
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer

pytestmark = pytest.mark.slow

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DAYS = [date(2026, 1, 5) + timedelta(days=number) for number in range(5)]
DEMO = PlaylistSettings(slug="demo_japan", title="Demo", cadence="daily", source="demo")
PLAYLISTS = """
start: 2025-01-01
playlists:
  - {slug: demo_japan, title: Demo, source: demo}
  - {slug: japan, title: Japan, source: spotify, playlist_id: 37i9dQZEVXbKXQ4mDTEBXq}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "lake"


@pytest.fixture(scope="module")
def definitions(lake):
    playlists = lake.parent / "playlists.yaml"
    playlists.write_text(PLAYLISTS, encoding="utf-8")
    return build_definitions(
        load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(lake)})
    )


def range_tags(first, last):
    return {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}


def materialize(definitions, instance, assets, first, last):
    keys = [dg.AssetKey(asset) for asset in assets]
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=keys,
        tags=range_tags(first, last),
        run_config=QUIET,
        raise_on_error=False,
    )


def tables_of(slug, tables=tuple(TABLES)):
    return [[slug, table] for table in tables]


def materialized(instance, key):
    return instance.get_materialized_partitions(dg.AssetKey(key))


def failures(result):
    return [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]


class TestSchedule:
    def tick(self, definitions, moment):
        schedule = definitions.resolve_schedule_def("daily_playlist_schedule")
        with dg.build_schedule_context(
            scheduled_execution_time=moment, repository_def=definitions.get_repository_def()
        ) as context:
            return schedule.evaluate_tick(context).run_requests

    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            (datetime(2026, 11, 21, 14, 59, 59, tzinfo=UTC), "2026-11-21"),
            (datetime(2026, 11, 21, 15, 0, tzinfo=UTC), "2026-11-22"),
            (datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC), "2026-11-22"),
            (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), "2026-11-22"),
            (datetime(2026, 11, 22, 14, 59, 59, tzinfo=UTC), "2026-11-22"),
            (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), "2026-11-23"),
            (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "2027-01-01"),
            (datetime(2028, 2, 28, 15, 0, tzinfo=UTC), "2028-02-29"),
        ],
    )
    def test_a_tick_asks_for_the_day_that_it_is_in_japan(self, definitions, moment, day):
        (request,) = self.tick(definitions, moment)
        assert (request.partition_key, request.tags["dagster/partition"]) == (day, day)
        assert today_in_japan(moment) == date.fromisoformat(day)

    def test_it_ticks_every_morning_in_japan(self, definitions):
        schedule = definitions.resolve_schedule_def("daily_playlist_schedule")
        assert schedule.cron_schedule == "0 9 * * *"
        assert schedule.execution_timezone == "Asia/Tokyo"

    @pytest.mark.parametrize(
        ("now", "last"),
        [
            (datetime(2026, 11, 22, 14, 59, 59, tzinfo=UTC), "2026-11-22"),
            (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), "2026-11-23"),
        ],
    )
    def test_the_last_partition_is_today_in_japan(self, now, last):
        assert daily_partitions(date(2026, 11, 1)).get_partition_keys(current_time=now)[-1] == last

    def test_the_first_partition_is_the_start(self):
        assert daily_partitions(date(2026, 11, 1)).get_first_partition_key() == "2026-11-01"

    def test_on_its_first_day_a_project_has_one_partition(self):
        now = datetime(2026, 11, 1, 1, tzinfo=UTC)
        assert daily_partitions(date(2026, 11, 1)).get_partition_keys(current_time=now) == ["2026-11-01"]


class TestPlan:
    TODAY = date(2026, 11, 22)

    def plan(self, days, *, offered=(), stored=()):
        absence = Absence("nobody has it", "leave it")
        return plan_days(days, today=self.TODAY, offered=offered, stored=stored, absence=absence)

    def test_a_source_is_asked_for_the_days_that_it_offers(self):
        plan = self.plan(DAYS, offered=DAYS[:2], stored=DAYS[1:])
        assert (plan.to_fetch, plan.from_store) == (DAYS[:2], DAYS[2:])

    def test_the_demo_offers_every_day_and_spotify_today_alone(self):
        days = [*DAYS, today_in_japan()]
        spotify = SpotifySource(load_settings({}).spotify)
        assert DemoSource().days_on_offer(DEMO, days, {}) == set(days)
        assert spotify.days_on_offer(DEMO, days, {}) == {today_in_japan()}

    def test_every_past_day_that_is_not_stored_is_named(self):
        with pytest.raises(SourceRefusal) as refusal:
            self.plan(DAYS, stored=DAYS[1:3])
        named = [day for day in DAYS if str(day) in refusal.value.what]
        assert named == [DAYS[0], *DAYS[3:]]
        assert "3 of 5 days" in refusal.value.what

    def test_a_future_day_is_refused_whoever_offers_it(self):
        tomorrow = self.TODAY + timedelta(days=1)
        with pytest.raises(SourceRefusal, match=f"no chart yet for {tomorrow}"):
            self.plan([self.TODAY, tomorrow], offered=[self.TODAY, tomorrow], stored=[tomorrow])

    @pytest.mark.parametrize("moment", ["2026-11-21T14:59:59.999999", "2026-11-22T15:00:00"])
    def test_a_list_fetched_on_another_day_in_japan_is_not_filed(self, moment):
        class AtMidnight:
            has_past = False
            wants_previous = True

            def fetch(self, playlist, day, previous, *, may_retry):
                fetched_at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
                return PlaylistSnapshot(playlist.slug, day, "spotify", fetched_at, entries=())

        with pytest.raises(SourceRefusal, match="not on 2026-11-22 in Japan"):
            list(fetch_days(AtMidnight(), DEMO, [self.TODAY], None, may_retry=False))


@pytest.fixture(scope="module")
def range_instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def range_run(definitions, range_instance):
    """All assets of a playlist for three days, in one run."""
    assets = [["demo_japan", "raw_playlist"], *tables_of("demo_japan")]
    return materialize(definitions, range_instance, assets, DAYS[0], DAYS[2])


@pytest.mark.usefixtures("range_run")
class TestRangeRun:
    def rows(self, lake, table, day):
        return pd.read_parquet(
            lake / table / "playlist=demo_japan" / f"snapshot_date={day}" / "part-0.parquet", partitioning=None
        )

    def metadata(self, instance, table, day):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(["demo_japan", table]), asset_partitions=[str(day)]), limit=1
        ).records
        return records[0].asset_materialization.metadata

    @pytest.mark.parametrize("table", ["raw_playlist", *TABLES])
    def test_a_range_materializes_every_day_of_every_asset(self, range_run, range_instance, table):
        assert range_run.success
        assert materialized(range_instance, ["demo_japan", table]) == {str(day) for day in DAYS[:3]}

    @pytest.mark.parametrize("table", list(TABLES))
    def test_each_partition_says_how_many_rows_it_has_and_where(self, range_instance, lake, table):
        for day in DAYS[:3]:
            metadata = self.metadata(range_instance, table, day)
            assert metadata["dagster/partition_row_count"].value == len(self.rows(lake, table, day))
            assert str(day) in metadata["dagster/uri"].value
            assert Path(metadata["dagster/uri"].value).is_file()

    def test_days_are_not_mixed_up(self, lake):
        charts = [tuple(self.rows(lake, "songs", day)["song_name"]) for day in DAYS[:3]]
        assert len(set(charts)) == 3

    def test_all_checks_are_recorded_once_over_the_range(self, range_run):
        evaluations = range_run.get_asset_check_evaluations()
        assert len(evaluations) == len(CHECKS)
        assert all(evaluation.passed for evaluation in evaluations)
        assert {evaluation.metadata["days checked"].value for evaluation in evaluations} == {3}

    def test_some_tables_can_be_made_alone(self, definitions, lake, range_instance):
        untouched = (lake / "albums" / "playlist=demo_japan" / f"snapshot_date={DAYS[0]}" / "part-0.parquet").stat()
        alone = materialize(definitions, range_instance, tables_of("demo_japan", ["songs"]), DAYS[0], DAYS[0])
        assert alone.success
        made = {event.asset_key.path[-1] for event in alone.get_asset_materialization_events()}
        assert made == {"songs"}
        checked = {evaluation.asset_key.path[-1] for evaluation in alone.get_asset_check_evaluations()}
        assert checked == {"songs"}
        after = (lake / "albums" / "playlist=demo_japan" / f"snapshot_date={DAYS[0]}" / "part-0.parquet").stat()
        assert (after.st_ino, after.st_mtime_ns) == (untouched.st_ino, untouched.st_mtime_ns)

    def test_the_run_is_one_process(self, definitions):
        assert definitions.resolve_job_def("daily_playlist_job").executor_def is dg.in_process_executor
        assert definitions.resolve_implicit_global_asset_job_def().executor_def is dg.in_process_executor


class TestPlaylistsThatFail:
    def test_one_that_fails_leaves_the_other_alone(self, definitions, instance):
        job = definitions.resolve_job_def("daily_playlist_job")
        result = job.execute_in_process(
            instance=instance, partition_key=str(DAYS[3]), run_config=QUIET, raise_on_error=False
        )
        assert not result.success
        for table in ("raw_playlist", *TABLES):
            assert materialized(instance, ["demo_japan", table]) == {str(DAYS[3])}
            assert materialized(instance, ["japan", table]) == set()
        failed = [event.step_key for event in result.get_step_failure_events()]
        assert failed == ["japan__raw_playlist"]

    def test_past_days_that_were_not_stored_are_all_named_and_nothing_is_recorded(self, definitions, instance, lake):
        stored = [DAYS[1], DAYS[2]]
        snapshots = [
            PlaylistSnapshot(
                "japan",
                day,
                "spotify",
                datetime(2026, 1, day.day, tzinfo=UTC),
                entries=(),
                playlist_id="37i9dQZEVXbKXQ4mDTEBXq",
            )
            for day in stored
        ]
        RawLayer(LocalObjectStore(lake)).append("japan", snapshots)
        result = materialize(definitions, instance, [["japan", "raw_playlist"]], DAYS[0], DAYS[4])
        assert not result.success
        (message,) = failures(result)
        assert [day for day in DAYS if str(day) in message] == [day for day in DAYS if day not in stored]
        assert "What to do" in message
        assert materialized(instance, ["japan", "raw_playlist"]) == set()
        again = materialize(definitions, instance, [["japan", "raw_playlist"]], stored[0], stored[1])
        assert again.success
        assert materialized(instance, ["japan", "raw_playlist"]) == {str(day) for day in stored}

    def test_a_refusal_is_shown_whole_and_not_retried(self):
        failure = as_failure(SourceRefusal("No.", why="because", remedy="do this"))
        assert not failure.allow_retries
        assert failure.description == "No.\nWhy: because\nWhat to do: do this"
        assert {name: value.value for name, value in failure.metadata.items()} == {
            "what happened": "No.",
            "why": "because",
            "what to do": "do this",
        }

    @pytest.mark.parametrize(
        ("error", "attempts"),
        [
            (RateLimited("No.", why="429", remedy="wait", retry_after=timedelta(0), short=True), RETRIES + 1),
            (RateLimited("No.", why="429", remedy="wait", retry_after=timedelta(0), short=False), 1),
            (RateLimited("No.", why="429", remedy="wait", retry_after=None, short=True), 1),
            (SourceUnavailable("No.", why="it is down", remedy="wait"), RETRIES + 1),
            (SourceRefusal("No.", why="it is closed", remedy="leave it"), 1),
        ],
    )
    def test_only_what_passes_by_itself_is_asked_for_again(self, definitions, instance, monkeypatch, error, attempts):
        asked = []

        class Failing:
            has_past = True
            comes_during_the_day = False
            wants_previous = False
            absence = DemoSource.absence
            days_on_offer = DemoSource.days_on_offer

            def fetch(self, playlist, day, previous, *, may_retry):
                asked.append(may_retry)
                raise error

        monkeypatch.setattr(raw_playlist, "PAUSE_AFTER_OUTAGE", 0)
        monkeypatch.setattr(Sources, "source_of", lambda *_: Failing())
        result = materialize(definitions, instance, [["japan", "raw_playlist"]], DAYS[0], DAYS[0])
        assert failures(result) == [str(error)]
        assert asked == [number < RETRIES for number in range(attempts)]

    def test_tables_of_a_day_without_raw_name_the_day(self, definitions, instance):
        result = materialize(definitions, instance, tables_of("demo_japan"), date(2025, 3, 1), date(2025, 3, 2))
        assert not result.success
        (event,) = result.get_step_failure_events()
        assert "2025-03-01, 2025-03-02" in str(event.step_failure_data.error)
        assert materialized(instance, ["demo_japan", "songs"]) == set()

    def test_a_check_that_fails_is_recorded_and_the_tables_are_kept(self, definitions, instance, monkeypatch):
        whole_day = DemoSource.fetch

        def nothing_listed(self, playlist, day, previous, *, may_retry):
            return replace(whole_day(self, playlist, day, previous, may_retry=may_retry), entries=())

        monkeypatch.setattr(DemoSource, "fetch", nothing_listed)
        job = definitions.resolve_job_def("daily_playlist_job")
        result = job.execute_in_process(
            instance=instance, partition_key="2025-06-01", run_config=QUIET, raise_on_error=False
        )
        failed = {
            (check.asset_key.path[-1], check.check_name): check.metadata["findings"].value
            for check in result.get_asset_check_evaluations()
            if not check.passed
        }
        assert failed == {
            ("songs", "positions_complete"): "- 2025-06-01: the playlist listed nothing",
            ("snapshots", "chart_complete"): "- 2025-06-01: 0 of 50 entries: positions after a gap are not certain",
        }
        assert materialized(instance, ["demo_japan", "songs"]) == {"2025-06-01"}

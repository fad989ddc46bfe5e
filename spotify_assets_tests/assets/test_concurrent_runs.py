"""Runs at the same time on one lake: what they leave is what one after the other leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from spotify_assets.assets.daily_tables import REPETITIONS
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.storage import parquet
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.helpers.processes import Process
from spotify_assets_tests.stand_ins.spotify import make_entries

pytestmark = pytest.mark.slow

SLUG = "demo_japan"
TODAY = today_in_japan()
DAYS = [TODAY - timedelta(days=number) for number in (2, 1, 0)]


def raw_and_tables(platform):
    return {key: data for folder in ("raw_playlist", *TABLES) for key, data in platform.objects(f"{folder}/").items()}


def fill(environment, home, days):
    """What a backfill of the newest days does."""
    with dg.DagsterInstance.from_config(home) as instance, Platform(environment, instance) as platform:
        result = platform.run_daily(TODAY - timedelta(days=days - 1), TODAY)
        assert result.success, failures_of(result)


def test_backfills_of_overlapping_days_and_the_daily_run(tmp_path, instance):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    lakes = [{"SPOTIFY_ASSETS_LAKE": str(tmp_path / name)} for name in ("at_once", "in_turn")]
    with dg.DagsterInstance.from_config(str(tmp_path)) as on_disk, Platform(lakes[0], on_disk) as at_once:
        backfills = [Process(tmp_path, {}, fill, lakes[0], str(tmp_path), days) for days in (3, 2)]
        result = at_once.run_daily()
        assert result.success, failures_of(result)
        assert [backfill.end().returncode for backfill in backfills] == [0, 0]
        left = raw_and_tables(at_once)
    with Platform(lakes[1], instance) as in_turn:
        assert in_turn.run_daily(TODAY - timedelta(days=2), TODAY).success
        assert raw_and_tables(in_turn) == left
    assert len(left) == 3 * (1 + len(TABLES))


class TestWhileTablesAreWritten:
    """Another run stores or withdraws a day between the reading of this run and its writing."""

    @pytest.fixture(params=["folder", "bucket"])
    def platform(self, request, tmp_path, instance):
        lake = str(tmp_path / "lake")
        if request.param == "bucket":
            request.getfixturevalue("aws").create_bucket("lake")
            lake = "s3://lake"
        with Platform({"SPOTIFY_ASSETS_LAKE": lake}, instance) as platform:
            RawLayer(platform.store).append(SLUG, [snapshot(day, 1) for day in DAYS[:2]])
            yield platform

    @staticmethod
    def rebuild(platform, *days):
        return platform.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=platform.instance,
            asset_selection=[dg.AssetKey([SLUG, table]) for table in TABLES],
            partition_key=str(days[0]),
            raise_on_error=False,
        )

    @staticmethod
    def meanwhile(monkeypatch, *actions):
        """Let these happen, one at each attempt, just before its first partition is written."""
        waiting, write = list(actions), parquet.write_partitions

        def happens_first(store, table, *arguments):
            if waiting and table.name == "songs":
                waiting.pop(0)()
            write(store, table, *arguments)

        monkeypatch.setattr(parquet, "write_partitions", happens_first)

    def test_a_newer_fetch_of_the_day(self, platform, monkeypatch):
        raw = RawLayer(platform.store)
        self.meanwhile(monkeypatch, lambda: raw.append(SLUG, [snapshot(DAYS[0], 9, hours=1)]))
        result = self.rebuild(platform, DAYS[0])
        assert result.success, failures_of(result)
        written = raw_and_tables(platform)
        assert platform.rows("songs", DAYS[0], SLUG)[0]["song_id"] == make_entries(1, first=9)[0]["track"]["id"]
        assert self.rebuild(platform, DAYS[0]).success
        assert raw_and_tables(platform) == written

    def test_a_withdrawal_of_the_day(self, platform, monkeypatch):
        raw = RawLayer(platform.store)
        self.meanwhile(monkeypatch, lambda: raw.withdraw(SLUG, DAYS[0], "wrong"))
        result = self.rebuild(platform, DAYS[0])
        assert result.success, failures_of(result)
        assert all(platform.rows(table, DAYS[0], SLUG) == [] for table in TABLES)

    def test_other_days_do_not_matter(self, platform, monkeypatch):
        raw = RawLayer(platform.store)

        def other_days():
            raw.append(SLUG, [snapshot(DAYS[2], 9)])
            raw.withdraw(SLUG, DAYS[0], "wrong")

        self.meanwhile(monkeypatch, other_days)
        result = self.rebuild(platform, DAYS[1])
        assert result.success
        assert not [event for event in result.all_events if event.is_step_up_for_retry]

    def test_time_and_again_is_given_up(self, platform, monkeypatch):
        raw = RawLayer(platform.store)
        newer = [snapshot(DAYS[0], 9 + hours, hours) for hours in range(1, REPETITIONS + 2)]
        self.meanwhile(monkeypatch, *(lambda one=one: raw.append(SLUG, [one]) for one in newer))
        (message,) = failures_of(self.rebuild(platform, DAYS[0]))
        assert "may be made of snapshots that do not count any more" in message
        assert self.rebuild(platform, DAYS[0]).success


def snapshot(day, first, hours=0):
    made = make_snapshot(make_entries(2, first=first), day, slug=SLUG, source="demo")
    return replace(made, fetched_at=made.fetched_at + timedelta(hours=hours))

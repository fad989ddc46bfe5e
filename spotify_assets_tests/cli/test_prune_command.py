"""`spotify-assets prune`, and the job that does the same once a week."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
import duckdb
import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.platform import Platform

pytestmark = pytest.mark.slow

SLUG = "demo_japan"
TODAY = today_in_japan()
FIRST = TODAY - timedelta(4)


@contextmanager
def five_days(folder, instance):
    """Five published days of the demo."""
    environment = {"SPOTIFY_ASSETS_LAKE": str(folder / "lake"), "SPOTIFY_ASSETS_KEEP_DAYS": "2"}
    with Platform(environment, instance) as platform:
        assert platform.run_daily(FIRST, TODAY).success
        assert platform.publish().success
        yield platform


@pytest.fixture
def platform(tmp_path, instance):
    with five_days(tmp_path, instance) as platform:
        yield platform


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """For tests after which all is there."""
    with dg.DagsterInstance.ephemeral() as instance, five_days(tmp_path_factory.mktemp("five"), instance) as platform:
        yield platform


def command(platform, *arguments):
    lake = platform.settings.lake
    return run_command(platform.store._folder.parent, platform.instance, *arguments, SPOTIFY_ASSETS_LAKE=lake)


def days_in_catalog(platform, table="songs"):
    with duckdb.connect(platform.store.uri("catalog.duckdb"), read_only=True) as catalog:
        days = catalog.table(table).project("snapshot_date").distinct().fetchall()
    return sorted(day for (day,) in days)


def days_in_lake(platform):
    keys = [key for folder in (*TABLES, "raw_playlist") for key in platform.store.list_keys(f"{folder}/")]
    assert len(keys) % (len(TABLES) + 1) == 0
    return sorted({key.split("snapshot_date=")[1][:10] for key in keys})


KEPT = [TODAY - timedelta(number) for number in (2, 1, 0)]


def test_without_yes_it_only_lists(untouched):
    platform = untouched
    before = platform.objects("")
    result = command(platform, "prune", "--keep", "2")
    assert result.exit_code == 0
    goes = {key: data for key, data in before.items() if f"snapshot_date={FIRST}" in key}
    goes |= {key: data for key, data in before.items() if f"snapshot_date={FIRST + timedelta(1)}" in key}
    (row,) = [line.split() for line in result.output.splitlines() if line.startswith(SLUG)]
    size = sum(map(len, goes.values()))
    assert row == [SLUG, "2", str(FIRST), "to", str(FIRST + timedelta(1)), str(len(goes)), str(size)]
    assert f"with --yes the days before {KEPT[0]} go" in result.output
    assert platform.objects("") == before


def test_with_yes_the_days_go_for_good_and_the_rest_is_published(platform):
    result = command(platform, "prune", "--keep", "2", "--yes")
    assert result.exit_code == 0, result.output
    assert days_in_lake(platform) == list(map(str, KEPT))
    assert days_in_catalog(platform) == days_in_catalog(platform, "chart_days") == KEPT
    # Dagster keeps its records of the days; no publish run, and no check, takes them for missing.
    songs = dg.AssetKey([SLUG, "songs"])
    assert str(FIRST) in platform.instance.get_materialized_partitions(songs)
    published = platform.publish()
    assert published.success
    assert all(check.passed for check in published.get_asset_check_evaluations())
    assert command(platform, "prune", "--keep", "2").output.splitlines()[-2].split()[1] == "0"

    result = command(platform, "rebuild", SLUG, str(FIRST), str(FIRST + timedelta(1)))
    assert result.exit_code == 1
    assert f"nothing is stored for {FIRST} to {FIRST + timedelta(1)}" in result.output
    assert days_in_lake(platform) == list(map(str, KEPT))
    assert f"give days between {KEPT[0]} and {TODAY}" in result.output


def test_a_playlist_of_another_name_is_refused(untouched):
    result = command(untouched, "prune", "--keep", "2", "--playlist", "korea", "--yes")
    assert result.exit_code == 1
    assert "There is no playlist 'korea'." in result.output
    assert days_in_lake(untouched)[0] == str(FIRST)


def test_the_job_does_the_same_and_the_next_publish_run_follows(platform):
    job = platform.definitions.resolve_job_def("prune_job")
    assert job.execute_in_process(instance=platform.instance).success
    assert days_in_lake(platform) == list(map(str, KEPT))
    assert days_in_catalog(platform, "chart_days")[0] == FIRST
    assert platform.publish().success
    assert days_in_catalog(platform, "chart_days") == KEPT


def test_the_schedule_is_there_only_when_it_is_asked_for(untouched, instance):
    schedule = untouched.definitions.resolve_schedule_def("prune_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 8 * * 1", "Asia/Tokyo")
    others = Platform({"SPOTIFY_ASSETS_LAKE": untouched.settings.lake}, instance).definitions
    assert not {job.name for job in others.jobs} & {"prune_job"}
    assert not {schedule.name for schedule in others.schedules} & {"prune_schedule"}

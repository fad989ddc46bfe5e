"""Tidying on a Dagster instance on the disk: what goes, and that nobody who looks at days or publishing can tell."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.publication import PUBLISH_KEYS, find_news, published_up_to, table_keys
from spotify_assets.tidying import LOG_REMOVED, tidy
from spotify_assets_tests.helpers.platform import Platform

pytestmark = pytest.mark.slow

SLUG = "demo_japan"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a lake and an instance's home: a day and its publication twice, and a day that is refused."""
    folder = tmp_path_factory.mktemp("made")
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with (
        dg.DagsterInstance.local_temp(str(home)) as instance,
        Platform({"SPOTIFY_ASSETS_LAKE": str(folder / "lake")}, instance) as platform,
        pytest.MonkeyPatch.context() as broken,
    ):
        for _ in range(2):
            assert platform.run_daily().success
            assert platform.publish().success
        broken.setattr("spotify_assets.sources.demo.demo_source.DemoSource.fetch", lambda *_, **__: 1 / 0)
        assert not platform.run_daily(date(2026, 1, 1), date(2026, 1, 2)).success
    return folder


@pytest.fixture
def instance(made, tmp_path):
    home = shutil.copytree(made / "home", tmp_path / "home")
    with dg.DagsterInstance.local_temp(str(home)) as on_disk:
        yield on_disk


def last_events(instance):
    return {key: instance.get_latest_materialization_event(key) for key in PUBLISH_KEYS}


def later():
    return datetime.now(UTC) + timedelta(minutes=1)


def known(instance):
    """What the UI and the sensors know of days and of publishing."""
    return (
        {key: instance.get_materialized_partitions(key) for key in table_keys(SLUG)},
        {key: event and event.asset_materialization.metadata for key, event in last_events(instance).items()},
        published_up_to(instance),
        find_news(instance, [SLUG], published_up_to(instance)),
        find_news(instance, [SLUG], 0),
    )


def logs(instance):
    """Bytes of the events that the runs' pages show."""
    folder = Path(instance.event_log_storage.path_for_shard("run")).parent
    return [path.stat().st_size for path in folder.glob("*.db") if path.name != "index.db"]


def test_what_nothing_needs_goes_and_all_that_is_known_stays(instance):
    before = known(instance)
    sizes = logs(instance)
    assert len(sizes) == 5
    assert tidy(instance, datetime.now(UTC) - timedelta(days=1)) == (0, 0)
    assert tidy(instance, later()) == (2, 3)
    assert known(instance) == before
    jobs = sorted(run.job_name for run in instance.get_runs())
    assert jobs == ["daily_playlist_job", "daily_playlist_job", "publish_job"]
    assert len(logs(instance)) == 3
    assert max(logs(instance)) < min(sizes)
    assert all(LOG_REMOVED in run.tags for run in instance.get_runs())


def test_a_second_time_nothing_more_goes_even_if_somebody_looked_at_a_run(instance):
    tidy(instance, later())
    before = known(instance)
    for run in instance.get_runs():
        assert instance.all_logs(run.run_id) == []
    assert tidy(instance, later()) == (0, 0)
    assert known(instance) == before


def test_of_failed_publish_runs_the_newest_stays(made, instance, monkeypatch):
    monkeypatch.setattr("spotify_assets.analytics.publishing.refresh", lambda *_: 1 / 0)
    with Platform({"SPOTIFY_ASSETS_LAKE": str(made / "lake")}, instance) as platform:
        failed = [platform.publish().run_id for _ in range(2)]
    tidy(instance, later())
    left = {run.run_id for run in instance.get_runs(dg.RunsFilter(job_name="publish_job"))}
    assert failed[1] in left
    assert failed[0] not in left or any(event and event.run_id == failed[0] for event in last_events(instance).values())


def test_a_weekly_schedule_does_it_where_the_setting_asks_for_it(lake_folder, instance):
    asked = {"SPOTIFY_ASSETS_LAKE": str(lake_folder), "SPOTIFY_ASSETS_KEEP_RUNS_DAYS": "30"}
    with Platform(asked, instance) as platform:
        assert platform.definitions.resolve_schedule_def("tidy_schedule").cron_schedule == "0 7 * * 1"
        assert platform.definitions.resolve_job_def("tidy_job").execute_in_process(instance=instance).success

"""What a publish run leaves for people to see of what it made: numbers, first rows, pictures, links and checks."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from spotify_assets.analytics.released_tables import RELEASED, open_released_tables
from spotify_assets.catalog.athena_console import athena_console
from spotify_assets.checks import analysis_check_specs, history_check_specs
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.report.today import read_today
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.storage.parquet import write_partitions
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.helpers.publish_runs import short_publish_runs
from spotify_assets_tests.stand_ins.spotify import make_entries

pytestmark = pytest.mark.usefixtures("drawn_pictures", "whole")

SLUG = "demo_japan"
MOST_BYTES = 60_000
"""Of all metadata of a publish run; Dagster stores it three times."""


@pytest.fixture(scope="module")
def published(tmp_path_factory, drawn_pictures, whole):
    """A platform with six days, published; and what the run reports."""
    folder = tmp_path_factory.mktemp("published")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        Platform({"SPOTIFY_ASSETS_LAKE": str(folder / "lake")}, instance) as platform,
    ):
        today = today_in_japan()
        assert platform.run_daily(today - timedelta(5), today).success
        result = platform.publish()
        assert result.success, failures_of(result)
        yield platform, result


def shown_of(platform, name):
    event = platform.instance.get_latest_materialization_event(dg.AssetKey(name))
    return {label: value.value for label, value in event.asset_materialization.metadata.items()}


@pytest.fixture(scope="module")
def tables(published, drawn_pictures):
    platform, _ = published
    with open_released_tables(platform.store, "500MB") as released:
        released.show(list(RELEASED))
        yield released


@pytest.mark.slow
class TestAnalyses:
    @pytest.mark.parametrize("name", list(ANALYSES))
    def test_each_has_its_rows_counted_and_its_first_ones_shown(self, published, tables, name):
        shown = shown_of(published[0], [name])
        rows = tables.answer(f"FROM {name}").num_rows
        assert shown["dagster/row_count"] == rows > 0
        lines = shown[f"{SLUG}: first rows"].splitlines()
        assert set(lines[0].strip("| ").split(" | ")) <= set(ANALYSES[name].column_names)
        assert 3 <= len(lines) <= 12
        assert shown[f"{SLUG}: picture"].startswith("![picture](data:image/png;base64,iVBORw0KGgo")
        assert [label for label, value in shown.items() if label.startswith(SLUG) and isinstance(value, int | float)]

    def test_numbers_are_those_of_the_tables(self, published, tables):
        today = read_today(tables, SLUG)
        history = shown_of(published[0], ["song_history"])
        assert history[f"{SLUG}: songs on the newest chart"] == len(today.chart)
        assert history[f"{SLUG}: new entries"] == len(today.of_status("NEW")) > 0
        assert shown_of(published[0], ["song_popularity"])[f"{SLUG}: drop-outs of the newest edition"] == len(
            today.drop_outs
        )
        (newest,) = tables.answer(
            "SELECT * FROM chart_trends WHERE period = 'day' ORDER BY period_start DESC LIMIT 1"
        ).to_pylist()
        assert shown_of(published[0], ["chart_trends"])[f"{SLUG}: turnover"] == newest["turnover"] > 0

    def test_all_checks_are_made_and_pass(self, published):
        _, result = published
        made = {(found.asset_key, found.check_name): found.passed for found in result.get_asset_check_evaluations()}
        specs = [*history_check_specs(), *analysis_check_specs()]
        assert made == dict.fromkeys(((spec.asset_key, spec.name) for spec in specs), True)

    def test_what_is_recorded_stays_small(self, published):
        _, result = published
        recorded = [
            len(str(value.value))
            for event in result.get_asset_materialization_events()
            for value in event.materialization.metadata.values()
        ]
        assert 30_000 < sum(recorded) < 3 * MOST_BYTES


@pytest.mark.slow
class TestRelease:
    def test_it_has_the_chart_of_today_with_what_moved(self, published, tables):
        today = read_today(tables, SLUG)
        shown = shown_of(published[0], ["release"])
        lines = shown[f"{SLUG}: chart"].splitlines()
        assert len(lines) == 2 + len(today.chart)
        first = today.chart[0]
        assert lines[2].startswith("| 1 | ")
        assert first["song_name"].replace("|", "\\|") in lines[2]
        assert {"▲", "▼", "="} <= {line.split(" | ")[1][0] for line in lines[2:]}
        assert shown[f"{SLUG}: edition"] == str(today_in_japan())
        assert shown[f"{SLUG}: drop-outs"] == len(today.drop_outs)
        for song in [*today.of_status("NEW"), *today.drop_outs]:
            assert song["song_name"] in shown[f"{SLUG}: who came and left"].replace("\\|", "|")
        assert shown[f"{SLUG}: movements"].startswith("![picture](data:image/png;base64,")

    def test_it_leads_to_the_report(self, published):
        platform, _ = published
        assert shown_of(platform, ["release"])["report"] == platform.store.uri("report/index.html")


@pytest.mark.slow
class TestHistory:
    def test_the_days_say_what_changed(self, tmp_path, instance):
        lake = {"SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}
        with short_publish_runs(), Platform(lake, instance) as platform:
            today = today_in_japan()
            contents = {today - timedelta(2): 2, today - timedelta(1): 3}
            self.write(platform, contents)
            assert platform.publish().success
            assert f"| {today - timedelta(1)} | changed | 3 |" in shown_of(platform, ["chart_days"])["newest days"]
            self.write(platform, contents | {today: 3})
            assert platform.publish().success
            shown = shown_of(platform, ["chart_days"])
        assert f"| {SLUG} | {today} | unchanged since {today - timedelta(1)} | 3 | 0 |" in shown["newest days"]
        assert (shown["dagster/row_count"], shown["days unchanged"], shown["days stale"]) == (3, 1, 0)

    def test_nothing_published_yet_shows_nothing_and_a_folder_leads_to_no_athena(self, tmp_path, instance, monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        with Platform({"SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}, instance) as platform:
            result = platform.publish()
            assert "Athena" not in shown_of(platform, ["release"])
            assert shown_of(platform, ["chart_days"])["dagster/row_count"] == 0
            assert shown_of(platform, ["song_history"])["dagster/row_count"] == 0
        assert all(check.passed for check in result.get_asset_check_evaluations())

    @staticmethod
    def write(platform, contents):
        snapshots = [
            make_snapshot(make_entries(number), day, slug=SLUG, source="demo") for day, number in contents.items()
        ]
        frames = daily_tables(snapshots, "daily")
        for name, table in TABLES.items():
            write_partitions(platform.store, table, SLUG, list(contents), frames[name])


class TestSnapshots:
    @pytest.mark.slow
    def test_a_day_says_how_complete_it_is(self, published):
        platform, _ = published
        shown = shown_of(platform, [SLUG, "snapshots"])
        (row,) = platform.rows("snapshots", slug=SLUG)
        assert {name: shown[name] for name in ("listed", "accepted", "rejected")} == {
            name: row[name] for name in ("listed", "accepted", "rejected")
        }
        lines = shown["coverage"].splitlines()
        assert [line.split(":")[0] for line in lines] == ["- songs", "- albums", "- artists"]
        assert f"official_peak_position {row['coverage_songs_official_peak_position']:.0%}" in lines[0]


class TestAthena:
    def test_its_address_has_the_region(self, monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        assert athena_console() == (
            "https://ap-northeast-1.console.aws.amazon.com/athena/home?region=ap-northeast-1#/query-editor"
        )

    def test_without_a_region_there_is_none(self, monkeypatch, tmp_path):
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        assert athena_console() is None

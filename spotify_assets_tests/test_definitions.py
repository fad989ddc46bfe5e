"""What Dagster is told: names that users rely on, what every asset says of itself, and what loading costs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets import definitions as definitions_module
from spotify_assets.assets.common import BACKFILL_POLICY
from spotify_assets.assets.descriptions import PURPOSES
from spotify_assets.definitions import build_definitions
from spotify_assets.publication import PUBLISH_KEYS
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.settings import load_settings
from spotify_assets.settings.playlists import RESERVED_SLUGS

pytestmark = pytest.mark.usefixtures("whole")

TWO_PLAYLISTS = """
start: 2026-11-01
playlists:
  - {slug: japan, title: Top 50 - Japan, source: spotify, playlist_id: 37i9dQZEVXbKXQ4mDTEBXq}
  - {slug: weekly, title: Top Songs - Japan, cadence: weekly, source: spotify, playlist_id: 37i9dQZEVXbKqiTGXuCOsB}
"""
CHART_FILES = """
start: 2026-11-01
playlists:
  - {slug: japan, title: Top 50 - Japan, source: charts, chart: regional-jp-daily}
"""
CHECKS = [
    "snapshots:chart_complete",
    "snapshots:enrichment_complete",
    "snapshots:keys_unique",
    "song_artists:references_whole",
    "songs:positions_complete",
]
PUBLISH_CHECKS = [
    "chart_days:days_whole",
    "chart_days:source_not_stale",
    "song_identity:songs_told_apart",
    *(f"{table}:keys_unique" for table in ANALYSES),
    *(f"{table}:no_edition_lost" for table in ("chart_editions", "chart_periods", "song_history")),
    *(f"{table}:songs_counted" for table in ("song_history", "song_popularity", "song_spells")),
    *(f"{table}:shares_sum_to_one" for table in ("artist_analysis", "album_analysis", "genre_trends", "chart_trends")),
]
PLAYLIST_ASSETS = ["albums", "artists", "raw_playlist", "rejects", "snapshots", "song_artists", "songs"]
HEAVY = {
    "altair",
    "boto3",
    "botocore",
    "dagster_aws",
    "duckdb",
    "numpy",
    "pandas",
    "pyarrow",
    "requests",
    "spotipy",
    "sqlglot",
    "urllib3",
    "vl_convert",
}


@pytest.fixture(scope="module")
def demo():
    return build_definitions(load_settings({}))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    playlists = tmp_path_factory.mktemp("definitions") / "playlists.yaml"
    playlists.write_text(TWO_PLAYLISTS, encoding="utf-8")
    return build_definitions(load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists)}))


def graph(definitions):
    return definitions.resolve_asset_graph()


def nodes(definitions):
    return [graph(definitions).get(key) for key in graph(definitions).get_all_asset_keys()]


def partitioned(definitions):
    return [node for node in nodes(definitions) if node.key not in PUBLISH_KEYS]


PUBLISH_ASSETS = [
    "album_analysis",
    "alias_candidates",
    "artist_analysis",
    "bi_pack",
    "catalog",
    "chart_days",
    "chart_editions",
    "chart_entries",
    "chart_periods",
    "chart_trends",
    "collaborations",
    "genre_trends",
    "release",
    "report",
    "song_history",
    "song_identity",
    "song_popularity",
    "song_spells",
    "song_survival",
]


def names(keys):
    return sorted(key.to_user_string() for key in keys)


def surface(definitions):
    """What users of the UI and of other projects may name."""
    repository = definitions.get_repository_def()
    return {
        "assets": names(graph(definitions).get_all_asset_keys()),
        "groups": sorted({node.group_name for node in nodes(definitions)}),
        "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph(definitions).asset_check_keys),
        "jobs": sorted(job.name for job in repository.get_all_jobs() if job.name != "__ASSET_JOB"),
        "schedules": sorted(schedule.name for schedule in repository.schedule_defs),
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
        "resources": sorted(set(repository.get_top_level_resources())),
    }


def expected_surface(*slugs, more_sensors=()):
    return {
        "assets": sorted([*PUBLISH_ASSETS, *(f"{slug}/{asset}" for slug in slugs for asset in PLAYLIST_ASSETS)]),
        "groups": sorted({*RESERVED_SLUGS, *slugs}),
        "checks": sorted([*PUBLISH_CHECKS, *(f"{slug}/{check}" for slug in slugs for check in CHECKS)]),
        "jobs": ["daily_playlist_job", "publish_job"],
        "schedules": ["daily_playlist_schedule"],
        "sensors": ["glue_crawler_sensor", *more_sensors],
        "resources": ["lake", "parquet_io_manager", "raw_io_manager", "sources"],
    }


class TestNames:
    def test_of_the_demo(self, demo):
        assert surface(demo) == expected_surface("demo_japan")

    def test_of_two_playlists(self, two):
        expected = expected_surface("japan", "weekly", more_sensors=["playlist_change_sensor"])
        expected["checks"] += ["japan/raw_playlist:consent_lasts", "weekly/raw_playlist:consent_lasts"]
        assert surface(two) == expected | {"checks": sorted(expected["checks"])}

    def test_of_chart_files_alone(self, tmp_path):
        playlists = tmp_path / "playlists.yaml"
        playlists.write_text(CHART_FILES, encoding="utf-8")
        chart_files = build_definitions(load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists)}))
        assert surface(chart_files) == expected_surface("japan") | {
            "jobs": ["chart_files_job", "publish_job"],
            "schedules": [],
            "sensors": ["chart_landing_sensor", "glue_crawler_sensor"],
        }

    def test_the_daily_job_holds_the_playlists_and_nothing_else(self, two):
        keys = two.resolve_job_def("daily_playlist_job").asset_layer.executable_asset_keys
        assert names(keys) == sorted(f"{slug}/{asset}" for slug in ("japan", "weekly") for asset in PLAYLIST_ASSETS)

    def test_the_publish_job_holds_no_daily_table(self, two):
        assert names(two.resolve_job_def("publish_job").asset_layer.executable_asset_keys) == PUBLISH_ASSETS

    def test_the_sensor_is_on_and_the_schedule_is_for_the_user_to_turn_on(self, demo):
        sensor = demo.resolve_sensor_def("glue_crawler_sensor")
        schedule = demo.resolve_schedule_def("daily_playlist_schedule")
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.job_name == "publish_job"
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
        assert schedule.job_name == "daily_playlist_job"


class TestLoading:
    def test_with_nothing_set(self):
        dg.Definitions.validate_loadable(definitions_module.defs())

    def test_of_two_playlists(self, two):
        dg.Definitions.validate_loadable(two)

    def modules_after(self, program, **environment):
        finished = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return {module.split(".")[0] for module in finished.stdout.split()}

    PROGRAM = """
import sys, socket
def refuse(*_, **__): raise OSError("no network while definitions load")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
import warnings, pydantic, dagster
warnings.simplefilter("ignore", pydantic.PydanticDeprecatedSince20)
import spotify_assets.definitions as module
from spotify_assets.settings import load_settings
definitions = module.build_definitions(load_settings())
definitions.get_repository_def()
print(*sys.modules)
"""

    @pytest.mark.slow
    def test_of_the_demo_imports_nothing_heavy(self):
        assert self.modules_after(self.PROGRAM) & HEAVY == set()

    @pytest.mark.slow
    def test_of_a_bucket_imports_dagster_aws_and_no_tables(self):
        modules = self.modules_after(self.PROGRAM, SPOTIFY_ASSETS_LAKE="s3://bucket/prefix", GLUE_CRAWLER="crawler")
        assert modules & {"duckdb", "numpy", "pandas", "pyarrow", "spotipy", "sqlglot"} == set()
        assert "dagster_aws" in modules


class TestAssets:
    @pytest.fixture(params=["demo", "two"])
    def definitions(self, request):
        return request.getfixturevalue(request.param)

    def test_every_asset_says_whose_it_is_and_what_it_is(self, definitions):
        for node in nodes(definitions):
            said = (node.group_name, node.owners, node.kinds, node.description, node.tags)
            assert all(said), node.key

    def test_all_partitioned_assets_share_one_day_and_one_backfill_policy(self, definitions):
        assert len({node.partitions_def for node in partitioned(definitions)}) == 1
        assert {node.backfill_policy for node in partitioned(definitions)} == {BACKFILL_POLICY}

    def test_days_are_days_in_japan_and_today_is_one(self, definitions):
        partitions = partitioned(definitions)[0].partitions_def
        assert (partitions.timezone, partitions.end_offset, partitions.fmt) == ("Asia/Tokyo", 1, "%Y-%m-%d")

    def test_every_column_of_every_table_is_described(self, definitions):
        for node in partitioned(definitions):
            if node.key.path[-1] != "raw_playlist":
                columns = node.metadata["dagster/column_schema"].columns
                assert [column.name for column in columns] == TABLES[node.key.path[-1]].column_names
                assert all(column.description for column in columns), node.key
                assert node.metadata["dagster/table_name"] == node.key.path[-1]

    def test_every_asset_of_a_table_says_which_question_it_answers(self, definitions):
        for node in nodes(definitions):
            if node.key.path[-1] in PURPOSES:
                question = node.description.split("?")[0]
                assert "?" in node.description, node.key
                assert "." not in question, node.key
        assert {*TABLES, *COMPACTED, *IDENTITY, *ANALYSES} == PURPOSES.keys()

    def test_every_analysis_leads_to_its_sql(self, demo):
        for name in ANALYSES:
            metadata = graph(demo).get(dg.AssetKey([name])).metadata
            (reference,) = metadata["dagster/code_references"].code_references
            text = Path(reference.file_path).read_text(encoding="utf-8")
            assert Path(reference.file_path).name == f"{name}.sql"
            assert metadata["SQL"].value == f"```sql\n{text}\n```"
            lineage = metadata["dagster/column_lineage"].deps_by_column
            assert list(lineage) == ANALYSES[name].column_names
            if name == "song_spells":
                assert lineage["best_position"] == [dg.TableColumnDep(dg.AssetKey(["song_history"]), "position")]

    def test_columns_of_analyses_say_where_they_come_from(self, demo):
        metadata = graph(demo).get(dg.AssetKey(["chart_editions"])).metadata
        said = {column.name: column.description for column in metadata["dagster/column_schema"].columns}
        assert said["songs"].endswith("(from song_identity.song_key)")
        assert said["is_last"].endswith("(from chart_days)")

    def test_lineage_ends_at_columns_that_the_raw_asset_has(self, definitions):
        for node in partitioned(definitions):
            if node.key.path[-1] == "raw_playlist":
                raw = {column.name for column in node.metadata["dagster/column_schema"].columns}
                sources = {source for table in TABLES.values() for column in table.columns for source in column.sources}
                assert raw == sources

    def test_only_what_asks_spotify_waits_in_its_pool(self, demo, two):
        assert {key.to_user_string(): pools for key, pools in self.pools(demo).items() if pools} == {}
        assert {key.to_user_string(): pools for key, pools in self.pools(two).items() if pools} == {
            "japan/raw_playlist": {"spotify_api"},
            "weekly/raw_playlist": {"spotify_api"},
        }

    def pools(self, definitions):
        return {node.key: node.pools for node in nodes(definitions)}

    def test_a_spotify_playlist_says_that_it_has_no_past(self, demo, two):
        assert "no past" in graph(two).get(dg.AssetKey(["japan", "raw_playlist"])).description
        assert "no past" not in graph(demo).get(dg.AssetKey(["demo_japan", "raw_playlist"])).description

    def test_the_way_goes_from_raw_to_tables_to_catalog(self, definitions):
        for node in partitioned(definitions):
            slug, name = node.key.path
            if name == "raw_playlist":
                assert node.parent_keys == set()
            else:
                assert node.parent_keys == {dg.AssetKey([slug, "raw_playlist"])}
                assert node.child_keys == {dg.AssetKey("catalog")}

    def test_groups_are_a_straight_line(self, definitions):
        slugs = {node.key.path[0] for node in partitioned(definitions)}
        assert {node.group_name for node in partitioned(definitions)} == slugs
        group_of = {node.key: node.group_name for node in nodes(definitions)}
        arrows = {(group_of[parent], node.group_name) for node in nodes(definitions) for parent in node.parent_keys}
        assert {arrow for arrow in arrows if len(set(arrow)) == 2} == {
            *((slug, "catalog") for slug in slugs),
            ("catalog", "history"),
            ("history", "analyses"),
            ("analyses", "release"),
        }

    def test_no_secret_is_in_what_the_ui_shows(self, monkeypatch, tmp_path):
        playlists = tmp_path / "playlists.yaml"
        playlists.write_text(TWO_PLAYLISTS, encoding="utf-8")
        secrets = {"SPOTIFY_CLIENT_SECRET": "made-up-secret", "SPOTIFY_REFRESH_TOKEN": "made-up-token"}
        settings = load_settings(
            {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_CLIENT_ID": "made-up-id", **secrets}
        )
        definitions = build_definitions(settings)
        resources = definitions.get_repository_def().get_top_level_resources()
        shown = repr(settings) + repr(definitions) + repr(resources)
        shown += "".join(
            str(resource.config_schema.default_value)
            for resource in resources.values()
            if resource.config_schema.default_provided
        )
        assert not [secret for secret in secrets.values() if secret in shown]


EVERY_SOURCE = f"""{TWO_PLAYLISTS}
  - {{slug: demo, title: Demo, source: demo}}
  - {{slug: files, title: Files, source: charts, chart: regional-jp-daily}}
  - {{slug: weekly_files, title: Weekly files, cadence: weekly, source: charts, chart: regional-jp-weekly}}
"""


@pytest.fixture(scope="module")
def every_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every_source")
    (folder / "playlists.yaml").write_text(EVERY_SOURCE, encoding="utf-8")
    places = {"SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"), "SPOTIFY_ASSETS_LAKE": str(folder / "lake")}
    return build_definitions(load_settings(places))


class TestFreshness:
    @pytest.fixture
    def policies(self, every_source):
        """By playlist, the policies of its assets."""
        policies = {}
        for node in partitioned(every_source):
            spec = every_source.resolve_assets_def(node.key).specs_by_key[node.key]
            policies.setdefault(node.key.path[0], set()).add(spec.freshness_policy)
        return policies

    @pytest.mark.parametrize("slug", ["japan", "demo"])
    def test_a_daily_playlist_is_late_by_noon_in_japan(self, policies, slug):
        (policy,) = policies[slug]
        assert (policy.deadline_cron, policy.timezone) == ("0 12 * * *", "Asia/Tokyo")
        assert policy.lower_bound_delta == timedelta(hours=12)

    def test_a_weekly_playlist_is_late_after_a_week(self, policies):
        (policy,) = policies["weekly"]
        assert policy.fail_window.days == 7

    @pytest.mark.parametrize("slug", ["files", "weekly_files"])
    def test_chart_files_are_never_late(self, policies, slug):
        assert policies[slug] == {None}


class TestRuns:
    def test_publish_runs_that_nobody_waits_for_are_patient(self):
        policy = definitions_module.defs().resolve_job_def("publish_job").op_retry_policy
        assert (policy.max_retries, policy.delay, policy.backoff) == (5, 60, dg.Backoff.EXPONENTIAL)

    @pytest.mark.parametrize("job", ["daily_playlist_job", "publish_job", "chart_files_job"])
    def test_a_run_names_the_machine_that_started_it(self, every_source, job):
        assert every_source.resolve_job_def(job).run_tags["spotify_assets/host"] == socket.gethostname()

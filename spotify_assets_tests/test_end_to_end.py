"""The whole way on S3 and in a folder: same bytes, Glue tables, rate limits, and no secret in any output."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import timedelta

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from pyathena.connection import Connection

from spotify_assets.catalog.glue_tables import register_table, run_table
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import CATALOG_KEY
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.schemas.star import STAR
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.helpers.publish_runs import whole_publish_runs
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries, make_id

pytestmark = pytest.mark.slow

LAKE = "s3://lake/charts"
IN_GLUE = {"SPOTIFY_ASSETS_LAKE": LAKE, "GLUE_CRAWLER": "crawler"}
OTHER_ID = make_id("playlist", 2)
FAST_POLLS = {"ops": {"catalog": {"config": {"poll_seconds": 0.01}}}}


def catalog_metadata(instance):
    event = instance.get_latest_materialization_event(CATALOG_KEY)
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


class TestOnS3:
    @pytest.fixture
    def on_s3(self, aws, instance):
        aws.create_bucket("lake")
        aws.create_crawler("crawler", "spotify_assets", LAKE)
        with Platform(IN_GLUE, instance) as platform:
            yield platform

    def test_a_day_has_the_same_bytes_as_in_a_folder(self, on_s3, lake_folder):
        with dg.DagsterInstance.ephemeral() as other:
            local = Platform({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}, other)
            assert local.run_daily().success
        assert on_s3.run_daily().success
        for folder in (*TABLES, "raw_playlist"):
            assert on_s3.objects(f"{folder}/") == local.objects(f"{folder}/")
            assert local.objects(f"{folder}/")

    def test_glue_has_the_tables_after_publishing_and_no_second_crawl(self, on_s3, aws, instance):
        assert on_s3.run_daily().success
        with whole_publish_runs(), Platform(IN_GLUE, instance) as whole:
            assert whole.publish(FAST_POLLS).success
        first = catalog_metadata(instance)
        assert (first["crawl"], first["partitions added"]) == ("done", dict.fromkeys(TABLES, 1))
        release = instance.get_latest_materialization_event(dg.AssetKey("release")).asset_materialization
        assert release.metadata["Athena"].url.startswith("https://ap-northeast-1.console.aws.amazon.com/athena/")
        with closing(aws.client("glue")) as glue:
            tables = {table["Name"] for table in glue.get_tables(DatabaseName="spotify_assets")["TableList"]}
        assert tables == {*TABLES, *COMPACTED, *ANALYSES, *IDENTITY, *STAR}
        assert on_s3.run_daily().success
        assert on_s3.publish(FAST_POLLS, only=[CATALOG_KEY]).success
        assert catalog_metadata(instance)["crawl"] == "skipped"

    def test_what_is_registered_without_the_crawler_is_recorded(self, aws, instance, monkeypatch):
        monkeypatch.setattr("spotify_assets.assets.catalog.ABANDONED_AFTER", -timedelta(minutes=1))
        aws.create_bucket("lake")
        aws.create_crawler("crawler", "spotify_assets", LAKE)
        run = "20261125T010203-ab12cd34"
        orphan = run_table(run, "song_spells")
        with closing(aws.client("glue")) as glue:
            table = ANALYSES["song_spells"]
            register_table(glue, "spotify_assets", orphan, table, f"{LAKE}/a/", parameters={"run": run})
        today = today_in_japan()
        with Platform(IN_GLUE | {"GLUE_CRAWL": "on_schema_change"}, instance) as platform:
            assert platform.run_daily(today - timedelta(1)).success
            aws.order_crawl(passes_over={"rejects"}, dpu_hours=0.31)
            assert platform.publish(FAST_POLLS, only=[CATALOG_KEY]).success
            first = catalog_metadata(instance)
            assert platform.run_daily().success
            assert platform.publish(FAST_POLLS, only=[CATALOG_KEY]).success
            second = catalog_metadata(instance)
        by_us = ["tables", "columns", "partitions"]
        assert [first[f"{what} registered without the crawler"] for what in by_us] == ["rejects", "none", 1]
        assert (first["crawl"], first["crawl DPU-hours"], first["tables of killed runs removed"]) == (
            "done",
            0.31,
            orphan,
        )
        assert [second[f"{what} registered without the crawler"] for what in by_us] == ["none", "none", len(TABLES)]
        assert (second["crawl"], second["tables of killed runs removed"]) == ("skipped", "none")
        assert "crawl DPU-hours" not in second

    def test_old_days_go_from_the_bucket_and_from_glue_without_a_crawl(self, on_s3, aws, instance, tmp_path):
        today = today_in_japan()
        assert on_s3.run_daily(today - timedelta(2), today).success
        assert on_s3.publish(FAST_POLLS).success
        result = run_command(tmp_path, instance, "prune", "--keep", "1", "--yes", **IN_GLUE)
        assert result.exit_code == 0, result.output
        assert catalog_metadata(instance)["crawl"] == "skipped"
        kept = {str(today - timedelta(1)), str(today)}
        with closing(aws.client("glue")) as glue:
            for table in TABLES:
                found = glue.get_partitions(DatabaseName="spotify_assets", TableName=table)["Partitions"]
                assert {partition["Values"][1] for partition in found} == kept
        keys = [key for key in on_s3.objects("") if "snapshot_date=" in key]
        assert {key.split("snapshot_date=")[1][:10] for key in keys} == kept
        files = [data for key, data in on_s3.objects("chart_days/").items() if key.endswith(".parquet")]
        days = [day for data in files for day in pq.read_table(io.BytesIO(data))["snapshot_date"].to_pylist()]
        assert set(map(str, days)) == kept

    @pytest.mark.parametrize("engine", ["duckdb", "athena"])
    def test_a_release_is_queried_in_athena_whoever_made_it(self, aws, instance, engine, monkeypatch):
        monkeypatch.setattr("spotify_assets.analytics.athena_engine.POLL_SECONDS", 0)
        aws.create_bucket("lake")
        aws.create_crawler("crawler", "spotify_assets", LAKE)
        aws.create_workgroup("charts", output="s3://lake/results/")
        environment = {"SPOTIFY_ASSETS_ENGINE": engine, "ATHENA_WORKGROUP": "charts"}
        with Platform(IN_GLUE | environment, instance) as platform:
            today = today_in_japan()
            assert platform.run_daily(today - timedelta(1), today).success
            assert platform.publish(FAST_POLLS).success
        assert len(aws.queries) == (2 * len(ANALYSES) if engine == "athena" else 0)
        with Connection(work_group="charts", schema_name="spotify_assets", poll_interval=0) as connection:
            query = """
                select count(*), max(edition_number), (select sum(songs) from chart_editions)
                from song_history
                where playlist = 'demo_japan'
            """
            ((entries, editions, songs),) = connection.cursor().execute(query).fetchall()
        assert editions == 2
        assert entries == songs > 0

    def test_a_failed_crawl_fails_the_publish_run_and_says_why(self, on_s3, aws):
        assert on_s3.run_daily().success
        aws.order_crawl(error="no access to the bucket")
        result = on_s3.publish(FAST_POLLS)
        assert not result.success
        (message,) = failures_of(result)
        assert "no access to the bucket" in message

    def test_without_a_crawler_the_bucket_holds_a_catalog_with_the_rows_until_their_days_go(
        self, aws, instance, tmp_path
    ):
        aws.create_bucket("lake")
        days = [today_in_japan() - timedelta(number) for number in (2, 1, 0)]
        file = tmp_path / "catalog.duckdb"
        with Platform({"SPOTIFY_ASSETS_LAKE": LAKE}, instance) as platform:
            assert platform.run_daily(days[0], days[-1]).success
            assert platform.publish().success
            file.write_bytes(platform.store.read("catalog.duckdb"))
            with duckdb.connect(str(file), read_only=True) as catalog:
                listed = catalog.table("snapshots").project("snapshot_date, listed").order("snapshot_date")
                assert listed.fetchall() == [(day, 50) for day in days]
                assert catalog.table("songs_flat").shape[0] > 0
            result = run_command(tmp_path, instance, "prune", "--keep", "1", "--yes", SPOTIFY_ASSETS_LAKE=LAKE)
            assert result.exit_code == 0, result.output
            file.write_bytes(platform.store.read("catalog.duckdb"))
        with duckdb.connect(str(file), read_only=True) as catalog:
            for table in ("songs", "chart_days"):
                left = catalog.table(table).project("snapshot_date").distinct().fetchall()
                assert {day for (day,) in left} == set(days[1:])

    def test_a_bucket_that_is_not_there_is_named(self, aws, instance):
        with Platform({"SPOTIFY_ASSETS_LAKE": "s3://nowhere"}, instance) as platform:
            result = platform.run_daily()
        assert not result.success
        assert any("s3://nowhere/raw_playlist" in message for message in failures_of(result))


class TestSpotify:
    @pytest.fixture
    def server(self):
        with SpotifyServer() as running:
            running.add_playlist(PLAYLIST_ID, make_entries(50))
            yield running

    @pytest.fixture
    def platform(self, server, instance, tmp_path):
        return Platform(spotify_environment(server, tmp_path), instance)

    def test_the_same_run_twice_gives_the_same_bytes_and_no_second_raw_file(self, platform):
        assert platform.run_daily().success
        before = platform.objects("")
        assert platform.run_daily().success
        assert platform.objects("") == before
        assert len(platform.store.list_keys("raw_playlist/")) == 1

    def test_a_changed_list_adds_a_raw_file_and_replaces_the_tables(self, platform, server):
        assert platform.run_daily().success
        server.add_playlist(PLAYLIST_ID, make_entries(50, first=2), snapshot_id="snapshot-2")
        assert platform.run_daily().success
        assert len(platform.store.list_keys("raw_playlist/")) == 2
        assert len(platform.store.list_keys("songs/")) == 1
        assert platform.rows("songs")[0]["song_id"] == make_entries(1, first=2)[0]["track"]["id"]

    def test_a_short_rate_limit_is_sat_out(self, platform, server):
        server.answer_next(r"/items", status=429, headers={"Retry-After": "1"}, body={"error": {"status": 429}})
        result = platform.run_daily()
        assert result.success, failures_of(result)
        assert [event.step_key for event in result.all_events if event.is_step_up_for_retry] == ["chart__raw_playlist"]

    def test_a_long_rate_limit_fails_and_says_when_to_come_back(self, platform, server):
        server.answer_next(r"/items", status=429, headers={"Retry-After": "7200"}, body={"error": {"status": 429}})
        result = platform.run_daily()
        assert not result.success
        (message,) = failures_of(result)
        assert "Japan time" in message
        assert not [event for event in result.all_events if event.is_step_up_for_retry]

    def test_a_long_rate_limit_during_enrichment_keeps_the_snapshot_and_says_so(self, platform, server):
        server.answer_next(r"/artists", status=429, headers={"Retry-After": "7200"}, body={"error": {"status": 429}})
        result = platform.run_daily()
        assert result.success
        assert len(platform.rows("songs")) == 50
        failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
        assert failed == ["enrichment_complete"]
        assert platform.rows("snapshots")[0]["coverage_artist_objects"] == 0

    def test_an_outage_is_sat_out(self, platform, server, monkeypatch):
        monkeypatch.setattr("spotify_assets.assets.raw_playlist.PAUSE_AFTER_OUTAGE", 0)
        server.answer_next(r"/items", status=200, body="<html>Sign in</html>")
        assert platform.run_daily().success

    def test_a_list_in_hand_is_kept_when_the_wait_for_albums_ends_badly(self, platform, server):
        def closes_the_door(_):
            server.answer_next("GET /v1/playlists", status=429, headers={"Retry-After": "90000"}, body={})
            return {}

        server.answer_next(r"/albums", status=429, headers={"Retry-After": "1"}, body=closes_the_door)
        assert not platform.run_daily().success
        raw = RawLayer(platform.store)
        stored = raw.read_nearest(raw.files("chart"), today_in_japan())
        assert len(stored.entries) == 50
        assert stored.albums == {}

    def test_a_refused_kind_of_objects_leaves_the_other_kind_alone(self, platform, server):
        server.refuse_next(r"/albums", 400, "Bad request")
        assert platform.run_daily().success
        known = platform.rows("snapshots")[0]
        assert (known["coverage_album_objects"], known["coverage_artist_objects"]) == (0, 1)

    def test_one_playlist_in_trouble_with_albums_does_not_cost_another_its_day(self, server, instance, tmp_path):
        environment = spotify_environment(server, tmp_path)
        playlists = tmp_path / "playlists.yaml"
        second = f"  - {{slug: other, title: Other, source: spotify, playlist_id: {OTHER_ID}}}\n"
        playlists.write_text(playlists.read_text() + second)
        server.add_playlist(OTHER_ID, make_entries(10))
        server.answer_next(r"/albums", times=9, status=429, headers={"Retry-After": "90000"}, body={})
        platform = Platform(environment, instance)
        assert platform.run_daily().success
        assert [len(platform.rows("songs", slug=slug)) for slug in ("chart", "other")] == [50, 10]

    def test_a_slug_of_another_playlist_is_refused_before_spotify_is_asked(self, server, instance, tmp_path):
        environment = spotify_environment(server, tmp_path)
        assert Platform(environment, instance).run_daily().success
        playlists = tmp_path / "playlists.yaml"
        playlists.write_text(playlists.read_text().replace(PLAYLIST_ID, OTHER_ID))
        asked = server.count()
        result = Platform(environment, instance).run_daily()
        (message,) = failures_of(result)
        assert "one history would mix two charts" in message
        assert server.count() == asked

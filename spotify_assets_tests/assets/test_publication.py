"""What counts as new: read from Dagster's event log as real runs write it."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import duckdb
import pytest

from spotify_assets.analytics import publishing
from spotify_assets.analytics.compaction import compact
from spotify_assets.analytics.releases import read_release
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import CatalogError, CatalogUnavailable, SchemaViolation, SettingsError, StorageError
from spotify_assets.publication import (
    PUBLISHED_UP_TO,
    RELEASE_KEY,
    find_news,
    newest_materialization,
    published_up_to,
    table_keys,
)
from spotify_assets.schemas import TABLES
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import ALIASES_KEY
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.publisher import truncate

pytestmark = pytest.mark.slow

SONGS = dg.AssetKey(["japan", "songs"])
DAY = "2026-01-06"
NEXT_DAY = "2026-01-07"
SOON = dg.RetryPolicy(max_retries=3)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def report(instance, key, partition=None, **metadata):
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata))


def report_day(instance, day, tables=tuple(TABLES), slug="japan"):
    for table in tables:
        report(instance, dg.AssetKey([slug, table]), day)


def newest(instance, slug="japan"):
    return newest_materialization(instance, table_keys(slug))


class TestNewest:
    def test_nothing_is_zero(self, instance):
        assert newest(instance) == 0

    def test_it_is_the_last_of_all_tables(self, instance):
        report_day(instance, DAY)
        before = newest(instance)
        report(instance, dg.AssetKey(["japan", "albums"]), DAY)
        assert newest(instance) > before

    def test_observations_do_not_count(self, instance):
        report_day(instance, DAY)
        before = newest(instance)
        instance.report_runless_asset_event(dg.AssetObservation(SONGS, partition=DAY))
        assert newest(instance) == before


class TestPublishedUpTo:
    def test_nothing_is_zero(self, instance):
        assert published_up_to(instance) == 0

    def test_the_last_release_counts(self, instance):
        report(instance, RELEASE_KEY, **{PUBLISHED_UP_TO: 7})
        report(instance, RELEASE_KEY, **{PUBLISHED_UP_TO: 9})
        assert published_up_to(instance) == 9

    @pytest.mark.parametrize("metadata", [{}, {PUBLISHED_UP_TO: "seven"}])
    def test_a_release_that_does_not_say_what_it_saw_published_nothing(self, instance, metadata):
        report(instance, RELEASE_KEY, **metadata)
        assert published_up_to(instance) == 0


class TestFindNews:
    def test_nothing(self, instance):
        news = find_news(instance, ["japan"], 0)
        assert (news.complete, news.partial, news.up_to) == ({}, {}, None)

    def test_complete_and_partial_days_of_every_playlist_are_told_apart(self, instance):
        report_day(instance, DAY)
        report_day(instance, DAY, slug="world")
        up_to = newest(instance, "world")
        report_day(instance, NEXT_DAY, ["songs"])
        news = find_news(instance, ["japan", "world"], 0)
        assert news.complete == {"japan": [DAY], "world": [DAY]}
        assert news.partial == {"japan": [NEXT_DAY]}
        assert news.up_to == up_to

    def test_days_are_in_order(self, instance):
        for day in (NEXT_DAY, "2025-12-31", DAY):
            report_day(instance, day)
        assert find_news(instance, ["japan"], 0).complete == {"japan": ["2025-12-31", DAY, NEXT_DAY]}

    def test_a_table_that_was_there_before_completes_a_new_one(self, instance):
        report_day(instance, DAY)
        before = newest(instance)
        report_day(instance, DAY, ["songs"])
        assert find_news(instance, ["japan"], before).complete == {"japan": [DAY]}

    def test_only_what_came_later_is_new(self, instance):
        report_day(instance, DAY)
        published = newest(instance)
        assert find_news(instance, ["japan"], published).up_to is None
        report_day(instance, NEXT_DAY)
        assert find_news(instance, ["japan"], published).complete == {"japan": [NEXT_DAY]}

    def test_a_day_that_was_made_twice_is_new_once_and_up_to_its_last_time(self, instance):
        report_day(instance, DAY)
        report_day(instance, DAY)
        news = find_news(instance, ["japan"], 0)
        assert (news.complete, news.up_to) == ({"japan": [DAY]}, newest(instance))

    def test_observations_and_what_has_no_partition_complete_nothing(self, instance):
        report_day(instance, DAY, tuple(TABLES)[1:])
        instance.report_runless_asset_event(dg.AssetObservation(SONGS, partition=DAY))
        report(instance, SONGS)
        assert find_news(instance, ["japan"], 0).partial == {"japan": [DAY]}

    def test_wiped_partitions_are_gone(self, instance):
        report_day(instance, DAY)
        instance.wipe_assets([SONGS])
        assert find_news(instance, ["japan"], 0).partial == {"japan": [DAY]}

    def test_what_a_table_had_long_ago_is_found_below_what_it_had_often(self, instance, monkeypatch):
        monkeypatch.setattr("spotify_assets.publication.LOOKED_AT", 3)
        report(instance, SONGS, DAY)
        for _ in range(5):
            report(instance, SONGS, NEXT_DAY)
        published = newest(instance)
        for day in (DAY, NEXT_DAY):
            report_day(instance, day, [table for table in TABLES if table != "songs"])
        assert find_news(instance, ["japan"], published).complete == {"japan": [DAY, NEXT_DAY]}

    def test_playlists_that_are_not_asked_for_are_not_looked_at(self, instance):
        report_day(instance, DAY, slug="removed")
        assert find_news(instance, ["japan"], 0).complete == {}


def write_tables(definitions, instance, day=DAY):
    job = definitions.resolve_job_def("daily_playlist_job")
    assert job.execute_in_process(instance=instance, partition_key=day, run_config=QUIET).success


def tick(definitions, instance):
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, resources=definitions.resources
    ) as context:
        return definitions.resolve_sensor_def("glue_crawler_sensor").evaluate_tick(context).run_requests


def publish(definitions, instance, request, only=None):
    """Run publish_job, or some of its steps; whether it succeeded."""
    job = definitions.resolve_job_def("publish_job")
    return job.execute_in_process(
        instance=instance, tags=dict(request.tags), run_config=QUIET, raise_on_error=False, asset_selection=only
    ).success


def released_file(lake_folder, name):
    """The first file of a table of the last release."""
    store = LocalObjectStore(lake_folder)
    found = read_release(store).keys(name) or store.list_keys(f"{name}/")
    return next(key for key in found if key.endswith(".parquet"))


COUNTED = ("chart_entries", "song_identity", "song_history")


def count(lake_folder, table):
    with duckdb.connect(lake_folder / "catalog.duckdb", read_only=True) as catalog:
        return catalog.table(table).shape[0]


def fail_with(monkeypatch, *outcomes):
    """Let the catalog's file meet these errors one after the other; what it was tried with, to be counted."""
    tried = []
    made = publishing.refresh

    def refresh(*inputs):
        tried.append(inputs)
        if len(tried) <= len(outcomes):
            raise outcomes[len(tried) - 1]
        return made(*inputs)

    monkeypatch.setattr(publishing, "refresh", refresh)
    return tried


class TestRealRuns:
    """The whole circle on the demo: tables, sensor, publish run, sensor."""

    @pytest.fixture
    def definitions(self, lake_folder):
        return build_definitions(load_settings({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}))

    def test_a_day_goes_from_the_source_to_the_catalog(self, definitions, instance, lake_folder):
        write_tables(definitions, instance)
        (request,) = tick(definitions, instance)
        assert publish(definitions, instance, request)
        assert (lake_folder / "catalog.duckdb").is_file()
        assert published_up_to(instance) == newest(instance, "demo_japan")
        assert tick(definitions, instance) == []

    def test_a_publish_run_that_fails_publishes_nothing_and_is_repeated(self, definitions, instance, lake_folder):
        write_tables(definitions, instance)
        (request,) = tick(definitions, instance)
        catalog = lake_folder / "catalog.duckdb"
        catalog.mkdir()
        assert not publish(definitions, instance, request)
        assert published_up_to(instance) == 0
        write_tables(definitions, instance, NEXT_DAY)
        catalog.rmdir()
        (request,) = tick(definitions, instance)
        assert request.tags["spotify_assets.new/demo_japan"] == "2"
        assert publish(definitions, instance, request)
        assert tick(definitions, instance) == []

    def test_a_release_without_analyses_is_refused(self, definitions, instance, lake_folder):
        job = definitions.resolve_implicit_global_asset_job_def()
        with pytest.raises(StorageError, match=r"nothing to release(.|\n)*publish_job"):
            job.execute_in_process(instance=instance, asset_selection=[RELEASE_KEY], run_config=QUIET)
        assert not (lake_folder / "analytics").exists()

    def test_an_alias_that_names_no_song_is_told(self, definitions, instance, lake_folder):
        write_tables(definitions, instance)
        (request,) = tick(definitions, instance)
        (lake_folder / ALIASES_KEY).write_text("song,same_as\nno such song,nor this\n", encoding="utf-8")
        assert publish(definitions, instance, request)
        key = dg.AssetCheckKey(dg.AssetKey(["song_identity"]), "songs_told_apart")
        (record,) = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        assert not evaluation.passed
        assert "no such song" in evaluation.metadata["findings"].value

    def test_tables_written_during_a_publish_run_are_new_after_it(self, definitions, instance, monkeypatch):
        write_tables(definitions, instance)
        (request,) = tick(definitions, instance)
        seen = newest(instance, "demo_japan")

        def compact_while_tables_are_written(store, daily):
            report_day(instance, NEXT_DAY, slug="demo_japan")
            return compact(store, daily)

        monkeypatch.setattr("spotify_assets.analytics.compaction.compact", compact_while_tables_are_written)
        assert publish(definitions, instance, request)
        assert published_up_to(instance) == seen
        (request,) = tick(definitions, instance)
        assert request.tags["spotify_assets.new/demo_japan"] == "1"


class TestPublishingAgain:
    """A publish run after another, over what became of its files. Each test leaves the lake published for the next."""

    @pytest.fixture(scope="class")
    @classmethod
    def lake_folder(cls, tmp_path_factory):
        return tmp_path_factory.mktemp("published") / "lake"

    @pytest.fixture(scope="class")
    @classmethod
    def published(cls, lake_folder):
        """A day of the demo is published; publishes again."""
        settings = load_settings({"SPOTIFY_ASSETS_LAKE": str(lake_folder)})
        with dg.DagsterInstance.ephemeral() as instance:
            write_tables(build_definitions(settings), instance)
            (request,) = tick(build_definitions(settings), instance)

            def again(retries=None, only=None):
                definitions = build_definitions(settings, publish_retries=retries)
                return publish(definitions, instance, request, only)

            again.instance = instance
            assert again()
            yield again

    @pytest.fixture
    def release(self, published):
        """Does the last step before pages and pack once more, over what the others left."""
        return lambda retries=SOON: published(retries, [RELEASE_KEY])

    def test_what_passes_by_itself_is_tried_again_in_the_run(self, release, monkeypatch):
        tried = fail_with(
            monkeypatch,
            OSError("the disk is asleep"),
            StorageError("It cannot be read.", why="the bucket is asleep", remedy="wait"),
            CatalogUnavailable("Glue refused.", why="ThrottlingException", remedy="wait"),
        )
        assert release()
        assert len(tried) == 4

    def test_a_run_gives_up_after_its_last_attempt(self, release, monkeypatch):
        tried = fail_with(monkeypatch, *[OSError("the disk is gone")] * 5)
        assert not release()
        assert len(tried) == 4

    @pytest.mark.parametrize("refusal", [CatalogError, SchemaViolation, SettingsError])
    def test_what_a_retry_would_not_mend_fails_at_once(self, release, monkeypatch, refusal):
        tried = fail_with(monkeypatch, refusal("It is not as it should be.", why="it never was", remedy="mend it"))
        assert not release()
        assert len(tried) == 1

    def test_a_command_reports_a_failure_at_once(self, release, monkeypatch):
        tried = fail_with(monkeypatch, OSError("gone"))
        assert not release(retries=None)
        assert len(tried) == 1

    @pytest.mark.parametrize(
        "names",
        [
            ["analytics/release.json", "catalog.duckdb"],
            ["analytics/prepared.json", "chart_days", "chart_entries", "song_identity"],
            ["song_history"],
        ],
    )
    @pytest.mark.parametrize("damage", [truncate, LocalObjectStore.delete], ids=["damaged", "gone"])
    def test_what_publishing_made_is_made_anew_when_it_is(self, published, lake_folder, damage, names):
        before = {name: count(lake_folder, name) for name in COUNTED}
        keys = [name if "." in name else released_file(lake_folder, name) for name in names]
        for key in keys:
            damage(LocalObjectStore(lake_folder), key)
        assert published()
        assert {name: count(lake_folder, name) for name in COUNTED} == before
        assert all(before.values())
        event = published.instance.get_latest_materialization_event(dg.AssetKey(["chart_days"])).asset_materialization
        history = [key for key in keys if key.startswith(("chart_days/", "chart_entries/"))]
        assert event.metadata["damaged and made again"].value == (", ".join(history) or "none")

    def test_files_of_killed_writers_go_after_a_day(self, release, lake_folder, monkeypatch):
        left = lake_folder / ".tmp" / "0123456789abcdef"
        left.write_bytes(b"half")
        assert release()
        assert left.exists()
        monkeypatch.setattr("spotify_assets.analytics.publishing.ABANDONED_AFTER", -timedelta(minutes=1))
        assert release()
        assert not left.exists()

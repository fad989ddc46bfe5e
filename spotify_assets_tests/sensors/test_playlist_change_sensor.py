"""The change sensor: how often it asks Spotify, and what it makes of the answers."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import daily_keys
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SPOTIFY_OWNED_ID, SpotifyServer, make_entries

VERSION_CALL = "GET /v1/playlists/"
TWO_PLAYLISTS = f"""
start: 2025-01-01
playlists:
  - {{slug: hidden, title: Hidden, source: spotify, playlist_id: {SPOTIFY_OWNED_ID}}}
  - {{slug: chart, title: A Chart, source: spotify, playlist_id: {PLAYLIST_ID}}}
"""


@pytest.fixture
def server():
    with SpotifyServer() as stand_in:
        stand_in.add_playlist(PLAYLIST_ID, make_entries(3))
        yield stand_in


class Watch:
    """The sensor with its cursor, beside a platform and a Spotify."""

    def __init__(self, server, platform):
        self.server = server
        self.platform = platform
        self.instance = platform.instance
        self.cursor = None

    def tick(self):
        """A tick; all that it asks Spotify for is counted anew."""
        self.server.requests.clear()
        definitions = self.platform.definitions
        sensor = definitions.resolve_sensor_def("playlist_change_sensor")
        with dg.build_sensor_context(
            instance=self.instance,
            definitions=definitions,
            cursor=self.cursor,
            resources=definitions.get_repository_def().get_top_level_resources(),
        ) as context:
            data = sensor.evaluate_tick(context)
        assert bool(data.run_requests) != bool(data.skip_message)
        self.cursor = data.cursor
        return data

    def calls(self):
        """Calls for the version, and all calls but the one for a token."""
        return self.server.count(VERSION_CALL), self.server.count("GET")


@pytest.fixture
def watch(server, tmp_path, instance):
    with Platform(spotify_environment(server, tmp_path), instance) as platform:
        yield Watch(server, platform)


class TestState:
    def test_is_off_by_default_and_asks_every_quarter_of_an_hour_at_most(self, watch):
        sensor = watch.platform.definitions.resolve_sensor_def("playlist_change_sensor")
        assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
        assert sensor.minimum_interval_seconds == 15 * 60

    def test_today_not_stored_yet_is_run(self, watch):
        (request,) = watch.tick().run_requests
        assert watch.calls() == (1, 1)
        assert request.partition_key == str(today_in_japan())
        assert request.asset_selection == daily_keys("chart")
        assert request.run_key == f"chart-{today_in_japan()}-snapshot-1"

    def test_unchanged_is_one_call_for_the_version_alone(self, watch):
        assert watch.platform.run_daily().success
        assert "has not moved" in watch.tick().skip_message
        assert watch.calls() == (1, 1)
        (asked,) = [request for request in watch.server.requests if request.method == "GET"]
        assert asked.query["fields"] == "snapshot_id"

    def test_a_list_of_a_clock_that_was_ahead_is_followed_by_that_of_now(self, watch):
        assert watch.platform.run_daily().success
        raw = RawLayer(watch.platform.store)
        (stored,) = raw.read_days("chart", [today_in_japan()])
        ahead = {"fetched_at": stored.fetched_at + timedelta(hours=1), "playlist_snapshot_id": "snapshot-0"}
        raw.append("chart", [replace(stored, entries=stored.entries[:2], **ahead)])
        (request,) = watch.tick().run_requests
        job = watch.platform.definitions.resolve_job_def("daily_playlist_job")
        assert job.execute_in_process(
            instance=watch.instance, partition_key=request.partition_key, asset_selection=request.asset_selection
        ).success
        assert len(watch.platform.rows("songs")) == 3
        assert "has not moved" in watch.tick().skip_message

    def test_moved_is_run_and_then_unchanged(self, watch):
        assert watch.platform.run_daily().success
        watch.server.add_playlist(PLAYLIST_ID, make_entries(4), snapshot_id="snapshot-2")
        (request,) = watch.tick().run_requests
        assert watch.calls() == (2, 2)
        assert request.run_key == f"chart-{today_in_japan()}-snapshot-2"
        job = watch.platform.definitions.resolve_job_def("daily_playlist_job")
        assert job.execute_in_process(
            instance=watch.instance, partition_key=request.partition_key, asset_selection=request.asset_selection
        ).success
        assert len(watch.platform.rows("songs")) == 4
        assert len(watch.platform.objects("raw_playlist/")) == 2
        assert "has not moved" in watch.tick().skip_message

    def test_a_version_that_changed_nothing_is_compared_once_and_asks_for_no_run(self, watch):
        assert watch.platform.run_daily().success
        watch.server.add_playlist(PLAYLIST_ID, make_entries(3), snapshot_id="snapshot-2")
        assert "lists the same" in watch.tick().skip_message
        assert watch.calls() == (2, 2)
        assert "has not moved" in watch.tick().skip_message
        assert watch.calls() == (1, 1)

    def test_a_version_that_never_rests_asks_for_no_run(self, watch):
        assert watch.platform.run_daily().success
        for number in range(3):
            watch.server.add_playlist(PLAYLIST_ID, make_entries(3), snapshot_id=f"restless-{number}")
            assert "lists the same" in watch.tick().skip_message

    def test_another_order_is_another_list(self, watch):
        assert watch.platform.run_daily().success
        watch.server.add_playlist(PLAYLIST_ID, make_entries(3)[::-1], snapshot_id="snapshot-2")
        assert len(watch.tick().run_requests) == 1

    def test_without_a_version_nothing_is_run(self, watch):
        watch.server.add_playlist(PLAYLIST_ID, make_entries(3), snapshot_id=None)
        assert "gives no version" in watch.tick().skip_message

    def test_a_run_under_way_is_waited_for_without_asking(self, watch):
        run = dg.DagsterRun(job_name="daily_playlist_job", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        watch.instance.add_run(run)
        assert run.run_id in watch.tick().skip_message
        assert watch.server.requests == []


class TestRefusals:
    def test_a_rate_limit_is_respected_in_the_next_ticks(self, watch):
        watch.server.answer_next(VERSION_CALL, status=429, headers={"Retry-After": "7200"})
        assert "429" in watch.tick().skip_message
        assert watch.calls() == (1, 1)
        assert "asked to be left alone until" in watch.tick().skip_message
        assert watch.server.requests == []

    def test_after_a_rate_limit_it_asks_again(self, watch):
        watch.cursor = json.dumps({"closed_until": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()})
        assert len(watch.tick().run_requests) == 1
        assert watch.calls() == (1, 1)

    def test_an_end_of_a_clock_that_was_ahead_is_not_waited_for(self, watch):
        watch.cursor = json.dumps({"closed_until": (datetime.now(UTC) + timedelta(days=400)).isoformat()})
        assert watch.tick().run_requests

    def test_a_used_up_quota_is_left_alone_for_a_day(self, watch):
        watch.server.refuse_next(VERSION_CALL, 429, "quota", reason="QUOTA_EXCEEDED")
        assert "quota" in watch.tick().skip_message
        assert datetime.fromisoformat(json.loads(watch.cursor)["closed_until"]) - datetime.now(UTC) > timedelta(
            hours=23
        )

    def test_a_refused_playlist_says_so(self, watch):
        del watch.server.playlists[PLAYLIST_ID]
        assert "HTTP 404" in watch.tick().skip_message
        assert watch.calls() == (1, 1)

    def test_missing_credentials_say_so(self, server, tmp_path, instance):
        environment = spotify_environment(server, tmp_path)
        del environment["SPOTIFY_CLIENT_ID"], environment["SPOTIFY_CLIENT_SECRET"]
        assert "SPOTIFY_CLIENT_ID" in Watch(server, Platform(environment, instance)).tick().skip_message
        assert server.requests == []

    def test_a_refused_playlist_leaves_the_other_alone(self, server, tmp_path, instance):
        environment = spotify_environment(server, tmp_path)
        (tmp_path / "playlists.yaml").write_text(TWO_PLAYLISTS, encoding="utf-8")
        watch = Watch(server, Platform(environment, instance))
        (request,) = watch.tick().run_requests
        assert request.asset_selection == daily_keys("chart")
        assert watch.calls() == (2, 2)
        assert server.count("POST") == 1

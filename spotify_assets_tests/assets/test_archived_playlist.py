"""An archived playlist through real runs: rows, checks, days that are missing, limits in the middle, and its sensor."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from spotify_assets.assets.raw_playlist import GO_ON_TAG
from spotify_assets.catalog.pruning import find_old, remove
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import RANGE_START_TAG, today_in_japan
from spotify_assets.sensors import archived_days
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.archive import archive_environment, record_days
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, REPOSITORY, GithubServer, make_list
from spotify_assets_tests.stand_ins.spotify import SpotifyServer, make_track

pytestmark = pytest.mark.slow

TODAY = today_in_japan()
SONGS = make_list(range(50))["tracks"]


def ago(days):
    return TODAY - timedelta(days=days)


@pytest.fixture
def github():
    with GithubServer() as server:
        server.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
        yield server


@pytest.fixture
def platform(github, tmp_path, instance):
    with Platform(archive_environment(github, tmp_path), instance) as built:
        yield built


def materialized(instance, table="songs"):
    return instance.get_materialized_partitions(dg.AssetKey(["chart", table]))


def stored_days(platform):
    return set(RawLayer(platform.store).files("chart").newest)


def test_rows_are_the_list_as_recorded(github, platform):
    github.record(REPOSITORY, f"{ago(3)}T01:00:00Z", make_list(range(50), renewed=f"{ago(4)} 13:52:15"))
    result = platform.run_daily(ago(3))
    assert result.success
    assert [check.check_name for check in result.get_asset_check_evaluations() if not check.passed] == []
    songs = platform.rows("songs", ago(3))
    assert [(row["position"], row["song_name"], row["url"], row["duration_ms"]) for row in songs] == [
        (number, song["name"], song["url"], song["duration_ms"]) for number, song in enumerate(SONGS, 1)
    ]
    assert [row["song_id"] for row in songs] == [song["url"].rpartition("/")[2] for song in SONGS]
    assert {row["isrc"] for row in songs} == {row["popularity"] for row in songs} == {None}
    assert platform.rows("artists", ago(3))[0]["artist_id"] is not None
    (snapshot,) = platform.rows("snapshots", ago(3))
    assert snapshot["renewed_at"] == datetime.fromisoformat(f"{ago(4)}T13:52:15")
    assert snapshot["fetched_at"] == datetime.fromisoformat(f"{ago(3)}T01:00:00")
    assert snapshot["chart_size"] == snapshot["listed"] == 50


def test_lists_of_markdown_become_rows_too(github, platform):
    path = "playlists/pretty/Top 50 - Japan.md"
    github.record(FIRST_REPOSITORY, "2021-03-27T10:00:00Z", make_list(range(50)), path=path)
    assert platform.run_daily(date(2021, 3, 27)).success
    songs = platform.rows("songs", date(2021, 3, 27))
    assert [(row["song_name"], row["url"]) for row in songs] == [(song["name"], song["url"]) for song in SONGS]
    # Minutes and seconds are no duration in milliseconds.
    assert {row["duration_ms"] for row in songs} == {None}


def test_a_carried_on_list_is_unchanged_and_then_stale(github, platform):
    listed = make_list(range(50), renewed=f"{ago(9)} 13:52:15")
    for days in range(8, 2, -1):
        github.record(REPOSITORY, f"{ago(days)}T01:00:00Z", listed | {"num_followers": days})
    assert platform.run_daily(ago(8), ago(3)).success
    result = platform.publish()
    assert result.success
    (check,) = [
        evaluation for evaluation in result.get_asset_check_evaluations() if evaluation.check_name == "source_not_stale"
    ]
    assert not check.passed
    assert str(ago(3)) in str(check.metadata["findings"].value)


def test_a_short_list_fails_a_check_that_names_the_day(github, platform):
    github.record(REPOSITORY, f"{ago(4)}T01:00:00Z", make_list(range(50)))
    github.record(REPOSITORY, f"{ago(3)}T01:00:00Z", make_list(range(48)))
    result = platform.run_daily(ago(4), ago(3))
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "chart_complete"]
    assert not check.passed
    assert str(ago(3)) in check.metadata["findings"].value
    assert str(ago(4)) not in check.metadata["findings"].value
    assert "not certain" in check.metadata["findings"].value


def test_a_day_without_a_commit_is_refused_with_that_reason(github, platform):
    record_days(github, ago(9), ago(7))
    record_days(github, ago(5), ago(3))
    result = platform.run_daily(ago(9), ago(3))
    (failure,) = failures_of(result)
    assert str(ago(6)) in failure
    assert "the archive recorded no list of the playlist on these days" in failure
    assert materialized(platform.instance) == set()


def test_today_before_its_list_is_no_failure(github, platform, instance):
    record_days(github, ago(3), ago(1))
    assert platform.run_daily().success
    assert materialized(instance, "raw_playlist") == set()
    github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
    assert platform.run_daily().success
    assert materialized(instance) == {str(TODAY)}


def test_what_is_stored_is_never_fetched_again(github, platform):
    record_days(github, ago(5), ago(2))
    assert platform.run_daily(ago(5), ago(2)).success
    before = platform.objects("songs/")
    github.requests.clear()
    assert platform.run_daily(ago(5), ago(2)).success
    assert github.requests == []
    assert platform.objects("songs/") == before


class TestCompletion:
    @pytest.fixture
    def spotify(self):
        with SpotifyServer() as server:
            # The stand-in of GitHub lists songs whose ids are made of the same numbers.
            server.add_tracks([make_track(number) for number in range(60)])
            yield server

    def platform(self, github, spotify, tmp_path, instance):
        return Platform({**archive_environment(github, tmp_path), **spotify.environment()}, instance)

    def test_what_the_archive_lacks_comes_from_spotify(self, github, spotify, tmp_path, instance):
        record_days(github, ago(4), ago(3))
        github.record(REPOSITORY, f"{ago(2)}T01:00:00Z", make_list(range(50)))
        with self.platform(github, spotify, tmp_path, instance) as platform:
            assert platform.run_daily(ago(2)).success
            songs = platform.rows("songs", ago(2))
        assert [row["song_name"] for row in songs] == [make_track(number)["name"] for number in range(50)]
        assert [row["isrc"] for row in songs] == [make_track(number)["external_ids"]["isrc"] for number in range(50)]
        assert [row["position"] for row in songs] == list(range(1, 51))
        assert spotify.count("GET /v1/tracks") == 1

    def test_stored_lists_are_completed_once_there_is_an_app(self, github, spotify, tmp_path, instance, platform):
        github.record(REPOSITORY, f"{ago(2)}T01:00:00Z", make_list(range(50)))
        assert platform.run_daily(ago(2)).success
        github.requests.clear()
        with self.platform(github, spotify, tmp_path, instance) as completing:
            for _ in range(2):
                assert completing.run_daily(ago(2)).success
                assert all(row["isrc"] for row in completing.rows("songs", ago(2)))
        assert github.calls("raw") == []
        assert spotify.count("GET /v1/tracks") == 1

    def test_a_refusing_spotify_costs_no_list(self, github, spotify, tmp_path, instance):
        spotify.refuse_next("GET /v1/tracks", 403, "Forbidden", times=99)
        github.record(REPOSITORY, f"{ago(2)}T01:00:00Z", make_list(range(50)))
        with self.platform(github, spotify, tmp_path, instance) as platform:
            assert platform.run_daily(ago(2)).success
            assert [row["song_name"] for row in platform.rows("songs", ago(2))] == [song["name"] for song in SONGS]


class Watch:
    """The sensor with its cursor."""

    def __init__(self, platform):
        self.platform = platform
        self.cursor = None

    def tick(self):
        definitions = self.platform.definitions
        with dg.build_sensor_context(
            instance=self.platform.instance,
            definitions=definitions,
            cursor=self.cursor,
            resources=definitions.get_repository_def().get_top_level_resources(),
        ) as context:
            data = definitions.resolve_sensor_def("archive_sensor").evaluate_tick(context)
        self.cursor = data.cursor
        return data

    def run(self, request):
        """Execute a run that was requested."""
        return self.platform.definitions.resolve_job_def("daily_playlist_job").execute_in_process(
            instance=self.platform.instance,
            asset_selection=list(request.asset_selection),
            partition_key=request.partition_key,
            tags=request.tags,
            raise_on_error=False,
        )


@pytest.fixture
def watch(platform, monkeypatch):
    monkeypatch.setattr(archived_days, "FIRST_HOUR", 0)
    return Watch(platform)


class TestLimits:
    def test_a_limit_keeps_what_was_fetched_and_the_sensor_goes_on_after_it(self, github, platform, watch):
        record_days(github, ago(12), ago(1))
        github.files_left = 8
        github.reset_in = 600
        result = platform.run_daily(ago(12), ago(1))
        (failure,) = failures_of(result)
        assert "asks to be left alone until" in failure
        kept = stored_days(platform)
        assert 3 <= len(kept) <= 8
        requests = [request for request in watch.tick().run_requests if "after" in request.run_key]
        assert requests == []

        run = platform.instance.get_run_by_id(result.run_id)
        (tag,) = [name for name in run.tags if name.startswith("spotify_assets.go_on_after/")]
        platform.instance.add_run_tags(result.run_id, {tag: datetime.now(UTC).isoformat()})
        github.files_left = None
        github.requests.clear()
        (request,) = [request for request in watch.tick().run_requests if "after" in request.run_key]
        assert watch.run(request).success
        assert materialized(platform.instance) == {str(ago(days)) for days in range(12, 0, -1)}
        assert len(github.calls("raw")) == 12 - len(kept)

    def test_an_end_of_a_clock_that_was_ahead_is_not_waited_for(self, github, platform, watch):
        record_days(github, ago(2), ago(1))
        github.calls_left = 0
        cut_off = platform.run_daily(ago(2))
        ahead = datetime.now(UTC) + timedelta(days=400)
        slug = platform.settings.playlists[0].slug
        platform.instance.add_run_tags(cut_off.run_id, {f"{GO_ON_TAG}/{slug}": ahead.isoformat()})
        watch.cursor = json.dumps({"first": 0, "closed_until": ahead.timestamp()})
        github.calls_left = None
        watch.tick()
        assert github.calls()
        (request,) = [request for request in watch.tick().run_requests if "after" in request.run_key]
        assert request.tags[RANGE_START_TAG] == str(ago(2))

    def test_a_limit_on_the_list_of_commits_is_named(self, github, platform):
        github.calls_left = 0
        (failure,) = failures_of(platform.run_daily(ago(2)))
        assert "GitHub's rate limit is reached" in failure
        assert "GITHUB_TOKEN" in failure


class TestSensor:
    def test_each_new_day_becomes_a_run_and_then_nothing_is_asked(self, github, platform, watch):
        record_days(github, ago(5), ago(3))
        platform.run_daily(ago(5), ago(3))
        record_days(github, ago(2), ago(1))
        github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
        requests = watch.tick().run_requests
        assert [request.partition_key for request in requests] == [str(ago(2)), str(ago(1)), str(TODAY)]
        for request in requests:
            assert watch.run(request).success
        github.requests.clear()
        assert f"the list of {TODAY} is stored" in watch.tick().skip_message
        assert github.requests == []

    def test_a_day_whose_run_failed_comes_with_a_later_one(self, github, platform, watch):
        record_days(github, ago(5), ago(1))
        assert platform.run_daily(ago(5), ago(3)).success
        github.fail("^/raw/", status=404)
        assert not platform.run_daily(ago(2)).success
        github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
        assert platform.run_daily(ago(1), TODAY).success
        (request,) = watch.tick().run_requests
        assert request.partition_key == str(ago(2))
        assert watch.run(request).success
        assert f"the list of {TODAY} is stored" in watch.tick().skip_message

    def test_it_does_not_ask_for_days_that_were_removed(self, github, platform, watch):
        record_days(github, ago(5), ago(2))
        platform.run_daily(ago(5), ago(2))
        slug = platform.settings.playlists[0].slug
        remove(platform.store, None, "", slug, find_old(platform.store, None, "", [slug], ago(2))[slug])
        assert list(RawLayer(platform.store).files(slug).by_day) == [ago(2)]
        record_days(github, ago(1), ago(1))
        assert [request.partition_key for request in watch.tick().run_requests] == [str(ago(1))]
        remove(platform.store, None, "", slug, find_old(platform.store, None, "", [slug], TODAY)[slug])
        assert not [request for request in watch.tick().run_requests if request.partition_key < str(TODAY)]

    def test_it_says_what_it_waits_for(self, github, platform, watch):
        record_days(github, ago(5), ago(1))
        platform.run_daily(ago(5), ago(1))
        message = watch.tick().skip_message
        assert f"no list of {TODAY} yet" in message
        assert str(ago(1)) in message

    def test_a_new_day_costs_at_most_three_calls(self, github, platform, watch):
        record_days(github, ago(5), ago(1))
        platform.run_daily(ago(5), ago(1))
        github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
        github.requests.clear()
        (request,) = watch.tick().run_requests
        assert watch.run(request).success
        assert (len(github.calls()), len(github.calls("raw"))) == (1, 1)

    def test_after_a_limit_it_asks_nothing_until_its_end(self, github, platform, watch):
        github.calls_left = 0
        assert "rate limit is reached" in watch.tick().skip_message
        github.requests.clear()
        assert "left alone until" in watch.tick().skip_message
        assert github.requests == []
        assert json.loads(watch.cursor)["closed_until"] > datetime.now(UTC).timestamp()

    def test_it_asks_nothing_before_the_archive_begins(self, github, watch, monkeypatch):
        monkeypatch.setattr(archived_days, "FIRST_HOUR", 24)
        assert "begins its work" in watch.tick().skip_message
        assert github.requests == []

    def test_many_playlists_are_asked_for_in_turns(self, github, tmp_path, instance, monkeypatch):
        monkeypatch.setattr(archived_days, "FIRST_HOUR", 0)
        environment = archive_environment(github, tmp_path)
        entries = [f"{{slug: p{n}, title: P, source: archive, playlist_id: '{n:022d}'}}" for n in range(8)]
        (tmp_path / "playlists.yaml").write_text(f"start: 2026-01-01\nplaylists: [{', '.join(entries)}]\n")
        with Platform(environment, instance) as platform:
            watch = Watch(platform)
            asked = []
            for _ in range(2):
                github.requests.clear()
                watch.tick()
                asked.append(
                    {request.query["path"] for request in github.calls() if request.query["path"][-4:] == "json"}
                )
        assert [len(paths) for paths in asked] == [4, 4]
        assert len(asked[0] | asked[1]) == 8

"""The seventeen ways in which the usual pipeline of this kind fails, each named after the way and ending well here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import pytest

from spotify_assets.analytics.compaction import compact, read_days
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.storage.daily_files import list_daily_files
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import (
    PLAYLIST_ID,
    SPOTIFY_OWNED_ID,
    SpotifyServer,
    make_album,
    make_artist,
    make_entries,
    make_entry,
    make_local_track,
    make_track,
)

pytestmark = pytest.mark.slow

# A few of the stand-in's tracks credit two or three artists.
COUNTS = {"songs": 50, "albums": 50, "artists": 50, "song_artists": 66, "snapshots": 1, "rejects": 0}


@pytest.fixture
def server():
    with SpotifyServer() as running:
        yield running


@pytest.fixture
def platform(server, instance, tmp_path):
    return Platform(spotify_environment(server, tmp_path), instance)


def run_with(platform, server, entries, **how):
    server.add_playlist(PLAYLIST_ID, entries, **how)
    result = platform.run_daily()
    assert result.success, failures_of(result)
    return platform.rows("songs")


def entry_of(**changes):
    return make_entry(make_track(1, **changes))


def test_50_tracks_one_run_keep_rank_playlist_and_day(platform, server):
    songs = run_with(platform, server, make_entries(50))
    assert [song["position"] for song in songs] == list(range(1, 51))
    today = today_in_japan()
    assert platform.store.list_keys("songs/") == [f"songs/playlist=chart/snapshot_date={today}/part-0.parquet"]
    assert {table: len(platform.rows(table)) for table in COUNTS} == COUNTS


def test_the_useless_call_is_not_made(platform, server):
    run_with(platform, server, make_entries(50))
    asked = [request for request in server.requests if request.path != f"/v1/playlists/{PLAYLIST_ID}"]
    assert len({(request.path, str(request.query)) for request in asked}) == len(asked)
    # Token, playlist before and after, one page, three batches of 20 albums, one of 50 artists.
    assert len(server.requests) == 8


def test_a_250_track_playlist_loses_nothing(platform, server):
    songs = run_with(platform, server, make_entries(250))
    assert [song["position"] for song in songs] == list(range(1, 251))
    assert len({song["song_id"] for song in songs}) == 250


def test_collaboration_and_compilation_keep_every_credit_and_no_orphan(platform, server):
    various = make_artist(99, name="Various Artists")
    artists = [make_artist(number) for number in (1, 2, 3)]
    run_with(platform, server, [entry_of(artists=artists, album=make_album(1, [various], album_type="compilation"))])
    credited = platform.rows("song_artists")
    assert [row["artist_id"] for row in credited] == [artist["id"] for artist in artists]
    known = {row["artist_key"]: row["credited_on_track"] for row in platform.rows("artists")}
    assert known == {artist["id"]: True for artist in artists} | {various["id"]: False}
    assert {row["url"] for row in platform.rows("artists")} == {
        artist["external_urls"]["spotify"] for artist in [*artists, various]
    }


def test_two_days_of_an_unchanged_chart_are_told_apart(platform, server):
    run_with(platform, server, make_entries(50))
    raw = RawLayer(platform.store)
    today = raw.read_nearest(raw.files("chart"), date.max)
    yesterday = today.snapshot_date - timedelta(days=1)
    earlier = today.fetched_at - timedelta(days=1)
    raw.append("chart", [replace(today, snapshot_date=yesterday, fetched_at=earlier)])
    assert platform.run_daily(yesterday, today.snapshot_date).success
    assert [len(platform.rows("songs", day)) for day in (yesterday, today.snapshot_date)] == [50, 50]
    days = read_days(platform.store, compact(platform.store, list_daily_files(platform.store)).years)["chart"]
    assert list(days["unchanged"]) == [False, True]
    assert list(days["edition"]) == [yesterday, yesterday]


def test_a_null_track_is_named_and_poisons_nothing(platform, server):
    entries = make_entries(3)
    songs = run_with(platform, server, [entries[0], {**entries[1], "track": None}, entries[2]])
    assert [song["position"] for song in songs] == [1, 3]
    assert [(row["position"], row["kind"]) for row in platform.rows("rejects")] == [(2, "null")]
    assert len(run_with(platform, server, entries, snapshot_id="snapshot-2")) == 3
    assert platform.rows("rejects") == []


def test_a_local_file_stays_at_its_position(platform, server):
    local = {**make_entry(make_local_track(7)), "is_local": True}
    songs = run_with(platform, server, [*make_entries(1), local])
    assert [(song["position"], song["row_status"], song["song_id"] is None) for song in songs] == [
        (1, "ok", False),
        (2, "local", True),
    ]


def test_a_release_date_of_a_year_or_a_month_is_an_interval(platform, server):
    albums = [
        make_album(1, release_date="1999", release_date_precision="year"),
        make_album(2, release_date="1999-07", release_date_precision="month"),
    ]
    songs = run_with(platform, server, [make_entry(make_track(number, album=albums[number - 1])) for number in (1, 2)])
    assert [
        (song["release_date_text"], str(song["release_date_from"]), str(song["release_date_to"])) for song in songs
    ] == [
        ("1999", "1999-01-01", "1999-12-31"),
        ("1999-07", "1999-07-01", "1999-07-31"),
    ]


def test_the_same_track_twice_keeps_both_positions(platform, server):
    songs = run_with(platform, server, [*make_entries(2), *make_entries(1)])
    assert [song["position"] for song in songs] == [1, 2, 3]
    assert songs[0]["song_id"] == songs[2]["song_id"]


def test_comma_quote_and_newline_in_a_title_are_one_title(platform, server):
    title = 'A, "B"\nand C'
    songs = run_with(platform, server, [entry_of(name=title)])
    assert [song["song_name"] for song in songs] == [title]


def test_nothing_to_transform_is_said(platform):
    keys = [dg.AssetKey(["chart", "songs"])]
    job = platform.definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=platform.instance, asset_selection=keys, partition_key="2026-11-01", raise_on_error=False
    )
    assert not result.success
    (message,) = failures_of(result)
    assert "nothing is stored for 2026-11-01" in message
    assert "What to do: materialize raw_playlist" in message


def test_an_empty_playlist_is_an_empty_day_and_a_failed_check(platform, server):
    server.add_playlist(PLAYLIST_ID, [])
    result = platform.run_daily()
    assert result.success
    assert {table: len(platform.rows(table)) for table in COUNTS} == dict.fromkeys(COUNTS, 0) | {"snapshots": 1}
    failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    assert failed == ["positions_complete"]


def test_a_spotify_owned_playlist_is_refused_with_the_reason(server, instance, tmp_path):
    environment = spotify_environment(server, tmp_path)
    playlists = tmp_path / "playlists.yaml"
    playlists.write_text(playlists.read_text().replace(PLAYLIST_ID, SPOTIFY_OWNED_ID))
    result = Platform(environment, instance).run_daily()
    assert not result.success
    (message,) = failures_of(result)
    assert "2024-11-27" in message
    assert "What to do" in message


def test_a_development_mode_app_reads_its_users_own_playlist(instance, tmp_path):
    with SpotifyServer(mode="development") as server:
        server.add_playlist(PLAYLIST_ID, make_entries(50), owned=True)
        platform = Platform(spotify_environment(server, tmp_path, user=True), instance)
        assert platform.run_daily().success
    assert {table: len(platform.rows(table)) for table in COUNTS} == COUNTS
    assert platform.rows("snapshots")[0]["quota_mode"] == "development"


def test_a_development_mode_app_is_told_why_it_may_not_read_other_playlists(instance, tmp_path):
    with SpotifyServer(mode="development") as server:
        server.add_playlist(PLAYLIST_ID, make_entries(50), owned=False)
        platform = Platform(spotify_environment(server, tmp_path, user=True), instance)
        result = platform.run_daily()
    assert not result.success
    (message,) = failures_of(result)
    assert "2026-02-11" in message
    assert platform.store.list_keys("songs/") == []


def test_popularity_removed_is_null_and_counted(instance, tmp_path):
    with SpotifyServer(mode="development") as server:
        server.add_playlist(PLAYLIST_ID, make_entries(2))
        platform = Platform(spotify_environment(server, tmp_path, user=True), instance)
        assert platform.run_daily().success
    assert [song["popularity"] for song in platform.rows("songs")] == [None, None]
    assert platform.rows("snapshots")[0]["coverage_songs_popularity"] == 0


@pytest.mark.parametrize("entry_shape", ["item", "both"])
def test_track_renamed_item_gives_the_same_songs(instance, tmp_path, entry_shape):
    with SpotifyServer(entry_shape=entry_shape) as server:
        server.add_playlist(PLAYLIST_ID, make_entries(50))
        platform = Platform(spotify_environment(server, tmp_path), instance)
        assert platform.run_daily().success
    songs = platform.rows("songs")
    assert [song["song_name"] for song in songs] == [make_track(number)["name"] for number in range(1, 51)]


def test_a_run_that_dies_between_two_writes_doubles_nothing(platform, server, monkeypatch):
    server.add_playlist(PLAYLIST_ID, make_entries(50))
    with monkeypatch.context() as patch:
        patch.setattr(
            "spotify_assets.storage.parquet.write_all", lambda *_: (_ for _ in ()).throw(TimeoutError("died"))
        )
        assert not platform.run_daily().success
    assert len(platform.store.list_keys("raw_playlist/")) == 1
    assert platform.store.list_keys("songs/") == []
    assert platform.run_daily().success
    assert len(platform.store.list_keys("raw_playlist/")) == 1
    assert {table: len(platform.rows(table)) for table in COUNTS} == COUNTS

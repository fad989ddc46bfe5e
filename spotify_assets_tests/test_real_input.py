"""Real answers of Spotify through the daily job: what users get when they point the platform at their app."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer

pytestmark = pytest.mark.slow

DAY = "2023-06-14"


def top_50_japan():
    return json.loads((REAL_DATA / f"api/jp_top50_daily_{DAY}.wrapped.json").read_text(encoding="utf-8"))[DAY][0]


def titles_in_the_chart_file():
    path = REAL_DATA / "charts/anxods_jp_top50_daily_2023-05_2024-11.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["date"] == DAY]
    return [row["song"] for row in sorted(rows, key=lambda row: int(row["position"]))]


@requires_real_data
@pytest.mark.parametrize(("entry_shape", "page_size"), [("track", 1), ("item", 20), ("both", 50)])
def test_top_50_japan_agrees_with_the_chart_file_50_of_50(instance, tmp_path, entry_shape, page_size):
    entries = top_50_japan()
    with SpotifyServer(entry_shape=entry_shape, page_size=page_size) as server:
        server.add_playlist(PLAYLIST_ID, entries)
        platform = Platform(spotify_environment(server, tmp_path), instance)
        assert platform.run_daily().success
    songs = platform.rows("songs")
    assert [song["position"] for song in songs] == list(range(1, 51))
    assert [song["song_name"] for song in songs] == titles_in_the_chart_file()
    credits_received = [
        (position, artist["id"], artist["name"])
        for position, entry in enumerate(entries, 1)
        for artist in entry["track"]["artists"]
    ]
    credits_stored = [(row["position"], row["artist_id"], row["artist_name"]) for row in platform.rows("song_artists")]
    assert credits_stored == credits_received
    assert platform.rows("rejects") == []
    assert platform.rows("snapshots")[0]["api_shape"] == entry_shape


@requires_real_data
def test_250_real_tracks_keep_their_order(instance, tmp_path):
    entries = top_50_japan() * 5
    with SpotifyServer() as server:
        server.add_playlist(PLAYLIST_ID, entries)
        platform = Platform(spotify_environment(server, tmp_path), instance)
        assert platform.run_daily().success
    songs = platform.rows("songs")
    assert [song["position"] for song in songs] == list(range(1, 251))
    assert [song["song_id"] for song in songs] == [entry["track"]["id"] for entry in entries]

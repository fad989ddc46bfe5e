"""Track objects of chart rows: which ids Spotify is asked for, what a snapshot gets, and what the tables say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from spotify_assets.assets.raw_playlist import SPOTIFY_POOL
from spotify_assets.cli.runs import run_range
from spotify_assets.definitions import build_definitions
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.resources import Sources, build_lake
from spotify_assets.settings import load_settings
from spotify_assets.snapshot import CHARTS, CatalogObject, Entry, PlaylistSnapshot
from spotify_assets.sources.charts.chart_tracks import track_ids
from spotify_assets.storage.raw_format import content_digest, decode, encode
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.stand_ins.spotify import (
    PLAYLIST_ID,
    SpotifyServer,
    make_album,
    make_artist,
    make_entries,
    make_id,
    make_track,
)

FIRST = date(2026, 3, 1)
HEADER = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams"
PLAYLISTS = """
start: 2025-01-01
playlists:
  - {slug: daily, title: Daily, source: charts, chart: regional-jp-daily}
  - {slug: weekly, title: Weekly, source: charts, cadence: weekly, chart: regional-jp-weekly}
  - {slug: world, title: World, source: charts, chart: regional-global-daily}
"""
WITH_SPOTIFY = PLAYLISTS + f"  - {{slug: live, title: Live, source: spotify, playlist_id: {PLAYLIST_ID}, market: JP}}\n"


def row(position, number, artists=None):
    """A row of the present format; its artists are in one string, as the site writes them."""
    names = artists or ", ".join(artist["name"] for artist in make_track(number)["artists"])
    uri = f"spotify:track:{make_id('track', number)}"
    return f'{position},{uri},"{names}","File title {number}","Label, A",1,2,9,"{number}000"'


def days(count):
    return [FIRST + timedelta(days=number) for number in range(count)]


class Charts:
    """A lake with chart files, and the sources of one run after the other."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment

    def land(self, day, numbers, chart="regional-jp-daily"):
        rows = [row(position, number) for position, number in enumerate(numbers, 1)]
        self.land_rows(day, rows, chart)

    def land_rows(self, day, rows, chart="regional-jp-daily"):
        path = self.folder / "lake" / "landing" / "charts" / f"{chart}-{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = HEADER.replace("days", "weeks") if chart.endswith("weekly") else HEADER
        path.write_text("\ufeff" + "\n".join([header, *rows]) + "\n", encoding="utf-8")

    def settings(self, playlists=PLAYLISTS, **variables):
        file = self.folder / "playlists.yaml"
        file.write_text(playlists, encoding="utf-8")
        paths = {"SPOTIFY_ASSETS_PLAYLISTS": str(file), "SPOTIFY_ASSETS_LAKE": str(self.folder / "lake")}
        return load_settings(self.environment | paths | variables)

    def sources(self, **variables):
        settings = self.settings(**variables)
        return Sources(settings, build_lake(settings.lake)), {one.slug: one for one in settings.playlists}

    def fetch(self, wanted, previous=None, slug="daily", **variables):
        """What one run gets of these days."""
        sources, playlists = self.sources(**variables)
        return fetch_from(sources, playlists[slug], wanted, previous)


def raw_key(slug):
    return dg.AssetKey([slug, "raw_playlist"])


def fetch_from(sources, playlist, wanted, previous=None):
    source = sources.source_of(playlist)
    assert source.days_on_offer(playlist, wanted, {}) == set(wanted)
    return [source.fetch(playlist, day, previous, may_retry=True) for day in wanted]


def songs_of(snapshot):
    return daily_tables([snapshot], "daily")["songs"].to_dict(orient="records")


def numbers_of(snapshot):
    return {number for number in range(1000) if make_id("track", number) in snapshot.tracks}


@pytest.fixture
def server():
    with SpotifyServer() as running:
        running.add_tracks(make_track(number) for number in range(1, 400))
        yield running


@pytest.fixture
def charts(server, tmp_path):
    return Charts(tmp_path, server.environment())


class TestWhatTheTablesSay:
    def test_without_credentials_only_what_the_file_says(self, server, tmp_path):
        charts = Charts(tmp_path, {"SPOTIFY_API_URL": f"{server.url}/v1/"})
        charts.land(FIRST, [3, 1])
        (snapshot,) = charts.fetch([FIRST])
        assert snapshot.tracks == {}
        assert (snapshot.quota_mode, snapshot.language, snapshot.notes) == (None, None, ())
        assert server.requests == []
        assert not charts.sources()[0].source_of(charts.settings().playlists[0]).wants_previous
        song = songs_of(snapshot)[0]
        assert song["artist_names"] == [", ".join(artist["name"] for artist in make_track(3)["artists"])]
        assert (song["isrc"], song["album_id"], song["duration_ms"]) == (None, None, None)

    def test_with_credentials_what_spotify_says_of_the_tracks(self, charts):
        charts.land(FIRST, [3, 1])
        (snapshot,) = charts.fetch([FIRST])
        assert (snapshot.quota_mode, snapshot.language, snapshot.notes) == ("extended", "ja", ())
        song = songs_of(snapshot)[0]
        track = make_track(3)
        assert song["isrc"] == track["external_ids"]["isrc"]
        assert song["album_id"] == track["album"]["id"]
        assert song["release_date_text"] == track["album"]["release_date"]
        assert song["duration_ms"] == track["duration_ms"]
        assert song["artist_names"] == [artist["name"] for artist in track["artists"]]
        assert song["label"] == "Label, A"

    def test_position_streams_and_official_figures_are_the_files(self, server, charts, tmp_path):
        charts.land(FIRST, [7, 3, 1])
        enriched = songs_of(charts.fetch([FIRST])[0])
        bare = songs_of(Charts(tmp_path, {}).fetch([FIRST])[0])
        kept = (
            "position",
            "row_status",
            "song_id",
            "streams",
            "popularity",
            *[key for key in bare[0] if "official" in key],
        )
        assert [[song[key] for key in kept] for song in enriched] == [[song[key] for key in kept] for song in bare]
        assert [song["streams"] for song in enriched] == [7000, 3000, 1000]

    def test_the_chart_is_the_same_edition_with_and_without(self, charts, tmp_path):
        charts.land(FIRST, [2, 1])
        hashes = [
            daily_tables(which.fetch([FIRST]), "daily")["snapshots"]["content_hash"][0]
            for which in (charts, Charts(tmp_path, {}))
        ]
        assert hashes[0] == hashes[1]

    def test_albums_and_artists_are_not_asked_for_and_have_no_share(self, server, charts):
        charts.land(FIRST, [2, 1])
        (snapshot,) = charts.fetch([FIRST])
        assert server.count("albums") == server.count("artists") == 0
        totals = daily_tables([snapshot], "daily")["snapshots"].iloc[0]
        assert totals["coverage_album_objects"] is None
        assert totals["coverage_artist_objects"] is None
        assert totals["coverage_songs_isrc"] == 1

    @pytest.mark.parametrize(
        "artists", [[], [{"name": "A", "id": None}, {"name": "B", "id": "1"}], [{"name": "", "id": "1"}], None]
    )
    def test_names_are_split_only_by_ids(self, server, charts, artists):
        server.tracks[make_id("track", 1)] = make_track(1) | {"artists": artists}
        charts.land_rows(FIRST, [row(1, 1, artists="Hoshi, Yoru & Co")])
        (song,) = songs_of(charts.fetch([FIRST])[0])
        assert song["artist_names"] == ["Hoshi, Yoru & Co"]
        assert song["isrc"] is not None

    def test_what_says_nothing_hides_nothing(self, server, charts):
        withdrawn = make_track(1) | {"name": "", "duration_ms": None, "album": make_album(1, name="", images=[])}
        server.tracks[make_id("track", 1)] = withdrawn
        charts.land(FIRST, [1])
        (song,) = songs_of(charts.fetch([FIRST])[0])
        assert (song["song_name"], song["row_status"]) == ("File title 1", "ok")
        assert (song["album_id"], song["album_name"]) == (make_id("album", 1), None)

    @pytest.mark.parametrize("mode", ["extended", "development"])
    def test_a_replaced_track_keeps_the_files_id(self, mode, tmp_path):
        with SpotifyServer(mode=mode) as server:
            server.add_tracks([make_track(2)])
            server.replace_track(make_track(1), by=make_track(9))
            charts = Charts(tmp_path, server.environment())
            charts.land(FIRST, [1, 2])
            (snapshot,) = charts.fetch([FIRST])
        song, other = songs_of(snapshot)
        assert song["song_id"] == make_id("track", 1)
        assert song["isrc"] == make_track(9)["external_ids"]["isrc"]
        assert song["lead_artist_id"] == make_id("artist", 9)
        assert song["album_id"] == make_id("album", 9)
        assert song["url"] is None
        assert other["url"] == make_track(2)["external_urls"]["spotify"]

    def test_rows_without_an_id_and_odd_ids_are_not_asked_for(self, server, charts):
        odd = (
            row(2, 2).replace(make_id("track", 2), "short"),
            row(3, 3).replace(f"spotify:track:{make_id('track', 3)}", ""),
        )
        charts.land_rows(FIRST, [row(1, 1), *odd])
        (snapshot,) = charts.fetch([FIRST])
        assert [request.query["ids"] for request in server.requests if "ids" in request.query] == [make_id("track", 1)]
        assert [song["song_name"] for song in songs_of(snapshot)] == [
            make_track(1)["name"],
            "File title 2",
            "File title 3",
        ]

    def test_a_file_of_odd_ids_only_asks_nothing(self, server, charts):
        charts.land_rows(FIRST, [row(1, 1).replace(make_id("track", 1), "short")])
        (snapshot,) = charts.fetch([FIRST])
        assert server.requests == []
        assert snapshot.notes == ()


class TestCalls:
    def asked(self, server):
        batches = [request.query["ids"].split(",") for request in server.requests if "ids" in request.query]
        single = [request.path.rsplit("/", 1)[-1] for request in server.requests if "/tracks/track" in request.path]
        return [one for batch in batches for one in batch] + single

    def test_a_hundred_days_of_the_same_songs_ask_once(self, server, charts):
        for day in days(100):
            charts.land(day, range(1, 51))
        snapshots = charts.fetch(days(100))
        assert server.count("tracks") == 1
        assert all(numbers_of(snapshot) == set(range(1, 51)) for snapshot in snapshots)
        assert {found.carried_from for found in snapshots[0].tracks.values()} == {None}
        assert {found.carried_from for found in snapshots[99].tracks.values()} == {FIRST}

    def test_songs_of_later_days_fill_up_the_batches(self, server, charts):
        for number, day in enumerate(days(60)):
            charts.land(day, [number + 1, number + 2])
        snapshots = charts.fetch(days(60))
        assert server.count("tracks") == 2
        assert len(self.asked(server)) == len(set(self.asked(server))) == 61
        assert [numbers_of(snapshot) for snapshot in snapshots[:2]] == [{1, 2}, {2, 3}]
        assert [found.carried_from for found in snapshots[1].tracks.values()] == [FIRST, None]

    def test_batches_of_50_in_the_market_of_the_chart(self, server, charts):
        charts.land(FIRST, range(1, 201))
        charts.land(FIRST, range(1, 3), chart="regional-global-daily")
        charts.fetch([FIRST])
        charts.fetch([FIRST], slug="world")
        batches = [request.query for request in server.requests if "ids" in request.query]
        assert [len(query["ids"].split(",")) for query in batches] == [50, 50, 50, 50, 2]
        assert [query.get("market") for query in batches] == ["JP", "JP", "JP", "JP", None]

    def test_ids_known_from_an_earlier_snapshot_are_not_asked_for(self, server, charts):
        charts.land(FIRST, [1, 2])
        charts.land(FIRST + timedelta(days=1), [2, 3])
        charts.land(FIRST - timedelta(days=1), [3, 4])
        (first,) = charts.fetch([FIRST])
        (second,) = charts.fetch([FIRST + timedelta(days=1)], first)
        (third,) = charts.fetch([FIRST - timedelta(days=1)], second)
        assert self.asked(server) == [make_id("track", number) for number in (1, 2, 3, 4)]
        assert second.tracks[make_id("track", 2)].carried_from == FIRST
        assert third.tracks[make_id("track", 3)].carried_from == FIRST + timedelta(days=1)
        assert third.notes == ("1 of 2 tracks were carried over from earlier snapshots.",)

    def test_carrying_over_again_keeps_the_first_day(self, charts):
        charts.land(FIRST, [1])
        long_ago = date(2026, 1, 1)
        (snapshot,) = charts.fetch([FIRST])
        known = {make_id("track", 1): CatalogObject({"id": make_id("track", 1)}, long_ago)}
        (again,) = charts.fetch([FIRST], replace(snapshot, tracks=known))
        assert again.tracks == known

    def test_all_playlists_of_a_run_share_what_is_known_and_the_budget(self, server, charts):
        thursday = date(2026, 3, 5)
        charts.land(thursday, [1, 2])
        charts.land(thursday, [2, 3], chart="regional-jp-weekly")
        server.add_playlist(PLAYLIST_ID, make_entries(1))
        sources, playlists = charts.sources(playlists=WITH_SPOTIFY, SPOTIFY_CALL_BUDGET="4")
        fetch_from(sources, playlists["daily"], [thursday])
        fetch_from(sources, playlists["weekly"], [thursday])
        live = sources.source_of(playlists["live"]).fetch(playlists["live"], thursday, None, may_retry=False)
        assert self.asked(server) == [make_id("track", number) for number in (1, 2, 3)]
        assert server.count("token") == 1
        assert "call budget of 4" in live.notes[0]

    def test_what_a_playlist_has_stored_goes_before_what_others_learnt(self, server, charts):
        thursday = date(2026, 3, 5)
        charts.land(thursday, [1, 500])
        charts.land(thursday, [1, 500], chart="regional-jp-weekly")
        sources, playlists = charts.sources()
        fetch_from(sources, playlists["daily"], [thursday])
        known = {make_id("track", number): CatalogObject({"id": make_id("track", number)}) for number in (1, 500)}
        previous = PlaylistSnapshot("weekly", thursday, CHARTS, datetime(2026, 3, 7, tzinfo=UTC), (), tracks=known)
        (weekly,) = fetch_from(sources, playlists["weekly"], [thursday], previous)
        assert {one: found.payload for one, found in weekly.tracks.items()} == {one: {"id": one} for one in known}
        assert weekly.notes == ("2 of 2 tracks were carried over from earlier snapshots.",)

    def test_objects_are_stored_without_markets_and_popularity(self, charts):
        charts.land(FIRST, [1])
        (snapshot,) = charts.fetch([FIRST])
        payload = snapshot.tracks[make_id("track", 1)].payload
        assert not {"available_markets", "popularity"} & (set(payload) | set(payload["album"]))
        assert payload["external_ids"] == make_track(1)["external_ids"]


class TestDevelopmentMode:
    @pytest.fixture
    def server(self):
        with SpotifyServer(mode="development") as running:
            running.add_tracks(make_track(number) for number in range(1, 10))
            yield running

    def test_one_by_one_and_each_once(self, server, charts):
        for day in days(3):
            charts.land(day, [1, 2, 3])
        snapshots = charts.fetch(days(3))
        assert server.count("/v1/tracks/$") == 1
        assert server.count("/v1/tracks/track") == 3
        assert [snapshot.quota_mode for snapshot in snapshots] == ["development"] * 3
        assert snapshots[0].notes == ()

    def test_the_budget_ends_it_and_the_notes_say_so(self, server, charts):
        for day in days(2):
            charts.land(day, [1, 2, 3, 4])
        first, second = charts.fetch(days(2), SPOTIFY_CALL_BUDGET="4")
        assert server.count() == 4
        for snapshot in (first, second):
            assert len(snapshot.entries) == 4
            assert numbers_of(snapshot) == {1, 2}
            assert any("call budget of 4" in note for note in snapshot.notes)
            assert "2 of 4 tracks were not fetched." in snapshot.notes

    def test_ids_that_spotify_does_not_have(self, server, charts):
        for day in days(2):
            charts.land(day, [1, 500])
        snapshots = charts.fetch(days(2))
        assert server.count(make_id("track", 500)) == 1
        for snapshot in snapshots:
            assert numbers_of(snapshot) == {1}
            assert "1 of 2 tracks were asked for, but Spotify gave nothing." in snapshot.notes

    def test_an_answer_of_another_form(self, server, charts):
        server.answer_next("GET /v1/tracks/track", body={"unexpected": True})
        charts.land(FIRST, [1, 2])
        (snapshot,) = charts.fetch([FIRST])
        assert numbers_of(snapshot) == {2}


class TestWhatGoesWrong:
    def test_ids_that_spotify_does_not_have(self, server, charts):
        for day in days(2):
            charts.land(day, [1, 500])
        snapshots = charts.fetch(days(2))
        assert server.count("tracks") == 1
        for snapshot in snapshots:
            assert numbers_of(snapshot) == {1}
            assert "1 of 2 tracks were asked for, but Spotify gave nothing." in snapshot.notes
            assert songs_of(snapshot)[1]["song_name"] == "File title 500"

    @pytest.mark.parametrize("seconds", [5, 7200])
    def test_a_rate_limit_ends_it_for_the_run(self, server, charts, seconds):
        server.answer_next("GET /v1/tracks", status=429, headers={"Retry-After": str(seconds)}, body={"error": {}})
        for day in days(3):
            charts.land(day, [1, 2])
        snapshots = charts.fetch(days(3))
        assert server.count("tracks") == 1
        for snapshot in snapshots:
            assert len(snapshot.entries) == 2
            assert snapshot.tracks == {}
            assert snapshot.notes[0].startswith("Fetching track objects of charts stopped: Spotify answered 429")
            assert snapshot.notes[1] == "2 of 2 tracks were not fetched."
            assert daily_tables([snapshot], "daily")["snapshots"]["coverage_songs_isrc"][0] == 0

    def test_what_was_fetched_before_stays(self, server, charts):
        server.answer_next(
            f"ids={make_id('track', 51)}", status=429, headers={"Retry-After": "7200"}, body={"error": {}}
        )
        charts.land(FIRST, range(1, 101))
        (snapshot,) = charts.fetch([FIRST])
        assert numbers_of(snapshot) == set(range(1, 51))
        assert "50 of 100 tracks were not fetched." in snapshot.notes

    def test_known_ids_are_there_whatever_goes_wrong(self, server, charts):
        charts.land(FIRST, [1])
        charts.land(FIRST + timedelta(days=1), [1, 2])
        (first,) = charts.fetch([FIRST])
        server.refuse_next("GET /v1/tracks", 400, "no")
        (second,) = charts.fetch([FIRST + timedelta(days=1)], first)
        assert numbers_of(second) == {1}
        assert "400" in second.notes[0]

    @pytest.mark.parametrize("pattern", ["POST /api/token", "GET /v1/tracks"])
    def test_an_outage(self, server, charts, pattern, monkeypatch):
        monkeypatch.setattr("spotify_assets.resources._spotify_source", impatient)
        server.answer_next(pattern, status=503, times=6)
        charts.land(FIRST, [1, 2])
        (snapshot,) = charts.fetch([FIRST])
        assert (len(snapshot.entries), snapshot.tracks) == (2, {})
        assert "503" in snapshot.notes[0]

    def test_wrong_credentials(self, server, charts):
        charts.land(FIRST, [1, 2])
        (snapshot,) = charts.fetch([FIRST], SPOTIFY_CLIENT_SECRET="mistyped")
        assert (len(snapshot.entries), snapshot.tracks) == (2, {})
        assert "invalid_client" in snapshot.notes[0]

    def test_an_answer_of_another_form(self, server, charts):
        server.answer_next("GET /v1/tracks", body={"tracks": ["text", None, {"id": 7}, make_track(2)]})
        charts.land(FIRST, [1, 2])
        (snapshot,) = charts.fetch([FIRST])
        assert numbers_of(snapshot) == {2}


def impatient(settings):
    from spotify_assets.sources.spotify.spotify_source import SpotifySource

    return SpotifySource(settings.spotify, backoff_factor=0)


class TestStoring:
    def raw(self, charts):
        return RawLayer(build_lake(charts.settings().lake).store())

    def test_round_trip(self, charts):
        charts.land(FIRST, [1, 2])
        (snapshot,) = charts.fetch([FIRST])
        assert decode(encode(snapshot, content_digest(snapshot)), "here") == snapshot

    def test_a_new_file_only_if_something_was_learnt(self, server, charts, tmp_path):
        charts.land(FIRST, [1, 2])
        raw = self.raw(charts)
        (bare,) = Charts(tmp_path, {}).fetch([FIRST])
        assert raw.append("daily", [bare])[0].added
        server.answer_next("GET /v1/tracks", status=429, body={"error": {}})
        assert not raw.append("daily", charts.fetch([FIRST]))[0].added
        assert raw.append("daily", charts.fetch([FIRST]))[0].added
        # Popularity moves all the time, and is not stored: asking anew finds the same.
        server.add_tracks(make_track(number, popularity=number) for number in (1, 2))
        assert not raw.append("daily", charts.fetch([FIRST]))[0].added
        assert not raw.append("daily", charts.fetch([FIRST], raw.read_nearest(raw.files("daily"), date.max)))[0].added

    def test_a_run_carries_over_from_the_nearest_stored_day(self, server, charts, instance):
        settings = charts.settings()
        definitions = build_definitions(settings)
        for day, numbers in zip(days(4), ([1, 2], [2, 3], [3, 4], [4, 5]), strict=True):
            charts.land(day, numbers)
        for day in (days(4)[3], days(4)[0], days(4)[1], days(4)[0]):
            job = definitions.resolve_implicit_global_asset_job_def()
            result = job.execute_in_process(
                instance=instance, partition_key=str(day), asset_selection=[raw_key("daily")], raise_on_error=True
            )
            assert result.success
        asked = [request.query["ids"] for request in server.requests if "ids" in request.query]
        ids = [make_id("track", number) for number in range(6)]
        assert asked == [f"{ids[4]},{ids[5]}", f"{ids[1]},{ids[2]}", ids[3]]


@pytest.mark.slow
class TestStoredDays:
    """Days that were stored without their tracks are completed by the next run that may ask Spotify."""

    SONGS = ([1, 2, 3], [2, 3, 4], [3, 4, 500])

    @pytest.fixture
    def stored(self, charts, instance):
        for day, numbers in zip(days(3), self.SONGS, strict=True):
            charts.land(day, numbers)
        self.run(Charts(charts.folder, {}), instance)
        return RawLayer(build_lake(charts.settings().lake).store())

    @staticmethod
    def run(charts, instance, **variables):
        definitions = build_definitions(charts.settings(**variables))
        tables = [raw_key("daily"), dg.AssetKey(["daily", "songs"])]
        (chunk,) = run_range(definitions.resolve_job_def(CHART_FILES_JOB), instance, tables, days(3))
        assert chunk.failures == []

    @staticmethod
    def tracks(raw):
        return [numbers_of(snapshot) for snapshot in raw.read_days("daily", days(3))]

    def test_each_track_is_asked_for_once_and_nothing_is_repeated(self, charts, stored, instance, server):
        assert self.tracks(stored) == [set(), set(), set()]
        self.run(charts, instance)
        assert self.tracks(stored) == [{1, 2, 3}, {2, 3, 4}, {3, 4}]
        asked = server.count()
        assert server.count("tracks") == 1
        files = stored.files("daily").by_day
        self.run(charts, instance)
        assert server.count() == asked
        assert stored.files("daily").by_day == files

    def test_no_file_is_needed_for_it(self, charts, stored, instance):
        for path in (charts.folder / "lake" / "landing" / "charts").iterdir():
            path.unlink()
        self.run(charts, instance)
        assert self.tracks(stored) == [{1, 2, 3}, {2, 3, 4}, {3, 4}]

    def test_a_budget_that_is_too_small_is_a_matter_of_several_runs(self, stored, instance, tmp_path):
        with SpotifyServer(mode="development") as slow:
            slow.add_tracks(make_track(number) for number in range(1, 10))
            charts = Charts(tmp_path, slow.environment())
            done = []
            for _ in range(4):
                self.run(charts, instance, SPOTIFY_CALL_BUDGET="4")
                done.append(self.tracks(stored))
            # Of four calls one is for the token and one for a batch, which development mode refuses.
            assert done == [[{1, 2}, {2}, set()], *[[{1, 2, 3}, {2, 3, 4}, {3, 4}]] * 3]
            asked = [request.path.rsplit("/", 1)[-1] for request in slow.requests if "/tracks/track" in request.path]
            assert len(asked) == len(set(asked)) == 5

    def test_a_file_that_lands_again_costs_no_track_that_is_known(self, charts, stored, instance, server):
        self.run(charts, instance)
        asked = server.count()
        for day, numbers in zip(days(3), self.SONGS, strict=True):
            charts.land(day, numbers)
        self.run(charts, instance)
        assert server.count() == asked
        assert self.tracks(stored) == [{1, 2, 3}, {2, 3, 4}, {3, 4}]

    def test_what_spotify_says_since_does_not_undo_a_withdrawal(self, charts, stored, instance):
        stored.withdraw("daily", FIRST, "wrong")
        charts.land(FIRST, self.SONGS[0])
        self.run(charts, instance)
        assert FIRST in stored.files("daily").withdrawn_days
        charts.land(FIRST, [1, 2, 4])
        self.run(charts, instance)
        assert self.tracks(stored)[0] == {1, 2, 4}

    def test_a_withdrawn_day_is_left_alone(self, charts, stored, instance):
        stored.withdraw("daily", FIRST, "wrong")
        self.run(charts, instance)
        assert FIRST in stored.files("daily").withdrawn_days
        assert self.tracks(stored) == [{2, 3, 4}, {3, 4}]


class TestPool:
    @pytest.mark.parametrize("with_credentials", [True, False])
    def test_only_what_asks_spotify_is_in_it(self, server, tmp_path, with_credentials):
        charts = Charts(tmp_path, server.environment() if with_credentials else {})
        graph = build_definitions(charts.settings(playlists=WITH_SPOTIFY)).resolve_asset_graph()
        pools = {slug: graph.get(raw_key(slug)).pools for slug in ("daily", "world", "live")}
        charts_pool = {SPOTIFY_POOL} if with_credentials else set()
        assert pools == {"daily": charts_pool, "world": charts_pool, "live": {SPOTIFY_POOL}}


def test_ids_of_any_format():
    ids = [make_id("track", number) for number in range(1, 5)]
    rows = [
        {"uri": f"spotify:track:{ids[0]}"},
        {"URL": f"https://open.spotify.com/track/{ids[1]}?si=1"},
        {"track_id": "", "url": ids[2]},
        {"spotify_id": ids[3]},
        {"uri": f"spotify:track:{ids[0]}"},
        {"title": "no id"},
    ]
    assert track_ids(rows) == ids


def test_a_playlist_of_the_api_is_not_touched():
    payload = {"track": make_track(1, artists=[make_artist(1)])}
    found = {make_id("track", 1): CatalogObject(make_track(2))}
    snapshot = PlaylistSnapshot(
        "live", FIRST, "spotify", datetime(2026, 3, 1, tzinfo=UTC), (Entry(1, payload),), tracks=found
    )
    assert songs_of(snapshot)[0]["album_id"] == make_id("album", 1)
    assert songs_of(replace(snapshot, source=CHARTS))[0]["album_id"] is None

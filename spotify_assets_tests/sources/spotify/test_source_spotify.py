"""`SpotifySource` against a server on this machine: what ends up in a snapshot, and when there is none."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from spotify_assets.errors import RateLimited, SourceRefusal, SourceUnavailable
from spotify_assets.settings import PlaylistSettings, load_settings
from spotify_assets.snapshot import CatalogObject, PlaylistSnapshot
from spotify_assets.sources.spotify.spotify_source import SpotifySource
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.spotify import (
    PLAYLIST_ID,
    SpotifyServer,
    make_album,
    make_artist,
    make_entries,
    make_entry,
    make_episode,
    make_id,
    make_local_track,
    make_track,
)

TODAY = date(2026, 11, 22)
YESTERDAY = date(2026, 11, 21)
PLAYLIST = PlaylistSettings(
    slug="chart", title="Chart", cadence="daily", source="spotify", playlist_id=PLAYLIST_ID, market="JP"
)
ITEMS = r"GET /v1/playlists/\w+/items"


def source_of(server, *, user=False, **variables):
    settings = load_settings(server.environment(user=user) | variables).spotify
    return SpotifySource(settings, backoff_factor=0)


def fetch(server, previous=None, *, user=False, may_retry=False, playlist=PLAYLIST, **variables):
    return source_of(server, user=user, **variables).fetch(playlist, TODAY, previous, may_retry=may_retry)


def snapshot_of(entries, **how):
    with SpotifyServer(**how) as server:
        server.add_playlist(PLAYLIST_ID, entries)
        return fetch(server, user=True)


def previous_of(albums=(), artists=()):
    return PlaylistSnapshot(
        slug="chart",
        snapshot_date=YESTERDAY,
        source="spotify",
        fetched_at=datetime(2026, 11, 21, tzinfo=UTC),
        entries=(),
        albums={make_id("album", number): CatalogObject({"id": "old"}) for number in albums},
        artists={make_id("artist", number): CatalogObject({"id": "old"}) for number in artists},
    )


def track_ids(snapshot):
    return [
        ((entry.payload or {}).get("item") or (entry.payload or {}).get("track") or {}).get("id")
        for entry in snapshot.entries
    ]


class TestEntries:
    @pytest.mark.parametrize("page_size", [50, 20, 1])
    def test_250_tracks_in_pages_of_any_size(self, page_size):
        snapshot = snapshot_of(make_entries(250), page_size=page_size)
        assert [entry.position for entry in snapshot.entries] == list(range(1, 251))
        assert track_ids(snapshot) == [make_id("track", number) for number in range(1, 251)]

    @given(count=st.integers(0, 12), page_size=st.integers(1, 6))
    @hypothesis_settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def test_no_count_and_page_size_loses_or_doubles(self, count, page_size):
        snapshot = snapshot_of(make_entries(count), page_size=page_size)
        assert track_ids(snapshot) == [make_id("track", number) for number in range(1, count + 1)]

    def test_the_same_track_twice_keeps_both_positions(self):
        snapshot = snapshot_of([*make_entries(2), *make_entries(1)])
        assert track_ids(snapshot) == [make_id("track", number) for number in (1, 2, 1)]

    def test_empty_playlist(self):
        snapshot = snapshot_of([])
        assert snapshot.entries == ()
        assert snapshot.api_shape is None
        assert snapshot.quota_mode is None
        assert snapshot.notes == ()

    def test_odd_entries_keep_their_positions(self):
        odd = [None, make_entry(None), make_entry(make_episode(1)), make_entry(make_local_track(1)), "text", {"a": 1}]
        snapshot = snapshot_of([make_entry(make_track(1)), *odd, make_entry(make_track(2))])
        assert [entry.position for entry in snapshot.entries] == list(range(1, 9))
        payloads = [entry.payload for entry in snapshot.entries]
        assert payloads[1] is None
        assert payloads[2]["track"] is None
        assert payloads[3]["track"]["type"] == "episode"
        assert payloads[4]["track"]["is_local"]
        assert payloads[5:7] == ["text", {"a": 1}]
        assert payloads[7]["track"]["id"] == make_id("track", 2)
        assert set(snapshot.albums) == {make_id("album", 1), make_id("album", 2)}
        assert snapshot.notes == ()

    def test_payloads_are_as_received_without_the_person(self):
        entry = make_entry(make_track(1))
        snapshot = snapshot_of([entry])
        expected = {key: value for key, value in entry.items() if key != "added_by"}
        assert snapshot.entries[0].payload == expected

    def test_no_person_is_in_the_snapshot(self):
        assert "person" not in repr(snapshot_of(make_entries(3))).casefold()

    def test_metadata_is_kept_without_the_entries(self):
        snapshot = snapshot_of(make_entries(3))
        assert snapshot.playlist["name"] == "Invented Chart"
        assert not {"owner", "tracks", "items"} & set(snapshot.playlist)

    def test_circumstances(self):
        before = datetime.now(tz=UTC)
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(1), snapshot_id="version-7")
            snapshot = fetch(server, SPOTIFY_LANGUAGE="en")
        assert (snapshot.slug, snapshot.snapshot_date, snapshot.source) == ("chart", TODAY, "spotify")
        assert (snapshot.playlist_id, snapshot.playlist_snapshot_id) == (PLAYLIST_ID, "version-7")
        assert snapshot.language == "en"
        assert before <= snapshot.fetched_at <= datetime.now(tz=UTC)
        assert snapshot.fetched_at.utcoffset() == timedelta()

    def test_market_is_passed_on(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(1))
            fetch(server)
            markets = {request.path: request.query.get("market") for request in server.requests}
        assert markets[f"/v1/playlists/{PLAYLIST_ID}/items"] == "JP"
        assert markets["/v1/albums/"] == "JP"

    def test_past_is_not_promised(self):
        assert SpotifySource.has_past is False


class TestShapes:
    @pytest.mark.parametrize("shape", ["track", "item", "both"])
    def test_shape_is_recorded_and_doubles_nothing(self, shape):
        snapshot = snapshot_of(make_entries(30), entry_shape=shape)
        assert snapshot.api_shape == shape
        assert len(snapshot.entries) == len(snapshot.albums) == 30

    def test_development_mode_renames_and_its_boolean_is_no_track(self):
        snapshot = snapshot_of(make_entries(3), mode="development")
        assert snapshot.api_shape == "item"
        assert snapshot.entries[0].payload["item"]["track"] is True
        assert "popularity" not in snapshot.entries[0].payload["item"]

    def test_boolean_beside_the_item_is_no_track(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, [])
            entry = {"added_at": None, "is_local": False, "track": True, "item": make_track(1)}
            server.answer_next(ITEMS, body={"items": [entry], "total": 1, "offset": 0})
            snapshot = fetch(server)
        assert snapshot.api_shape == "item"
        assert snapshot.playlist["name"] == "Invented Chart"


class TestPages:
    """Pages that contradict themselves never shift or double a position."""

    @pytest.mark.parametrize(
        ("page", "why"),
        [
            ({"items": make_entries(2), "total": 2, "offset": 1}, "offset 1"),
            ({"items": [], "total": 2, "offset": 0}, "empty"),
            ({"items": make_entries(3), "total": 2, "offset": 0}, "offset 0"),
            ({"items": make_entries(2), "total": "2", "offset": 0}, "total"),
            ({"items": make_entries(2), "total": True, "offset": 0}, "total"),
            ({"items": make_entries(2), "total": -1, "offset": 0}, "total"),
            ({"items": make_entries(2), "offset": 0}, "total"),
            ({"items": None, "total": 2, "offset": 0}, "list `items`"),
            ({"total": 2, "offset": 0}, "list `items`"),
            ({}, "list `items`"),
        ],
    )
    def test_contradiction(self, page, why):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(2))
            server.answer_next(ITEMS, body=page, times=9)
            with pytest.raises(SourceRefusal) as caught:
                fetch(server)
        assert why in caught.value.why
        assert PLAYLIST_ID in caught.value.what

    def test_second_page_from_elsewhere(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(100))
            server.answer_next(
                ITEMS + r"\?limit=50&offset=50", body={"items": make_entries(50), "total": 100, "offset": 0}
            )
            with pytest.raises(SourceRefusal, match="offset 0"):
                fetch(server)

    def test_second_page_that_is_empty(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(100))
            empty = {"items": [], "total": 100, "offset": 50}
            server.answer_next(ITEMS + r"\?limit=50&offset=50", body=empty, times=9)
            with pytest.raises(SourceRefusal, match="empty"):
                fetch(server)

    def test_next_addresses_are_not_followed(self):
        with SpotifyServer() as server, SpotifyServer() as elsewhere:
            server.add_playlist(PLAYLIST_ID, make_entries(60))
            page = {
                "items": make_entries(50),
                "total": 60,
                "offset": 0,
                "next": f"{elsewhere.url}/v1/playlists/{PLAYLIST_ID}/items?offset=50",
            }
            server.answer_next(ITEMS, body=page)
            assert len(fetch(server).entries) == 60
            assert elsewhere.count() == 0


class TestMovingList:
    def test_changed_once_it_is_read_again(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(100))
            server.change_after_each_page(PLAYLIST_ID, [make_entries(100, first=51)])
            snapshot = fetch(server)
        assert track_ids(snapshot) == [make_id("track", number) for number in range(51, 151)]
        assert snapshot.playlist_snapshot_id == "snapshot-1+"
        assert "read again" in snapshot.notes[0]

    def test_changed_length_is_noticed_without_a_snapshot_id(self):
        with SpotifyServer(inline_entries=False) as server:
            server.add_playlist(PLAYLIST_ID, make_entries(100), snapshot_id=None)
            server.change_after_each_page(PLAYLIST_ID, [make_entries(99, first=2)])
            snapshot = fetch(server)
        assert track_ids(snapshot) == [make_id("track", number) for number in range(2, 101)]

    def test_changed_after_the_last_page_is_noticed_too(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(50))
            server.change_after_each_page(PLAYLIST_ID, [make_entries(50, first=2)])
            snapshot = fetch(server)
        assert track_ids(snapshot)[0] == make_id("track", 2)

    def test_changing_all_the_time_is_refused(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(100))
            server.change_after_each_page(PLAYLIST_ID, [make_entries(100, first=first) for first in range(2, 20)])
            with pytest.raises(SourceUnavailable) as caught:
                fetch(server)
        assert "changed while it was read" in caught.value.why
        assert "again" in caught.value.remedy

    def test_missing_snapshot_id_is_noted(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3), snapshot_id=None)
            snapshot = fetch(server)
        assert snapshot.playlist_snapshot_id is None
        assert len(snapshot.entries) == 3
        assert "no snapshot_id" in snapshot.notes[0]


class TestEnrichment:
    def test_everything_in_batches(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(50))
            snapshot = fetch(server, previous_of(albums=[1]))
            calls = Counter(request.path for request in server.requests)
        assert snapshot.quota_mode == "extended"
        assert len(snapshot.albums) == 50
        assert snapshot.albums[make_id("album", 1)].payload["label"] == "Invented Records"
        assert snapshot.artists[make_id("artist", 1)].payload["genres"] == ["j-pop"]
        assert {found.carried_from for found in snapshot.albums.values()} == {None}
        assert calls["/v1/albums/"] == 3
        assert calls["/v1/artists/"] == 1
        assert snapshot.notes == ()

    def test_album_artists_are_fetched_too(self):
        track = make_track(1, artists=[make_artist(1)], album=make_album(1, artists=[make_artist(9)]))
        assert set(snapshot_of([make_entry(track)]).artists) == {make_id("artist", 1), make_id("artist", 9)}

    def test_each_object_is_asked_for_once(self):
        album, artist = make_album(1), make_artist(1)
        entries = [make_entry(make_track(number, artists=[artist], album=album)) for number in range(1, 40)]
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, entries)
            fetch(server)
            asked = [request.query["ids"] for request in server.requests if "ids" in request.query]
        assert asked == [album["id"], artist["id"]]

    def test_unusable_ids_are_not_asked_for(self):
        broken = [
            make_entry(make_track(1, album=make_album(1, id="../users/me"), artists=[make_artist(1, id=None), "text"])),
            make_entry(make_track(2, album=None, artists=None) | {"album": True, "artists": {}}),
            make_entry(make_track(3, album=make_album(3, artists=[make_artist(3, id=7)]), artists=[])),
        ]
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, [])
            server.answer_next(ITEMS, body={"items": broken, "total": 3, "offset": 0})
            server.albums[make_id("album", 3)] = make_album(3)
            snapshot = fetch(server)
        assert len(snapshot.entries) == 3
        assert set(snapshot.albums) == {make_id("album", 3)}

    @pytest.mark.parametrize(
        "entry",
        [
            make_entry(make_track(1, is_local=True)) | {"is_local": False},
            make_entry(make_track(1)) | {"is_local": True},
            make_entry(make_track(1, type="episode")),
        ],
    )
    def test_local_files_and_episodes_are_not_looked_up(self, entry):
        snapshot = snapshot_of([entry])
        assert len(snapshot.entries) == 1
        assert snapshot.albums == snapshot.artists == {}

    def test_objects_that_spotify_no_longer_has(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(25))
            del server.albums[make_id("album", 3)]
            snapshot = fetch(server, previous_of(albums=[3]))
        assert len(snapshot.albums) == 24
        assert make_id("album", 3) not in snapshot.albums
        assert snapshot.notes == ("1 of 25 albums were asked for, but Spotify gave nothing.",)

    def test_shuffled_answer_does_not_mix_up_objects(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(2))
            shuffled = [make_album(2), {"id": []}, None, make_album(99), make_album(1)]
            server.answer_next("GET /v1/albums/", body={"albums": shuffled})
            snapshot = fetch(server)
        assert {one: found.payload["id"] for one, found in snapshot.albums.items()} == {
            make_id("album", 1): make_id("album", 1),
            make_id("album", 2): make_id("album", 2),
        }

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_refused_batches_mean_development_mode(self, status):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(2))
            server.refuse_next("GET /v1/albums/", status, "no")
            snapshot = fetch(server)
        assert snapshot.quota_mode == "development"
        assert len(snapshot.albums) == 2
        assert f"HTTP {status}" in snapshot.notes[0]

    def test_development_mode_asks_only_for_what_is_new(self):
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(4))
            previous = previous_of(albums=[1, 2, 3], artists=[1, 2, 3, 4])
            snapshot = fetch(server, previous, user=True)
            assert server.count("GET /v1/albums/album") == 1
            assert server.count("GET /v1/artists") == 0
        assert snapshot.quota_mode == "development"
        assert snapshot.albums[make_id("album", 4)].carried_from is None
        assert snapshot.albums[make_id("album", 4)].payload["copyrights"]
        assert snapshot.albums[make_id("album", 1)] == CatalogObject({"id": "old"}, YESTERDAY)
        assert "3 of 4 albums were carried over from earlier snapshots." in snapshot.notes
        assert "4 of 4 artists were carried over from earlier snapshots." in snapshot.notes

    @pytest.mark.parametrize(("shape", "quota_mode"), [("item", "development"), ("track", None), ("both", None)])
    def test_without_batches_only_the_renamed_field_tells_the_quota_mode(self, shape, quota_mode):
        with SpotifyServer(entry_shape=shape) as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            snapshot = fetch(server, SPOTIFY_CALL_BUDGET="1")
        assert snapshot.quota_mode == quota_mode

    def test_carrying_over_again_keeps_the_first_date(self):
        first_seen = date(2026, 11, 1)
        previous = previous_of()
        known = {make_id("album", 1): CatalogObject({"id": "old"}, first_seen)}
        previous = PlaylistSnapshot(**{**vars(previous), "albums": known})
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(1))
            snapshot = fetch(server, previous, user=True)
        assert snapshot.albums[make_id("album", 1)].carried_from == first_seen

    def test_object_unknown_in_development_mode(self):
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            del server.albums[make_id("album", 1)]
            snapshot = fetch(server, user=True)
        assert set(snapshot.albums) == {make_id("album", 2), make_id("album", 3)}
        assert "1 of 3 albums were asked for, but Spotify gave nothing." in snapshot.notes

    @pytest.mark.parametrize(
        ("pattern", "status"), [("GET /v1/albums/album", 403), ("GET /v1/albums/album", 500), ("GET /v1/artists/", 401)]
    )
    def test_other_refusals_end_enrichment_but_not_the_snapshot(self, pattern, status):
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            server.refuse_next(pattern, status, "no", times=6)
            snapshot = fetch(server, previous_of(artists=[1]), user=True)
        assert len(snapshot.entries) == 3
        assert snapshot.artists[make_id("artist", 1)].carried_from == YESTERDAY
        stopped = [note for note in snapshot.notes if "stopped" in note]
        assert len(stopped) == 1
        assert str(status) in stopped[0]
        assert any("were not fetched" in note for note in snapshot.notes)

    def test_batch_of_another_shape_ends_enrichment_but_not_the_snapshot(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            server.answer_next("GET /v1/albums/", body={"albums": "none"})
            snapshot = fetch(server)
        assert len(snapshot.entries) == 3
        assert "stopped" in snapshot.notes[0]


class TestRateLimits:
    def limit(self, server, pattern, seconds, **error):
        server.answer_next(
            pattern,
            status=429,
            headers={"Retry-After": str(seconds)},
            body={"error": {"status": 429, "message": "API rate limit exceeded", **error}},
        )

    @pytest.fixture
    def server(self):
        with SpotifyServer() as running:
            running.add_playlist(PLAYLIST_ID, make_entries(3))
            yield running

    @pytest.mark.parametrize("may_retry", [True, False])
    @pytest.mark.parametrize("pattern", [r"GET /v1/playlists/\w+\?", ITEMS])
    def test_on_the_playlist_itself_it_is_always_raised(self, server, pattern, may_retry):
        self.limit(server, pattern, 5)
        with pytest.raises(RateLimited):
            fetch(server, may_retry=may_retry)

    def test_short_one_in_enrichment_is_raised_when_there_is_another_try(self, server):
        self.limit(server, "GET /v1/artists/", 5)
        with pytest.raises(RateLimited) as caught:
            fetch(server, may_retry=True)
        assert caught.value.short

    @pytest.mark.parametrize(
        ("seconds", "error", "may_retry"),
        [(5, {}, False), (7200, {}, True), (5, {"reason": "QUOTA_EXCEEDED"}, True)],
    )
    def test_otherwise_the_snapshot_is_given_without(self, server, seconds, error, may_retry):
        self.limit(server, "GET /v1/albums/", seconds, **error)
        snapshot = fetch(server, previous_of(albums=[1], artists=[1]), may_retry=may_retry)
        assert len(snapshot.entries) == 3
        assert {one: found.carried_from for one, found in snapshot.albums.items()} == {make_id("album", 1): YESTERDAY}
        assert "429" in snapshot.notes[0]
        assert "come back after" in snapshot.notes[0]
        assert "2 of 3 albums were not fetched." in snapshot.notes
        assert server.count("artists") == 0


class TestCallBudget:
    def test_it_ends_enrichment_and_not_the_reading(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(250))
            snapshot = fetch(server, previous_of(albums=[1, 250], artists=[1]), SPOTIFY_CALL_BUDGET="1")
            assert server.count() == 1 + 1 + 5 + 1
        assert len(snapshot.entries) == 250
        assert set(snapshot.albums) == {make_id("album", 1), make_id("album", 250)}
        assert snapshot.albums[make_id("album", 250)].carried_from == YESTERDAY
        assert "call budget of 1" in snapshot.notes[0]
        assert "248 of 250 albums were not fetched." in snapshot.notes

    def test_it_is_used_to_the_last_call(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(50))
            snapshot = fetch(server, SPOTIFY_CALL_BUDGET="6")
            assert server.count() == 6
        assert len(snapshot.albums) == 40
        assert snapshot.artists == {}

    def test_it_is_one_for_all_playlists_of_a_run(self):
        other = PlaylistSettings(**{**vars(PLAYLIST), "slug": "other", "playlist_id": make_id("playlist", 2)})
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(10))
            server.add_playlist(other.playlist_id, make_entries(10))
            source = source_of(server, SPOTIFY_CALL_BUDGET="7")
            first = source.fetch(PLAYLIST, TODAY, None, may_retry=False)
            second = source.fetch(other, TODAY, None, may_retry=False)
            assert server.count("token") == 1
        assert len(first.albums) == 10
        assert len(second.entries) == 10
        assert second.albums == {}
        assert "call budget" in second.notes[0]


class TestRefusals:
    def test_playlist_that_is_not_there(self):
        with SpotifyServer() as server, pytest.raises(SourceRefusal, match="404"):
            fetch(server)

    def test_playlist_without_an_id(self):
        nameless = PlaylistSettings(slug="chart", title="Chart", cadence="daily", source="spotify")
        with SpotifyServer() as server, pytest.raises(SourceRefusal, match="playlist_id"):
            fetch(server, playlist=nameless)

    def test_development_mode_without_a_user(self):
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            with pytest.raises(SourceRefusal, match="client credentials"):
                fetch(server)

    def test_server_down(self):
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3))
            server.answer_next(ITEMS, times=6, status=500)
            with pytest.raises(SourceUnavailable, match="500"):
                fetch(server)


@requires_real_data
class TestRealAnswers:
    def test_top_50_japan(self):
        wrapped = json.loads((REAL_DATA / "api" / "jp_top50_daily_2023-06-14.wrapped.json").read_text(encoding="utf-8"))
        entries = wrapped["2023-06-14"][0]
        snapshot = snapshot_of(entries, page_size=20)
        assert track_ids(snapshot) == [entry["track"]["id"] for entry in entries]
        assert snapshot.entries[0].payload["track"]["name"] == "アイドル"
        assert [entry.payload["track"] for entry in snapshot.entries] == [entry["track"] for entry in entries]
        assert set(snapshot.albums) == {entry["track"]["album"]["id"] for entry in entries}
        credited = {artist["id"] for entry in entries for artist in entry["track"]["artists"]}
        assert credited <= set(snapshot.artists)

    @pytest.mark.parametrize(
        ("file", "shape"),
        [
            ("lib_pyspotify_playlist_items_both_shapes_2026-03.json", "both"),
            ("lib_java_playlist_items_itemshape_2026-02-11.json", "item"),
            ("lib_zmb3_playlist_items_episodes_and_tracks.json", "track"),
        ],
    )
    def test_recorded_pages(self, file, shape):
        page = json.loads((REAL_DATA / "api" / file).read_text(encoding="utf-8"))
        page |= {"offset": 0, "total": len(page["items"])}
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, [])
            server.answer_next(ITEMS, body=page)
            snapshot = fetch(server)
        assert snapshot.api_shape == shape
        assert len(snapshot.entries) == len(page["items"])
        assert all("added_by" not in entry.payload for entry in snapshot.entries)

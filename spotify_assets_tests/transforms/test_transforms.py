"""The cleaning rules: what an entry becomes in songs, albums, artists, song_artists and rejects."""

import csv
import gzip
import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.schemas import TABLES
from spotify_assets.snapshot import CatalogObject
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.fuzzing import ABSENT, assert_whole, nearly, paths_in, replaced
from spotify_assets_tests.helpers.make_snapshot import ANY_TEXT, DAY, any_json, examples, make_snapshot
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.spotify import (
    VARIOUS_ARTISTS_ID,
    complete_album,
    complete_artist,
    make_album,
    make_artist,
    make_entries,
    make_entry,
    make_episode,
    make_id,
    make_local_track,
    make_track,
)

Rows = dict[str, list[dict[str, Any]]]


def tables_of(*payloads: Any, **changes: Any) -> Rows:
    """The rows of every table for one day with these entries."""
    frames = daily_tables([make_snapshot(payloads, **changes)], "daily")
    return {name: rows_of(frame) for name, frame in frames.items()}


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.to_numpy().tolist()]


def song_of(track: dict[str, Any], **changes: Any) -> dict[str, Any]:
    [song] = tables_of(make_entry(track), **changes)["songs"]
    return song


@pytest.mark.slow
class TestAnyAnswer:
    @settings(max_examples=examples(30))
    @given(st.lists(any_json(), max_size=5))
    def test_no_json_breaks_a_day_or_loses_a_position(self, payloads):
        assert_whole(make_snapshot(payloads))

    @settings(max_examples=examples(30))
    @given(st.data())
    def test_no_value_in_a_track_breaks_a_day_or_loses_a_position(self, data):
        entry = make_entry(make_track(3))
        path = data.draw(st.sampled_from(list(paths_in(entry))))
        changed = replaced(entry, path, data.draw(any_json()))
        rows = assert_whole(make_snapshot([make_entry(make_track(1)), changed, make_entry(make_track(2))]))
        assert {1, 3} <= {song["position"] for song in rows["songs"]}

    @settings(max_examples=examples(20))
    @given(st.data())
    def test_no_value_in_a_fetched_object_breaks_a_day(self, data):
        album, artist = complete_album(make_album(1)), complete_artist(make_artist(1))
        changed_album = replaced(album, data.draw(st.sampled_from(list(paths_in(album)))), data.draw(any_json()))
        changed_artist = replaced(artist, data.draw(st.sampled_from(list(paths_in(artist)))), data.draw(any_json()))
        objects = {
            "albums": {make_id("album", 1): CatalogObject(changed_album)},
            "artists": {make_id("artist", 1): CatalogObject(changed_artist)},
        }
        assert_whole(make_snapshot(make_entries(1), **objects))

    @settings(max_examples=examples(25))
    @given(ANY_TEXT, ANY_TEXT)
    def test_names_without_ids_still_refer_to_their_rows(self, artist_name, album_name):
        artists = [{"id": None, "name": artist_name}, {"name": "Nora Quill"}]
        track = make_track(1, artists, {"name": album_name, "artists": artists})
        assert_whole(make_snapshot([make_entry(track), make_entry(track)]))

    def test_a_day_without_entries_has_empty_tables_and_its_row_in_snapshots(self):
        rows = assert_whole(make_snapshot([]))
        assert {name for name, found in rows.items() if found} == {"snapshots"}

    @given(nearly([make_entry(make_track(number)) for number in range(1, 4)]))
    def test_no_changes_in_a_list_break_a_day_or_lose_a_position(self, payloads):
        assert_whole(make_snapshot(payloads))


class TestWhereTheTrackIs:
    @pytest.mark.parametrize("key", ["item", "track"])
    def test_either_key_holds_it(self, key):
        [song] = tables_of({key: make_track(7)})["songs"]
        assert song["song_id"] == make_id("track", 7)

    def test_an_entry_with_both_is_one_song(self):
        tables = tables_of({"item": make_track(7), "track": make_track(7)})
        assert [song["song_id"] for song in tables["songs"]] == [make_id("track", 7)]
        assert tables["rejects"] == []

    @pytest.mark.parametrize(
        "payload", [{"item": make_track(7), "track": True}, {"item": True, "track": make_track(7)}]
    )
    def test_a_boolean_of_that_name_is_not_it(self, payload):
        [song] = tables_of(payload)["songs"]
        assert song["song_id"] == make_id("track", 7)

    def test_a_track_that_does_not_say_its_type_is_a_track(self):
        for value in (ABSENT, None):
            assert song_of(replaced(make_track(7), ("type",), value))["row_status"] == "ok"


class TestRejects:
    @pytest.mark.parametrize(
        ("payload", "kind", "reason"),
        [
            (None, "null", "the whole entry is null"),
            (make_entry(None), "null", "the track is null"),
            ({"item": None}, "null", "the track is null"),
            (make_entry(make_episode(3)), "episode", "an episode of a show, not a song: 第3回"),
            ({"item": make_episode(3) | {"name": None}}, "episode", "without title"),
            ({"added_at": None}, "malformed", "neither `item` nor `track`"),
            ({"track": True}, "malformed", "`track` is a boolean, not an object"),
            (
                {"item": [], "track": "x"},
                "malformed",
                "`item` is a list, not an object, `track` is text, not an object",
            ),
            (make_entry(make_track(1, type="chapter")), "malformed", "its type is 'chapter'"),
            ("text", "malformed", "the entry is text, not an object"),
            (17, "malformed", "the entry is a number"),
            ([], "malformed", "the entry is a list"),
            (False, "malformed", "the entry is a boolean"),
        ],
    )
    def test_what_cannot_be_a_song_is_listed_with_position_and_reason(self, payload, kind, reason):
        tables = tables_of(make_entry(make_track(1)), payload, make_entry(make_track(2)))
        [reject] = tables["rejects"]
        assert (reject["position"], reject["kind"]) == (2, kind)
        assert reason in reject["reason"]
        assert [song["position"] for song in tables["songs"]] == [1, 3]

    def test_the_digest_is_that_of_the_payload_as_compact_json(self):
        payload = {"track": None, "name": "夜明け"}
        [reject] = tables_of(payload)["rejects"]
        assert reject["payload_sha256"] == hashlib.sha256('{"track":null,"name":"夜明け"}'.encode()).hexdigest()

    def test_an_episode_leaves_no_artist_and_no_album(self):
        tables = tables_of(make_entry(make_episode(3)))
        assert tables["albums"] == tables["artists"] == tables["song_artists"] == []


class TestMarkedSongs:
    @pytest.mark.parametrize(
        "entry",
        [
            make_entry(make_local_track(1)),
            {"is_local": True, "track": make_track(1)},
            {"is_local": False, "track": make_track(1, is_local=True)},
        ],
    )
    def test_a_local_file_stays_marked(self, entry):
        [song] = tables_of(entry)["songs"]
        assert (song["position"], song["row_status"]) == (1, "local")

    @pytest.mark.parametrize("name", [None, "", " \u3000", 5, ABSENT])
    def test_a_row_without_a_title_stays_marked(self, name):
        song = song_of(replaced(make_track(1), ("name",), name))
        assert (song["row_status"], song["song_name"], song["song_id"]) == ("untitled", None, make_id("track", 1))

    def test_a_song_listed_twice_keeps_both_positions(self):
        tables = tables_of(*(make_entry(make_track(number)) for number in (1, 2, 1)))
        assert [(song["position"], song["song_id"]) for song in tables["songs"]] == [
            (position, make_id("track", number)) for position, number in ((1, 1), (2, 2), (3, 1))
        ]
        album = next(row for row in tables["albums"] if row["album_id"] == make_id("album", 1))
        assert (album["songs_on_chart"], album["best_position"]) == (2, 1)
        artist = next(row for row in tables["artists"] if row["artist_id"] == make_id("artist", 1))
        assert (artist["songs_on_chart"], artist["best_position"]) == (2, 1)


class TestValues:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("  夜明け\u3000", "夜明け"),
            ("カ\u3099", "ガ"),
            ("Cafe\u0301", "Caf\u00e9"),
            ("ＴＯＫＹＯ", "ＴＯＫＹＯ"),
            ('a, "b"\nc', 'a, "b"\nc'),
            ("half \ud83d pair", "half \N{REPLACEMENT CHARACTER} pair"),
        ],
    )
    def test_names_are_trimmed_and_composed_and_otherwise_as_written(self, name, expected):
        assert song_of(make_track(1, name=name))["song_name"] == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (180_000, 180_000),
            (180_000.0, 180_000),
            (0, 0),
            (180_000.5, None),
            ("180000", None),
            (True, None),
            (float("nan"), None),
            (float("inf"), None),
            (2**31, None),
            pytest.param(10**400, None, id="beyond floats"),
            ([180_000], None),
        ],
    )
    def test_only_whole_numbers_that_fit_are_numbers(self, value, expected):
        assert song_of(make_track(1, duration_ms=value))["duration_ms"] == expected

    def test_a_missing_number_leaves_the_others_of_its_column_whole(self):
        tables = tables_of(make_entry(make_track(1)), make_entry(make_track(2, popularity=None)))
        popularity = [song["popularity"] for song in tables["songs"]]
        assert popularity == [70, None]
        assert type(popularity[0]) is int

    @pytest.mark.parametrize(("value", "expected"), [(3_000_000_000, 3_000_000_000), (2**63, None)])
    def test_streams_may_need_sixty_four_bits(self, value, expected):
        [song] = tables_of(make_entry(make_track(1)) | {"streams": value})["songs"]
        assert song["streams"] == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00"),
            ("2026-11-01T08:30:00.123456+09:00", "2026-10-31T23:30:00.123000"),
            ("2026-11-01T00:00:00", None),
            ("0001-01-01T00:00:00+09:00", None),
            ("yesterday", None),
            (None, None),
            (1_793_491_200, None),
        ],
    )
    def test_moments_are_utc_in_milliseconds_and_one_without_a_zone_is_none(self, value, expected):
        [song] = tables_of(make_entry(make_track(1)) | {"added_at": value})["songs"]
        assert (song["added_at"] and song["added_at"].isoformat()) == expected

    @pytest.mark.parametrize(
        ("column", "path", "wrong"),
        [
            ("song_id", ("id",), 17),
            ("isrc", ("external_ids",), "JPZZ92600001"),
            ("isrc", ("external_ids", "isrc"), {}),
            ("explicit", ("explicit",), "yes"),
            ("explicit", ("explicit",), 1),
            ("popularity", ("popularity",), {}),
            ("track_number", ("track_number",), "1"),
            ("disc_number", ("disc_number",), []),
            ("url", ("external_urls",), "https://open.spotify.com/"),
            ("url", ("external_urls", "spotify"), 3),
            ("preview_url", ("preview_url",), False),
            ("album_id", ("album", "id"), 17),
            ("album_id", ("album",), "an album"),
            ("album_key", ("album",), None),
            ("album_name", ("album", "name"), ["x"]),
            ("release_date_text", ("album", "release_date"), 2024),
            ("release_date_from", ("album", "release_date"), 2024),
            ("release_date_precision", ("album", "release_date_precision"), True),
            ("lead_artist_id", ("artists", 0, "id"), 17),
            ("lead_artist_name", ("artists", 0, "name"), {}),
            ("lead_artist_key", ("artists",), "Nora Quill"),
        ],
    )
    def test_a_value_of_another_type_is_null_and_nothing_else(self, column, path, wrong):
        right = song_of(make_track(1, preview_url="https://p.scdn.co/1"))
        assert right[column] is not None
        song = song_of(replaced(make_track(1), path, wrong))
        assert (song[column], song["position"], song["row_status"]) == (None, 1, "ok")


class TestReleaseDates:
    @pytest.mark.parametrize(
        ("written", "first", "last"),
        [
            ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
            ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
            ("2023-02", date(2023, 2, 1), date(2023, 2, 28)),
            ("2024", date(2024, 1, 1), date(2024, 12, 31)),
            ("1999", date(1999, 1, 1), date(1999, 12, 31)),
            ("2026", date(2026, 1, 1), DAY),
            ("2026-11", date(2026, 11, 1), DAY),
            ("2026-11-22", DAY, DAY),
            ("2026-12-24", date(2026, 12, 24), date(2026, 12, 24)),
            ("0000", None, None),
            ("0000-00-00", None, None),
            ("2023-02-29", None, None),
            ("2024-13", None, None),
            ("", None, None),
            ("24", None, None),
            ("2024-02-29T00:00:00Z", None, None),
            (None, None, None),
        ],
    )
    def test_a_date_means_the_days_it_can_mean_up_to_the_snapshot(self, written, first, last):
        song = song_of(make_track(1, album=make_album(1, release_date=written)))
        assert (song["release_date_from"], song["release_date_to"]) == (first, last)

    def test_what_was_written_is_kept_beside_it(self):
        song = song_of(make_track(1, album=make_album(1, release_date="0000", release_date_precision="year")))
        assert (song["release_date_text"], song["release_date_precision"]) == ("0000", "year")

    def test_the_fetched_album_completes_what_the_track_leaves_out(self):
        album = make_album(1, release_date=None, release_date_precision=None)
        fetched = complete_album(make_album(1, release_date="2024-02", release_date_precision="month"))
        tables = tables_of(make_entry(make_track(1, album=album)), albums={make_id("album", 1): CatalogObject(fetched)})
        for row in (*tables["songs"], *tables["albums"]):
            assert (row["release_date_text"], row["release_date_precision"]) == ("2024-02", "month")
            assert (row["release_date_from"], row["release_date_to"]) == (date(2024, 2, 1), date(2024, 2, 29))


class TestCredits:
    def test_a_collaboration_lists_every_credit_in_order(self):
        artists = [make_artist(5), make_artist(2), make_artist(9)]
        tables = tables_of(make_entry(make_track(1, artists)))
        names = [artist["name"] for artist in artists]
        assert [
            (row["position"], row["credit_order"], row["credit_count"], row["artist_id"], row["artist_name"])
            for row in tables["song_artists"]
        ] == [(1, order, 3, artist["id"], artist["name"]) for order, artist in enumerate(artists, 1)]
        [song] = tables["songs"]
        assert (song["artist_names"], song["artist_count"]) == (names, 3)
        assert (song["lead_artist_id"], song["lead_artist_name"]) == (artists[0]["id"], names[0])

    def test_a_song_without_credits_is_a_song(self):
        tables = tables_of(make_entry(make_track(1, [])))
        [song] = tables["songs"]
        assert (song["artist_names"], song["artist_count"], song["lead_artist_key"]) == ([], 0, None)
        assert tables["song_artists"] == []

    def test_credits_that_say_nobody_are_none(self):
        song = song_of(make_track(1, [None, {}, {"id": "", "name": " "}, make_artist(4), "x"]))
        assert (song["artist_names"], song["artist_count"]) == ([make_artist(4)["name"]], 1)

    def test_an_artist_of_the_album_only_is_marked(self):
        various = make_artist(0, id=VARIOUS_ARTISTS_ID, name="Various Artists")
        compilation = make_album(1, [various], album_type="compilation")
        tables = tables_of(make_entry(make_track(1, [make_artist(4)], compilation)))
        assert [
            (row["artist_name"], row["credited_on_track"], row["songs_on_chart"], row["best_position"])
            for row in tables["artists"]
        ] == [(make_artist(4)["name"], True, 1, 1), ("Various Artists", False, 0, None)]
        [album] = tables["albums"]
        assert (album["lead_artist_id"], album["artist_names"]) == (VARIOUS_ARTISTS_ID, ["Various Artists"])
        assert [song["lead_artist_id"] for song in tables["songs"]] == [make_id("artist", 4)]

    def test_an_artist_of_album_and_tracks_is_credited_on_tracks(self):
        tables = tables_of(
            make_entry(make_track(1, [make_artist(8)], make_album(1, [make_artist(4)]))),
            make_entry(make_track(2, [make_artist(4)], make_album(1, [make_artist(4)]))),
        )
        found = {row["artist_id"]: (row["credited_on_track"], row["best_position"]) for row in tables["artists"]}
        assert found == {make_id("artist", 8): (True, 1), make_id("artist", 4): (True, 2)}


class TestArtists:
    @pytest.mark.parametrize(
        ("fetched", "genres"),
        [
            (complete_artist(make_artist(1)), ["j-pop"]),
            (complete_artist(make_artist(1)) | {"genres": []}, []),
            (complete_artist(make_artist(1)) | {"genres": None}, None),
            (make_artist(1), None),
            (complete_artist(make_artist(1)) | {"genres": ["j-pop", 5, " ", " city pop"]}, ["j-pop", "city pop"]),
        ],
    )
    def test_genres_not_given_are_null_and_given_as_none_are_empty(self, fetched, genres):
        objects = {make_id("artist", 1): CatalogObject(fetched)}
        [artist] = tables_of(make_entry(make_track(1)), artists=objects)["artists"]
        assert artist["genres"] == genres

    def test_an_artist_that_was_not_fetched_has_nulls(self):
        [artist] = tables_of(make_entry(make_track(1)))["artists"]
        assert [artist[name] for name in ("genres", "popularity", "followers", "image_url")] == [None] * 4

    def test_the_fetched_object_gives_what_a_credit_does_not_say(self):
        fetched = complete_artist(make_artist(1)) | {
            "followers": {"total": 3_000_000_000.0},
            "images": [{"url": "small", "width": 64}, {"url": "wide", "width": 640}, {"width": 999}],
        }
        [artist] = tables_of(make_entry(make_track(1)), artists={make_id("artist", 1): CatalogObject(fetched)})[
            "artists"
        ]
        assert (artist["followers"], artist["popularity"], artist["image_url"]) == (3_000_000_000, 60, "wide")


class TestAlbums:
    def test_one_row_per_album_by_best_position(self):
        shared = make_album(9, total_tracks=12)
        tables = tables_of(
            make_entry(make_track(1)), make_entry(make_track(2, album=shared)), make_entry(make_track(4, album=shared))
        )
        assert [(row["album_id"], row["songs_on_chart"], row["best_position"]) for row in tables["albums"]] == [
            (make_id("album", 1), 1, 1),
            (make_id("album", 9), 2, 2),
        ]

    def test_the_fetched_object_gives_what_a_track_does_not_say(self):
        fetched = complete_album(make_album(1)) | {"label": "Lantern", "popularity": 41.0, "total_tracks": 9}
        entry = make_entry(make_track(1, album=make_album(1, total_tracks=None)))
        tables = tables_of(entry, albums={make_id("album", 1): CatalogObject(fetched)})
        [album] = tables["albums"]
        assert [album[name] for name in ("label", "upc", "popularity", "total_tracks")] == [
            "Lantern",
            "000000000000",
            41,
            9,
        ]
        assert [song["label"] for song in tables["songs"]] == ["Lantern"]

    def test_an_album_that_was_not_fetched_has_nulls(self):
        [album] = tables_of(make_entry(make_track(1)))["albums"]
        assert [album[name] for name in ("label", "upc", "popularity")] == [None] * 3

    def test_an_album_withdrawn_by_name_keeps_its_id(self):
        [album] = tables_of(make_entry(make_track(1, album=make_album(1, name=""))))["albums"]
        assert (album["album_id"], album["album_name"]) == (make_id("album", 1), None)

    def test_a_local_file_has_no_album(self):
        tables = tables_of(make_entry(make_local_track(1)))
        assert tables["albums"] == []
        assert [song["album_key"] for song in tables["songs"]] == [None]


class TestKeys:
    def test_ids_are_keys(self):
        tables = tables_of(make_entry(make_track(1)))
        assert [row["album_key"] for row in tables["albums"]] == [make_id("album", 1)]
        assert [row["artist_key"] for row in tables["artists"]] == [make_id("artist", 1)]

    def test_without_ids_the_same_names_group_whatever_their_case_and_width(self):
        spellings = [("Glass Harbor", "Slow Comet"), ("GLASS HARBOR ", "slow comet"), ("Ｇlass Harbor", "Ｓlow Comet")]
        tables = tables_of(
            *(
                make_entry(make_track(1, [{"name": artist}], {"name": album, "artists": [{"name": artist}]}))
                for artist, album in spellings
            )
        )
        assert [(row["artist_name"], row["songs_on_chart"]) for row in tables["artists"]] == [("Glass Harbor", 3)]
        assert [(row["album_name"], row["songs_on_chart"]) for row in tables["albums"]] == [("Slow Comet", 3)]

    def test_without_ids_albums_of_the_same_name_by_others_are_others(self):
        tables = tables_of(
            *(
                make_entry(make_track(1, album={"name": "Best", "artists": [{"name": name}]}))
                for name in ("Nora Quill", "Glass Harbor")
            )
        )
        assert len(tables["albums"]) == 2

    def test_a_key_of_names_is_the_same_on_every_day(self):
        def key(day):
            return song_of(make_track(1, [{"name": "Nora Quill"}]), day=day)["lead_artist_key"]

        assert key(date(2026, 1, 1)) == key(DAY)


def test_rows_bear_the_day_of_their_snapshot():
    days = [date(2026, 11, day) for day in (20, 21, 22)]
    frames = daily_tables([make_snapshot([*make_entries(2), None], day) for day in days], "daily")
    for name, frame in frames.items():
        assert list(frame.columns) == [*TABLES[name].column_names, "snapshot_date"]
        assert sorted(set(frame["snapshot_date"])) == days


def entries_of(answer: Any) -> list[Any]:
    """The playlist entries anywhere inside an answer."""
    members = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    if isinstance(answer, dict) and "added_at" in answer:
        return [answer]
    return [entry for member in members for entry in entries_of(member)]


def real_answer(name: str) -> Any:
    return json.loads((REAL_DATA / "api" / name).read_text(encoding="utf-8"))


@requires_real_data
class TestRealAnswers:
    @pytest.mark.parametrize("path", sorted(REAL_DATA.glob("api/*.json")), ids=lambda path: path.stem)
    def test_every_answer_goes_through(self, path: Path):
        answer = json.loads(path.read_text(encoding="utf-8"))
        assert_whole(make_snapshot(entries_of(answer) or [answer, {"track": answer}]))

    def test_top_50_japan_is_fifty_songs_in_the_order_of_the_chart_file(self):
        rows = assert_whole(make_snapshot(entries_of(real_answer("jp_top50_daily_2023-06-14.wrapped.json"))))
        chart_file = REAL_DATA / "charts" / "anxods_jp_top50_daily_2023-05_2024-11.csv.gz"
        with gzip.open(chart_file, "rt", encoding="utf-8") as file:
            chart = [row for row in csv.DictReader(file) if row["date"] == "2023-06-14"]
        assert [song["position"] for song in rows["songs"]] == list(range(1, 51))
        assert [song["song_name"] for song in rows["songs"]] == [row["song"].strip() for row in chart]

    def test_an_entry_recorded_with_both_keys_is_one_song(self):
        entries = entries_of(real_answer("lib_pyspotify_playlist_items_both_shapes_2026-03.json"))
        assert {"item", "track"} <= entries[0].keys()
        assert len(assert_whole(make_snapshot(entries))["songs"]) == len(entries)

    def test_episodes_among_tracks_are_rejected_as_such(self):
        rows = assert_whole(make_snapshot(entries_of(real_answer("lib_zmb3_playlist_items_episodes_and_tracks.json"))))
        assert {row["kind"] for row in rows["rejects"]} == {"episode"}
        assert rows["songs"]

    def test_years_without_months_are_whole_years(self):
        rows = assert_whole(make_snapshot(entries_of(real_answer("lib_swift_blues_classics_page.json"))))
        spans = [(song["release_date_from"], song["release_date_to"]) for song in rows["songs"]]
        assert len(spans) == 70
        whole_years = [first for first, last in spans if (last.month, last.day) == (12, 31) and first != last]
        assert len(whole_years) == 30

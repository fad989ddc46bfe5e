"""Rows of chart files in the shape of the Web API, and on through the tables."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest

from spotify_assets.snapshot import Entry, PlaylistSnapshot
from spotify_assets.sources.charts.chart_formats import NUMBER_COLUMNS
from spotify_assets.transforms.albums import album_rows
from spotify_assets.transforms.artists import artist_rows
from spotify_assets.transforms.chart_rows import chart_entry
from spotify_assets.transforms.entries import read_entries
from spotify_assets.transforms.songs import song_rows
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.helpers.whole_chart import read_whole_chart

ID = "0aaaaaaaaaaaaaaaaaaaa1"
PAGE = f"https://open.spotify.com/track/{ID}"


def test_the_present_format():
    entry, track = chart_entry(
        {
            "rank": "2",
            "uri": f"spotify:track:{ID}",
            "artist_names": "Hoshi, Yoru",
            "track_name": "青い傘",
            "source": "Label A/Label B",
            "peak_rank": "1",
            "previous_rank": "3",
            "days_on_chart": "9",
            "streams": "120345",
        }
    )
    assert entry == {
        "streams": 120345,
        "official_peak_position": 1,
        "official_previous_position": 3,
        "official_days_on_chart": 9,
    }
    assert track == {
        "type": "track",
        "id": ID,
        "name": "青い傘",
        "artists": [{"name": "Hoshi, Yoru"}],
        "album": {"label": "Label A/Label B"},
    }


def test_a_weekly_chart_counts_weeks():
    assert chart_entry({"rank": "1", "weeks_on_chart": "61"})[0] == {"official_weeks_on_chart": 61}


def test_the_old_site():
    row = {"Position": "1", "Track Name": "Rain", "Artist": "Kumo", "Streams": "16,292", "URL": PAGE, "Region": "jp"}
    assert chart_entry(row) == (
        {"streams": 16292},
        {
            "type": "track",
            "id": ID,
            "name": "Rain",
            "artists": [{"name": "Kumo"}],
            "external_urls": {"spotify": PAGE},
        },
    )


def test_the_playlist_archive():
    entry, track = chart_entry(
        {
            "date": "2023-05-18",
            "position": "1",
            "song": "青い傘",
            "artist": "Hoshi & Yoru",
            "popularity": "89",
            "duration_ms": "213233",
            "album_type": "single",
            "total_tracks": "1",
            "release_date": "2023-04",
            "is_explicit": "False",
            "album_cover_url": "https://images.example/1",
        }
    )
    assert entry == {}
    assert track == {
        "type": "track",
        "name": "青い傘",
        "artists": [{"name": "Hoshi & Yoru"}],
        "popularity": 89,
        "duration_ms": 213233,
        "explicit": False,
        "album": {
            "album_type": "single",
            "total_tracks": 1,
            "release_date": "2023-04",
            "images": [{"url": "https://images.example/1"}],
        },
    }


def test_the_chart_archive():
    row = {"chart_date": "2026-06-30", "rank": "4", "prev_rank": "5", "track_id": ID, "title": "Rain"}
    entry, track = chart_entry(row | {"artists": "M!LK", "peak_rank": "2", "days_on_chart": "234", "streams": "211695"})
    assert entry == {
        "streams": 211695,
        "official_peak_position": 2,
        "official_previous_position": 5,
        "official_days_on_chart": 234,
    }
    assert track == {"type": "track", "id": ID, "name": "Rain", "artists": [{"name": "M!LK"}]}


def test_the_countries_data_set():
    entry, track = chart_entry(
        {
            "spotify_id": ID,
            "name": "Rain",
            "artists": "Kumo",
            "daily_rank": "1",
            "daily_movement": "3",
            "weekly_movement": "-4",
            "country": "JP",
            "snapshot_date": "2025-06-11",
            "popularity": "0",
            "is_explicit": "True",
            "duration_ms": "180000.0",
            "album_name": "Rain EP",
            "album_release_date": "2024-08-16",
            "key": "6",
        }
    )
    assert entry == {}
    assert track == {
        "type": "track",
        "id": ID,
        "name": "Rain",
        "artists": [{"name": "Kumo"}],
        "popularity": 0,
        "explicit": True,
        "duration_ms": 180000,
        "album": {"name": "Rain EP", "release_date": "2024-08-16"},
    }


@pytest.mark.parametrize("blank", ["", " ", "null", "NULL", "None", "nan", "NA", "n/a", "\\N", "-", "<NA>"])
def test_what_a_file_does_not_say_is_absent(blank):
    columns = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,weeks_on_chart,streams,url"
    more = "popularity,duration_ms,is_explicit,album_name,album_type,release_date,total_tracks,album_cover_url"
    assert chart_entry(dict.fromkeys(f"{columns},{more}".split(","), blank)) == ({}, {"type": "track"})


def test_a_song_may_be_called_none_where_it_has_an_id():
    assert chart_entry({"track_id": ID, "title": "None"})[1]["name"] == "None"
    assert "name" not in chart_entry({"track_id": "None", "title": "None"})[1]
    assert "name" not in chart_entry({"track_id": ID, "title": " "})[1]


@pytest.mark.parametrize("name", ["NA", "Null", "-"])
def test_names_stay_as_they_are_beside_an_id(name):
    track = chart_entry({"track_id": ID, "title": name, "artists": name, "album_name": name, "source": name})[1]
    assert (track["name"], track["artists"], track["album"]) == (name, [{"name": name}], {"name": name})


@pytest.mark.parametrize("none", ["-1", "0", "", "0.0", "-1.0"])
def test_no_previous_position(none):
    assert chart_entry({"previous_rank": none}) == ({}, {"type": "track"})


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1234", 1234),
        ("1,234", 1234),
        ("12,345,678", 12345678),
        ("1234.0", 1234),
        (" 1234 ", 1234),
        ("12,34", None),
        ("1234.00", 1234),
        ("1.234", None),
        ("1.000", None),
        ("1.234.567", None),
        ("1234.5", None),
        ("1.2e6", None),
        ("-5", None),
        ("１２", None),
        ("9" * 30, None),
    ],
)
def test_numbers(written, number):
    assert chart_entry({"streams": written})[0].get("streams") == number


@pytest.mark.parametrize("column", sorted(NUMBER_COLUMNS))
def test_columns_of_numbers_are_those_that_reading_a_file_looks_at(column):
    assert chart_entry({column: "7"}) != chart_entry({}) == chart_entry({column: "7.000"})


@pytest.mark.parametrize(
    ("written", "explicit"),
    [("True", True), ("TRUE", True), ("1", True), ("false", False), ("0", False), ("yes", None), ("2", None)],
)
def test_booleans(written, explicit):
    assert chart_entry({"is_explicit": written})[1].get("explicit") is explicit


@pytest.mark.parametrize(
    ("column", "cell", "id_"),
    [
        ("uri", f"spotify:track:{ID}", ID),
        ("URL", f"{PAGE}?si=abc&utm_source=x", ID),
        ("URL", f"https://open.spotify.com/intl-ja/track/{ID}", ID),
        ("track_id", ID, ID),
        ("spotify_id", f" {ID} ", ID),
        ("uri", "spotify:local:a:b:c:1", None),
        ("URL", "https://open.spotify.com/track/", None),
        ("URL", f"https://open.spotify.com/album/{ID}", None),
        ("track_id", "青い傘", None),
        ("track_id", "NA", None),
        ("track_id", "unknown", None),
        ("track_id", ID[:-1], None),
        ("uri", f"spotify:track:{ID}x", None),
    ],
)
def test_ids(column, cell, id_):
    assert chart_entry({column: cell})[1].get("id") == id_


def test_an_id_in_another_column_where_the_first_says_none():
    for none in ("", "NA", "unknown"):
        assert chart_entry({"track_id": none, "url": PAGE})[1]["id"] == ID


def test_text_stays_as_received():
    _, track = chart_entry({"title": " が ", "artists": "A, B & C ", "track_id": ID})
    assert track["name"] == " が "
    assert track["artists"] == [{"name": "A, B & C "}]


def tables_of(file, edition):
    entries = tuple(Entry(row.position, row.values) for row in edition.rows)
    snapshot = PlaylistSnapshot("a-chart", edition.chart_date, "charts", datetime(2026, 11, 22, tzinfo=UTC), entries)
    tracks, rejected = read_entries(snapshot)
    assert rejected == []
    return list(song_rows(snapshot, tracks)), list(album_rows(snapshot, tracks)), list(artist_rows(snapshot, tracks))


def test_rows_go_through_the_tables():
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [
            ["spotify_id", "name", "artists", "daily_rank", "country", "snapshot_date", "album_name", "is_explicit"],
            [ID, "Rain", "Kumo, Hoshi", "1", "JP", "2025-06-11", "Rain EP", "True"],
            ["", "", "Kumo, Hoshi", "2", "JP", "2025-06-11", "Rain EP", "False"],
        ]
    )
    file = read_whole_chart("data.csv", text.getvalue().encode())
    songs, albums, artists = tables_of(file, file.editions[0])
    assert [(song["position"], song["row_status"], song["song_id"]) for song in songs] == [
        (1, "ok", ID),
        (2, "untitled", None),
    ]
    assert [song["explicit"] for song in songs] == [True, False]
    assert [(album["album_name"], album["songs_on_chart"]) for album in albums] == [("Rain EP", 2)]
    assert [(artist["artist_name"], artist["songs_on_chart"]) for artist in artists] == [("Kumo, Hoshi", 2)]


@requires_real_data
def test_a_real_day_through_the_tables():
    path = REAL_DATA / "charts" / "anelas_jp_top200_daily_2026.csv.gz"
    file = read_whole_chart(path.name, path.read_bytes())
    edition = next(edition for edition in file.editions if edition.chart_date == date(2026, 7, 9))
    songs, _, _ = tables_of(file, edition)
    assert [song["position"] for song in songs] == list(range(1, 201))
    assert [song["position"] for song in songs if song["row_status"] == "untitled"] == [197]
    assert [song["song_id"] for song in songs if song["song_id"]] == [
        row.values["track_id"] for row in edition.rows if row.values["track_id"]
    ]
    assert [song["streams"] for song in songs] == [int(row.values["streams"]) for row in edition.rows]

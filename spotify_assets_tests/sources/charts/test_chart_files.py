"""Chart files of every known format and every known kind of dirt: read to the letter, or refused by file and line."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import sqlite3
import tarfile
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.errors import SourceRefusal, StorageError
from spotify_assets.sources.charts.chart_files import read_chart_file
from spotify_assets.sources.charts.chart_text import misreading
from spotify_assets.transforms.chart_rows import chart_entry
from spotify_assets_tests.helpers.fuzzing import assert_whole
from spotify_assets_tests.helpers.make_snapshot import examples, make_snapshot
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.helpers.whole_chart import read_whole_chart

CHARTS = REAL_DATA / "charts"
OPEN_FILES = Path("/proc/self/fd")
BOM = b"\xef\xbb\xbf"
ID_1, ID_2, ID_3 = "0aaaaaaaaaaaaaaaaaaaa1", "0aaaaaaaaaaaaaaaaaaaa2", "0aaaaaaaaaaaaaaaaaaaa3"

DAILY = f"""\
rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams
1,"spotify:track:{ID_1}","Hoshi, Yoru","青い傘","Label A/Label B",1,2,9,"120345"
2,"spotify:track:{ID_2}","Kumo","Rain, ""again"", twice","Label C",2,-1,1,"99000"
"""
WEEKLY = DAILY.replace("days_on_chart", "weeks_on_chart")
OLD = f"""\
Position,"Track Name",Artist,Streams,URL
1,青い傘,"Hoshi, Yoru",16292,https://open.spotify.com/track/{ID_1}
2,"Rain, again",Kumo,12259,https://open.spotify.com/track/{ID_2}
"""
NOTE = ',,,"Note that these figures are made by a formula.",\n'
PLAYLIST_ARCHIVE = """\
date,position,song,artist,popularity,duration_ms,album_type,total_tracks,release_date,is_explicit,album_cover_url
2023-05-18,1,青い傘,Hoshi & Yoru,89,213233,single,1,2023-04-12,False,https://images.example/1
2023-05-18,2,Rain,Kumo,78,209777,album,11,2023,True,https://images.example/2
2023-05-20,1,Rain,Kumo,78,209777,album,11,2023,True,https://images.example/2
"""
CHART_ARCHIVE = f"""\
chart_date,rank,prev_rank,track_id,title,artists,peak_rank,days_on_chart,streams
2026-06-30,1,1,{ID_1},青い傘,Hoshi,1,17,299966
2026-06-30,2,,{ID_2},Rain,Kumo,2,2456,238856
2026-07-01,1,2,{ID_2},Rain,Kumo,1,2457,250000
"""
OLD_ARCHIVE = f"""\
Position,Track Name,Artist,Streams,URL,Year,Month,Day,Region
1,青い傘,Hoshi,33176,https://open.spotify.com/track/{ID_1},2019,1,1,jp
2,Rain,Kumo,32759,https://open.spotify.com/track/{ID_2},2019,1,1,jp
1,Rain,Kumo,30172,https://open.spotify.com/track/{ID_2},2019,12,31,jp
"""
OLD_ARCHIVE_WITH_DATE = f"""\
Position,Track Name,Artist,Streams,URL,Date,Region
1,青い傘,Hoshi,33176,https://open.spotify.com/track/{ID_1},2017-08-01,jp
"""
COUNTRIES = f"""\
spotify_id,name,artists,daily_rank,daily_movement,weekly_movement,country,snapshot_date,popularity,is_explicit,\
duration_ms,album_name,album_release_date,danceability
{ID_1},青い傘,"Hoshi, Yoru",1,0,49,JP,2025-06-11,98,False,210000,傘,2024-08-16,0.5
{ID_2},Rain,Kumo,2,-1,0,JP,2025-06-11,90,True,180000,Rain,2024-08-16,0.5
{ID_2},Rain,Kumo,1,0,0, ,2025-06-11,90,True,180000,Rain,2024-08-16,0.5
{ID_3},Vent,Nuage,1,0,0,FR,2025-06-11,80,True,170000,Vent,2024-08-16,0.5
"""


def read(name, text, **arguments):
    return read_whole_chart(name, text.encode() if isinstance(text, str) else text, **arguments)


def refusal_of(name, text, **arguments):
    with pytest.raises(SourceRefusal) as caught:
        read(name, text, **arguments)
    refused = caught.value
    assert refused.what.startswith(name)
    assert refused.why
    assert refused.remedy
    return refused


def titles(file, column):
    return [[row.values[column] for row in edition.rows] for edition in file.editions]


# Formats


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
@pytest.mark.parametrize("with_source", [True, False])
@pytest.mark.parametrize("with_mark", [True, False])
def test_the_present_format(cadence, with_source, with_mark):
    text = DAILY if cadence == "daily" else WEEKLY
    if not with_source:
        text = re.sub(r',("Label[^"]*"|source)', "", text)
        assert "Label" not in text
    file = read(f"regional-jp-{cadence}-2026-11-19.csv", BOM * with_mark + text.encode())
    assert (file.format, file.chart) == ("charts.spotify.com", f"regional-jp-{cadence}")
    assert (file.country, file.cadence, file.notes) == ("jp", cadence, ())
    (edition,) = file.editions
    assert edition.chart_date == date(2026, 11, 19)
    assert [row.position for row in edition.rows] == [1, 2]
    assert titles(file, "track_name") == [["青い傘", 'Rain, "again", twice']]
    assert edition.rows[0].values["rank"] == "1"
    assert edition.rows[1].values["previous_rank"] == "-1"
    assert ("source" in edition.rows[0].values) == with_source


@pytest.mark.parametrize("note", ["", NOTE, NOTE.replace(",,,", " , ,,")])
def test_the_old_site(note):
    file = read("regional-global-daily-2019-12-17.csv", note + OLD)
    assert (file.format, file.country, file.cadence) == ("spotifycharts.com", "global", "daily")
    assert titles(file, "Track Name") == [["青い傘", "Rain, again"]]
    assert len(file.notes) == bool(note)
    assert all("Note that these figures" in said for said in file.notes)


def test_a_viral_chart_of_the_old_site_has_no_streams():
    file = read("viral-se-weekly-2019-12-26.csv", re.sub(r",(Streams|16292|12259)", "", OLD))
    assert file.chart == "viral-se-weekly"
    assert "Streams" not in file.editions[0].rows[0].values


@pytest.mark.parametrize(
    ("text", "format_", "country", "cadence", "days", "title"),
    [
        (PLAYLIST_ARCHIVE, "playlist archive", None, None, ["2023-05-18", "2023-05-20"], "song"),
        (CHART_ARCHIVE, "chart archive", None, "daily", ["2026-06-30", "2026-07-01"], "title"),
        (OLD_ARCHIVE, "spotifycharts.com archive", "jp", None, ["2019-01-01", "2019-12-31"], "Track Name"),
    ],
)
def test_the_archives(text, format_, country, cadence, days, title):
    file = read("a_file.csv", text)
    assert (file.format, file.chart, file.country, file.cadence) == (format_, None, country, cadence)
    assert [str(edition.chart_date) for edition in file.editions] == days
    assert titles(file, title) == [["青い傘", "Rain"], ["Rain"]]


def test_an_archive_of_the_old_site_with_whole_dates():
    file = read("data.csv", OLD_ARCHIVE_WITH_DATE)
    assert ([edition.chart_date for edition in file.editions], file.country) == ([date(2017, 8, 1)], "jp")


@pytest.mark.parametrize(
    ("country", "expected"), [("jp", ["青い傘", "Rain"]), ("global", ["Rain"]), (" FR ", ["Vent"])]
)
def test_one_country_of_many(country, expected):
    file = read("universal_top_spotify_songs.csv", COUNTRIES, country=country)
    assert (file.format, file.country, file.cadence) == ("countries data set", country.strip().lower(), "daily")
    assert titles(file, "name") == [expected]
    assert file.editions[0].rows[0].values["danceability"] == "0.5"


def test_rows_of_other_countries_are_counted():
    assert read("all.csv", COUNTRIES, country="jp").notes == ("2 rows of other countries left out: fr 1, global 1",)
    assert read("a.csv", OLD_ARCHIVE, country="jp").notes == ()


def test_many_countries_and_none_said():
    assert "3 countries: fr, global, jp" in refusal_of("all.csv", COUNTRIES).what


def test_a_country_that_is_not_there():
    refused = refusal_of("all.csv", COUNTRIES, country="de")
    assert "no chart of de" in refused.what
    assert "fr, global, jp" in refused.why


def test_the_other_countries_of_a_file_may_be_dirty():
    text = COUNTRIES + f"{ID_3},Vent,Nuage,0,0,0,FR,2025-06-11,80,True,170000,Vent,2024-08-16,0.5\n"
    assert titles(read("all.csv", text, country="jp"), "name") == [["青い傘", "Rain"]]
    assert "line 6" in refusal_of("all.csv", text, country="fr").what


def test_the_name_chooses_the_country_where_it_says_one():
    assert read("regional-fr-daily-2025-06-11.csv", COUNTRIES).country == "fr"


@pytest.mark.parametrize("blank", ["", " ", "Nippon", "j1"])
def test_a_country_that_is_none(blank):
    assert "line 2" in refusal_of("a.csv", OLD_ARCHIVE.replace(",jp\n", f",{blank}\n")).what


def test_a_file_of_another_country_than_asked_for():
    assert "not of us" in refusal_of("regional-jp-daily-2026-11-19.csv", DAILY, country="us").what
    assert "no chart of us" in refusal_of("regional-us-daily-2019-01-01.csv", OLD_ARCHIVE).what


def test_a_file_that_says_no_country_is_taken_at_the_word_of_the_caller():
    assert read("a.csv", CHART_ARCHIVE, country="jp").country is None


def test_headers_are_told_by_their_words():
    spaced = DAILY.replace("rank,uri,artist_names,track_name", 'RANK, "uri" ,Artist Names,Track Name', 1)
    file = read("regional-jp-daily-2026-11-19.csv", spaced)
    assert titles(file, "Track Name") == [["青い傘", 'Rain, "again", twice']]


def test_more_columns_than_known_are_kept():
    text = "".join(f"{index},{line}\n" for index, line in enumerate(DAILY.splitlines())).replace("0,rank", ",rank")
    file = read("regional-jp-daily-2026-11-19.csv", text)
    assert [row.values[""] for row in file.editions[0].rows] == ["1", "2"]


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "1,青い傘,Hoshi\n", DAILY.split("\n", 1)[1]])
def test_an_unknown_header(text):
    refused = refusal_of("x.csv", text)
    assert refused.what.startswith("x.csv, line 1: ")
    assert "charts.spotify.com (rank, uri, track_name, artist_names)" in refused.remedy
    assert "countries data set (daily_rank, spotify_id, name, artists, country, snapshot_date)" in refused.remedy


def test_a_column_twice():
    refused = refusal_of("x.csv", CHART_ARCHIVE.replace("prev_rank", "Track ID"))
    assert "line 1" in refused.what
    assert "track_id" in refused.what


# Days


@pytest.mark.parametrize(
    "name",
    [
        "regional-jp-daily-2026-11-20.csv",
        "regional-jp-daily-2026-11-20 (1).csv",
        "regional-jp-daily-2026-11-20(12).csv",
        "Regional-JP-daily-2026-11-20.CSV.gz",
        "2019-01-01/charts.zip/regional-jp-daily-2026-11-20.csv",
        r"C:\charts\2019-01-01\regional-jp-daily-2026-11-20.csv",
    ],
)
def test_the_day_from_the_name(name):
    file = read(name, DAILY)
    assert file.name == name
    assert [edition.chart_date for edition in file.editions] == [date(2026, 11, 20)]
    assert (file.chart, file.country) == ("regional-jp-daily", "jp")


def test_a_name_of_ones_own_with_one_date():
    assert read("Japan 2019-12-17.csv", OLD).editions[0].chart_date == date(2019, 12, 17)


def test_a_week_of_the_old_site_is_filed_under_its_thursday():
    file = read("regional-jp-weekly-2019-12-27--2020-01-03.csv", OLD)
    assert [edition.chart_date for edition in file.editions] == [date(2020, 1, 2)]
    assert (file.cadence, file.notes) == ("weekly", ())


@pytest.mark.parametrize(
    "name",
    [
        "regional-jp-weekly-2019-12-27--2020-01-10.csv",
        "regional-jp-weekly-2019-12-26--2020-01-02.csv",
        "regional-jp-daily-2019-12-27--2020-01-03.csv",
    ],
)
def test_a_week_that_is_none(name):
    assert "no week" in refusal_of(name, OLD).what


@pytest.mark.parametrize(("named", "day"), [(18, 18), (19, 19), (20, 19), (21, 21)])
def test_a_weekly_chart_dated_by_the_friday_after_its_week_is_put_to_the_thursday(named, day):
    (edition,) = read(f"regional-jp-weekly-2026-11-{named}.csv", WEEKLY).editions
    assert edition.chart_date == date(2026, 11, day)


@pytest.mark.parametrize(
    "name",
    [
        "regional-jp-daily-latest.csv",
        "regional-jp-daily-2017-03.csv",
        "regional-fr-weekly-2019-10_note_row.csv",
        "regional-jp-daily.csv",
        "jp 2019-12-01 to 2019-12-31.csv",
        "12019-12-170.csv",
    ],
)
def test_no_day_is_guessed(name):
    refused = refusal_of(name, OLD)
    assert "does not say the day" in refused.what
    assert "regional-jp-daily-2026-11-20.csv" in refused.remedy


def test_a_name_without_a_day_where_the_data_has_one():
    assert len(read("regional-jp-daily-latest.csv", CHART_ARCHIVE).editions) == 2


def test_a_name_whose_date_is_none():
    assert "2026-02-30" in refusal_of("regional-jp-daily-2026-02-30.csv", DAILY).what


def test_name_and_data_that_say_different_days():
    one_day = "".join(CHART_ARCHIVE.splitlines(keepends=True)[:3])
    assert read("regional-jp-daily-2026-06-30.csv", one_day).editions[0].chart_date == date(2026, 6, 30)
    for name, text in (
        ("regional-jp-daily-2026-07-01.csv", one_day),
        ("export 2026-07-01.csv", one_day),
        ("regional-jp-daily-2026-07-01.csv", CHART_ARCHIVE),
    ):
        refused = refusal_of(name, text)
        assert "2026-07-01" in refused.what
        assert "2026-06-30" in refused.what


def test_a_file_of_many_days_may_carry_the_day_of_its_download():
    assert len(read("export 2026-08-21.csv", CHART_ARCHIVE).editions) == 2


def test_name_and_columns_that_say_different_cadences():
    assert "daily" in refusal_of("regional-jp-weekly-2026-11-19.csv", DAILY).what
    assert "weekly" in refusal_of("regional-jp-daily-2026-11-19.csv", WEEKLY).what


@pytest.mark.parametrize("written", ["2023/05/18", " 2023-5-18 ", "2023-05-18 00:00:00", "2023-05-18T00:00:00Z"])
def test_dates_in_other_spellings(written):
    file = read("a.csv", PLAYLIST_ARCHIVE.replace("2023-05-18", written))
    assert [edition.chart_date for edition in file.editions] == [date(2023, 5, 18), date(2023, 5, 20)]


@pytest.mark.parametrize("written", ["", "18/05/2023", "2023-13-01", "2023-05", "May 18 2023", "2023-05-18 13:00:00"])
def test_dates_that_are_none(written):
    assert "line 2" in refusal_of("a.csv", PLAYLIST_ARCHIVE.replace("2023-05-18", written, 1)).what


@pytest.mark.parametrize("day", ["32", "", "x", "1.5"])
def test_parts_of_dates_that_are_none(day):
    assert "line 2" in refusal_of("a.csv", OLD_ARCHIVE.replace("2019,1,1,", f"2019,1,{day},", 1)).what


def test_a_date_column_that_was_added_to_a_format_without_one():
    lines = DAILY.splitlines()
    text = "\n".join([lines[0] + ",date", *(f"{line},2026-11-18" for line in lines[1:])])
    assert read("joined.csv", text).editions[0].chart_date == date(2026, 11, 18)


# Dirt


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n", "\r\r\n"])
def test_line_ends(line_end):
    file = read("regional-jp-daily-2026-11-20.csv", DAILY.replace("\n", line_end))
    assert titles(file, "track_name") == [["青い傘", 'Rain, "again", twice']]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_inside_a_title_stay_and_count(line_end):
    text = DAILY.replace("青い傘", "青い\n傘").replace("\n2,", "\nx,").replace("\n", line_end)
    assert "line 4: " in refusal_of("regional-jp-daily-2026-11-20.csv", text).what
    file = read("regional-jp-daily-2026-11-20.csv", text.replace("x,", "2,"))
    assert titles(file, "track_name")[0][0] == f"青い{line_end}傘"


def test_separators_of_lines_that_csv_does_not_know_stay():
    title = "a\u2028b\x0bc\x85d"
    assert titles(read("regional-jp-daily-2026-11-20.csv", DAILY.replace("青い傘", title)), "track_name")[0][0] == title


def test_two_byte_order_marks():
    file = read("regional-jp-daily-2026-11-20.csv", BOM + BOM + DAILY.encode())
    assert file.editions[0].rows[0].values["rank"] == "1"


@pytest.mark.parametrize("name", ["regional-jp-daily-2026-11-20.csv", "regional-jp-daily-2026-11-20.csv.gz"])
def test_gzip_is_told_by_the_bytes(name):
    assert read(name, gzip.compress(DAILY.encode(), mtime=0)).editions == read(name, DAILY).editions


def test_damaged_gzip():
    packed = gzip.compress(DAILY.encode(), mtime=0)
    for damaged in (packed[:-9], packed[:20] + b"\xff\xff" + packed[22:], packed + b"x"):
        assert "damaged" in refusal_of("regional-jp-daily-2026-11-20.csv.gz", damaged).what


def test_a_zip_archive():
    assert "zip archive" in refusal_of("regional-jp-daily-2026-11-20.zip", b"PK\x03\x04rest").what


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_archive(form):
    archived = io.BytesIO()
    member = tarfile.TarInfo("日本/regional-jp-daily-2026-11-20.csv")
    member.size = len(DAILY.encode())
    with tarfile.open(fileobj=archived, mode="w", format=form) as writer:
        writer.addfile(member, io.BytesIO(DAILY.encode()))
    for content in (archived.getvalue(), gzip.compress(archived.getvalue(), mtime=0)):
        refused = refusal_of("charts.csv.gz", content)
        assert refused.what == "charts.csv.gz: it is a tar archive, not a CSV file."
        assert "unpack it" in refused.remedy


@pytest.mark.parametrize(
    "content", [b"x" * 2_000_000, b"Position,Track Name,Artist,Streams,URL\n1," + b"x" * 2_000_000 + b"\n"]
)
def test_a_line_that_is_no_row_is_refused_without_being_held(content):
    for packed in (content, gzip.compress(content, mtime=0)):
        tracemalloc.start()
        refused = refusal_of("regional-jp-daily-2026-11-20.csv", packed)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert "it has a line of more than 1,000,000 characters" in refused.what
        assert peak < 8_000_000


@pytest.mark.parametrize("begin", [b"", b"Position,Track Name,Artist,Streams,URL\n"])
def test_a_file_that_unpacks_without_end_is_refused_at_a_bound(begin, monkeypatch):
    monkeypatch.setattr("spotify_assets.sources.charts.chart_text.MOST_CHARACTERS", 1_000_000)
    packed = gzip.compress(begin + b"1,a,b,1,c\n" * 1_000_000, mtime=0)
    refused = refusal_of("regional-jp-daily-2026-11-20.csv.gz", packed)
    assert "unpacked it has more than 1,000,000 characters" in refused.what


@pytest.mark.parametrize("content", [b"", BOM, b" \r\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file(content):
    assert "empty" in refusal_of("regional-jp-daily-2026-11-20.csv", content).what


def test_a_header_without_rows():
    for text in (OLD, NOTE + OLD, COUNTRIES):
        end = text.index("\n", text.lower().index(",artist")) + 1
        assert "no rows" in refusal_of("regional-jp-daily-2026-11-20.csv", text[:end]).what
    assert "header" in refusal_of("regional-jp-daily-2026-11-20.csv", NOTE).what


@pytest.mark.parametrize("page", ["<!DOCTYPE html><html>…</html>", "\n\n<html lang=en>", "<?xml version='1.0'?>"])
def test_a_web_page(page):
    assert "web page" in refusal_of("regional-jp-daily-2019-12-17.csv", page).what


def test_repeated_headers_are_left_out():
    header, first, second = DAILY.splitlines()
    text = "\n".join([header, first, header, second, "\ufeff" + header, ",,,,,,,,", ""])
    file = read("regional-jp-daily-2026-11-20.csv", text)
    assert titles(file, "track_name") == [["青い傘", 'Rain, "again", twice']]
    assert file.notes == ("repeated header left out on lines 3, 5", "blank row left out on line 6")


def test_a_header_of_another_order_is_no_repeated_header():
    for header in (WEEKLY.splitlines()[0], "uri,rank" + DAILY.splitlines()[0].removeprefix("rank,uri")):
        refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY + header)
        assert "line 4: a row's position" in refused.what


@pytest.mark.parametrize("row", ["3,too,few", f'3,"spotify:track:{ID_3}",A,B, C,D,1,1,1,"5"'])
def test_rows_of_another_width(row):
    assert "line 4: a row has" in refusal_of("regional-jp-daily-2026-11-20.csv", DAILY + row).what


@pytest.mark.parametrize(
    ("row", "line"),
    [('3,"A title" without,b,c,d,1,1,1,5\n', 4), ('3,"never closed,b,c,d,1,1,1,5\n4,a,b,c,d,1,1,1,5\n', 4)],
)
def test_broken_quotes(row, line):
    assert f"line {line}: a row is not proper CSV" in refusal_of("regional-jp-daily-2026-11-20.csv", DAILY + row).what


@pytest.mark.parametrize("position", ["", "0", "-1", "1.5", "x", "１", "1e3", "1.000", "1001", "20240505", "9" * 20])
def test_positions_that_are_none(position):
    refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY.replace("\n2,", f"\n{position},"))
    assert "line 3: a row's position" in refused.what


def test_positions_may_be_written_as_fractions_and_in_any_order():
    header, first, second = DAILY.splitlines()
    file = read("regional-jp-daily-2026-11-20.csv", "\n".join([header, second.replace("2,", " 2.0,", 1), first]))
    assert [(row.position, row.values["rank"]) for row in file.editions[0].rows] == [(1, "1"), (2, " 2.0")]


def test_numbers_that_cannot_be_read_are_counted():
    text = CHART_ARCHIVE.replace("299966", "299.966").replace("2456,238856", "2.456,1.238.856")
    assert read("a.csv", text).notes == ("3 numbers could not be read, the first on line 2: streams '299.966'",)
    one = CHART_ARCHIVE.replace("2457", "many")
    assert read("a.csv", one).notes == ("1 number could not be read, the first on line 4: days_on_chart 'many'",)


@pytest.mark.parametrize("number", ["", "NA", "-1", "-1.0", "0", "1,234", "1234.0", " 7 "])
def test_numbers_that_can_be_read_and_missing_ones_are_not_told_of(number):
    text = PLAYLIST_ARCHIVE.replace(",89,", f',"{number}",')
    assert read("a.csv", text).notes == ()


def test_days_may_be_in_any_order():
    header, *rows = CHART_ARCHIVE.splitlines()
    assert read("a.csv", "\n".join([header, *reversed(rows)])).editions == read("a.csv", CHART_ARCHIVE).editions


def test_a_position_twice_on_one_day():
    refused = refusal_of("a.csv", CHART_ARCHIVE.replace("2026-07-01,1,", "2026-06-30,1,"))
    assert "a.csv, line 4: position 1 of 2026-06-30 is listed twice, on lines 2 and 4" in refused.what


def test_skipped_positions_and_short_charts():
    rows = "".join(f"{place},T{place},A,5,https://open.spotify.com/track/{ID_1}\n" for place in (2, 3, 7, 9))
    file = read("regional-mt-daily-2019-12-17.csv", OLD.splitlines()[0] + "\n" + rows)
    assert [row.position for row in file.editions[0].rows] == [2, 3, 7, 9]
    assert file.notes == ("2019-12-17: nothing listed at position 1, 4-6, 8",)
    assert read("regional-mt-daily-2019-12-17.csv", OLD).notes == ()


@pytest.mark.parametrize("blank", ["", " ", "null", "NULL", "None", "nan", "NA", "n/a", "\\N", "-", "<NA>"])
def test_rows_without_title_or_id_are_kept_and_noted(blank):
    text = CHART_ARCHIVE.replace(f"{ID_1},青い傘", f"{blank},{blank}").replace(f",,{ID_2},Rain", f",,{blank},Rain")
    file = read("a.csv", text)
    assert titles(file, "title") == [[blank, "Rain"], ["Rain"]]
    assert file.notes == (
        "2026-06-30: neither title nor track id at position 1",
        "2026-06-30: no track id at position 2",
    )


def test_a_song_may_be_called_none():
    assert read("a.csv", CHART_ARCHIVE.replace("青い傘", "None")).notes == ()
    assert read("a.csv", CHART_ARCHIVE.replace("青い傘", " ")).notes == ("2026-06-30: no title at position 1",)


@pytest.mark.parametrize("no_id", ["unknown", ID_1[:-1], f"{ID_1}0", "spotify:track:NA"])
def test_what_is_no_track_id_is_told_of(no_id):
    assert read("a.csv", CHART_ARCHIVE.replace(ID_1, no_id)).notes == ("2026-06-30: no track id at position 1",)


def test_rows_without_title_where_the_format_has_no_ids():
    assert read("a.csv", PLAYLIST_ARCHIVE.replace(",青い傘,", ",,")).notes == ("2023-05-18: no title at position 1",)


# Letters


@pytest.mark.parametrize(
    ("codec", "seems"),
    [
        ("cp932", "Shift-JIS (cp932)"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("euc_jp", "EUC-JP"),
        ("iso2022_jp", "iso2022_jp"),
    ],
)
def test_other_encodings_are_named(codec, seems):
    refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY.replace("Kumo", "くも").encode(codec))
    assert "not UTF-8" in refused.what
    assert f"it looks like {seems}" in refused.why
    assert f"line {1 if seems == 'UTF-16' else 2}" in refused.what


def test_western_encodings_are_named():
    text = DAILY.replace("青い傘", "Señorita").replace("Kumo", "Beyoncé à deux").encode("latin-1")
    refused = refusal_of("regional-fr-daily-2026-11-20.csv", text.replace(b"\n", b"\r\n"))
    assert "line 2" in refused.what
    assert "Windows-1252" in refused.why


def test_an_encoding_that_cannot_be_told_is_not_named():
    broken = DAILY.encode() + b"\xff\xff\xff"
    assert "cannot be told" in refusal_of("regional-jp-daily-2026-11-20.csv", broken).why


@pytest.mark.parametrize(
    ("codec", "title"), [("cp949", "밤하늘"), ("cp1251", "Группа крови"), ("mac_roman", "Señorita")]
)
def test_encodings_of_other_countries_are_named(codec, title):
    content = DAILY.replace("青い傘", title).replace("Kumo", title).encode(codec)
    label = "Mac Roman" if codec == "mac_roman" else codec
    assert f"it looks like {label}" in refusal_of("regional-jp-daily-2026-11-20.csv", content).why


def test_zero_bytes_are_refused_with_their_line():
    refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY.replace("Kumo", "Ku\x00mo"))
    assert "line 3" in refused.what
    assert "0x00" in refused.why
    assert "0x00" in refusal_of("regional-jp-daily-2026-11-20.csv", "\x00" + DAILY).why


def test_lost_letters_are_refused_with_their_line():
    refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY.replace("Kumo", "K\ufffdmo"))
    assert "line 3" in refused.what
    assert "U+FFFD" in refused.what
    assert "U+FFFD" in refusal_of("regional-jp-daily-2026-11-20.csv", "\ufffd" + DAILY).what


@pytest.mark.parametrize(
    ("codec", "title"),
    [
        ("latin-1", "青い傘"),
        ("latin-1", "Señorita"),
        ("cp1252", "カメラ"),
        ("cp1252", "Señorita"),
        ("mac_roman", "かさ"),
        ("mac_roman", "Señorita"),
        ("cp932", "カメラ"),
        ("cp932", "アイス"),
        ("cp437", "夜に駆ける"),
        ("iso8859-2", "かさ"),
    ],
)
def test_text_that_was_garbled_is_refused_with_its_line(codec, title):
    garbled = title.encode().decode(codec)
    refused = refusal_of("regional-jp-daily-2026-11-20.csv", DAILY.replace('Rain, ""again"", twice', garbled))
    assert "line 3: its text was garbled" in refused.what
    assert title in refused.why


@pytest.mark.parametrize(
    "text",
    ["ã\x81\x82", "ã‚¢", "canciÃ³n", "Â¿QuiÃ©n?", "Itâ€™s", "Ð¡Ð¿Ð°Ñ‚ÑŒ", "ë°¤í•˜ëŠ˜", "cafÃ©", "gÃ¼n ÄŸ", "ðŸ’”"],
)
def test_garbled_text(text):
    found = misreading(text)
    assert found is not None
    assert found[0] == "Windows-1252 (Latin-1)"
    assert len(found[1]) < len(text)


@pytest.mark.parametrize(
    "text",
    [
        "IRMÃ…",
        "CAFÉ®",
        "“CAFÉ®”",
        "AMANHÃ",
        "SÃO PAULO",
        "Été…",
        "« GÅ»",
        "MAÇÃ”",
        "Ñandú ¿qué?",
        "voilà…",
        "ﾃｽﾄ",
        "ﾘｽ",
        "縺れる糸",
        "繧繝",
        "√2",
        "√",
        "„Åland“",
        "Ærlig",
        "naïve café",
        "Ø",
        "東京",
        "밤하늘",
        "Спать",
        "×2",
        "ÄÖÜ",
        "Straße²",
        "💔",
    ],
)
def test_text_that_is_as_it_should_be(text):
    assert misreading(text) is None


@given(st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x9FFF), min_size=1))
def test_japanese_is_never_taken_for_garbled(title):
    assert misreading(title) is None or set(title) & set("縺繧繝")


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        (["???", "????? - Rain", "Ame ??"], ["Why?", "Who Are You???", "?", "What? No", "3?b", "??!"]),
        (["Se?orita", "Coraz?n", "Ma?ana"], ["Señorita", "Y ahora qué?", "¿Qué?"]),
    ],
)
def test_letters_that_became_question_marks(lost, kept):
    name = "regional-jp-daily-2019-12-17.csv"
    link = f"5,https://open.spotify.com/track/{ID_1}\n"

    def chart(names, places):
        rows = "".join(f"{place},{names[place % len(names)]},A,{link}" for place in places)
        return f"{rows}{places.stop},T,{names[0]},{link}"

    refused = refusal_of(name, OLD + chart(lost, range(3, 6)))
    assert "line 4: 3 different titles and artists" in refused.what
    assert len(read(name, OLD + chart(lost[:2], range(3, 6))).editions[0].rows) == 6
    assert len(read(name, OLD + chart(kept, range(3, 30))).editions[0].rows) == 30
    others = "".join(f"{place},T{place},A,{link}" for place in range(7, 203))
    assert len(read(name, OLD + chart(lost, range(3, 6)) + others).editions[0].rows) == 202


# Round trips

words = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="\x00\ufffd"), st.sampled_from(',"\n\r;夜に駆ける、')),
    max_size=20,
).filter(lambda word: misreading(word) is None and "?" not in word)
dialects = st.sampled_from(
    [
        {"quoting": csv.QUOTE_MINIMAL, "lineterminator": "\r\n"},  # the writer quotes only the line ends it uses
        {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"},
        {"quoting": csv.QUOTE_ALL, "lineterminator": "\r"},
        {"quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\r\n"},
    ]
)


@pytest.mark.slow
@given(st.lists(st.tuples(words, words), min_size=1, max_size=8), dialects, st.booleans(), st.booleans())
def test_what_was_written_is_read(songs, dialect, with_mark, packed):
    header = ["rank", "uri", "artist_names", "track_name", "source", "peak_rank", "previous_rank", "days_on_chart"]
    rows = [
        [str(place), f"spotify:track:{ID_1}", artist, title, "L", "1", "", "9"]
        for place, (artist, title) in enumerate(songs, 1)
    ]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **dialect).writerows([header, *rows])
    content = BOM * with_mark + buffer.getvalue().encode()
    file = read("regional-jp-daily-2026-11-20.csv", gzip.compress(content, mtime=0) if packed else content)
    assert [list(row.values.values()) for row in file.editions[0].rows] == rows
    assert {tuple(row.values) for row in file.editions[0].rows} == {tuple(header)}


@given(
    st.sampled_from([DAILY, NOTE + OLD, PLAYLIST_ARCHIVE, CHART_ARCHIVE, OLD_ARCHIVE, COUNTRIES]),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9), st.binary(max_size=4)), min_size=1, max_size=3),
    st.sampled_from(["regional-jp-daily-2026-11-20.csv", "a.csv", "regional-jp-weekly-2019-12-27--2020-01-03.csv"]),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(text, damages, name):
    content = text.encode()
    for start, length, replacement in damages:
        content = content[:start] + replacement + content[start + length :]
    with contextlib.suppress(SourceRefusal):
        file = read_whole_chart(name, content)
        assert file.editions
        assert all(edition.rows for edition in file.editions)


CELLS = st.sampled_from(
    [
        *("", "0", "-1", "1.0", "1e3", "٣", "9" * 400, "1", "2", "3", "nan", '"', "=1+1", "a\x00b", "\u202egnissim"),
        *("\ufeff", "x" * 100_000, "2026-02-30", "9999-12-31", "JP", " ", "?", ID_3, f"spotify:track:{ID_1}", "a\nb"),
    ]
) | st.text(st.characters(blacklist_categories=["Cs"]), max_size=6)


@pytest.mark.slow
@settings(max_examples=examples(30))
@given(st.sampled_from([DAILY, OLD, PLAYLIST_ARCHIVE, CHART_ARCHIVE, OLD_ARCHIVE, COUNTRIES]), st.data())
def test_any_cells_are_whole_days_or_refused(text, data):
    table = list(csv.reader(text.splitlines()))
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.sampled_from(table))
        place = data.draw(st.integers(0, len(row)))
        row[place : place + 1] = data.draw(st.lists(CELLS, max_size=2) | CELLS.map(lambda cell: [cell]))
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(table)
    try:
        file = read_whole_chart("regional-jp-daily-2026-11-20.csv", buffer.getvalue().encode(), country="jp")
    except SourceRefusal:
        return
    for edition in file.editions:
        rows = {row.position: row.values for row in edition.rows}
        assert len(rows) == len(edition.rows)
        assert_whole(make_snapshot(map(rows.get, range(1, max(rows) + 1)), edition.chart_date, source="charts"))


# Long files


def long_archive(days, last_row=""):
    """Days of 20 rows of some 300 bytes, newest first. Songs come back, as they do in charts."""
    header = CHART_ARCHIVE.splitlines()[0]
    rows = (
        f"{date(2026, 1, 1) - timedelta(days=day)},{place},,{ID_1},傘 {day % 9} {place},{'Hoshi ' * 40},1,1,5\n"
        for day in range(days)
        for place in range(1, 21)
    )
    return io.BytesIO(f"{header}\n{''.join(rows)}{last_row}".encode())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_days():
    peaks = []
    for days in (50, 1000):
        file = long_archive(days)
        tracemalloc.start()
        content = read_chart_file("a.csv", file)
        chart = content.of()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(chart.editions) == days
        assert [row.values["title"] for row in content.rows.of(chart.number, date(2026, 1, 1))] == [
            f"傘 0 {place}" for place in range(1, 21)
        ]
    # The longer one is 6 MB of text.
    assert peaks[1] - peaks[0] < 1_000_000


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="counts open files as Linux lists them")
@pytest.mark.parametrize("last_row", ['2026-01-01,21,,,"never closed\n', f"2026-01-01,21,,{ID_1},æ„›æ„›,Hoshi,1,1,5\n"])
def test_a_refusal_that_is_kept_keeps_no_temporary_file(last_row):
    before = len(list(OPEN_FILES.iterdir()))
    with pytest.raises(SourceRefusal, match="line 20002") as kept:
        read_chart_file("a.csv", long_archive(1000, last_row)).of()
    assert kept
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_full_disk_is_named_with_what_to_do(monkeypatch):
    def connect_to_a_full_disk(*arguments, **options):
        database = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count = 3")
        return database

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect_to_a_full_disk)
    with pytest.raises(StorageError, match="database or disk is full") as caught:
        read_chart_file("a.csv", long_archive(10))
    assert "set TMPDIR" in caught.value.remedy


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="counts open files as Linux lists them")
def test_rows_that_nobody_needs_keep_no_temporary_file():
    before = len(list(OPEN_FILES.iterdir()))
    content = read_chart_file("a.csv", long_archive(1000))
    chart = content.of()
    assert len(list(OPEN_FILES.iterdir())) == before + 1
    del content
    assert len(list(OPEN_FILES.iterdir())) == before
    assert len(chart.editions) == 1000


# Real files


def real(name):
    return (CHARTS / name).read_bytes()


def plain_rows(name):
    with gzip.open(CHARTS / name, "rt", encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


@requires_real_data
def test_556_days_of_50_with_four_gaps():
    file = read("top50.csv.gz", real("anxods_jp_top50_daily_2023-05_2024-11.csv.gz"))
    days = [edition.chart_date for edition in file.editions]
    span = {days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days + 1)}
    assert sorted(span - set(days)) == [
        date(2024, 3, 14),
        date(2024, 3, 25),
        date(2024, 7, 11),
        date(2024, 8, 13),
    ]
    assert len(days) == 556
    assert {tuple(row.position for row in edition.rows) for edition in file.editions} == {tuple(range(1, 51))}
    assert [row.values for edition in file.editions for row in edition.rows] == sorted(
        plain_rows("anxods_jp_top50_daily_2023-05_2024-11.csv.gz"), key=lambda row: (row["date"], int(row["position"]))
    )
    assert file.notes == ()


@requires_real_data
def test_43_days_of_200_with_36_incomplete_rows():
    name = "anelas_jp_top200_daily_2026.csv.gz"
    file = read(name, real(name))
    assert [len(edition.rows) for edition in file.editions] == [200] * 43
    plain = plain_rows(name)
    noted = [re.fullmatch(r"(\S+): neither title nor track id at positions? (.+)", note) for note in file.notes]
    assert sorted((note[1], place) for note in noted for place in note[2].split(", ")) == sorted(
        (row["chart_date"], row["rank"]) for row in plain if not row["title"] and not row["track_id"]
    )
    assert sum(len(note[2].split(", ")) for note in noted) == 36
    entries = [chart_entry(row.values)[0] for edition in file.editions for row in edition.rows]
    total, blank = 0, 0
    for row in plain:
        if row["streams"]:
            total += int(row["streams"])
        else:
            blank += 1
    assert sum(entry.get("streams", 0) for entry in entries) == total > 0
    assert sum("streams" not in entry for entry in entries) == blank


@requires_real_data
@pytest.mark.parametrize("country", ["jp", "us"])
def test_181_days_of_100(country):
    name = f"tanay_{country}_top100_daily_2019H1.csv.gz"
    file = read(name, real(name))
    assert (file.country, file.notes) == (country, ())
    assert [len(edition.rows) for edition in file.editions] == [100] * 181
    assert file.editions[0].chart_date == date(2019, 1, 1)
    assert file.editions[-1].chart_date == date(2019, 6, 30)
    streams = [int(row.values["Streams"]) for edition in file.editions for row in edition.rows]
    assert sum(streams) == sum(int(row["Streams"]) for row in plain_rows(name))
    assert len(streams) == 18_100


@requires_real_data
@pytest.mark.parametrize(
    ("stored", "name", "first"),
    [
        ("regional-jp-daily-2017-03.csv", "regional-jp-daily-2017-03-15.csv", "Ed Sheeran"),
        ("regional-jp-daily-2019-12-17.csv", "regional-jp-daily-2019-12-17.csv", "Official HIGE DANdism"),
        (
            "regional-fr-weekly-2019-10_note_row.csv",
            "regional-fr-weekly-2019-10-04--2019-10-11.csv",
            "Moha La Squale",
        ),
    ],
)
def test_single_files_of_the_old_site(stored, name, first):
    file = read(name, real(stored))
    assert len(file.editions[0].rows) == 200
    assert file.editions[0].rows[0].values["Artist"] == first
    if stored != name:
        assert "does not say the day" in refusal_of(stored, real(stored)).what

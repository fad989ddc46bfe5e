"""Chart files of other tools, of many countries, and with bad rows: what is read, what a flaw costs, whose it is."""

from __future__ import annotations

import io
import time
from datetime import date, timedelta

import pytest

from spotify_assets.errors import SourceRefusal
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.charts.chart_files import NoSuchChart, SeveralCharts, read_chart_file
from spotify_assets.sources.charts.file_names import chart_and_day_in_name
from spotify_assets.sources.charts.landing import Original, share_out
from spotify_assets.transforms.chart_rows import chart_entry
from spotify_assets_tests.helpers.whole_chart import read_whole_chart

ID_1, ID_2 = "0bbbbbbbbbbbbbbbbbbbb1", "0bbbbbbbbbbbbbbbbbbbb2"
LINK = f"https://open.spotify.com/track/{ID_1}"
FYCHARTS = f"""\
Position,Track Name,Artist,Streams,date,region,spotify_id
1,Kaze,Hoshi,5000,2020-04-01,jp,{ID_1}
2,Rain,Kumo,4000,2020-04-01,jp,{ID_2}
1,Rain,Kumo,4100,2020-04-02,jp,{ID_2}
"""
KAGGLE = f"""\
title,rank,date,artist,url,region,chart,trend,streams
Kaze,1,2018-05-01,Hoshi,{LINK},South Korea,top200,NEW_ENTRY,5000.0
Kaze,1,2018-05-02,Hoshi,{LINK},South Korea,top200,SAME_POSITION,5100.0
Wind,1,2018-05-01,Kumo,{LINK},South Korea,viral50,NEW_ENTRY,
Vent,1,2018-05-01,Nuage,{LINK},Global,top200,NEW_ENTRY,9000.0
"""
PACKAGE = f"""\
track_position,track_name,artist_name,stream_count,track_url,region_name,date
1,Kaze,Hoshi,700,{LINK},United Kingdom,2021-02-03
"""


def read(name, text, **arguments):
    return read_whole_chart(name, text.encode(), **arguments)


def playlist(chart):
    *_, cadence = chart.split("-")
    return PlaylistSettings(chart.replace("-", "_"), "A Chart", cadence, "charts", chart=chart)


def shares(name, text, *charts, slug=None):
    original = Original(name, f"{name} {hash(text)}", lambda: io.BytesIO(text.encode()))
    return [
        (share.playlist.chart, [str(edition.chart_date) for edition in share.chart.editions])
        for share in share_out(original, [playlist(chart) for chart in charts], slug)
    ]


class TestFormatsOfTools:
    @pytest.mark.parametrize(
        ("text", "country", "kind", "days", "entry"),
        [
            (FYCHARTS, "jp", None, 2, {"streams": 5000}),
            (KAGGLE, "kr", "regional", 2, {"streams": 5000}),
            (KAGGLE, "kr", "viral", 1, {}),
            (KAGGLE, "global", "regional", 1, {"streams": 9000}),
            (PACKAGE, "gb", None, 1, {"streams": 700}),
        ],
    )
    def test_are_read_with_country_kind_and_numbers(self, text, country, kind, days, entry):
        file = read("data.csv", text, country=country, kind=kind)
        assert (file.country, len(file.editions)) == (country, days)
        said, track = chart_entry(file.editions[0].rows[0].values)
        assert said.get("streams") == entry.get("streams")
        assert track["id"] == ID_1
        assert track["artists"]

    @pytest.mark.parametrize("beginning", ["", "sep=;\n", '"sep=;"\r\n'])
    def test_semicolons(self, beginning):
        file = read("data.csv", beginning + FYCHARTS.replace(",", ";").replace("Kaze", '"Kaze; Kaze"'))
        assert [row.values["Track Name"] for row in file.editions[0].rows] == ["Kaze; Kaze", "Rain"]

    def test_tabs(self):
        assert len(read("data.csv", FYCHARTS.replace(",", "\t")).editions) == 2

    def test_lines_are_counted_below_the_line_that_names_the_separator(self):
        text = "sep=;\n" + FYCHARTS.replace(",", ";").replace("2;Rain", "x;Rain")
        with pytest.raises(SourceRefusal, match="line 4: a row's position is 'x'"):
            read("data.csv", text)

    @pytest.mark.parametrize(
        ("said", "code"),
        [("Japan", "jp"), ("united  states", "us"), ("Czech Republic", "cz"), ("GLOBAL", "global"), ("Mx", "mx")],
    )
    def test_countries_by_name(self, said, code):
        assert read("data.csv", PACKAGE.replace("United Kingdom", said)).country == code

    def test_a_country_that_is_none(self):
        with pytest.raises(SourceRefusal, match="line 2: a row's country is 'Atlantis'"):
            read("data.csv", PACKAGE.replace("United Kingdom", "Atlantis"))

    def test_a_kind_has_to_be_said_where_there_are_two(self):
        with pytest.raises(SeveralCharts, match="2 kinds: regional, viral"):
            read("data.csv", KAGGLE, country="kr")
        with pytest.raises(NoSuchChart, match="no chart of jp"):
            read("data.csv", KAGGLE, country="jp", kind="viral")

    def test_weeks_of_the_old_site_in_a_column(self):
        text = FYCHARTS.replace("2020-04-01", "2020-03-27--2020-04-03").replace("2020-04-02", "2020-04-03--2020-04-10")
        file = read("top_200_weekly.csv", text)
        assert file.cadence == "weekly"
        assert [str(edition.chart_date) for edition in file.editions] == ["2020-04-02", "2020-04-09"]

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ('{"error":{"status":404,"message":"Not found."}}', "the error 404: Not found."),
            ('\n{\n "error": {"status": 401,\n "message": "No token"}}', "the error 401: No token"),
            ('[{"track": 1}]', "an answer that begins with '[{\"track\": 1}]'"),
        ],
    )
    def test_saved_answers_are_called_what_they_are(self, content, why):
        with pytest.raises(SourceRefusal, match="it is JSON, not a CSV file") as caught:
            read("regional-kr-daily-2026-03-05.csv", content)
        assert caught.value.why == f"what was saved is {why}"


class TestNames:
    @pytest.mark.parametrize(
        ("name", "chart"),
        [
            ("citytoptrack-osaka-weekly-2026-03-05.csv", "citytoptrack-osaka-weekly"),
            ("citypulsetrack-sao-paulo-weekly-2026-03-05 (2).csv.gz", "citypulsetrack-sao-paulo-weekly"),
            ("genre-j-pop-daily-2026-03-05.csv", "genre-j-pop-daily"),
            ("viral-kr-daily-2026-03-05.csv", "viral-kr-daily"),
            ("my regional-jp-daily-2026-03-05.csv", "regional-jp-daily"),
            ("japan-daily-2026-03-05.csv", None),
            ("my own daily-2026-03-05.csv", None),
        ],
    )
    def test_the_chart(self, name, chart):
        assert chart_and_day_in_name(name) == (chart, date(2026, 3, 5) if chart else None)

    @pytest.mark.parametrize(("kind", "lists"), [("artist", "artists"), ("album", "albums")])
    def test_charts_that_list_no_songs_are_refused(self, kind, lists):
        with pytest.raises(SourceRefusal, match=f"{kind}-jp-weekly") as caught:
            read(f"{kind}-jp-weekly-2026-03-05.csv", "rank,uri,artist_name\n1,a,b\n")
        assert f"a chart of {lists}, and lists no songs" in caught.value.why

    @pytest.mark.parametrize("chart", ["citytoptrack-osaka-weekly", "viral-kr-daily", "genre-j-pop-weekly"])
    def test_a_chart_goes_only_to_the_playlist_of_exactly_that(self, chart):
        name, text = f"{chart}-2026-03-05.csv", "rank,uri,artist_names,track_name\n1,a,b,c\n"
        assert shares(name, text, "regional-jp-daily", "regional-jp-weekly", chart) == [(chart, ["2026-03-05"])]
        for others in (["regional-jp-weekly"], ["regional-jp-daily", "citytoptrack-tokyo-weekly"]):
            with pytest.raises(SourceRefusal, match="it is not certain") as caught:
                shares(name, text, *others)
            assert f"it says it is {chart}" in caught.value.why
        with pytest.raises(SourceRefusal):
            shares(name, text, "regional-jp-weekly", slug="regional_jp_weekly")


class TestWeeks:
    def test_a_friday_is_the_week_that_ended_the_day_before(self):
        weekly = FYCHARTS.replace("2020-04-01", "2020-04-03").replace("2020-04-02", "2020-04-10")
        expected = [("regional-jp-weekly", ["2020-04-02", "2020-04-09"])]
        assert shares("data.csv", weekly, "regional-jp-weekly") == expected
        assert (
            shares("data.csv", weekly.replace("04-03", "04-02").replace("04-10", "04-09"), "regional-jp-weekly")
            == expected
        )
        assert chart_and_day_in_name("regional-jp-weekly-2020-04-03.csv")[1] == date(2020, 4, 2)
        assert chart_and_day_in_name("regional-jp-daily-2020-04-03.csv")[1] == date(2020, 4, 3)

    def test_how_a_day_is_written_makes_no_difference(self):
        one_day = FYCHARTS[: FYCHARTS.rindex("1,Rain")]
        digests = {
            read_chart_file("top_200_weekly.csv", io.BytesIO(text.encode())).of().editions[0].digest
            for text in (one_day, one_day.replace("2020-04-01", "2020/4/1"))
        }
        assert len(digests) == 1


def archive(days=30, rows=3):
    """Lines of an archive in fycharts' format: the header, and `rows` a day from 2020-01-01 on."""
    return [FYCHARTS.splitlines()[0]] + [
        f"{place},Song {place},Band,{place},{date(2020, 1, 1) + timedelta(days=day)},jp,{ID_1}"
        for day in range(days)
        for place in range(1, rows + 1)
    ]


def days_and_notes(lines):
    file = read("data.csv", "\n".join(lines) + "\n")
    return {str(edition.chart_date) for edition in file.editions}, file.notes


class TestBadRows:
    """A bad row on line 11, which is the last but one of 2020-01-04; 30 days."""

    WHOLE = frozenset(str(date(2020, 1, 1) + timedelta(days=day)) for day in range(30))

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            (f"1,Twice,Band,3,2020-01-04,jp,{ID_2}", "position 1 of 2020-01-04 is listed twice"),
            (f"two,Song,Band,3,2020-01-04,jp,{ID_2}", "a row's position is 'two'"),
            (f"0,Song,Band,3,2020-01-04,jp,{ID_2}", "a row's position is '0'"),
            ("NA,NA,NA,NA,NA,NA,NA", "a row's country is 'NA'"),
            ("NA,NA,NA,NA,2020-01-04,jp,NA", "a row of 2020-01-04 says nothing, and others of that day do"),
            (f"2,Song,Band,3,yesterday,jp,{ID_2}", "a row's date is 'yesterday'"),
            (f"2,Song, Band,3,2020-01-04,jp,{ID_2},9", "a row has 8 fields and the header 7"),
        ],
    )
    def test_costs_its_day(self, row, what):
        lines = archive()
        lines[11] = row
        days, notes = days_and_notes(lines)
        assert days == self.WHOLE - {"2020-01-04"}
        (note,) = notes
        assert note.startswith("2020-01-04 is refused: line ")
        assert what in note
        assert "What to do: " in note

    def test_between_two_days_costs_both(self):
        lines = archive()
        lines.insert(10, "NA,NA,NA,NA,NA,jp,NA")
        assert days_and_notes(lines)[0] == self.WHOLE - {"2020-01-03", "2020-01-04"}

    def test_a_file_that_was_cut_off_costs_the_last_day(self):
        lines = archive()
        lines[-1] = "3,Song"
        assert days_and_notes(lines)[0] == self.WHOLE - {"2020-01-30"}

    def test_more_than_a_tenth_of_the_days_refuse_the_file(self):
        lines = archive()
        for day in range(3):
            lines[2 + 3 * day] = "x" + lines[2 + 3 * day]
        assert len(days_and_notes(lines)[0]) == 27
        lines[2 + 3 * 3] = "x" + lines[2 + 3 * 3]
        with pytest.raises(SourceRefusal, match="line 3: a row's position is 'x2'") as caught:
            days_and_notes(lines)
        assert "4 of the 30 days" in caught.value.why

    def test_a_row_that_says_there_was_no_chart_is_a_missing_day(self):
        lines = archive(days=30)
        lines[10:13] = ["NA,NA,NA,NA,2020-01-04,jp,NA"]
        days, notes = days_and_notes(lines)
        assert days == self.WHOLE - {"2020-01-04"}
        assert notes == ("no chart for 2020-01-04: the file says so",)

    def test_of_one_country_cost_the_others_nothing(self):
        lines = archive()
        others = [line.replace(",jp,", ",kr,") for line in lines[1:]]
        others[0] = "x" + others[0]
        text = "\n".join([*lines, *others])
        assert read("data.csv", text, country="jp").notes == ("90 rows of other countries left out: kr 90",)
        assert len(read("data.csv", text, country="kr").editions) == 29


class TestManyCountries:
    CODES = (
        *("jp", "us", "kr", "tw", "hk", "gb", "fr", "de", "it", "es"),
        *("br", "mx", "ar", "cl", "pe", "co", "se", "no", "fi", "dk"),
    )

    def text(self, days=15, rows=20):
        lines = archive(days, rows)
        return "\n".join([lines[0], *(line.replace(",jp,", f",{code},") for line in lines[1:] for code in self.CODES)])

    def test_a_file_is_shared_out_and_read_once(self):
        text = self.text(days=2, rows=2)
        opened = []
        original = Original("all.csv", "1", lambda: opened.append(1) or io.BytesIO(text.encode()))
        found = share_out(original, [playlist(f"regional-{code}-daily") for code in self.CODES[:3]], None)
        assert [share.playlist.country for share in found] == ["jp", "us", "kr"]
        for share in found:
            rows = share.rows.of(share.chart.number, date(2020, 1, 2))
            assert [row.values["region"] for row in rows] == [share.playlist.country] * 2
        assert len(opened) == 1

    def test_what_fits_two_playlists_has_to_be_named(self):
        text = self.text(days=2, rows=1)
        charts = ("regional-jp-daily", "viral-jp-daily", "regional-us-daily")
        with pytest.raises(SourceRefusal, match="it is not certain"):
            shares("all.csv", text, *charts)
        assert shares("all.csv", text, *charts, slug="viral_jp_daily") == [
            ("viral-jp-daily", ["2020-01-01", "2020-01-02"])
        ]

    def test_twenty_playlists_cost_little_more_than_one(self):
        text = self.text(days=30, rows=50)
        playlists = [playlist(f"regional-{code}-daily") for code in self.CODES]

        def seconds(number, version):
            started = time.process_time()
            original = Original("all.csv", version, lambda: io.BytesIO(text.encode()))
            assert len(share_out(original, playlists[:number], None)) == number
            return time.process_time() - started

        assert seconds(20, "twenty") < 1.5 * seconds(1, "one")

"""Source `charts`: whose a file of the landing folder is, which days it offers, and what becomes a snapshot."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from unittest.mock import Mock

import pytest

from spotify_assets.errors import SourceRefusal, StorageError
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.charts import landing
from spotify_assets.sources.charts.charts_source import ChartsSource
from spotify_assets.sources.charts.landing import Original, landed_files
from spotify_assets.storage.layout import landing_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.chart_csv import COUNTRIES, DAY, archive, chart
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.whole_chart import whole_chart

DAILY = PlaylistSettings("daily", "Daily", "daily", "charts", chart="regional-jp-daily")
WEEKLY = PlaylistSettings("weekly", "Weekly", "weekly", "charts", chart="regional-jp-weekly")
WORLD = PlaylistSettings("world", "World", "daily", "charts", chart="regional-global-daily")
ALL = [DAILY, WEEKLY, WORLD]
NAME = f"regional-jp-daily-{DAY}.csv"


def old_archive(region):
    return f"Position,Track Name,Artist,Streams,URL,Year,Month,Day,Region\n1,Rain,Kumo,5,,2019,1,1,{region}\n".encode()


def assign(name, data, playlists, slug):
    """Whose a file of these bytes is, and what it holds."""
    original = Original(name, hashlib.sha256(data).hexdigest(), lambda: io.BytesIO(data))
    (share,) = landing.share_out(original, playlists, slug)
    return share.playlist, whole_chart(share.chart, share.rows)


@pytest.fixture
def store(tmp_path):
    return LocalObjectStore(tmp_path)


class TestWhoseAFileIs:
    def test_the_playlist_that_somebody_names(self):
        playlist, read = assign("mine.csv", archive(d19=["Rain"]), ALL, "daily")
        assert (playlist, read.chart) == (DAILY, None)

    @pytest.mark.parametrize("playlist", ALL)
    def test_the_playlist_whose_chart_the_name_says(self, playlist):
        name = f"{playlist.chart}-{DAY} (1).csv"
        assert assign(name, chart("Rain", kind="weeks" if playlist is WEEKLY else "days"), ALL, None)[0] == playlist

    @pytest.mark.parametrize(("region", "playlist"), [("jp", DAILY), ("global", WORLD)])
    def test_the_playlist_whose_country_the_data_says(self, region, playlist):
        assert assign("data.csv", old_archive(region), [DAILY, WORLD], None)[0] == playlist

    def test_the_only_playlist(self):
        assert assign("data.csv", archive(d19=["Rain"]), [DAILY], None)[0] == DAILY

    def test_a_named_playlist_does_not_get_a_chart_of_another_kind(self):
        with pytest.raises(SourceRefusal, match="is the chart viral-jp-daily; daily is regional-jp-daily"):
            assign(f"viral-jp-daily-{DAY}.csv", chart("Rain"), ALL, "daily")

    @pytest.mark.parametrize("slug", ["weekly", None])
    def test_a_weekly_playlist_does_not_get_an_archive_of_days(self, slug):
        weeks = archive(d05=["Rain"], d12=["Rain"], d18=["Rain"])
        assert assign("data.csv", weeks, [WEEKLY], slug)[0] == WEEKLY
        days = archive(d05=["Rain"], d12=["Rain"], d17=["Rain"])
        with pytest.raises(SourceRefusal, match="holds 2026-11-12 and 2026-11-17, and weekly is weekly"):
            assign("data.csv", days, [WEEKLY], slug)
        assert assign("data.csv", days, [DAILY], slug and "daily")[0] == DAILY

    def test_the_only_playlist_does_not_get_the_chart_of_another(self):
        with pytest.raises(SourceRefusal, match="regional-us-daily"):
            assign(f"regional-us-daily-{DAY}.csv", chart("Rain"), [DAILY], None)

    @pytest.mark.parametrize(("playlists", "title"), [([DAILY], "傘"), ([WORLD], "Rain"), ([DAILY, WEEKLY], "傘")])
    def test_of_several_countries_the_one_of_the_playlist(self, playlists, title):
        playlist, read = assign("countries.csv", COUNTRIES.encode(), playlists, None)
        assert playlist == playlists[0]
        assert [row.values["name"] for edition in read.editions for row in edition.rows] == [title]

    def test_of_two_playlists_of_one_country_one_has_to_be_named(self):
        again = replace(DAILY, slug="again")
        with pytest.raises(SourceRefusal) as caught:
            assign("countries.csv", COUNTRIES.encode(), [DAILY, again], None)
        assert "it holds the charts of 3 countries: fr, global, jp; playlists of source" in caught.value.why
        assert "daily (regional-jp-daily), again (regional-jp-daily)" in caught.value.why
        assert "--playlist" in caught.value.remedy
        assert assign("countries.csv", COUNTRIES.encode(), [DAILY, WORLD], "world")[0] == WORLD

    def test_a_file_of_several_countries_in_the_root_gives_each_playlist_its_own(self, store):
        store.write("landing/charts/countries.csv", COUNTRIES.encode())
        for playlist, title in ((DAILY, "傘"), (WORLD, "Rain")):
            assert [entry.payload["name"] for entry in fetch(store, playlist=playlist).entries] == [title]

    @pytest.mark.parametrize(
        ("name", "data", "says"),
        [
            ("data.csv", archive(d19=["Rain"]), "it says neither chart nor country"),
            ("data.csv", old_archive("us"), "it says it is us"),
            ("data.csv", old_archive("jp"), "it says it is jp"),
            (f"viral-jp-daily-{DAY}.csv", chart("Rain"), "it says it is viral-jp-daily"),
        ],
    )
    def test_otherwise_it_is_refused_with_the_choices(self, name, data, says):
        with pytest.raises(SourceRefusal) as caught:
            assign(name, data, ALL, None)
        assert name in caught.value.what
        assert says in caught.value.why
        assert "daily (regional-jp-daily), weekly (regional-jp-weekly), world (" in caught.value.why
        assert "--playlist" in caught.value.remedy

    @pytest.mark.parametrize(("playlists", "choices"), [(ALL, "daily (regional-jp-daily)"), ([], "none")])
    def test_a_playlist_that_is_not_there(self, playlists, choices):
        with pytest.raises(SourceRefusal, match="there is no playlist 'nobody'") as caught:
            assign("data.csv", chart("Rain"), playlists, "nobody")
        assert choices in caught.value.why

    @pytest.mark.parametrize(("slug", "kind"), [("weekly", "days"), ("daily", "weeks")])
    def test_days_are_never_taken_for_weeks(self, slug, kind):
        with pytest.raises(SourceRefusal, match="days and weeks cannot be one history"):
            assign(f"data-{DAY}.csv", chart("Rain", kind=kind), ALL, slug)

    def test_a_named_playlist_of_another_country_is_refused(self):
        with pytest.raises(SourceRefusal, match="it is the chart of jp, not of global"):
            assign(NAME, chart("Rain"), ALL, "world")


def fetch(store, day=DAY, playlist=DAILY, playlists=(DAILY, WORLD)):
    return ChartsSource(store, list(playlists)).fetch(playlist, day, None, may_retry=False)


class TestLandingFolder:
    def test_folder_and_name_say_what_they_can(self, store):
        for key in (NAME, f"daily/{NAME}", "daily/of-2026-11-19.csv", "daily/x.CSV.GZ", "note.txt", "2026-13-45.csv"):
            store.write(f"landing/charts/{key}", b"")
        found = {(file.stored.key.removeprefix("landing/charts/"), file.slug, file.day) for file in landed_files(store)}
        assert found == {
            (NAME, None, DAY),
            (f"daily/{NAME}", "daily", DAY),
            # Without the chart's name a date may be that of the download.
            ("daily/of-2026-11-19.csv", "daily", None),
            ("daily/x.CSV.GZ", "daily", None),
            ("2026-13-45.csv", None, None),
        }

    def test_a_file_that_names_its_chart_may_lie_at_the_top(self, store):
        store.write(f"landing/charts/{NAME}", chart("傘", "Rain"))
        snapshot = fetch(store)
        assert [entry.position for entry in snapshot.entries] == [1, 2]
        assert snapshot.entries[0].payload["track_name"] == "傘"
        assert (snapshot.source, snapshot.playlist_id) == ("charts", "regional-jp-daily")
        assert (snapshot.snapshot_date, snapshot.chart_date) == (DAY, DAY)
        assert snapshot.playlist == {"files": [f"landing/charts/{NAME}"]}

    def test_a_position_that_the_file_skips_is_an_empty_entry(self, store):
        store.write(landing_key("daily", NAME), chart("a", "b", "c").replace(b"\n2,", b"\n5,"))
        assert [entry.payload is None for entry in fetch(store).entries] == [False, True, False, True, False]

    def test_an_archive_named_after_the_day_of_its_download_offers_all_its_days(self, store):
        store.write(landing_key("daily", "archive-2026-11-21.csv"), archive(d17=["a"], d19=["b"], d20=["c"]))
        source = ChartsSource(store, [DAILY])
        days = [DAY + timedelta(days=number) for number in range(-3, 4)]
        assert source.days_on_offer(DAILY, days, {}) == {date(2026, 11, day) for day in (17, 19, 20)}

    def test_a_weekly_chart_is_filed_under_its_own_date(self, store):
        store.write(f"landing/charts/regional-jp-weekly-{DAY}.csv", chart("Rain", kind="weeks"))
        source = ChartsSource(store, [DAILY, WEEKLY])
        week = [DAY - timedelta(days=number) for number in range(8)]
        assert source.days_on_offer(WEEKLY, week, {}) == {DAY}
        assert source.days_on_offer(DAILY, week, {}) == set()

    def test_two_files_that_say_the_same_are_one(self, store):
        store.write(f"landing/charts/{NAME}", chart("Rain"))
        store.write(landing_key("daily", NAME.replace(".csv", " (1).csv")), chart("Rain"))
        assert fetch(store).playlist["files"] == [
            f"landing/charts/daily/regional-jp-daily-{DAY} (1).csv",
            f"landing/charts/{NAME}",
        ]

    def test_whoever_reads_a_file_gives_the_same_snapshot(self, store):
        before = datetime.now(tz=UTC) - timedelta(seconds=1)
        store.write(landing_key("daily", NAME), chart("Rain"))
        assert before < fetch(store).fetched_at <= datetime.now(tz=UTC)
        assert fetch(store) == fetch(store)

    def test_two_files_that_differ_are_both_named(self, store):
        store.write(f"landing/charts/{NAME}", chart("Rain"))
        store.write(landing_key("daily", "archive.csv"), archive(d19=["Sun"]))
        with pytest.raises(SourceRefusal) as caught:
            fetch(store)
        assert f"landing/charts/{NAME}" in caught.value.what
        assert "landing/charts/daily/archive.csv" in caught.value.what

    def test_a_day_of_no_file_is_refused(self, store):
        with pytest.raises(SourceRefusal, match=f"no chart of daily for {DAY}") as caught:
            fetch(store)
        assert "charts import" in caught.value.remedy

    def test_a_file_for_another_day_is_not_even_read(self, store):
        store.write(f"landing/charts/regional-jp-daily-{DAY - timedelta(days=1)}.csv", b"no chart at all")
        store.write(f"landing/charts/{NAME}", chart("Rain"))
        assert ChartsSource(store, [DAILY]).days_on_offer(DAILY, [DAY], {}) == {DAY}


class TestFilesThatCannotBeUsed:
    NOBODYS = (
        ("data.csv", archive(d19=["Sun"]), "it is not certain which playlist this file is for"),
        ("junk.csv", b"no,chart\n1,2\n", "its header is that of no known chart file"),
        ("regional-jp-daily-latest.csv", chart("Sun"), "it does not say the day of its chart"),
        (f"regional-fr-daily-{DAY}.csv", chart("Sun"), "it is not certain which playlist this file is for"),
    )

    @pytest.mark.parametrize(("name", "data", "what"), NOBODYS)
    def test_in_the_root_are_left_out_of_a_day_that_another_file_holds(self, store, name, data, what):
        store.write(f"landing/charts/{name}", data)
        store.write(landing_key("daily", NAME), chart("Rain"))
        source = ChartsSource(store, [DAILY, WORLD])
        assert source.days_on_offer(DAILY, [DAY, DAY + timedelta(days=1)], {}) == {DAY}
        snapshot = source.fetch(DAILY, DAY, None, may_retry=False)
        assert snapshot.entries[0].payload["track_name"] == "Rain"
        (note,) = snapshot.notes
        assert note.startswith(f"left out: landing/charts/{name}: ")
        assert what in note
        assert "What to do: " in note

    @pytest.mark.parametrize(("name", "data", "what"), NOBODYS)
    def test_in_the_root_are_named_when_no_file_holds_the_day(self, store, name, data, what):
        store.write(f"landing/charts/{name}", data)
        with pytest.raises(SourceRefusal, match=f"no chart of daily for {DAY}") as caught:
            fetch(store)
        assert f"files that were left out may hold them: landing/charts/{name}: " in caught.value.why
        assert what in caught.value.why

    def test_that_are_never_read_are_named_when_no_file_holds_the_day(self, store):
        for name in (f"nosuch/{NAME}", "daily/note.txt", "daily/.hidden"):
            store.write(f"landing/charts/{name}", chart("Rain"))
        with pytest.raises(SourceRefusal, match=f"no chart of daily for {DAY}") as caught:
            fetch(store)
        assert caught.value.why.endswith(
            f"; files that are never read: landing/charts/nosuch/{NAME} (there is no playlist 'nosuch' of source "
            "charts), landing/charts/daily/note.txt (a chart file ends in .csv or .csv.gz)"
        )

    def test_in_the_root_are_named_up_to_a_number(self, store):
        for number in range(7):
            store.write(f"landing/charts/junk {number}.csv", b"no,chart\n")
        with pytest.raises(SourceRefusal) as caught:
            fetch(store)
        assert caught.value.why.count("landing/charts/junk") == 5
        assert caught.value.why.endswith("(and 2 more)")

    def test_in_the_root_are_read_once_by_a_run(self, store, monkeypatch):
        store.write("landing/charts/junk.csv", b"no,chart\n")
        opened = []
        monkeypatch.setattr(LocalObjectStore, "open", lambda _, key: opened.append(key) or io.BytesIO(b"no,chart\n"))
        source = ChartsSource(store, [DAILY])
        assert source.days_on_offer(DAILY, [DAY - timedelta(days=number) for number in range(9)], {}) == set()
        times = len(opened)
        assert source.days_on_offer(DAILY, [DAY], {}) == set()
        assert len(opened) == times <= 2

    @pytest.mark.parametrize("key", [f"landing/charts/{NAME}", f"landing/charts/daily/{NAME}"])
    def test_that_are_surely_meant_for_a_day_refuse_it(self, store, key):
        store.write(key, b"no,chart\n")
        store.write(landing_key("daily", "archive.csv"), archive(d19=["Rain"], d20=["Sun"]))
        source = ChartsSource(store, [DAILY, WORLD])
        with pytest.raises(SourceRefusal, match=rf"{NAME}, line 1: its header"):
            source.days_on_offer(DAILY, [DAY], {})
        assert source.days_on_offer(DAILY, [DAY + timedelta(days=1)], {}) == {DAY + timedelta(days=1)}
        assert source.days_on_offer(WORLD, [DAY], {}) == set()

    def test_in_a_playlists_own_folder_refuse_any_day_that_they_may_hold(self, store):
        store.write(landing_key("daily", "junk.csv"), b"no,chart\n")
        store.write(landing_key("daily", NAME), chart("Rain"))
        with pytest.raises(SourceRefusal, match=r"junk\.csv, line 1: its header"):
            ChartsSource(store, [DAILY]).days_on_offer(DAILY, [DAY], {})

    def test_that_the_lake_cannot_give_are_not_left_out(self, store, monkeypatch):
        store.write("landing/charts/data.csv", archive(d19=["Sun"]))
        asleep = StorageError("data.csv cannot be read.", why="the bucket is asleep", remedy="wait")
        monkeypatch.setattr(LocalObjectStore, "open", Mock(side_effect=asleep))
        with pytest.raises(StorageError, match="the bucket is asleep"):
            ChartsSource(store, [DAILY]).days_on_offer(DAILY, [DAY], {})


class TestStoredDays:
    def test_are_offered_only_by_a_file_that_is_newer(self, store):
        store.write(landing_key("daily", NAME), chart("Rain"))
        before, after = (datetime.now(tz=UTC) + timedelta(hours=hours) for hours in (-1, 1))
        source = ChartsSource(store, [DAILY])
        assert source.days_on_offer(DAILY, [DAY], {DAY: before}) == {DAY}
        assert source.days_on_offer(DAILY, [DAY], {DAY: after}) == set()

    def test_of_a_week_under_another_day_refuse_it_until_they_are_withdrawn(self, store):
        store.write(landing_key("weekly", "weeks.csv"), archive(d05=["Rain"], d19=["Rain"]))
        source, raw = ChartsSource(store, [WEEKLY]), RawLayer(store)
        stored = make_snapshot([{}], DAY - timedelta(days=1), slug="weekly")
        raw.append("weekly", [stored])
        with pytest.raises(SourceRefusal, match="that ends on 2026-11-19 is stored under 2026-11-18"):
            source.days_on_offer(WEEKLY, [DAY], {})
        assert source.days_on_offer(WEEKLY, [DAY - timedelta(weeks=2)], {}) == {DAY - timedelta(weeks=2)}
        raw.withdraw("weekly", DAY - timedelta(days=1), "another convention")
        assert source.days_on_offer(WEEKLY, [DAY], {}) == {DAY}

    def test_cost_no_reading_of_the_file(self, store, monkeypatch):
        store.write(landing_key("daily", "archive.csv"), archive(d19=["Rain"]))
        monkeypatch.setattr(LocalObjectStore, "open", lambda *_: pytest.fail("the file was read"))
        later = datetime.now(tz=UTC) + timedelta(hours=1)
        assert ChartsSource(store, [DAILY]).days_on_offer(DAILY, [DAY], {DAY: later}) == set()

"""Charts that a page must bear: of no day, of one day, of many songs, of one artist, with names of any kind."""

from __future__ import annotations

from datetime import date, timedelta

import altair as alt
import pytest

from spotify_assets.report.chart_report import write_report
from spotify_assets.report.libraries import read_libraries
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import REPORT_INDEX_KEY, report_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import Publisher
from spotify_assets_tests.helpers.report_page import ReportPage

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 2)
LONG = "長い" * 100_000
SCRIPT = '</script><script>document.title="taken over"</script><!--'
FORMULA = '=HYPERLINK("x")'
RIGHT_TO_LEFT = "\N{RIGHT-TO-LEFT OVERRIDE}أغنية"
NAMES = (LONG, SCRIPT, FORMULA, RIGHT_TO_LEFT, "& < > \" ' {{ 7 * 7 }}", "\N{ZERO WIDTH SPACE}", "傘 [bold]")


def named(title, artist="Somebody", **track):
    return {"track": {"name": title, "artists": [{"name": artist}], **track}}


def many(number):
    return [named(f"Song {place}", f"Artist {place}", id=f"{place:022}") for place in range(1, number + 1)]


CHARTS = {
    "none": [],
    "one": [("daily", [many(10)])],
    "large": [("daily", [many(177), many(200)[20:197]])],
    "alone": [("daily", [[named(f"Song {place}", "The only one") for place in range(5)]] * 3)],
    "odd": [("daily", [[named(name, name) for name in NAMES], [named(name, name) for name in reversed(NAMES)]])],
    "rejects": [("daily", [[None, {"track": None}, named("The only song")]])],
    "empty": [("daily", [many(3), []])],
    "withdrawn": [("daily", [many(3)])],
    "weekly": [("weekly", [many(5), many(6)[1:]])],
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    lines = [
        f"  - {{slug: {slug}, title: 'Chart {slug}', source: demo, cadence: {weekly or 'daily'}}}"
        for slug, charts in CHARTS.items()
        for weekly in [charts[0][0] if charts else ""]
    ]
    (folder / "playlists.yaml").write_text("\n".join(["start: 2026-01-01", "playlists:", *lines]), encoding="utf-8")
    store = LocalObjectStore(folder / "lake")
    publisher = Publisher(store)
    for slug, charts in CHARTS.items():
        for cadence, days in charts:
            between = timedelta(days=7 if cadence == "weekly" else 1)
            snapshots = [
                make_snapshot(payloads, DAY + number * between, slug=slug, source="demo")
                for number, payloads in enumerate(days)
            ]
            publisher.write_snapshots(slug, snapshots, cadence)
    publisher.publish()
    settings = load_settings(
        {"SPOTIFY_ASSETS_LAKE": str(folder / "lake"), "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml")}
    )
    publisher.write_nothing("withdrawn", DAY)
    publisher.publish()
    keys = write_report(settings, store)
    assert keys == [REPORT_INDEX_KEY, *map(report_key, CHARTS)]
    return {key: ReportPage(store.read(key).decode()) for key in keys}


def page_of(pages, slug):
    return pages[report_key(slug)]


def test_the_index_leads_to_every_page(pages):
    index = pages[REPORT_INDEX_KEY]
    assert index.links[1:] == [f"playlists/{slug}.html" for slug in CHARTS]
    assert "Chart none No day is published yet." in index.text[""]


def test_a_playlist_without_a_day_says_how_to_get_one(pages):
    assert "No day of this chart is published yet. Fill it with spotify-assets demo." in page_of(pages, "none").text[""]


def test_a_playlist_whose_days_are_all_withdrawn_has_none(pages):
    assert "No day of this chart is published yet." in page_of(pages, "withdrawn").text[""]


def test_the_first_day_knows_nothing_of_what_was_before(pages):
    page = page_of(pages, "one")
    assert "This is the first edition that is stored: what is new is not known." in page.text["today"]
    assert [row[1] for row in page.tables["chart"][0][1:]] == ["–"] * 10
    assert "There is one day so far" in page.text["movement"]
    assert "how long runs last is not known" in page.text["movement"]
    assert "turnover" not in page.data["figures-data"]


def test_every_place_of_a_large_chart_is_listed(pages):
    page = page_of(pages, "large")
    rows = page.tables["chart"][0][1:]
    assert [row[0] for row in rows] == [str(place) for place in range(1, 178)]
    assert page.items["New entries"][0].startswith("Song 178")
    assert "and 8 more, see the chart below" in page.text["today"]
    assert f"https://open.spotify.com/track/{21:022}" in page.links


def test_one_artist_rules_alone(pages):
    page = page_of(pages, "alone")
    assert page.tables["rankings"][0][1] == ["1", "The only one", "5", "100.0%"]
    assert "The source lists no song with two artists." in page.text["movement"]
    assert "Effective number of artists Definition1.0" in page.text["movement"]


def test_names_of_any_kind_are_shown_as_they_are(pages):
    page = page_of(pages, "odd")
    titles = [row[2] for row in page.tables["chart"][0][1:]]
    for name, title in zip(reversed(NAMES), titles, strict=True):
        shown = " ".join(name.split()) if name != "\N{ZERO WIDTH SPACE}" else name
        assert title == f"{shown} {shown}"
    runs = page.data["runs-data"]["songs"]
    assert {row[1] for row in runs["rows"]} == set(NAMES)
    assert SCRIPT not in page.html
    assert page.html.count("</script>") == page_of(pages, "one").html.count("</script>")
    assert len(page.html.encode()) < 20_000_000


def test_what_is_no_song_is_counted_and_places_are_kept(pages):
    page = page_of(pages, "rejects")
    assert page.tables["chart"][0][1][0] == "3"
    assert "2 listed entries are no songs that can be read." in page.text["today"]
    assert "Number one" not in page.text["today"]
    assert ["2026-11-02", "2"] in page.tables["unknown"][-1]


def test_a_chart_that_lists_nothing_any_more(pages):
    page = page_of(pages, "empty")
    assert "Chart of 2026-11-03 · 0 songs" in page.text[""]
    assert "The chart has had between 0 and 3 places" in page.text["today"]
    assert len(page.items["Dropped out"]) == 3


def test_a_weekly_chart_counts_weeks(pages):
    page = page_of(pages, "weekly")
    assert page.tables["chart"][0][0][4] == "Weeks"
    assert page.tables["chart"][0][1][4] == "2"
    assert page.items["Dropped out"] == ["Song 1 Artist 1 last at 1, best place 1, 1 week on the chart"]
    calendar = page.data["figures-data"]["calendar"]["datasets"]["calendar"]
    assert [day["state"] for day in calendar] == ["stored", "stored"]


def test_every_link_leads_to_spotify_or_within_the_report(pages):
    links = {link for page in pages.values() for link in page.links}
    outside = {link for link in links if not link.startswith(("#", "../index.html", "playlists/"))}
    assert outside
    assert all(link.startswith("https://open.spotify.com/") for link in outside)


def test_shares_of_a_period_stand_on_each_other_up_to_the_whole(pages):
    rows = page_of(pages, "large").data["figures-data"]["age"]["datasets"]["shares"]
    for day in {row["day"] for row in rows}:
        of_day = [row for row in rows if row["day"] == day]
        assert [row["from"] for row in of_day] == [0, *(row["to"] for row in of_day[:-1])]
        assert of_day[-1]["to"] == pytest.approx(1)
        assert all(row["to"] - row["from"] == pytest.approx(row["share"]) for row in of_day)


def test_every_figure_is_one_of_vega_lite(pages):
    for slug in ("large", "odd", "weekly"):
        for name, figure in page_of(pages, slug).data["figures-data"].items():
            assert alt.Chart.from_dict(figure, validate=True), name


def test_a_library_that_is_damaged_in_the_lake_is_made_again(tmp_path):
    store = LocalObjectStore(tmp_path)
    made = read_libraries(store)
    (key,) = store.list_keys("report/.libraries/")
    whole = store.read(key)
    store.write(key, whole[:-1000])
    assert read_libraries(store) == made
    assert store.read(key) == whole

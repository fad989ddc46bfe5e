"""The report as a person meets it: in a browser, at two widths, light and dark, by mouse and by keyboard, on paper."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from spotify_assets.report.chart_report import write_report
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import REPORT_INDEX_KEY, report_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.browser import chromium, needs_browser, opened
from spotify_assets_tests.helpers.make_snapshot import DAY, make_snapshot
from spotify_assets_tests.helpers.publisher import Publisher

pytestmark = [needs_browser, pytest.mark.slow]

SCRIPT = '</script><script>document.title="taken over"</script><!--'
LAYOUTS = [(1440, "light"), (390, "dark")]
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 23)"}


def track(number, day):
    """A song of two artists, whose streams and genres are known."""
    artists = [{"id": f"artist{number % 7:016}", "name": f"Artist {number % 7}"}]
    if number % 3 == 0:
        artists.append({"id": f"artist{(number + 1) % 7:016}", "name": f"Artist {(number + 1) % 7}"})
    name = SCRIPT if number == 4 else f"曲 {number}"
    album = {"id": f"album{number:017}", "name": f"Album {number}", "release_date": "2026-10-01", "artists": artists}
    return {"track": {"id": f"{number:022}", "name": name, "artists": artists, "album": album, "duration_ms": 1000}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    slugs = "\n".join(f"  - {{slug: {slug}, title: Chart {slug}, source: demo}}" for slug in ("moving", "nothing"))
    (folder / "playlists.yaml").write_text(f"start: 2026-01-01\nplaylists:\n{slugs}\n", encoding="utf-8")
    store = LocalObjectStore(folder / "lake")
    publisher = Publisher(store)
    snapshots = []
    for number in range(12):
        day = DAY - timedelta(days=11 - number)
        listed = [track((place * 3 + number // 2 * place) % 31, day) for place in range(1, 16)]
        if number != 5:
            snapshots.append(make_snapshot(listed, day, slug="moving", source="demo"))
    publisher.write_snapshots("moving", snapshots)
    publisher.publish()
    settings = {"SPOTIFY_ASSETS_LAKE": str(folder / "lake"), "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml")}
    write_report(load_settings(settings), store)
    return store


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def address(store):
    return Path(store.uri(report_key("moving"))).as_uri()


def ready(page):
    page.wait_for_selector("html[data-ready=yes]")
    return page


def drawn(page):
    """How many figures are drawn."""
    return page.locator(".figure svg").count()


def look_at_all(page):
    """Bring every figure into sight, and wait until it is drawn."""
    for figure in page.locator(".figure:not([hidden])").all():
        figure.scroll_into_view_if_needed()
        figure.locator("svg").wait_for()


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_every_figure_is_drawn_and_nothing_is_wider_than_the_page(browser, address, width, scheme):
    with opened(browser, address, width=width, scheme=scheme) as page:
        look_at_all(ready(page))
        assert drawn(page) >= 8
        assert page.title() == "Chart moving · chart report"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
        assert (ground, ink) == (
            ("rgb(255, 255, 255)", "rgb(21, 24, 28)")
            if scheme == "light"
            else ("rgb(17, 20, 23)", "rgb(238, 240, 243)")
        )


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_nothing_serious_keeps_anybody_out(browser, address, width, scheme):
    with opened(browser, address, width=width, scheme=scheme) as page:
        look_at_all(ready(page))
        page.locator("#songs-table input").first.check()
        page.locator("[data-figure=runs] svg").wait_for()
        found = Axe().run(page).response["violations"]
        assert [
            (of["id"], [node["html"] for node in of["nodes"]])
            for of in found
            if of["impact"] in ("serious", "critical")
        ] == []


def test_the_chart_is_searched_and_sorted_as_one_types(browser, address):
    with opened(browser, address) as page:
        rows = ready(page).locator("#chart-table tbody tr")
        assert rows.count() == 15
        title = rows.nth(4).locator("a").inner_text()
        page.locator("#chart .dt-search input").fill(title)
        assert rows.count() < 15
        assert all(word in row.inner_text() for row in rows.all() for word in title.split())
        page.locator("#chart .dt-search input").fill("")
        page.locator("#chart-table thead th").nth(3).click()
        peaks = [int(row.locator("td").nth(3).inner_text()) for row in rows.all()]
        assert peaks == sorted(peaks)


def test_picked_songs_are_drawn_kept_in_the_address_and_found_again_there(browser, address):
    with opened(browser, address) as page:
        boxes = ready(page).locator("#songs-table tbody input")
        names = [row.locator("a").first.inner_text() for row in page.locator("#songs-table tbody tr").all()[:2]]
        boxes.nth(0).check()
        boxes.nth(1).check()
        page.locator("#picked-songs article").nth(1).wait_for()
        page.locator("[data-figure=runs] svg").wait_for()
        sent = page.url
        assert sent.count(",") == 1
    with opened(browser, sent) as page:
        ready(page).locator("[data-figure=runs] svg").wait_for()
        assert sorted(page.locator("#picked-songs h3").all_inner_texts()) == sorted(names)
        assert page.locator("#songs-table tbody input:checked").count() == 2
        page.get_by_role("button", name="Remove").first.click()
        assert page.locator("#picked-songs article").count() == 1
        page.get_by_role("button", name="Remove").click()
        assert page.locator("[data-figure=runs]").is_hidden()
        assert "#" not in page.url


def test_a_picked_artist_has_runs_and_shares(browser, address):
    with opened(browser, address) as page:
        ready(page).locator("#artists .dt-search input").fill("Artist 3")
        page.locator("#artists-table tbody input").first.check()
        page.locator("[data-figure=artist_shares] svg").wait_for()
        assert page.locator("[data-figure=artist_runs] svg").count() == 1
        assert "songs on this chart, best place" in page.locator("#picked-artists").inner_text()
        assert page.url.endswith("#artists=artist0000000000000003")


def test_a_song_is_picked_by_keyboard_alone(browser, address):
    with opened(browser, address) as page:
        ready(page).locator("#songs .dt-search input").focus()
        page.keyboard.type("taken over")
        focused = ""
        for _ in range(20):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
            if focused.startswith("Show "):
                break
        page.keyboard.press("Space")
        page.locator("#picked-songs article").wait_for()
        assert SCRIPT in page.locator("#picked-songs h3").inner_text()
        assert page.title() == "Chart moving · chart report"


def test_on_paper_every_figure_is_there(browser, address):
    with opened(browser, address) as page:
        ready(page).emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        figures = page.locator(".figure:not([hidden])").count()
        page.wait_for_function(f"document.querySelectorAll('.figure:not([hidden]) svg').length === {figures}")
        assert page.locator("header nav").is_hidden()
        assert len(page.pdf()) > 20_000


def test_the_index_leads_to_the_pages(browser, store):
    with opened(browser, Path(store.uri(REPORT_INDEX_KEY)).as_uri()) as page:
        assert page.get_by_role("heading", level=2).all_inner_texts() == ["Chart moving", "Chart nothing"]
        assert "No day is published yet." in page.locator("main").inner_text()
        href = page.get_by_role("link", name="Chart moving").get_attribute("href")
        assert href == "playlists/moving.html"

"""The numbers of a page, against the same told again in plain Python from the charts that were stored."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest

from spotify_assets.report.chart_report import write_report
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import report_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.publisher import Publisher
from spotify_assets_tests.helpers.report_page import ReportPage

pytestmark = pytest.mark.slow

FIRST = date(2026, 8, 3)
"""A Monday, so that weeks are seen whole."""
TITLES = "abcdefghijklmnopqrstuvwxyz"
SIZE = 12
MISSING = (FIRST + timedelta(days=30), FIRST + timedelta(days=31))


def charts():
    """Seventy days of a chart of twelve that moves; two of them are missing, and one repeats the day before."""
    random = Random(7)  # noqa: S311 - a chart, no secret
    listed = list(TITLES[:SIZE])
    found = {}
    for number in range(72):
        day = FIRST + timedelta(days=number)
        if number != 40:
            for _ in range(3):
                first = random.randrange(SIZE - 1)
                listed[first : first + 2] = reversed(listed[first : first + 2])
            listed[random.randrange(SIZE // 2, SIZE)] = random.choice(sorted(set(TITLES) - set(listed)))
        if day not in MISSING:
            found[day] = list(listed)
    return found


CHARTS = charts()
DAYS = sorted(CHARTS)
LAST = DAYS[-1]
BEFORE = DAYS[-2]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "playlists.yaml").write_text(
        "start: 2026-01-01\nplaylists:\n  - {slug: moving, title: A moving chart, source: demo}\n", encoding="utf-8"
    )
    store = LocalObjectStore(folder / "lake")
    publisher = Publisher(store)
    publisher.write("moving", CHARTS)
    publisher.publish()
    settings = load_settings(
        {"SPOTIFY_ASSETS_LAKE": str(folder / "lake"), "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml")}
    )
    write_report(settings, store)
    return ReportPage(store.read(report_key("moving")).decode())


def days_with(title):
    return [day for day in DAYS if title in CHARTS[day]]


def place(title, day):
    return CHARTS[day].index(title) + 1 if title in CHARTS[day] else None


def spells(title):
    """The unbroken stays of a song, in editions: missing days do not break one."""
    found = []
    for day in days_with(title):
        if found and DAYS.index(found[-1][-1]) + 1 == DAYS.index(day):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def run_of(title, days):
    """An unbroken stay as the page has it: the number of its first edition, and the places from there on."""
    return [DAYS.index(days[0]) + 1, *(place(title, day) for day in days)]


def test_the_chart(page):
    heading, *rows = page.tables["chart"][0]
    assert heading[:6] == ["Place", "Move", "Song", "Peak", "Days", "In a row"]
    assert len(rows) == SIZE
    for title, row in zip(CHARTS[LAST], rows, strict=True):
        now, then = place(title, LAST), place(title, BEFORE)
        if then:
            moved = "=" if now == then else f"{'▲' if now < then else '▼'} {abs(then - now)}"
        else:
            moved = "new" if len(days_with(title)) == 1 else "back"
        peak = min(place(title, day) for day in days_with(title))
        listed = [str(now), moved, f"{title} The {title}", str(peak), str(len(days_with(title)))]
        assert row[:6] == [*listed, str(len(spells(title)[-1]))]


def test_today(page):
    movements = {title: place(title, BEFORE) - place(title, LAST) for title in set(CHARTS[LAST]) & set(CHARTS[BEFORE])}
    up = sorted((title for title in movements if movements[title] > 0), key=lambda t: (-movements[t], place(t, LAST)))
    down = sorted((title for title in movements if movements[title] < 0), key=lambda t: (movements[t], place(t, LAST)))
    came = [title for title in CHARTS[LAST] if title not in CHARTS[BEFORE]]
    left = [title for title in CHARTS[BEFORE] if title not in CHARTS[LAST]]

    def titles(heading):
        return [item.split()[0] for item in page.items.get(heading, [])]

    assert titles("Biggest climbers") == up[:5]
    assert titles("Biggest fallers") == down[:5]
    assert titles("New entries") == [title for title in came if len(days_with(title)) == 1]
    assert titles("Back on the chart") == [title for title in came if len(days_with(title)) > 1]
    assert titles("Dropped out") == left
    for item in page.items.get("Dropped out", []):
        title = item.split()[0]
        assert f"last at {place(title, BEFORE)}, best place {min(place(title, d) for d in days_with(title))}" in item
    first = CHARTS[LAST][0]
    at_the_top = [day for day in DAYS if CHARTS[day][0] == first]
    assert f"{len(at_the_top)} days at number one, {len(days_with(first))} days on the chart" in page.text["today"]


def test_every_run_of_every_song(page):
    runs = page.data["runs-data"]
    assert [date.fromisoformat(day) for day in runs["editions"]] == DAYS
    assert [DAYS[number - 1] for number in runs["gaps"]] == [MISSING[-1] + timedelta(days=1)]
    columns = runs["songs"]["columns"]
    shown = {}
    for row, run in zip(runs["songs"]["rows"], runs["songs"]["runs"], strict=True):
        song = dict(zip(columns, row, strict=True))
        shown[song["song_name"]] = song
        assert run == [run_of(song["song_name"], days) for days in spells(song["song_name"])]
    assert set(shown) == {title for listed in CHARTS.values() for title in listed}
    for title, song in shown.items():
        assert song["editions_on_chart"] == len(days_with(title))
        assert song["editions_in_top_1"] == sum(place(title, day) == 1 for day in days_with(title))
        assert song["editions_in_top_10"] == sum(place(title, day) <= 10 for day in days_with(title))
        assert song["longest_streak"] == max(map(len, spells(title)))
        assert (song["first_seen"], song["last_seen"]) == (str(days_with(title)[0]), str(days_with(title)[-1]))


def test_artists_and_their_shares(page):
    artists = page.data["runs-data"]["artists"]
    places = sum(map(len, CHARTS.values()))
    for row, songs in zip(artists["rows"], artists["songs"], strict=True):
        artist = dict(zip(artists["columns"], row, strict=True))
        title = artist["artist_name"].removeprefix("The ")
        assert artist["share"] == pytest.approx(len(days_with(title)) / places)
        assert artist["number_ones"] == sum(place(title, day) == 1 for day in days_with(title))
        assert [page.data["runs-data"]["songs"]["rows"][index][1] for index in songs] == [title]
    assert page.data["runs-data"]["period"] == "week"
    of_first = dict(zip((row[0] for row in artists["rows"]), artists["shares"], strict=True))
    weeks = Counter(day - timedelta(days=day.weekday()) for day in DAYS)
    for key, shares in of_first.items():
        title = key.removeprefix("artist-")
        expected = Counter(day - timedelta(days=day.weekday()) for day in days_with(title))
        assert {date(1970, 1, 1) + timedelta(days=day): share for day, share in shares} == {
            week: pytest.approx(number / (weeks[week] * SIZE)) for week, number in expected.items()
        }


def test_rankings_of_all_time_are_by_points(page):
    points = {
        title: sum(SIZE + 1 - place(title, day) for day in days_with(title)) for title in TITLES if days_with(title)
    }
    heading, *rows = page.tables["rankings"][3]
    assert heading == ["Rank", "Artist", "Songs", "Share"]
    ranked = sorted(points, key=lambda title: -points[title])
    assert [row[1] for row in rows][:10] == [f"The {title}" for title in ranked[:10]]
    places = sum(map(len, CHARTS.values()))
    assert rows[0][2:] == ["1", f"{len(days_with(ranked[0])) / places:.1%}"]


def test_stays_at_number_one(page):
    stays = []
    for day in DAYS:
        title = CHARTS[day][0]
        if stays and stays[-1][2] == title and day - timedelta(days=1) not in MISSING:
            stays[-1][1] = day
            stays[-1][3] += 1
        else:
            stays.append([day, day, title, 1])
    expected = [
        [str(first), str(last), f"{title} The {title}", str(days)] for first, last, title, days in reversed(stays)
    ]
    assert page.tables["rankings"][-1][1:] == expected
    assert page.data["figures-data"]["number_ones"]["datasets"]["number_ones"][0]["editions"] == stays[-1][3]


def test_turnover_and_overlap(page):
    shares = page.data["figures-data"]["turnover"]["datasets"]["shares"]
    shown = {(row["day"], row["what"]): row["share"] for row in shares}
    for before, day in pairwise(DAYS):
        then, now = set(CHARTS[before]), set(CHARTS[day])
        if (day - before).days == 1:
            assert shown[str(day), "turnover"] == pytest.approx(len(now - then) / len(now))
            assert shown[str(day), "overlap"] == pytest.approx(len(now & then) / len(now | then))
        else:
            assert (str(day), "turnover") not in shown
    newest = len(set(CHARTS[LAST]) - set(CHARTS[BEFORE])) / SIZE
    assert f"Turnover Definition{newest:.1%}" in page.text["movement"]


def test_what_is_not_known(page):
    calendar = {row["date"]: row["state"] for row in page.data["figures-data"]["calendar"]["datasets"]["calendar"]}
    repeated = str(FIRST + timedelta(days=40))
    expected = {str(day): "stored" for day in DAYS} | {str(day): "missing" for day in MISSING} | {repeated: "unchanged"}
    assert calendar == expected
    assert (
        "2 expected days are missing in this history: days on the chart and in a row are counted" in page.text["today"]
    )
    years, fields = page.tables["unknown"]
    assert years == [
        ["Year", "Stored", "Unchanged", "Stale", "Failed a check", "Missing"],
        ["2026", "69", "1", "0", "0", "2"],
    ]
    assert ["ISRC", "100.0%", "100.0%"] in fields
    assert ["streams", "0.0%", "0.0%"] in fields


def test_the_little_line_of_a_run_is_as_long_as_the_run(page):
    points = page.html.split('class="sparkline"')[2].split("</svg>")[0]
    song = CHARTS[LAST][0]
    newest = [day for day in days_with(song) if day in DAYS[-60:]]
    # A point for each day, in a line or alone, and a dot at the end.
    assert points.count(",") + points.count("<circle") - 1 == len(newest)

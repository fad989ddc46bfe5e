"""Pages that do not fit together, versions that never rest, and passing trouble in the middle of a reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.errors import Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, load_settings
from spotify_assets.sources.spotify.spotify_source import SpotifySource
from spotify_assets.storage.raw_format import decode, encode
from spotify_assets_tests.helpers.fuzzing import ABSENT, EVIL, assert_whole, bytes_of_tables, paths_in, replaced
from spotify_assets_tests.helpers.make_snapshot import any_json, examples
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries, make_id

PLAYLIST = PlaylistSettings(
    slug="chart", title="A Chart", cadence="daily", source="spotify", playlist_id=PLAYLIST_ID, market="JP"
)
PAGE = r"GET /v1/playlists/\w+/items\?"
ALWAYS = 99


@pytest.fixture
def server():
    with SpotifyServer(inline_entries=False) as stand_in:
        stand_in.add_playlist(PLAYLIST_ID, make_entries(130))
        yield stand_in


def fetch(server):
    source = SpotifySource(load_settings(server.environment()).spotify, backoff_factor=0)
    return source.fetch(PLAYLIST, today_in_japan(), None, may_retry=False)


def track_ids(snapshot):
    return [entry.payload["track"]["id"] for entry in snapshot.entries]


def expected(count=130):
    return [make_id("track", number) for number in range(1, count + 1)]


def change_pages(server, change: Callable[[dict[str, Any]], None], *, offset: int | str = r"\d+", times: int = ALWAYS):
    """The next pages from an offset are Spotify's own, changed."""

    def body(request):
        page = server._items(request, True, PLAYLIST_ID)[1]
        change(page)
        return page

    server.answer_next(rf"{PAGE}.*offset={offset}(&|$)", times=times, body=body)


def lacks_one(page):
    del page["items"][7]


def repeats_the_last(page):
    first = int(page["offset"])
    page["items"] = [*make_entries(1, first=first), *page["items"][:-1]]


def says_too_many(page):
    page["total"] += 1


def says_too_few(page):
    page["total"] -= 1


def says_it_is_the_last(page):
    page["next"] = None


@pytest.mark.parametrize("offset", [0, 50])
@pytest.mark.parametrize("change", [lacks_one, repeats_the_last])
def test_positions_that_are_not_certain_are_read_again_and_then_refused(server, change, offset):
    if change is repeats_the_last and not offset:
        offset = 100
    change_pages(server, change, offset=offset, times=1)
    snapshot = fetch(server)
    assert track_ids(snapshot) == expected()
    assert f"from offset {offset}" in snapshot.notes[0]

    change_pages(server, change, offset=offset)
    with pytest.raises(SourceRefusal, match="do not fit together") as refused:
        fetch(server)
    assert "2 times in a row" in refused.value.why


def test_an_entry_that_the_last_page_lacks_is_noticed(server):
    change_pages(server, lacks_one, offset=100)
    with pytest.raises(SourceRefusal, match="do not fit together"):
        fetch(server)


@pytest.mark.parametrize(("change", "announced"), [(says_too_many, 131), (says_too_few, 129)])
def test_a_wrong_total_alone_is_looked_at_twice_and_noted(server, change, announced):
    change_pages(server, change)
    snapshot = fetch(server)
    assert track_ids(snapshot) == expected()
    assert snapshot.announced == announced
    assert f"says that the list has {announced} entries, and gave 130" in snapshot.notes[-1]


def test_a_total_that_was_wrong_once_leaves_no_trace_in_the_rows(server):
    change_pages(server, says_too_many, times=4)
    snapshot = fetch(server)
    assert track_ids(snapshot) == expected()
    assert snapshot.announced is None


@pytest.mark.parametrize("offset", [0, 50])
def test_a_page_that_says_it_is_the_last_is_not_believed(server, offset):
    change_pages(server, says_it_is_the_last, offset=offset)
    assert track_ids(fetch(server)) == expected()


def test_a_whole_number_may_be_written_as_a_float(server):
    change_pages(server, lambda page: page.update(total=float(page["total"])))
    assert track_ids(fetch(server)) == expected()


@pytest.mark.parametrize("total", [-1, 2.5, "130", None, True])
def test_a_total_that_is_no_number_is_refused(server, total):
    change_pages(server, lambda page: page.update(total=total))
    with pytest.raises(SourceRefusal, match="cannot be used"):
        fetch(server)


def test_pages_without_end_are_refused(server, monkeypatch):
    monkeypatch.setattr("spotify_assets.sources.spotify.pages.MOST_ENTRIES", 500)

    def endless(page):
        page["items"] = make_entries(50, first=int(page["offset"]) + 1)
        page["next"] = f"{server.url}/x?offset={int(page['offset']) + 50}"

    change_pages(server, endless, times=10**6)
    with pytest.raises(SourceRefusal, match="cannot be used") as refused:
        fetch(server)
    assert "more than 500 entries" in refused.value.why


def test_a_song_that_is_really_listed_twice_across_a_seam_is_kept(server):
    entries = make_entries(60)
    entries[50] = json.loads(json.dumps(entries[49]))
    server.add_playlist(PLAYLIST_ID, entries)
    assert track_ids(fetch(server)) == [entry["track"]["id"] for entry in entries]


@settings(max_examples=examples(25))
@given(count=st.integers(0, 9), page_size=st.integers(2, 4), twins=st.sets(st.integers(0, 8)))
def test_positions_are_those_of_the_list_whatever_the_pages(count, page_size, twins):
    entries = make_entries(count)
    for place in twins:
        if place + 1 < count:
            entries[place + 1] = entries[place]
    with SpotifyServer(page_size=page_size, inline_entries=False) as server:
        server.add_playlist(PLAYLIST_ID, entries)
        snapshot = fetch(server)
    assert [entry.position for entry in snapshot.entries] == list(range(1, count + 1))
    assert track_ids(snapshot) == [entry["track"]["id"] for entry in entries]


CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.just(ABSENT) | EVIL | any_json()), min_size=1, max_size=3)
ANSWERS = st.sampled_from([r"POST", r"GET /v1/playlists/\w+\?", PAGE, r"GET /v1/albums", r"GET /v1/artists"])


@pytest.mark.slow
@settings(max_examples=examples(25))
@given(pattern=ANSWERS, changes=CHANGES, inline=st.booleans())
def test_any_answer_is_a_whole_day_or_refused(pattern, changes, inline):
    """Each answer of a kind has the same places dropped, of another type, nested, huge, or with odd text."""
    with SpotifyServer(page_size=2, inline_entries=inline) as server:
        server.add_playlist(PLAYLIST_ID, make_entries(3))

        def changed(request):
            answer = [server._route(request)[1]]
            for number, value in changes:
                paths = list(paths_in(answer))
                answer = replaced(answer, paths[number % len(paths)], value) if paths else answer
            return json.dumps(answer[0] if answer else {})

        server.answer_next(pattern, times=ALWAYS, body=changed)
        try:
            snapshot = fetch(server)
        except Refusal:
            return
    assert_whole(snapshot)
    assert bytes_of_tables(decode(encode(snapshot, ""), "here")) == bytes_of_tables(snapshot)


class TestVersions:
    def restless(self, server, times=ALWAYS):
        """Every answer about the playlist has another version."""
        versions = iter(range(10**6))

        def body(request):
            return server._playlist(request, True, PLAYLIST_ID)[1] | {"snapshot_id": f"restless-{next(versions)}"}

        server.answer_next(r"GET /v1/playlists/\w+\?", times=times, body=body)

    def test_two_readings_with_the_same_entries_are_one_list(self, server):
        self.restless(server)
        snapshot = fetch(server)
        assert track_ids(snapshot) == expected()
        assert "version id changes with every answer" in snapshot.notes[-1]

    def test_readings_with_other_entries_are_not(self, server):
        self.restless(server)
        change_pages(server, lambda page: page["items"].reverse(), offset=0, times=1)
        with pytest.raises(SourceUnavailable, match="cannot be read in one piece"):
            fetch(server)


class TestPassingTrouble:
    @pytest.mark.parametrize("pattern", [rf"{PAGE}.*offset=50", r"GET /v1/albums"])
    def test_a_token_that_stops_working_is_replaced_once(self, server, pattern):
        server.refuse_next(pattern, 401, "The access token expired")
        assert track_ids(fetch(server)) == expected()
        assert server.count("POST") == 2

    def test_a_second_time_is_refused(self, server):
        server.refuse_next(PAGE, 401, "The access token expired", times=ALWAYS)
        with pytest.raises(SourceRefusal, match="HTTP 401"):
            fetch(server)
        assert server.count("POST") == 2

    def test_a_token_that_never_worked_is_refused_at_once(self, server):
        server.refuse_next(r"GET ", 401, "Invalid access token", times=ALWAYS)
        with pytest.raises(SourceRefusal, match="HTTP 401"):
            fetch(server)
        assert server.count("POST") == 1

    @pytest.mark.parametrize("offset", [0, 100])
    def test_a_playlist_that_was_there_is_unavailable_and_not_gone(self, server, offset):
        server.refuse_next(rf"{PAGE}.*offset={offset}", 404, "Resource not found")
        with pytest.raises(SourceUnavailable, match="gave a moment ago"):
            fetch(server)

    def test_a_playlist_that_was_never_there_is_refused(self, server):
        server.playlists.clear()
        with pytest.raises(SourceRefusal, match="HTTP 404"):
            fetch(server)

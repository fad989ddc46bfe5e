"""What a reader of the demo chart may rely on: a day is always the same, shaped like the API, alive like a chart."""

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.sources.demo import demo_chart, demo_names
from spotify_assets.sources.demo import demo_source as demo
from spotify_assets.sources.demo.demo_source import DemoSource

JAPAN = PlaylistSettings(slug="demo_japan", title="Demo of Japan", cadence="daily", source="demo")
YEAR = [date(2025, 1, 1) + timedelta(days=days) for days in range(365)]
SPOTIFY_ID = re.compile(r"[0-9A-Za-z]{22}")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
ANY_DAY = st.dates(date(2012, 1, 1), date(2032, 12, 31))


def fetch(day: date, playlist: PlaylistSettings = JAPAN, previous: PlaylistSnapshot | None = None) -> PlaylistSnapshot:
    return DemoSource().fetch(playlist, day, previous, may_retry=True)


def forget_everything() -> None:
    for module in (demo, demo_chart, demo_names):
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()


def as_bytes(snapshot: PlaylistSnapshot) -> bytes:
    content = {
        "entries": [[entry.position, entry.payload] for entry in snapshot.entries],
        "albums": {key: album.payload for key, album in snapshot.albums.items()},
        "artists": {key: artist.payload for key, artist in snapshot.artists.items()},
        "playlist": dict(snapshot.playlist),
        "rest": [str(snapshot.fetched_at), snapshot.playlist_id, snapshot.playlist_snapshot_id],
    }
    return json.dumps(content, ensure_ascii=False).encode()


def tracks(snapshot: PlaylistSnapshot) -> Iterator[dict]:
    """The tracks that Spotify knows: neither withdrawn nor local."""
    for entry in snapshot.entries:
        if entry.payload["track"] is not None and not entry.payload["is_local"]:
            yield entry.payload["track"]


@pytest.fixture(scope="module")
def year() -> list[PlaylistSnapshot]:
    return [fetch(day) for day in YEAR]


@pytest.fixture(scope="module")
def songs_by_day(year) -> list[set[str]]:
    return [{track["id"] for track in tracks(snapshot)} for snapshot in year]


# The same day is the same chart.


@pytest.mark.slow
@given(days=st.lists(ANY_DAY, min_size=2, max_size=5, unique=True), seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_a_day_is_the_same_in_any_order_of_asking(days, seed):
    forget_everything()
    in_order = {day: as_bytes(fetch(day)) for day in sorted(days)}
    forget_everything()
    shuffled = random.Random(seed).sample(days, len(days))  # noqa: S311
    assert {day: as_bytes(fetch(day)) for day in shuffled} == in_order


def test_a_day_does_not_depend_on_the_snapshot_before_it():
    day = date(2025, 6, 1)
    assert as_bytes(fetch(day, previous=fetch(day - timedelta(days=1)))) == as_bytes(fetch(day))


@pytest.mark.slow
def test_a_day_is_the_same_in_another_process_and_needs_no_dagster():
    program = (
        "import sys, types, datetime\n"
        "from spotify_assets.sources.demo.demo_source import DemoSource\n"
        "playlist = types.SimpleNamespace(slug='demo_japan', title='Demo of Japan', cadence='daily')\n"
        "snapshot = DemoSource().fetch(playlist, datetime.date(2025, 6, 1), None, may_retry=False)\n"
        "assert not {'dagster', 'pandas', 'numpy'} & set(sys.modules)\n"
        "print(ascii([entry.payload for entry in snapshot.entries]))\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert printed == {ascii([entry.payload for entry in fetch(date(2025, 6, 1)).entries])}


def test_who_gets_a_snapshot_may_change_it():
    day = date(2025, 6, 1)
    untouched = as_bytes(fetch(day))
    spoiled = fetch(day)
    spoiled.entries[0].payload["track"]["album"]["name"] = "spoiled"
    spoiled.entries[0].payload["track"]["artists"].clear()
    for catalog_object in (*spoiled.albums.values(), *spoiled.artists.values()):
        catalog_object.payload.clear()
    assert as_bytes(fetch(day)) == untouched


def test_playlists_differ_but_share_the_same_songs():
    other = PlaylistSettings(slug="demo_other", title="Another", cadence="daily", source="demo")
    here, there = ([track["id"] for track in tracks(fetch(YEAR[0], playlist))] for playlist in (JAPAN, other))
    assert here != there
    assert set(here) & set(there)


def test_a_weekly_chart_is_made_anew_on_thursdays():
    weekly = PlaylistSettings(slug="demo_weekly", title="Weekly", cadence="weekly", source="demo")
    thursday = date(2025, 6, 5)
    week = [fetch(thursday + timedelta(days=days), weekly) for days in range(8)]
    assert [snapshot.entries == week[0].entries for snapshot in week] == [True] * 7 + [False]
    assert [snapshot.snapshot_date for snapshot in week] == [thursday + timedelta(days=days) for days in range(8)]


# It has the shape of the API's answers.


@given(day=ANY_DAY)
@settings(max_examples=15)
def test_every_day_has_fifty_entries_and_a_catalog_object_for_every_id(day):
    snapshot = fetch(day)
    assert [entry.position for entry in snapshot.entries] == list(range(1, 51))
    albums = {track["album"]["id"] for track in tracks(snapshot)}
    artists = {artist["id"] for track in tracks(snapshot) for artist in (*track["artists"], *track["album"]["artists"])}
    assert set(snapshot.albums) == albums
    assert set(snapshot.artists) == artists
    for key, catalog_object in (*snapshot.albums.items(), *snapshot.artists.items()):
        assert catalog_object.payload["id"] == key
    for identifier in (snapshot.playlist_id, *albums, *artists, *(track["id"] for track in tracks(snapshot))):
        assert SPOTIFY_ID.fullmatch(identifier)


@pytest.mark.parametrize("day", [date(2015, 2, 28), date(2024, 2, 29), date(2031, 1, 1), date(1999, 12, 31)])
def test_no_song_charts_before_it_is_released(day):
    snapshot = fetch(day)
    assert len(snapshot.entries) == 50
    for track in tracks(snapshot):
        released = track["album"]["release_date"]
        assert released < day.isoformat()
        assert len(released) == {"year": 4, "month": 7, "day": 10}[track["album"]["release_date_precision"]]


def test_the_snapshot_tells_what_it_is():
    snapshot = fetch(date(2025, 3, 1))
    assert (snapshot.slug, snapshot.source, snapshot.snapshot_date) == ("demo_japan", "demo", date(2025, 3, 1))
    assert snapshot.fetched_at == datetime(2025, 2, 28, 15, 5, tzinfo=UTC)
    assert snapshot.fetched_at.tzinfo is UTC
    assert (snapshot.api_shape, snapshot.quota_mode, snapshot.language) == ("track", None, "ja")
    assert (snapshot.chart_date, snapshot.chart_size) == (None, 50)
    assert snapshot.playlist["name"] == "Demo of Japan"
    assert "invented" in snapshot.playlist["description"]


@pytest.mark.slow
def test_the_version_of_the_list_changes_with_the_list(year):
    assert len({snapshot.playlist_snapshot_id for snapshot in year}) == len(year)


def test_a_track_has_what_the_api_gives(year):
    for snapshot in year[::30]:
        for position, track in enumerate(tracks(snapshot)):
            assert track["name"], position
            assert 0 < track["duration_ms"] < 600_000
            assert 0 <= track["popularity"] <= 100
            assert 1 <= track["track_number"] <= track["album"]["total_tracks"]
            assert track["type"] == "track"
            assert track["uri"] == f"spotify:track:{track['id']}"
            assert re.fullmatch(r"XX[A-Z]{3}[0-9]{7}", track["external_ids"]["isrc"])
            assert track["external_urls"]["spotify"] == f"https://example.com/demo/track/{track['id']}"
            assert track["album"]["album_type"] in ("single", "album", "compilation")
            assert len({artist["id"] for artist in track["artists"]}) == len(track["artists"]) > 0


def test_full_objects_complete_what_the_entries_have(year):
    for snapshot in year[::30]:
        for track in tracks(snapshot):
            album = snapshot.albums[track["album"]["id"]].payload
            assert album.items() >= track["album"].items()
            assert album["label"] in demo_names.LABELS
            assert re.fullmatch(r"2[0-9]{12}", album["external_ids"]["upc"])
            for credited in track["artists"]:
                artist = snapshot.artists[credited["id"]].payload
                assert artist.items() >= credited.items()
                assert 0 <= artist["popularity"] <= 100
                assert artist["followers"]["total"] > 0


def test_ids_isrcs_and_artists_belong_to_one_thing_each(year):
    names, isrcs, artists = {}, {}, {}
    for snapshot in year:
        for track in tracks(snapshot):
            names.setdefault(track["id"], set()).add((track["name"], track["album"]["id"]))
            isrcs.setdefault(track["external_ids"]["isrc"], set()).add(track["id"])
            for artist in track["artists"]:
                artists.setdefault(artist["name"], set()).add(artist["id"])
    assert {len(values) for found in (names, isrcs, artists) for values in found.values()} == {1}


def test_all_artists_have_names_of_their_own():
    assert len(set(demo_names.artist_names())) == demo_names.ARTIST_COUNT


def test_followers_never_fall_and_popularity_changes_slowly(year):
    followers, popularity = {}, {}
    for snapshot in year:
        for key, artist in snapshot.artists.items():
            followers.setdefault(key, []).append(artist.payload["followers"]["total"])
            popularity.setdefault(key, []).append((snapshot.snapshot_date, artist.payload["popularity"]))
    assert all(values == sorted(values) for values in followers.values())
    steps = [
        abs(after - before)
        for values in popularity.values()
        for (day, before), (next_day, after) in pairwise(values)
        if next_day - day == timedelta(days=1)
    ]
    assert max(steps) == 1


# It looks like a chart.


def test_streams_fall_with_the_position_and_are_plausible_for_japan(year):
    for snapshot in year:
        streams = [entry.payload["streams"] for entry in snapshot.entries if "streams" in entry.payload]
        assert streams == sorted(streams, reverse=True)
        assert 100_000 < streams[0] < 600_000
        assert 30_000 < streams[-1] < 90_000


def test_a_few_songs_a_day_are_new(songs_by_day):
    new = [len(after - before) for before, after in pairwise(songs_by_day)]
    assert 2 <= mean(new) <= 6
    assert sum(1 <= count <= 8 for count in new) >= 0.9 * len(new)
    never_seen_before = [
        len(after.difference(*songs_by_day[:number])) for number, after in enumerate(songs_by_day) if number >= 90
    ]
    assert 1 <= mean(never_seen_before) <= 5


def test_songs_climb_and_fall(year):
    moves = Counter()
    for before, after in pairwise(year):
        positions = {
            entry.payload["track"]["id"]: entry.position for entry in before.entries if "streams" in entry.payload
        }
        for entry in after.entries:
            if "streams" in entry.payload and entry.payload["track"]["id"] in positions:
                change = positions[entry.payload["track"]["id"]] - entry.position
                moves["up" if change > 0 else "down" if change < 0 else "same"] += 1
    assert min(moves["up"], moves["down"], moves["same"]) > 0.1 * moves.total()


def test_hits_stay_for_months_and_others_for_a_day(songs_by_day):
    days_on_chart = Counter(song for songs in songs_by_day for song in songs)
    at_the_edges = songs_by_day[0] | songs_by_day[-1]
    assert max(days_on_chart.values()) >= 100
    assert sum(days >= 60 for days in days_on_chart.values()) >= 20
    assert sum(days == 1 and song not in at_the_edges for song, days in days_on_chart.items()) >= 50
    longest_unbroken, running = 0, Counter()
    for songs in songs_by_day:
        running = Counter({song: running[song] + 1 for song in songs})
        longest_unbroken = max(longest_unbroken, *running.values())
    assert longest_unbroken >= 60


def test_songs_come_back_soon_and_recent_ones_are_rediscovered_after_months(year):
    absences, last_seen = [], {}
    for number, snapshot in enumerate(year):
        for track in tracks(snapshot):
            recent = track["album"]["release_date"] >= "2023"
            if track["id"] in last_seen:
                absences.append((number - last_seen[track["id"]] - 1, recent))
            last_seen[track["id"]] = number
    assert sum(1 <= days < 30 for days, _ in absences) >= 100
    assert sum(days >= 60 and recent for days, recent in absences) >= 5


def test_the_top_changes_hands_now_and_then(year):
    number_ones = Counter(snapshot.entries[0].payload["track"]["id"] for snapshot in year)
    assert 8 <= len(number_ones) <= 60
    assert max(number_ones.values()) >= 14


def test_a_song_released_yesterday_can_chart_at_once(year):
    releases = {
        (snapshot.snapshot_date - timedelta(days=1)).isoformat() == track["album"]["release_date"]
        for snapshot in year
        for track in tracks(snapshot)
    }
    assert True in releases


# It has the awkward things that real charts have.


def test_credits_of_every_kind(year):
    credit_counts = Counter(len(track["artists"]) for snapshot in year for track in tracks(snapshot))
    assert {1, 2, 3} == set(credit_counts)
    assert 0.05 < (credit_counts[2] + credit_counts[3]) / credit_counts.total() < 0.4


def test_compilations_are_by_various_artists_who_are_not_on_the_track(year):
    compilations = [
        track for snapshot in year for track in tracks(snapshot) if track["album"]["album_type"] == "compilation"
    ]
    assert len({track["album"]["id"] for track in compilations}) >= 5
    for track in compilations:
        (various,) = track["album"]["artists"]
        assert various["name"] == demo_names.VARIOUS_ARTISTS
        assert various["id"] not in {artist["id"] for artist in track["artists"]}


def test_several_songs_of_one_album_chart_together(year):
    most = [max(Counter(track["album"]["id"] for track in tracks(snapshot)).values()) for snapshot in year]
    assert max(most) >= 3


def test_release_dates_of_every_precision(year):
    precisions = Counter(track["album"]["release_date_precision"] for snapshot in year for track in tracks(snapshot))
    assert set(precisions) == {"year", "month", "day"}
    assert precisions["day"] > 0.8 * precisions.total()


def test_now_and_then_an_entry_is_withdrawn_and_another_a_local_file(year):
    withdrawn = [snapshot for snapshot in year if any(entry.payload["track"] is None for entry in snapshot.entries)]
    local = [snapshot for snapshot in year if any(entry.payload["is_local"] for entry in snapshot.entries)]
    assert 12 <= len(withdrawn) <= 18
    assert 11 <= len(local) <= 15
    for snapshot in withdrawn + local:
        charted = demo_chart.chart("demo_japan", snapshot.snapshot_date)
        others = [
            (entry.payload["streams"], song.streams)
            for entry, song in zip(snapshot.entries, charted, strict=True)
            if "streams" in entry.payload
        ]
        assert len(others) in (48, 49)
        assert all(streams == expected for streams, expected in others)


def test_a_local_file_has_names_but_no_ids(year):
    local = [entry.payload for snapshot in year for entry in snapshot.entries if entry.payload["is_local"]]
    for payload in local:
        track = payload["track"]
        assert track["uri"].startswith("spotify:local:")
        assert track["is_local"]
        assert track["name"]
        assert track["album"]["name"]
        assert track["artists"][0]["name"]
        assert [track["id"], track["album"]["id"], track["artists"][0]["id"]] == [None, None, None]


def test_genres_are_given_empty_or_missing(year):
    kinds = Counter(
        "missing" if "genres" not in artist.payload else "given" if artist.payload["genres"] else "empty"
        for artist in {key: artist for snapshot in year for key, artist in snapshot.artists.items()}.values()
    )
    assert kinds["given"] > kinds["empty"] > kinds["missing"] > 0


def test_titles_and_names_are_in_both_scripts_and_have_awkward_characters(year):
    titles = {track["name"] for snapshot in year for track in tracks(snapshot)}
    for names in (titles, set(demo_names.artist_names())):
        japanese = sum(bool(JAPANESE.search(name)) for name in names)
        assert 0.3 < japanese / len(names) < 0.8
    for awkward in (",", "、", '"', "「", "'", "’", "/", "🎈", "🌙"):
        assert any(awkward in title for title in titles), awkward

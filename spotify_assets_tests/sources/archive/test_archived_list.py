"""Files of the archive: what is read of them, and which are refused."""

from __future__ import annotations

import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.archive.archived_list import read_archived_list
from spotify_assets.storage.raw_format import decode, encode
from spotify_assets_tests.helpers.fuzzing import assert_whole, bytes_of_tables, damaged, nearly
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.github import JAPAN_TOP_50, as_json, as_markdown, make_list

JSON_PATH = f"playlists/pretty/{JAPAN_TOP_50}.json"
MARKDOWN_PATH = "playlists/pretty/Top 50 - Japan.md"


def read(listed, path=JSON_PATH):
    return read_archived_list(as_json(listed) if path == JSON_PATH else as_markdown(listed), path, JAPAN_TOP_50)


def without_times(entries):
    return [{key: entry[key] for key in ("name", "url", "artists", "album")} for entry in entries]


def test_entries_are_kept_as_received_in_order():
    listed = make_list([5, 3, 9])
    found = read(listed)
    assert list(found.entries) == listed["tracks"]
    assert found.snapshot_id == listed["snapshot_id"]
    assert found.nominal_size == 50
    assert "owner" not in found.playlist


@pytest.mark.parametrize(
    ("title", "size"),
    [("Top 50 - Japan", 50), ("Viral 50 - Global", 50), ("Hot 100", 100), ("Tokyo 2020", None), ("My songs", None)],
)
def test_the_nominal_size_is_what_the_title_says(title, size):
    assert read(make_list([1], title=title)).nominal_size == size


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\\"), min_size=1), min_size=1
    )
)
def test_any_name_survives_markdown(names):
    listed = make_list(range(len(names)))
    for track, name in zip(listed["tracks"], names, strict=True):
        track["name"] = name.strip() or "x"
        track["artists"].append({"name": f"feat. [{name}]".strip(), "url": track["artists"][0]["url"]})
    found = read(listed, MARKDOWN_PATH)
    assert without_times(found.entries) == without_times(listed["tracks"])


def test_a_name_with_backslashes_pipes_and_lines_survives_markdown():
    listed = make_list([1, 2])
    listed["tracks"][0]["name"] = "a \\ b | c](d) \n 1. *e*"
    found = read(listed, MARKDOWN_PATH)
    assert without_times(found.entries) == without_times(listed["tracks"])


def test_lists_of_the_first_years_have_no_escapes():
    listed = make_list([1, 2])
    listed["tracks"][0]["name"] = "再会 (produced by - somebody)"
    data = as_markdown(listed, escape=False)
    found = read_archived_list(data, MARKDOWN_PATH, JAPAN_TOP_50)
    assert without_times(found.entries) == without_times(listed["tracks"])
    assert found.snapshot_id is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (as_json(make_list([1, 2]))[:-40], "it is not JSON, or only a part of it"),
        (b"<!DOCTYPE html><html></html>", "it is not JSON"),
        (b"[]", "not an object with a list of `tracks`"),
        (b'{"tracks": {}}', "not an object with a list of `tracks`"),
        (b"\xff\xfe", "it is not text in UTF-8"),
        (as_json(make_list([])), "it lists nothing"),
        (as_json(make_list([1], playlist_id="0" * 22)), "it is the list of another playlist"),
        (b"[" * 100_000, "it is not JSON"),
        (json.dumps({"tracks": [1]}).encode(), "it is the list of another playlist"),
    ],
)
def test_what_is_no_list_of_the_playlist_is_refused(data, why):
    with pytest.raises(SourceRefusal, match=why) as refused:
        read_archived_list(data, JSON_PATH, JAPAN_TOP_50)
    assert JSON_PATH in refused.value.what


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("| 2 |", "| 3 |", "row 2 of its table is not row 2"),
        ("https://open.spotify.com/track/", "https://example.com/track/", "row 1 of its table is not one song"),
        ("| No. |", "| Nr |", "no table of its songs"),
        ("### [", "## [", "no heading with the playlist"),
    ],
)
def test_a_table_that_is_not_whole_is_refused(old, new, why):
    data = as_markdown(make_list([1, 2])).decode().replace(old, new).encode()
    with pytest.raises(SourceRefusal, match=why):
        read_archived_list(data, MARKDOWN_PATH, JAPAN_TOP_50)


def assert_whole_or_refused(data, path):
    try:
        found = read_archived_list(data, path, JAPAN_TOP_50)
    except SourceRefusal:
        return
    snapshot = make_snapshot(
        found.entries,
        source="archive",
        playlist=found.playlist,
        playlist_snapshot_id=found.snapshot_id,
        chart_size=found.nominal_size,
        renewed_at=found.renewed_at,
    )
    assert_whole(snapshot)
    assert bytes_of_tables(decode(encode(snapshot, ""), "here")) == bytes_of_tables(snapshot)


@pytest.mark.slow
@given(nearly(make_list([5, 3, 9])))
def test_any_json_of_the_archive_is_a_whole_day_or_refused(document):
    assert_whole_or_refused(as_json(document), JSON_PATH)


@pytest.mark.slow
@given(damaged(as_json(make_list([5, 3]))), damaged(as_markdown(make_list([5, 3]))))
def test_any_damaged_file_of_the_archive_is_a_whole_day_or_refused(json_file, markdown_file):
    assert_whole_or_refused(json_file, JSON_PATH)
    assert_whole_or_refused(markdown_file, MARKDOWN_PATH)


@requires_real_data
def test_real_lists_of_2021_have_fifty_songs_with_ids():
    path = REAL_DATA / "charts" / "mackorone_jp_top50_history_2021-03_05.tar.gz"
    with tarfile.open(path) as archive:
        members = [member for member in archive if member.name.endswith("_pretty.md")]
        assert len(members) == 39
        for member in members:
            found = read_archived_list(archive.extractfile(member).read(), MARKDOWN_PATH, JAPAN_TOP_50)
            assert len(found.entries) == found.nominal_size == 50
            assert all(entry["artists"] and entry["album"]["name"] for entry in found.entries)

"""Rows of the compacted history: credits in their order, genres of all of them, and what is missing stays missing."""

import io
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from spotify_assets.schemas.analyses import CHART_ENTRIES
from spotify_assets.snapshot import CatalogObject
from spotify_assets.storage.parquet import checked, encode
from spotify_assets.transforms.chart_entries import chart_entries
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import DAY, make_snapshot
from spotify_assets_tests.stand_ins.spotify import make_artist, make_entry, make_track

BOTH = [make_artist(7), make_artist(8)]


def compacted(*snapshots):
    """The rows as they come back from a file."""
    tables = daily_tables(snapshots, "daily")
    rows = checked(CHART_ENTRIES, chart_entries(tables))
    return pq.read_table(io.BytesIO(encode(rows))).to_pylist()


def genres_of(*genres):
    """Complete artists 7, 8, ... with these genres."""
    artists = [make_artist(7 + number) | {"genres": given} for number, given in enumerate(genres)]
    return {artist["id"]: CatalogObject(artist) for artist in artists}


def test_rows_are_by_day_and_position_with_their_own_credits():
    next_day = DAY + timedelta(days=1)
    first = make_snapshot([make_entry(make_track(1, BOTH)), make_entry(make_track(2, BOTH[::-1]))])
    second = make_snapshot([make_entry(make_track(1, BOTH[:1]))], next_day)
    assert [(row["snapshot_date"], row["position"], row["artist_keys"]) for row in compacted(first, second)] == [
        (DAY, 1, [BOTH[0]["id"], BOTH[1]["id"]]),
        (DAY, 2, [BOTH[1]["id"], BOTH[0]["id"]]),
        (next_day, 1, [BOTH[0]["id"]]),
    ]


def test_a_credit_without_a_name_keeps_its_place():
    nameless = make_artist(7) | {"name": None}
    (row,) = compacted(make_snapshot([make_entry(make_track(1, [nameless, BOTH[1]]))]))
    assert row["artist_keys"] == [nameless["id"], BOTH[1]["id"]]
    assert row["artist_names"] == [None, BOTH[1]["name"]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((["rock", "anime"], ["anime", "pop"]), ["anime", "pop", "rock"]),
        ((["rock"], None), ["rock"]),
        (([], []), []),
        (([], None), []),
        ((None, None), None),
        ((), None),
    ],
)
def test_genres_are_those_of_all_credits_and_null_where_no_artist_has_any_given(given, expected):
    (row,) = compacted(make_snapshot([make_entry(make_track(1, BOTH))], artists=genres_of(*given)))
    assert row["genres"] == expected


def test_a_day_without_songs_has_no_row():
    assert compacted(make_snapshot([])) == []


def refs(*tracks):
    return [row["song_ref"] for row in compacted(make_snapshot([make_entry(track) for track in tracks]))]


def without_id(number=1, **facts):
    return make_track(number, BOTH) | {"id": None, "external_ids": {}} | facts


def isrc(text):
    return {"external_ids": {"isrc": text}}


def test_a_row_with_an_id_refers_to_its_song_by_it():
    assert refs(make_track(1) | isrc("JPAB12600001")) == [make_track(1)["id"]]


def test_a_row_without_an_id_refers_by_isrc_title_and_artists():
    same, in_dress = without_id(**isrc("JPAB12600001")), without_id(**isrc("jp-ab1-26-00001"))
    others = [without_id(), without_id(2, **isrc("JPAB12600001")), without_id(**isrc("JPAB12600002"))]
    first, second, *rest = refs(same, in_dress, *others)
    assert first == second
    assert len({first, *rest}) == 4


@pytest.mark.parametrize("text", ["N/A", "0", "TBA"])
def test_a_text_that_is_no_isrc_refers_to_nothing(text):
    assert len(set(refs(without_id(**isrc(text)), without_id()))) == 1
    assert refs(without_id(name=None, **isrc(text))) == [None]


def test_a_row_without_a_title_refers_by_its_isrc():
    first, second, third = refs(*(without_id(name=None, **isrc(f"JPAB1260000{n}")) for n in (1, 1, 2)))
    assert first == second != third

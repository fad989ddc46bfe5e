"""Song identity against its restatement in plain Python, and what must hold of it whatever rows say."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets_tests.helpers.analyse import identified
from spotify_assets_tests.helpers.little_charts import History, examples, histories, shuffle
from spotify_assets_tests.helpers.restatement import Songs, records

pytestmark = pytest.mark.slow


@examples(10)
@given(histories())
def test_songs_and_candidates_are_those_of_the_restatement(history):
    identity, tables = identified(*history)
    songs = Songs(records(history.chart_entries), records(history.chart_days), history.aliases)
    found = {row["song_ref"]: row["song_key"] for row in tables["song_identity"]}
    assert found == {ref: songs[ref].key for ref in found}
    assert set(identity.ambiguous_isrcs) == songs.ambiguous
    for playlist in set(history.chart_days["playlist"]):
        doubted = {row["song_key"] for row in tables["alias_candidates"] if row["playlist"] == playlist}
        assert doubted == songs.doubted(playlist)


@examples(5)
@given(histories(), st.randoms(use_true_random=True))
def test_the_order_of_days_and_playlists_does_not_matter(history, random):
    shuffled = History(shuffle(history.chart_days, random), shuffle(history.chart_entries, random), history.aliases)
    assert identified(*history)[1] == identified(*shuffled)[1]


@examples(6)
@given(histories())
def test_where_ids_titles_and_artists_are_all_that_is_known_no_two_names_of_an_edition_are_one_song(history):
    entries = history.chart_entries.assign(isrc=None)
    _, tables = identified(history.chart_days, entries)
    keys = {row["song_ref"]: row["song_key"] for row in tables["song_identity"]}
    for _, listed in entries.groupby(["playlist", "snapshot_date"]):
        refs = set(listed["song_ref"].dropna())
        assert len({keys[ref] for ref in refs}) == len(refs)


@examples(5)
@given(histories())
def test_every_song_has_one_key_which_is_one_of_its_names(history):
    identity, tables = identified(*history)
    rows = pd.DataFrame(tables["song_identity"], columns=["song_ref", "song_key", "basis"])
    assert rows["song_ref"].is_unique
    assert identity.songs == rows["song_key"].nunique()
    named = {
        *history.chart_entries["song_ref"],
        *(isrc.upper().replace("-", "") for isrc in history.chart_entries["isrc"] if isrc),
    }
    assert set(rows["song_key"]) <= named

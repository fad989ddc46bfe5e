"""The SQL against its restatement in plain Python, and what must hold of every chart, on random little charts."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets_tests.helpers.analyse import analyse
from spotify_assets_tests.helpers.little_charts import History, examples, histories, shuffle
from spotify_assets_tests.helpers.restatement import restate

pytestmark = pytest.mark.slow

ROUNDING = 2e-8
"""What fractions may differ by: the SQL rounds each to nine decimals before it sums them, the restatement never."""


@examples(6)
@given(histories())
def test_the_sql_says_what_the_restatement_says_and_loses_no_row(history):
    tables, expected = analyse(*history), restate(*history)
    assert list(tables) == list(expected) == list(ANALYSES)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, expected[name], rtol=1e-9, atol=ROUNDING, obj=name)
    assert_no_row_is_lost_and_no_position_is_shifted(history, tables)


@examples(2)
@given(histories(), st.randoms(use_true_random=True))
def test_rows_and_days_in_another_order_year_by_year_are_those_of_the_whole(history, random):
    shuffled = History(shuffle(history.chart_days, random), shuffle(history.chart_entries, random), history.aliases)
    tables, again = analyse(*history), analyse(*shuffled, year_by_year=True)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(again[name], table, check_exact=True, obj=name)


def assert_no_row_is_lost_and_no_position_is_shifted(history, tables):
    songs = tables["song_history"].groupby(["playlist", "snapshot_date"])
    for edition in tables["chart_editions"].to_dict("records"):
        place = (edition["playlist"], edition["snapshot_date"])
        entries = history.chart_entries
        listed = entries[(entries["playlist"] == place[0]) & (entries["snapshot_date"] == place[1])]
        of_songs = songs.get_group(place) if place in songs.groups else tables["song_history"].head(0)
        assert len(of_songs) == edition["songs"]
        assert of_songs["occurrences"].sum() + edition["unidentified"] == len(listed)
        positions = of_songs["position"].tolist()
        assert len(set(positions)) == len(positions)
        assert set(positions) <= set(listed["position"])
        assert (of_songs["points"] + of_songs["position"] == edition["chart_size"] + 1).all()

"""Cells of CSV files: nothing that a spreadsheet would run, and back again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.analytics.spreadsheet_cells import FORMULA_STARTS, guarded, unguarded

texts = st.text() | st.builds(str.__add__, st.sampled_from([*FORMULA_STARTS, "'", "'="]), st.text())


@given(texts)
def test_no_cell_begins_like_a_formula_and_each_comes_back(text):
    cell = guarded(text)
    assert not cell.startswith(tuple(FORMULA_STARTS))
    if not (text.startswith("'") and text[1:].startswith(tuple(FORMULA_STARTS))):
        assert unguarded(cell) == text


@pytest.mark.parametrize("value", [-1, 0.5, None, True, "Song", "'Round Midnight"])
def test_all_else_stays(value):
    assert guarded(value) is value

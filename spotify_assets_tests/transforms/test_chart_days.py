"""What only a playlist's days together say of each: unchanged, edition, stale; and which days failed checks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.schemas.analyses import CHART_DAYS
from spotify_assets.storage.parquet import checked
from spotify_assets.transforms.chart_days import STALE_AFTER, chart_days, newest_edition, with_editions
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import DAY, make_snapshot
from spotify_assets_tests.stand_ins.spotify import make_entries

OLD, NEW, OTHER = make_entries(3), make_entries(3, first=10), make_entries(3, first=20)


def day(number):
    return DAY + timedelta(days=number)


def history(contents, cadence="daily", **changes):
    """The rows of days with these contents, by number of the day."""
    snapshots = [make_snapshot(content, day(number), **changes) for number, content in contents.items()]
    return chart_days(daily_tables(snapshots, cadence))


def editions(rows):
    return [
        (unchanged, (edition - DAY).days) for unchanged, edition in zip(rows["unchanged"], rows["edition"], strict=True)
    ]


class TestEditions:
    def test_an_edition_begins_where_content_was_first_seen(self):
        rows = history(dict(enumerate([OLD, OLD, NEW, NEW, OLD])))
        assert editions(rows) == [(False, 0), (True, 0), (False, 2), (True, 2), (False, 4)]

    def test_the_first_day_of_all_is_not_unchanged(self):
        assert editions(history({0: []})) == [(False, 0)]

    def test_days_without_a_snapshot_do_not_end_an_edition(self):
        assert editions(history({0: OLD, 300: OLD})) == [(False, 0), (True, 0)]

    def test_no_days_are_no_rows(self):
        rows = history({})
        assert (len(rows), list(rows.columns)) == (0, CHART_DAYS.column_names)
        assert checked(CHART_DAYS, rows).num_rows == 0

    @pytest.mark.slow
    @settings(max_examples=25)
    @given(st.lists(st.sampled_from([OLD, NEW, OTHER, []]), min_size=1, max_size=7), st.integers(0, 7), st.randoms())
    def test_a_history_is_the_same_in_one_piece_in_two_and_from_days_in_any_order(self, contents, cut, random):
        whole = history(dict(enumerate(contents)))
        order = list(whole.index)
        random.shuffle(order)
        assert_same(with_editions(whole.loc[order], None), whole)
        first = with_editions(whole[:cut], None)
        second = with_editions(whole[cut:], newest_edition(first))
        assert_same(pd.concat([first, second], ignore_index=True), whole)


def assert_same(rows, expected):
    assert checked(CHART_DAYS, rows).equals(checked(CHART_DAYS, expected))


class TestStale:
    @pytest.mark.parametrize("cadence", STALE_AFTER)
    def test_missing_unchanged_and_stale_are_three_states(self, cadence):
        last = STALE_AFTER[cadence].days
        rows = history(dict.fromkeys([*range(last - 1), last], OLD), cadence, source="demo")
        assert list(rows["snapshot_date"]) == [*map(day, range(last - 1)), day(last)]
        assert list(rows["unchanged"]) == [False, *[True] * (last - 1)]
        assert list(rows["stale"]) == [*[False] * (last - 1), True]

    @pytest.mark.parametrize("cadence", STALE_AFTER)
    @pytest.mark.parametrize("source", ["spotify", "demo"])
    def test_a_list_that_was_not_renewed_is_stale_whatever_is_known_of_days_before(self, cadence, source):
        limit = STALE_AFTER[cadence]
        # Eleven at night in Japan, and half past midnight.
        for moment, is_stale in (
            (datetime(2026, 11, 22, 14, 0, tzinfo=UTC) - limit, True),
            (datetime(2026, 11, 22, 15, 30, tzinfo=UTC) - limit, False),
        ):
            rows = history({0: OLD}, cadence, source=source, renewed_at=moment)
            assert list(rows["stale"]) == [is_stale]
            assert list(rows["unchanged"]) == [False]


class TestFailedChecks:
    def test_a_good_day_has_none(self):
        assert list(history({0: OLD})["failed_checks"]) == [None]

    def test_a_day_names_each(self):
        frames = daily_tables([make_snapshot(OLD, day(0)), make_snapshot(NEW, day(1))], "daily")
        frames["albums"] = frames["albums"].drop(index=frames["albums"].index[-1])
        frames["songs"] = frames["songs"].drop(index=frames["songs"].index[-1])
        before, found = chart_days(frames)["failed_checks"]
        assert before is None
        assert found == (
            "positions_complete: listed 3, found 2, unexplained [3]; "
            "references_whole: song_artists.position 3 is not in songs"
        )

    def test_an_empty_list_is_named(self):
        assert list(history({0: []})["failed_checks"]) == ["positions_complete: the playlist listed nothing"]


def test_rows_are_in_order_of_days():
    rows = history({2: OLD, 0: OLD, 1: NEW})
    assert list(rows["snapshot_date"]) == [date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 24)]
    assert editions(rows) == [(False, 0), (False, 1), (False, 2)]

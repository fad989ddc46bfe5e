"""Our figures of a real chart beside its publisher's, which every row of the file has: nothing differs unexplained.

Daily Top 200 of Japan, 43 days from 2026-06-30 to 2026-08-20 with nine missing in between. What differs, and why:

- The window: the publisher knows the song's days and its best position before the first day of the file.
- Missing days: the publisher counts them, and its previous position is that of a missing day.
- Rows without title and id (36) name no song; they are nobody's figures.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from spotify_assets_tests.helpers.analyse import analyse
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.helpers.whole_chart import history_of_file

FILE = REAL_DATA / "charts" / "anelas_jp_top200_daily_2026.csv.gz"
pytestmark = [requires_real_data, pytest.mark.slow]


@pytest.fixture(scope="module")
def chart():
    """The file as the compacted history."""
    return history_of_file(FILE, "chart")


@pytest.fixture(scope="module")
def tables(chart):
    return analyse(*chart)


@pytest.fixture(scope="module")
def history(tables):
    """The song history, with `missing_before` of its edition."""
    missing = dict(tables["chart_editions"][["edition_date", "missing_before"]].itertuples(index=False))
    rows = tables["song_history"].to_dict("records")
    return [row | {"missing_before": missing[row["edition_date"]]} for row in rows]


def steps_of_songs(history, *, over_a_gap=None):
    """Each row of a song with the one before it, where that is of the edition before in D."""
    return [
        (before, row)
        for before, row in pairwise(history)
        if before["song_key"] == row["song_key"] and row["streak"] > 1 and over_a_gap in (None, row["gap"])
    ]


def compared(ours, official):
    if ours == official:
        return "neither" if ours is None else "equal"
    return "only official" if ours is None else "only ours" if official is None else "different"


def previous_positions(history):
    """By whether the day before is missing: how our previous positions compare to the publisher's."""
    counts = {False: Counter(), True: Counter()}
    for row in history:
        if row["edition_number"] > 1:
            counts[row["gap"]][compared(row["previous_position"], row["official_previous_position"])] += 1
    return counts


def test_what_is_compared(tables):
    editions = tables["chart_editions"]
    assert len(editions) == 43
    assert editions["missing_before"].sum() == 9
    assert editions["unidentified"].sum() == 36
    assert tables["song_history"][["official_peak_position", "official_days_on_chart"]].notna().all(axis=None)


def test_previous_positions(history):
    counts = previous_positions(history)
    # Neither: songs that are new or back. The publisher carries a song's history on when its id changes, as it did for
    # three songs from one day to the next; so does ours, by title and artist.
    assert counts[False] == {"equal": 6270, "neither": 300}
    # The publisher's is of the missing day: another one, or the same by chance. Only ours: the song was not there on
    # the missing day. Only official: it was, and not on the day before that we have.
    assert counts[True] == {"different": 1463, "equal": 199, "neither": 73, "only ours": 24, "only official": 34}


def test_a_song_without_official_position_was_not_there_on_the_missing_day(history):
    after_one_day = [(b, row) for b, row in steps_of_songs(history, over_a_gap=True) if row["missing_before"] == 1]
    assert after_one_day
    for before, row in after_one_day:
        grew = row["official_days_on_chart"] - before["official_days_on_chart"]
        assert grew == (1 if row["official_previous_position"] is None else 2)


def test_days_on_chart(history):
    # Ours are those within the window; equal where the song's first day is in it, and none of its days is missing.
    assert all(row["editions_on_chart"] <= row["official_days_on_chart"] for row in history)
    days_missing = {row["edition_number"]: row["missing_before"] for row in history}
    for before, row in pairwise(history):
        if before["song_key"] != row["song_key"]:
            continue
        # From one day with the song to the next one the publisher counts one more, as we do, and those of the missing
        # days between them on which the song was there.
        between = range(before["edition_number"] + 1, row["edition_number"] + 1)
        missing = sum(days_missing[number] for number in between)
        assert 0 <= row["official_days_on_chart"] - before["official_days_on_chart"] - 1 <= missing


def test_peak_positions(history):
    counts = Counter()
    for row in history:
        assert row["official_peak_position"] <= row["peak_position"]
        counts[row["official_peak_position"] == row["peak_position"]] += 1
    assert counts == {True: 1161, False: 7402}  # better before the window, or on a missing day
    # From day to day the publisher's peak is the better one of its peak before and the position, as ours; after a
    # missing day it may be better: the song peaked on that day.
    steps = Counter()
    for before, row in steps_of_songs(history):
        expected = min(before["official_peak_position"], row["position"])
        assert row["official_peak_position"] <= expected
        steps[row["gap"], row["official_peak_position"] == expected] += 1
    assert steps == {(False, True): 6270, (True, True): 1679, (True, False): 7}


def test_entry_status(history):
    entries = Counter(
        (row["entry_status"], row["entry_status_basis"])
        for row in history
        if row["entry_status"] in ("NEW", "RE_ENTRY", "FIRST_SEEN")
    )
    # The publisher's figures tell of every song that we see for the first time whether it is new.
    assert entries == {("NEW", "official"): 33, ("RE_ENTRY", "official"): 72, ("RE_ENTRY", "observed"): 302}
    for row in history:
        if row["entry_status"] == "NEW":
            assert row["official_days_on_chart"] == 1
        if row["entry_status"] == "RE_ENTRY":
            assert row["official_days_on_chart"] > 1

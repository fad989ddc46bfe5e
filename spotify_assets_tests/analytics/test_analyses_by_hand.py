"""Each definition of the analyses on a little chart whose figures were worked out by hand.

Days are numbered from 2026-01-01, a Thursday. Unless a chart says its size, N is the number of entries listed.
"""

from __future__ import annotations

from datetime import date
from itertools import accumulate

import pytest

from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets_tests.helpers.analyse import analyse
from spotify_assets_tests.helpers.little_charts import by, day, little_chart, together

pytestmark = pytest.mark.slow

JP1, JP2 = "JPAB12600001", "JPAB12600002"
OLD_THEN_NEW = {1: "old b", 2: "b new"}
"""The song whose id changes."""

RELEASES = {
    "year": (date(2025, 1, 1), date(2025, 12, 31)),  # middle: July 2, 183 days ago
    "month": (date(2025, 12, 1), date(2025, 12, 31)),  # middle: December 16, 16 days ago
    "new": (date(2025, 12, 2), date(2025, 12, 2)),  # 30 days ago
    "recent": (date(2025, 12, 1), date(2025, 12, 1)),  # 31 days ago
    "still": (date(2024, 7, 2), date(2024, 7, 2)),  # 548 days ago
    "catalogue": (date(2024, 7, 1), date(2024, 7, 1)),  # 549 days ago
    "tomorrow": (date(2026, 1, 2), date(2026, 1, 2)),  # never negative: 0
    "unknown": (None, None),
}
"""By song: what its release means on January 1, 2026."""

ALL_RELEASES = " ".join(RELEASES)


def told(table, columns, **where):
    """Some columns of the rows where others have these values, in the order of the table's key; alone, one is bare."""
    for name, value in where.items():
        table = table[table[name] == value]
    rows = table[columns.split()].itertuples(index=False, name=None)
    return [row[0] if len(row) == 1 else row for row in rows]


@pytest.fixture(scope="module")
def gap_day():
    """January 3 is missing. a and b are always there; c on the first and the last day; d and e on one day each."""
    return analyse(*little_chart({1: "a b c", 2: "b a d", 4: "b e a", 5: "c b a"}))


class TestAGapDay:
    def test_every_table_has_its_columns(self, gap_day):
        assert {name: list(table) for name, table in gap_day.items()} == {
            name: table.column_names for name, table in ANALYSES.items()
        }

    def test_editions_are_counted_without_it(self, gap_day):
        columns = "edition_date edition_number previous_edition_date missing_before gap gap_after is_last"
        assert told(gap_day["chart_editions"], columns) == [
            (day(1), 1, None, 0, False, False, False),
            (day(2), 2, day(1), 0, False, True, False),
            (day(4), 3, day(2), 1, True, False, False),
            (day(5), 4, day(4), 0, False, False, True),
        ]

    def test_periods_expect_it(self, gap_day):
        columns = "period period_start period_end expected_editions observed_editions previous_period_start"
        periods = dict.fromkeys(told(gap_day["chart_periods"], columns))
        assert list(periods) == [
            ("all", day(1), day(5), 5, 4, None),
            ("day", day(1), day(1), 1, 1, None),
            ("day", day(2), day(2), 1, 1, day(1)),
            ("day", day(4), day(4), 1, 1, None),
            ("day", day(5), day(5), 1, 1, day(4)),
            ("month", day(1), day(31), 5, 4, None),
            ("week", date(2025, 12, 29), day(4), 4, 3, None),
            ("week", day(5), day(11), 1, 1, date(2025, 12, 29)),
            ("year", day(1), date(2026, 12, 31), 5, 4, None),
        ]

    @pytest.mark.parametrize(
        ("song", "rows"),
        [
            (  # first, third, on the first day: nothing is known of how it came
                "id-a",
                [
                    (day(1), 1, None, None, None),
                    (day(2), 2, 1, -1, "DOWN"),
                    (day(4), 3, 2, -1, "DOWN"),
                    (day(5), 3, 3, 0, "SAME"),
                ],
            ),
            (
                "id-b",
                [
                    (day(1), 2, None, None, None),
                    (day(2), 1, 2, 1, "UP"),
                    (day(4), 1, 1, 0, "SAME"),
                    (day(5), 2, 1, -1, "DOWN"),
                ],
            ),
            ("id-c", [(day(1), 3, None, None, None), (day(5), 1, None, None, "RE_ENTRY")]),
            ("id-d", [(day(2), 3, None, None, "NEW")]),
            ("id-e", [(day(4), 2, None, None, "FIRST_SEEN")]),  # or on the missing day
        ],
    )
    def test_how_songs_moved(self, gap_day, song, rows):
        columns = "edition_date position previous_position movement entry_status"
        assert told(gap_day["song_history"], columns, song_key=song) == rows

    def test_who_says_so(self, gap_day):
        basis = told(gap_day["song_history"], "edition_date entry_status_basis")
        assert set(basis) == {(day(1), None), (day(2), "observed"), (day(4), "observed"), (day(5), "observed")}

    @pytest.mark.parametrize(
        ("song", "rows"),
        [
            (
                "id-a",
                [
                    (1, day(1), 1, 1, 1, 3),
                    (1, day(1), 2, 2, 1, 2),
                    (1, day(1), 3, 3, 1, 1),
                    (1, day(1), 4, 4, 1, 1),
                ],
            ),
            (
                "id-b",
                [
                    (2, day(1), 1, 1, 0, 2),
                    (1, day(2), 2, 2, 1, 3),
                    (1, day(2), 3, 3, 2, 3),
                    (1, day(2), 4, 4, 2, 2),
                ],
            ),
            ("id-c", [(3, day(1), 1, 1, 0, 1), (1, day(5), 2, 1, 1, 3)]),
        ],
    )
    def test_everything_so_far(self, gap_day, song, rows):
        columns = "peak_position peak_date editions_on_chart streak editions_in_top_1 points"
        assert told(gap_day["song_history"], columns, song_key=song) == rows

    def test_spells_around_it_are_censored(self, gap_day):
        columns = "song_key spell_number start_number end_number editions re_entry_gap left_censored right_censored"
        assert told(gap_day["song_spells"], columns) == [
            ("id-a", 1, 1, 4, 4, None, True, True),
            ("id-b", 1, 1, 4, 4, None, True, True),
            ("id-c", 1, 1, 1, 1, None, True, False),
            ("id-c", 2, 4, 4, 1, 2, False, True),
            ("id-d", 1, 2, 2, 1, None, False, True),  # may have stayed on the missing day
            ("id-e", 1, 3, 3, 1, None, True, False),  # may have come on the missing day
        ]

    def test_the_story_of_songs(self, gap_day):
        columns = "song_key first_seen last_seen left_censored entry_position editions_to_peak peak_position peak_date"
        assert told(gap_day["song_popularity"], columns) == [
            ("id-a", day(1), day(5), True, None, None, 1, day(1)),
            ("id-b", day(1), day(5), True, None, None, 1, day(2)),
            ("id-c", day(1), day(5), True, None, None, 1, day(5)),
            ("id-d", day(2), day(2), False, 3, 0, 3, day(2)),
            ("id-e", day(4), day(4), False, 2, 0, 2, day(4)),
        ]
        columns = "song_key editions_at_peak editions_on_chart spells longest_streak mean_position points"
        assert told(gap_day["song_popularity"], columns) == [
            ("id-a", 1, 4, 1, 4, 2.25, 7),  # (1 + 2 + 3 + 3) / 4; 3 + 2 + 1 + 1
            ("id-b", 2, 4, 1, 4, 1.5, 10),  # (2 + 1 + 1 + 2) / 4; 2 + 3 + 3 + 2
            ("id-c", 1, 2, 2, 1, 2.0, 4),  # (3 + 1) / 2; 1 + 3
            ("id-d", 1, 1, 1, 1, 3.0, 1),
            ("id-e", 1, 1, 1, 1, 2.0, 2),
        ]

    def test_who_dropped_out(self, gap_day):
        columns = "song_key status_now dropped_out_on dropped_out_from"
        assert told(gap_day["song_popularity"], columns) == [
            ("id-a", "on_chart", None, None),
            ("id-b", "on_chart", None, None),
            ("id-c", "on_chart", None, None),
            ("id-d", "dropped_out", day(4), 3),
            ("id-e", "dropped_out", day(5), 2),
        ]

    def test_change_is_told_against_the_adjacent_period_only(self, gap_day):
        columns = "period_start entries exits turnover overlap missing_editions"
        assert told(gap_day["chart_trends"], columns, period="day") == [
            (day(1), None, None, None, None, 0),
            (day(2), 1, 1, pytest.approx(1 / 3), 0.5, 0),  # d for c; a and b of a, b, c, d stayed
            (day(4), None, None, None, None, 0),
            (day(5), 1, 1, pytest.approx(1 / 3), 0.5, 0),  # c for e; a and b of a, b, c, e stayed
        ]
        assert told(gap_day["chart_trends"], columns, period="week") == [
            (date(2025, 12, 29), None, None, None, None, 1),
            (day(5), 0, 2, 0.0, 0.6, 0),  # d and e are gone; a, b, c of all five stayed
        ]

    def test_an_artist_who_is_new_had_no_points_before_and_no_rank(self, gap_day):
        columns = "artist_key rank previous_rank rank_change points_change"
        assert told(gap_day["artist_analysis"], columns, period="day", period_start=day(5)) == [
            ("artist-a", 3, 3, 0, 0),
            ("artist-b", 2, 1, -1, -1),
            ("artist-c", 1, None, None, 3),
        ]
        assert set(told(gap_day["artist_analysis"], columns[11:], period="day", period_start=day(4))) == {
            (1, None, None, None),
            (2, None, None, None),
            (3, None, None, None),
        }

    def test_survival(self, gap_day):
        columns = "basis editions_on_chart at_risk exits censored survival half_life left_truncated"
        # Only the second spell of c and the one of d began in sight, and neither was seen to end. Where one absence
        # does not end a spell, none began in sight: d may have been there on December 31, c on the missing day.
        assert told(gap_day["song_survival"], columns) == [
            ("first_spell", 1, 1, 0, 1, 1.0, None, 4),
            ("spell", 1, 2, 0, 2, 1.0, None, 4),
        ]


@pytest.mark.parametrize(
    ("cadence", "distances_and_missing"),
    [
        ("daily", [(1, 0), (2, 1), (8, 7)]),
        # A week is seven days, give or take one; 3: the chart was corrected.
        ("weekly", [(3, 0), (6, 0), (8, 0), (9, 1), (10, 1), (13, 1), (17, 1), (18, 2)]),
    ],
)
def test_what_is_missing_between_two_editions(cadence, distances_and_missing):
    distances, missing = zip((0, 0), *distances_and_missing, strict=True)
    tables = analyse(
        *little_chart(dict.fromkeys(accumulate(distances, initial=1), "a"), cadence=cadence),
        only=["chart_editions", "chart_trends"],
    )
    assert told(tables["chart_editions"], "missing_before gap") == [(count, count > 0) for count in missing]
    assert told(tables["chart_trends"], "missing_editions", period="all") == [sum(missing)]


def test_missing_weeks_count_where_they_should_have_been():
    # January 1, then February 5: missed are January 8, 15, 22 and 29.
    tables = analyse(*little_chart({1: "a", 36: "a"}, cadence="weekly"), only=["chart_trends"])
    columns = "period_start expected_editions observed_editions missing_editions"
    assert told(tables["chart_trends"], columns, period="month") == [(day(1), 5, 1, 4), (day(32), 1, 1, 0)]


class TestAWeeklyChartFetchedDaily:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """Three editions: of January 1, 8 and 24; that of the 15th was missed. a is more popular from day to day."""
        listings = {1: "a b", 2: "a b", 3: "a b", 8: "b a", 10: "b a", 24: "a c"}
        popularity = {1: 41, 2: 42, 3: 43, 8: 48, 10: 50, 24: 64}
        rows = {(n, listing.split().index("a") + 1): {"popularity": popularity[n]} for n, listing in listings.items()}
        return analyse(
            *little_chart(listings, rows=rows, cadence="weekly", source="spotify"),
            only=("chart_editions", "song_history", "song_popularity", "chart_periods"),
        )

    def test_it_has_one_edition_a_week(self, tables):
        columns = "edition_date snapshot_date edition_number missing_before gap as_of"
        assert told(tables["chart_editions"], columns) == [
            (day(1), day(1), 1, 0, False, day(24)),
            (day(8), day(8), 2, 0, False, day(24)),
            (day(24), day(24), 3, 1, True, day(24)),
        ]

    def test_weeks_are_counted_and_the_first_fetch_counts(self, tables):
        columns = "edition_date position movement editions_on_chart streak popularity entry_status"
        assert told(tables["song_history"], columns, song_key="id-a") == [
            (day(1), 1, None, 1, 1, 41, None),
            (day(8), 2, -1, 2, 2, 48, "DOWN"),
            (day(24), 1, 1, 3, 3, 64, "UP"),
        ]
        assert told(tables["song_history"], "entry_status", song_key="id-c") == ["FIRST_SEEN"]
        assert told(tables["song_popularity"], "popularity_mean popularity_last", song_key="id-a") == [(51.0, 64)]

    def test_it_has_no_days_and_weeks(self, tables):
        columns = "period expected_editions observed_editions"
        assert dict.fromkeys(told(tables["chart_periods"], columns)) == dict.fromkeys(
            [("all", 4, 3), ("month", 4, 3), ("year", 4, 3)]
        )
        assert told(tables["song_history"], "streams_mean_7_days streams_mean_7_days_n", song_key="id-a") == 3 * [
            (None, None)
        ]


def test_weekly_chart_files_are_editions_even_if_nothing_changed():
    tables = analyse(*little_chart({1: "a b", 8: "a b"}, cadence="weekly", source="charts"), only=["chart_editions"])
    assert told(tables["chart_editions"], "edition_date") == [day(1), day(8)]


class TestARelinkedId:
    """A song whose id is another on the second day."""

    def keys(self, old, new, *others, aliases=()):
        facts = {"old": {"song_name": "Rain"} | old, "new": {"song_name": "Regen"} | new}
        chart = together(little_chart(OLD_THEN_NEW, facts), *others)
        tables = analyse(chart.chart_days, chart.chart_entries, aliases, only=["song_history"])
        songs = [
            row
            for name in ("Rain", "Regen")
            for row in told(
                tables["song_history"], "song_key edition_date entry_status", playlist="chart", song_name=name
            )
        ]
        return sorted(songs, key=lambda row: row[:2])

    def test_with_an_isrc_it_is_one_song(self):
        assert self.keys({"isrc": JP1}, {"isrc": JP1}) == [(JP1, day(1), None), (JP1, day(2), "DOWN")]

    def test_without_an_isrc_it_is_another_song(self):
        assert self.keys({}, {}) == [("id-new", day(2), "NEW"), ("id-old", day(1), None)]

    def test_an_isrc_of_one_day_is_known_on_all_days(self):
        same_id = {"song_id": "id-old"}
        assert self.keys({}, {"isrc": JP1} | same_id) == [(JP1, day(1), None), (JP1, day(2), "DOWN")]

    def test_ids_and_isrcs_lead_from_one_to_another(self):
        # old - JP2 - link - JP1 - new: the second playlist has the link.
        links = little_chart(
            {1: "link link2"},
            {
                "link": {"song_name": "Link", "isrc": JP2},
                "link2": {"song_name": "Link", "song_id": "id-link", "isrc": JP1},
            },
            playlist="another",
        )
        keys = self.keys({"isrc": JP2}, {"isrc": JP1}, links)
        assert keys == [(JP1, day(1), None), (JP1, day(2), "DOWN")]

    def test_a_row_may_say_its_isrc_only(self):
        keys = self.keys({"isrc": JP1}, {"song_id": None, "isrc": JP1})
        assert keys == [(JP1, day(1), None), (JP1, day(2), "DOWN")]

    def test_an_alias_makes_it_one_by_hand(self):
        keys = self.keys({}, {}, aliases=[("id-old", "id-new", None)])
        assert keys == [("id-new", day(1), None), ("id-new", day(2), "DOWN")]

    def test_the_newest_facts_are_told(self):
        chart = little_chart(OLD_THEN_NEW, {"old": {"isrc": JP1}, "new": {"isrc": JP1}})
        tables = analyse(*chart, only=["song_popularity"])
        assert told(tables["song_popularity"], "song_id song_name", song_key=JP1) == [("id-new", "Song new")]


class TestAChartFileWithoutIds:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """a and b have a title only, x has nothing."""
        nothing = {"song_id": None, "song_name": None, **by()}
        songs = {"a": {"song_id": None}, "b": {"song_id": None}, "x": nothing}
        return analyse(
            *little_chart({1: "a x b x", 2: "b a x -"}, songs), only=("song_history", "chart_editions", "chart_trends")
        )

    def test_titles_and_artists_make_songs(self, tables):
        columns = "song_name edition_date position movement song_id isrc"
        assert told(tables["song_history"], columns) == [
            ("Song a", day(1), 1, None, None, None),
            ("Song a", day(2), 2, -1, None, None),
            ("Song b", day(1), 3, None, None, None),
            ("Song b", day(2), 1, 2, None, None),
        ]
        assert len(set(told(tables["song_history"], "song_key"))) == 2

    def test_what_names_no_song_keeps_its_place_and_is_counted(self, tables):
        columns = "listed songs unidentified"
        assert told(tables["chart_editions"], columns) == [(4, 2, 2), (4, 2, 1)]
        assert told(tables["chart_trends"], "songs song_editions unidentified", period="all") == [(2, 4, 3)]


class TestASongListedTwice:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """a is there under two ids; what counts is the better place, and what stands there."""
        songs = {name: {"song_name": "Again", "isrc": JP1} for name in ("a", "again")}
        rows = {(1, 1): {"streams": 100}, (1, 3): {"streams": 7}, (2, 2): {"streams": 8}, (2, 3): {"streams": 90}}
        return analyse(
            *little_chart({1: "a b again", 2: "b again a"}, songs, rows),
            only=("song_history", "chart_editions", "song_popularity"),
        )

    def test_the_best_position_counts(self, tables):
        columns = "song_id position occurrences points movement streams streams_change editions_on_chart"
        assert told(tables["song_history"], columns, song_key=JP1) == [
            ("id-a", 1, 2, 3, None, 100, None, 1),
            ("id-again", 2, 2, 2, -1, 8, -92, 2),
        ]

    def test_it_is_one_song(self, tables):
        assert told(tables["chart_editions"], "listed songs unidentified") == [(3, 2, 0), (3, 2, 0)]
        assert told(tables["song_popularity"], "streams streams_editions", song_key=JP1) == [(108, 2)]


class TestATie:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """Over both days a has 3 + 2 points, b 2 + 3 and c 1 + 1."""
        return analyse(*little_chart({1: "a b c", 2: "b a c"}), only=("artist_analysis", "song_popularity"))

    def test_ranks_equal_and_the_next_rank_is_left_out(self, tables):
        columns = "artist_key points rank number_ones"
        assert told(tables["artist_analysis"], columns, period="month") == [
            ("artist-a", 5, 1, 1),
            ("artist-b", 5, 1, 1),
            ("artist-c", 2, 3, 0),
        ]

    def test_a_tie_of_peaks_is_dated_the_earliest(self, tables):
        assert told(tables["song_popularity"], "peak_date editions_at_peak", song_key="id-c") == [(day(1), 2)]

    def test_change_of_rank_and_points(self, tables):
        columns = "artist_key rank previous_rank rank_change points_change entries"
        assert told(tables["artist_analysis"], columns, period="day", period_start=day(2)) == [
            ("artist-a", 2, 1, -1, -1, 0),
            ("artist-b", 1, 2, 1, 1, 0),
            ("artist-c", 3, 3, 0, 0, 0),
        ]


class TestACollaboration:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """a is by p and q; c credits p twice, after q; d is by somebody else. p has another name on the second day."""
        renamed = {"artist_keys": ["p"], "artist_names": ["New name of p"]}
        both = {"artist_keys": ["p", "q"], "artist_names": ["Newer name of p", "Name of q"]}
        songs = {"a": by("p", "q"), "b": by("p"), "c": by("q", "p", "p"), "d": by("r")}
        return analyse(
            *little_chart({1: "a b c", 2: "b a d"}, songs, {(2, 1): renamed, (2, 2): both}),
            only=("artist_analysis", "collaborations", "chart_trends"),
        )

    def test_full_and_fractional_credit(self, tables):
        columns = "artist_key songs song_editions points points_fractional best_position most_songs_at_once"
        assert told(tables["artist_analysis"], columns, period="day", period_start=day(1)) == [
            ("p", 3, 3, 6, 4.0, 1, 3),  # 3 + 2 + 1; 3/2 + 2 + 1/2
            ("q", 2, 2, 4, 2.0, 1, 2),  # 3 + 1; 3/2 + 1/2
        ]
        columns = "artist_key share points_share_fractional"
        assert told(tables["artist_analysis"], columns, period="day", period_start=day(1)) == [
            ("p", 1.0, pytest.approx(4 / 6)),
            ("q", pytest.approx(2 / 3), pytest.approx(2 / 6)),
        ]

    def test_pairs(self, tables):
        columns = "artist_key other_artist_key songs song_editions points best_position first_seen last_seen"
        # a at 1, c at 3, a at 2: 3 + 1 + 2 points
        assert told(tables["collaborations"], columns) == [("p", "q", 2, 3, 6, 1, day(1), day(2))]

    def test_the_name_of_the_newest_day_and_of_two_on_it_the_smaller(self, tables):
        assert told(tables["collaborations"], "artist_name other_artist_name") == [("New name of p", "Name of q")]
        assert set(told(tables["artist_analysis"], "artist_name", artist_key="p")) == {"New name of p"}

    def test_share_of_collaborations(self, tables):
        shares = told(tables["chart_trends"], "collaboration_share", period="day")
        assert shares == [pytest.approx(2 / 3), pytest.approx(1 / 3)]


def test_an_artist_is_called_by_a_name_that_rows_say():
    nameless = {"artist_keys": ["p"], "artist_names": [None]}
    twice = {"artist_keys": ["q", "q"], "artist_names": ["Q", "q"]}
    tables = analyse(
        *little_chart({1: "a b", 2: "a b"}, {"a": by("p"), "b": twice}, {(2, 1): nameless}),
        only=["song_history", "artist_analysis"],
    )
    assert told(tables["song_history"], "artist_names", song_key="id-a") == ["Name of p", None]
    assert told(tables["artist_analysis"], "artist_key artist_name", period="all") == [("p", "Name of p"), ("q", "Q")]


def test_thirds_are_rounded_to_nine_decimals():
    tables = analyse(*little_chart({1: "a"}, {"a": by("p", "q", "r")}), only=["artist_analysis"])
    assert told(tables["artist_analysis"], "points_fractional", period="day") == 3 * [0.333333333]


class TestGenres:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """Given are: a on the first day; b on the second; of c, that it has none."""
        rows = {
            (1, 1): {"genres": ["enka", "j-pop"]},
            (1, 3): {"genres": []},
            (2, 1): {"genres": ["enka"]},
        }
        return analyse(*little_chart({1: "a b c", 2: "b a c", 3: "a b c"}, rows=rows))

    def test_the_nearest_earlier_known_ones(self, tables):
        assert told(tables["song_history"], "song_key genres") == [
            *3 * [("id-a", "enka;j-pop")],
            ("id-b", None),
            *2 * [("id-b", "enka")],
            *3 * [("id-c", "")],
        ]

    def test_shares_with_unknown_as_a_genre(self, tables):
        columns = "genre songs song_editions song_editions_weighted points_weighted points_share best_position rank"
        assert told(tables["genre_trends"], columns, period="day", period_start=day(1)) == [
            ("enka", 1, 1, 0.5, 1.5, 0.25, 1, 2),  # half of a's 3 points, of 6
            ("j-pop", 1, 1, 0.5, 1.5, 0.25, 1, 2),
            ("unknown", 2, 2, 2.0, 3.0, 0.5, 2, 1),  # b and c: 2 + 1
        ]

    def test_equal_sums_of_thirds_rank_equal(self):
        rows = {(1, 1): {"genres": ["d", "e", "f"]}, (1, 2): {"genres": ["a", "b", "c"]}}
        tables = analyse(*little_chart({1: "p q - - r"}, rows=rows | {(1, 5): rows[1, 2]}), only=["genre_trends"])
        # 5/3 points each: of the first place; of the second and the last, 4/3 + 1/3.
        assert told(tables["genre_trends"], "genre rank", period="day") == [(genre, 1) for genre in "abcdef"]

    def test_change_of_shares(self, tables):
        # enka 1/6, then (1 + 1/2)/3; j-pop 1/6 both days; unknown 2/3, then 1/3
        assert told(tables["genre_trends"], "genre share_change", period="day", period_start=day(2)) == [
            ("enka", pytest.approx(1 / 3)),
            ("j-pop", pytest.approx(0)),
            ("unknown", pytest.approx(-1 / 3)),
        ]


class TestAge:
    def trends(self, *others, listing=ALL_RELEASES):
        songs = {
            name: {"release_date_from": first, "release_date_to": last} for name, (first, last) in RELEASES.items()
        }
        chart = together(little_chart({1: listing}, songs), *others)
        tables = analyse(*chart, only=["chart_trends"])
        columns = "new_share recent_share catalogue_share unknown_age_share imprecise_age_share mean_age_days"
        return told(tables["chart_trends"], columns, period="day", playlist="chart")[0]

    def test_shares_and_mean(self):
        # new, month and tomorrow; recent, still and year; catalogue; unknown. Year and month are not precise.
        assert self.trends() == (3 / 8, 3 / 8, 1 / 8, 1 / 8, 2 / 8, pytest.approx((183 + 16 + 30 + 31 + 548 + 549) / 7))

    def test_year_precision(self):
        assert self.trends(listing="year") == (0.0, 1.0, 0.0, 0.0, 1.0, 183.0)

    def test_nothing_known(self):
        assert self.trends(listing="unknown") == (0.0, 0.0, 0.0, 1.0, 0.0, None)

    def test_the_earliest_known_release_of_the_song_counts_wherever_it_is_told(self):
        first_release = {"release_date_from": date(2020, 1, 1), "release_date_to": date(2020, 1, 1)}
        another = little_chart({9: "new"}, {"new": first_release}, playlist="another")
        # 2020 and 2024 are leap years: 6 * 365 + 2 days
        assert self.trends(another, listing="new") == (0.0, 0.0, 1.0, 0.0, 0.0, 2192.0)


class TestConcentration:
    def test_one_artist_with_four_of_ten_songs_and_six_with_one(self):
        tables = analyse(
            *little_chart({1: "a b c d e f g h i j"}, {name: by("p") for name in "abcd"}), only=["chart_trends"]
        )
        # 0.4 * 0.4 + 6 * 0.1 * 0.1
        columns = "hhi effective_artists hhi_periods artists"
        assert told(tables["chart_trends"], columns, period="day") == [
            (pytest.approx(0.22), pytest.approx(4.545454545), pytest.approx(0.22), 7)
        ]

    def test_of_songs_of_song_editions_and_of_points(self):
        tables = analyse(*little_chart({1: "a b", 2: "a c"}), only=["chart_trends"])
        # Three songs by three artists. a has two of four song-editions and four of six points, b and c one each.
        columns = "hhi hhi_periods hhi_points"
        assert told(tables["chart_trends"], columns, period="month") == [
            (pytest.approx(1 / 3), pytest.approx((4 + 1 + 1) / 16), pytest.approx((16 + 1 + 1) / 36))
        ]

    def test_credits_share_a_song(self):
        tables = analyse(*little_chart({1: "a b"}, {"a": by("p", "q"), "b": by("q")}), only=["chart_trends"])
        # p has half a song of two, q one and a half: 1/16 + 9/16. Of three points p has one, q two: 1/9 + 4/9.
        assert told(tables["chart_trends"], "hhi hhi_points", period="day") == [
            (pytest.approx(10 / 16), pytest.approx(5 / 9))
        ]

    def test_songs_credited_to_nobody_are_left_out(self):
        tables = analyse(
            *little_chart({1: "a b", 2: "b -"}, {"b": by()}), only=["chart_trends", "artist_analysis", "song_history"]
        )
        assert told(tables["chart_trends"], "hhi hhi_points artists", period="day") == [(1.0, 1.0, 1), (None, None, 0)]
        assert told(tables["artist_analysis"], "share points_share_fractional", period_start=day(1), period="day") == [
            (0.5, pytest.approx(2 / 3))
        ]
        nobody = told(tables["song_history"], "artist_keys artist_names artist_count lead_artist_name", song_key="id-b")
        assert nobody == 2 * [(None, None, 0, None)]


class TestOfficialFigures:
    def test_of_songs_that_we_see_for_the_first_time(self):
        expected = [
            ({}, "NEW", "observed"),
            ({"official_days_on_chart": 1}, "NEW", "official"),
            ({"official_days_on_chart": 1, "official_peak_position": 4}, "NEW", "official"),
            ({"official_days_on_chart": 2}, "RE_ENTRY", "official"),
            ({"official_peak_position": 6}, "NEW", "observed"),  # it is at 6
            ({"official_peak_position": 6}, "RE_ENTRY", "official"),  # it is at 7
            ({"official_previous_position": 9}, "RE_ENTRY", "official"),
            ({"official_weeks_on_chart": 1}, "NEW", "official"),
            ({"official_weeks_on_chart": 2}, "RE_ENTRY", "official"),
        ]
        rows = {(2, position): figures for position, (figures, _, _) in enumerate(expected, 2)}
        tables = analyse(*little_chart({1: "x", 2: "x a b c d e f g h i"}, rows=rows), only=["song_history"])
        found = told(tables["song_history"], "song_key entry_status entry_status_basis", edition_date=day(2))
        assert found[:-1] == [(f"id-{name}", *status) for name, (_, *status) in zip("abcdefghi", expected, strict=True)]

    def test_after_a_gap_they_tell_what_is_new(self):
        rows = {(3, 2): {"official_days_on_chart": 1}, (3, 3): {"official_days_on_chart": 2}}
        tables = analyse(*little_chart({1: "x", 3: "x a b c"}, rows=rows), only=["song_history"])
        columns = "song_key entry_status entry_status_basis"
        assert told(tables["song_history"], columns, edition_date=day(3)) == [
            ("id-a", "NEW", "official"),
            ("id-b", "RE_ENTRY", "official"),
            ("id-c", "FIRST_SEEN", "observed"),
            ("id-x", "SAME", "observed"),
        ]

    def test_what_we_saw_goes_before_what_they_say(self):
        rows = {(3, 2): {"official_days_on_chart": 1}}
        tables = analyse(*little_chart({1: "x a", 2: "x", 3: "x a"}, rows=rows), only=["song_history"])
        assert told(tables["song_history"], "entry_status entry_status_basis", song_key="id-a") == [
            (None, None),
            ("RE_ENTRY", "observed"),
        ]

    def test_they_stand_beside_ours(self):
        rows = {
            (1, 1): {"official_peak_position": 1, "official_days_on_chart": 30, "official_previous_position": 2},
            (3, 2): {"official_peak_position": 1, "official_days_on_chart": 32},
        }
        tables = analyse(*little_chart({1: "a", 2: "a", 3: "x a"}, rows=rows), only=["song_history", "song_popularity"])
        columns = "official_peak_position official_previous_position official_days_on_chart official_weeks_on_chart"
        assert told(tables["song_history"], columns, song_key="id-a") == [
            (1, 2, 30, None),
            (None, None, None, None),
            (1, None, 32, None),
        ]
        columns = "editions_on_chart official_peak_position official_days_on_chart official_weeks_on_chart"
        assert told(tables["song_popularity"], columns, song_key="id-a") == [(3, 1, 32, None)]


class TestStreams:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """10 to 80 on days 1 to 8; day 9 says none, day 10 is missing, days 11 to 18 say 100 each."""
        streams = {n: 10 * n for n in range(1, 9)} | dict.fromkeys(range(11, 19), 100)
        listings = dict.fromkeys([*range(1, 10), *range(11, 19)], "a")
        return analyse(
            *little_chart(listings, rows={(n, 1): {"streams": count} for n, count in streams.items()}),
            only=("song_history", "song_popularity", "chart_trends"),
        )

    def test_mean_of_seven_calendar_days(self, tables):
        columns = "edition_date streams_mean_7_days streams_mean_7_days_n"
        assert told(tables["song_history"], columns, song_key="id-a") == [
            *((day(n), None, n) for n in range(1, 7)),
            (day(7), 40.0, 7),
            (day(8), 50.0, 7),
            (day(9), None, 6),
            (day(11), None, 5),  # 5 to 8, and 11
            (day(12), None, 5),
            (day(13), None, 5),
            (day(14), None, 5),  # 8, and 11 to 14
            (day(15), None, 5),
            (day(16), None, 6),
            (day(17), 100.0, 7),
            (day(18), 100.0, 7),
        ]

    def test_change_since_the_edition_before(self, tables):
        assert told(tables["song_history"], "streams_change", song_key="id-a") == [
            None, *7 * [10], None, None, *7 * [0],
        ]  # fmt: skip

    def test_sums(self, tables):
        assert told(tables["song_popularity"], "streams streams_editions") == [(360 + 800, 16)]
        assert told(tables["chart_trends"], "streams", period="day", period_start=day(9)) == [None]


class TestAlbums:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """a and b are of album v, whose name and size are told in different ways; of c no album is known."""
        album = {"album_key": "v", "album_name": "V", "album_total_tracks": 12}
        deluxe = {"album_name": "V (Deluxe)", "album_total_tracks": None}
        rows = {(2, 1): deluxe, (2, 2): deluxe | {"album_name": "V (Another)"}}
        return analyse(
            *little_chart({1: "a b c", 2: "b a c"}, {"a": album, "b": album}, rows), only=("album_analysis",)
        )

    def test_figures(self, tables):
        columns = "album_key songs total_tracks song_editions share points points_share most_songs_at_once rank"
        assert told(tables["album_analysis"], columns, period="month") == [
            ("v", 2, 12, 4, pytest.approx(4 / 6), 10, pytest.approx(10 / 12), 2, 1)
        ]

    def test_the_name_of_the_newest_day_and_of_two_on_it_the_smaller(self, tables):
        columns = "period_start album_name lead_artist_name"
        assert told(tables["album_analysis"], columns, period="day") == [
            (day(1), "V", "Name of artist-a"),
            (day(2), "V (Deluxe)", "Name of artist-b"),
        ]


class TestSurvival:
    def test_exits_and_spells_whose_ends_are_not_in_sight(self):
        """x is always there. f: days 1-2. a: 2, and 4. b: 2-3. c: 3-5. d: 4-5. e: 6-8, the newest. g: 7."""
        listings = {1: "x f", 2: "x f a b", 3: "x b c", 4: "x c d a", 5: "x c d", 6: "x e", 7: "x e g", 8: "x e"}
        tables = analyse(*little_chart(listings), only=["song_survival"])
        columns = "basis editions_on_chart at_risk exits censored survival half_life left_truncated"
        assert told(tables["song_survival"], columns) == [
            # Without x and f, of which the beginning is not in sight: lengths 1 (a, a, g), 2 (b, d), 3 (c; e goes on).
            # The first spells: one a less.
            ("first_spell", 1, 6, 2, 0, 0.666666667, 2, 2),  # 4/6
            ("first_spell", 2, 4, 2, 0, 0.333333333, 2, 2),  # 4/6 * 2/4
            ("first_spell", 3, 2, 1, 1, 0.166666667, 2, 2),  # 4/6 * 2/4 * 1/2
            ("spell", 1, 7, 3, 0, 0.571428571, 2, 2),  # 4/7
            ("spell", 2, 4, 2, 0, 0.285714286, 2, 2),  # 4/7 * 2/4
            ("spell", 3, 2, 1, 1, 0.142857143, 2, 2),  # 4/7 * 2/4 * 1/2
            # One absence does not end a spell: a is one of two editions. It and b may have been there on the day before
            # the first, and g may come back on day 9.
            ("spell_tolerating_one_absence", 1, 4, 0, 1, 1.0, 3, 4),  # g
            ("spell_tolerating_one_absence", 2, 3, 1, 0, 0.666666667, 3, 4),  # d
            ("spell_tolerating_one_absence", 3, 2, 1, 1, 0.333333333, 3, 4),  # c, and e goes on
        ]

    def test_a_half_is_a_half(self):
        """Of three spells that last 1, 2 and 3 editions, 2/3 * 1/2 are left after 2; of two, 1/2 after 1."""
        tables = analyse(*little_chart({1: "x", 2: "x a b", 3: "x b", 4: "x"}), only=["song_survival"])
        columns = "editions_on_chart survival half_life"
        assert told(tables["song_survival"], columns, basis="spell") == [(1, 0.5, 1), (2, 0.0, 1)]

    def test_around_a_gap(self):
        """Day 4 is missing. Days 1-3: x; a on day 3; b on days 5 and 7, which one absence joins; c on day 6."""
        tables = analyse(
            *little_chart({1: "x", 2: "x", 3: "x a", 5: "x b", 6: "x c", 7: "x b", 8: "x", 9: "x"}),
            only=["song_survival"],
        )
        columns = "basis editions_on_chart at_risk exits censored left_truncated"
        assert told(tables["song_survival"], columns) == [
            ("first_spell", 1, 2, 1, 1, 2),  # a may have stayed, c ended; not b on day 5, nor x
            ("spell", 1, 3, 2, 1, 2),  # and b on day 7
            # b and c may have been there on day 4; a, of which days 1 and 2 are in sight, may have stayed.
            ("spell_tolerating_one_absence", 1, 1, 0, 1, 3),
        ]


class TestAnEditionWithoutSongs:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        return analyse(*little_chart({1: "a b", 2: "- -", 3: "a b"}), only=("chart_trends", "song_history"))

    def test_it_is_an_edition(self, tables):
        columns = "songs entries exits turnover overlap hhi new_share mean_duration_ms explicit_share streams"
        assert told(tables["chart_trends"], columns, period="day") == [
            (2, None, None, None, None, 0.5, 0.0, None, None, None),
            (0, 0, 2, None, 0.0, None, None, None, None, None),
            (2, 2, 0, 1.0, 0.0, 0.5, 0.0, None, None, None),
        ]

    def test_songs_come_back_after_it(self, tables):
        statuses = told(tables["song_history"], "entry_status streak spell_number", song_key="id-a")
        assert statuses == [(None, 1, 1), ("RE_ENTRY", 1, 2)]


def test_explicit_and_duration_are_of_those_that_say_it():
    rows = {
        (1, 1): {"explicit": True, "duration_ms": 100},
        (1, 2): {"explicit": False, "duration_ms": 300},
    }
    tables = analyse(*little_chart({1: "a b c"}, rows=rows), only=["chart_trends"])
    assert told(tables["chart_trends"], "explicit_share mean_duration_ms", period="day") == [(0.5, 200.0)]


def test_a_year_of_the_history_is_as_of_its_newest_day():
    from_december_30 = little_chart({-1: "a", 0: "a", 1: "a", 2: "a"})
    tables = analyse(*from_december_30, only=["song_history", "song_popularity"])
    assert told(tables["song_history"], "edition_date as_of") == [
        (day(-1), day(0)),
        (day(0), day(0)),
        (day(1), day(2)),
        (day(2), day(2)),
    ]
    assert set(told(tables["song_popularity"], "as_of")) == {day(2)}


def test_playlists_do_not_mix():
    chart, another = little_chart({1: "a b", 2: "b a"}), little_chart({2: "c a", 3: "a d"}, playlist="another")
    alone = [analyse(*one) for one in (another, chart)]
    both = analyse(*together(another, chart))
    for name, table in both.items():
        rows = [row for tables in alone for row in tables[name].to_dict("records")]
        assert table.to_dict("records") == rows, name

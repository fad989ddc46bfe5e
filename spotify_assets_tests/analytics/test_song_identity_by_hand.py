"""Each rule of song identity on a little chart, the lines of song_aliases.csv, candidates, and statuses in doubt."""

from __future__ import annotations

import pytest

from spotify_assets.analytics.identity import identify
from spotify_assets.errors import StorageError
from spotify_assets.storage.layout import ALIASES_KEY
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.analyse import analyse, identified, write_history
from spotify_assets_tests.helpers.little_charts import by, day, little_chart, together

pytestmark = pytest.mark.slow

ISRC, OTHER_ISRC = "JPAB12600001", "USXY92600002"
OLD = {"song_name": "雨", "duration_ms": 180_000, **by("artist-p")}
NEW = {"song_name": "Rain", "duration_ms": 181_000, **by("artist-p", "artist-q")}
FOUND = [("chart", "id-new", "id-old", 1)]
RAIN = {"song_name": "Rain", **by("artist-p")}


def songs(listings, facts, *others, aliases=()):
    """Which names are one song: the references of each song, by its key."""
    chart = together(little_chart(listings, facts), *others)
    identity, tables = identified(chart.chart_days, chart.chart_entries, aliases)
    found = {}
    for row in tables["song_identity"]:
        found.setdefault(row["song_key"], set()).add(row["song_ref"])
    assert identity.songs == len(found)
    return found


def are_one(one, other, *, listings=None, aliases=()):
    """Whether the songs `a` and `b` with these facts, on one day each, are one."""
    facts = {"a": one, "b": other}
    keys = songs(listings or {1: "a", 2: "b"}, facts, aliases=aliases)
    return len(keys) == 1


class TestISRC:
    @pytest.mark.parametrize(
        "written", [ISRC, "jpab12600001", "JP-AB1-26-00001", "jp ab1 26 00001", "ＪＰＡＢ１２６００００１"]
    )
    def test_it_joins_however_it_is_written(self, written):
        assert songs({1: "a", 2: "b"}, {"a": {"isrc": ISRC}, "b": {"isrc": written}}) == {ISRC: {"id-a", "id-b"}}

    @pytest.mark.parametrize(
        "written", ["N/A", "0", "TBA", "JPAB1260001", "JPAB126000011", "1PAB12600001", "JPAB1260000X"]
    )
    def test_what_has_not_the_form_of_one_joins_nothing_and_is_no_key(self, written):
        facts = {"a": {"isrc": written}, "b": {"isrc": written}}
        assert songs({1: "a", 2: "b"}, facts) == {"id-a": {"id-a"}, "id-b": {"id-b"}}

    def test_strangers_without_ids_are_not_joined_by_a_text_that_is_none(self):
        nobody = {"song_id": None, "isrc": "N/A"}
        assert len(songs({1: "a", 2: "b"}, {"a": nobody, "b": nobody})) == 2

    def test_with_one_title_it_joins_rows_of_one_edition(self):
        both = {"isrc": ISRC, "song_name": "Rain"}
        assert songs({1: "a b"}, {"a": both, "b": both}) == {ISRC: {"id-a", "id-b"}}

    @pytest.mark.parametrize("identifier", ["id", None])
    def test_with_two_titles_in_one_edition_it_proves_nothing(self, identifier):
        facts = {
            name: {"isrc": ISRC, "song_name": title} | ({} if identifier else {"song_id": None})
            for name, title in (("a", "Rain"), ("b", "Snow"))
        }
        chart = little_chart({1: "a b", 2: "a"}, facts)
        identity, tables = identified(*chart)
        assert identity.songs == 2
        assert identity.ambiguous_isrcs == {ISRC: ("Rain", "Snow")}
        assert ISRC not in {row["song_key"] for row in tables["song_identity"]}
        assert analyse(*chart, only=["chart_editions"])["chart_editions"]["songs"].tolist() == [2, 1]

    def test_titles_that_differ_in_dress_only_are_one_title(self):
        assert are_one(
            {"isrc": ISRC, "song_name": "Rain!"}, {"isrc": ISRC, "song_name": "ＲＡＩＮ"}, listings={1: "a b"}
        )

    def test_two_titles_on_two_days_are_a_title_in_another_language(self):
        assert are_one({"isrc": ISRC, "song_name": "Rain"}, {"isrc": ISRC, "song_name": "雨"})

    def test_it_proves_nothing_in_any_playlist_once_it_does_not_in_one(self):
        facts = {"a": {"isrc": ISRC}, "b": {"isrc": ISRC}}
        other = little_chart({1: "a b"}, facts, playlist="other")
        assert len(songs({1: "a", 2: "b"}, facts, other)) == 2

    def test_an_isrc_of_one_day_counts_in_the_editions_of_others(self):
        # b has the ISRC on the second day only; on the first both stand in one edition, with different titles.
        chart = little_chart({1: "a b", 2: "b"}, {"a": {"isrc": ISRC}}, {(2, 1): {"isrc": ISRC}})
        assert identified(*chart)[0].ambiguous_isrcs == {ISRC: ("Song a", "Song b")}


class TestTitleAndLeadArtist:
    @pytest.mark.parametrize("title", ["Rain", "RAIN", "ｒａｉｎ", "Rain!", " (R)ain…", "Ra-in"])
    def test_a_title_in_another_dress_is_the_same(self, title):
        assert are_one(RAIN, RAIN | {"song_name": title})

    @pytest.mark.parametrize("title", ["Rain (Live)", "Rain 2", "雨", "Rains"])
    def test_another_title_is_not(self, title):
        assert not are_one(RAIN, RAIN | {"song_name": title})

    def test_titles_of_punctuation_alone_are_told_apart(self):
        assert not are_one(RAIN | {"song_name": "?"}, RAIN | {"song_name": "!"})
        assert are_one(RAIN | {"song_name": "?"}, RAIN | {"song_name": "？"})

    def test_another_lead_artist_is_another_song(self):
        assert not are_one(RAIN, RAIN | by("artist-q"))
        assert not are_one(RAIN | by("artist-p", "artist-q"), RAIN | by("artist-q", "artist-p"))

    def test_artists_are_compared_by_id_where_both_have_one(self):
        same_name = {"artist_keys": ["artist-q"], "artist_names": ["Name of artist-p"]}
        assert not are_one(RAIN, RAIN | same_name)
        renamed = {"artist_keys": ["artist-p"], "artist_names": ["ネーム"]}
        assert are_one(RAIN, RAIN | renamed)

    @pytest.mark.parametrize("name", ["Name of artist-p", "NAME OF ARTIST-P", "Name of artist p."])
    def test_files_without_ids_join_those_with_ids_by_the_artists_name(self, name):
        from_file = {"song_id": None, "song_name": "rain", "artist_keys": ["name:1"], "artist_names": [name]}
        assert songs({1: "a", 2: "b"}, {"a": from_file, "b": RAIN}).keys() == {"id-b"}

    @pytest.mark.parametrize("text", ["Name of artist-p, Name of artist-q", "Name of artist-p & Name of artist-q"])
    def test_all_credits_in_one_text_are_those_of_a_list(self, text):
        from_file = {"song_id": None, "song_name": "Rain", "artist_keys": ["name:1"], "artist_names": [text]}
        assert are_one(from_file, RAIN | by("artist-p", "artist-q"))
        assert not are_one(from_file, RAIN | by("artist-p", "artist-r"))

    @pytest.mark.parametrize(("length", "same"), [(183_000, True), (183_001, False), (177_000, True), (None, True)])
    def test_lengths_may_differ_by_three_seconds_where_both_are_known(self, length, same):
        assert are_one(RAIN | {"duration_ms": 180_000}, RAIN | {"duration_ms": length}) is same

    def test_an_unknown_length_does_not_join_two_that_differ(self):
        facts = {"a": RAIN | {"duration_ms": 180_000}, "b": RAIN, "c": RAIN | {"duration_ms": 200_000}}
        assert songs({1: "a", 2: "b", 3: "c"}, facts) == {"id-a": {"id-a", "id-b"}, "id-c": {"id-c"}}

    def test_two_rows_of_one_edition_are_two_songs(self):
        assert not are_one(RAIN, RAIN, listings={1: "a b"})
        assert not are_one(RAIN, RAIN, listings={1: "a", 2: "a b", 3: "b"})

    def test_not_even_by_way_of_a_third(self):
        assert songs({1: "a b", 2: "c"}, dict.fromkeys("abc", RAIN)) == {"id-a": {"id-a", "id-c"}, "id-b": {"id-b"}}

    def test_nor_where_an_isrc_has_made_one_of_them_another(self):
        # b is a2 by its ISRC, and a2 stood beside a.
        by_isrc = {"isrc": ISRC, "song_name": "Snow"}
        facts = {"a": RAIN, "a2": by_isrc | by("artist-p"), "b": RAIN | {"isrc": ISRC}}
        assert not any(keys >= {"id-a", "id-b"} for keys in songs({1: "a a2", 2: "b"}, facts).values())

    def test_editions_of_two_playlists_are_two(self):
        assert songs({1: "a"}, {"a": RAIN}, little_chart({1: "b"}, {"b": RAIN}, playlist="other")).keys() == {"id-a"}

    def test_a_newcomer_joins_the_one_that_was_there_last(self):
        listings = {1: "a b", 2: "b a", 3: "b", 4: "c"}
        assert songs(listings, dict.fromkeys("abc", RAIN)) == {"id-a": {"id-a"}, "id-b": {"id-b", "id-c"}}

    def test_nobody_credited_and_no_title_join_nothing(self):
        assert not are_one(RAIN | by(), RAIN | by())
        untitled = {"song_name": None, **by("artist-p")}
        assert not are_one(untitled, untitled)


class TestKeyAndBasis:
    def table(self, listings, facts, aliases=()):
        chart = little_chart(listings, facts)
        _, tables = identified(chart.chart_days, chart.chart_entries, aliases)
        return [(row["song_ref"], row["song_key"], row["basis"]) for row in tables["song_identity"]]

    def test_the_smallest_isrc_then_the_smallest_id_then_a_hash(self):
        facts = {"a": RAIN | {"isrc": OTHER_ISRC}, "b": RAIN | {"isrc": ISRC}, "c": RAIN}
        assert {key for _, key, _ in self.table({1: "a", 2: "b", 3: "c"}, facts)} == {ISRC}
        assert {key for _, key, _ in self.table({1: "b", 2: "a"}, {"a": RAIN, "b": RAIN})} == {"id-a"}
        ((ref, key, basis),) = self.table({1: "a"}, {"a": RAIN | {"song_id": None}})
        assert (key, basis) == (ref, "title")

    def test_the_weakest_evidence_on_the_way_is_told(self):
        facts = {
            "a": RAIN | {"isrc": ISRC},
            "b": {"isrc": ISRC, "song_name": "Snow"},
            "c": RAIN,
            "d": {"song_name": "Hail"},
            "e": {"song_name": "Fog"},
        }
        aliases = [("id-d", ISRC, None)]
        assert self.table({1: "a", 2: "b", 3: "c", 4: "d", 5: "e"}, facts, aliases) == [
            ("id-a", ISRC, "isrc"),
            ("id-b", ISRC, "isrc"),
            ("id-c", ISRC, "title"),
            ("id-d", ISRC, "alias"),
            ("id-e", "id-e", "song_id"),
        ]

    def test_it_is_not_the_first_evidence_on_the_way(self):
        # b is a2 by its ISRC, and a2 is a by its title.
        facts = {
            "a": RAIN | {"isrc": ISRC},
            "a2": RAIN | {"isrc": OTHER_ISRC},
            "b": {"isrc": OTHER_ISRC, "song_name": "Snow"},
        }
        assert self.table({1: "a", 2: "a2", 3: "b"}, facts) == [
            ("id-a", ISRC, "isrc"),
            ("id-a2", ISRC, "title"),
            ("id-b", ISRC, "title"),
        ]


class TestAliases:
    @pytest.mark.parametrize("name", ["id-b", ISRC, "jp-ab1-26-00001"])
    def test_a_line_joins_by_id_and_isrc_also_rows_of_one_edition(self, name):
        facts = {"b": {"isrc": ISRC}}
        assert songs({1: "a b"}, facts, aliases=[("id-a", name, None)]) == {ISRC: {"id-a", "id-b"}}

    @pytest.mark.parametrize("facts", [RAIN | {"isrc": ISRC}, RAIN])
    def test_differs_from_undoes_a_merge_by_isrc_and_by_title(self, facts):
        assert are_one(facts, facts)
        assert not are_one(facts, facts, aliases=[("id-a", None, "id-b")])
        assert not are_one(facts, facts, aliases=[("id-b", None, "id-a")])

    def test_it_holds_also_by_way_of_a_third(self):
        keys = songs({1: "a", 2: "b", 3: "c"}, dict.fromkeys("abc", RAIN), aliases=[("id-a", None, "id-c")])
        assert not any(refs >= {"id-a", "id-c"} for refs in keys.values())
        assert len(keys) == 2

    def test_unknown_names_and_isrcs_that_prove_nothing_are_named(self):
        facts = {"a": {"isrc": ISRC}, "b": {"isrc": ISRC}}
        aliases = [("id-a", "nobody", None), ("id-b", None, "no-one"), ("id-a", ISRC, None)]
        identity, _ = identified(*little_chart({1: "a b"}, facts)[:2], aliases)
        assert identity.unknown_aliases == (ISRC, "no-one", "nobody")
        assert identity.songs == 2

    @pytest.mark.parametrize(
        "text",
        [
            "song,same_as\nid-a,id-b\n",
            "\ufeffsong,same_as\r\nid-a,id-b\r\n",
            "song,same_as,differs_from\nid-a,id-b,\n\n",
            "song,same_as,differs_from,note\nid-a,id-b,,by ear\n",
            "song,note,same_as\nid-a,,id-b\n",
        ],
    )
    def test_headers_of_today_and_of_before(self, tmp_path, text):
        assert self.identified_with(tmp_path, text) == 1

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "its first line is not the header"),
            ("song\nid-a\n", "its first line is not the header"),
            ("same_as,differs_from\n", "its first line is not the header"),
            ("song,same_as,same_as\n", "its first line is not the header"),
            ("song,same_as,artist\n", "its first line is not the header"),
            ("song,same_as\nid-a\n", "row 2 is ['id-a']"),
            ("song,same_as,differs_from\nid-a,,\n", "row 2 is"),
            ("song,same_as\n,id-a\n", "row 2 is"),
            ("song,same_as,differs_from\nid-a,id-b,id-b\n", "id-a differs from id-b and is the same"),
            ("song,same_as,differs_from\na,b,\nb,c,\nc,,a\n", "c differs from a and is the same"),
            ("song,differs_from\na,a\n", "a differs from a and is the same"),
            ('song,same_as\n"a,b\n', "it is not a CSV file in UTF-8"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, tmp_path, text, said):
        with pytest.raises(StorageError) as refusal:
            self.identified_with(tmp_path, text)
        assert said in refusal.value.what
        assert "song, then same_as, differs_from or both" in refusal.value.remedy

    def identified_with(self, folder, text):
        store = LocalObjectStore(str(folder))
        years = write_history(store, *little_chart({1: "a b"})[:2])
        store.write(ALIASES_KEY, text.encode())
        return identify(store, years).songs


class TestCandidates:
    """A title in another language: the same lead artist, the same length, one leaving when the other comes."""

    def pairs(self, listings, old=None, new=None, *others, aliases=(), **chart):
        history = together(little_chart(listings, {"old": old or OLD, "new": new or NEW}, **chart), *others)
        _, tables = identified(history.chart_days, history.chart_entries, aliases)
        return [
            (row["playlist"], row["song_key"], row["earlier_song_key"], row["editions_apart"])
            for row in tables["alias_candidates"]
        ]

    def test_one_is_found(self):
        assert self.pairs({1: "old a", 2: "a new"}) == FOUND

    def test_what_is_told_of_it(self):
        chart = little_chart({1: "a old", 2: "b a old", 3: "a new", 4: "new"}, {"old": OLD, "new": NEW})
        (row,) = identified(*chart)[1]["alias_candidates"]
        assert row == {
            "playlist": "chart",
            "song_key": "id-new",
            "earlier_song_key": "id-old",
            "editions_apart": 1,
            "came_on": day(3),
            "left_on": day(2),
            "position": 2,
            "earlier_position": 3,
            "song_name": "Rain",
            "earlier_song_name": "雨",
            "lead_artist_name": "Name of artist-p",
            "earlier_lead_artist_name": "Name of artist-p",
            "duration_ms": 181_000,
            "earlier_duration_ms": 180_000,
        }

    @pytest.mark.parametrize(("apart", "found"), [(1, True), (3, True), (4, False)])
    def test_within_three_editions(self, apart, found):
        listings = dict.fromkeys(range(2, 10), "a") | {1: "old a", 1 + apart: "a new"}
        assert bool(self.pairs(listings)) is found

    def test_editions_of_a_weekly_chart_are_weeks_however_often_it_was_fetched(self):
        listings = {1: "old", 2: "old", 3: "old", 8: "a", 9: "a", 15: "a b", 22: "new", 23: "new"}
        assert self.pairs(listings, cadence="weekly", source="spotify") == [("chart", "id-new", "id-old", 3)]

    @pytest.mark.parametrize(
        "new",
        [
            {"duration_ms": 181_001},
            {"duration_ms": None},
            by("artist-q", "artist-p"),
        ],
    )
    def test_another_length_or_lead_artist_is_none(self, new):
        assert self.pairs({1: "old", 2: "new"}, new=NEW | new) == []

    def test_one_title_by_another_artist_name_is_one_also_if_the_other_comes_back(self):
        other_artist = NEW | {"song_name": "雨"} | by("artist-q")
        assert self.pairs({1: "old", 2: "new"}, new=other_artist) == FOUND
        to_and_fro = {1: "old", 2: "new", **dict.fromkeys(range(3, 9), "old")}
        assert self.pairs(to_and_fro, new=other_artist) == [("chart", "id-new", "id-old", -6)]

    def test_songs_that_stand_in_one_edition_are_none_in_whichever_playlist(self):
        assert self.pairs({1: "old", 2: "old new"}) == []
        both = little_chart({9: "old new"}, {"old": OLD, "new": NEW}, playlist="other")
        assert self.pairs({1: "old", 2: "new"}, None, None, both) == []

    @pytest.mark.parametrize("alias", [("id-old", "id-new", None), ("id-new", None, "id-old")])
    def test_a_line_of_aliases_settles_it(self, alias):
        assert self.pairs({1: "old", 2: "new"}, aliases=[alias]) == []

    def test_its_status_is_doubtful(self):
        facts = {"old": OLD, "new": NEW}
        history = analyse(*little_chart({1: "old a", 2: "new a b", 3: "new a b"}, facts), only=["song_history"])[
            "song_history"
        ]
        statuses = history[["song_key", "edition_date", "entry_status", "entry_status_basis"]]
        told = [tuple(row)[1:] for row in statuses[statuses["song_key"].isin(["id-new", "id-b"])].itertuples()]
        assert told == [
            ("id-b", day(2), "NEW", "observed"),
            ("id-b", day(3), "SAME", "observed"),
            ("id-new", day(2), "NEW", "doubtful"),
            ("id-new", day(3), "SAME", "observed"),
        ]

    def test_the_publishers_word_and_a_gap_leave_no_doubt(self):
        facts = {"old": OLD, "new": NEW | {"official_days_on_chart": 1}}
        history = analyse(*little_chart({1: "old a", 2: "new a"}, facts), only=["song_history"])["song_history"]
        assert history.loc[history["song_key"] == "id-new", "entry_status_basis"].tolist() == ["official"]
        facts = {"old": OLD, "new": NEW}
        history = analyse(*little_chart({1: "old a", 3: "new a"}, facts), only=["song_history"])["song_history"]
        entry = history.loc[history["song_key"] == "id-new", ["entry_status", "entry_status_basis"]]
        assert entry.to_numpy().tolist() == [["FIRST_SEEN", "observed"]]

    def test_a_candidate_of_a_later_year_changes_the_digest_of_the_year_that_it_doubts(self):
        # In 2027 both stand in one edition, so that in 2026 nothing is doubtful any more.
        facts = {"old": OLD, "new": NEW}
        before = identified(*little_chart({1: "old a", 2: "new a", 370: "a"}, facts))[0]
        after = identified(*little_chart({1: "old a", 2: "new a", 370: "old new"}, facts))[0]
        (year,) = (year for year in before.keys if year.year == 2026)
        assert before.keys[year] != after.keys[year]

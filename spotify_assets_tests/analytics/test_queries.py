"""The saved queries, asked on the command line over a released demo."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date

import dagster as dg
import duckdb
import pytest

from spotify_assets.analytics.queries import saved_queries, saved_query
from spotify_assets.analytics.released_tables import ask
from spotify_assets.analytics.statements import parse
from spotify_assets.errors import EngineError
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.analyse import analyse, identified
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.little_charts import by, day, little_chart, together

pytestmark = pytest.mark.slow

QUERIES = saved_queries()
JP1 = "JPAB12600001"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A lake with sixteen days of the demo, and the command on it."""
    folder = tmp_path_factory.mktemp("queries")
    with dg.DagsterInstance.ephemeral() as instance:

        def run(*arguments, lake=str(folder / "lake"), **settings):
            return run_command(folder, instance, *arguments, SPOTIFY_ASSETS_LAKE=lake, **settings)

        run.lake = str(folder / "lake")
        made = run("demo", "--days", "16")
        assert made.exit_code == 0, made.output
        yield run


def rows(result):
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def answer(tables, name, columns, **asked):
    """Some columns of the answer to a saved query over the analyses of a little chart."""
    query = saved_query(name).asking(asked)
    with duckdb.connect() as connection:
        for table, frame in tables.items():
            connection.register(table, frame)
        found = connection.sql(query.sql("duckdb")).to_arrow_table().to_pylist()
    return [tuple(row[column] for column in columns.split()) for row in found]


def candidates(chart):
    """The candidates of a chart, as a table of the catalog."""
    identity, _ = identified(*chart)
    return {"alias_candidates": identity.candidates}


def test_all_are_listed_with_a_short_line_of_what_they_answer(demo):
    _, _, *listed = demo("query").stdout.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(QUERIES)
    assert all(line.rstrip().endswith(".") and len(line) <= 120 for line in listed)


@pytest.mark.parametrize("name", QUERIES)
def test_the_help_of_a_query_has_what_it_takes_and_no_more(demo, name):
    shown = demo("query", name, "--help")
    assert shown.exit_code == 0
    assert " ".join(shown.stdout.split()).startswith(f"Usage: main query {name} [OPTIONS] {QUERIES[name].answers}")
    text, options = shown.stdout.split("Options:")
    text = " ".join(text.split())
    for place, option in (("first_day", "--from alone"), ("last_day", "--to alone")):
        assert (option in text) == (place in QUERIES[name].takes)
    offered = set(re.findall(r"^  --([a-z-]+)", options, re.MULTILINE))
    named = {"first_day": "from", "last_day": "to"}
    taken = {named.get(place, place).replace("_", "-") for place in QUERIES[name].takes}
    assert offered == taken | {"format", "help"}
    assert all(f"--{need.replace('_', '-')}" in text.split("It needs")[1] for need in QUERIES[name].needs)


def test_help_without_a_query_is_that_of_the_command(demo):
    shown = demo("query", "--help").stdout
    assert shown.startswith("Usage: main query [OPTIONS] [NAME]")
    assert "--other-playlist" in shown


def test_the_help_of_a_query_that_is_not_there_is_refused(demo):
    assert "There is no saved query 'nothing'." in demo("query", "nothing", "--help").stderr


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_answers(demo, name):
    more = {
        "compare_playlists": ["--playlist", "demo_japan", "--other-playlist", "demo_japan"],
        "song_story": ["--song", rows(demo("query", "longest_runs", "--format", "csv"))[0]["song_name"]],
    }
    answer = rows(demo("query", name, "--format", "csv", *more.get(name, [])))
    # Sixteen days may lie in one month, which then has none before it to differ from.
    # And in the demo no song changes its name.
    assert answer or name in ("gaining_artists", "genre_shifts", "alias_lines")


def test_a_playlist_beside_itself_differs_nowhere(demo):
    beside = ["compare_playlists", "--playlist", "demo_japan", "--other-playlist", "demo_japan"]
    assert {row["difference"] for row in rows(demo("query", *beside, "--format", "csv"))} == {"0"}


def test_a_span_is_kept(demo):
    days = sorted({row["edition_date"] for row in rows(demo("query", "highest_new_entries", "--format", "csv"))})
    span = ["--from", days[1], "--to", days[2]]
    kept = rows(demo("query", "highest_new_entries", *span, "--format", "csv"))
    assert {row["edition_date"] for row in kept} == set(days[1:3])


def test_the_same_as_a_table_and_as_json(demo):
    table = demo("query", "days_at_number_one").stdout
    found = json.loads(demo("query", "days_at_number_one", "--format", "json").stdout)
    assert found[0]["first_time"].count("-") == 2
    assert table.splitlines()[0].split() == list(found[0])
    assert found[0]["song_name"] in table


class TestSongStory:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """A song that changes its id and its title; in a second playlist another has its key for a title."""
        old, new = {"isrc": JP1, "song_name": "Rain"}, {"isrc": JP1, "song_name": "Rain (Remastered)"}
        chart = little_chart({1: "old a", 2: "new a", 3: "new a"}, {"old": old, "new": new})
        second = little_chart({2: "other old"}, {"old": old, "other": {"song_name": JP1}}, playlist="second")
        return analyse(*together(chart, second), only=["song_history"])

    @pytest.mark.parametrize("song", ["id-old", "id-new", "rain", "Rain (Remastered)", JP1])
    def test_it_has_every_edition_whichever_name_of_the_song_is_given(self, tables, song):
        told = answer(tables, "song_story", "playlist edition_date", song=song)
        assert told == [("chart", day(1)), ("chart", day(2)), ("chart", day(3)), ("second", day(2))]

    def test_a_playlist_and_a_span_are_kept(self, tables):
        asked = {"playlist": "chart", "first_day": day(2), "last_day": day(2), "song": "id-old"}
        assert answer(tables, "song_story", "edition_date position", **asked) == [(day(2), 1)]


class TestAnswersByHand:
    """Twelve days of a chart of three, and a song of two artists; what each query answers was found by reading."""

    LISTED = ("a b c", "a b d", "b a d", "b a", "c b a", "c b a", "b c a", "a b", "a b c", "a d b", "d a b", "d a c")

    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        songs = {"d": by("artist-d", "artist-a")}
        streams = {(3, 1): {"streams": 500}, (4, 1): {"streams": 700}, (9, 1): {"streams": 600}}
        return analyse(*little_chart(dict(enumerate(cls.LISTED, 1)), songs, streams))

    @pytest.mark.parametrize(
        ("name", "columns", "first_rows", "asked"),
        [
            (
                "todays_chart",
                "position song_name entry_status editions_on_chart",
                [(1, "Song d", "SAME", 5), (2, "Song a", "SAME", 12), (3, "Song c", "RE_ENTRY", 6)],
                {},
            ),
            ("todays_chart", "position song_name", [(1, "Song c"), (2, "Song b"), (3, "Song a")], {"first_day": 5}),
            (
                "number_ones",
                "song_name editions first_edition",
                [
                    ("Song d", 2, 11),
                    ("Song a", 3, 8),
                    ("Song b", 1, 7),
                    ("Song c", 2, 5),
                    ("Song b", 2, 3),
                    ("Song a", 2, 1),
                ],
                {},
            ),
            ("number_ones", "song_name", [("Song b",), ("Song c",)], {"first_day": 6, "last_day": 7}),
            (
                "longest_in_top_ten",
                "song_name editions_in_top_ten best_position",
                [("Song a", 12, 1), ("Song b", 11, 1), ("Song c", 6, 1), ("Song d", 5, 1)],
                {},
            ),
            (
                "slowest_to_the_top",
                "song_name editions_to_peak entry_position peak_position",
                [("Song d", 9, 3, 1)],
                {},
            ),
            (
                "comebacks",
                "song_name editions_away came_back_on",
                [("Song d", 6, 10), ("Song c", 3, 5), ("Song c", 2, 12), ("Song c", 1, 9)],
                {},
            ),
            ("comebacks", "song_name came_back_on", [("Song d", 10), ("Song c", 12)], {"first_day": 10}),
            (
                "most_number_ones",
                "artist_name songs_at_number_one editions_at_number_one",
                [
                    ("Name of artist-a", 2, 7),
                    ("Name of artist-b", 1, 3),
                    ("Name of artist-c", 1, 2),
                    ("Name of artist-d", 1, 2),
                ],
                {},
            ),
            ("most_streams_in_a_day", "song_name streams edition_date", [("Song b", 700, 4), ("Song a", 600, 9)], {}),
            (
                "artists_together",
                "artist_name other_artist_name songs song_editions",
                [("Name of artist-a", "Name of artist-d", 1, 5)],
                {},
            ),
            (
                "turnover_by_week",
                "period songs entries exits",
                [("week", 4, None, None), ("week", 4, 0, 0), ("week", 3, 0, 1)],
                {},
            ),
        ],
    )
    def test_of_days(self, tables, name, columns, first_rows, asked):
        days = {place: day(number) for place, number in asked.items()}
        found = answer(tables, name, columns, **days)
        told = [tuple(day_number(value) for value in row) for row in found]
        assert told == first_rows

    def test_gaining_artists(self):
        months = {1: "a b c", 2: "a b c", 32: "c a b", 33: "c a b"}
        tables = analyse(*little_chart(months))
        gaining = answer(tables, "gaining_artists", "artist_name points_change rank previous_rank")
        assert gaining == [("Name of artist-c", 4, 1, 3)]
        assert answer(tables, "gaining_artists", "artist_name", first_day=day(1)) == []

    def test_song_lifetimes(self, tables):
        lifetimes = answer(tables, "song_lifetimes", "editions_on_chart share_that_lasts_longer half_life")
        of_spells = tables["song_survival"][tables["song_survival"]["basis"] == "spell"]
        assert [row[0] for row in lifetimes] == list(of_spells["editions_on_chart"])
        assert lifetimes[0][1:] == (of_spells["survival"].iloc[0], of_spells["half_life"].iloc[0])


def day_number(value):
    """The number of a day in the notation of little charts; anything else as it is."""
    return (value - day(0)).days if isinstance(value, date) else value


class TestDoubtfulSongs:
    """On the second day the song at the top has another title and another id; two others are new."""

    @pytest.fixture(scope="class")
    @classmethod
    def chart(cls):
        same = {"duration_ms": 180_000, **by("artist-p")}
        facts = {"old": same | {"song_name": "雨"}, "new": same | {"song_name": "Rain, again"}}
        return little_chart({1: "old a", 2: "new b a c"}, facts)

    def test_the_highest_new_entry_is_not_one_of_them(self, chart):
        entries = answer(
            analyse(*chart, only=["song_history"]), "highest_new_entries", "song_name position entry_status_basis"
        )
        assert entries == [("Song b", 2, "observed"), ("Song c", 4, "observed"), ("Rain, again", 1, "doubtful")]

    def test_their_lines_are_ready_to_be_used(self, chart):
        lines = answer(candidates(chart), "alias_lines", "song same_as differs_from note")
        told = "Rain, again / 雨, Name of artist-p / Name of artist-p, chart: left 2026-01-01 at 1, "
        told += "came 2026-01-02 at 1"
        assert lines == [("id-new", "id-old", None, told)]
        mended = analyse(chart.chart_days, chart.chart_entries, [line[:3] for line in lines], only=["song_history"])
        assert [row[0] for row in answer(mended, "highest_new_entries", "song_name")] == ["Song b", "Song c"]

    def test_a_span_is_kept(self, chart):
        assert answer(candidates(chart), "alias_lines", "song", first_day=day(3)) == []
        assert answer(candidates(chart), "alias_lines", "song", last_day=day(1)) == []
        assert answer(candidates(chart), "alias_lines", "song", playlist="other") == []


class TestBiggestClimbers:
    COLUMNS = "first_edition last_edition song_name places_gained"

    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        """Playlists whose newest snapshots are of several days."""
        fetched = {number: "a b" if number < 8 else "b a" for number in range(1, 15)}
        return analyse(
            *together(
                little_chart({n: "a b" if n % 2 else "b a" for n in range(1, 21)}, playlist="daily"),
                *(
                    little_chart({1: "a b", 1 + days: "b a"}, cadence="weekly", playlist=f"after_{days}")
                    for days in (6, 7, 8)
                ),
                little_chart(fetched, cadence="weekly", source="spotify", playlist="fetched_daily"),
            ),
            only=["song_history"],
        )

    @pytest.mark.parametrize("days", [6, 7, 8])
    def test_a_weekly_chart_is_compared_with_the_edition_before(self, tables, days):
        climbers = answer(tables, "biggest_climbers", self.COLUMNS, playlist=f"after_{days}")
        assert climbers == [(day(1), day(1 + days), "Song b", 1)]

    def test_a_weekly_chart_of_the_api_counts_from_its_edition_not_from_the_last_fetch(self, tables):
        climbers = answer(tables, "biggest_climbers", self.COLUMNS, playlist="fetched_daily")
        assert climbers == [(day(1), day(8), "Song b", 1)]

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [({}, 13, 20), ({"last_day": 9}, 2, 9), ({"first_day": 1}, 1, 20), ({"first_day": 4, "last_day": 5}, 4, 5)],
    )
    def test_a_daily_chart_is_compared_with_seven_days_before(self, tables, asked, first, last):
        days = {name: day(number) for name, number in asked.items()}
        ((first_edition, last_edition, *_),) = answer(
            tables, "biggest_climbers", self.COLUMNS, playlist="daily", **days
        )
        assert (first_edition, last_edition) == (day(first), day(last))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing_like_it"], "There is no saved query 'nothing_like_it'."),
        (["drop_outs", "--song", "x"], "The query drop_outs takes no song."),
        (["drop_outs", "--playlist", "elsewhere"], "There is no playlist 'elsewhere'."),
        (["song_story"], "give --song"),
        (["compare_playlists"], "give --playlist and --other-playlist"),
        (["compare_playlists", "--playlist", "demo_japan"], "give --other-playlist"),
        (["compare_playlists", "--other-playlist", "demo_japan"], "give --playlist"),
        (["drop_outs", "--from", "2026-11-02", "--to", "2026-11-01"], "no days from 2026-11-02 to 2026-11-01"),
    ],
)
def test_what_cannot_be_asked_is_refused(demo, arguments, said):
    refused = demo("query", *arguments)
    assert refused.exit_code == 1
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("damaged", "content"),
    [
        ("release.json", b'{"run": "x'),
        ("release.json", b"{}"),
        ("release.json", b"[]"),
        ("song_history", b"PAR1"),
        ("song_history", None),
    ],
)
def test_a_damaged_lake_is_refused_with_the_file_and_what_mends_it(demo, tmp_path, damaged, content):
    shutil.copytree(demo.lake, tmp_path / "lake")
    (path,) = (tmp_path / "lake/analytics").glob(damaged if "." in damaged else f"{damaged}/**/*.parquet")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    refused = demo("query", "longest_runs" if "." in damaged else "days_at_number_one", lake=str(tmp_path / "lake"))
    assert refused.exit_code == 1
    assert str(path) in refused.stderr.splitlines()[0]
    assert "run publish_job" in refused.stderr.splitlines()[-1]


def test_too_little_memory_is_told_from_a_wrong_query(demo):
    store = LocalObjectStore(demo.lake)
    with pytest.raises(EngineError) as refusal:
        ask(store, "1MB", parse("select a.song_key from song_history a cross join song_history b order by 1"))
    assert refusal.value.remedy == "set SPOTIFY_ASSETS_MEMORY_LIMIT higher"
    with pytest.raises(EngineError) as refusal:
        ask(store, "500MB", parse("select nothing from song_history"))
    assert "defect of the query" in refusal.value.remedy


def test_a_playlist_that_left_the_playlists_file_can_still_be_asked_for(demo, tmp_path):
    playlists = tmp_path / "playlists.yaml"
    one = "start: 2025-01-01\nplaylists:\n  - {slug: another, title: Another, cadence: daily, source: demo}\n"
    playlists.write_text(one, encoding="utf-8")
    settings = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists)}
    history = demo("query", "days_at_number_one", "--playlist", "demo_japan", "--format", "csv", **settings)
    assert rows(history)
    refused = demo("query", "days_at_number_one", "--playlist", "elsewhere", **settings)
    assert refused.exit_code == 1
    assert "names another; the analyses have demo_japan" in refused.stderr


def test_no_rows_are_said_to_be_none(demo):
    nobody = demo("query", "song_story", "--song", "nobody's")
    assert (nobody.exit_code, nobody.stderr) == (0, "No rows.\n")


def test_a_lake_without_a_release_says_what_to_do(demo, tmp_path):
    refused = demo("query", "drop_outs", lake=str(tmp_path))
    assert refused.exit_code == 1
    assert "There are no analyses" in refused.stderr

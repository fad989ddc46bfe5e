"""The star schema: what joins what, sums against the analyses, keys that stay, and files that others read."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from datetime import date, timedelta

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from spotify_assets.analytics.released_tables import open_released_tables
from spotify_assets.bi import star_tables
from spotify_assets.bi.csv_files import FORMULA_STARTS, write_csv_files
from spotify_assets.bi.star_tables import make_star
from spotify_assets.errors import SchemaViolation
from spotify_assets.schemas import arrow_schema
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.schemas.star import DIMENSIONS, FACTS, KEY_LIMIT, STAR, UNKNOWN_KEY, joins
from spotify_assets.storage.layout import star_csv_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.star_lake import DAYS, TITLES, StarLake

pytestmark = pytest.mark.slow

EACH_JOIN = [join for fact in FACTS.values() for join in joins(fact)]


class Asked:
    """A lake, its star, and what both say."""

    def __init__(self, folder):
        self.lake = StarLake(folder)
        self.csv = LocalObjectStore(folder / "csv")
        self.star = duckdb.connect()
        with make_star(self.lake.settings, self.lake.store) as made:
            self.schemas = {name: pq.read_schema(path) for name, path in made.items()}
            for name, path in made.items():
                self.star.execute(f"CREATE TABLE {name} AS FROM '{path}'")
            self.csv_keys = write_csv_files(made, self.csv, "500MB")

    def rows(self, sql):
        return self.star.execute(sql).fetchall()

    def analysed(self, sql):
        with open_released_tables(self.lake.store, "500MB") as released:
            released.show(list(ANALYSES))
            return [tuple(row.values()) for row in released.answer(sql).to_pylist()]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return Asked(tmp_path_factory.mktemp("star"))


@pytest.mark.parametrize("table", STAR)
def test_columns_and_types_are_those_of_the_schema(asked, table):
    expected = [(field.name, field.type) for field in arrow_schema(STAR[table])]
    assert [(field.name, field.type) for field in asked.schemas[table]] == expected


@pytest.mark.parametrize("table", STAR)
def test_what_always_has_a_value_has_one_and_the_key_is_a_key(asked, table):
    required = [column.name for column in STAR[table].columns if not column.nullable]
    ((rows, distinct, *counts),) = asked.rows(
        f"SELECT count(*), count(DISTINCT ({', '.join(STAR[table].key)})), "
        f"{', '.join(f'count({name})' for name in required)} FROM {table}"
    )
    assert rows > 0
    assert [distinct, *counts] == [rows] * (1 + len(required))


@pytest.mark.parametrize("join", EACH_JOIN, ids=lambda join: f"{join.fact.name}.{join.column}")
def test_every_row_of_a_fact_finds_one_row_of_each_dimension(asked, join):
    (key,) = join.dimension.key
    found = asked.rows(
        f"SELECT fact.{join.column}, (SELECT count(*) FROM {join.dimension.name} AS dim WHERE dim.{key} = "
        f"fact.{join.column}) FROM {join.fact.name} AS fact"
    )
    assert {count for _, count in found} == {1}


def test_facts_have_all_the_dimensions(asked):
    for name in ("fact_chart_entries", "fact_artist_credits"):
        assert {join.dimension.name for join in joins(FACTS[name])} == DIMENSIONS.keys()


def test_what_is_not_known_is_the_row_of_key_zero(asked):
    assert UNKNOWN_KEY == 0
    without_album = {title for number, title in enumerate(TITLES) if number % 5 == 0}
    assert asked.rows(
        "SELECT song_name, album_name FROM fact_chart_entries JOIN dim_song USING (song_surrogate_key) "
        f"JOIN dim_album USING (album_surrogate_key) WHERE album_surrogate_key = {UNKNOWN_KEY} GROUP BY ALL ORDER BY 1"
    ) == [(title, "(album not known)") for title in sorted(without_album)]
    assert asked.rows(
        "SELECT DISTINCT song_name, artist_name FROM fact_chart_entries JOIN dim_song USING (song_surrogate_key) "
        f"JOIN dim_artist USING (artist_surrogate_key) WHERE artist_surrogate_key = {UNKNOWN_KEY}"
    ) == [("Song 3", "(nobody credited)")]


def test_texts_are_exact(asked):
    assert {name for (name,) in asked.rows("SELECT song_name FROM dim_song")} == set(TITLES)
    assert sorted(asked.rows("SELECT playlist, playlist_title FROM dim_playlist")) == [
        ("first", 'The first, "quoted"'),
        ("second", "It's the second"),
    ]


def test_sums_by_song_are_those_of_song_popularity(asked):
    summed = asked.rows(
        "SELECT playlist, song_key, sum(points), sum(streams), count(*), min(position) FROM fact_chart_entries "
        "JOIN dim_song USING (song_surrogate_key) JOIN dim_playlist USING (playlist_surrogate_key) "
        "GROUP BY ALL ORDER BY ALL"
    )
    analysed = asked.analysed(
        "SELECT playlist, song_key, points, streams, editions_on_chart, peak_position FROM song_popularity ORDER BY ALL"
    )
    assert len(summed) > len(TITLES)
    assert summed == analysed


def test_movement_is_that_of_song_history(asked):
    columns = "edition_date, position, previous_position, movement, entry_status, streak, streams, streams_change"
    ours = asked.rows(
        f"SELECT playlist, song_key, {columns} FROM fact_chart_entries JOIN dim_song USING (song_surrogate_key) "
        "JOIN dim_playlist USING (playlist_surrogate_key) ORDER BY ALL"
    )
    assert ours == asked.analysed(f"SELECT playlist, song_key, {columns} FROM song_history ORDER BY ALL")
    assert {row[6] for row in ours} >= {"UP", "DOWN", "RE_ENTRY", None}


@pytest.mark.parametrize(
    ("period", "column"), [("month", "month"), ("week", "week"), ("year", "year"), ("all", "'all'")]
)
def test_sums_by_artist_and_period_are_those_of_artist_analysis(asked, period, column):
    """The periods are those of the date dimension."""
    summed = asked.rows(
        f"SELECT playlist, artist_key, {column} AS period, sum(points), sum(points_fractional), count(*), "
        "sum(song_edition_fraction), sum(streams), min(position) FROM fact_artist_credits "
        "JOIN dim_artist USING (artist_surrogate_key) JOIN dim_playlist USING (playlist_surrogate_key) "
        "JOIN dim_date ON calendar_date = edition_date GROUP BY ALL ORDER BY ALL"
    )
    of_start = {
        "month": "strftime(period_start, '%Y-%m')",
        "week": "strftime(period_start, '%G-W%V')",
        "year": "CAST(year(period_start) AS INTEGER)",
        "all": "'all'",
    }[period]
    analysed = asked.analysed(
        f"SELECT playlist, artist_key, {of_start} AS period, points, points_fractional, song_editions, "
        f"song_editions_fractional, streams, best_position FROM artist_analysis WHERE period = '{period}' ORDER BY ALL"
    )
    assert len(summed) > 20
    assert [row[:4] + row[5:6] + row[7:] for row in summed] == [row[:4] + row[5:6] + row[7:] for row in analysed]
    for ours, theirs in zip(summed, analysed, strict=True):
        assert (ours[4], ours[6]) == pytest.approx((float(theirs[4]), float(theirs[6])), abs=1e-6)


def test_points_shared_out_are_all_points_of_songs_that_credit_somebody(asked):
    ((shared,),) = asked.rows("SELECT sum(points_fractional) FROM fact_artist_credits")
    ((points,),) = asked.rows(f"SELECT sum(points) FROM fact_chart_entries WHERE artist_surrogate_key <> {UNKNOWN_KEY}")
    assert shared == pytest.approx(points)


def test_editions_say_what_came_and_went(asked):
    ours = asked.rows(
        "SELECT playlist, edition_date, songs, entries, exits, missing_before FROM fact_chart_editions "
        "JOIN dim_playlist USING (playlist_surrogate_key) ORDER BY ALL"
    )
    on_chart = {}
    for playlist, day, song in asked.analysed("SELECT playlist, edition_date, song_key FROM song_history"):
        on_chart.setdefault(playlist, {}).setdefault(day, set()).add(song)
    expected = []
    for playlist, days in sorted(on_chart.items()):
        for before, day in zip([None, *sorted(days)], sorted(days), strict=False):
            came, went = (len(days[day] - days[before]), len(days[before] - days[day])) if before else (None, None)
            missing = (day - before).days - 1 if before else 0
            expected.append((playlist, day, len(days[day]), came, went, missing))
    assert ours == expected
    assert {row[5] for row in ours} == {0, 2}


def test_one_edition_of_a_playlist_is_the_newest(asked):
    for fact in FACTS:
        assert asked.rows(f"SELECT DISTINCT edition_date FROM {fact} WHERE is_newest_edition") == [(DAYS[-1],)]


def test_dates_are_whole_years_without_gaps(asked):
    days = [day for (day,) in asked.rows("SELECT calendar_date FROM dim_date ORDER BY 1")]
    assert (days[0], days[-1]) == (date(2025, 1, 1), date(2026, 12, 31))
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert asked.rows(
        "SELECT date_number, year, quarter, month, month_name, week, day_of_week, day_name FROM dim_date "
        "WHERE calendar_date = DATE '2025-12-30'"
    ) == [(20251230, 2025, "2025-Q4", "2025-12", "December", "2026-W01", 2, "Tuesday")]


def test_surrogate_keys_are_a_digest_of_the_natural_key(asked):
    """Told again in Python, as another machine or release would have it."""
    for dimension in DIMENSIONS.values():
        if dimension.name == "dim_date":
            continue
        key, natural = dimension.column_names[:2]
        for surrogate, text in asked.rows(f"SELECT {key}, {natural} FROM {dimension.name} WHERE {natural} IS NOT NULL"):
            digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
            assert surrogate == 1 + int.from_bytes(digest[:8], "little") % (KEY_LIMIT - 1)


def test_a_new_day_changes_no_key_and_moves_no_older_row(tmp_path):
    lake = StarLake(tmp_path, DAYS[:2])
    columns = {
        "fact_chart_entries": f"{', '.join(join.column for join in joins(FACTS['fact_chart_entries']))}, position",
        "fact_artist_credits": f"{', '.join(join.column for join in joins(FACTS['fact_artist_credits']))}, position",
        "dim_song": "song_surrogate_key, song_key",
        "dim_artist": "artist_surrogate_key, artist_key",
        "dim_album": "album_surrogate_key, album_key",
        "dim_playlist": "playlist_surrogate_key, playlist",
    }

    def stars():
        with make_star(lake.settings, lake.store) as made:
            return {
                name: set(duckdb.sql(f"SELECT {kept} FROM '{made[name]}'").fetchall()) for name, kept in columns.items()
            }

    before = stars()
    lake.add(DAYS[2:3])
    after = stars()
    for name, rows in before.items():
        assert rows <= after[name], name
    assert len(after["fact_chart_entries"]) > len(before["fact_chart_entries"])


def test_two_songs_of_one_key_are_refused(asked, monkeypatch):
    monkeypatch.setattr(star_tables, "_SURROGATE_KEY", star_tables._SURROGATE_KEY.replace(str(KEY_LIMIT - 1), "3"))
    with (
        pytest.raises(SchemaViolation, match="have one surrogate key"),
        make_star(asked.lake.settings, asked.lake.store),
    ):
        pass


def spreadsheet(text):
    """What a text is in CSV."""
    return f"'{text}" if text and text[0] in FORMULA_STARTS else text


def test_every_title_survives_csv(asked):
    """Read by Python's strict reader, by DuckDB and by pandas, which all find the same."""
    expected = {spreadsheet(title) for title in TITLES}
    assert {'\'=HYPERLINK("http://a.test","x")', "Two\r\nlines", "'quoted'"} <= expected
    data = asked.csv.read(star_csv_key("dim_song"))
    strict = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    assert {row["song_name"] for row in strict} == expected
    path = asked.csv.uri(star_csv_key("dim_song"))
    read = duckdb.sql(f"SELECT song_name FROM read_csv('{path}', header = true, strict_mode = true)").fetchall()
    assert {name for (name,) in read} == expected
    frame = pd.read_csv(path, keep_default_na=False, dtype={"song_name": str})
    assert set(frame["song_name"]) == expected


@pytest.mark.parametrize("table", STAR)
def test_csv_has_every_value(asked, table):
    data = asked.csv.read(star_csv_key(table))
    assert data.startswith(codecs.BOM_UTF8 + STAR[table].columns[0].name.encode())
    columns = ", ".join(
        f"coalesce({column.name}, '') AS {column.name}" if column.type == "string" else column.name
        for column in STAR[table].columns
    )
    stored = asked.rows(f"SELECT {columns} FROM {table}")
    strict = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    assert strict[0] == STAR[table].column_names
    assert strict[1:] == [[as_csv(value) for value in row] for row in stored]
    outside_of_quotes = b"".join(data.split(b'"')[::2])
    assert outside_of_quotes.count(b"\n") == outside_of_quotes.count(b"\r\n") == len(stored) + 1


def as_csv(value):
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return spreadsheet(value)
        case _:
            return str(value)

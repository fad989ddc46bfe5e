"""What an SQL file may use, shown by queries that are fine, queries that are not, and what DuckDB answers."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from spotify_assets.analytics.statements import FOLDER, statements
from spotify_assets_tests.helpers.dialect import FUNCTIONS, complaints, input_tables
from spotify_assets_tests.helpers.dialect_answers import ANSWERS, WINDOWS

TABLES = {
    "plays": {
        "song": "varchar",
        "day": "date",
        "plays": "integer",
        "hot": "boolean",
        "share": "double",
        "amount": "decimal(10,2)",
        "genres": "array(varchar)",
        "snapshot_date": "varchar",
    },
    "songs": {"song": "varchar", "title": "varchar", "explicit": "boolean"},
}

FINE = [
    "select song, plays + 1 as more from plays where plays > 3 order by more desc, song limit 3",
    "select song, count(*) as days, sum(plays) as plays from plays group by song having count(*) > 1",
    "select year(day) as year, count(*) as days from plays group by 1",
    "select year(day) as year, count(*) as days from plays group by year(day)",
    "select song, sum(sum(plays)) over (order by song) as running from plays group by song",
    "select max_by(song, plays) filter (where song is not null) as song from plays",
    "select song, row_number() over w as place from plays window w as (partition by song order by day)",
    "select last_value(song) ignore nulls over (order by day) as song from plays",
    "select cast(snapshot_date as date) as snapshot_date from plays where snapshot_date > '2024'",
    "select p.song, s.title from plays as p left join songs as s on s.song = p.song and s.explicit",
    "select genre, place from plays cross join unnest(genres) with ordinality as g (genre, place)",
    "with few (song) as (select song from songs), more as (select * from few) select song from more",
    "select song from plays union all select title from songs except select 'x'",
    "select song from songs where song in (select song from plays) and not exists (select 1 from plays where hot)",
    "select n from (values (1), (2)) as numbers (n) cross join unnest(array['a', 'b']) as letters (letter)",
    "select case plays when 1 then 'one' else song end as a, if(hot, 1, 2) as b, coalesce(song, '') as c from plays",
    "select cast(plays as double) / 3 as a, plays / 2 as b, share / 1e2 as c, round(share) as d from plays",
    "select cast(share as decimal(18, 12)) as a from plays",
    "select cast(round(share) as integer) as a, cast(date_add('day', 1, day) as date) as b from plays",
    'select \'a :: b == c // d (e\' as text, "day" as "group" from plays -- select x::int',
]

NOT_FINE = {
    # how it is written
    "select plays::double from plays": "the symbol ::",
    "select song from plays where plays == 1": "the symbol ==",
    "select plays // 2 as half from plays": "it cannot be parsed",
    "select {'a': 1} as a from plays": "the symbol {",
    "select song from plays;": "the symbol ;",
    "select song from plays where plays & 1 = 1": "the symbol &",
    "select len(song) as n from plays": "the function len",
    "select list_contains(genres, 'a') as n from plays": "the function list_contains",
    "select columns('s.*') from plays": "the function columns",
    "select n from range(3) as r (n)": "the function range",
    "select genres[1] as genre from plays": "element_at",
    "select ['a'] as genres from plays": "ARRAY",
    "select array[g for g in genres] as genres from plays": "Comprehension",
    "from plays": "not with FROM",
    "from plays select song": "not with FROM",
    "with a as (from plays) select song from a": "not with FROM",
    "with a as (select song from plays) from a": "not with FROM",
    "select song from plays union all from songs": "not with FROM",
    "select song from plays group by all": "GROUP BY lists",
    "select song from plays group by rollup (song)": "",
    "select song from plays order by all": "ORDER BY ALL",
    "select * exclude (song) from plays": "",
    "select * replace (1 as song) from plays": "",
    "select song from plays qualify row_number() over () = 1": "it cannot be parsed",
    "select distinct on (song) song from plays": "",
    "select song from plays union by name select song from songs": "",
    "select song from plays semi join songs using (song)": "",
    "select song from plays where song ilike 'a'": "ILike",
    "with recursive a (n) as (select 1) select n from a": "recursive",
    "select count(distinct song, day) as n from plays": "several expressions",
    "select date_diff('month', day, day) as months from plays": "date_diff by anything but day",
    "select array(select song from songs) as songs": "",
    "unload (select 1) to 's3://bucket/'": "",
    "create table a as select 1 as n": "it is no query",
    "select song as skip from plays": "reserved word",
    "select 'a": "it cannot be parsed",
    # names
    "select song from albums": "the table albums is not there",
    "select album from plays": "album",
    "select song from plays, songs": "song",
    "select plays + 1 as more, more + 1 as most from plays": "more",
    "select plays + 1 as more from plays where more > 1": "more",
    "select year(day) as year, count(*) as days from plays group by year": "year",
    "select song, count(*) as days from plays group by song having days > 1": "days",
    "select s.song from plays as p": "s",
    # types
    "select song from plays where day > '2024-01-01'": "day and text",
    "select song from plays where song = 1": "number and text",
    "select song from plays where day between '2024-01-01' and day": "day and text",
    "select song from plays where plays in ('1', '2')": "number and text",
    "select song from songs where song in (select plays from plays)": "number and text",
    "select p.song from plays as p join songs as s on s.explicit = p.plays": "boolean and number",
    "select song from plays where day is distinct from snapshot_date": "day and text",
    "select coalesce(plays, '') as n from plays": "number and text",
    "select case when hot then plays else 'none' end as n from plays": "number and text",
    "select if(hot, day, song) as n from plays": "day and text",
    "select song from plays where plays": "no condition",
    "select song from plays where hot and plays": "no condition",
    "select p.song from plays as p join songs as s on p.plays": "no condition",
    "select case when plays then 1 end as n from plays": "no condition",
    "select song || plays as name from plays": "|| joins texts",
    "select day - day as days from plays": "arithmetic",
    "select day + 1 as next from plays": "arithmetic",
    "select song from plays union all select plays from plays": "text is combined with number",
    "select song, day from plays union all select song from songs": "2 columns are combined with 1",
    "select sum(hot) as n from plays": "other than numbers",
    "select avg(song) as n from plays": "other than numbers",
    "select plays / 2.0 as half from plays": "a decimal in a division",
    "select 1.0 * plays / 2 as half from plays": "a decimal in a division",
    "select amount / plays as each from plays": "a decimal in a division",
    "select cast(share as integer) as n from plays": "without round",
    "select cast(share as decimal(18, 15)) as n from plays": "more places than its own",
    "select cast(share as varchar) as text from plays": "a double is cast to a text",
    # groups
    "select song, plays from plays group by song": "neither aggregated nor in GROUP BY",
    "select song, count(*) as n from plays": "neither aggregated nor in GROUP BY",
    "select song, sum(plays) over (order by day) as n from plays group by song": "neither aggregated nor in GROUP BY",
    "select count(*) as n from plays group by song having plays > 1": "neither aggregated nor in GROUP BY",
    "select year(day) + plays as n from plays group by year(day)": "neither aggregated nor in GROUP BY",
}


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        connection.execute("SET integer_division = true")
        yield connection


@pytest.mark.parametrize("query", FINE)
def test_a_query_of_both_dialects_is_fine(query):
    assert complaints(query, TABLES) == []


@pytest.mark.parametrize("query", NOT_FINE)
def test_a_query_that_athena_refuses_or_duckdb_answers_otherwise_is_complained_of(query):
    found = complaints(query, TABLES)
    assert found
    assert NOT_FINE[query] in found[0]


AGGREGATE_OF_OUTPUT = "select max(t.n) as n from (values (1, 'a')) as t (n, letter) group by letter order by {}"


@pytest.mark.parametrize("order", ["max(n)", "coalesce(max(N), 1)", "letter, max(n + 1)"])
def test_an_aggregate_over_an_output_column_is_complained_of(order):
    (complaint,) = complaints(AGGREGATE_OF_OUTPUT.format(order), {})
    assert "in ORDER BY is over the output column" in complaint


@pytest.mark.parametrize("order", ["max(t.n)", "n", "max(letter)"])
def test_an_aggregate_over_a_column_of_a_table_is_fine(order):
    assert complaints(AGGREGATE_OF_OUTPUT.format(order), {}) == []


@pytest.mark.parametrize("columns", ["letter.letter", "letter.n as Letter", "1 as letter"])
def test_a_table_that_is_called_like_an_output_column_is_complained_of_in_order_by(columns):
    query = "select {} from (values (1, 'a')) as {} (n, letter) order by {}.n"
    assert complaints(query.format(columns.replace("letter.", "t."), "t", "t"), {}) == []
    (complaint,) = complaints(query.format(columns, "letter", "letter"), {})
    assert complaint == "letter.n in ORDER BY is taken for a field of the output column letter"


@pytest.mark.parametrize("function", ["max_by", "min_by"])
@pytest.mark.parametrize(
    ("more", "complained"),
    [
        ("", ["are not filtered"]),
        ("filter (where t.n is not null)", ["are not filtered"]),
        ("filter (where t.song_name is null)", ["are not filtered"]),
        ("filter (where t.song_name is not null)", []),
        ("filter (where t.n > 1 and t.song_name is not null)", []),
    ],
)
def test_a_value_of_the_largest_key_that_may_be_null_is_complained_of(function, more, complained):
    query = f"select {function}(t.song_name, t.n) {more} as name from (values (1, 'a')) as t (n, song_name)"  # noqa: S608
    found = complaints(query, {})
    assert [words in complaint for words, complaint in zip(complained, found, strict=True)] == [True] * len(complained)


def test_everything_that_is_written_strangely_is_said_at_once():
    assert len(complaints("select len(song)::int, genres[1] from albums group by all", TABLES)) == 5


@pytest.mark.parametrize("statement", statements(), ids=lambda statement: statement.table.name)
def test_every_sql_file_stays_within_the_dialect(statement):
    assert complaints(statement.text, input_tables()) == []


@pytest.mark.parametrize("statement", statements(), ids=lambda statement: statement.table.name)
def test_what_a_run_makes_of_an_sql_file_stays_within_the_dialect(statement):
    query = statement.query_for(["a", "b"], [0, 2024, 2025] if statement.year_of_part else [])
    assert complaints(query.sql("athena"), input_tables()) == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("queries/*.sql")), ids=lambda path: path.stem)
def test_every_saved_query_stays_within_the_dialect(path):
    assert complaints(path.read_text(encoding="utf-8"), input_tables()) == []


@pytest.mark.parametrize("expression", ANSWERS)
def test_duckdb_answers_as_trino_does(database, expression):
    query = f"select {expression} as answer from (values (1, 'a'), (2, 'a'), (3, 'b')) as t (n, letter)"  # noqa: S608
    assert complaints(query, {}) == []
    (answer,) = database.execute(sqlglot.transpile(query, read="athena", write="duckdb")[0]).fetchone()
    expected = ANSWERS[expression]
    assert (str(answer) if isinstance(expected, str) else answer) == expected


def test_duckdb_answers_windows_as_trino_does(database):
    assert complaints(WINDOWS, {}) == []
    assert database.execute(sqlglot.transpile(WINDOWS, read="athena", write="duckdb")[0]).fetchall() == [
        (1, 1, 1, None, 2, 1, 1, "a", 1),
        (2, 2, 2, 1, 4, 1, 2, "b", 5),
        (3, 2, 2, 2, None, 1, 2, "b", 5),
        (4, 4, 3, 2, None, 1, 4, "b", 9),
    ]


def test_every_allowed_function_is_tried():
    tried = "".join([*ANSWERS, WINDOWS, *FINE])
    assert [name for name in FUNCTIONS if f"{name}(" not in tried] == []

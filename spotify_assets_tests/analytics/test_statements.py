"""The SQL files: what they read is what sqlglot finds, and every column leads back to columns that there are."""

from __future__ import annotations

import pytest
from sqlglot import exp

from spotify_assets.analytics.lineage import column_lineage, lineage_in_sql
from spotify_assets.analytics.statements import ALL_YEARS, INPUTS, Part, statement_of, statements
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY

EACH = pytest.mark.parametrize("statement", statements(), ids=ANALYSES)


@EACH
def test_what_is_read_is_found_without_parsing(statement):
    query = statement.query()
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    assert set(statement.inputs) == {table.name for table in query.find_all(exp.Table)} - named
    assert not named & INPUTS.keys()


@EACH
def test_everything_that_is_read_is_made_before(statement):
    before = [*COMPACTED, *IDENTITY, *list(ANALYSES)[: list(ANALYSES).index(statement.table.name)]]
    assert set(statement.inputs) <= set(before)


@EACH
def test_a_file_opens_with_its_grain_and_gives_the_columns_of_its_schema(statement):
    assert statement.text.startswith(f"-- {statement.table.name}: ")
    assert "-- Grain: " in statement.text.split("\nwith ", 1)[0]
    assert statement.query().named_selects == statement.table.column_names


@EACH
def test_lineage_is_that_of_the_sql(statement):
    found = column_lineage()[statement.table.name]
    assert found == lineage_in_sql(statement), "run .venv/bin/python -m spotify_assets.analytics.lineage"
    assert list(found) == statement.table.column_names


@EACH
def test_lineage_leads_to_columns_that_there_are(statement):
    sources = {source for of_column in column_lineage()[statement.table.name].values() for source in of_column}
    for table, column in (source.split(".") for source in sources):
        assert table in statement.inputs
        assert column in {*INPUTS[table].column_names, "playlist", "year"}, (table, column)


@pytest.mark.parametrize(
    ("table", "column", "sources"),
    [
        ("song_history", "streams", ["chart_entries.streams"]),
        ("song_history", "points", ["chart_editions.chart_size", "chart_entries.position"]),
        ("song_spells", "best_position", ["song_history.position"]),
        ("collaborations", "artist_name", ["artist_analysis.artist_name"]),
    ],
)
def test_lineage_of_a_column(table, column, sources):
    assert column_lineage()[table][column] == sources


def test_parts():
    assert statement_of("song_history").parts("a", [2025, 2026]) == [Part("a", 2025), Part("a", 2026)]
    assert statement_of("song_spells").parts("a", [2025, 2026]) == [Part("a")]
    assert statement_of("chart_trends").parts("a", [2026]) == [Part("a", ALL_YEARS), Part("a", 2026), Part("a", 2027)]

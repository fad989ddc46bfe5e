"""Writes the pages that are made of schemas, checks and saved queries; a test compares them.

Run it with `.venv/bin/python docs/write_tables.py`.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

from spotify_assets.analytics.analysis_checks import ANALYSIS_CHECKS
from spotify_assets.analytics.queries import saved_queries
from spotify_assets.checks import CHECKS, HISTORY_CHECKS, IDENTITY_CHECK
from spotify_assets.schemas import ALBUMS, ARTISTS, SNAPSHOTS, SONGS, TABLES, Column, Table, coverage_column
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, COMPACTED, IDENTITY, SONG_IDENTITY
from spotify_assets.schemas.star import STAR

FOLDER = Path(__file__).parent
COMMENT = re.compile(r"\A(--.*\n)+")
INTRODUCTION = """\
# The daily tables

This page is written by `.venv/bin/python docs/write_tables.py` from `spotify_assets/schemas/daily.py` and
`spotify_assets/checks.py`; a test fails when they differ. Do not edit it by hand.

Every partition is one Parquet file: `<table>/playlist=<slug>/snapshot_date=<date>/part-0.parquet`. The partition
columns `playlist` (text) and `snapshot_date` (a day in Japan) are in the path, not in the file. In `catalog.duckdb`
they are `VARCHAR` and `DATE`; a Glue crawler makes both `string`.

A missing value is null, never 0, "" or a guess. Timestamps are in UTC, with milliseconds and without a zone, because
Athena knows no zone in Parquet timestamps. "Made of" names parts of the raw snapshot: `header.*` its header record,
`entry.*` an entry of the list, `track.*` the track in it, `album.*` and `artist.*` the objects fetched to complete it.
"""


ANALYSES_INTRODUCTION = """\
# The columns of history and analyses

This page is written by `.venv/bin/python docs/write_tables.py` from `spotify_assets/schemas/analyses.py` and
`spotify_assets/checks.py`; a test fails when they differ. Do not edit it by hand. What the words mean, and how the
tables are made, is in [The analyses](analyses.md); how each is computed stands in the SQL file of its name in
`spotify_assets/analytics/`.

`chart_days` and `chart_entries` are stored by playlist and year, which are in the path and not in the file.

"""

DICTIONARY_INTRODUCTION = """\
# The dictionary

Every column of every table, by name. This page is written by `.venv/bin/python docs/write_tables.py` from
`spotify_assets/schemas/`; a test fails when they differ. Do not edit it by hand.

The tables, one by one: [the daily tables](tables.md), [history and analyses](analysis_tables.md), [the star
schema](bi.md#the-star-schema). What the words mean:
[The analyses](analyses.md). `snapshots` has besides these a column `coverage_<table>_<column>` for each column of
`songs`, `albums` and `artists` that may be null: the share of rows that have it.
"""

RECIPES_INTRODUCTION = """\
# Recipes

Questions that people ask of a chart, each with the SQL that answers it. This page is written by `.venv/bin/python
docs/write_tables.py` from the saved queries in `spotify_assets/analytics/queries/`; a test fails when they differ. Do
not edit it by hand.

Each runs as it stands in Athena. In DuckDB, `spotify-assets query NAME` runs it, with `--playlist`, `--from`, `--to`
and what else it takes; `--help` after the name explains it. To ask for something in Athena, write it in place of the
nulls in `asked`, at the top.
"""


def analyses_page() -> str:
    """The page of the compacted history and the analyses."""
    lines = (
        line
        for table in (*COMPACTED.values(), *IDENTITY.values(), *ANALYSES.values())
        for line in _plain_section(table)
    )
    return ANALYSES_INTRODUCTION + "\n".join([*lines, *_history_checks()])


def _plain_section(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n"
    yield f"{table.description} Key: {', '.join(f'`{name}`' for name in table.key)}.\n"
    yield "| column | type | null | meaning |"
    yield "| --- | --- | --- | --- |"
    for column in table.columns:
        yield f"| `{column.name}` | `{column.type}` | {'yes' if column.nullable else 'no'} | {column.description} |"
    yield ""


def page() -> str:
    """The page of the daily tables."""
    return "\n".join([INTRODUCTION, *(line for table in TABLES.values() for line in _section(table)), *_checks()])


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n"
    yield f"{table.description} Key within a partition: {', '.join(f'`{name}`' for name in table.key)}.\n"
    yield "| column | type | null | meaning | made of |"
    yield "| --- | --- | --- | --- | --- |"
    coverage = _coverage_columns() if table is SNAPSHOTS else set()
    for column in table.columns:
        if column.name not in coverage:
            yield _row(column)
    yield ""
    if coverage:
        yield (
            f"And {len(coverage)} columns `coverage_<table>_<column>` of type `float64`, which may be null: the share "
            "of the rows of `songs`, `albums` or `artists` that have a value there. There is one for each column of "
            "these tables that may be null.\n"
        )


def dictionary() -> str:
    """The page of all columns by name; columns that mean the same in several tables stand in one row."""
    meanings: dict[tuple[str, str, str], list[str]] = {}
    coverage = _coverage_columns()
    for table in (*TABLES.values(), *COMPACTED.values(), *IDENTITY.values(), *ANALYSES.values(), *STAR.values()):
        for column in table.columns:
            if column.name not in coverage:
                meanings.setdefault((column.name, column.type, column.description), []).append(f"`{table.name}`")
    rows = (
        f"| `{name}` | `{kind}` | {meaning} | {', '.join(tables)} |"
        for (name, kind, meaning), tables in sorted(meanings.items())
    )
    return "\n".join(
        [DICTIONARY_INTRODUCTION, "| column | type | meaning | in |", "| --- | --- | --- | --- |", *rows, ""]
    )


def recipes() -> str:
    """The page of the saved queries, with their SQL."""
    queries = saved_queries().values()
    contents = (f"- [{query.answers.rstrip('.')}](#{query.name})" for query in queries)
    sections = (
        f"## {query.name}\n\n{query.answers} {query.details}\n\n```sql\n{COMMENT.sub('', query.text).strip()}\n```\n"
        for query in queries
    )
    return "\n".join([RECIPES_INTRODUCTION, *contents, "", *sections])


def faults() -> str:
    """The page of what happens when something breaks."""
    # By its path: tests are not installed.
    written: str = runpy.run_path(str(FOLDER.parent / "spotify_assets_tests/matrix/table.py"))["page"]()
    return written


def _checks() -> Iterator[str]:
    yield "## Checks\n"
    yield "Made in the step that makes the tables, over all days of the run. A finding does not hold back the tables.\n"
    yield "| check | on | severity | what it expects |"
    yield "| --- | --- | --- | --- |"
    for check in CHECKS:
        yield f"| `{check.name}` | `{check.table}` | {check.severity.value.lower()} | {check.description} |"
    yield ""


def _history_checks() -> Iterator[str]:
    yield "## Checks\n"
    yield "Made by the publish run, over all days of all playlists. A finding does not hold back the release.\n"
    yield "| check | on | severity | what it expects |"
    yield "| --- | --- | --- | --- |"
    for check in HISTORY_CHECKS:
        severity = check.severity.value.lower()
        yield f"| `{check.name}` | `{CHART_DAYS.name}` | {severity} | {check.description} |"
    yield f"| `{IDENTITY_CHECK.name}` | `{SONG_IDENTITY.name}` | warn | {IDENTITY_CHECK.description} |"
    for check in ANALYSIS_CHECKS:
        yield f"| `{check.name}` | `{check.table}` | error | {check.description} |"
    yield ""


def _row(column: Column) -> str:
    sources = ", ".join(f"`{source}`" for source in column.sources) or "-"
    null = "yes" if column.nullable else "no"
    return f"| `{column.name}` | `{column.type}` | {null} | {column.description} | {sources} |"


def _coverage_columns() -> set[str]:
    return {
        coverage_column(table, column)
        for table in (SONGS, ALBUMS, ARTISTS)
        for column in table.columns
        if column.nullable
    }


if __name__ == "__main__":
    FOLDER.joinpath("tables.md").write_text(page(), encoding="utf-8")
    FOLDER.joinpath("analysis_tables.md").write_text(analyses_page(), encoding="utf-8")
    FOLDER.joinpath("dictionary.md").write_text(dictionary(), encoding="utf-8")
    FOLDER.joinpath("recipes.md").write_text(recipes(), encoding="utf-8")
    FOLDER.joinpath("faults.md").write_text(faults(), encoding="utf-8")

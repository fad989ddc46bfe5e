"""Writes docs/tables.md from schemas and checks: `.venv/bin/python docs/write_tables.py`. A test compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spotify_assets.checks import CHECKS
from spotify_assets.schemas import ALBUMS, ARTISTS, SNAPSHOTS, SONGS, TABLES, Column, Table, coverage_column

PAGE = Path(__file__).with_name("tables.md")
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


def page() -> str:
    """The whole page."""
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


def _checks() -> Iterator[str]:
    yield "## Checks\n"
    yield "Made in the step that makes the tables, over all days of the run. A finding does not hold back the tables.\n"
    yield "| check | on | severity | what it says |"
    yield "| --- | --- | --- | --- |"
    for check in CHECKS:
        yield f"| `{check.name}` | `{check.table}` | {check.severity.value.lower()} | {check.description} |"
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
    PAGE.write_text(page(), encoding="utf-8")

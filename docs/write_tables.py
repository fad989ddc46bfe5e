"""Writes tables.md and analyses.md from the schemas: `.venv/bin/python docs/write_tables.py`. A test compares them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spotify_assets.checks import CHECKS
from spotify_assets.schemas import ALBUMS, ARTISTS, SNAPSHOTS, SONGS, TABLES, Column, Table, coverage_column
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY

FOLDER = Path(__file__).parent
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
# The analyses

The tables below are written by `.venv/bin/python docs/write_tables.py` from `spotify_assets/schemas/analyses.py`; a
test fails when they differ. How each is computed stands in the SQL file of its name in `spotify_assets/analytics/`.

## Words

An **edition** is a chart as its publisher made it. A daily chart has one a day. A weekly chart that the Web API gives
has one a week, however often it was fetched: it begins on the first day its content was seen. A chart file's edition
has the date of the file. **D** are the editions of a playlist in order, **N** is the size of the chart, **r** a
position. The edition before is the one before in D; where expected editions are missing between them, there is a
**gap**: weeks may come a day early or late.

**Known and not known.** On the first edition of D no song has an entry status. Later, a song that was not on the
edition before is `RE_ENTRY` if it was seen before, or if the publisher's figures say so; `NEW` if the publisher says
that it is its first day or week, or if no edition is missing right before; `FIRST_SEEN` otherwise. Without a
publisher's figures, `NEW` therefore means: not in our history, which may be short. Columns called `official_` are the
publisher's; all others are ours, and count only what we have.

**Songs.** Rows are one song when an id or an ISRC connects them, in any playlist and on any day. Rows with neither are
known by a hash of title and artists; rows without a title are no song, and are counted in `unidentified`. A song listed
twice in an edition has its best position.

**Shares.** Points are N + 1 - r. With full credit every artist of a song gets all its points; fractional credit divides
them. Fractions are summed as decimals. Ranks of ties are equal.

**Periods.** A week is an ISO week; days and weeks are told of daily charts only. Change is told against the adjacent
period, and is null where that has no edition.

## How they are made

A publish run first brings the history up to date: `chart_days` and `chart_entries` are the daily tables joined into one
file per playlist and year, of which only the years with a new, changed or withdrawn day are written again.
`song_identity` and `alias_candidates` are made from all of it. Then each analysis is made for the playlists, and where
it is kept by year the years, whose inputs have changed; the rest is carried over. What is made is checked (types,
missing values, keys) and becomes visible with the release, together. Runs of before are kept, two of them, for those
who are still reading.

All of these files can be made again. One that is missing is, by the next publish run. One that is damaged is named by
the run or the query that reads it, with what to do: remove it and publish again.

**What that costs.** Measured with `python -m benchmarks.history` on two shared cores, in seconds of processor, because
seconds on a clock say little there. One playlist of 200 places, daily, on DuckDB with the default memory limit:

| | one year (72,800 rows) | three years (218,800 rows) | ten years (729,800 rows) |
| --- | --- | --- | --- |
| reading all compacted rows once | 0.1 | 0.1 | 0.2 |
| identifying songs | 0.1 | 0.2 | 0.7 |
| all analyses, nothing there before | 3 | 7 | 25 |
| the analyses after one new day | 3 | 4 | 6 |
| peak memory of the process (MB) | 440 | 665 | 822 |

DuckDB holds at most `SPOTIFY_ASSETS_MEMORY_LIMIT` (512 MB) and spills beyond it. Playlists are made one after the
other, so time grows with their number and memory hardly does: ten years of eight playlists (5,838,400 rows) took 215
seconds and peaked at 845 MB. Of 73 playlists (53,275,400 rows), measured with a limit of 2 GB and an earlier version
that held more, all analyses took 2,296 seconds, 45 minutes beside other work, and peaked at 2.0 GB.

After a new day, what still grows with the history is what reads all of it: songs are identified anew, and the tables
by song and the period `all` are made anew.

"""


def analyses_page() -> str:
    """The page of the compacted history and the analyses."""
    lines = (
        line
        for table in (*COMPACTED.values(), *IDENTITY.values(), *ANALYSES.values())
        for line in _plain_section(table)
    )
    return ANALYSES_INTRODUCTION + "\n".join(lines)


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
    FOLDER.joinpath("tables.md").write_text(page(), encoding="utf-8")
    FOLDER.joinpath("analyses.md").write_text(analyses_page(), encoding="utf-8")

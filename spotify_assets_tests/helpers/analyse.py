"""The analyses as the platform makes them: the SQL files on DuckDB over a lake in a temporary folder."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from spotify_assets.analytics.duckdb_engine import open_duckdb_engine
from spotify_assets.analytics.engine import Engine
from spotify_assets.analytics.identity import Identity, identify
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.statements import Part, Statement, statements
from spotify_assets.schemas import Table, arrow_schema
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, CHART_ENTRIES, IDENTITY
from spotify_assets.storage.layout import ALIASES_KEY, Year, identity_key, year_key
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore
from spotify_assets.storage.parquet import encode
from spotify_assets_tests.helpers.little_charts import Alias

RUN = "run"


def analyse(
    chart_days: pd.DataFrame,
    chart_entries: pd.DataFrame,
    aliases: Sequence[Alias] = (),
    *,
    year_by_year: bool = False,
    only: Collection[str] = ANALYSES,
) -> dict[str, pd.DataFrame]:
    """Make analyses.

    Args:
        chart_days: the columns of `CHART_DAYS` and `playlist`; a missing value is None.
        chart_entries: the columns of `CHART_ENTRIES` and `playlist`; lists are Python lists, a missing value is None.
        aliases: the rows of song_aliases.csv: a song, one that is the same or None, one that differs or None.
        year_by_year: make each part by itself, as a refresh may, and not all at once.
        only: names of the tables that are wanted; by default all of `ANALYSES`.

    Returns:
        By name, each table that is wanted or that one of these is made from, with the schema's columns, sorted by its
        key, its cells Python objects.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = LocalObjectStore(folder)
        years = _years(chart_days)
        compacted = write_history(store, chart_days, chart_entries)
        write_identity(store, compacted, aliases)
        with open_lake_files(store) as lake_files, open_duckdb_engine(lake_files, compacted, "1GB") as engine:
            tables = {}
            for statement in _needed_for(only):
                parts = [part for playlist, of in years.items() for part in statement.parts(playlist, of)]
                files = _make(engine, statement, parts, year_by_year=year_by_year)
                tables[statement.table.name] = _read(store, statement.table, files)
            return tables


def _needed_for(names: Collection[str]) -> list[Statement]:
    """The statements of these analyses, and of those that they read."""
    needed = set(names)
    for statement in reversed(statements()):
        if statement.table.name in needed:
            needed.update(statement.inputs)
    return [statement for statement in statements() if statement.table.name in needed]


def identified(
    chart_days: pd.DataFrame, chart_entries: pd.DataFrame, aliases: Sequence[Alias] = ()
) -> tuple[Identity, dict[str, list[dict[str, Any]]]]:
    """What the songs are taken for, and the rows of the tables that say it; arguments as for `analyse`."""
    with tempfile.TemporaryDirectory() as folder:
        store = LocalObjectStore(folder)
        identity = write_identity(store, write_history(store, chart_days, chart_entries), aliases)
        return identity, {
            name: pq.read_table(io.BytesIO(store.read(identity_key(name)))).to_pylist() for name in IDENTITY
        }


def write_history(store: ObjectStore, chart_days: pd.DataFrame, chart_entries: pd.DataFrame) -> list[Year]:
    """Write the compacted history; the years that it has."""
    years = _years(chart_days)
    for table, rows in ((CHART_DAYS, chart_days), (CHART_ENTRIES, chart_entries)):
        _write_compacted(store, table, rows, years)
    return [Year(playlist, year) for playlist, of_playlist in years.items() for year in of_playlist]


def write_identity(store: ObjectStore, years: Sequence[Year], aliases: Sequence[Alias]) -> Identity:
    """Write what the songs of these years are taken for."""
    if aliases:
        lines = io.StringIO()
        csv.writer(lines).writerows([("song", "same_as", "differs_from"), *aliases])
        store.write(ALIASES_KEY, lines.getvalue().encode())
    return identify(store, years)


def _years(chart_days: pd.DataFrame) -> dict[str, set[int]]:
    """The years of each playlist: those of its stored days, also of days without songs."""
    years: dict[str, set[int]] = {}
    for _, day in chart_days.iterrows():
        years.setdefault(day["playlist"], set()).add(day["snapshot_date"].year)
    return years


def _write_compacted(
    store: ObjectStore, table: Table, rows: pd.DataFrame, years: Mapping[str, Collection[int]]
) -> None:
    year_of_row = rows["snapshot_date"].map(lambda day: day.year)
    for playlist, of_playlist in years.items():
        for year in of_playlist:
            of_year = rows[(rows["playlist"] == playlist) & (year_of_row == year)]
            store.write(year_key(table.name, playlist, year), _encoded(table, of_year))


def _encoded(table: Table, rows: pd.DataFrame) -> bytes:
    schema = arrow_schema(table)
    arrays = [pa.array(rows[field.name], field.type, from_pandas=True) for field in schema]
    return encode(pa.Table.from_arrays(arrays, schema=schema))


def _make(
    engine: Engine, statement: Statement, parts: Collection[Part], *, year_by_year: bool
) -> Mapping[Part, list[str]]:
    files: dict[Part, list[str]] = {}
    for batch in [[part] for part in sorted(parts)] if year_by_year else [parts]:
        files |= {part: list(keys) for part, keys in engine.write(statement, batch, RUN).items()}
    engine.ready(statement.table, files, RUN)
    return files


def _read(store: ObjectStore, table: Table, files: Mapping[Part, Sequence[str]]) -> pd.DataFrame:
    rows = [
        row for keys in files.values() for key in keys for row in pq.read_table(io.BytesIO(store.read(key))).to_pylist()
    ]
    frame = pd.DataFrame(rows, columns=table.column_names, dtype=object)
    return frame.sort_values(list(table.key), ignore_index=True)

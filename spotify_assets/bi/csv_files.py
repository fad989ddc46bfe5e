"""The star schema as CSV, for spreadsheets and for people: RFC 4180, in UTF-8 with the mark by which Excel knows it.

Every text is in quotes, lines end in CRLF. A missing value is nothing between two commas, an empty text is `""`.

A text that a spreadsheet would take for a formula gets an apostrophe in front: whoever wants the exact text takes the
Parquet files.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from spotify_assets.analytics.duckdb_connection import open_connection
from spotify_assets.analytics.spreadsheet_cells import FORMULA_STARTS
from spotify_assets.errors import EngineError
from spotify_assets.schemas.star import STAR
from spotify_assets.schemas.table import Column, Table
from spotify_assets.storage.layout import star_csv_key
from spotify_assets.storage.object_store import ObjectStore


def write_csv_files(star: Mapping[str, Path], store: ObjectStore, memory_limit: str) -> list[str]:
    """Write each table of the star schema as CSV.

    Args:
        star: the Parquet file of each table.
        store: where to.
        memory_limit: the most that DuckDB takes (like `2GB`).

    Returns:
        The keys.

    Raises:
        EngineError: DuckDB has too little memory or space.
        StorageError: a file cannot be written.
    """
    written = []
    with open_connection(memory_limit) as connection:
        for name, parquet in star.items():
            bare = parquet.with_suffix(".csv")
            try:
                connection.execute(_statement(STAR[name], parquet, bare))
            except duckdb.Error as error:
                raise EngineError(
                    f"{star_csv_key(name)} is not written.",
                    why=str(error),
                    remedy="make space in the folder for temporary files, or set SPOTIFY_ASSETS_MEMORY_LIMIT higher",
                ) from error
            with bare.open("rb") as rows, parquet.with_suffix(".marked.csv").open("w+b") as marked:
                marked.write(codecs.BOM_UTF8)
                shutil.copyfileobj(rows, marked)
                marked.seek(0)
                store.write(star_csv_key(name), marked)
            written.append(star_csv_key(name))
    return written


def _statement(table: Table, parquet: Path, csv: Path) -> str:
    texts = ", ".join(column.name for column in table.columns if column.type == "string")
    quoted = f", FORCE_QUOTE ({texts})" if texts else ""
    values = ", ".join(map(_value, table.columns))
    return f"COPY (SELECT {values} FROM '{parquet}') TO '{csv}' (FORMAT csv, HEADER, NEW_LINE '\r\n'{quoted})"


def _value(column: Column) -> str:
    if column.type != "string":
        return column.name
    starts = f"left({column.name}, 1) IN ({', '.join(_character(start) for start in FORMULA_STARTS)})"
    return f"CASE WHEN {starts} THEN '''' || {column.name} ELSE {column.name} END AS {column.name}"


def _character(character: str) -> str:
    return f"chr({ord(character)})"

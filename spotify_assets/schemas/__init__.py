"""One schema per table: `daily` has the daily tables, `analyses` what is made of them, `table` what a schema is."""

from spotify_assets.schemas.daily import (
    ALBUMS,
    ARTISTS,
    PARTITION_COLUMNS,
    RAW_RECORDS,
    REJECTS,
    SNAPSHOTS,
    SONG_ARTISTS,
    SONGS,
    TABLES,
    coverage_column,
)
from spotify_assets.schemas.table import Column, Table, arrow_schema, optional, required

__all__ = [
    "ALBUMS",
    "ARTISTS",
    "PARTITION_COLUMNS",
    "RAW_RECORDS",
    "REJECTS",
    "SNAPSHOTS",
    "SONGS",
    "SONG_ARTISTS",
    "TABLES",
    "Column",
    "Table",
    "arrow_schema",
    "coverage_column",
    "optional",
    "required",
]

"""The tables of the star schema made of what is released, one SQL file and one Parquet file each.

The SQL is DuckDB's. Whatever engine made the analyses, the star is made of their released files here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from spotify_assets.analytics.released_tables import ReleasedTables, open_released_tables
from spotify_assets.errors import SchemaViolation
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS
from spotify_assets.schemas.star import DIMENSIONS, KEY_LIMIT, STAR, UNKNOWN_KEY
from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore

_SURROGATE_KEY = f"""
CREATE TEMP MACRO surrogate_key(natural_key) AS coalesce(
    CAST(1 + md5_number_upper(natural_key) % {KEY_LIMIT - 1} AS BIGINT), {UNKNOWN_KEY}
)
"""
"""Of the natural key's digest alone, so that it is the same in every release and on every machine."""


@contextmanager
def make_star(settings: Settings, store: ObjectStore) -> Iterator[Mapping[str, Path]]:
    """The star schema of a lake's release: the Parquet file of each table, in a folder that goes at the end.

    Raises:
        EngineError: DuckDB has too little memory or space.
        SchemaViolation: two natural keys have one surrogate key.
        StorageError: nothing is released yet, or a file is damaged or cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder, open_released_tables(store, settings.memory_limit) as released:
        _prepare(released, settings)
        made = {name: Path(folder, f"{name}.parquet") for name in STAR}
        for name, path in made.items():
            released.run(f"COPY ({_rows(STAR[name])}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
        for dimension in DIMENSIONS.values():
            _refuse_collision(released, dimension, made[dimension.name])
        yield made


def _prepare(released: ReleasedTables, settings: Settings) -> None:
    """Make what the SQL files use besides the analyses."""
    released.run(_SURROGATE_KEY)
    released.run("CREATE TEMP TABLE playlist_titles (playlist VARCHAR, title VARCHAR)")
    for playlist in settings.playlists:
        released.run(f"INSERT INTO playlist_titles VALUES ({_text(playlist.slug)}, {_text(playlist.title)})")
    released.run(
        "CREATE TEMP TABLE days_of_playlists "
        "(playlist VARCHAR, snapshot_date DATE, source VARCHAR, failed_checks VARCHAR)"
    )
    for slug in sorted(released.playlists):
        released.show([CHART_DAYS.name], slug)
        released.run(
            f"INSERT INTO days_of_playlists SELECT {_text(slug)}, snapshot_date, source, failed_checks FROM chart_days"
        )
    released.show(list(ANALYSES))


def _rows(table: Table) -> str:
    """The query for the rows of a table, sorted by its key, with the columns and types of its schema."""
    columns = ", ".join(
        f"CAST({column.name} AS {TYPES[column.type].duckdb}) AS {column.name}" for column in table.columns
    )
    return f"SELECT {columns} FROM ({_sql(table.name)}) ORDER BY {', '.join(table.key)}"


@cache
def _sql(table: str) -> str:
    return (files("spotify_assets.bi") / "star" / f"{table}.sql").read_text(encoding="utf-8")


def _refuse_collision(released: ReleasedTables, dimension: Table, path: Path) -> None:
    (key,) = dimension.key
    natural_key = dimension.columns[1].name
    shared = released.answer(
        f"SELECT list({natural_key} ORDER BY {natural_key}) AS of_one_key FROM '{path}' "
        f"GROUP BY {key} HAVING count(*) > 1"
    ).to_pylist()
    if shared:
        raise SchemaViolation(
            f"The table {dimension.name} is not written.",
            why=f"{' and '.join(map(str, shared[0]['of_one_key']))} have one surrogate key",
            remedy="please report it with these keys: surrogate keys have to be made of more digits",
        )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

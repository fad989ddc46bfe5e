"""DuckDB as the platform uses it: a database in memory with Athena's arithmetic, and what its errors mean."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from spotify_assets.errors import EngineError
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import PUBLISH_AGAIN, refuse_damaged

MAX_THREADS = 4


@contextmanager
def open_connection(memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that reckons as Athena does, and spills to a temporary folder beyond `memory_limit`."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{memory_limit}'")
        # Every thread holds memory of its own: sixteen of them do not make ten years of a chart within 512 MB.
        connection.execute(f"SET threads = {min(MAX_THREADS, _threads(connection))}")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET TimeZone = 'UTC'")
        # Joins as the statements write them: estimates of a table of one playlist are poor, and plans by them slow.
        connection.execute("SET disabled_optimizers = 'join_order'")
        # Athena divides whole numbers to whole numbers.
        connection.execute("SET integer_division = true")
        yield connection


def refusal(what: str, error: Exception, store: ObjectStore, keys: Iterable[str], *, defect_of: str) -> EngineError:
    """The refusal for what DuckDB did not do with these files.

    Raises:
        StorageError: it is for one of them, which is damaged or not there.
    """
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(what, why=str(error), remedy="set SPOTIFY_ASSETS_MEMORY_LIMIT higher")
    refuse_damaged(store, keys, PUBLISH_AGAIN)
    if isinstance(error, duckdb.IOException):
        remedy = "see that the folder for temporary files has space, and try again"
    else:
        remedy = f"this is a defect of {defect_of}: correct it, or report it if it came with this package"
    return EngineError(what, why=str(error), remedy=remedy)


def _threads(connection: duckdb.DuckDBPyConnection) -> int:
    """How many threads DuckDB would use by itself."""
    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    return int(threads)

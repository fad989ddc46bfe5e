"""What is released, for those who read it in DuckDB: analyses, compacted history, and what songs are taken for."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import duckdb

from spotify_assets.analytics.compaction import recorded_years
from spotify_assets.analytics.duckdb_connection import open_connection, refusal
from spotify_assets.analytics.lake_files import LakeFiles, open_lake_files
from spotify_assets.analytics.releases import NO_RELEASE, Release, damaged_files, read_release
from spotify_assets.errors import Damaged, NotStored, StorageError
from spotify_assets.schemas.analyses import ANALYSES, CHART_EDITIONS, COMPACTED, IDENTITY
from spotify_assets.schemas.table import Table
from spotify_assets.storage.layout import ANALYTICS_PREFIX, RELEASE_KEY, Year, identity_key, year_key
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.parquet import PUBLISH_AGAIN, refuse_damaged

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

RELEASED: Mapping[str, Table] = {**COMPACTED, **IDENTITY, **ANALYSES}
"""Every table that may be asked for."""


class ReleasedTables:
    """The tables of a release as views of a DuckDB connection, all of them or what they have of one playlist.

    Args:
        files: the lake.
        release: the analyses.
        years: those of the compacted history.
        connection: a database in memory.
        digests: what the bytes of files have to be, by key. DuckDB does not compare what it reads with anything.
        of_one_run: whether history that is of another publish run is refused beside analyses. The steps of a run take
            what there is: the other run makes report and pack again after its release.
    """

    def __init__(
        self,
        files: LakeFiles,
        release: Release,
        years: Sequence[Year],
        connection: duckdb.DuckDBPyConnection,
        digests: Mapping[str, str],
        *,
        of_one_run: bool,
    ) -> None:
        self._files = files
        self._release = release
        self._years = years
        self._connection = connection
        self._digests = digests
        self._keys: Mapping[str, Sequence[str]] = {}
        self._intact: set[str] = set()
        # Of a release of an older version nothing is known.
        self._is_compared = not of_one_run or not release.history

    @property
    def playlists(self) -> set[str]:
        """Slugs of the playlists that were analysed, also of those whose days are all withdrawn."""
        return self._release.playlists

    def left_out(self, playlist: str) -> Mapping[str, str]:
        """The days of a playlist that are stored and wait until their tables are made again, and why."""
        return self._release.left_out.get(playlist, {})

    def with_editions(self) -> set[str]:
        """Slugs of the playlists that have an edition, so that there is something to show.

        Raises:
            EngineError, StorageError: see `answer`.
        """
        self.show([CHART_EDITIONS.name])
        return set(self.answer(f"SELECT DISTINCT playlist FROM {CHART_EDITIONS.name}")["playlist"].to_pylist())

    def show(self, names: Sequence[str], playlist: str | None = None) -> None:
        """Make views of these tables: with all their rows, or with those of a playlist.

        Raises:
            StorageError: a file is damaged, not there, or cannot be read; or history is asked for beside analyses, and
                is of another publish run.
        """
        self._keys = {name: self._keys_of(name, playlist) for name in names}
        self._refuse_damaged({key for keys in self._keys.values() for key in keys} - self._intact)
        if ANALYSES.keys() & names and {*COMPACTED, *IDENTITY} & set(names):
            self._refuse_another_run()
        with self._refusals():
            for name, keys in self._keys.items():
                rows = self._files.rows(RELEASED[name], keys)
                self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")

    def answer(self, sql: str) -> pa.Table:
        """The answer to a query in DuckDB's dialect over the views.

        Raises:
            EngineError: DuckDB refuses the query, or has too little memory or space for it.
            StorageError: a file is damaged or cannot be read.
        """
        with self._refusals():
            return self._connection.sql(sql).to_arrow_table()

    def run(self, statement: str) -> None:
        """Run a statement of DuckDB's that has no answer: a macro or a table that queries use, or a query into a file.

        Raises:
            EngineError: DuckDB refuses the statement, or has too little memory or space for it.
            StorageError: a file is damaged or cannot be read.
        """
        with self._refusals():
            self._connection.execute(statement)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, NotStored) as error:
            read = chain.from_iterable(self._keys.values())
            raise refusal("DuckDB did not answer.", error, self._files, read, defect_of="the query") from error

    def _refuse_damaged(self, keys: set[str]) -> None:
        """Compare files with their digests; those of which none is recorded have checksums of their own."""
        for key in sorted(damaged_files(self._files, {key: self._digests[key] for key in keys & self._digests.keys()})):
            raise Damaged(
                f"{self._files.uri(key)} is damaged or gone.",
                why="its bytes are not those that were written there",
                remedy=PUBLISH_AGAIN,
            )
        refuse_damaged(self._files, sorted(keys - self._digests.keys()), PUBLISH_AGAIN)
        self._intact |= keys

    def _refuse_another_run(self) -> None:
        """See that the history is that which the analyses are made of: it is written before their release."""
        if self._is_compared:
            return
        keys = [year_key(table, *year) for year in self._years for table in COMPACTED] + [*map(identity_key, IDENTITY)]
        found = {key: self._digests.get(key) or _digest(self._files, key) for key in keys}
        expected = self._release.history
        for key in sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key)):
            raise StorageError(
                f"{self._files.uri(key)} is of another publish run than the analyses.",
                why="that run has not ended, or was killed, or the file is damaged",
                remedy=f"wait until the run has ended; if there is none, {PUBLISH_AGAIN}",
            )
        self._is_compared = True

    def _keys_of(self, name: str, playlist: str | None) -> list[str]:
        if name in IDENTITY:
            return [identity_key(name)]
        if name in COMPACTED:
            return [year_key(name, *year) for year in self._years if playlist in (None, year.playlist)]
        parts = self._release.tables.get(name, {})
        return sorted(
            key for part, stored in parts.items() if playlist in (None, part.playlist) for key in stored.files
        )


def _digest(files: LakeFiles, key: str) -> str:
    data = read_if_present(files, key)
    return "" if data is None else hashlib.sha256(data).hexdigest()


@contextmanager
def open_released_tables(
    store: ObjectStore, memory_limit: str, *, of_one_run: bool = False
) -> Iterator[ReleasedTables]:
    """What is released in a lake; DuckDB takes `memory_limit` (like `2GB`) at most; `of_one_run`: see `ReleasedTables`.

    Raises:
        StorageError: nothing is released yet, or the lake cannot be read.
    """
    release = read_release(store)
    if release is NO_RELEASE:
        raise StorageError(
            f"There are no analyses in {store.uri(ANALYTICS_PREFIX)}.",
            why=f"there is no {RELEASE_KEY}: no publish run has ended well there yet, or somebody removed it",
            remedy="run publish_job in the UI or `make demo`, and see that SPOTIFY_ASSETS_LAKE is the right lake",
        )
    years = recorded_years(store)
    digests = release.digests() | {
        year_key(table, *year): digest for year, of_year in years.items() for table, digest in of_year.items()
    }
    with (
        open_lake_files(store) as files,
        open_tables(files, release, years, memory_limit, digests, of_one_run=of_one_run) as tables,
    ):
        yield tables


@contextmanager
def open_tables(
    files: LakeFiles,
    release: Release,
    years: Collection[Year],
    memory_limit: str,
    digests: Mapping[str, str],
    *,
    of_one_run: bool = False,
) -> Iterator[ReleasedTables]:
    """The tables of a release, which may be the one that is only prepared; for the others see `ReleasedTables`."""
    with open_connection(memory_limit) as connection:
        yield ReleasedTables(files, release, sorted(years), connection, digests, of_one_run=of_one_run)


def ask(store: ObjectStore, memory_limit: str, query: exp.Query) -> pa.Table:
    """The answer to a query over what is released.

    Raises:
        EngineError: DuckDB refuses the query, or has too little memory or space for it.
        StorageError: nothing is released yet, or a file is damaged or cannot be read.
    """
    from sqlglot import exp

    with open_released_tables(store, memory_limit, of_one_run=True) as released:
        released.show(sorted({table.name for table in query.find_all(exp.Table)} & RELEASED.keys()))
        return released.answer(query.sql("duckdb"))

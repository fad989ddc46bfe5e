"""Athena over the lake's Glue tables, by PyAthena.

Each statement is an UNLOAD into a folder of the run: a CREATE TABLE AS with a location is refused by workgroups that
enforce their own. What a run has made is read through Glue tables of its own, which go when the engine is closed. Facts
are from Athena's user guide (UNLOAD; Partitioning and bucketing limits; Workgroup settings) and its API reference.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyathena.connection import Connection
from pyathena.cursor import Cursor
from pyathena.error import Error

from spotify_assets.analytics.statements import Part, Statement
from spotify_assets.aws.answers import check_answers
from spotify_assets.aws.refusals import explained, explanation
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.catalog.glue_tables import drop_table, register_history, register_table, run_table
from spotify_assets.errors import EngineError, SchemaViolation
from spotify_assets.schemas.table import Table, arrow_schema
from spotify_assets.storage.layout import TEMPORARY_PREFIX, Year, run_prefix
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

T = TypeVar("T")

PARTITIONS_PER_UNLOAD = 100
POLL_SECONDS = 1.0
STAGING_FOLDER = f"{TEMPORARY_PREFIX}athena/"
"""Where the manifests of queries go if the workgroup does not say. No table is there."""
OF_PART = re.compile(r"of_playlist=(?P<playlist>[^/]+)/(of_year=(?P<year>\d+)/)?[^/]+")

REMEDIES: Mapping[str, str] = {
    "AccessDeniedException": (
        "athena:GetWorkGroup, athena:StartQueryExecution, athena:GetQueryExecution, "
        "athena:GetQueryResults and athena:StopQueryExecution on the workgroup"
    ),
    "InvalidRequestException": (
        "with a workgroup that is not found, create it or set ATHENA_WORKGROUP to one that exists in this region; "
        "anything else is a defect"
    ),
    "TooManyRequestsException": (
        "wait until other queries of the account have ended and run it again, or have the account's quota of active "
        "DML queries raised (Service Quotas)"
    ),
    "ThrottlingException": "wait a minute and run it again; other callers share the account's limit",
}
REASONS: Sequence[tuple[str, str]] = (
    (
        "Bytes scanned limit",
        "raise the limit on data per query of the workgroup, or set ATHENA_WORKGROUP to one with a higher limit",
    ),
    ("Query exhausted resources", "run it again at another time, or let DuckDB do it: unset SPOTIFY_ASSETS_ENGINE"),
    ("Query timeout", "have the account's DML query timeout raised (Service Quotas), or let DuckDB do it"),
    ("cancelled by user", "somebody stopped the query; run it again"),
    (
        "TABLE_NOT_FOUND",
        "register the compacted history: materialize chart_entries, chart_days and song_identity again",
    ),
    (
        "denied",
        "allow this role the action that the reason names: s3:GetObject, s3:PutObject, s3:ListBucket, "
        "s3:GetBucketLocation and the rest that docs/aws.md lists for the engine Athena, on the lake and on the place "
        "for results; glue:GetDatabase, glue:GetTable, glue:GetPartition, glue:GetPartitions and "
        "glue:BatchGetPartition on the database (and, where Lake Formation is in use, grant it the tables)",
    ),
    ("HIVE_BAD_DATA", "a file of the compacted history is not as registered: materialize its asset again"),
)
"""What to do about the reasons that Athena gives for the end of a query, by words in them."""

# PyAthena logs AWS's refusals with their text, which may quote the signed request. Each becomes an EngineError.
for _name in ("pyathena.common", "pyathena.result_set", "pyathena.util"):
    logging.getLogger(_name).addFilter(lambda _: False)


@dataclass
class Usage:
    """What a run asked of Athena.

    Attributes:
        queries: queries that were started.
        bytes_scanned: bytes that the successful ones read, which is what Athena charges for.
    """

    queries: int = 0
    bytes_scanned: int = 0


@contextmanager
def open_athena_engine(
    store: ObjectStore, years: Collection[Year], *, workgroup: str, database: str
) -> Iterator[AthenaEngine]:
    """An engine whose database has these years of the history, as they are now. Errors as for `open_athena`."""
    with open_athena(store, workgroup=workgroup, database=database) as engine, open_client() as glue:
        register_history(glue, database, store, years)
        yield engine


@contextmanager
def open_athena(store: ObjectStore, *, workgroup: str, database: str) -> Iterator[AthenaEngine]:
    """An engine from AWS's own variables.

    Args:
        store: the lake, in a bucket.
        workgroup: name of the workgroup.
        database: Glue database.

    Raises:
        CatalogError: Glue refuses.
        EngineError: there is no such workgroup, it cannot be used, or AWS's variables lead nowhere.
    """
    with ExitStack() as closing:
        with _explained("opening a connection"):
            connection = closing.enter_context(
                Connection(
                    work_group=workgroup,
                    schema_name=database,
                    s3_staging_dir="",
                    poll_interval=POLL_SECONDS,
                    kill_on_interrupt=True,
                    config=Config(retries={"mode": "standard", "max_attempts": 6}),
                )
            )
        check_answers(connection.client)
        glue = closing.enter_context(open_client())
        yield closing.enter_context(AthenaEngine(connection, glue, store))


class AthenaEngine:
    """See `Engine`. A context manager: at its end the run's own Glue tables are removed.

    Attributes:
        usage: what was asked of Athena so far.
    """

    def __init__(self, connection: Connection[Cursor], glue: GlueClient, store: ObjectStore) -> None:
        """Use a connection with a workgroup and, as its schema, the Glue database.

        Raises:
            EngineError: the workgroup cannot be used.
        """
        self.usage = Usage()
        self._connection = connection
        self._database = str(connection.schema_name)
        self._glue = glue
        self._store = store
        self._staging = _staging(connection, store.uri(STAGING_FOLDER))
        self._tables: dict[str, str] = {}
        self._closing = ExitStack()

    def __enter__(self) -> AthenaEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the run's own Glue tables."""
        self._closing.close()

    def write(self, statement: Statement, parts: Collection[Part], run: str) -> Mapping[Part, Mapping[str, str]]:
        """See `Engine`. Once per table and run."""
        folder = run_prefix(statement.table.name, run)
        self._check_unwritten(statement.table, folder)
        written: dict[Part, list[str]] = {}
        for number, batch in enumerate(_batches(parts)):
            target = f"{folder}{number}/"
            self.execute(self._unload(statement, batch, target), f"making {statement.table.name}")
            for key in self._store.list_keys(target):
                written.setdefault(_part_of(statement.table, key.removeprefix(target)), []).append(key)
        digests = self._checked_digests(statement.table, [key for keys in written.values() for key in keys])
        _check_parts(statement.table, written.keys() - set(parts))
        return {part: {key: digests[key] for key in keys} for part, keys in written.items()}

    def ready(self, table: Table, files: Mapping[Part, Sequence[str]], run: str) -> None:  # noqa: ARG002 - see Engine
        """See `Engine`. All that is in the run's folder is of the table.

        Raises:
            SchemaViolation: several rows have the same key.
        """
        name = run_table(run, table.name)
        location = self._store.uri(run_prefix(table.name, run))
        register_table(self._glue, self._database, name, table, location, parameters={"run": run})
        self._closing.callback(drop_table, self._glue, self._database, name)
        self._tables[table.name] = name
        self._check_key(table, name)

    def execute(self, query: str, doing: str) -> Sequence[Any]:
        """Run a query and give its rows.

        Raises:
            EngineError: Athena refuses it, or it fails.
        """
        self.usage.queries += 1
        cursor = self._connection.cursor(s3_staging_dir=self._staging)
        try:
            rows = cursor.execute(query).fetchall()
        except Error as error:
            raise _refusal(error, doing) from None
        except BaseException:
            # PyAthena cancels at a KeyboardInterrupt; Dagster's interrupt is of another class.
            if cursor.query_id:
                cursor.cancel()
            raise
        self.usage.bytes_scanned += cursor.data_scanned_in_bytes or 0
        return rows

    def _unload(self, statement: Statement, parts: Collection[Part], target: str) -> str:
        keys = {"of_playlist": "playlist", **({"of_year": statement.year_of_part} if statement.year_of_part else {})}
        years = {part.year for part in parts if part.year is not None}
        query = statement.query_for({part.playlist for part in parts}, years)
        query = query.select(*(f"{value} AS {key}" for key, value in keys.items()), dialect="athena")
        for table in query.find_all(_table_class()):
            if table.name in self._tables:
                table.replace(_named(self._tables[table.name], table.alias_or_name))
        partitions = ", ".join(f"'{key}'" for key in keys)
        return (
            f"UNLOAD ({query.sql('athena', comments=False)}) TO '{self._store.uri(target)}' "
            f"WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY[{partitions}])"
        )

    def _check_key(self, table: Table, name: str) -> None:
        key = ", ".join(table.key)
        groups = f"SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1"
        ((repeated,),) = self.execute(f"SELECT count(*) AS repeated FROM ({groups})", f"checking {table.name}")
        if repeated:
            raise _violation(table, f"several rows have the same {key}")

    def _check_unwritten(self, table: Table, folder: str) -> None:
        if any(re.match(r"\d+/", key.removeprefix(folder)) for key in self._store.list_keys(folder)):
            raise EngineError(
                f"{table.name} was written in this run before: {self._store.uri(folder)} has files of Athena.",
                why="what an interrupted query left there would become part of the table",
                remedy="start a new run; nothing of this one was released",
            )

    def _checked_digests(self, table: Table, keys: Sequence[str]) -> dict[str, str]:
        """The digests of files that keep what the schema promises, by their footers."""

        def digest_of(key: str) -> str:
            data = self._store.read(key)
            with pq.ParquetFile(pa.BufferReader(data)) as parquet:
                problems = _problems(table, parquet)
            if problems:
                raise _violation(table, f"{self._store.uri(key)}: {'; '.join(problems)}")
            return hashlib.sha256(data).hexdigest()

        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            return dict(zip(keys, pool.map(digest_of, keys), strict=True))


def _staging(connection: Connection[Cursor], fallback: str) -> str:
    """Where results go: nothing to be said where the workgroup says it.

    Raises:
        EngineError: the workgroup is not there, is disabled, or has no place for results and allows none to be named.
    """
    name = str(connection.work_group)
    client: Any = connection.client
    with _explained(f"reading the workgroup {name}"):
        workgroup = client.get_work_group(WorkGroup=name)["WorkGroup"]
    if workgroup.get("State") == "DISABLED":
        raise EngineError(
            f"The Athena workgroup {name} is disabled.",
            why="somebody switched it off",
            remedy="enable it, or set ATHENA_WORKGROUP to another one",
        )
    configuration = workgroup.get("Configuration", {})
    location = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    if location or configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled"):
        return ""
    if configuration.get("EnforceWorkGroupConfiguration"):
        raise EngineError(
            f"The Athena workgroup {name} says no place for the results of queries.",
            why="it enforces its own settings, so that no place can be named from here either",
            remedy="set its query result location, or set ATHENA_WORKGROUP to another one",
        )
    return fallback


def _batches(parts: Collection[Part]) -> Iterator[list[Part]]:
    """Parts for one statement each: as many as it may write, and the same years of every playlist."""
    years_of: dict[str, list[int | None]] = {}
    for part in sorted(parts):
        years_of.setdefault(part.playlist, []).append(part.year)
    playlists_of: dict[tuple[int | None, ...], list[str]] = {}
    for playlist, years in years_of.items():
        playlists_of.setdefault(tuple(years), []).append(playlist)
    for all_years, playlists in playlists_of.items():
        for years in _chunks(all_years, PARTITIONS_PER_UNLOAD):
            for chunk in _chunks(playlists, PARTITIONS_PER_UNLOAD // len(years)):
                yield [Part(playlist, year) for playlist in chunk for year in years]


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


def _table_class() -> Any:
    from sqlglot import exp

    return exp.Table


def _named(name: str, alias: str) -> Any:
    from sqlglot import exp

    return exp.to_table(name, dialect="athena", alias=alias)


def _part_of(table: Table, path: str) -> Part:
    match = OF_PART.fullmatch(path)
    if match is None:
        raise _violation(table, f"Athena wrote rows without a playlist or a year: {path}")
    return Part(match["playlist"], int(match["year"]) if match["year"] else None)


def _check_parts(table: Table, strangers: Collection[Part]) -> None:
    if strangers:
        raise _violation(table, f"it has rows of {', '.join(map(str, sorted(strangers)))}, which were not asked for")


def _problems(table: Table, file: pq.ParquetFile) -> list[str]:
    expected = arrow_schema(table)
    found = file.schema_arrow
    types = [(field.name, _plain(field.type)) for field in found]
    if types != [(field.name, field.type) for field in expected]:
        return [f"its columns are {_shown(types)}"]
    return [
        f"values are missing in {field.name}"
        for number, field in enumerate(expected)
        if not field.nullable and _null_count(file, number, field.name)
    ]


def _plain(type_: pa.DataType) -> pa.DataType:
    """The type without what is only a way of storing it."""
    if pa.types.is_dictionary(type_):
        return _plain(type_.value_type)
    return pa.string() if pa.types.is_large_string(type_) else type_


def _shown(types: Iterable[tuple[str, pa.DataType]]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in types)


def _null_count(file: pq.ParquetFile, number: int, name: str) -> int:
    """From the footer; of a file that does not say it there, from the column."""
    metadata = file.metadata
    statistics = [metadata.row_group(group).column(number).statistics for group in range(metadata.num_row_groups)]
    if all(one is not None and one.has_null_count for one in statistics):
        return sum(one.null_count for one in statistics)
    count: int = file.read(columns=[name])[name].null_count
    return count


def _violation(table: Table, why: str) -> SchemaViolation:
    return SchemaViolation(
        f"The table {table.name} is not released.",
        why=why,
        remedy=f"this is a defect of {table.name}.sql: please report it",
    )


def _explained(doing: str) -> Any:
    return explained("Athena", doing, refusal=EngineError, remedies=REMEDIES)


def _refusal(error: Error, doing: str) -> EngineError:
    """What to tell of an error of PyAthena: AWS's refusal of a call, or the reason why a query ended."""
    cause = error.__cause__
    if isinstance(cause, BotoCoreError | ClientError):
        return explanation(cause, "Athena", doing, refusal=EngineError, remedies=REMEDIES)
    reason = str(error)
    remedies = [remedy for words, remedy in REASONS if words.lower() in reason.lower()]
    return EngineError(
        f"Athena failed {doing}.",
        why=reason or "Athena gives no reason",
        remedy=remedies[0] if remedies else "see the query in the workgroup's history; in itself this is a defect",
    )

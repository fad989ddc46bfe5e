"""The Glue side of the catalog: lets the crawler do its work when there is some, and judges what it made of the lake.

The Glue client comes from outside, with its region, credentials and retries. What the lake holds is told by the caller:
nothing here reads S3. The catalog of a local lake is another module.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spotify_assets.errors import CatalogError, CatalogUnavailable
from spotify_assets.schemas import PARTITION_COLUMNS, TABLES, Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.aws import explained

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import CrawlerTypeDef, PartitionTypeDef, TableTypeDef

Partition = tuple[str, str]

# A crawler reads partition values from the path, where everything is text.
PARTITION_KEY_TYPE = "string"

# The largest page that GetPartitions gives; every page is a call.
PARTITIONS_PER_PAGE = 1000

REMEDIES: Mapping[str, str] = {
    "AccessDeniedException": (
        "allow this role glue:GetCrawler, glue:StartCrawler, glue:GetTables and glue:GetPartitions on the crawler and "
        "the database (and, where Lake Formation is in use, grant it the database)"
    ),
    "ThrottlingException": "wait a minute and launch publish_job; other callers share the account's limit",
}


@dataclass(frozen=True)
class CrawlReport:
    """What a refresh of the catalog did.

    Attributes:
        skipped: whether no crawl was needed.
        reason: why the crawler was started or not.
        tables_added: tables that Glue did not have before.
        partitions_added: how many partitions each table gained; tables that gained none are not listed.
        columns_changed: columns of tables that were there before, each as `table.column: what happened`.
        surplus_columns: `table.column` that Glue has and the schemas do not, as an older schema leaves them.
        waited_seconds: until the crawler was free for our crawl; long where somebody else's was running.
        crawl_seconds: how long our own crawl took.
    """

    skipped: bool
    reason: str
    tables_added: tuple[str, ...] = ()
    partitions_added: Mapping[str, int] = field(default_factory=dict)
    columns_changed: tuple[str, ...] = ()
    surplus_columns: tuple[str, ...] = ()
    waited_seconds: float = 0.0
    crawl_seconds: float = 0.0


@dataclass(frozen=True)
class _GlueTable:
    """A table as Glue has it. Names and types are in lower case, as Glue keeps them."""

    location: str
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    partitions: frozenset[Partition]


@dataclass(frozen=True)
class _Watch:
    """Looks at one crawler every `poll_seconds`, for no longer than `timeout_seconds` in all."""

    glue: GlueClient
    crawler: str
    timeout_seconds: float
    poll_seconds: float
    deadline: float
    sleep: Callable[[float], None]
    clock: Callable[[], float]

    def look(self) -> CrawlerTypeDef:
        with _explained(f"reading the crawler {self.crawler}", missing=_missing_crawler()):
            return self.glue.get_crawler(Name=self.crawler)["Crawler"]

    def pause(self) -> None:
        left = self.deadline - self.clock()
        if left <= 0:
            raise self._out_of_time(str(self.look().get("State")))
        self.sleep(min(self.poll_seconds, left))

    def until_ready(self, *, other_than: tuple[object, object] | None) -> CrawlerTypeDef:
        """Wait until the crawler is at rest after a crawl other than the one named (None: after any crawl)."""
        while True:
            seen = self.look()
            # The API shows the crawl before while one runs, and may do so for a moment after StartCrawler.
            if seen.get("State") == "READY" and _last_crawl_identity(seen) != other_than:
                return seen
            self.pause()

    def _out_of_time(self, state: str) -> CatalogError:
        return CatalogError(
            f"The Glue crawler {self.crawler} was not done within {self.timeout_seconds:g} seconds; it is {state}.",
            why="a crawl that reads a long history, or waits for Glue's capacity, takes longer; it goes on at AWS",
            remedy=(
                f"see `aws glue get-crawler --name {self.crawler}`; once it is READY launch publish_job, "
                "which does not crawl when everything is registered by then"
            ),
        )


@contextmanager
def open_client() -> Iterator[GlueClient]:
    """A Glue client from AWS's own variables, with more patience for throttling than boto3's default.

    Raises:
        CatalogError: AWS's variables name no region, or are contradictory.
    """
    import boto3
    from botocore.config import Config

    with _explained("opening a client", missing=_missing_crawler()):
        glue = boto3.client("glue", config=Config(retries={"mode": "standard", "max_attempts": 6}))
    try:
        yield glue
    finally:
        glue.close()


def check_crawler(glue: GlueClient, *, crawler: str, database: str, lake_uri: str) -> None:
    """See that a crawler is there and belongs to this database and this lake, without starting it.

    Raises:
        CatalogError: it is not, or does not.
    """
    with _explained(f"reading the crawler {crawler}", missing=_missing_crawler()):
        seen = glue.get_crawler(Name=crawler)["Crawler"]
    _check_crawler(seen, database, lake_uri, TABLES)


def refresh(
    glue: GlueClient,
    *,
    crawler: str,
    database: str,
    lake_uri: str,
    lake_partitions: Mapping[str, set[Partition]],
    timeout_seconds: float,
    poll_seconds: float,
    tables: Mapping[str, Table] = TABLES,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> CrawlReport:
    """Bring Glue's tables up to date with the lake by one crawl, or by none where nothing is new.

    Facts about Glue are from its API reference: GetTables, GetPartitions, GetCrawler, StartCrawler, LastCrawlInfo.

    Args:
        glue: a boto3 client; its configuration decides how throttled calls are repeated.
        crawler: name of the crawler.
        database: Glue database that the crawler fills.
        lake_uri: the lake, `s3://bucket[/prefix]`, without a trailing slash.
        lake_partitions: for each table the (playlist, snapshot_date) pairs that the lake holds. A table without any is
            not expected in Glue: a crawler makes no table of an empty folder.
        timeout_seconds: time for everything, waiting for somebody else's crawl included.
        poll_seconds: time between two looks at the crawler.
        tables: the schemas to compare with.
        sleep: how to wait.
        clock: seconds that only go up.

    Raises:
        CatalogError: the crawler or the database cannot be used, the crawl failed or took too long, or Glue's tables
            differ from the schemas or the lake after it.
    """
    before = _read_tables(glue, database, tables)
    news = _differences(before, lake_partitions, tables)
    if not news:
        return CrawlReport(
            skipped=True,
            reason=f"no partition and no schema is new: the database {database} has all that the lake holds",
            surplus_columns=_surplus_columns(before, tables),
        )
    started = clock()
    watch = _Watch(glue, crawler, timeout_seconds, poll_seconds, started + timeout_seconds, sleep, clock)
    _check_crawler(watch.look(), database, lake_uri, tables)
    _check_locations(before, database, lake_uri)
    previous = _start(watch)
    began = clock()
    _check_outcome(watch.until_ready(other_than=previous), crawler)
    ended = clock()
    after = _read_tables(glue, database, tables)
    _check_result(_differences(after, lake_partitions, tables), crawler, database)
    return CrawlReport(
        skipped=False,
        reason="; ".join(news),
        tables_added=tuple(name for name in after if name not in before),
        partitions_added=_partitions_added(before, after),
        columns_changed=_columns_changed(before, after),
        surplus_columns=_surplus_columns(after, tables),
        waited_seconds=began - started,
        crawl_seconds=ended - began,
    )


def _read_tables(glue: GlueClient, database: str, tables: Mapping[str, Table]) -> dict[str, _GlueTable]:
    with _explained(
        f"reading the tables of the database {database}",
        missing=f"create the database {database}, or set GLUE_DATABASE to the one that the crawler fills",
    ):
        described = {
            description["Name"]: description
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=database)
            for description in page["TableList"]
        }
        return {
            name: _glue_table(described[name], _read_partitions(glue, database, name))
            for name in tables
            if name in described
        }


def _read_partitions(glue: GlueClient, database: str, table: str) -> list[PartitionTypeDef]:
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName=database,
        TableName=table,
        ExcludeColumnSchema=True,
        PaginationConfig={"PageSize": PARTITIONS_PER_PAGE},
    )
    return [partition for page in pages for partition in page["Partitions"]]


def _glue_table(description: TableTypeDef, partitions: list[PartitionTypeDef]) -> _GlueTable:
    storage = description.get("StorageDescriptor", {})
    keys = {key["Name"].lower(): _plain(key.get("Type")) for key in description.get("PartitionKeys", [])}
    by_key = [dict(zip(keys, partition["Values"], strict=False)) for partition in partitions]
    playlist, snapshot_date = PARTITION_COLUMNS
    return _GlueTable(
        location=storage.get("Location", ""),
        columns={column["Name"].lower(): _plain(column.get("Type")) for column in storage.get("Columns", [])},
        partition_keys=keys,
        partitions=frozenset((values.get(playlist, ""), values.get(snapshot_date, "")) for values in by_key),
    )


def _plain(glue_type: str | None) -> str:
    return (glue_type or "").replace(" ", "").lower()


def _differences(
    found: Mapping[str, _GlueTable], lake_partitions: Mapping[str, set[Partition]], tables: Mapping[str, Table]
) -> list[str]:
    """What Glue lacks or has otherwise, of the tables that the lake holds."""
    differences = []
    for name, table in tables.items():
        expected = lake_partitions.get(name, set())
        if expected and name not in found:
            differences.append(f"{name}: expected a table, found none")
        elif expected:
            differences += _column_differences(table, found[name])
            differences += _partition_differences(name, expected - found[name].partitions)
    return differences


def _column_differences(table: Table, found: _GlueTable) -> list[str]:
    columns = [
        (column.name, TYPES[column.type].glue, found.columns.get(column.name.lower(), "no such column"))
        for column in table.columns
    ]
    keys = [
        (key, f"{PARTITION_KEY_TYPE} (partition key)", f"{found.partition_keys.get(key, 'no')} (partition key)")
        for key in PARTITION_COLUMNS
    ]
    return [
        f"{table.name}.{name}: expected {expected}, found {actual}"
        for name, expected, actual in columns + keys
        if expected != actual
    ]


def _partition_differences(table: str, missing: set[Partition]) -> list[str]:
    if not missing:
        return []
    playlist, snapshot_date = min(missing)
    first = f"playlist={playlist}/snapshot_date={snapshot_date}"
    others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return [f"{table}: expected the partition {first}, found none{others}"]


def _surplus_columns(found: Mapping[str, _GlueTable], tables: Mapping[str, Table]) -> tuple[str, ...]:
    return tuple(
        f"{name}.{column}"
        for name, table in found.items()
        for column in table.columns
        if column not in {expected.name.lower() for expected in tables[name].columns}
    )


def _partitions_added(before: Mapping[str, _GlueTable], after: Mapping[str, _GlueTable]) -> dict[str, int]:
    added = {
        name: len(table.partitions - before[name].partitions if name in before else table.partitions)
        for name, table in after.items()
    }
    return {name: count for name, count in added.items() if count}


def _columns_changed(before: Mapping[str, _GlueTable], after: Mapping[str, _GlueTable]) -> tuple[str, ...]:
    return tuple(
        change
        for name, table in after.items()
        if name in before
        for change in _changes(name, before[name].columns, table.columns)
    )


def _changes(table: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in (*after, *(name for name in before if name not in after)):
        if name not in before:
            yield f"{table}.{name}: added as {after[name]}"
        elif name not in after:
            yield f"{table}.{name}: removed"
        elif before[name] != after[name]:
            yield f"{table}.{name}: {before[name]} became {after[name]}"


def _check_crawler(seen: CrawlerTypeDef, database: str, lake_uri: str, tables: Mapping[str, Table]) -> None:
    name = seen.get("Name", "")
    if seen.get("DatabaseName") != database:
        raise CatalogError(
            f"The Glue crawler {name} fills the database {seen.get('DatabaseName')}, not {database}.",
            why="GLUE_CRAWLER and GLUE_DATABASE do not belong together",
            remedy="set both to names that belong together",
        )
    if seen.get("TablePrefix"):
        raise CatalogError(
            f"The Glue crawler {name} puts {seen['TablePrefix']} before the names of its tables.",
            why="the analyses read the tables by their own names",
            remedy="remove the crawler's table prefix",
        )
    expected = Counter(_table_location(lake_uri, table) for table in tables)
    targets = Counter(_as_folder(target.get("Path", "")) for target in seen.get("Targets", {}).get("S3Targets", []))
    wrong = [f"missing {path}" for path in sorted(expected - targets)]
    wrong += [f"surplus {path}" for path in sorted(targets - expected)]
    if wrong:
        raise CatalogError(
            f"The Glue crawler {name} has other S3 targets than the daily tables of {lake_uri}: {', '.join(wrong)}.",
            why="it has one target per daily table and never reads raw_playlist, landing or analytics",
            remedy="set its S3 targets so (README.md has the command), or correct SPOTIFY_ASSETS_LAKE",
        )


def _check_locations(found: Mapping[str, _GlueTable], database: str, lake_uri: str) -> None:
    """A crawl never moves a table: it would make a second one of another name."""
    moved = [
        f"{name} is at {table.location}"
        for name, table in found.items()
        if _as_folder(table.location) != _table_location(lake_uri, name)
    ]
    if moved:
        raise CatalogError(
            f"Tables of the Glue database {database} lie outside the lake {lake_uri}: {', '.join(moved)}.",
            why="the database was filled from another lake, or the lake has moved",
            remedy="set GLUE_DATABASE to a database of this lake, or delete these Glue tables (their files stay)",
        )


def _table_location(lake_uri: str, table: str) -> str:
    return f"{lake_uri}/{table}/"


def _as_folder(uri: str) -> str:
    return uri.rstrip("/") + "/"


def _start(watch: _Watch) -> tuple[object, object] | None:
    """Start a crawl of our own, after the one that may be running; the answer names the last crawl before ours.

    A crawl that runs already may have passed the folders that are new, so its outcome says nothing about them.
    """
    while True:
        previous = _last_crawl_identity(watch.look())
        with _explained(f"starting the crawler {watch.crawler}", missing=_missing_crawler()):
            try:
                watch.glue.start_crawler(Name=watch.crawler)
            except watch.glue.exceptions.CrawlerRunningException:
                pass
            else:
                return previous
        watch.pause()
        watch.until_ready(other_than=None)


def _last_crawl_identity(seen: CrawlerTypeDef) -> tuple[object, object] | None:
    last = seen.get("LastCrawl")
    return (last.get("StartTime"), last.get("MessagePrefix")) if last else None


def _check_outcome(seen: CrawlerTypeDef, crawler: str) -> None:
    outcome = seen["LastCrawl"]
    status = outcome.get("Status")
    if status != "SUCCEEDED":
        raise CatalogError(
            f"The crawl of the Glue crawler {crawler} ended as {status}.",
            why=outcome.get("ErrorMessage") or "Glue gives no message",
            remedy=(
                f"see the log group {outcome.get('LogGroup')}, stream {outcome.get('LogStream')}, in CloudWatch, mend "
                "the cause and launch publish_job"
            ),
        )


def _check_result(differences: list[str], crawler: str, database: str) -> None:
    if differences:
        raise CatalogError(
            f"After the crawl, {len(differences)} things in the Glue database {database} are not as they should be:\n- "
            + "\n- ".join(differences),
            why="the crawler infers its tables from the files, and keeps the type that a column had first",
            remedy=(
                "a missing column: rebuild a day, so that a file has it. Another type: rebuild the days whose files "
                "have it, delete the Glue table (its files stay) and launch publish_job. A missing table or "
                f"partition: see that the crawler {crawler} creates a single schema for each S3 path, adds new "
                "columns, crawls all folders and may read them"
            ),
        )


def _missing_crawler() -> str:
    return (
        "create the crawler (README.md has the command), or set GLUE_CRAWLER and the region to those of one that exists"
    )


def _explained(doing: str, *, missing: str) -> AbstractContextManager[None]:
    """Turn AWS's refusals into ours; `missing` is the remedy where the thing asked for does not exist."""
    remedies = {**REMEDIES, "EntityNotFoundException": missing}
    return explained("Glue", doing, refusal=CatalogUnavailable, remedies=remedies)

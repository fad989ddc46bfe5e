"""The Glue crawler of the daily tables: lets it do its work when there is some, and waits for its end.

The Glue client comes from outside, with its region, credentials and retries. What Glue then has is judged in
`glue_comparison`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spotify_assets.catalog.glue_comparison import (
    GlueTable,
    Partition,
    columns_changed,
    differences,
    explained_by_glue,
    partitions_added,
    read_tables,
    surplus_columns,
)
from spotify_assets.errors import CatalogError
from spotify_assets.schemas import TABLES, Table

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import CrawlerTypeDef


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
        with explained_by_glue(f"reading the crawler {self.crawler}", missing=_missing_crawler()):
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

    with explained_by_glue("opening a client", missing=_missing_crawler()):
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
    with explained_by_glue(f"reading the crawler {crawler}", missing=_missing_crawler()):
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
    before = read_tables(glue, database, tables)
    news = differences(before, lake_partitions, tables)
    if not news:
        return CrawlReport(
            skipped=True,
            reason=f"no partition and no schema is new: the database {database} has all that the lake holds",
            surplus_columns=surplus_columns(before, tables),
        )
    started = clock()
    watch = _Watch(glue, crawler, timeout_seconds, poll_seconds, started + timeout_seconds, sleep, clock)
    _check_crawler(watch.look(), database, lake_uri, tables)
    _check_locations(before, database, lake_uri)
    previous = _start(watch)
    began = clock()
    _check_outcome(watch.until_ready(other_than=previous), crawler)
    ended = clock()
    after = read_tables(glue, database, tables)
    _check_result(differences(after, lake_partitions, tables), crawler, database)
    return CrawlReport(
        skipped=False,
        reason="; ".join(news),
        tables_added=tuple(name for name in after if name not in before),
        partitions_added=partitions_added(before, after),
        columns_changed=columns_changed(before, after),
        surplus_columns=surplus_columns(after, tables),
        waited_seconds=began - started,
        crawl_seconds=ended - began,
    )


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
            remedy="set its S3 targets as deploy/aws/lake.yaml does, or correct SPOTIFY_ASSETS_LAKE",
        )


def _check_locations(found: Mapping[str, GlueTable], database: str, lake_uri: str) -> None:
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
        with explained_by_glue(f"starting the crawler {watch.crawler}", missing=_missing_crawler()):
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
        "create the crawler (deploy/aws/lake.yaml makes it), or set GLUE_CRAWLER and the region to those of another one"
    )

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
from datetime import timedelta
from typing import TYPE_CHECKING

from spotify_assets.catalog.crawler_settings import check_settings
from spotify_assets.catalog.glue_comparison import (
    Gaps,
    GlueTable,
    Partition,
    columns_changed,
    explained_by_glue,
    find_conflicts,
    find_gaps,
    partitions_added,
    read_tables,
    surplus_columns,
)
from spotify_assets.catalog.glue_registration import register
from spotify_assets.errors import CatalogError, CatalogUnavailable
from spotify_assets.schemas import TABLES, Table

NO_GAPS = Gaps((), {}, {})
SAME_CRAWL = timedelta(minutes=1)
"""What GetCrawler and ListCrawls may differ by in when a crawl started."""

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
        registered: what the crawler did not make, or was not asked for, and was registered directly.
        dpu_hours: what Glue charges the crawl for; None where it does not give that.
        waited_seconds: until the crawler was free for our crawl; long where somebody else's was running.
        crawl_seconds: how long our own crawl took.
    """

    skipped: bool
    reason: str
    tables_added: tuple[str, ...] = ()
    partitions_added: Mapping[str, int] = field(default_factory=dict)
    columns_changed: tuple[str, ...] = ()
    surplus_columns: tuple[str, ...] = ()
    registered: Gaps = NO_GAPS
    dpu_hours: float | None = None
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

    from spotify_assets.aws.answers import check_answers

    with explained_by_glue("opening a client", missing=_missing_crawler()):
        glue = boto3.client("glue", config=Config(retries={"mode": "standard", "max_attempts": 6}))
    check_answers(glue)
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
    on_schema_change: bool = False,
    tables: Mapping[str, Table] = TABLES,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> CrawlReport:
    """Bring Glue's tables up to date with the lake by one crawl, or by none where nothing is new.

    What the crawl leaves out is registered directly: what a crawler makes of empty files is documented nowhere.

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
        on_schema_change: crawl only where a table or a column is new, and register new partitions of known tables
            without it.
        tables: the schemas to compare with.
        sleep: how to wait.
        clock: seconds that only go up.

    Raises:
        CatalogError: the crawler or the database cannot be used, the crawl failed or took too long, or Glue's tables
            differ from the schemas or the lake after it.
    """
    before = read_tables(glue, database, tables)
    news = find_gaps(before, lake_partitions, tables)
    _check_locations(before, database, lake_uri)
    _check_types(find_conflicts(before, lake_partitions, tables), database)
    if not news:
        return CrawlReport(
            skipped=True,
            reason=f"no partition and no schema is new: the database {database} has all that the lake holds",
            surplus_columns=surplus_columns(before, tables),
        )
    crawl = _Crawl()
    after = before
    if news.in_schema or not on_schema_change:
        watch = _Watch(glue, crawler, timeout_seconds, poll_seconds, clock() + timeout_seconds, sleep, clock)
        _check_crawler(watch.look(), database, lake_uri, tables)
        crawl = _crawl(watch)
        after = read_tables(glue, database, tables)
        _check_locations(after, database, lake_uri)
        _check_types(find_conflicts(after, lake_partitions, tables), database)
    left_out = find_gaps(after, lake_partitions, tables)
    if left_out:
        register(glue, database, lake_uri, left_out, tables)
        after = read_tables(glue, database, tables)
    return CrawlReport(
        skipped=not crawl.done,
        reason="; ".join(news.in_words()),
        tables_added=tuple(name for name in after if name not in before),
        partitions_added=partitions_added(before, after),
        columns_changed=columns_changed(before, after),
        surplus_columns=surplus_columns(after, tables),
        registered=left_out,
        dpu_hours=crawl.dpu_hours,
        waited_seconds=crawl.waited_seconds,
        crawl_seconds=crawl.seconds,
    )


@dataclass(frozen=True)
class _Crawl:
    """What a crawl took; by default there was none."""

    done: bool = False
    waited_seconds: float = 0.0
    seconds: float = 0.0
    dpu_hours: float | None = None


def _crawl(watch: _Watch) -> _Crawl:
    asked = watch.clock()
    previous = _start(watch)
    began = watch.clock()
    seen = watch.until_ready(other_than=previous)
    _check_outcome(seen, watch.crawler)
    ended = watch.clock()
    return _Crawl(done=True, waited_seconds=began - asked, seconds=ended - began, dpu_hours=_dpu_hours(watch, seen))


def _dpu_hours(watch: _Watch, seen: CrawlerTypeDef) -> float | None:
    """What the crawl that has just ended is charged for; None where Glue does not give it, or not to this role."""
    try:
        with explained_by_glue(f"listing the crawls of {watch.crawler}", missing=_missing_crawler()):
            crawls = watch.glue.list_crawls(CrawlerName=watch.crawler)["Crawls"]
    except CatalogUnavailable:
        return None
    # In which order they come is documented nowhere, and this is one page: an older one is not taken for it.
    newest = max(crawls, key=lambda crawl: crawl["StartTime"], default=None)
    if newest is None or newest["StartTime"] < seen["LastCrawl"]["StartTime"] - SAME_CRAWL:
        return None
    return newest.get("DPUHour")


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
    check_settings(seen, lake_uri)


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


def _check_types(conflicts: list[str], database: str) -> None:
    """No crawl mends what is in conflict, and each costs."""
    if conflicts:
        raise CatalogError(
            f"{len(conflicts)} things in the Glue database {database} are not as they should be:\n- "
            + "\n- ".join(conflicts),
            why="the crawler infers its tables from the files, and keeps the type that a column had first",
            remedy=(
                "rebuild the days whose files have another type, delete the Glue table (its files stay) and launch "
                "publish_job"
            ),
        )


def _missing_crawler() -> str:
    return (
        "create the crawler (deploy/aws/lake.yaml makes it), or set GLUE_CRAWLER and the region to those of another one"
    )

"""`doctor --round-trip`: what no document says of Glue and Athena, asked of the user's own account by a tiny lake.

Facts about Glue are from its API reference: CreateCrawler, StartCrawler, GetCrawler, LastCrawlInfo, GetTables.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding
from spotify_assets.cli.doctor.of_lake import probe_folder
from spotify_assets.errors import CatalogError, Refusal, SettingsError
from spotify_assets.resources import build_lake
from spotify_assets.schemas import TABLES
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableTypeDef

    from spotify_assets.analytics.athena_engine import AthenaEngine

COSTS = (
    "This writes a few small files, a Glue database and a crawler, starts one crawl and asks three queries of Athena, "
    "and removes all of it again. AWS charges about $0.15 for it: ten minutes of the crawler are the least that is "
    "billed (2 DPU at $0.44 an hour). It takes some minutes."
)
WITH_ROWS, WITHOUT_ROWS = "songs", "rejects"
DAYS = (date(2026, 1, 1), date(2026, 1, 2))
PATIENCE = 1200.0
"""Seconds for the crawl."""
POLL_SECONDS = 10.0
FOLDERS_ABOVE = 1
"""The probe lake lies that much deeper than the lake."""
KEPT = ("SchemaChangePolicy", "RecrawlPolicy", "LakeFormationConfiguration")
"""What the probe's crawler has as the user's own crawler has it."""

Row = dict[str, Any]


def check_possible(settings: Settings) -> None:
    """See that there is something to be asked.

    Raises:
        SettingsError: the catalog is not Glue.
    """
    if not settings.glue_crawler:
        raise SettingsError(
            "There is no round trip without GLUE_CRAWLER.",
            why="it settles questions about Glue and Athena",
            remedy="set GLUE_CRAWLER, with a lake on S3 (docs/aws.md), or leave --round-trip out",
        )


def round_trip(
    settings: Settings, *, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> Iterator[Finding]:
    """Make the probe lake, let it be crawled and queried, and report; everything is removed again.

    Args:
        settings: with a Glue crawler, whose role and configuration the probe's crawler gets.
        sleep: how to wait.
        clock: seconds that only go up.
    """
    from spotify_assets.catalog.glue_crawl import open_client

    # Not in .tmp/: a crawler may pass over what begins with a dot.
    folder = probe_folder(below="")
    name = f"spotify_assets_{folder.rpartition('/')[2].replace('-', '_')}"
    with (
        build_lake(f"{settings.lake}/{folder}").process_config_and_initialize_cm() as lake,
        open_client() as glue,
    ):
        store = lake.store()
        try:
            yield from _made_and_asked(settings, store, glue, name, sleep, clock)
        except Refusal as refusal:
            yield Finding("round trip", BAD, str(refusal))
        finally:
            left = _removed(store, glue, name, sleep)
        yield Finding("removal", BAD if left else OK, "\n".join(left) or "nothing is left of the probe")


def _made_and_asked(
    settings: Settings,
    store: ObjectStore,
    glue: GlueClient,
    name: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Iterator[Finding]:
    from spotify_assets.analytics.athena_engine import open_athena

    rows = _write_probe(store)
    with _explained("making and running the probe's crawler"):
        _make_crawler(glue, settings, store, name)
        seconds = _crawl(glue, name, sleep, clock)
        found = {
            table["Name"]: table
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=name)
            for table in page["TableList"]
        }
    yield _crawled(seconds, sorted(found))
    yield _judged(WITH_ROWS, found, store, "a table of files with rows")
    yield _judged(WITHOUT_ROWS, found, store, "a table of files without row groups")
    with open_athena(store, workgroup=settings.athena_workgroup, database=name) as engine:
        if WITH_ROWS in found:
            yield from _asked(engine, store, rows)
        if WITHOUT_ROWS in found:
            ((count,),) = engine.execute(f"SELECT count(*) AS entries FROM {WITHOUT_ROWS}", "counting no rows")  # noqa: S608
            yield _compared("files without row groups", count, 0, "Athena reads them as no rows")


def _write_probe(store: ObjectStore) -> list[Row]:
    """Days of the synthetic chart, and empty files as of days without a reject; the rows of the former."""
    from spotify_assets.settings.environment import DEMO_PLAYLISTS_FILE
    from spotify_assets.settings.playlists import read_playlists
    from spotify_assets.sources.demo.demo_source import DemoSource
    from spotify_assets.storage.parquet import conform, write_partitions
    from spotify_assets.transforms.daily_tables import daily_tables

    _, (playlist, *_) = read_playlists(DEMO_PLAYLISTS_FILE)
    snapshots = [DemoSource().fetch(playlist, day, None, may_retry=False) for day in DAYS]
    frames = daily_tables(snapshots, playlist.cadence)
    write_partitions(store, TABLES[WITH_ROWS], playlist.slug, DAYS, frames[WITH_ROWS])
    write_partitions(store, TABLES[WITHOUT_ROWS], playlist.slug, DAYS, frames[WITHOUT_ROWS].iloc[:0])
    days = conform(TABLES[WITH_ROWS], DAYS, frames[WITH_ROWS])
    return [{**row, "snapshot_date": str(day)} for day, table in days.items() for row in table.to_pylist()]


def _make_crawler(glue: GlueClient, settings: Settings, store: ObjectStore, name: str) -> None:
    """A database and a crawler of the probe, as the user's own crawler is."""
    own: Any = glue.get_crawler(Name=str(settings.glue_crawler))["Crawler"]
    glue.create_database(DatabaseInput={"Name": name})
    kept = {
        key: own[key] for key in ("SchemaChangePolicy", "RecrawlPolicy", "LakeFormationConfiguration") if key in own
    }
    configuration = json.loads(own.get("Configuration") or "{}")
    grouping = configuration.get("Grouping", {})
    if "TableLevelConfiguration" in grouping:
        grouping["TableLevelConfiguration"] += FOLDERS_ABOVE
    if configuration:
        kept["Configuration"] = json.dumps(configuration)
    glue.create_crawler(
        Name=name,
        Role=own["Role"],
        DatabaseName=name,
        Targets={"S3Targets": [{"Path": store.uri(f"{table}/")} for table in (WITH_ROWS, WITHOUT_ROWS)]},
        **kept,
    )


def _crawl(glue: GlueClient, name: str, sleep: Callable[[float], None], clock: Callable[[], float]) -> float:
    """Seconds that the crawl took."""
    began = clock()
    glue.start_crawler(Name=name)
    while clock() - began < PATIENCE:
        seen = glue.get_crawler(Name=name)["Crawler"]
        last = seen.get("LastCrawl")
        if seen.get("State") == "READY" and last:
            if last.get("Status") == "SUCCEEDED":
                return clock() - began
            raise CatalogError(
                f"The probe's crawl ended as {last.get('Status')}.",
                why=last.get("ErrorMessage") or "Glue gives no message",
                remedy="see that the crawler's role may read all of the lake, and try again",
            )
        sleep(POLL_SECONDS)
    raise CatalogError(
        f"The probe's crawl was not done within {PATIENCE:g} seconds.",
        why="Glue may be short of capacity",
        remedy="try again later",
    )


def _crawled(seconds: float, tables: list[str]) -> Finding:
    if tables:
        return Finding("crawl", OK, f"took {seconds:.0f} s and made the tables {', '.join(tables)}")
    text = "the crawler made no table at all: it may not read the probe's folder; so the questions are still open"
    return Finding("crawl", NOTE, text)


def _judged(name: str, found: dict[str, TableTypeDef], store: ObjectStore, what: str) -> Finding:
    """What the crawler made of a folder."""
    subject = f"{what} ({name})"
    if name not in found:
        text = "the crawler made none of this name; the catalog step registers what a crawl does not make"
        return Finding(subject, NOTE, text)
    storage = found[name].get("StorageDescriptor", {})
    root, keys = storage.get("Location", ""), [key["Name"] for key in found[name].get("PartitionKeys", [])]
    properties = json.dumps(found[name].get("Parameters", {}), sort_keys=True)
    text = f"its root is {root}, its partition keys are {', '.join(keys) or '(none)'}, its properties {properties}"
    as_expected = root.rstrip("/") == store.uri(name) and keys == ["playlist", "snapshot_date"]
    return Finding(subject, OK if as_expected else NOTE, text)


def _asked(engine: AthenaEngine, store: ObjectStore, rows: list[Row]) -> Iterator[Finding]:
    """A query and an UNLOAD over the table with rows, beside what was written."""
    query = f"SELECT snapshot_date, position, song_name FROM {WITH_ROWS} ORDER BY snapshot_date, position"  # noqa: S608
    answered = [tuple(row) for row in engine.execute(query, "a query")]
    yield _compared(
        "query",
        answered,
        [(row["snapshot_date"], row["position"], row["song_name"]) for row in rows],
        f"all {len(rows)} rows are as they were written",
    )
    columns = ", ".join(TABLES[WITH_ROWS].column_names)
    engine.execute(
        f"UNLOAD (SELECT {columns}, snapshot_date, playlist AS of_playlist FROM {WITH_ROWS}) "  # noqa: S608
        f"TO '{store.uri('unloaded/')}' "
        "WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['of_playlist'])",
        "an UNLOAD",
    )
    text = f"all {len(rows)} rows came back, every column the same"
    yield _compared("UNLOAD", _unloaded(store), rows, text)


def _unloaded(store: ObjectStore) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from spotify_assets.schemas import arrow_schema

    schema = arrow_schema(TABLES[WITH_ROWS]).append(pa.field("snapshot_date", pa.string()))
    files = [pq.ParquetFile(io.BytesIO(store.read(key))).read() for key in store.list_keys("unloaded/")]
    rows = [row for file in files for row in file.cast(schema).to_pylist()]
    return sorted(rows, key=lambda row: (row["snapshot_date"], row["position"]))


def _compared(subject: str, answered: Any, written: Any, well: str) -> Finding:
    if answered == written:
        return Finding(subject, OK, well)
    pairs = list(zip(answered, written, strict=False)) if isinstance(answered, list) else [(answered, written)]
    first = next((f"{one} instead of {other}" for one, other in pairs if one != other), "another number of rows")
    return Finding(subject, BAD, f"Athena answers otherwise than the files say; first: {first}. Please report it")


def _removed(store: ObjectStore, glue: GlueClient, name: str, sleep: Callable[[float], None]) -> list[str]:
    """Remove everything; what could not be removed."""

    def objects() -> None:
        for key in store.list_keys(""):
            store.delete(key)

    def crawler() -> None:
        for _ in range(round(PATIENCE / POLL_SECONDS)):
            if glue.get_crawler(Name=name)["Crawler"].get("State") == "READY":
                break
            with suppress(glue.exceptions.CrawlerNotRunningException, glue.exceptions.CrawlerStoppingException):
                glue.stop_crawler(Name=name)
            sleep(POLL_SECONDS)
        glue.delete_crawler(Name=name)

    removals: dict[str, Callable[[], object]] = {
        f"the objects below {store.uri('')}": objects,
        f"the crawler {name}": crawler,
        f"the Glue database {name}": lambda: glue.delete_database(Name=name),
    }
    left = []
    for what, remove in removals.items():
        try:
            with _explained(f"removing {what}"), suppress(glue.exceptions.EntityNotFoundException):
                remove()
        except Refusal as refusal:
            left.append(f"Remove by hand: {what}. {refusal}")
    return left


def _explained(doing: str) -> AbstractContextManager[None]:
    from spotify_assets.catalog.glue_comparison import explained_by_glue

    return explained_by_glue(doing, missing="see that GLUE_CRAWLER names a crawler of this region (docs/aws.md)")

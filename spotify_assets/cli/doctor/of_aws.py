"""Looks at Glue and Athena: the crawler against what it should be, the workgroup, a query where Athena is needed."""

from __future__ import annotations

from collections.abc import Iterator

from spotify_assets.cli.doctor.findings import BAD, NOTE, Finding, Status, look
from spotify_assets.cli.doctor.of_lake import probe_folder
from spotify_assets.resources import build_lake
from spotify_assets.settings import Settings


def look_at_crawler(settings: Settings) -> Finding:
    """The crawler of GLUE_CRAWLER."""
    return look(f"crawler {settings.glue_crawler}", lambda: _probe_crawler(settings))


def look_at_athena(settings: Settings) -> Iterator[Finding]:
    """The workgroup, which people need; with the engine Athena, the daily job too."""
    needed: Status = BAD if settings.engine == "athena" else NOTE
    yield look(f"workgroup {settings.athena_workgroup}", lambda: _probe_workgroup(settings), refused=needed)


def _probe_crawler(settings: Settings) -> str:
    from spotify_assets.catalog.glue_crawl import check_crawler, open_client

    with open_client() as glue:
        check_crawler(glue, crawler=str(settings.glue_crawler), database=settings.glue_database, lake_uri=settings.lake)
    return f"fills database {settings.glue_database} from the lake's tables"


def _probe_workgroup(settings: Settings) -> str:
    from spotify_assets.analytics.athena_engine import open_athena

    # A lake of its own, so that the results of the query can be removed where they come into the lake.
    with build_lake(f"{settings.lake}/{probe_folder()}").process_config_and_initialize_cm() as lake:
        store = lake.store()
        with open_athena(store, workgroup=settings.athena_workgroup, database=settings.glue_database) as engine:
            if settings.engine != "athena":
                return "is enabled, and results of queries have a place"
            try:
                engine.execute("SELECT 1 AS one", "a query that reads nothing")
            finally:
                for key in store.list_keys(""):
                    store.delete(key)
    return "is enabled, and answers a query"

"""The asset of the chart report, the last one of a publish run: what is released, as pages for people."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from typing import Any

import dagster as dg

from spotify_assets.assets.common import OWNERS, without_useless_retries
from spotify_assets.publication import PUBLISHED_UP_TO, RELEASE_KEY, REPORT_KEY, published_up_to
from spotify_assets.settings import Settings
from spotify_assets.storage.lake import Lake


def build_report(settings: Settings) -> dg.AssetsDefinition:
    """The asset that makes the pages of all playlists anew."""

    @dg.asset(
        key=REPORT_KEY,
        deps=[RELEASE_KEY],
        group_name="release",
        description=(
            "What does the chart look like? A page per playlist shows today's chart, every song's run, who rules, how "
            "the chart moves and what is not known. Each page is one file that needs no other."
        ),
        kinds={"html"},
        owners=OWNERS,
        tags={"layer": "release"},
    )
    @without_useless_retries
    def report(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[Any]:
        from spotify_assets.report.chart_report import write_report

        seen = published_up_to(context.instance)
        store = lake.store()
        index, *pages = write_report(settings, store)
        return dg.MaterializeResult(
            metadata={PUBLISHED_UP_TO: seen, "pages": len(pages), "address": dg.MetadataValue.path(store.uri(index))}
        )

    return report

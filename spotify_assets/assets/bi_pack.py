"""The asset of the pack for people's tools, after the release: the star schema, and the projects that open on it."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from typing import Any

import dagster as dg

from spotify_assets.assets.common import OWNERS, without_useless_retries
from spotify_assets.publication import BI_PACK_KEY, PUBLISHED_UP_TO, RELEASE_KEY, published_up_to
from spotify_assets.settings import Settings
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.layout import BI_PREFIX


def build_bi_pack(settings: Settings) -> dg.AssetsDefinition:
    """The asset that brings the star schema up to date."""

    @dg.asset(
        key=BI_PACK_KEY,
        deps=[RELEASE_KEY],
        group_name="release",
        description=(
            "What people's own tools open: the star schema of what is released as Parquet, a Power BI Project and a "
            "Tableau workbook on it. `spotify-assets bi` writes CSV files and the Tableau extract besides."
        ),
        kinds={"parquet", "powerbi", "tableau"},
        owners=OWNERS,
        tags={"layer": "release"},
    )
    @without_useless_retries
    def bi_pack(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[Any]:
        from spotify_assets.bi.pack import update_pack

        seen = published_up_to(context.instance)
        store = lake.store()
        sizes = update_pack(settings, store)
        return dg.MaterializeResult(
            metadata={
                PUBLISHED_UP_TO: seen,
                "folder": dg.MetadataValue.path(store.uri(BI_PREFIX)),
                "bytes": sum(sizes.values()),
            }
        )

    return bi_pack

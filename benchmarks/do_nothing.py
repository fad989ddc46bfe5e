"""The same assets, partitions and checks as the platform's, doing nothing: what Dagster itself costs."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from collections.abc import Iterator
from typing import Any

import dagster as dg

from spotify_assets import schemas
from spotify_assets.assets.common import BACKFILL_POLICY
from spotify_assets.checks import check_specs
from spotify_assets.jobs import DAILY_PLAYLIST_JOB
from spotify_assets.partitions import daily_partitions
from spotify_assets.settings import Settings


class NoStorage(dg.IOManager):
    """Stores nothing and gives nothing."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Forget the output."""

    def load_input(self, context: dg.InputContext) -> None:
        """Give nothing."""


def build_nothing(settings: Settings, *, in_one_step: bool) -> dg.Definitions:
    """Definitions of the first playlist: its tables made in one step, as the platform does, or in a step each."""
    partitions = daily_partitions(settings.start)
    slug = settings.playlists[0].slug

    @dg.asset(key=[slug, "raw_playlist"], partitions_def=partitions, backfill_policy=BACKFILL_POLICY)
    def raw_playlist() -> None:
        return None

    @dg.multi_asset(
        outs={name: dg.AssetOut(key=[slug, name], is_required=False) for name in schemas.TABLES},
        ins={"raw_playlist": dg.AssetIn(key=[slug, "raw_playlist"])},
        check_specs=check_specs(slug),
        partitions_def=partitions,
        backfill_policy=BACKFILL_POLICY,
        can_subset=True,
    )
    def tables(context: dg.AssetExecutionContext, raw_playlist: Any) -> Iterator[Any]:  # noqa: ARG001
        for name in schemas.TABLES:
            yield dg.Output(None, output_name=name)
        for key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(passed=True, asset_key=key.asset_key, check_name=key.name)

    def table_alone(name: str) -> dg.AssetsDefinition:
        @dg.asset(
            key=[slug, name],
            ins={"raw_playlist": dg.AssetIn(key=[slug, "raw_playlist"])},
            partitions_def=partitions,
            backfill_policy=BACKFILL_POLICY,
        )
        def table(raw_playlist: Any) -> None:  # noqa: ARG001
            return None

        return table

    assets = [tables] if in_one_step else [table_alone(name) for name in schemas.TABLES]
    return dg.Definitions(
        assets=[raw_playlist, *assets],
        jobs=[dg.define_asset_job(DAILY_PLAYLIST_JOB)],
        resources={"io_manager": NoStorage()},
        executor=dg.in_process_executor,
    )

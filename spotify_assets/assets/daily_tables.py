"""The daily tables of a playlist: one step reads the raw snapshots once and makes all tables from them.

One step for six tables, because its costs are Dagster's own (a step each) and because checks across the tables can then
be made on what is in hand. Any subset of the tables can be materialized. A day whose snapshot is withdrawn gets empty
partitions, so that it leaves `snapshots`, and metadata that says why.

When somebody else stored or withdrew one of these days while the step was writing, it does its work again: runs at the
same time end as one after the other.
"""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets import checks, schemas
from spotify_assets.assets.common import (
    BACKFILL_POLICY,
    OWNERS,
    column_schema,
    freshness,
    playlist_tags,
    withdrawal_metadata,
)
from spotify_assets.assets.descriptions import described
from spotify_assets.errors import StorageError
from spotify_assets.report.markdown import markdown_table
from spotify_assets.settings import PlaylistSettings
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.layout import partition_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.raw_layer import RawLayer, fetched_at
from spotify_assets.storage.withdrawals import Marker

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_ROWS = 5
REPETITIONS = 5
"""How often a step does its work again because others stored something meanwhile, before it gives up."""


def build_daily_tables(playlist: PlaylistSettings, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets `[slug, "songs"]`, `[slug, "albums"]` and so on, one per table of `schemas`."""

    @dg.multi_asset(
        name=f"{playlist.slug}__daily_tables",
        outs={
            table.name: dg.AssetOut(
                key=[playlist.slug, table.name],
                group_name=playlist.slug,
                description=described(table, f"Playlist: {playlist.title}."),
                io_manager_key="parquet_io_manager",
                is_required=False,
                kinds={"pandas", "parquet"},
                owners=OWNERS,
                tags=playlist_tags(playlist, layer="table"),
                metadata={
                    "dagster/column_schema": column_schema(table, key_within="a day"),
                    "dagster/table_name": table.name,
                },
                freshness_policy=freshness(playlist),
            )
            for table in schemas.TABLES.values()
        },
        ins={"raw_playlist": dg.AssetIn(key=[playlist.slug, "raw_playlist"])},
        check_specs=checks.check_specs(playlist.slug),
        partitions_def=partitions,
        backfill_policy=BACKFILL_POLICY,
        can_subset=True,
        required_resource_keys={"lake"},
    )
    def daily_tables(context: dg.AssetExecutionContext, raw_playlist: list[Any]) -> Iterator[Any]:
        from spotify_assets.storage.outdated import refuse_lost
        from spotify_assets.storage.parquet import MADE_OF
        from spotify_assets.transforms.daily_tables import daily_tables as build
        from spotify_assets.transforms.daily_tables import made_of as make_of

        lake: Lake = context.resources.lake
        raw, slug = RawLayer(lake.store()), playlist.slug
        days = [date.fromisoformat(key) for key in context.partition_keys]
        chosen = context.run.asset_selection
        if chosen and dg.AssetKey([slug, "raw_playlist"]) not in chosen:
            refuse_lost(lake.store(), slug, days)
        made_of = {snapshot.snapshot_date: snapshot.fetched_at for snapshot in raw_playlist}
        withdrawn = raw.files(slug).withdrawn_days if len(made_of) < len(days) else {}
        frames = build(raw_playlist, playlist.cadence)
        makes = {snapshot.snapshot_date: make_of(snapshot, playlist.cadence) for snapshot in raw_playlist}
        for table in schemas.TABLES.values():
            if dg.AssetKey([slug, table.name]) in context.selected_asset_keys:
                _describe(context, lake.store(), slug, table, frames, days, withdrawn)
                # Not before: pandas copies it with every selection of rows.
                frames[table.name].attrs[MADE_OF] = makes
                yield dg.Output(frames[table.name], output_name=table.name)
        _check_still_counting(context, raw, slug, days, made_of)
        yield from checks.results(slug, frames, list(made_of), context.selected_asset_check_keys)

    return daily_tables


def _describe(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    slug: str,
    table: schemas.Table,
    frames: "dict[str, pd.DataFrame]",
    days: Sequence[date],
    withdrawn: Mapping[date, Marker],
) -> None:
    """Attach to every partition what people read of it; Dagster keeps it twice for every day, so it is short."""
    frame = frames[table.name]
    places = frame.groupby("snapshot_date").indices
    snapshots = {row["snapshot_date"]: row for row in frames["snapshots"].to_dict(orient="records")}
    for day in days:
        rows = frame.iloc[list(places.get(day, []))]
        context.add_asset_metadata(
            {
                "dagster/partition_row_count": len(rows),
                "dagster/uri": store.uri(partition_key(table.name, slug, day)),
                **(_completeness(table, snapshots[day]) if day in snapshots else {}),
                **({"preview": dg.MetadataValue.md(preview(table, rows))} if len(rows) else {}),
                **(withdrawal_metadata(withdrawn[day]) if day in withdrawn else {}),
            },
            asset_key=dg.AssetKey([slug, table.name]),
            partition_key=str(day),
        )


def preview(table: schemas.Table, rows: "pd.DataFrame") -> str:
    """The first rows as a Markdown table, in the columns that the table's schema names for it."""
    return markdown_table(table.preview, rows[list(table.preview)].head(PREVIEW_ROWS).to_numpy().tolist())


def _check_still_counting(
    context: dg.AssetExecutionContext, raw: RawLayer, slug: str, days: Sequence[date], made_of: Mapping[date, datetime]
) -> None:
    """See that the tables are made of what counts now; if not, ask Dagster for the step once more.

    Args:
        context: of the step.
        raw: what is stored.
        slug: the playlist.
        days: the days of the run.
        made_of: of those that have a snapshot, the moment of the fetch that the tables are made of.

    Raises:
        RetryRequested: another run stored or withdrew one of the days meanwhile.
        StorageError: that happened time and again.
    """
    counting = fetched_at(raw.latest_keys(slug))
    others = [day for day in days if counting.get(day) != made_of.get(day)]
    if not others:
        return
    if context.retry_number < REPETITIONS:
        raise dg.RetryRequested(max_retries=REPETITIONS)
    raise StorageError(
        f"The tables of {slug} may be made of snapshots that do not count any more.",
        why=f"others stored or withdrew {', '.join(map(str, others))} in each of {REPETITIONS + 1} attempts to write "
        "the tables",
        remedy="wait until the other runs have ended, then run these days again",
    )


def _completeness(table: schemas.Table, snapshot: Mapping[Any, Any]) -> dict[str, Any]:
    """How complete a table of a day is; of `snapshots`, how complete the day is."""
    if table is not schemas.SNAPSHOTS:
        return {"coverage": _coverage(table, snapshot)}
    others = (schemas.SONGS, schemas.ALBUMS, schemas.ARTISTS)
    lines = [f"- {other.name}: {_coverage(other, snapshot)}" for other in others]
    counts = {name: int(snapshot[name]) for name in ("listed", "accepted", "rejected")}
    return {**counts, "coverage": dg.MetadataValue.md("\n".join(lines))}


def _coverage(table: schemas.Table, snapshot: Mapping[Any, Any]) -> str:
    """The optional columns of a table that are not filled in every row, with the share of rows that have them."""
    names = {column.name: schemas.coverage_column(table, column) for column in table.columns if column.nullable}
    shares = {name: snapshot.get(coverage) for name, coverage in names.items()}
    thin = [f"{name} {share:.0%}" for name, share in shares.items() if share is not None and share < 1]
    return ", ".join(thin) + " (all other columns 100%)" if thin else "all columns 100%"

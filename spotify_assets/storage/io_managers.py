"""The IO managers: what an asset returns is put in the lake, and what it asks for is read from there."""

# Without `from __future__ import annotations`: Dagster does not resolve string annotations of resource fields.
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.schemas import TABLES
from spotify_assets.sources.snapshot import PlaylistSnapshot
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.raw_layer import RawLayer

if TYPE_CHECKING:
    import pandas as pd


class RawIOManager(dg.ConfigurableIOManager):
    """Raw snapshots. Takes and gives `list[PlaylistSnapshot]`; a day's snapshot is added, never replaced."""

    lake: dg.ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: Sequence[PlaylistSnapshot]) -> None:
        """Append the snapshots that are not stored yet. Days that the asset took from the store are not among them."""
        for stored in RawLayer(self.lake.store()).append(context.asset_key.path[0], obj):
            context.log.info("%s %s", "Stored" if stored.added else "Same content was stored already:", stored.uri)

    def load_input(self, context: dg.InputContext) -> list[PlaylistSnapshot]:
        """One snapshot per partition of the run, in order.

        Raises:
            StorageError: naming every day without a usable snapshot.
        """
        days = [date.fromisoformat(key) for key in context.asset_partition_keys]
        return RawLayer(self.lake.store()).read_days(context.asset_key.path[0], days)


class ParquetIOManager(dg.ConfigurableIOManager):
    """Daily tables. Takes and gives one frame for all partitions of the run, with a `snapshot_date` column."""

    lake: dg.ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Check the frame against the table's schema, then replace each partition whole.

        Raises:
            SchemaViolation: before anything is written.
        """
        from spotify_assets.storage.parquet import write_partitions

        slug, table = context.asset_key.path
        write_partitions(self.lake.store(), TABLES[table], slug, _days(context.asset_partition_keys), obj)

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame":
        """The rows of the run's partitions.

        Raises:
            StorageError: a partition is not there.
        """
        from spotify_assets.storage.parquet import read_partitions

        slug, table = context.asset_key.path
        return read_partitions(self.lake.store(), TABLES[table], slug, _days(context.asset_partition_keys))


def _days(partition_keys: Sequence[str]) -> list[date]:
    return [date.fromisoformat(key) for key in partition_keys]

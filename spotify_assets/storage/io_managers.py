"""The IO managers: what an asset returns is put in the lake, and what it asks for is read from there.

They take the lake from the resource of that name: a folder and a bucket are the same to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg

from spotify_assets.schemas import TABLES
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.raw_layer import RawLayer, StoredFiles

if TYPE_CHECKING:
    import pandas as pd


class Fetched(NamedTuple):
    """What a run fetched, and what was stored when it looked; days that it took from the store are not among it."""

    snapshots: Sequence[PlaylistSnapshot]
    files: StoredFiles


class RawIOManager(dg.IOManager):
    """Raw snapshots. Takes `Fetched`, gives `list[PlaylistSnapshot]`; a day's snapshot is added, never replaced."""

    def handle_output(self, context: dg.OutputContext, obj: Fetched) -> None:
        """Append the snapshots that are not stored yet."""
        for stored in RawLayer(_store(context)).append(context.asset_key.path[0], *obj):
            if stored.withdrawn:
                context.log.warning(
                    "Not stored again, and stays withdrawn (%s): same content as %s", stored.withdrawn.why, stored.uri
                )
            else:
                context.log.info("%s %s", "Stored" if stored.added else "Same content was stored already:", stored.uri)

    def load_input(self, context: dg.InputContext) -> list[PlaylistSnapshot]:
        """One snapshot per partition of the run that counts, in order; withdrawn days are left out.

        Raises:
            StorageError: naming every day that was never stored or whose snapshot cannot be read.
        """
        days = [date.fromisoformat(key) for key in context.asset_partition_keys]
        return RawLayer(_store(context)).read_days(context.asset_key.path[0], days)


class ParquetIOManager(dg.IOManager):
    """Daily tables. Takes and gives one frame for all partitions of the run, with a `snapshot_date` column."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Check the frame against the table's schema, then replace each partition whole.

        Raises:
            SchemaViolation: before anything is written.
        """
        from spotify_assets.storage.parquet import write_partitions

        slug, table = context.asset_key.path
        write_partitions(_store(context), TABLES[table], slug, _days(context.asset_partition_keys), obj)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows of the run's partitions.

        Raises:
            StorageError: a partition is not there.
        """
        from spotify_assets.storage.parquet import read_partitions

        slug, table = context.asset_key.path
        return read_partitions(_store(context), TABLES[table], slug, _days(context.asset_partition_keys))


def _store(context: dg.OutputContext | dg.InputContext) -> ObjectStore:
    lake: Lake = context.resources.lake
    return lake.store()


def _days(partition_keys: Sequence[str]) -> list[date]:
    return [date.fromisoformat(key) for key in partition_keys]

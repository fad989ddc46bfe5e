"""What all assets share: backfill policy, freshness, owners, tags, columns, how they tell of a withdrawn day."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import dagster as dg

from spotify_assets.partitions import TIMEZONE
from spotify_assets.schemas import Table
from spotify_assets.settings import PlaylistSettings
from spotify_assets.storage.withdrawals import Marker

PARTITIONS_PER_RUN = 100
"""Days of a run. Importing 556 days with four gaps took 233 s with 30 a run and 237 s with 365 (two busy cores, most of
it Dagster's events of each day), and peaked at 356 and 370 MB, in the catalog; a run of 100 days itself holds 240 MB.
A run fails as a whole, so that fewer days a run cost less when one of them is refused."""
OWNERS = ["team:spotify-assets"]

# Every asset with a policy would warn that policies are beta; one decision for it was made here.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)

# All partitioned assets share one policy: Dagster cuts a backfill to the smallest one and warns about a mixture.
BACKFILL_POLICY = dg.BackfillPolicy.multi_run(PARTITIONS_PER_RUN)

# Dagster judges freshness by asset, not by partition: a backfill of old days turns it green as well. The check
# source_not_stale of chart_days looks at the days themselves.
FRESHNESS = dg.FreshnessPolicy.cron(
    deadline_cron="0 12 * * *", lower_bound_delta=timedelta(hours=12), timezone=TIMEZONE
)


def playlist_tags(playlist: PlaylistSettings, *, layer: str) -> dict[str, str]:
    """Tags by which a playlist's assets are found in the UI."""
    return {"layer": layer, "source": playlist.source, "cadence": playlist.cadence}


def column_schema(table: Table, *, key_within: str) -> dg.TableSchema:
    """A table's columns as the UI shows them; `key_within` names that in which the key is unique."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description + (f" (from {', '.join(column.sources)})" if column.sources else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, other=[f"key within {key_within}"] if column.name in table.key else []
                ),
            )
            for column in table.columns
        ]
    )


def withdrawal_metadata(marker: Marker) -> dict[str, Any]:
    """Why a day has no snapshot that counts, as metadata of its partition."""
    return {"withdrawn because": marker.why, "withdrawn at": marker.at.isoformat()}

"""What all assets share: backfill policy, freshness, owners, tags, columns, withdrawn days, failures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import dagster as dg

from spotify_assets.errors import (
    CatalogError,
    CatalogUnavailable,
    Refusal,
    SchemaViolation,
    SettingsError,
)
from spotify_assets.partitions import TIMEZONE
from spotify_assets.publication import refuse_a_lost_lake
from spotify_assets.schemas import Table
from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import CHARTS
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.layout import MARKER_KEY
from spotify_assets.storage.object_store import read_if_present
from spotify_assets.storage.withdrawals import Marker

P = ParamSpec("P")
R = TypeVar("R")
PARTITIONS_PER_RUN = 100
"""Days of a run. Importing 556 days with four gaps took 233 s with 30 a run and 237 s with 365 (two busy cores, most of
it Dagster's events of each day), and peaked at 356 and 370 MB, in the catalog; a run of 100 days itself holds 240 MB.
A run fails as a whole, so that fewer days a run cost less when one of them is refused."""
OWNERS = ["team:spotify-assets"]
MARKER = b"A lake of Spotify Assets. Without this file, an empty folder is not taken for it.\n"

# Every asset with a policy would warn that policies are beta; one decision for it was made here.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
# And every analysis with a code reference; it is for the UI alone, and can be left out again.
warnings.filterwarnings(
    "ignore", message="Class `(CodeReferencesMetadataValue|LocalFileCodeReference)`", category=dg.BetaWarning
)

# All partitioned assets share one policy: Dagster cuts a backfill to the smallest one and warns about a mixture.
BACKFILL_POLICY = dg.BackfillPolicy.multi_run(PARTITIONS_PER_RUN)

# Made once: Dagster reckons 4 ms for each by the cron's next days, which was half of what loading took.
BY_NOON = dg.FreshnessPolicy.cron(deadline_cron="0 12 * * *", lower_bound_delta=timedelta(hours=12), timezone=TIMEZONE)
EVERY_WEEK = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7))


def freshness(playlist: PlaylistSettings) -> dg.FreshnessPolicy | None:
    """When a playlist is late: daily ones by noon in Japan, weekly ones after a week, chart files never.

    Dagster judges by asset, not by partition: a backfill of old days makes it fresh as well.
    """
    if playlist.source == CHARTS:
        return None
    return EVERY_WEEK if playlist.cadence == "weekly" else BY_NOON


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


def enter_lake(context: dg.AssetExecutionContext, lake: Lake, slugs: Sequence[str]) -> None:
    """What a step does before it writes: a lost lake is refused, and a new one gets its marker.

    Raises:
        StorageError: see `refuse_a_lost_lake`.
    """
    store = lake.store()
    refuse_a_lost_lake(context.instance, store, slugs)
    if read_if_present(store, MARKER_KEY) is None:
        store.write(MARKER_KEY, MARKER)


def as_failure(error: Refusal) -> dg.Failure:
    """A refusal as Dagster shows it: the whole text, and no retry, because asking again would not mend it."""
    return dg.Failure(
        description=str(error),
        metadata={"what happened": error.what, "why": error.why, "what to do": error.remedy},
        allow_retries=False,
    )


def without_useless_retries(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step of a publish run fail at once where trying again would not mend it, or pay for a crawl once more."""

    @wraps(step)
    def failing_at_once(*args: P.args, **inputs: P.kwargs) -> R:
        try:
            return step(*args, **inputs)
        except CatalogUnavailable:
            raise
        except (CatalogError, SchemaViolation, SettingsError) as refusal:
            raise as_failure(refusal) from refusal

    return failing_at_once

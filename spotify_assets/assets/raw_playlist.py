"""The raw asset of a playlist: a day's list as received, from the source or, for a past day, from the store."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from spotify_assets import schemas
from spotify_assets.assets.common import BACKFILL_POLICY, FRESHNESS, OWNERS, playlist_tags
from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.resources import Sources
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.snapshot import PlaylistSnapshot
from spotify_assets.sources.source import Source
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.raw_layer import RawLayer

SPOTIFY_POOL = "spotify_api"
RETRIES = 3
"""How often a run sits out a short rate limit, or an outage, before it gives up."""
PAUSE_AFTER_OUTAGE = 20.0
"""Seconds; the client has tried for about 15 by then. A day that is missed cannot be fetched later."""


@dataclass(frozen=True)
class Plan:
    """Which days of a run are fetched and which are stored already."""

    to_fetch: list[date]
    from_store: list[date]


def plan_days(days: Sequence[date], *, today: date, has_past: bool, stored: Mapping[date, str]) -> Plan:
    """Decide where each day comes from.

    A source with a past is asked for every day. One without a past only knows its list of this moment: it is asked for
    today alone, and past days must be in the store.

    Raises:
        SourceRefusal: naming every day that cannot be had.
    """
    future = [day for day in days if day > today]
    if future:
        raise SourceRefusal(
            f"There is no chart yet for {', '.join(map(str, future))}.",
            why=f"in Japan it is {today}",
            remedy="ask for days up to today",
        )
    past = [day for day in days if day < today and not has_past]
    lost = [day for day in past if day not in stored]
    if lost:
        raise SourceRefusal(
            f"There is no playlist for {len(lost)} of {len(days)} days: {', '.join(map(str, lost))}.",
            why=(
                "Spotify's API gives a playlist as it is now, and nothing was stored on these days; filing today's "
                "list under an old date would invent history"
            ),
            remedy=(
                "leave these days out; days that have a stored snapshot, and today, can be run. "
                "Keep daily_playlist_schedule on so that no further day is lost"
            ),
        )
    return Plan(to_fetch=[day for day in days if day not in past], from_store=past)


def fetch_days(
    source: Source,
    playlist: PlaylistSettings,
    days: Sequence[date],
    previous: PlaylistSnapshot | None,
    *,
    may_retry: bool,
) -> list[PlaylistSnapshot]:
    """Ask a source for several days.

    Raises:
        SourceRefusal: the source gave another day than was asked for.
        Refusal: whatever the source refuses.
    """
    snapshots = [source.fetch(playlist, day, previous, may_retry=may_retry) for day in days]
    for snapshot, day in zip(snapshots, days, strict=True):
        if not source.has_past and today_in_japan(snapshot.fetched_at) != day:
            raise SourceRefusal(
                f"The list of {playlist.slug} was fetched at {snapshot.fetched_at.isoformat()}, not on {day} in Japan.",
                why="the day changed in Japan while the run was waiting or fetching",
                remedy=f"run the partition {today_in_japan(snapshot.fetched_at)}",
            )
    return snapshots


def build_raw_playlist(playlist: PlaylistSettings, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `[slug, "raw_playlist"]`."""

    @dg.asset(
        key=[playlist.slug, "raw_playlist"],
        group_name=playlist.slug,
        description=_description(playlist),
        partitions_def=partitions,
        backfill_policy=BACKFILL_POLICY,
        io_manager_key="raw_io_manager",
        required_resource_keys={"lake", "sources"},
        pool=SPOTIFY_POOL if playlist.source == "spotify" else None,
        kinds={"spotify" if playlist.source == "spotify" else "python", "json"},
        owners=OWNERS,
        tags=playlist_tags(playlist, layer="raw"),
        freshness_policy=FRESHNESS,
        metadata={"dagster/column_schema": raw_column_schema(), "dagster/table_name": "raw_playlist"},
    )
    def raw_playlist(context: dg.AssetExecutionContext) -> Any:
        sources: Sources = context.resources.sources
        lake: Lake = context.resources.lake
        source = sources.source_of(playlist)
        raw = RawLayer(lake.store())
        days = [date.fromisoformat(key) for key in context.partition_keys]
        may_retry = context.retry_number < RETRIES
        try:
            stored = raw.latest_keys(playlist.slug)
            plan = plan_days(days, today=today_in_japan(), has_past=source.has_past, stored=stored)
            previous = raw.read_latest(playlist.slug) if plan.to_fetch and not source.has_past else None
            snapshots = fetch_days(source, playlist, plan.to_fetch, previous, may_retry=may_retry)
        except RateLimited as error:
            if error.short and error.retry_after is not None and may_retry:
                raise dg.RetryRequested(RETRIES, seconds_to_wait=max(1.0, error.retry_after.total_seconds())) from error
            raise as_failure(error) from error
        except SourceUnavailable as error:
            if may_retry:
                raise dg.RetryRequested(RETRIES, seconds_to_wait=PAUSE_AFTER_OUTAGE) from error
            raise as_failure(error) from error
        except Refusal as error:
            raise as_failure(error) from error
        for day in plan.from_store:
            context.add_asset_metadata({"origin": "stored earlier", "uri": stored[day]}, partition_key=str(day))
        for snapshot in snapshots:
            context.add_asset_metadata(_metadata(raw, snapshot), partition_key=str(snapshot.snapshot_date))
        return snapshots

    return raw_playlist


def as_failure(error: Refusal) -> dg.Failure:
    """A refusal as Dagster shows it: the whole text, and no retry, because asking again would not mend it."""
    return dg.Failure(
        description=str(error),
        metadata={"what happened": error.what, "why": error.why, "what to do": error.remedy},
        allow_retries=False,
    )


def raw_column_schema() -> dg.TableSchema:
    """The parts of a raw snapshot that tables are made of; column lineage ends at these."""
    sources = sorted(
        {source for table in schemas.TABLES.values() for column in table.columns for source in column.sources}
    )
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=source, type="json", description=schemas.RAW_RECORDS[source.split(".")[0]])
            for source in sources
        ]
    )


def _metadata(raw: RawLayer, snapshot: PlaylistSnapshot) -> dict[str, Any]:
    return {
        "origin": f"fetched from {snapshot.source}",
        "uri": raw.uri(snapshot.slug),
        "dagster/partition_row_count": len(snapshot.entries),
        "fetched_at": snapshot.fetched_at.isoformat(),
        "albums fetched": sum(found.carried_from is None for found in snapshot.albums.values()),
        "artists fetched": sum(found.carried_from is None for found in snapshot.artists.values()),
        "albums carried over": sum(found.carried_from is not None for found in snapshot.albums.values()),
        "artists carried over": sum(found.carried_from is not None for found in snapshot.artists.values()),
        **({"quota mode": snapshot.quota_mode} if snapshot.quota_mode else {}),
        **({"notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in snapshot.notes))} if snapshot.notes else {}),
    }


def _description(playlist: PlaylistSettings) -> str:
    origin = {
        "demo": "A synthetic chart with invented songs; every day can be asked for.",
        "spotify": (
            f"Spotify's playlist `{playlist.playlist_id}` as the Web API gives it at the moment of the run.\n\n"
            "**A playlist has no past.** Today's partition asks Spotify. A past partition uses what was stored on that "
            "day; where nothing was stored the run fails and names the days, rather than filing today's list under an "
            "old date."
        ),
    }
    return (
        f"**{playlist.title}**, as received: every entry at its position, and the album and artist objects fetched to "
        f"complete it.\n\n{origin[playlist.source]}\n\nAppend-only: a new fetch adds a file, the latest counts, "
        "identical content adds none."
    )

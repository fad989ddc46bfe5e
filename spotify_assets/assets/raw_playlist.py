"""The raw asset of a playlist: a day's list as received, from the source or, for a past day, from the store."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from spotify_assets import checks, schemas
from spotify_assets.assets.common import (
    BACKFILL_POLICY,
    OWNERS,
    as_failure,
    enter_lake,
    freshness,
    playlist_tags,
    withdrawal_metadata,
)
from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.resources import Sources
from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import CHARTS, SPOTIFY, PlaylistSnapshot
from spotify_assets.sources.source import Absence, Source
from spotify_assets.storage.io_managers import Fetched
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.raw_layer import RawLayer, StoredFiles, fetched_at

SPOTIFY_POOL = "spotify_api"
KINDS = {"archive": "github", "spotify": "spotify", "charts": "csv", "demo": "python"}
RETRIES = 3
"""How often a run sits out a short rate limit, or an outage, before it gives up."""
STORED_AT_ONCE = 10
"""Days that are fetched before they are stored: what a run loses at most when it is killed."""
PAUSE_AFTER_OUTAGE = 20.0
"""Seconds; the client has tried for about 15 by then. A day that is missed cannot be fetched later."""
GO_ON_TAG = "spotify_assets.go_on_after"
"""Tag of a run that a rate limit cut off, with the playlist's slug behind a slash: from when on it may go on."""


@dataclass(frozen=True)
class Plan:
    """Which days of a run are fetched and which are stored already."""

    to_fetch: list[date]
    from_store: list[date]


def plan_days(
    days: Sequence[date], *, today: date, offered: Collection[date], stored: Collection[date], absence: Absence
) -> Plan:
    """Decide where each day comes from: the source where it offers the day, else the store.

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
    lost = [day for day in days if day not in offered and day not in stored]
    if lost:
        raise SourceRefusal(
            f"There is no playlist for {len(lost)} of {len(days)} days: {', '.join(map(str, lost))}.",
            why=absence.why,
            remedy=absence.remedy,
        )
    return Plan(
        to_fetch=[day for day in days if day in offered], from_store=[day for day in days if day not in offered]
    )


def fetch_days(
    source: Source,
    playlist: PlaylistSettings,
    days: Sequence[date],
    previous: PlaylistSnapshot | None,
    *,
    may_retry: bool,
) -> Iterator[PlaylistSnapshot]:
    """Ask a source for several days, one after the other. A day that is refused stops none of the others.

    Raises:
        SourceRefusal: at the end, naming every day that was refused; or the source gave another day than was asked for.
        Refusal: whatever stops the source itself.
    """
    refused: dict[date, SourceRefusal] = {}
    for day in days:
        try:
            snapshot = source.fetch(playlist, day, previous, may_retry=may_retry)
        except SourceRefusal as refusal:
            refused[day] = refusal
            continue
        if not source.has_past and today_in_japan(snapshot.fetched_at) != day:
            raise SourceRefusal(
                f"The list of {playlist.slug} was fetched at {snapshot.fetched_at.isoformat()}, not on {day} in Japan.",
                why="the day changed in Japan while the run was waiting or fetching",
                remedy=f"run the partition {today_in_japan(snapshot.fetched_at)}",
            )
        yield snapshot
    if len(days) == 1:
        for of_day in refused.values():
            raise of_day
    if refused:
        raise SourceRefusal(
            f"{len(refused)} of {len(days)} days are refused: {', '.join(map(str, refused))}.",
            why="; ".join(f"{day}: {of_day.what} {of_day.why}" for day, of_day in refused.items()),
            remedy="; ".join(dict.fromkeys(of_day.remedy for of_day in refused.values())),
        )


def build_raw_playlist(
    playlist: PlaylistSettings, partitions: dg.PartitionsDefinition[str], *, asks_spotify: bool
) -> dg.AssetsDefinition:
    """The asset `[slug, "raw_playlist"]`.

    Args:
        playlist: which playlist.
        partitions: its days.
        asks_spotify: whether its source calls Spotify's Web API, with these settings; the asset is in the pool then.
    """

    @dg.asset(
        key=[playlist.slug, "raw_playlist"],
        group_name=playlist.slug,
        description=_description(playlist),
        partitions_def=partitions,
        backfill_policy=BACKFILL_POLICY,
        io_manager_key="raw_io_manager",
        required_resource_keys={"lake", "sources"},
        pool=SPOTIFY_POOL if asks_spotify else None,
        kinds={KINDS[playlist.source], "json"},
        owners=OWNERS,
        tags=playlist_tags(playlist, layer="raw"),
        output_required=False,
        freshness_policy=freshness(playlist),
        check_specs=[checks.consent_spec(playlist.slug)] if playlist.source == SPOTIFY else None,
        metadata={"dagster/column_schema": raw_column_schema(), "dagster/table_name": "raw_playlist"},
    )
    def raw_playlist(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sources: Sources = context.resources.sources
        lake: Lake = context.resources.lake
        raw = RawLayer(lake.store())
        days = [date.fromisoformat(key) for key in context.partition_keys]
        may_retry = context.retry_number < RETRIES
        snapshots: list[PlaylistSnapshot] = []
        try:
            enter_lake(context, lake, [playlist.slug])
            source = sources.source_of(playlist)
            files, plan = find_days(source, playlist, raw, days)
            if plan is None:
                context.log.info("%s has no list of today yet: %s", playlist.title, source.absence.remedy)
                return
            for snapshot in _fetched(source, playlist, raw, files, plan, may_retry=may_retry):
                snapshots.append(snapshot)
                if len(snapshots) % STORED_AT_ONCE == 0:
                    raw.append(playlist.slug, snapshots[-STORED_AT_ONCE:], files)
        except Refusal as error:
            # What is in hand is kept; who knows whether it can be fetched again.
            so_far = [found for found in error.so_far if isinstance(found, PlaylistSnapshot)]
            raw.append(playlist.slug, [*snapshots, *so_far])
            if isinstance(error, RateLimited) and source.has_past and error.retry_after is not None and not error.short:
                after = {f"{GO_ON_TAG}/{playlist.slug}": (datetime.now(UTC) + error.retry_after).isoformat()}
                context.instance.add_run_tags(context.run.run_id, after)
            raise retry_or_failure(error, may_retry=may_retry) from error
        for day in plan.from_store:
            context.add_asset_metadata(_metadata_of_stored(files, day), partition_key=str(day))
        for snapshot in snapshots:
            withdrawn = raw.withdrawal_of(snapshot, files) is not None
            metadata = _metadata_of_withdrawn(files, snapshot) if withdrawn else _metadata(raw, snapshot)
            context.add_asset_metadata(metadata, partition_key=str(snapshot.snapshot_date))
        if playlist.source == SPOTIFY:
            consent = sources.settings.spotify.refresh_token_since
            yield checks.consent_result(playlist.slug, consent, today_in_japan())
        not_stored = len(snapshots) % STORED_AT_ONCE
        yield dg.Output(Fetched(snapshots[len(snapshots) - not_stored :], files))

    return raw_playlist


def find_days(
    source: Source, playlist: PlaylistSettings, raw: RawLayer, days: Sequence[date]
) -> tuple[StoredFiles, Plan | None]:
    """Find out what is stored, and where each day comes from; no plan if only today's list is wanted and still to come.

    Raises:
        Refusal: days that cannot be had, or another chart than the stored days are of.
    """
    files = raw.files(playlist.slug)
    # Withdrawn days too: a source need not be asked again for what it gave already.
    offered = source.days_on_offer(playlist, days, fetched_at(files.newest))
    today = today_in_japan()
    if source.comes_during_the_day and list(days) == [today] and today not in {*offered, *files.by_day}:
        return files, None
    plan = plan_days(days, today=today, offered=offered, stored=files.by_day, absence=source.absence)
    if playlist.source == SPOTIFY:
        # Again when it is stored, but by then all calls would have been spent.
        raw.check_origin(files, playlist.slug, playlist.source, playlist.playlist_id)
    return files, plan


def _fetched(
    source: Source, playlist: PlaylistSettings, raw: RawLayer, files: StoredFiles, plan: Plan, *, may_retry: bool
) -> Iterator[PlaylistSnapshot]:
    wants_previous = plan.to_fetch and source.wants_previous
    previous = raw.read_nearest(files, plan.to_fetch[0]) if wants_previous else None
    return fetch_days(source, playlist, plan.to_fetch, previous, may_retry=may_retry)


def retry_or_failure(error: Refusal, *, may_retry: bool) -> dg.RetryRequested | dg.Failure:
    """What Dagster is to do about a refusal: try again where that can mend it, else fail with its words."""
    if may_retry and isinstance(error, SourceUnavailable):
        return dg.RetryRequested(RETRIES, seconds_to_wait=PAUSE_AFTER_OUTAGE)
    if may_retry and isinstance(error, RateLimited) and error.short and error.retry_after is not None:
        return dg.RetryRequested(RETRIES, seconds_to_wait=max(1.0, error.retry_after.total_seconds()))
    return as_failure(error)


def raw_column_schema() -> dg.TableSchema:
    """The parts of a raw snapshot that tables are made of, as the columns of the tables name them."""
    sources = sorted(
        {source for table in schemas.TABLES.values() for column in table.columns for source in column.sources}
    )
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=source, type="json", description=schemas.RAW_RECORDS[source.split(".")[0]])
            for source in sources
        ]
    )


def _metadata_of_stored(files: StoredFiles, day: date) -> dict[str, Any]:
    if day in files.withdrawn_days:
        return {"origin": "withdrawn", **withdrawal_metadata(files.withdrawn_days[day]), "uri": files.newest[day]}
    return {"origin": "stored earlier", "uri": files.counting[day]}


def _metadata_of_withdrawn(files: StoredFiles, snapshot: PlaylistSnapshot) -> dict[str, Any]:
    note = "the source gave what was withdrawn once more: it is not stored again and stays withdrawn"
    return {**_metadata_of_stored(files, snapshot.snapshot_date), "notes": note}


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
        **(_track_counts(snapshot) if snapshot.source == CHARTS else {}),
        **({"quota mode": snapshot.quota_mode} if snapshot.quota_mode else {}),
        **({"notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in snapshot.notes))} if snapshot.notes else {}),
    }


def _track_counts(snapshot: PlaylistSnapshot) -> dict[str, Any]:
    return {
        "tracks fetched": sum(found.carried_from is None for found in snapshot.tracks.values()),
        "tracks carried over": sum(found.carried_from is not None for found in snapshot.tracks.values()),
    }


def _description(playlist: PlaylistSettings) -> str:
    origin = {
        "archive": (
            f"Spotify's playlist `{playlist.playlist_id}` as the public playlist archive on GitHub recorded it, once a "
            "day; no account is needed. The archive is not Spotify's, leaves out entries without a track, and has gaps "
            "of days: those are missing here too."
        ),
        "demo": "A synthetic chart with invented songs; every day can be asked for.",
        "spotify": (
            f"Spotify's playlist `{playlist.playlist_id}` as the Web API gives it at the moment of the run.\n\n"
            "**A playlist has no past.** Today's partition asks Spotify. A past partition uses what was stored on that "
            "day; where nothing was stored the run fails and names the days, rather than filing today's list under an "
            "old date."
        ),
        "charts": (
            f"The chart `{playlist.chart}` from files that a person downloaded (`spotify-assets charts import`, or the "
            "lake's folder `landing/charts/`), under the chart's own date. Where SPOTIFY_CLIENT_ID "
            "is set, Spotify's track objects complete its rows."
        ),
    }
    return (
        f"**{playlist.title}**, as received: every entry at its position, and the album and artist objects fetched to "
        f"complete it.\n\n{origin[playlist.source]}\n\nAppend-only: a new fetch adds a file, the latest counts, "
        "identical content adds none."
    )

"""The asset checks of the daily tables and of song identity, made in the steps that make these, on what is in hand.

A check is evaluated once per run, so in a run over many days it lists the bad ones. Hard errors of schema are not
checks: the Parquet writer refuses those before anything is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import SONG_IDENTITY
from spotify_assets.settings import PlaylistSettings
from spotify_assets.storage.layout import ALIASES_KEY

if TYPE_CHECKING:
    from pandas import DataFrame

    from spotify_assets.analytics.identity import Identity
else:
    DataFrame = Any

Findings = dict[date, str]
"""What is wrong, by day."""
Frames = Mapping[str, DataFrame]
Check = Callable[[PlaylistSettings, Frames], Findings]

NAMED_DAYS = 50


@dataclass(frozen=True)
class TableCheck:
    """One check on one table: what it is called, what it says, how bad a finding is, and how it is made."""

    table: str
    name: str
    description: str
    severity: dg.AssetCheckSeverity
    find: Check


def incomplete_positions(_: PlaylistSettings, frames: Frames) -> Findings:
    """Days on which nothing is listed, or a listed position is neither a song nor a reject, or is both."""
    positions: dict[date, list[int]] = {}
    for frame in (frames["songs"], frames["rejects"]):
        for day, position in zip(frame["snapshot_date"], frame["position"], strict=True):
            positions.setdefault(day, []).append(position)
    findings: Findings = {}
    for day, listed in zip(frames["snapshots"]["snapshot_date"], frames["snapshots"]["listed"], strict=True):
        found = sorted(positions.get(day, []))
        if not listed:
            findings[day] = "the playlist listed nothing"
        elif found != list(range(1, listed + 1)):
            lost = sorted(set(range(1, listed + 1)) - set(found))
            findings[day] = f"listed {listed}, found {len(found)}, unexplained {lost or 'repeated positions'}"
    return findings


def repeated_keys(_: PlaylistSettings, frames: Frames) -> Findings:
    """Days on which the key of a table is not unique."""
    findings: Findings = {}
    for table in TABLES.values():
        frame = frames[table.name]
        repeated = Counter(frame.loc[frame.duplicated([*table.key, "snapshot_date"]), "snapshot_date"])
        for day, count in repeated.items():
            found = f"{table.name}: {count} repeated values of {', '.join(table.key)}"
            findings[day] = f"{findings[day]}; {found}" if day in findings else found
    return findings


def broken_references(_: PlaylistSettings, frames: Frames) -> Findings:
    """Days on which a row points at a row of another table that is not there."""
    findings: Findings = {}
    for table, column, target in (
        ("songs", "album_key", "albums"),
        ("songs", "lead_artist_key", "artists"),
        ("song_artists", "artist_key", "artists"),
        ("song_artists", "position", "songs"),
    ):
        target_column = {"lead_artist_key": "artist_key"}.get(column, column)
        there = set(zip(frames[target]["snapshot_date"], frames[target][target_column], strict=True))
        rows = frames[table].dropna(subset=[column])
        for day, value in zip(rows["snapshot_date"], rows[column], strict=True):
            if (day, value) not in there:
                findings[day] = f"{table}.{column} {value!r} is not in {target}"
    return findings


def incomplete_enrichment(_: PlaylistSettings, frames: Frames) -> Findings:
    """Days on which album or artist objects could not be fetched, so that the columns made of them are thin."""
    findings: Findings = {}
    for row in frames["snapshots"].to_dict(orient="records"):
        shares = {kind: row[f"coverage_{kind}_objects"] for kind in ("album", "artist")}
        thin = [
            f"{share:.0%} of the {kind} objects" for kind, share in shares.items() if share is not None and share < 1
        ]
        if thin:
            findings[row["snapshot_date"]] = f"only {' and '.join(thin)}"
    return findings


def stale_source(_: PlaylistSettings, frames: Frames) -> Findings:
    """Days on which the source still gave a chart that should have been replaced since."""
    snapshots = frames["snapshots"]
    columns = (snapshots[name] for name in ("snapshot_date", "stale", "edition"))
    return {day: f"the same chart since {edition}" for day, stale, edition in zip(*columns, strict=True) if stale}


CHECKS = (
    TableCheck(
        "songs",
        "positions_complete",
        "Something is listed, and every listed position is a song or a reject with its reason, once.",
        dg.AssetCheckSeverity.ERROR,
        incomplete_positions,
    ),
    TableCheck(
        "song_artists",
        "references_whole",
        "Every key that songs and song_artists hold is in the table that it points at.",
        dg.AssetCheckSeverity.ERROR,
        broken_references,
    ),
    TableCheck(
        "snapshots",
        "keys_unique",
        "The key of every table is unique within a day.",
        dg.AssetCheckSeverity.ERROR,
        repeated_keys,
    ),
    TableCheck(
        "snapshots",
        "enrichment_complete",
        "Every album and artist object that completes the entries was fetched or carried over.",
        dg.AssetCheckSeverity.WARN,
        incomplete_enrichment,
    ),
    TableCheck(
        "snapshots",
        "source_not_stale",
        "The chart changes as often as its cadence says.",
        dg.AssetCheckSeverity.WARN,
        stale_source,
    ),
)


def check_specs(slug: str) -> list[dg.AssetCheckSpec]:
    """The checks of a playlist's tables, as the step that makes the tables declares them."""
    return [
        dg.AssetCheckSpec(check.name, asset=dg.AssetKey([slug, check.table]), description=check.description)
        for check in CHECKS
    ]


def results(
    playlist: PlaylistSettings,
    frames: Frames,
    days: Sequence[date],
    selected: Collection[dg.AssetCheckKey],
) -> Iterator[dg.AssetCheckResult]:
    """Make the selected checks over all days of the run."""
    for check in CHECKS:
        asset_key = dg.AssetKey([playlist.slug, check.table])
        if dg.AssetCheckKey(asset_key, check.name) in selected:
            findings = check.find(playlist, frames)
            yield dg.AssetCheckResult(
                asset_key=asset_key,
                check_name=check.name,
                passed=not findings,
                severity=check.severity,
                metadata=_metadata(findings, days),
            )


IDENTITY_CHECK = dg.AssetCheckSpec(
    "no_suspicious_pairs",
    asset=[SONG_IDENTITY.name],
    description=(
        "No two songs look like one, every ISRC is of one title, and song_aliases.csv names songs that are on a chart."
    ),
)


def identity_result(identity: Identity) -> dg.AssetCheckResult:
    """The check of `song_identity`: what somebody should look at, and settle in song_aliases.csv."""
    pairs = identity.candidates.sort_values(["came_on", "playlist", "position"], ascending=[False, True, True])
    suspicions = [
        *(f"unknown in {ALIASES_KEY}: {name}" for name in identity.unknown_aliases),
        *(
            f"{isrc} is of different titles in one edition, so it proves nothing: {', '.join(titles)}"
            for isrc, titles in sorted(identity.ambiguous_isrcs.items())
        ),
        *(
            f"{row['playlist']} {row['came_on']}: {row['song_key']} ({row['song_name']}) may be "
            f"{row['earlier_song_key']} ({row['earlier_song_name']}), which left on {row['left_on']}"
            for row in pairs.to_dict("records")
        ),
    ]
    return dg.AssetCheckResult(
        asset_key=IDENTITY_CHECK.asset_key,
        check_name=IDENTITY_CHECK.name,
        passed=not suspicions,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "unknown aliases": len(identity.unknown_aliases),
            "ISRCs that prove nothing": len(identity.ambiguous_isrcs),
            "alias candidates": len(pairs),
            **_listed(f"- {suspicion}" for suspicion in suspicions),
        },
    )


def _metadata(findings: Findings, days: Sequence[date]) -> dict[str, Any]:
    return {
        "days checked": len(days),
        "days with findings": len(findings),
        **_listed(f"- {day}: {finding}" for day, finding in findings.items()),
    }


def _listed(findings: Iterable[str]) -> dict[str, Any]:
    """Lines of findings as metadata, the first of them if they are many; nothing where there are none."""
    lines = list(findings)
    more = [f"- and {len(lines) - NAMED_DAYS} more"] if len(lines) > NAMED_DAYS else []
    return {"findings": dg.MetadataValue.md("\n".join(lines[:NAMED_DAYS] + more))} if lines else {}

"""The asset checks: of the consent, of the daily tables, of the history, and of the analyses.

The first is made where Spotify is asked, the next in the step that makes the tables, on what is in hand; the others in
the publish run, on the rows of `chart_days`, on what songs are taken for, and on what the engine made. A check is
evaluated once per run, so in a run over many days it lists the bad ones. Hard errors of schema are not checks: the
Parquet writer refuses those before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.analytics.analysis_checks import ANALYSIS_CHECKS
from spotify_assets.schemas.analyses import CHART_DAYS, SONG_IDENTITY
from spotify_assets.sources.spotify.consent_end import WARNING, end_of_consent
from spotify_assets.storage.layout import ALIASES_KEY
from spotify_assets.transforms.day_checks import MUST_PASS, Find, Findings, Frames, incomplete_enrichment, short_lists

if TYPE_CHECKING:
    from pandas import DataFrame

    from spotify_assets.analytics.analysis_checks import AnalysisCheck, Counted
    from spotify_assets.analytics.identity import Identity
else:
    DataFrame = Any

NAMED_DAYS = 50


@dataclass(frozen=True)
class TableCheck:
    """One check on one table: what it is called, what it says, how bad a finding is, and how it is made."""

    table: str
    name: str
    description: str
    severity: dg.AssetCheckSeverity
    find: Find


@dataclass(frozen=True)
class HistoryCheck:
    """One check on `chart_days`; `find` takes the rows of a playlist."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    find: Callable[[DataFrame], Findings]


def stale_days(days: DataFrame) -> Findings:
    """Days on which the source still gave a chart that should have been replaced since."""
    stale = days[days["stale"].astype(bool)]
    columns = (stale[name] for name in ("snapshot_date", "edition", "renewed_at"))
    findings: Findings = {}
    for (day, edition, renewed), is_known in zip(zip(*columns, strict=True), stale["renewed_at"].notna(), strict=True):
        last_renewal = f", last renewed on {renewed:%Y-%m-%d at %H:%M} UTC" if is_known else ""
        findings[day] = f"the same chart since {edition}{last_renewal}"
    return findings


def failed_days(days: DataFrame) -> Findings:
    """Days that failed a check of severity ERROR."""
    failed = days.dropna(subset=["failed_checks"])
    return dict(zip(failed["snapshot_date"], failed["failed_checks"], strict=True))


CHECKS = (
    TableCheck(
        "songs",
        "positions_complete",
        "Something is listed, and every listed position is a song or a reject with its reason, once.",
        dg.AssetCheckSeverity.ERROR,
        MUST_PASS["positions_complete"],
    ),
    TableCheck(
        "song_artists",
        "references_whole",
        "Every key that songs and song_artists hold is in the table that it points at.",
        dg.AssetCheckSeverity.ERROR,
        MUST_PASS["references_whole"],
    ),
    TableCheck(
        "snapshots",
        "keys_unique",
        "The key of every table is unique within a day.",
        dg.AssetCheckSeverity.ERROR,
        MUST_PASS["keys_unique"],
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
        "chart_complete",
        "As many entries are listed as the chart has by its name, and as its source says that there are.",
        dg.AssetCheckSeverity.WARN,
        short_lists,
    ),
)

HISTORY_CHECKS = (
    HistoryCheck(
        "source_not_stale",
        "The chart changes, and is renewed, as often as its cadence says.",
        dg.AssetCheckSeverity.WARN,
        stale_days,
    ),
    HistoryCheck(
        "days_whole",
        "No day failed a check of severity ERROR, and none is left out until its tables are made again.",
        dg.AssetCheckSeverity.ERROR,
        failed_days,
    ),
)


IDENTITY_CHECK = dg.AssetCheckSpec(
    "songs_told_apart",
    asset=[SONG_IDENTITY.name],
    description=(
        "No two songs look like one, every ISRC is of one title, and song_aliases.csv names songs that are on a chart."
    ),
)


CONSENT_CHECK = "consent_lasts"


def consent_spec(slug: str) -> dg.AssetCheckSpec:
    """The check of a playlist that is read with a user's consent, as the step that asks Spotify declares it."""
    return dg.AssetCheckSpec(
        CONSENT_CHECK,
        asset=[slug, "raw_playlist"],
        description=f"The user's consent is younger than {WARNING.days} days; Spotify ends it after six months.",
    )


def consent_result(slug: str, since: date | None, today: date) -> dg.AssetCheckResult:
    """Make the check of the consent. Of one whose day is not known nothing can be said."""
    end = end_of_consent(since, today)
    return dg.AssetCheckResult(
        asset_key=[slug, "raw_playlist"],
        check_name=CONSENT_CHECK,
        passed=end is None,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "consent of": str(since or "not known, or no user's"),
            **({"ends about": str(end), "what to do": "run `spotify-assets auth` again"} if end else {}),
        },
    )


def check_specs(slug: str) -> list[dg.AssetCheckSpec]:
    """The checks of a playlist's tables, as the step that makes the tables declares them."""
    return [
        dg.AssetCheckSpec(check.name, asset=dg.AssetKey([slug, check.table]), description=check.description)
        for check in CHECKS
    ]


def history_check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of the history, as the step that compacts it declares them."""
    of_days = [
        dg.AssetCheckSpec(check.name, asset=[CHART_DAYS.name], description=check.description)
        for check in HISTORY_CHECKS
    ]
    return [*of_days, IDENTITY_CHECK]


def analysis_check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of the analyses, as the step that makes them declares them."""
    return [
        dg.AssetCheckSpec(check.name, asset=[check.table], description=check.description) for check in ANALYSIS_CHECKS
    ]


def results(
    slug: str, frames: Frames, days: Sequence[date], selected: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Make the selected checks of a playlist's tables over all days of the run."""
    for check in CHECKS:
        asset_key = dg.AssetKey([slug, check.table])
        if dg.AssetCheckKey(asset_key, check.name) in selected:
            findings = check.find(frames)
            yield dg.AssetCheckResult(
                asset_key=asset_key,
                check_name=check.name,
                passed=not findings,
                severity=check.severity,
                metadata=_metadata([f"{day}: {finding}" for day, finding in findings.items()], len(days)),
            )


def history_results(
    history: Mapping[str, DataFrame], left_out: Mapping[str, Mapping[str, str]]
) -> Iterator[dg.AssetCheckResult]:
    """Make the checks of the history; the newest days are named first.

    Args:
        history: the rows of `chart_days` of each playlist.
        left_out: by playlist, the days that are not in it until they are made again, and why.
    """
    waiting = [(day, slug, why) for slug, days in left_out.items() for day, why in days.items()]
    for check in HISTORY_CHECKS:
        findings = [
            (str(day), slug, found) for slug, days in history.items() for day, found in check.find(days).items()
        ]
        if check.find is failed_days:
            findings += waiting
        named = [f"{slug} {day}: {found}" for day, slug, found in sorted(findings, reverse=True)]
        yield dg.AssetCheckResult(
            asset_key=[CHART_DAYS.name],
            check_name=check.name,
            passed=not findings,
            severity=check.severity,
            metadata=_metadata(named, sum(map(len, history.values()))),
        )


def identity_result(identity: Identity) -> dg.AssetCheckResult:
    """Make the check of what songs are taken for: what somebody should look at, and settle in song_aliases.csv."""
    pairs = identity.candidates.sort_values(["came_on", "playlist", "position"], ascending=[False, True, True])
    suspicions = [
        *(f"{ALIASES_KEY} names {name}, which is no song" for name in identity.unknown_aliases),
        *(
            f"{isrc} proves nothing: different titles have it in one edition: {', '.join(titles)}"
            for isrc, titles in sorted(identity.ambiguous_isrcs.items())
        ),
        *(
            f"{row['playlist']} {row['came_on']}: {row['song_key']} ({row['song_name']}) may be "
            f"{row['earlier_song_key']} ({row['earlier_song_name']}), last seen on {row['left_on']}"
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
            **_listed(suspicions),
        },
    )


def analysis_results(counted: Mapping[AnalysisCheck, Counted]) -> Iterator[dg.AssetCheckResult]:
    """Report the checks of the analyses. A number that is wrong is a defect, of the SQL or of the engine."""
    for check, result in counted.items():
        yield dg.AssetCheckResult(
            asset_key=[check.table],
            check_name=check.name,
            passed=not result.findings,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={**result.numbers, **_listed(result.findings)},
        )


def _metadata(findings: Sequence[str], days: int) -> dict[str, Any]:
    return {"days checked": days, "days with findings": len(findings), **_listed(findings)}


def _listed(findings: Sequence[str]) -> dict[str, Any]:
    """The findings, the first of them if they are many; nothing where there are none."""
    listed = [f"- {finding}" for finding in findings[:NAMED_DAYS]]
    more = [f"- and {len(findings) - NAMED_DAYS} more"] if len(findings) > NAMED_DAYS else []
    return {"findings": dg.MetadataValue.md("\n".join(listed + more))} if findings else {}

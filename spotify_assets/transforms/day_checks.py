"""What can be wrong with the tables of a day, found in the tables themselves. How it is reported is `checks`' business.

Each function takes the daily tables of some days by name and gives what it found, by day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from spotify_assets.schemas import TABLES

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any

Findings = dict[date, str]
"""What is wrong, by day."""
Frames = Mapping[str, DataFrame]
Find = Callable[[Frames], Findings]


def incomplete_positions(frames: Frames) -> Findings:
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


def repeated_keys(frames: Frames) -> Findings:
    """Days on which the key of a table is not unique."""
    findings: Findings = {}
    for table in TABLES.values():
        frame = frames[table.name]
        repeated = Counter(frame.loc[frame.duplicated([*table.key, "snapshot_date"]), "snapshot_date"])
        for day, count in repeated.items():
            found = f"{table.name}: {count} repeated values of {', '.join(table.key)}"
            findings[day] = f"{findings[day]}; {found}" if day in findings else found
    return findings


def broken_references(frames: Frames) -> Findings:
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


def short_lists(frames: Frames) -> Findings:
    """Days on which fewer entries are listed than the chart has, or another number than the source says."""
    columns = (frames["snapshots"][name] for name in ("snapshot_date", "listed", "chart_size", "announced"))
    findings: Findings = {}
    for day, listed, size, announced in zip(*columns, strict=True):
        if listed < size:
            findings[day] = f"{listed} of {size} entries: positions after a gap are not certain"
        elif announced is not None:
            findings[day] = f"{listed} entries, while the source says that there are {announced}"
    return findings


def incomplete_enrichment(frames: Frames) -> Findings:
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


MUST_PASS: Mapping[str, Find] = {
    "positions_complete": incomplete_positions,
    "references_whole": broken_references,
    "keys_unique": repeated_keys,
}
"""The checks of severity ERROR, by name."""


def failed_checks(frames: Frames) -> Findings:
    """What the checks of severity ERROR find, each with its name."""
    findings: dict[date, list[str]] = {}
    for name, find in MUST_PASS.items():
        for day, found in find(frames).items():
            findings.setdefault(day, []).append(f"{name}: {found}")
    return {day: "; ".join(found) for day, found in findings.items()}

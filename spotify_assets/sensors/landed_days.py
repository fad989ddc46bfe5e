"""What new files of the landing folder hold: which days of which playlists, or why a file cannot be used.

Which files are new is `landing_watermark`; what becomes of their days, `chart_landing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from spotify_assets.errors import NotStored, Refusal, SourceRefusal, StorageError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.charts.landing import LandedFile, problem_with, share_out
from spotify_assets.storage.object_store import PARALLEL_REQUESTS

SECOND = timedelta(seconds=1)


@dataclass
class HeldDay:
    """What new files hold of a day.

    Attributes:
        there_since: since when the newest of these files has surely been there.
        digests: what they say, in brief; one, unless they contradict each other.
    """

    there_since: datetime
    digests: set[bytes]


@dataclass(frozen=True)
class Reading:
    """What new files hold.

    Attributes:
        days: by playlist and day.
        problems: what is wrong with which file.
        unread: keys of the files that are to be read again.
    """

    days: dict[str, dict[date, HeldDay]]
    problems: list[str]
    unread: list[str]


def read_files(files: Sequence[LandedFile], playlists: Sequence[PlaylistSettings], start: date) -> Reading:
    """Read files, several at once, and collect the days that they hold, among those from `start` to today in Japan."""
    reading = Reading({playlist.slug: {} for playlist in playlists}, [], [])
    files_of: dict[str, list[str]] = {playlist.slug: [] for playlist in playlists}
    blocked: dict[str, str] = {}
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        read = list(pool.map(lambda landed: _read(landed, playlists), files))
    for landed, found in zip(files, read, strict=True):
        key = landed.stored.key
        if isinstance(found, NotStored):
            continue  # it has gone since it was listed
        if isinstance(found, Refusal):
            reading.problems.append(problem_with(key, found))
            if isinstance(found, StorageError):
                reading.unread.append(key)
            elif landed.slug in files_of and landed.day is None:
                # It may hold any day of its playlist, so a run over any of them would stop at it.
                reading.unread.append(key)
                blocked[landed.slug] = key
            continue
        for slug, digests in found.items():
            files_of[slug].append(key)
            _collect(reading, landed, slug, digests, start)
    for slug, key in blocked.items():
        reading.days[slug].clear()
        reading.unread.extend(files_of[slug])
        if files_of[slug]:
            reading.problems.append(
                f"{slug}: {len(files_of[slug])} of its files wait until {key} is mended or removed."
            )
    return reading


def _collect(reading: Reading, landed: LandedFile, slug: str, digests: Mapping[date, bytes], start: date) -> None:
    """Add what a file says of a playlist's days."""
    there_since = landed.stored.modified + (timedelta() if landed.stored.modified.microsecond else SECOND)
    inside = [day for day in digests if start <= day <= today_in_japan()]
    for day in inside:
        held = reading.days[slug].setdefault(day, HeldDay(there_since, set()))
        held.there_since = max(held.there_since, there_since)
        held.digests.add(digests[day])
    if len(inside) < len(digests):
        reading.problems.append(_no_partitions(landed.stored.key, list(digests), start))


def _read(landed: LandedFile, playlists: Sequence[PlaylistSettings]) -> dict[str, Mapping[date, bytes]] | Refusal:
    """Whose a file is, by playlist, and what it says of which day; or why it cannot be used."""
    try:
        shares = share_out(landed.original, playlists, landed.slug)
    except Refusal as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - whatever a stranger's file brings about, the sensor outlives it
        return SourceRefusal(
            f"{landed.original.name} cannot be read.",
            why=f"reading it stopped with {type(error).__name__}: {error}",
            remedy="take the file as it was first downloaded, and put it there again",
        )
    return {
        share.playlist.slug: {edition.chart_date: edition.digest for edition in share.chart.editions}
        for share in shares
    }


def _no_partitions(key: str, days: Sequence[date], start: date) -> str:
    """What to say of a file with days before the first partition, or in the future."""
    outside = [day for day in days if not start <= day <= today_in_japan()]
    remedies = ["correct the dates, and put the file there again"]
    if min(outside) < start:
        remedies.insert(0, f"set `start` to {min(outside)} or earlier")
    return (
        f"{key}: {len(outside)} of its {len(days)} days are no partitions, as {outside[0]}. Why: partitions go from "
        f"{start}, the `start` of the playlists file, to today. What to do: {', or '.join(remedies)}."
    )

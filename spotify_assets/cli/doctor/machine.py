"""Looks at this machine: its clock, beside the answers that were fetched anyway, and its disks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding, sentences
from spotify_assets.cli.instance import PROJECT_HOME
from spotify_assets.settings import Settings

FURTHEST = timedelta(minutes=5)
"""Beyond it AWS begins to refuse signatures, and days are taken for others."""
LITTLE = 10**9
TOO_LITTLE = 10**8
"""Bytes of free space."""


class Clock:
    """How far this machine's clock is from others', by the answers that looks have had."""

    def __init__(self) -> None:
        self._ahead: dict[str, timedelta] = {}

    def compare(self, whose: str, moment: datetime) -> None:
        """Take note of what somebody else's clock shows now."""
        self._ahead[whose] = datetime.now(UTC) - moment

    def compare_date(self, whose: str, date: str) -> None:
        """The same, by the `Date` of an HTTP answer; nothing where it has none."""
        try:
            self.compare(whose, parsedate_to_datetime(date))
        except (TypeError, ValueError):
            return

    def finding(self) -> Finding:
        """The largest difference."""
        if not self._ahead:
            return Finding("clock", OK, "not compared: nobody was asked")
        whose = max(self._ahead, key=lambda one: abs(self._ahead[one]))
        ahead = self._ahead[whose]
        if abs(ahead) <= FURTHEST:
            return Finding("clock", OK, f"{abs(ahead).total_seconds():.0f} s from that of {whose}")
        side = "ahead of" if ahead > timedelta(0) else "behind"
        text = sentences(
            f"This machine's clock is {abs(ahead) // timedelta(minutes=1)} minutes {side} that of {whose}.",
            why="it is not kept right; a list would be filed under another day, and AWS refuses what was signed at "
            "another time",
            remedy="let the system set it (`timedatectl set-ntp true`, or the host's clock for a container)",
        )
        return Finding("clock", BAD, text)


def look_at_disks(settings: Settings) -> Iterator[Finding]:
    """Free space where the lake, DAGSTER_HOME and temporary files are; a line for each disk."""
    places = {"temporary files": Path(tempfile.gettempdir())}
    places["DAGSTER_HOME"] = Path(os.environ.get("DAGSTER_HOME") or PROJECT_HOME).absolute()
    if not settings.lake_is_s3:
        places["lake"] = Path(settings.lake)
    disks: dict[int, dict[str, Path]] = {}
    for name, place in places.items():
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        disks.setdefault(there.stat().st_dev, {})[name] = there
    for on_it in disks.values():
        yield _look_at_disk(f"disk of {', '.join(sorted(on_it))}", next(iter(on_it.values())))


def _look_at_disk(subject: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / LITTLE:.1f} GB free" if free >= LITTLE else f"{free / 10**6:.0f} MB free"
    if free >= LITTLE:
        return Finding(subject, OK, text)
    complaint = sentences(
        f"The {subject} has {text}.",
        why="a run writes tables, its records and temporary files; Dagster's records grow with every run",
        remedy="free some: docs/running.md says how Dagster is kept small",
    )
    return Finding(subject, BAD if free < TOO_LITTLE else NOTE, complaint)

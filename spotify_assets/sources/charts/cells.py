"""Single cells of chart files: numbers, dates, ids of tracks, and how files write that there is nothing.

What belongs here: a cell's text in, its value out. Which column means what is `chart_formats`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

MISSING_CELLS = frozenset({"", "-", "<na>", "n/a", "na", "nan", "none", "null", "\\n"})
"""How files write that a cell has no value, case-folded: pandas, R (`NA`), MySQL (`\\N`) and people."""
TRACK_ID = re.compile(
    r"(?:spotify:track:|https?://open\.spotify\.com/(?:intl-[a-z-]+/)?track/)?([0-9A-Za-z]{22})/?(?:\?.*)?"
)
MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?"
FRIDAY = 4
WRITTEN_WEEK = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})--([0-9]{4}-[0-9]{2}-[0-9]{2})")
"""A week of the old site, from a Friday to the next."""
WRITTEN_DATE = re.compile(rf"([0-9]{{4}})([-/])([0-9]{{1,2}})\2([0-9]{{1,2}})(?:{MIDNIGHT})?")
WHOLE_NUMBER = re.compile(r"([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.00?)?")
"""Thousands may be set off by commas. pandas writes `.0`; what `1.000` is cannot be told: it may mean a thousand."""
NO_PLACE = frozenset({"-1", "-1.0"})
"""How files write that there was no previous place."""


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().casefold() in MISSING_CELLS


@lru_cache(maxsize=8192)
def whole_number(cell: str) -> int | None:
    """The number in a cell, 0 or more; None where it cannot be read in one way only."""
    match = WHOLE_NUMBER.fullmatch(cell.strip())
    return int(match[1].replace(",", "")) if match else None


@lru_cache(maxsize=8192)
def is_number_or_none(cell: str) -> bool:
    """Whether a cell is a number, or says that there is none."""
    return whole_number(cell) is not None or is_missing(cell) or cell.strip() in NO_PLACE


def spotify_track_id(cell: str) -> str | None:
    """The track id in a cell that holds an id, a `spotify:track:` URI or the address of the track's page."""
    match = None if is_missing(cell) else TRACK_ID.fullmatch(cell.strip())
    return match[1] if match else None


@lru_cache(maxsize=4096)
def written_date(written: str) -> date | None:
    """The date in a cell; None where it is none, or cannot be read in one way only."""
    week = WRITTEN_WEEK.fullmatch(written)
    if week:
        first, last = written_date(week[1]), written_date(week[2])
        is_week = first and last and first.weekday() == FRIDAY and last - first == timedelta(weeks=1)
        return last if is_week else None
    match = WRITTEN_DATE.fullmatch(written)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def week_end(day: date) -> date:
    """The Thursday that ends the week of a weekly chart, whether it is dated by that or by the Friday after.

    charts.spotify.com dates weeks by their Thursday, the old site and archives made of it by the Friday after. A chart
    of another weekday keeps its day.
    """
    return day - timedelta(days=1) if day.weekday() == FRIDAY else day


def is_name(cell: str, *, has_id: bool) -> bool:
    """Whether a cell is the name of a song, an artist or an album.

    A song may be called `None` or `NA`, and an album `-`: in a row with a track id such a cell is a name.
    """
    return bool(cell.strip()) if has_id else not is_missing(cell)

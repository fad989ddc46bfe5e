"""What the name of a chart file says: its chart, country, cadence and day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.chart_text import refusal

CHART_NAME = re.compile(r"(?:regional|viral)-(global|[a-z]{2})-(daily|weekly)(?![a-z])")
NAMED_DATE = "(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])"
NAMED_WEEK = re.compile(f"{NAMED_DATE}--{NAMED_DATE}")
FRIDAY = 4


@dataclass(frozen=True)
class FileName:
    """What a name says; None for what it does not."""

    chart: str | None
    country: str | None
    cadence: str | None
    chart_date: date | None


def chart_and_day_in_name(name: str) -> tuple[str | None, date | None]:
    """The chart and the only day that a file can hold, going by its name; None where only reading it tells.

    A date says so only beside a chart's name: an archive may carry the day of its download.
    """
    try:
        named = read_name(name)
    except SourceRefusal:
        return None, None
    return named.chart, named.chart_date if named.chart else None


def read_name(name: str) -> FileName:
    """Read the name of a chart file; folders in front of it do not count.

    Raises:
        SourceRefusal: a date in it is none, or a week in it is none.
    """
    base = re.split(r"[/\\]", name)[-1].casefold()
    chart = CHART_NAME.search(base)
    chart_name, country, cadence = (chart[0], chart[1], chart[2]) if chart else (None, None, None)
    week = NAMED_WEEK.search(base)
    if week:
        return FileName(chart_name, country, "weekly", _week_of_old_site(name, week, cadence))
    dates = [_named_date(name, written) for written in re.findall(NAMED_DATE, base)]
    # Two dates in a name are a span of days, and no day in particular.
    return FileName(chart_name, country, cadence, dates[0] if len(dates) == 1 else None)


def _week_of_old_site(name: str, week: re.Match[str], cadence: str | None) -> date:
    first, last = (_named_date(name, written) for written in week.groups())
    if cadence == "daily" or last - first != timedelta(days=7) or first.weekday() != FRIDAY:
        raise refusal(
            name,
            f"its name says {week[0]}, which is no week of a weekly chart",
            why="the old site's weeks run from a Friday to the next Friday, and only weekly charts have them",
            remedy="rename the file with the week or the day of its chart",
        )
    return last - timedelta(days=1)


def _named_date(name: str, written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise refusal(
            name,
            f"its name says {written}, which is no date",
            why=str(error),
            remedy="rename the file with the day of its chart",
        ) from error

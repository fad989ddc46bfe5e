"""What the name of a chart file says: its chart, country, cadence and day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from spotify_assets.errors import SourceRefusal
from spotify_assets.settings.playlists import WITHOUT_SONGS
from spotify_assets.sources.charts.cells import FRIDAY, week_end
from spotify_assets.sources.charts.chart_text import refusal

NAMED_DATE = "(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])"
NAMED_WEEK = re.compile(f"{NAMED_DATE}--{NAMED_DATE}")
COUNTRY_CHART = re.compile(
    r"(?P<chart>(?P<kind>regional|viral)-(?P<country>global|[a-z]{2})-(?P<cadence>daily|weekly))(?![a-z])"
)
"""Charts of a country, wherever they stand in a name."""
ANY_CHART = re.compile(r"(?P<chart>(?P<kind>[a-z0-9]+)(?:-[a-z0-9]+)+-(?P<cadence>daily|weekly))-(?=[0-9]{4}-)")
"""The name of any chart on Spotify's site, such as `citytoptrack-tokyo-weekly`, at the beginning and with a date."""
FAMILY = re.compile(r"(?P<kind>top|viral)[ _-]?(?:200|50)[ _-](?P<cadence>daily|weekly)(?![a-z])")
"""How tools name archives of the charts of countries: `top_200_daily.csv`, `viral50_weekly_charts.csv`."""


@dataclass(frozen=True)
class FileName:
    """What a name says; None for what it does not.

    Attributes:
        chart: the chart's name on Spotify's site.
        kind: `regional` (the top songs), `viral`, `citytoptrack`, ...: what a chart's name begins with.
        country: two letters or `global`.
        cadence: `daily` or `weekly`.
        chart_date: the chart's day; of a weekly chart the Thursday that ends its week.
    """

    chart: str | None = None
    kind: str | None = None
    country: str | None = None
    cadence: str | None = None
    chart_date: date | None = None


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
        SourceRefusal: a date in it is none, a week in it is none, or it names a chart that lists no songs.
    """
    base = re.split(r"[/\\]", name)[-1].casefold()
    said = COUNTRY_CHART.search(base) or ANY_CHART.match(base) or FAMILY.search(base)
    parts = said.groupdict() if said else {}
    kind, cadence = parts.get("kind"), parts.get("cadence")
    if kind in WITHOUT_SONGS:
        raise refusal(
            name,
            f"it is the chart {parts['chart']}",
            why=f"that is a chart of {WITHOUT_SONGS[kind]}, and lists no songs",
            remedy="download a chart of songs instead",
        )
    kind = "regional" if kind == "top" else kind
    week = NAMED_WEEK.search(base)
    if week:
        day: date | None = _week_of_old_site(name, week, cadence)
        cadence = "weekly"
    else:
        dates = [_named_date(name, written) for written in re.findall(NAMED_DATE, base)]
        # Two dates in a name are a span of days, and no day in particular.
        day = dates[0] if len(dates) == 1 else None
        day = week_end(day) if day and cadence == "weekly" else day
    return FileName(parts.get("chart"), kind, parts.get("country"), cadence, day)


def _week_of_old_site(name: str, week: re.Match[str], cadence: str | None) -> date:
    first, last = (_named_date(name, written) for written in week.groups())
    if cadence == "daily" or last - first != timedelta(days=7) or first.weekday() != FRIDAY:
        raise refusal(
            name,
            f"its name says {week[0]}, which is no week of a weekly chart",
            why="the old site's weeks run from a Friday to the next Friday, and only weekly charts have them",
            remedy="rename the file with the week or the day of its chart",
        )
    return week_end(last)


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

"""The one daily partitions definition, and what "today" (a day in Japan) and a range of days mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

TIMEZONE = "Asia/Tokyo"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def daily_partitions(start: date) -> dg.DailyPartitionsDefinition:
    """Days in Japan from `start` to today; `end_offset=1` because a snapshot taken today belongs to today."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone=TIMEZONE, end_offset=1)


def today_in_japan(now: datetime | None = None) -> date:
    """The date in Japan at `now` (timezone-aware; default: this moment)."""
    return (now or datetime.now(tz=ZoneInfo(TIMEZONE))).astimezone(ZoneInfo(TIMEZONE)).date()


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """The tags by which Dagster knows a run over these days, which are sorted and without a gap."""
    return {RANGE_START_TAG: str(days[0]), RANGE_END_TAG: str(days[-1])}


def consecutive(days: Sequence[date]) -> list[list[date]]:
    """Cut sorted days into stretches without a gap."""
    stretches: list[list[date]] = []
    for day in days:
        if stretches and (day - stretches[-1][-1]).days == 1:
            stretches[-1].append(day)
        else:
            stretches.append([day])
    return stretches

"""The one daily partitions definition, and what "today" means: a day in Japan. Nothing else belongs here."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

TIMEZONE = "Asia/Tokyo"


def daily_partitions(start: date) -> dg.DailyPartitionsDefinition:
    """Days in Japan from `start` to today; `end_offset=1` because a snapshot taken today belongs to today."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone=TIMEZONE, end_offset=1)


def today_in_japan(now: datetime | None = None) -> date:
    """The date in Japan at `now` (timezone-aware; default: this moment)."""
    return (now or datetime.now(tz=ZoneInfo(TIMEZONE))).astimezone(ZoneInfo(TIMEZONE)).date()

"""The rows of `CHART_DAYS`: a playlist's days in order, with what only the days together say of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd

from spotify_assets.schemas.analyses import CHART_DAYS
from spotify_assets.transforms.day_checks import failed_checks

STALE_AFTER = {"daily": timedelta(days=3), "weekly": timedelta(days=9)}
"""How long a chart may stay the same, or not be renewed, before it is older than its day: two missed updates of a daily
chart, one of a weekly chart and a day or two of delay."""
JAPAN = pd.Timedelta(hours=9)


class Edition(NamedTuple):
    """A content and the first of the days in a row that had it."""

    content_hash: str
    first_day: date


def chart_days(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of some days, as if no days were stored before them.

    Args:
        frames: the daily tables of the same days of one playlist, each with `snapshot_date`.
    """
    snapshots, failed = frames["snapshots"], failed_checks(frames)
    days = snapshots.assign(
        failed_checks=pd.Series([failed.get(day) for day in snapshots["snapshot_date"]], snapshots.index, dtype=object)
    )
    return with_editions(days, None)


def with_editions(days: pd.DataFrame, before: Edition | None) -> pd.DataFrame:
    """Days in order, with `edition`, `unchanged` and `stale` as the days before them have it.

    Args:
        days: all other columns of `CHART_DAYS`, of consecutive stored days of one playlist.
        before: the edition of the stored day before the first of them; None where there is none.
    """
    ordered = days.sort_values("snapshot_date", ignore_index=True)
    editions: list[date] = []
    for day, content in zip(ordered["snapshot_date"], ordered["content_hash"], strict=True):
        if before is None or content != before.content_hash:
            before = Edition(content, day)
        editions.append(before.first_day)
    renewed = (pd.to_datetime(ordered["renewed_at"]) + JAPAN).dt.date
    columns = zip(ordered["snapshot_date"], ordered["cadence"], editions, renewed, strict=True)
    stale = [
        any(not pd.isna(since) and day - since >= STALE_AFTER[cadence] for since in (edition, renewal))
        for day, cadence, edition, renewal in columns
    ]
    unchanged = [edition < day for day, edition in zip(ordered["snapshot_date"], editions, strict=True)]
    found = {"edition": editions, "unchanged": unchanged, "stale": stale}
    return ordered.assign(**{name: pd.Series(values, dtype=object) for name, values in found.items()})[
        CHART_DAYS.column_names
    ]


def newest_edition(days: pd.DataFrame) -> Edition | None:
    """The edition of the last of these rows; None where there are none."""
    if days.empty:
        return None
    last = days.iloc[-1]
    return Edition(last["content_hash"], last["edition"])

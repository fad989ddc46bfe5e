"""What is not known of a chart: days that are missing, stale or unchanged, fields that a source lacks, rejects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from spotify_assets.analytics.released_tables import ReleasedTables

Row = dict[str, Any]
CALENDAR_MONTHS = 24
LISTED_DAYS = 30
FIELDS = {
    "song_id": "Spotify id",
    "isrc": "ISRC",
    "album_name": "album",
    "release_date_from": "release date",
    "duration_ms": "length",
    "explicit": "explicit or not",
    "popularity": "popularity",
    "streams": "streams",
    "genres": "genres",
}
"""Fields that a source may lack, as columns of chart_entries and in words."""

_DAYS = """
WITH stored AS (
    SELECT snapshot_date, cadence, rejected,
        CASE
            WHEN failed_checks IS NOT NULL THEN 'failed a check'
            WHEN stale THEN 'stale'
            WHEN unchanged THEN 'unchanged'
            ELSE 'stored'
        END AS state
    FROM chart_days
),
expected AS (
    SELECT unnest(generate_series(min(snapshot_date), max(snapshot_date), INTERVAL 1 DAY))::DATE AS snapshot_date
    FROM stored WHERE cadence = 'daily'
)
SELECT snapshot_date, coalesce(state, 'missing') AS state, rejected
FROM stored FULL JOIN expected USING (snapshot_date)
ORDER BY snapshot_date
"""
_UNIDENTIFIED = "SELECT sum(unidentified)::BIGINT AS unidentified FROM chart_editions"
_COVERAGE = "SELECT {columns} FROM chart_entries {where}"


@dataclass(frozen=True)
class Completeness:
    """What is known and what is not.

    Attributes:
        calendar: a row per stored day, and of a daily chart per day between them: its state, and entries rejected.
        unidentified: rows of all editions that name no song: neither title nor id.
        fields: by field, the share of rows that have it, in the newest day and in all of them.
    """

    calendar: list[Row]
    unidentified: int
    fields: dict[str, tuple[float | None, float | None]]

    @property
    def states(self) -> dict[int, dict[str, int]]:
        """Days of each state, by year."""
        counted: dict[int, dict[str, int]] = {}
        for day in self.calendar:
            of_year = counted.setdefault(day["snapshot_date"].year, {})
            of_year[day["state"]] = of_year.get(day["state"], 0) + 1
        return counted

    @property
    def newest_months(self) -> list[Row]:
        """The days of the newest months, which the picture shows."""
        months = sorted({_month(day["snapshot_date"]) for day in self.calendar})[-CALENDAR_MONTHS:]
        return [day for day in self.calendar if _month(day["snapshot_date"]) in months]

    @property
    def with_rejects(self) -> list[Row]:
        """The newest days on which entries were rejected."""
        return [day for day in reversed(self.calendar) if day["rejected"]][:LISTED_DAYS]


def read_completeness(released: ReleasedTables) -> Completeness:
    """What is known of a playlist whose tables are shown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    columns = ", ".join(f"count({field}) / nullif(count(*), 0)::DOUBLE AS {field}" for field in FIELDS)
    newest = "WHERE snapshot_date = (SELECT max(snapshot_date) FROM chart_days)"
    (of_newest,) = released.answer(_COVERAGE.format(columns=columns, where=newest)).to_pylist()
    (of_all,) = released.answer(_COVERAGE.format(columns=columns, where="")).to_pylist()
    return Completeness(
        calendar=released.answer(_DAYS).to_pylist(),
        unidentified=released.answer(_UNIDENTIFIED)["unidentified"][0].as_py(),
        fields={words: (of_newest[field], of_all[field]) for field, words in FIELDS.items()},
    )


def _month(day: date) -> str:
    return f"{day:%Y-%m}"

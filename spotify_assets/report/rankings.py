"""Who rules a chart: artists and albums of periods, the top ten of late, and every stay at number one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spotify_assets.analytics.released_tables import ReleasedTables

Row = dict[str, Any]
TOP = 10
BUMP_EDITIONS = 60
"""Days of a daily chart, weeks of a weekly one."""
PERIODS = {"week": "Newest week", "month": "Newest month", "year": "Newest year", "all": "All time"}

_RANKING = """
SELECT *
FROM {table}
WHERE rank <= {top} AND (period, period_start) IN (
    SELECT (period, max(period_start)) FROM chart_periods WHERE period <> 'day' GROUP BY period
)
ORDER BY rank, {key}
"""
# A stretch is unbroken: consecutive editions, none missing between them.
_PLACES = """
SELECT
    history.song_key,
    history.song_name,
    history.artist_names,
    history.edition_date,
    history.edition_number,
    history.position,
    edition.is_last,
    edition.gaps || ' ' || (history.edition_number - row_number() OVER (
        PARTITION BY history.song_key, edition.gaps ORDER BY history.edition_number
    )) AS stretch
FROM song_history AS history
JOIN (
    SELECT edition_date, is_last, count(*) FILTER (gap) OVER (ORDER BY edition_number) AS gaps FROM chart_editions
) AS edition ON edition.edition_date = history.edition_date
WHERE history.position <= {lowest}
"""
_TOP_TEN = f"""
SELECT * FROM ({_PLACES.format(lowest=TOP)})
WHERE edition_date > (
    SELECT edition_date - {BUMP_EDITIONS} * if(cadence = 'daily', 1, 7) FROM chart_editions WHERE is_last
)
ORDER BY edition_number, position, song_key
"""
_NUMBER_ONES = f"""
SELECT
    song_key,
    arg_max(song_name, edition_number) AS song_name,
    arg_max(artist_names, edition_number) AS artist_names,
    min(edition_date) AS first_edition,
    max(edition_date) AS last_edition,
    count(*) AS editions
FROM ({_PLACES.format(lowest=1)})
GROUP BY song_key, stretch
ORDER BY first_edition DESC, song_key
"""


@dataclass(frozen=True)
class Rankings:
    """Who rules a chart.

    Attributes:
        artists: by period, rows of artist_analysis of its newest one, up to rank 10.
        albums: likewise of album_analysis.
        top_ten: places among the first ten in the last sixty days, or weeks; a stretch is unbroken.
        number_ones: unbroken stays at position 1, the newest first.
    """

    artists: dict[str, list[Row]]
    albums: dict[str, list[Row]]
    top_ten: list[Row]
    number_ones: list[Row]


def read_rankings(released: ReleasedTables) -> Rankings:
    """Who rules the chart of a playlist whose tables are shown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    return Rankings(
        artists=_by_period(released.answer(_RANKING.format(table="artist_analysis", top=TOP, key="artist_key"))),
        albums=_by_period(released.answer(_RANKING.format(table="album_analysis", top=TOP, key="album_key"))),
        top_ten=released.answer(_TOP_TEN).to_pylist(),
        number_ones=released.answer(_NUMBER_ONES).to_pylist(),
    )


def _by_period(answer: Any) -> dict[str, list[Row]]:
    rows = answer.to_pylist()
    return {period: of for period in PERIODS if (of := [row for row in rows if row["period"] == period])}

"""How a chart moves: turnover, concentration, age, collaborations, genres, survival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spotify_assets.analytics.released_tables import ReleasedTables

Row = dict[str, Any]
POINTS = 130
"""Points that a line has at most before a longer period is taken."""
PAIRS = 30
GENRES = 8

_PERIODS = "SELECT period, count(*) AS periods FROM chart_trends GROUP BY period"
# Turnover is not known where the period before has no edition: there a line has to break.
_TRENDS = """
SELECT *, count(*) FILTER (turnover IS NULL) OVER (ORDER BY period_start) AS stretch
FROM chart_trends WHERE period = '{period}' ORDER BY period_start
"""
_PAIRS = f"SELECT * FROM collaborations ORDER BY songs DESC, points DESC, artist_key, other_artist_key LIMIT {PAIRS}"
_GENRES = f"""
WITH largest AS (
    SELECT genre FROM genre_trends WHERE period = 'all' AND genre <> 'unknown'
    ORDER BY song_editions_weighted DESC, genre LIMIT {GENRES}
)
SELECT period_start, coalesce(largest.genre, if(trend.genre = 'unknown', 'not known', 'other')) AS genre,
    sum(share) AS share, any_value(period_end) AS period_end
FROM genre_trends AS trend LEFT JOIN largest ON largest.genre = trend.genre
WHERE period = '{{period}}'
GROUP BY ALL ORDER BY period_start, genre
"""
_SURVIVAL = "SELECT * FROM song_survival WHERE basis = 'spell' ORDER BY editions_on_chart"


@dataclass(frozen=True)
class Movement:
    """How a chart moves.

    Attributes:
        period: the period of the trends and genres: the shortest that gives no more than `POINTS` of them.
        trends: rows of chart_trends, one a period; a stretch of them is without a gap.
        collaborations: rows of the pairs with most songs.
        genres: shares by period; empty where no genre is known.
        survival: rows of song_survival by spell.
    """

    period: str
    trends: list[Row]
    collaborations: list[Row]
    genres: list[Row]
    survival: list[Row]

    @property
    def newest(self) -> Row:
        """The trends of the newest period."""
        return self.trends[-1]


def read_movement(released: ReleasedTables) -> Movement:
    """How the chart of a playlist whose tables are shown moves.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    periods = {row["period"]: row["periods"] for row in released.answer(_PERIODS).to_pylist()}
    short_enough = [period for period in ("day", "week", "month") if 0 < periods.get(period, 0) <= POINTS]
    period = short_enough[0] if short_enough else "year"
    genres = released.answer(_GENRES.format(period=period)).to_pylist()
    return Movement(
        period=period,
        trends=released.answer(_TRENDS.format(period=period)).to_pylist(),
        collaborations=released.answer(_PAIRS).to_pylist(),
        genres=genres if any(row["genre"] != "not known" for row in genres) else [],
        survival=released.answer(_SURVIVAL).to_pylist(),
    )

"""What the Dagster UI shows of each analysis: numbers to plot, and first rows. Drawing is `pictures`' business.

Numbers and rows are those that the tables have; here it is only chosen which of them say most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spotify_assets.analytics.released_tables import ReleasedTables
from spotify_assets.report.markdown import markdown_table

Number = int | float
PREVIEW_ROWS = 10


@dataclass(frozen=True)
class _Chosen:
    """What is shown of a table.

    Attributes:
        numbers: a query for one row, whose columns are called as people read them.
        preview: a query for rows, without its limit.
    """

    numbers: str
    preview: str


_NEWEST = "(SELECT max(edition_date) FROM chart_editions)"
_SHORTEST = "(SELECT arg_min(period, period_end - period_start) FROM chart_trends WHERE period <> 'all')"

CHOSEN: Mapping[str, _Chosen] = {
    "chart_editions": _Chosen(
        """
        SELECT count(*) AS "editions", sum(missing_before)::BIGINT AS "editions missing between them",
            arg_max(songs, edition_date) AS "songs in the newest edition"
        FROM chart_editions
        """,
        """
        SELECT edition_date, edition_number, previous_edition_date, missing_before, chart_size, listed, songs
        FROM chart_editions ORDER BY edition_date DESC
        """,
    ),
    "chart_periods": _Chosen(
        """
        SELECT count(DISTINCT (period, period_start)) AS "periods",
            count(DISTINCT (period, period_start)) FILTER (observed_editions < expected_editions)
                AS "periods with missing editions"
        FROM chart_periods
        """,
        """
        SELECT DISTINCT period, period_start, period_end, expected_editions, observed_editions
        FROM chart_periods WHERE period <> 'day' ORDER BY period_start DESC, period_end
        """,
    ),
    "song_history": _Chosen(
        f"""
        SELECT count(*) AS "songs on the newest chart",
            count(*) FILTER (entry_status IN ('NEW', 'FIRST_SEEN')) AS "new entries",
            count(*) FILTER (entry_status = 'RE_ENTRY') AS "songs that came back",
            count(*) FILTER (entry_status_basis = 'doubtful') AS "doubtful new entries"
        FROM song_history WHERE edition_date = {_NEWEST}
        """,
        f"""
        SELECT edition_date, position, song_name, artist_names, entry_status, movement, peak_position, streak
        FROM song_history WHERE edition_date = {_NEWEST} ORDER BY position
        """,
    ),
    "song_popularity": _Chosen(
        f"""
        SELECT count(*) AS "songs ever on the chart",
            count(*) FILTER (dropped_out_on = {_NEWEST}) AS "drop-outs of the newest edition"
        FROM song_popularity
        """,
        """
        SELECT song_name, artist_names, points, peak_position, editions_on_chart, spells, first_seen, status_now
        FROM song_popularity ORDER BY points DESC, song_key
        """,
    ),
    "song_spells": _Chosen(
        """
        SELECT count(*) AS "spells", count(re_entry_gap) AS "spells of songs that came back",
            max(editions) AS "longest spell in editions"
        FROM song_spells
        """,
        """
        SELECT song_name, lead_artist_name, editions, spell_start, spell_end, best_position, entry_position,
            right_censored
        FROM song_spells ORDER BY editions DESC, song_key, spell_number
        """,
    ),
    "artist_analysis": _Chosen(
        """
        SELECT count(*) AS "artists", max(share) AS "largest share of the chart",
            max(most_songs_at_once) AS "most songs at once"
        FROM artist_analysis WHERE period = 'all'
        """,
        """
        SELECT rank, artist_name, points, songs, share, best_position, number_ones, most_songs_at_once
        FROM artist_analysis WHERE period = 'all' ORDER BY rank, artist_key
        """,
    ),
    "album_analysis": _Chosen(
        """
        SELECT count(*) AS "albums", max(share) AS "largest share of the chart",
            max(most_songs_at_once) AS "most songs at once"
        FROM album_analysis WHERE period = 'all'
        """,
        """
        SELECT rank, album_name, lead_artist_name, points, songs, total_tracks, share, best_position
        FROM album_analysis WHERE period = 'all' ORDER BY rank, album_key
        """,
    ),
    "genre_trends": _Chosen(
        """
        SELECT count(*) FILTER (genre <> 'unknown') AS "genres",
            coalesce(max(share) FILTER (genre = 'unknown'), 0) AS "share of genres not known"
        FROM genre_trends WHERE period = 'all'
        """,
        """
        SELECT rank, genre, share, points_share, songs, best_position
        FROM genre_trends WHERE period = 'all' ORDER BY rank, genre
        """,
    ),
    "chart_trends": _Chosen(
        f"""
        SELECT turnover, effective_artists AS "effective number of artists", mean_age_days AS "mean age in days",
            missing_editions AS "missing editions"
        FROM chart_trends WHERE period = {_SHORTEST} ORDER BY period_start DESC LIMIT 1
        """,
        f"""
        SELECT period, period_start, songs, entries, exits, turnover, overlap, effective_artists, mean_age_days
        FROM chart_trends WHERE period = {_SHORTEST} ORDER BY period_start DESC
        """,
    ),
    "collaborations": _Chosen(
        'SELECT count(*) AS "pairs of artists", max(songs) AS "most songs of a pair" FROM collaborations',
        """
        SELECT artist_name, other_artist_name, songs, song_editions, points, best_position, last_seen
        FROM collaborations ORDER BY songs DESC, points DESC, artist_key, other_artist_key
        """,
    ),
    "song_survival": _Chosen(
        """
        SELECT max(half_life) AS "half-life in editions", max(at_risk) AS "spells whose beginning was seen"
        FROM song_survival WHERE basis = 'spell'
        """,
        """
        SELECT editions_on_chart, at_risk, exits, censored, survival, half_life
        FROM song_survival WHERE basis = 'spell' ORDER BY editions_on_chart
        """,
    ),
}
"""What is shown of each analysis, of the playlist whose tables are shown."""


def count_rows(tables: ReleasedTables) -> dict[str, int]:
    """The rows of each analysis, over all playlists; afterwards the tables of all playlists are shown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    tables.show(list(CHOSEN))
    counts = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in CHOSEN)
    (row,) = tables.answer(f"SELECT {counts}").to_pylist()
    return dict(row)


def numbers_of(table: str, tables: ReleasedTables) -> dict[str, Number]:
    """Numbers that say something of a table of the playlist whose tables are shown; what is not known is left out.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    rows = tables.answer(CHOSEN[table].numbers).to_pylist()
    return {name: value for row in rows for name, value in row.items() if value is not None}


def preview_of(table: str, tables: ReleasedTables) -> str:
    """The first rows of a table of the playlist whose tables are shown, as Markdown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    rows = tables.answer(f"{CHOSEN[table].preview} LIMIT {PREVIEW_ROWS}")
    return markdown_table(rows.column_names, (row.values() for row in rows.to_pylist()))

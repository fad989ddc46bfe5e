"""Every song and artist that was ever on a chart, with all positions, as the page's pickers take them.

Ten years of a chart of 50 are 182,500 positions; as plain numbers in lists they take half a megabyte, so nothing is
thinned out. A run is a list of stretches, each its first edition's number and the positions from there on.
"""

from __future__ import annotations

from typing import Any

from spotify_assets.analytics.released_tables import ReleasedTables

SONG_COLUMNS = (
    "song_key",
    "song_name",
    "artist_names",
    "song_id",
    "first_seen",
    "last_seen",
    "peak_position",
    "peak_date",
    "editions_on_chart",
    "editions_in_top_1",
    "editions_in_top_10",
    "longest_streak",
    "status_now",
)
ARTIST_COLUMNS = (
    "artist_key",
    "artist_name",
    "songs",
    "song_editions",
    "share",
    "points",
    "rank",
    "best_position",
    "number_ones",
)
_EDITIONS = "SELECT edition_date, gap FROM chart_editions ORDER BY edition_number"
_SONGS = f"SELECT {', '.join(SONG_COLUMNS)} FROM song_popularity ORDER BY points DESC, song_key"
_STRETCHES = """
WITH stretches AS (
    SELECT song_key, min(edition_number) AS start, list(position ORDER BY edition_number) AS positions
    FROM song_history GROUP BY song_key, spell_number
)
SELECT song_key, list([start] || positions ORDER BY start) AS run FROM stretches GROUP BY song_key
"""
_ARTISTS = f"SELECT {', '.join(ARTIST_COLUMNS)} FROM artist_analysis WHERE period = 'all' ORDER BY rank, artist_key"
_SONGS_OF_ARTISTS = """
SELECT artist_key, list(DISTINCT song_key ORDER BY song_key) AS songs
FROM (SELECT song_key, unnest(string_split(artist_keys, ';')) AS artist_key FROM song_history)
GROUP BY artist_key
"""
_SHARES = """
SELECT artist_key, list([epoch(period_start) // 86400, share] ORDER BY period_start) AS shares
FROM artist_analysis WHERE period = '{period}' GROUP BY artist_key
"""


def read_runs(released: ReleasedTables, period: str) -> dict[str, Any]:
    """The data of the pickers, as plain lists: columns once, then rows.

    Args:
        released: the tables of a playlist.
        period: the period by which an artist's share of the chart is drawn.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    songs = [list(row.values()) for row in released.answer(_SONGS).to_pylist()]
    artists = [list(row.values()) for row in released.answer(_ARTISTS).to_pylist()]
    place = {row[0]: number for number, row in enumerate(songs)}
    runs = {row["song_key"]: row["run"] for row in released.answer(_STRETCHES).to_pylist()}
    of_artists = {row["artist_key"]: row["songs"] for row in released.answer(_SONGS_OF_ARTISTS).to_pylist()}
    shares = {row["artist_key"]: row["shares"] for row in released.answer(_SHARES.format(period=period)).to_pylist()}
    editions = released.answer(_EDITIONS).to_pylist()
    return {
        "editions": [row["edition_date"] for row in editions],
        "gaps": [number for number, row in enumerate(editions, 1) if row["gap"]],
        "period": period,
        "songs": {"columns": SONG_COLUMNS, "rows": songs, "runs": [runs[row[0]] for row in songs]},
        "artists": {
            "columns": ARTIST_COLUMNS,
            "rows": artists,
            "songs": [[place[key] for key in of_artists.get(row[0], ())] for row in artists],
            "shares": [[[int(day), share] for day, share in shares.get(row[0], ())] for row in artists],
        },
    }

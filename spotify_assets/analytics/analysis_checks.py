"""What can be wrong with the analyses, found in what the engine made. How it is reported is `checks`' business.

Each check counts the same thing in two ways, for one playlist at a time: the two numbers have to be equal. The tables
are read as files, whichever engine made them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, CHART_ENTRIES, SONG_IDENTITY
from spotify_assets.schemas.table import Table

if TYPE_CHECKING:
    from spotify_assets.analytics.released_tables import ReleasedTables

TABLES_READ = (CHART_DAYS.name, CHART_ENTRIES.name, SONG_IDENTITY.name, *ANALYSES)
NAMED = 5
"""How many of the rows that do not agree are named, of each playlist."""
TOLERANCE = 1e-6
"""How far from one the sum of some thousand shares may be, each rounded to nine digits."""


@dataclass(frozen=True)
class AnalysisCheck:
    """Two ways to count the same in the tables of a playlist.

    Attributes:
        numbers: a query for one row. Its first two columns have to be equal; all are shown, under their names.
        disagreements: a query for a column of texts, which name what does not agree.
    """

    table: str
    name: str
    description: str
    numbers: str
    disagreements: str


@dataclass(frozen=True)
class Counted:
    """What a check counted over all playlists: whole numbers are summed, of others the largest is taken.

    Attributes:
        findings: a sentence for each playlist whose numbers are not equal.
    """

    numbers: Mapping[str, int | float]
    findings: Sequence[str]


def count(tables: ReleasedTables, check: AnalysisCheck, playlist: str) -> Counted:
    """Make a check for a playlist whose tables are shown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    (row,) = tables.answer(check.numbers).to_pylist()
    numbers = {name: value or 0 for name, value in row.items()}
    (one, other), (expected, found) = list(numbers)[:2], list(numbers.values())[:2]
    if expected == found:
        return Counted(numbers, ())
    named = tables.answer(f"SELECT * FROM ({check.disagreements}) LIMIT {NAMED}").columns[0].to_pylist()
    return Counted(numbers, (f"{playlist}: {one} {expected}, {other} {found}: {', '.join(map(str, named))}",))


def count_all(tables: ReleasedTables) -> dict[AnalysisCheck, Counted]:
    """Make all checks, one playlist after the other, so that memory is bounded by a playlist's history.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    counted = dict.fromkeys(ANALYSIS_CHECKS, Counted({}, ()))
    for playlist in sorted(tables.playlists):
        tables.show(TABLES_READ, playlist)
        counted = {check: _both(before, count(tables, check, playlist)) for check, before in counted.items()}
    return counted


def _both(one: Counted, other: Counted) -> Counted:
    numbers = {
        name: one.numbers.get(name, 0) + value if isinstance(value, int) else max(one.numbers.get(name, 0.0), value)
        for name, value in other.numbers.items()
    }
    return Counted(numbers, (*one.findings, *other.findings))


def _keys_unique(table: Table) -> AnalysisCheck:
    key = ", ".join(table.key)
    text = " || ' ' || ".join(f"{name}::VARCHAR" for name in table.key)
    return AnalysisCheck(
        table.name,
        "keys_unique",
        f"No two rows have the same {key}.",
        f'SELECT (SELECT count(*) FROM {table.name}) AS "rows", '
        f'(SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table.name})) AS "different keys"',
        f"SELECT {text} FROM {table.name} GROUP BY {key} HAVING count(*) > 1 ORDER BY 1",
    )


def _shares_sum_to_one(table: str, shares: str, where: str, description: str) -> AnalysisCheck:
    """A check of the shares of each period; `where` says in which playlists nothing is left out of them."""
    sums = f"""
        SELECT period, period_start, max(abs(total - 1)) AS distance
        FROM (
            SELECT period, period_start, unnest([{shares}]) AS total
            FROM {table}
            WHERE {where}
            GROUP BY period, period_start
        )
        GROUP BY period, period_start
    """
    return AnalysisCheck(
        table,
        "shares_sum_to_one",
        description,
        f"""
        SELECT
            count(*) AS "periods",
            count(*) FILTER (distance < {TOLERANCE}) AS "periods whose shares sum to one",
            coalesce(max(distance), 0.0)::DOUBLE AS "largest distance from one"
        FROM ({sums})
        """,
        f"SELECT period || ' ' || period_start FROM ({sums}) WHERE distance >= {TOLERANCE} ORDER BY ALL",
    )


_EDITIONS_STORED = """
SELECT DISTINCT if(cadence = 'weekly' AND source <> 'charts', edition, snapshot_date) AS edition_date FROM chart_days
"""
_SONGS_LISTED = """
SELECT DISTINCT edition.edition_date, song.song_key
FROM chart_entries AS entry
JOIN chart_editions AS edition ON edition.snapshot_date = entry.snapshot_date
JOIN song_identity AS song ON song.song_ref = entry.song_ref
"""
_SONGS_BY_EDITION = """
SELECT edition.edition_date, edition.songs, count(history.song_key) AS found
FROM chart_editions AS edition
LEFT JOIN song_history AS history ON history.edition_date = edition.edition_date
GROUP BY ALL
"""
ANALYSIS_CHECKS = (
    *(_keys_unique(table) for table in ANALYSES.values()),
    AnalysisCheck(
        "chart_editions",
        "no_edition_lost",
        "Every edition that the stored days have is in the calendar.",
        f"""
        SELECT
            (SELECT count(*) FROM ({_EDITIONS_STORED})) AS "editions stored",
            (SELECT count(*) FROM chart_editions SEMI JOIN ({_EDITIONS_STORED}) USING (edition_date))
                AS "editions in the calendar"
        """,
        f"SELECT edition_date FROM ({_EDITIONS_STORED}) ANTI JOIN chart_editions USING (edition_date) ORDER BY 1",
    ),
    AnalysisCheck(
        "chart_periods",
        "no_edition_lost",
        "Every edition is in the period of the whole time.",
        """
        SELECT
            (SELECT count(*) FROM chart_editions) AS "editions",
            (SELECT count(*) FROM chart_periods WHERE period = 'all') AS "editions in the whole time"
        """,
        "SELECT edition_date FROM chart_editions "
        "ANTI JOIN (SELECT edition_date FROM chart_periods WHERE period = 'all') USING (edition_date) ORDER BY 1",
    ),
    AnalysisCheck(
        "song_history",
        "no_edition_lost",
        "Every edition has a row for each of its songs.",
        f"""
        SELECT
            count(*) AS "editions",
            count(*) FILTER (songs = found) AS "editions with all their songs"
        FROM ({_SONGS_BY_EDITION})
        """,
        f"SELECT edition_date FROM ({_SONGS_BY_EDITION}) WHERE songs <> found ORDER BY 1",
    ),
    AnalysisCheck(
        "song_history",
        "songs_counted",
        "As many songs are in the editions as chart_entries lists there, by song_identity.",
        f"""
        SELECT
            (SELECT count(*) FROM ({_SONGS_LISTED})) AS "song-editions in chart_entries",
            (SELECT count(*) FROM song_history) AS "song-editions in song_history"
        """,
        f"""
        SELECT coalesce(listed.edition_date, history.edition_date) || ' ' || song_key
        FROM ({_SONGS_LISTED}) AS listed FULL JOIN song_history AS history USING (edition_date, song_key)
        WHERE listed.edition_date IS NULL OR history.edition_date IS NULL
        ORDER BY 1
        """,
    ),
    AnalysisCheck(
        "song_popularity",
        "songs_counted",
        "As many songs have a story as chart_entries lists, by song_identity.",
        f"""
        SELECT
            (SELECT count(DISTINCT song_key) FROM ({_SONGS_LISTED})) AS "songs in chart_entries",
            (SELECT count(*) FROM song_popularity) AS "songs in song_popularity"
        """,
        f"""
        SELECT song_key
        FROM (SELECT DISTINCT song_key, true AS listed FROM ({_SONGS_LISTED}))
        FULL JOIN (SELECT song_key, true AS told FROM song_popularity) USING (song_key)
        WHERE listed IS NULL OR told IS NULL
        ORDER BY 1
        """,
    ),
    AnalysisCheck(
        "song_spells",
        "songs_counted",
        "The lengths of the spells are together as many editions as the songs were on the chart.",
        """
        SELECT
            (SELECT count(*) FROM song_history) AS "song-editions in song_history",
            (SELECT coalesce(sum(editions), 0)::BIGINT FROM song_spells) AS "editions in spells"
        """,
        """
        SELECT song_key
        FROM (SELECT song_key, count(*) AS editions FROM song_history GROUP BY song_key) AS history
        FULL JOIN (SELECT song_key, sum(editions) AS editions FROM song_spells GROUP BY song_key) AS spells
            USING (song_key)
        WHERE history.editions IS DISTINCT FROM spells.editions
        ORDER BY 1
        """,
    ),
    _shares_sum_to_one(
        "artist_analysis",
        "sum(points_share_fractional)",
        "NOT EXISTS (FROM song_history WHERE artist_count = 0)",
        "The artists' fractional shares of the points of a period sum to one, where every song credits somebody.",
    ),
    _shares_sum_to_one(
        "album_analysis",
        "sum(share), sum(points_share)",
        "NOT EXISTS (FROM song_history WHERE album_key IS NULL)",
        "The albums' shares of a period sum to one, where the album of every song is known.",
    ),
    _shares_sum_to_one(
        "genre_trends",
        "sum(share), sum(points_share)",
        "true",
        "The genres' shares of a period sum to one.",
    ),
    _shares_sum_to_one(
        "chart_trends",
        "sum(new_share + recent_share + catalogue_share + unknown_age_share)",
        "new_share IS NOT NULL",
        "The shares of new, recent, older songs and those of unknown age sum to one in each period.",
    ),
)
"""All checks of the analyses."""

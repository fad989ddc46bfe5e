"""What the report records of the newest edition: its chart, what came, moved and left, and what is doubtful about it.

Figures are those of the released tables; nothing is computed here that a table has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spotify_assets.analytics.released_tables import ReleasedTables
from spotify_assets.partitions import today_in_japan

Row = dict[str, Any]
NEWEST_FOR = {"daily": 2, "weekly": 9}
"""Days after which the newest stored day of a chart is worth a remark."""
SPARKLINE_EDITIONS = 60
"""Editions that the little line of a song's run shows, at most."""

_EDITION = "SELECT * FROM chart_editions WHERE is_last"
_DAY = "SELECT * FROM chart_days ORDER BY snapshot_date DESC LIMIT 1"
_CHART = """
SELECT history.*
FROM song_history AS history
JOIN chart_editions AS edition ON edition.edition_date = history.edition_date AND edition.is_last
ORDER BY history.position, history.song_key
"""
_DROP_OUTS = """
SELECT before.*
FROM song_history AS before
JOIN chart_editions AS edition ON edition.edition_number = before.edition_number + 1 AND edition.is_last
ANTI JOIN (SELECT song_key FROM song_history JOIN chart_editions USING (edition_date) WHERE is_last) AS still
    ON still.song_key = before.song_key
ORDER BY before.position, before.song_key
"""
_RUNS = f"""
SELECT history.song_key, list([history.edition_number, history.position] ORDER BY history.edition_number) AS run
FROM song_history AS history
JOIN song_history AS newest ON newest.song_key = history.song_key
JOIN chart_editions AS edition ON edition.edition_date = newest.edition_date AND edition.is_last
WHERE history.edition_number > edition.edition_number - {SPARKLINE_EDITIONS}
GROUP BY history.song_key
"""
_HISTORY = """
SELECT sum(missing_before)::BIGINT AS missing, min(chart_size) AS smallest, max(chart_size) AS largest
FROM chart_editions
"""
_CANDIDATES = """
SELECT count(*) AS pairs FROM alias_candidates WHERE playlist = '{playlist}'
"""


@dataclass(frozen=True)
class Today:
    """The newest edition of a playlist.

    Attributes:
        edition: its row of chart_editions.
        day: the newest row of chart_days, which may be of a later day than the edition.
        chart: its rows of song_history, by position.
        drop_outs: rows of song_history in the edition before, of songs that this one lacks.
        runs: by song of the chart, pairs of edition number and position in the newest editions.
        missing: expected editions that this history lacks: days, or weeks, that counts of editions pass over.
        doubts: sentences about what is missing or doubtful.
    """

    edition: Row
    day: Row
    chart: Sequence[Row]
    drop_outs: Sequence[Row]
    runs: dict[str, list[list[int]]]
    missing: int
    doubts: Sequence[str]

    @property
    def number_one(self) -> Row | None:
        """The song at position 1, if the edition lists one."""
        return self.chart[0] if self.chart and self.chart[0]["position"] == 1 else None

    def of_status(self, *statuses: str) -> list[Row]:
        """Songs of the chart that came in one of these ways, by position."""
        return [song for song in self.chart if song["entry_status"] in statuses]

    @property
    def climbers(self) -> list[Row]:
        """The songs that gained places, those that gained most first."""
        return sorted(self.of_status("UP"), key=lambda song: -song["movement"])

    @property
    def fallers(self) -> list[Row]:
        """The songs that lost places, those that lost most first."""
        return sorted(self.of_status("DOWN"), key=lambda song: song["movement"])


def read_today(released: ReleasedTables, playlist: str) -> Today:
    """The newest edition of a playlist whose tables are shown.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    (edition,) = released.answer(_EDITION).to_pylist()
    (day,) = released.answer(_DAY).to_pylist()
    (history,) = released.answer(_HISTORY).to_pylist()
    (candidates,) = released.answer(_CANDIDATES.format(playlist=playlist)).to_pylist()
    chart = released.answer(_CHART).to_pylist()
    return Today(
        edition=edition,
        day=day,
        chart=chart,
        drop_outs=released.answer(_DROP_OUTS).to_pylist(),
        runs={row["song_key"]: row["run"] for row in released.answer(_RUNS).to_pylist()},
        missing=history["missing"],
        doubts=_doubts(edition, day, chart, candidates, history),
    )


def _doubts(edition: Row, day: Row, chart: Sequence[Row], candidates: Row, history: Row) -> list[str]:
    unit = "day" if edition["cadence"] == "daily" else "week"
    age = (today_in_japan() - day["snapshot_date"]).days
    more = [song for song in chart if _publisher_counts_more(song)]
    doubted = [song for song in chart if song["entry_status_basis"] == "doubtful"]
    twice = [song for song in chart if song["occurrences"] > 1]
    found = [
        (
            age > NEWEST_FOR[edition["cadence"]],
            f"The newest stored day is {day['snapshot_date']}, {age} days before this page was made.",
        ),
        (
            edition["gap"],
            f"{_count(edition['missing_before'], 'expected edition is', 'expected editions are')} missing right before "
            f"this one: movements and drop-outs compare with {edition['previous_edition_date']}.",
        ),
        (day["stale"], f"The list is older than its day: it is the same since {day['edition']}."),
        (
            day["unchanged"] and not day["stale"],
            f"The list of {day['snapshot_date']} is the same as on the stored day before it.",
        ),
        (
            edition["listed"] < edition["chart_size"],
            f"Only {edition['listed']} of {edition['chart_size']} places are listed; positions after a gap are not "
            "certain.",
        ),
        (
            day["rejected"],
            f"{_count(day['rejected'], 'listed entry is no song', 'listed entries are no songs')} that can be read.",
        ),
        (
            edition["unidentified"],
            f"{_count(edition['unidentified'], 'row names', 'rows name')} no song: neither title nor id.",
        ),
        (twice, f"{_count(len(twice), 'song is', 'songs are')} listed twice; the better place counts."),
        (
            doubted,
            f"{_count(len(doubted), 'new entry', 'new entries')} may have been on the chart before under another name.",
        ),
        (
            candidates["pairs"],
            f"{_count(candidates['pairs'], 'pair of songs', 'pairs of songs')} in this history may be one song "
            "each; nobody has decided it yet.",
        ),
        (
            history["missing"],
            f"{_count(history['missing'], f'expected {unit} is', f'expected {unit}s are')} missing in this history: "
            f"{unit}s on the chart and in a row are counted among those that are stored, whatever is missing between.",
        ),
        (
            more,
            f"{_count(len(more), 'song has', 'songs have')} charted higher or longer by the publisher's own figures: "
            "best places and counts here begin with what is stored.",
        ),
        (
            history["smallest"] < history["largest"],
            f"The chart has had between {history['smallest']} and {history['largest']} places: a place on a larger "
            "chart gives more points, and ranks are by points.",
        ),
        (day["failed_checks"], f"The tables of {day['snapshot_date']} failed a check: {day['failed_checks']}"),
    ]
    return [sentence for is_so, sentence in found if is_so]


def _publisher_counts_more(song: Row) -> bool:
    days = song["official_days_on_chart"] or song["official_weeks_on_chart"] or 0
    peak = song["official_peak_position"] or song["peak_position"]
    return bool(days > song["editions_on_chart"] or peak < song["peak_position"])


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

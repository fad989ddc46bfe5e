"""The rows of one chart file, by chart and day, in a temporary database: memory does not grow with the days of a file.

What belongs here: keeping and finding rows. What is right or wrong about them is `row_checks` and `edition_checks`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from spotify_assets.errors import StorageError
from spotify_assets.sources.charts.chart_formats import DAY_COLUMNS, column_key

CACHE_KIBIBYTES = 500
"""What the database keeps in memory; a process may have several open."""
MOST_ROWS = 20_000
"""Rows of a day that are looked at. A day with more has positions twice, and is refused for those."""
BETWEEN_CELLS = "\0"
"""Text has none: `chart_text` refuses it."""


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One row of a chart.

    Attributes:
        position: 1-based place in the chart, as listed.
        values: the row as received: header name to text, unchanged.
    """

    position: int
    values: dict[str, str]


class PlacedRow(NamedTuple):
    """A row of a file, with its place: chart, day and position that it is of, and the line that it begins on."""

    chart: int
    day: date
    position: int
    line: int
    cells: Sequence[str]


class ListedTwice(NamedTuple):
    """A position that two rows of a day of a chart have, and the lines of these."""

    chart: int
    day: date
    position: int
    first_line: int
    line: int


class EditionRows:
    """The rows of a chart file, in order of days and positions whatever the order in the file.

    The database has no name and no place that others see: SQLite keeps a small one in memory and writes a larger one
    to an unlinked file in the folder for temporary files (https://www.sqlite.org/inmemorydb.html#temp_db). It ends with
    this object, and with the process in any case.

    Args:
        names: the names of the columns.
        rows: the rows; what they raise is raised here, and nothing is left then.

    Raises:
        StorageError: there is no room for the database.
    """

    def __init__(self, names: Sequence[str], rows: Iterable[PlacedRow]) -> None:
        self._names = names
        # Whoever lets go of the last reference may be another thread than this one.
        self._database = sqlite3.connect("", check_same_thread=False)
        self.close = weakref.finalize(self, self._database.close)
        """Ends the database. Nothing can be read afterwards."""
        try:
            self._fill(rows)
        except sqlite3.OperationalError as error:
            self.close()
            raise StorageError(
                "The rows of a chart file cannot be put into a temporary database.",
                why=str(error),
                remedy="make room in the folder for temporary files, or set TMPDIR to a folder that has some",
            ) from error
        except BaseException:
            self.close()
            raise

    def by_day(self) -> Iterator[tuple[int, date, tuple[ChartRow, ...]]]:
        """Each day of each chart in order, with its rows in order of position, `MOST_ROWS` at most."""
        found = self._database.execute("SELECT chart, day, position, cells FROM rows ORDER BY chart, day, position")
        for (chart, day), rows in groupby(found, key=itemgetter(0, 1)):
            yield (
                chart,
                date.fromordinal(day),
                tuple(self._row(position, cells) for *_, position, cells in islice(rows, MOST_ROWS)),
            )

    def of(self, chart: int, day: date) -> tuple[ChartRow, ...]:
        """The rows of one day of a chart in order of position."""
        found = self._database.execute(
            "SELECT position, cells FROM rows WHERE chart = ? AND day = ? ORDER BY position", [chart, day.toordinal()]
        )
        return tuple(self._row(position, cells) for position, cells in found)

    def listed_twice(self) -> Iterator[ListedTwice]:
        """The positions that come up again, in order of the lines where they do."""
        found = self._database.execute(
            "SELECT chart, day, position, min(line), max(line) FROM rows GROUP BY chart, day, position "
            "HAVING count(*) > 1 ORDER BY max(line)"
        )
        for chart, day, *rest in found:
            yield ListedTwice(chart, date.fromordinal(day), *rest)

    def _row(self, position: int, cells: str) -> ChartRow:
        return ChartRow(position, dict(zip(self._names, cells.split(BETWEEN_CELLS), strict=True)))

    def _fill(self, rows: Iterable[PlacedRow]) -> None:
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        # Days are ordinals: as keys they cost less than half of what dates in letters do.
        self._database.execute(
            "CREATE TABLE rows (chart INTEGER, day INTEGER, position INTEGER, line INTEGER, cells TEXT, "
            "PRIMARY KEY (chart, day, position, line)) WITHOUT ROWID"
        )
        self._database.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?)",
            ((row.chart, row.day.toordinal(), row.position, row.line, BETWEEN_CELLS.join(row.cells)) for row in rows),
        )


def digest_of(rows: Sequence[ChartRow]) -> bytes:
    """The same for the rows of any two days and files if positions and cells are the same, whatever the columns' order.

    The cells that say the day do not count: files date one week, or write one date, differently.

    Args:
        rows: rows of one file, at least one.
    """
    names = sorted(name for name in rows[0].values if column_key(name) not in DAY_COLUMNS)
    cells = itemgetter(*names)
    parts = [str(len(names)), *names]
    for row in rows:
        parts += (str(row.position), *cells(row.values))
    return hashlib.sha256(BETWEEN_CELLS.join(parts).encode()).digest()

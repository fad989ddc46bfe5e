"""The rows of a chart file, one by one: whose and which day's each is, and what is wrong with it.

A row that is no row of a chart costs its day, not its file: the day is refused by name, the others stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import filterfalse

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.cells import is_missing, is_number_or_none, week_end, whole_number, written_date
from spotify_assets.sources.charts.chart_formats import (
    COUNTRY_COLUMNS,
    NUMBER_COLUMNS,
    Cells,
    Header,
    Record,
    column_key,
    date_columns,
)
from spotify_assets.sources.charts.chart_text import misreading, refusal, seems_to_lack_letters
from spotify_assets.sources.charts.countries import country_code
from spotify_assets.sources.charts.edition_rows import PlacedRow
from spotify_assets.sources.charts.file_names import FileName

LAST_POSITION = 1000
"""The last position that is believed. Spotify's longest charts have 200; a day has an entry for each position up to its
last, and a date in that column would make millions of them."""
FAMILIES = {"top": "regional", "viral": "viral"}
"""What the names of charts begin with, by what files call them before the number of places: `top200`, `viral50`."""

ChartKey = tuple[str | None, str | None]
"""The country and the kind of a chart, where the data says them."""


@dataclass
class Charts:
    """The charts that the rows of a file are of, and what is wrong with which day of them.

    Attributes:
        numbers: the number of each chart, in order of appearance.
        sizes: rows by chart.
        flaws: by chart and day, what is wrong with it; the first of several.
        unplaced: what is wrong with the first row of which nobody can tell the chart or the day.
        without_chart: days for which the file says that there was no chart, by chart.
        refused: by chart, why none of it can be used.
        notes: by chart, what a person should know of its rows.
    """

    numbers: dict[ChartKey, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    flaws: dict[tuple[int, date], SourceRefusal] = field(default_factory=dict)
    unplaced: SourceRefusal | None = None
    without_chart: dict[tuple[int, date], int] = field(default_factory=dict)
    refused: dict[int, SourceRefusal] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def spoil(self, here: tuple[int, date], flaw: SourceRefusal) -> None:
        """Record what is wrong with a day of a chart; of several flaws the first counts."""
        # A traceback would keep the rows.
        self.flaws.setdefault(here, flaw.with_traceback(None))


def chart_rows(header: Header, records: Iterator[Record], notes: list[str]) -> Iterator[Record]:
    """The rows below the header, without repeated headers and blank rows, which are noted."""
    repeated, blank = [], []
    for number, cells in records:
        if column_key(cells[0]) == header.keys[0] and tuple(map(column_key, cells)) == header.keys:
            repeated.append(number)
        elif not any(map(str.strip, cells)):
            blank.append(number)
        else:
            yield number, cells
    if repeated:
        notes.append(f"repeated header left out on {listed('line', repeated)}")
    if blank:
        notes.append(f"blank row left out on {listed('line', blank)}")


def placed_rows(
    name: str, header: Header, rows: Iterator[Record], named: FileName, charts: Charts, *, weekly: bool
) -> Iterator[PlacedRow]:
    """The rows with the chart, the day and the position of each; what is wrong with others goes to `charts`.

    A row that does not tell its day costs the days of the rows beside it. Days of a weekly chart are put to the ends
    of their weeks.
    """
    dates = date_columns(header)
    if not dates and named.chart_date is None:
        raise refusal(
            name,
            "it does not say the day of its chart",
            why="neither its name nor its data has one full date, and a chart is never filed under a guessed day",
            remedy="rename the file with the full date of its chart, such as regional-jp-daily-2026-11-20.csv",
        )
    position = header.keys.index(header.format.position)
    telling = [
        header.keys.index(key)
        for key in (header.format.position, header.format.title, header.format.artists, header.format.track_id)
        if key
    ]
    chart_of = _ChartOfRow(name, header, charts)
    before: tuple[int, date] | None = None
    flaw_before: SourceRefusal | None = None
    for number, cells in rows:
        try:
            _check_width(name, header, number, cells)
            chart = chart_of(number, cells)
            day = _day(name, number, [cells[column] for column in dates]) if dates else named.chart_date
        except SourceRefusal as flaw:
            charts.unplaced = charts.unplaced or flaw.with_traceback(None)
            flaw_before = flaw_before or flaw
            if before:
                charts.spoil(before, flaw)
            continue
        assert day is not None  # noqa: S101 - one of the two says it, see above
        here = chart, week_end(day) if weekly else day
        if flaw_before:
            charts.spoil(here, flaw_before)
            flaw_before = None
        before = here
        charts.sizes[chart] = charts.sizes.get(chart, 0) + 1
        try:
            place = _position(name, number, cells[position])
        except SourceRefusal as flaw:
            if all(is_missing(cells[column]) for column in telling):
                charts.without_chart.setdefault(here, number)
            else:
                charts.spoil(here, flaw)
            continue
        yield PlacedRow(*here, place, number, cells)


class _ChartOfRow:
    """Tells the number of the chart that a row is of."""

    def __init__(self, name: str, header: Header, charts: Charts) -> None:
        self._name = name
        self._format = header.format
        self._charts = charts
        self._country = next((header.keys.index(key) for key in COUNTRY_COLUMNS if key in header.keys), None)
        self._family = header.keys.index(header.format.family) if header.format.family else None
        self._known: dict[tuple[str, str], int] = {}

    def __call__(self, number: int, cells: Cells) -> int:
        country = "" if self._country is None else cells[self._country]
        family = "" if self._family is None else cells[self._family]
        chart = self._known.get((country, family))
        if chart is None:
            key = self._country_of(number, country), self._kind_of(number, family)
            chart = self._charts.numbers.setdefault(key, len(self._charts.numbers))
            self._known[country, family] = chart
        return chart

    def _country_of(self, number: int, cell: str) -> str | None:
        if self._country is None:
            return None
        code = self._format.blank_country if is_missing(cell) else country_code(cell)
        if code is None:
            raise refusal(
                self._name,
                f"a row's country is {cell!r}",
                why="a country is the name of one that Spotify has charts of, or two letters, such as jp, or global",
                remedy="correct that row",
                line=number,
            )
        return code

    def _kind_of(self, number: int, cell: str) -> str | None:
        if self._family is None:
            return None
        kind = FAMILIES.get(cell.strip().casefold().rstrip("0123456789"))
        if kind is None:
            raise refusal(
                self._name,
                f"a row's chart is {cell!r}",
                why="the charts of this format are top200 and viral50",
                remedy="correct that row",
                line=number,
            )
        return kind


def rows_with_letters(name: str, header: Header, rows: Iterator[PlacedRow], charts: Charts) -> Iterator[PlacedRow]:
    """The same rows; a chart whose text is UTF-8 but was garbled before it was written is refused."""
    title, artists = header.keys.index(header.format.title), header.keys.index(header.format.artists)
    titles: dict[int, set[str]] = {}
    with_lost_letters: dict[int, dict[str, int]] = {}
    for row in rows:
        found = next(filter(None, map(misreading, filterfalse(str.isascii, row.cells))), None)
        if found:
            flaw = refusal(
                name,
                "its text was garbled before the file was written",
                why=f"UTF-8 was read as {found[0]} and written again; what stands there was meant to be {found[1]!r}",
                remedy="take the file as it was first downloaded, not saved by another program",
                line=row.line,
            )
            charts.refused.setdefault(row.chart, flaw)
        titles.setdefault(row.chart, set()).add(row.cells[title])
        for cell in (row.cells[title], row.cells[artists]):
            if seems_to_lack_letters(cell):
                with_lost_letters.setdefault(row.chart, {}).setdefault(cell, row.line)
        yield row
    for chart, lines in with_lost_letters.items():
        # One song may be called "???". Where many names look so, their letters could not be written.
        if len(lines) >= max(3, len(titles[chart]) / 50):
            flaw = refusal(
                name,
                f"{len(lines)} different titles and artists in it have question marks in place of letters",
                why="an earlier program could not write these letters; they are gone",
                remedy="take the file from where it was first downloaded",
                line=min(lines.values()),
            )
            charts.refused.setdefault(chart, flaw)


def rows_with_numbers(header: Header, rows: Iterator[PlacedRow], charts: Charts) -> Iterator[PlacedRow]:
    """The same rows; how many numbers of a chart cannot be read is noted."""
    columns = [column for column, key in enumerate(header.keys) if key in NUMBER_COLUMNS]
    unreadable: Counter[int] = Counter()
    first: dict[int, str] = {}
    for row in rows:
        said = "".join([row.cells[column] for column in columns])
        # Most rows have nothing but digits there; that is told of all columns at once.
        if not (said.isascii() and said.isdecimal()):
            strange = [column for column in columns if not is_number_or_none(row.cells[column])]
            unreadable[row.chart] += len(strange)
            if strange:
                first.setdefault(row.chart, f"line {row.line}: {header.names[strange[0]]} {row.cells[strange[0]]!r}")
        yield row
    for chart, where in first.items():
        number = unreadable[chart]
        charts.notes[chart].append(f"{number} number{'s' * (number > 1)} could not be read, the first on {where}")


def _check_width(name: str, header: Header, number: int, cells: Cells) -> None:
    if len(cells) != len(header.keys):
        raise refusal(
            name,
            f"a row has {len(cells)} fields and the header {len(header.keys)}",
            why="a comma or a quote is too many or missing, or the file was cut off",
            remedy="download the file again, or correct that row",
            line=number,
        )


def _day(name: str, number: int, cells: Cells) -> date:
    written = "-".join(str(whole_number(cell)) for cell in cells) if len(cells) == 3 else cells[0].strip()
    day = written_date(written)
    if day is None:
        raise refusal(
            name,
            f"a row's date is {' '.join(cells)!r}",
            why="it is no date, or not one that can be read in one way only",
            remedy="write dates as 2026-11-20",
            line=number,
        )
    return day


def _position(name: str, number: int, cell: str) -> int:
    position = whole_number(cell)
    if not position or position > LAST_POSITION:
        raise refusal(
            name,
            f"a row's position is {cell!r}",
            why=f"a position is a whole number from 1 to {LAST_POSITION}",
            remedy="correct that row, or take the file as it was first downloaded",
            line=number,
        )
    return position


def listed(noun: str, numbers: list[int]) -> str:
    """`lines 3, 5`, or `line 3`."""
    return f"{noun}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

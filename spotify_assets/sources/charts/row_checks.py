"""The rows of a chart file, one by one: refusing what is no row of a chart, noting what is merely strange."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import filterfalse

from spotify_assets.sources.charts.cells import is_number_or_none, whole_number, written_date
from spotify_assets.sources.charts.chart_formats import NUMBER_COLUMNS, Cells, Header, Record, column_key, date_columns
from spotify_assets.sources.charts.chart_text import misreading, refusal, seems_to_lack_letters
from spotify_assets.sources.charts.edition_rows import PlacedRow
from spotify_assets.sources.charts.file_names import FileName

LAST_POSITION = 1000
"""The last position that is believed. Spotify's longest charts have 200; a day has an entry for each position up to its
last, and a date in that column would make millions of them."""


def chart_rows(name: str, header: Header, records: Iterator[Record], notes: list[str]) -> Iterator[Record]:
    """The rows below the header, without repeated headers and blank rows, which are noted."""
    repeated, blank = [], []
    for number, cells in records:
        if column_key(cells[0]) == header.keys[0] and tuple(map(column_key, cells)) == header.keys:
            repeated.append(number)
        elif not any(map(str.strip, cells)):
            blank.append(number)
        elif len(cells) != len(header.keys):
            raise refusal(
                name,
                f"a row has {len(cells)} fields and the header {len(header.keys)}",
                why="a comma or a quote is too many or missing, or the file was cut off",
                remedy="download the file again, or correct that row",
                line=number,
            )
        else:
            yield number, cells
    if repeated:
        notes.append(f"repeated header left out on {listed('line', repeated)}")
    if blank:
        notes.append(f"blank row left out on {listed('line', blank)}")


def rows_with_letters(name: str, header: Header, rows: Iterator[Record]) -> Iterator[Record]:
    """The same rows; text that is UTF-8 but was garbled before it was written is refused."""
    title, artists = header.keys.index(header.format.title), header.keys.index(header.format.artists)
    titles: set[str] = set()
    with_lost_letters: dict[str, int] = {}
    for number, cells in rows:
        found = next(filter(None, map(misreading, filterfalse(str.isascii, cells))), None)
        if found:
            raise refusal(
                name,
                "its text was garbled before the file was written",
                why=f"UTF-8 was read as {found[0]} and written again; what stands there was meant to be {found[1]!r}",
                remedy="take the file as it was first downloaded, not saved by another program",
                line=number,
            )
        titles.add(cells[title])
        for cell in (cells[title], cells[artists]):
            if seems_to_lack_letters(cell):
                with_lost_letters.setdefault(cell, number)
        yield number, cells
    # One song may be called "???". Where many names look so, their letters could not be written.
    if len(with_lost_letters) >= max(3, len(titles) / 50):
        raise refusal(
            name,
            f"{len(with_lost_letters)} different titles and artists in it have question marks in place of letters",
            why="an earlier program could not write these letters; they are gone",
            remedy="take the file from where it was first downloaded",
            line=min(with_lost_letters.values()),
        )


def rows_with_numbers(header: Header, rows: Iterator[Record], notes: list[str]) -> Iterator[Record]:
    """The same rows; how many of their numbers cannot be read is noted."""
    columns = [column for column, key in enumerate(header.keys) if key in NUMBER_COLUMNS]
    unreadable = 0
    first = ""
    for number, cells in rows:
        said = "".join([cells[column] for column in columns])
        # Most rows have nothing but digits there; that is told of all columns at once.
        if not (said.isascii() and said.isdecimal()):
            strange = [column for column in columns if not is_number_or_none(cells[column])]
            unreadable += len(strange)
            if strange and not first:
                first = f"line {number}: {header.names[strange[0]]} {cells[strange[0]]!r}"
        yield number, cells
    if unreadable:
        notes.append(f"{unreadable} number{'s' * (unreadable > 1)} could not be read, the first on {first}")


def placed_rows(name: str, header: Header, rows: Iterator[Record], named: FileName) -> Iterator[PlacedRow]:
    """The rows with the day and the position of each."""
    dates = date_columns(header)
    position_column = header.keys.index(header.format.position)
    for number, cells in rows:
        day = _day(name, number, [cells[column] for column in dates]) if dates else named.chart_date
        if day is None:
            raise refusal(
                name,
                "it does not say the day of its chart",
                why="neither its name nor its data has one full date, and a chart is never filed under a guessed day",
                remedy="rename the file with the full date of its chart, such as regional-jp-daily-2026-11-20.csv",
            )
        yield PlacedRow(day, _position(name, number, cells[position_column]), number, cells)


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

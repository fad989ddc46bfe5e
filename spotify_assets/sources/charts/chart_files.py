"""Chart CSV files: a name and bytes in, the editions they hold out - or a refusal that names the file and the line.

What belongs here: telling the formats apart by their header, finding the chart's day, and refusing what contradicts
itself. Cells stay text exactly as received; what they mean as songs is `transforms.chart_rows`, and whether the bytes
are text at all is `chart_text`. No files are opened here, and two files for one day are the caller's to compare.

A file may hold decades. It is read row by row, and its rows go to a temporary database (`edition_rows`): what stays in
memory are some dozens of bytes a day.

The day of an edition is the chart's own: the day of a daily chart, and for a weekly one the Thursday that ends its
week, as charts.spotify.com dates it. The old spotifycharts.com named its weeks Friday--Friday
(`2019-12-27--2020-01-03`); such a file is filed under the Thursday before the second Friday, so that the weeks of both
sites are one series.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import filterfalse, pairwise
from typing import IO

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.chart_text import check_text, misreading, refusal, seems_to_lack_letters, text_lines
from spotify_assets.sources.charts.edition_rows import ChartRow, EditionRows, PlacedRow, digest_of

MISSING_CELLS = frozenset({"", "-", "<na>", "n/a", "na", "nan", "none", "null", "\\n"})
"""How files write that a cell has no value, case-folded: pandas, R (`NA`), MySQL (`\\N`) and people."""

TRACK_ID = re.compile(
    r"(?:spotify:track:|https?://open\.spotify\.com/(?:intl-[a-z-]+/)?track/)?([0-9A-Za-z]{22})/?(?:\?.*)?"
)
CHART_NAME = re.compile(r"(?:regional|viral)-(global|[a-z]{2})-(daily|weekly)(?![a-z])")
NAMED_DATE = "(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])"
NAMED_WEEK = re.compile(f"{NAMED_DATE}--{NAMED_DATE}")
MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?"
WRITTEN_DATE = re.compile(rf"([0-9]{{4}})([-/])([0-9]{{1,2}})\2([0-9]{{1,2}})(?:{MIDNIGHT})?")
WHOLE_NUMBER = re.compile(r"([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.00?)?")
"""Thousands may be set off by commas. pandas writes `.0`; what `1.000` is cannot be told: it may mean a thousand."""
LAST_POSITION = 1000
"""The last position that is believed. Spotify's longest charts have 200; a day has an entry for each position up to its
last, and a date in that column would make millions of them."""
FRIDAY = 4

Cells = list[str]
Record = tuple[int, Cells]
"""A row with the number of the line that it begins on."""


@dataclass(frozen=True, slots=True)
class ChartEdition:
    """The chart of one day, or of the week that ends on this day.

    Attributes:
        chart_date: the day.
        size: how many rows it has; holes in its positions are left as they are.
        digest: what its rows say, in brief: two editions have the same if positions and cells are the same.
    """

    chart_date: date
    size: int
    digest: bytes


@dataclass(frozen=True)
class ChartFile:
    """What a chart file holds, without its rows.

    Attributes:
        name: the file's name as given.
        format: name of the format that its header was recognised as, one of `FORMATS`.
        chart: name of the chart on Spotify's site, such as `regional-jp-daily`, where the file's name says it.
        country: two lower-case letters or `global`, where the name or the data says it.
        cadence: `daily` or `weekly`, where the name or the data says it.
        editions: by date, at least one.
        notes: what a person should know of this file: what was left out, what is missing.
    """

    name: str
    format: str
    chart: str | None
    country: str | None
    cadence: str | None
    editions: tuple[ChartEdition, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ChartFormat:
    """A known kind of chart file. Its columns are given as keys, see `column_key`; a file may have more.

    Attributes:
        name: what it is called in this project.
        position, title, artists: the columns of these.
        track_id: the column that says Spotify's id of the track; None where there is none.
        dates: the column of the chart's day, or those of year, month and day; none where the file's name has to say it.
        country: the column of the country, where the format is known by it.
        blank_country: what a blank country means; None where it means nothing.
        cadence: how often its charts are made, where that is known of the format itself.
    """

    name: str
    position: str
    title: str
    artists: str
    track_id: str | None = None
    dates: tuple[str, ...] = ()
    country: str | None = None
    blank_country: str | None = None
    cadence: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns by which the format is known."""
        columns = [self.position, self.track_id, self.title, self.artists, self.country, *self.dates]
        return [column for column in columns if column]


FORMATS = (
    ChartFormat("charts.spotify.com", "rank", "track_name", "artist_names", "uri"),
    ChartFormat("spotifycharts.com archive", "position", "track_name", "artist", "url", ("year", "month", "day")),
    ChartFormat("spotifycharts.com archive", "position", "track_name", "artist", "url", ("date",)),
    ChartFormat("spotifycharts.com", "position", "track_name", "artist", "url"),
    ChartFormat("playlist archive", "position", "song", "artist", None, ("date",)),
    ChartFormat("chart archive", "rank", "title", "artists", "track_id", ("chart_date",)),
    ChartFormat(
        "countries data set",
        "daily_rank",
        "name",
        "artists",
        "spotify_id",
        ("snapshot_date",),
        country="country",
        blank_country="global",
        cadence="daily",
    ),
)
"""The known formats. Of several that a header fits, the first counts."""

NUMBER_COLUMNS = frozenset(
    {
        *("streams", "peak_rank", "previous_rank", "prev_rank", "days_on_chart", "weeks_on_chart"),
        *("duration_ms", "popularity", "total_tracks"),
    }
)
"""Columns of whole numbers, positions apart."""
NO_PLACE = frozenset({"-1", "-1.0"})
"""How files write that there was no previous place."""
COUNTRY_COLUMNS = ("country", "region")
CADENCE_COLUMNS = {"days_on_chart": "daily", "weeks_on_chart": "weekly"}


class SeveralCountries(SourceRefusal):
    """A file holds the charts of several countries, and it was not said which is meant."""


@dataclass(frozen=True)
class _Header:
    format: ChartFormat
    names: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class _FileName:
    chart: str | None
    country: str | None
    cadence: str | None
    chart_date: date | None


def read_chart_file(name: str, file: IO[bytes], *, country: str | None = None) -> tuple[ChartFile, EditionRows]:
    """Read one chart file.

    Args:
        name: the file's name; a folder or archive path in front of it does not count.
        file: its bytes: CSV, or gzip of CSV (told by the bytes, not by the name). Seekable, and left open.
        country: which country of a file with several to read; two letters or `global`.

    Returns:
        The editions of the file, or of that one country, and their rows. The rows are in a temporary database, which
        is gone when nothing refers to them any more.

    Raises:
        SeveralCountries: it is not said which of the file's countries is meant.
        SourceRefusal: the file is no chart file, is damaged or mis-encoded, contradicts itself or its name, or does not
            say the chart's day. The message names file and line.
    """
    check_text(name, file)
    named = _read_name(name)
    wanted = _wanted_country(name, named, country)
    notes: list[str] = []
    countries: Counter[str | None] = Counter()
    with text_lines(name, file) as lines:
        records = _records(name, lines)
        header = _read_header(name, records, notes)
        records = _chart_rows(name, header, records, notes)
        records = _rows_of_country(name, header, records, wanted, countries)
        records = _rows_with_letters(name, header, records)
        records = _rows_with_numbers(header, records, notes)
        rows = EditionRows(header.names, _placed_rows(name, header, records, named))
    try:
        country = _chart_country(name, countries, wanted) or named.country
        notes.extend(_note_on_other_countries(countries, country))
        return _chart_file(name, header, named, country, rows, notes), rows
    except SourceRefusal:
        # A refusal may be kept, and its traceback would keep the rows.
        rows.close()
        raise


def chart_and_day_in_name(name: str) -> tuple[str | None, date | None]:
    """The chart and the only day that a file can hold, going by its name; None where only reading it tells.

    A date says so only beside a chart's name: an archive may carry the day of its download.
    """
    try:
        named = _read_name(name)
    except SourceRefusal:
        return None, None
    return named.chart, named.chart_date if named.chart else None


def _chart_file(
    name: str, header: _Header, named: _FileName, country: str | None, rows: EditionRows, notes: list[str]
) -> ChartFile:
    """Look at the rows day by day; `notes` are those on the file itself."""
    _check_positions(name, rows)
    editions = []
    for day, edition in rows.by_day():
        editions.append(ChartEdition(day, len(edition), digest_of(edition)))
        notes.extend(_edition_notes(header, day, edition))
    _check_days(name, [edition.chart_date for edition in editions], named)
    return ChartFile(
        name, header.format.name, named.chart, country, _cadence(name, header, named), tuple(editions), tuple(notes)
    )


@lru_cache(maxsize=1024)
def column_key(name: str) -> str:
    """A header name as it is looked up: `Track Name`, `track_name` and a quoted `"Track Name"` are one column."""
    return re.sub(r"\s+", "_", name.strip('\ufeff" \t').casefold())


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().casefold() in MISSING_CELLS


@lru_cache(maxsize=8192)
def whole_number(cell: str) -> int | None:
    """The number in a cell, 0 or more; None where it cannot be read in one way only."""
    match = WHOLE_NUMBER.fullmatch(cell.strip())
    return int(match[1].replace(",", "")) if match else None


def spotify_track_id(cell: str) -> str | None:
    """The track id in a cell that holds an id, a `spotify:track:` URI or the address of the track's page."""
    match = None if is_missing(cell) else TRACK_ID.fullmatch(cell.strip())
    return match[1] if match else None


def _read_name(name: str) -> _FileName:
    base = re.split(r"[/\\]", name)[-1].casefold()
    chart = CHART_NAME.search(base)
    chart_name, country, cadence = (chart[0], chart[1], chart[2]) if chart else (None, None, None)
    week = NAMED_WEEK.search(base)
    if week:
        return _FileName(chart_name, country, "weekly", _week_of_old_site(name, week, cadence))
    dates = [_named_date(name, written) for written in re.findall(NAMED_DATE, base)]
    # Two dates in a name are a span of days, and no day in particular.
    return _FileName(chart_name, country, cadence, dates[0] if len(dates) == 1 else None)


def _week_of_old_site(name: str, week: re.Match[str], cadence: str | None) -> date:
    first, last = (_named_date(name, written) for written in week.groups())
    if cadence == "daily" or last - first != timedelta(days=7) or first.weekday() != FRIDAY:
        raise refusal(
            name,
            f"its name says {week[0]}, which is no week of a weekly chart",
            why="the old site's weeks run from a Friday to the next Friday, and only weekly charts have them",
            remedy="rename the file with the week or the day of its chart",
        )
    return last - timedelta(days=1)


def _named_date(name: str, written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise refusal(
            name,
            f"its name says {written}, which is no date",
            why=str(error),
            remedy="rename the file with the day of its chart",
        ) from error


def _wanted_country(name: str, named: _FileName, asked: str | None) -> str | None:
    """The country to read: the one asked for, else the one that the file's name says."""
    wanted = asked.strip().casefold() if asked else None
    if wanted and named.country and wanted != named.country:
        raise refusal(
            name,
            f"it is the chart of {named.country}, not of {wanted}",
            why="its name says so",
            remedy=f"give the file to a playlist of {named.country}, or rename it if its name is wrong",
        )
    return wanted or named.country


def _records(name: str, lines: Iterator[str]) -> Iterator[Record]:
    """The records of a CSV file, without empty lines."""
    reader = csv.reader(lines, strict=True)
    begins_on = 1
    try:
        for cells in reader:
            if cells:
                yield begins_on, cells
            begins_on = reader.line_num + 1
    except csv.Error as error:
        raise refusal(
            name,
            "a row is not proper CSV",
            why=f"reading it stopped with: {error}; a quote is probably missing, or not doubled inside a title",
            remedy="take the file as it was first downloaded, or correct the quotes of that row",
            line=begins_on,
        ) from error


def _read_header(name: str, records: Iterator[Record], notes: list[str]) -> _Header:
    first = number, names = next(records)
    if _format_of(names) is None and sum(bool(cell.strip()) for cell in names) == 1:
        # The old site put a note, alone on its line, before the header.
        notes.append(f"note before the header left out: {''.join(names).strip()}")
        number, names = next(records, first)
    format_ = _format_of(names)
    if format_ is None:
        raise _unknown_header(name, *first)
    keys = tuple(map(column_key, names))
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise refusal(
            name,
            f"its header names a column twice: {', '.join(key or '(without a name)' for key in twice)}",
            why="it cannot be told which of the two is meant",
            remedy="remove or rename one of the columns",
            line=number,
        )
    return _Header(format_, tuple(names), keys)


def _format_of(names: Iterable[str]) -> ChartFormat | None:
    keys = set(map(column_key, names))
    return next((known for known in FORMATS if keys.issuperset(known.columns)), None)


def _unknown_header(name: str, number: int, names: Cells) -> SourceRefusal:
    first_line = ",".join(names)
    why = f"its first line is {first_line[:200]!r}"
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if _format_of(first_line.split(separator)):
            why = f"its fields are separated by {called}, not by commas"
    known = "; ".join(f"{known.name} ({', '.join(known.columns)})" for known in FORMATS)
    return refusal(
        name,
        "its header is that of no known chart file",
        why=why,
        remedy=f"give a CSV file whose header has at least the columns of one of these: {known}",
        line=number,
    )


def _chart_rows(name: str, header: _Header, records: Iterator[Record], notes: list[str]) -> Iterator[Record]:
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
        notes.append(f"repeated header left out on {_listed('line', repeated)}")
    if blank:
        notes.append(f"blank row left out on {_listed('line', blank)}")


def _rows_of_country(
    name: str, header: _Header, rows: Iterator[Record], wanted: str | None, countries: Counter[str | None]
) -> Iterator[Record]:
    """Of a file with several countries only the rows of the wanted one; all are counted, None if no column says one."""
    column = next((header.keys.index(key) for key in COUNTRY_COLUMNS if key in header.keys), None)
    for number, cells in rows:
        country = None if column is None else _country(name, header.format, number, cells[column])
        countries[country] += 1
        # Once there are two countries and none is wanted, the rest is only read to name them all.
        if country is None or country == wanted or (wanted is None and len(countries) == 1):
            yield number, cells


def _chart_country(name: str, countries: Counter[str | None], wanted: str | None) -> str | None:
    """The country that the data says."""
    if not countries:
        raise refusal(
            name,
            "it has a header and no rows",
            why="the chart of that day was not there when it was downloaded",
            remedy="download it again, or remove it: that day is missing",
        )
    said = sorted(country for country in countries if country)
    if len(said) > 1 and wanted is None:
        raise SeveralCountries(
            f"{name}: it holds the charts of {len(said)} countries: {', '.join(said)}.",
            why="a playlist is the chart of one country, and it was not said which",
            remedy="say which of these countries is meant",
        )
    if said and wanted not in (None, *said):
        raise refusal(
            name,
            f"it holds no chart of {wanted}",
            why=f"its data is of {', '.join(said)}",
            remedy="ask for one of these, correct the country in the file's name, or take another file",
        )
    return (wanted or said[0]) if said else None


def _note_on_other_countries(countries: Counter[str | None], country: str | None) -> Iterator[str]:
    others = {other: number for other, number in countries.items() if other not in (None, country)}
    if others:
        listed = ", ".join(f"{other} {number}" for other, number in sorted(others.items()))
        yield f"{sum(others.values())} rows of other countries left out: {listed}"


def _country(name: str, format_: ChartFormat, number: int, cell: str) -> str:
    said = cell.strip().casefold() or format_.blank_country or ""
    if said != "global" and not re.fullmatch("[a-z]{2}", said):
        raise refusal(
            name,
            f"a row's country is {cell!r}",
            why="a country is two letters, such as jp, or global",
            remedy="correct that row",
            line=number,
        )
    return said


def _rows_with_letters(name: str, header: _Header, rows: Iterator[Record]) -> Iterator[Record]:
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


def _rows_with_numbers(header: _Header, rows: Iterator[Record], notes: list[str]) -> Iterator[Record]:
    """The same rows; how many of their numbers cannot be read is noted."""
    columns = [column for column, key in enumerate(header.keys) if key in NUMBER_COLUMNS]
    unreadable = 0
    first = ""
    for number, cells in rows:
        said = "".join([cells[column] for column in columns])
        # Most rows have nothing but digits there; that is told of all columns at once.
        if not (said.isascii() and said.isdecimal()):
            strange = [column for column in columns if not _is_number_or_none(cells[column])]
            unreadable += len(strange)
            if strange and not first:
                first = f"line {number}: {header.names[strange[0]]} {cells[strange[0]]!r}"
        yield number, cells
    if unreadable:
        notes.append(f"{unreadable} number{'s' * (unreadable > 1)} could not be read, the first on {first}")


@lru_cache(maxsize=8192)
def _is_number_or_none(cell: str) -> bool:
    return whole_number(cell) is not None or is_missing(cell) or cell.strip() in NO_PLACE


def _placed_rows(name: str, header: _Header, rows: Iterator[Record], named: _FileName) -> Iterator[PlacedRow]:
    """The rows with the day and the position of each."""
    dates = _date_columns(header)
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


def _check_positions(name: str, rows: EditionRows) -> None:
    twice = rows.listed_twice()
    if twice:
        raise refusal(
            name,
            f"position {twice.position} of {twice.day} is listed twice, on lines {twice.first_line} and {twice.line}",
            why="a chart has one song at each position; two charts were probably joined",
            remedy="remove the row, or the chart, that does not belong there",
            line=twice.line,
        )


def _date_columns(header: _Header) -> list[int]:
    # Someone may have added the day to a format that has none.
    keys = header.format.dates or (("date",) if "date" in header.keys else ())
    return [header.keys.index(key) for key in keys]


def _day(name: str, number: int, cells: Cells) -> date:
    written = "-".join(str(whole_number(cell)) for cell in cells) if len(cells) == 3 else cells[0].strip()
    day = _written_date(written)
    if day is None:
        raise refusal(
            name,
            f"a row's date is {' '.join(cells)!r}",
            why="it is no date, or not one that can be read in one way only",
            remedy="write dates as 2026-11-20",
            line=number,
        )
    return day


@lru_cache(maxsize=4096)
def _written_date(written: str) -> date | None:
    match = WRITTEN_DATE.fullmatch(written)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


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


def _check_days(name: str, days: list[date], named: _FileName) -> None:
    """Refuse a file whose name and data say different days."""
    # Many days under a name of one's own may carry any date, such as that of the download.
    if named.chart_date is None or days == [named.chart_date] or (len(days) > 1 and named.chart is None):
        return
    raise refusal(
        name,
        f"its name says {named.chart_date} and its data {' to '.join(sorted({str(days[0]), str(days[-1])}))}",
        why="a chart is filed under its own day, and the two disagree",
        remedy="find out which is right, and rename the file or take the right one",
    )


def _cadence(name: str, header: _Header, named: _FileName) -> str | None:
    said = {cadence for key, cadence in CADENCE_COLUMNS.items() if key in header.keys}
    by_data = said.pop() if len(said) == 1 else header.format.cadence
    if named.cadence and by_data and named.cadence != by_data:
        raise refusal(
            name,
            f"its name says {named.cadence} and its columns are those of a {by_data} chart",
            why="daily and weekly charts count different things and are never mixed",
            remedy="find out which is right, and rename the file or take the right one",
        )
    return named.cadence or by_data


def _edition_notes(header: _Header, day: date, rows: Sequence[ChartRow]) -> Iterator[str]:
    title = header.names[header.keys.index(header.format.title)]
    track_id = header.names[header.keys.index(header.format.track_id)] if header.format.track_id else None
    skipped = _skipped_positions(rows)
    if skipped:
        yield f"{day}: nothing listed at position {', '.join(skipped)}"
    incomplete: dict[str, list[int]] = {}
    for row in rows:
        lacks = _lacks(row.values[title], row.values[track_id] if track_id else None)
        if lacks:
            incomplete.setdefault(lacks, []).append(row.position)
    for lacks, positions in incomplete.items():
        yield f"{day}: {lacks} at {_listed('position', positions)}"


def _skipped_positions(rows: Sequence[ChartRow]) -> list[str]:
    """The spans of positions that a chart leaves out before its last row."""
    positions = [0, *(row.position for row in rows)]
    holes = [(before + 1, after - 1) for before, after in pairwise(positions)]
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in holes if first <= last]


def _lacks(title: str, id_cell: str | None) -> str | None:
    """What a row lacks of title and track id; `id_cell` is None where the format has no ids."""
    has_id = id_cell is not None and spotify_track_id(id_cell) is not None
    if not is_name(title, has_id=has_id):
        return "no title" if has_id or id_cell is None else "neither title nor track id"
    return None if has_id or id_cell is None else "no track id"


def is_name(cell: str, *, has_id: bool) -> bool:
    """Whether a cell is the name of a song, an artist or an album.

    A song may be called `None` or `NA`, and an album `-`: in a row with a track id such a cell is a name.
    """
    return bool(cell.strip()) if has_id else not is_missing(cell)


def _listed(noun: str, numbers: list[int]) -> str:
    return f"{noun}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

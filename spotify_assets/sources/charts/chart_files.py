"""Chart CSV files: a name and bytes in, the editions they hold out - or a refusal that names the file and the line.

What belongs here: reading from one end to the other. Its parts have modules of their own: whether the bytes are text
(`chart_text`), what the name says (`file_names`), what the header says (`chart_formats`), the rows one by one
(`row_checks`) and day by day (`edition_checks`). Cells stay text exactly as received; what they mean as songs is
`transforms.chart_rows`. No files are opened here, and two files for one day are the caller's to compare.

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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.chart_formats import COUNTRY_COLUMNS, ChartFormat, Header, Record, read_header
from spotify_assets.sources.charts.chart_text import check_text, refusal, text_lines
from spotify_assets.sources.charts.edition_checks import (
    ChartEdition,
    cadence_of,
    check_days,
    check_positions,
    edition_notes,
)
from spotify_assets.sources.charts.edition_rows import EditionRows, digest_of
from spotify_assets.sources.charts.file_names import FileName, read_name
from spotify_assets.sources.charts.row_checks import chart_rows, placed_rows, rows_with_letters, rows_with_numbers


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


class SeveralCountries(SourceRefusal):
    """A file holds the charts of several countries, and it was not said which is meant."""


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
    named = read_name(name)
    wanted = _wanted_country(name, named, country)
    notes: list[str] = []
    countries: Counter[str | None] = Counter()
    with text_lines(name, file) as lines:
        records = _records(name, lines)
        header = read_header(name, records, notes)
        records = chart_rows(name, header, records, notes)
        records = _rows_of_country(name, header, records, wanted, countries)
        records = rows_with_letters(name, header, records)
        records = rows_with_numbers(header, records, notes)
        rows = EditionRows(header.names, placed_rows(name, header, records, named))
    try:
        country = _chart_country(name, countries, wanted) or named.country
        notes.extend(_note_on_other_countries(countries, country))
        return _chart_file(name, header, named, country, rows, notes), rows
    except SourceRefusal:
        # A refusal may be kept, and its traceback would keep the rows.
        rows.close()
        raise


def _chart_file(
    name: str, header: Header, named: FileName, country: str | None, rows: EditionRows, notes: list[str]
) -> ChartFile:
    """Look at the rows day by day; `notes` are those on the file itself."""
    check_positions(name, rows)
    editions = []
    for day, edition in rows.by_day():
        editions.append(ChartEdition(day, len(edition), digest_of(edition)))
        notes.extend(edition_notes(header, day, edition))
    check_days(name, [edition.chart_date for edition in editions], named)
    return ChartFile(
        name, header.format.name, named.chart, country, cadence_of(name, header, named), tuple(editions), tuple(notes)
    )


def _wanted_country(name: str, named: FileName, asked: str | None) -> str | None:
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


def _rows_of_country(
    name: str, header: Header, rows: Iterator[Record], wanted: str | None, countries: Counter[str | None]
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

"""The records of a CSV file, separated by commas, semicolons or tabs, with the lines that they begin on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain, islice

from spotify_assets.sources.charts.chart_formats import Record, format_of
from spotify_assets.sources.charts.chart_text import refusal

SEPARATORS = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[;,]*\s*')
"""How spreadsheets write, on a line before the header, what separates fields."""


def csv_records(name: str, lines: Iterator[str]) -> Iterator[Record]:
    """The records of a CSV file, without empty lines and without the line that names the separator.

    Raises:
        SourceRefusal: a row is not proper CSV; the message names the line.
    """
    beginning = list(islice(lines, 2))
    said = SEPARATOR_LINE.fullmatch(beginning[0]) if beginning else None
    separator = said[1] if said else _separator(beginning)
    skipped = beginning[:1] if said else []
    reader = csv.reader(chain(beginning[len(skipped) :], lines), strict=True, delimiter=separator)
    begins_on = 1 + len(skipped)
    try:
        for cells in reader:
            if cells:
                yield begins_on, cells
            begins_on = reader.line_num + 1 + len(skipped)
    except csv.Error as error:
        raise refusal(
            name,
            "a row is not proper CSV",
            why=f"reading it stopped with: {error}; a quote is probably missing, or not doubled inside a title",
            remedy="take the file as it was first downloaded, or correct the quotes of that row",
            line=begins_on,
        ) from error


def _separator(lines: list[str]) -> str:
    """What separates the fields of the header, which may stand below a note; a comma where it is not known."""
    for separator in SEPARATORS:
        if any(format_of(names) for names in csv.reader(lines, delimiter=separator)):
            return separator
    return SEPARATORS[0]

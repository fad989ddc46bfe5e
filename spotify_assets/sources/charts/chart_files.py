"""Chart CSV files: a name and bytes in, the editions they hold out - or a refusal that names the file and the line.

What belongs here: reading from one end to the other. Its parts have modules of their own: whether the bytes are text
(`chart_text`), what the name says (`file_names`), what the header says (`chart_formats`), the rows one by one
(`row_checks`) and day by day (`edition_checks`). Cells stay text exactly as received; what they mean as songs is
`transforms.chart_rows`. No files are opened here, and two files for one day are the caller's to compare.

A file may hold decades, and the charts of many countries: it is read once, whosever it is, row by row, and its rows go
to a temporary database (`edition_rows`). What stays in memory are some dozens of bytes a day.

The day of an edition is the chart's own: the day of a daily chart, and for a weekly one the Thursday that ends its
week, as charts.spotify.com dates it. The old spotifycharts.com named its weeks Friday--Friday
(`2019-12-27--2020-01-03`), and archives made of it say the second Friday: both are filed under the Thursday before, so
that the weeks of all are one series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import IO

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.chart_formats import Header, read_header
from spotify_assets.sources.charts.chart_text import check_text, refusal, text_lines
from spotify_assets.sources.charts.csv_records import csv_records
from spotify_assets.sources.charts.edition_checks import (
    ChartEdition,
    cadence_of,
    check_days,
    check_flaws,
    edition_notes,
    spoil_positions,
)
from spotify_assets.sources.charts.edition_rows import EditionRows, digest_of
from spotify_assets.sources.charts.file_names import FileName, read_name
from spotify_assets.sources.charts.row_checks import (
    Charts,
    chart_rows,
    placed_rows,
    rows_with_letters,
    rows_with_numbers,
)


@dataclass(frozen=True)
class ChartFile:
    """One chart that a file holds, without its rows.

    Attributes:
        name: the file's name as given.
        format: name of the format that its header was recognised as, one of `FORMATS`.
        chart: name of the chart on Spotify's site, such as `regional-jp-daily`, where the file's name says it.
        kind: what the names of such charts begin with, such as `viral`, where the name or the data says it.
        country: two lower-case letters or `global`, where the name or the data says it.
        cadence: `daily` or `weekly`, where the name or the data says it.
        number: which of the file's charts it is, by which its rows are found.
        editions: by date, at least one.
        notes: what a person should know of this file: what was left out, what is missing.
    """

    name: str
    format: str
    chart: str | None
    kind: str | None
    country: str | None
    cadence: str | None
    number: int
    editions: tuple[ChartEdition, ...]
    notes: tuple[str, ...]


class NoSuchChart(SourceRefusal):
    """A file holds no chart of that country or kind."""


class SeveralCharts(NoSuchChart):
    """A file holds the charts of several countries or kinds, and it was not said which is meant."""


@dataclass(frozen=True)
class FileContent:
    """All that a chart file holds.

    Attributes:
        charts: each chart, or why it is refused, by country and kind, where the data says them.
        sizes: the number of rows of each.
        rows: the rows of all charts, in a temporary database, which is gone when nothing refers to it any more.
    """

    name: str
    named: FileName
    charts: Mapping[tuple[str | None, str | None], ChartFile | SourceRefusal]
    sizes: Mapping[tuple[str | None, str | None], int]
    rows: EditionRows

    def of(self, country: str | None = None, kind: str | None = None) -> ChartFile:
        """The chart of one country and kind.

        Args:
            country: two letters or `global`; None for the one that the name says, or the only one.
            kind: such as `viral`; None for the one that the name says, or the only one.

        Raises:
            SeveralCharts: it is not said which of the file's charts is meant.
            NoSuchChart: there is none of that country or kind.
            SourceRefusal: it cannot be used.
        """
        key = self._key(self._wanted_country(country), kind or self.named.kind)
        found = self.charts[key]
        if isinstance(found, SourceRefusal):
            raise found
        return replace(found, notes=(*found.notes, *self._note_on_others(key)))

    def _key(self, country: str | None, kind: str | None) -> tuple[str | None, str | None]:
        of_country = self._narrowed(list(self.charts), 0, country, "countries")
        (key,) = self._narrowed(of_country, 1, kind, "kinds")
        return key

    def _narrowed(
        self, keys: list[tuple[str | None, str | None]], part: int, wanted: str | None, called: str
    ) -> list[tuple[str | None, str | None]]:
        """The charts whose country (part 0) or kind (part 1) is the wanted one, or that do not say it."""
        said = sorted({one for key in keys if (one := key[part])})
        if len(said) > 1 and wanted is None:
            raise SeveralCharts(
                f"{self.name}: it holds the charts of {len(said)} {called}: {', '.join(said)}.",
                why="a playlist is one chart, and it was not said which",
                remedy=f"say which of these {called} is meant",
            )
        if said and wanted not in (None, *said):
            raise NoSuchChart(
                f"{self.name}: it holds no chart of {wanted}.",
                why=f"its data is of {', '.join(said)}",
                remedy="ask for one of these, correct the country in the file's name, or take another file",
            )
        return [key for key in keys if wanted is None or key[part] in (None, wanted)]

    def _wanted_country(self, asked: str | None) -> str | None:
        """The country to look for: the one asked for, else the one that the file's name says."""
        wanted = asked.strip().casefold() if asked else None
        said = self.named.country
        if wanted and said and wanted != said:
            raise NoSuchChart(
                f"{self.name}: it is the chart of {said}, not of {wanted}.",
                why="its name says so",
                remedy=f"give the file to a playlist of {said}, or rename it if its name is wrong",
            )
        return wanted or said

    def _note_on_others(self, taken: tuple[str | None, str | None]) -> Iterator[str]:
        others: dict[str, int] = defaultdict(int)
        for key, size in self.sizes.items():
            if key != taken:
                others[" ".join(filter(None, key)) if key[0] == taken[0] else str(key[0])] += size
        if others:
            listed_others = ", ".join(f"{other} {size}" for other, size in sorted(others.items()))
            yield f"{sum(others.values())} rows of other countries left out: {listed_others}"


def read_chart_file(name: str, file: IO[bytes], *, cadence: str | None = None) -> FileContent:
    """Read one chart file, with all charts that it holds.

    Args:
        name: the file's name; a folder or archive path in front of it does not count.
        file: its bytes: CSV, or gzip of CSV (told by the bytes, not by the name). Seekable, and left open.
        cadence: how often the chart is made, where the file does not say it.

    Raises:
        SourceRefusal: the file is no chart file, is damaged or mis-encoded, contradicts itself or its name, or does not
            say the chart's day. The message names file and line.
    """
    named = read_name(name)
    check_text(name, file)
    notes: list[str] = []
    charts = Charts()
    with text_lines(name, file) as lines:
        records = csv_records(name, lines)
        header = read_header(name, records, notes)
        cadence = cadence_of(name, header, named) or cadence
        weekly = cadence == "weekly"
        placed = placed_rows(name, header, chart_rows(header, records, notes), named, charts, weekly=weekly)
        placed = rows_with_numbers(header, rows_with_letters(name, header, placed, charts), charts)
        rows = EditionRows(header.names, placed)
    try:
        _check_not_empty(name, charts)
        spoil_positions(name, rows, charts)
        found = _charts(name, header, named, charts, rows, cadence)
        _check_usable(found, named)
    except SourceRefusal:
        # A refusal may be kept, and its traceback would keep the rows.
        rows.close()
        raise
    of_file = tuple(notes)
    return FileContent(
        name,
        named,
        {
            key: chart if isinstance(chart, SourceRefusal) else replace(chart, notes=(*of_file, *chart.notes))
            for key, chart in found.items()
        },
        {key: charts.sizes[number] for key, number in charts.numbers.items() if number in charts.sizes},
        rows,
    )


def _check_not_empty(name: str, charts: Charts) -> None:
    if charts.sizes:
        return
    raise charts.unplaced or refusal(
        name,
        "it has a header and no rows",
        why="the chart of that day was not there when it was downloaded",
        remedy="download it again, or remove it: that day is missing",
    )


def _check_usable(found: Mapping[tuple[str | None, str | None], ChartFile | SourceRefusal], named: FileName) -> None:
    """Refuse a file of whose charts none can be used; one of another country than its name says is refused as that."""
    refused = [chart for chart in found.values() if isinstance(chart, SourceRefusal)]
    is_of_its_name = any(named.country in (None, country) or country is None for country, _ in found)
    if len(refused) == len(found) and is_of_its_name:
        raise refused[0]


def _charts(
    name: str, header: Header, named: FileName, charts: Charts, rows: EditionRows, cadence: str | None
) -> dict[tuple[str | None, str | None], ChartFile | SourceRefusal]:
    """Look at the rows of each chart day by day."""
    editions: dict[int, list[ChartEdition]] = defaultdict(list)
    notes: dict[int, list[str]] = defaultdict(list)
    for number, day, edition in rows.by_day():
        if (number, day) in charts.without_chart:
            charts.spoil((number, day), _nothing_among_rows(name, day, charts.without_chart.pop((number, day))))
        if (number, day) not in charts.flaws:
            editions[number].append(ChartEdition(day, len(edition), digest_of(edition)))
            notes[number].extend(edition_notes(header, day, edition))
    found: dict[tuple[str | None, str | None], ChartFile | SourceRefusal] = {}
    for key, number in charts.numbers.items():
        if number not in charts.sizes:
            continue
        flaws = {day: flaw for (chart, day), flaw in charts.flaws.items() if chart == number}
        days = [edition.chart_date for edition in editions[number]]
        without = sorted(day for chart, day in charts.without_chart if chart == number)
        try:
            if number in charts.refused:
                raise charts.refused[number]
            check_flaws(name, len(days) + len(flaws), flaws)
            if not days:
                raise _no_chart(name, without)
            check_days(name, days, named)
        except SourceRefusal as flaw:
            found[key] = flaw.with_traceback(None)
            continue
        found[key] = ChartFile(
            name,
            header.format.name,
            named.chart,
            named.kind or key[1],
            key[0] or named.country,
            cadence,
            number,
            tuple(editions[number]),
            (*charts.notes[number], *notes[number], *_notes_on_refused_days(name, flaws), *_note_on_no_chart(without)),
        )
    return found


def _nothing_among_rows(name: str, day: date, line: int) -> SourceRefusal:
    return refusal(
        name,
        f"a row of {day} says nothing, and others of that day do",
        why="it stands for a song that is missing, at a position that nobody knows",
        remedy="take the file from where it was first downloaded, or remove the row",
        line=line,
    )


def _no_chart(name: str, days: Sequence[date]) -> SourceRefusal:
    return refusal(
        name,
        f"it says that there was no chart for {', '.join(map(str, days))}, and holds no other",
        why="its rows have a day and nothing else",
        remedy="remove it: these days are missing",
    )


def _notes_on_refused_days(name: str, flaws: Mapping[date, SourceRefusal]) -> Iterator[str]:
    for day, flaw in sorted(flaws.items()):
        what = flaw.what.removeprefix(name).lstrip(", :")
        yield f"{day} is refused: {what} Why: {flaw.why}. What to do: {flaw.remedy}."


def _note_on_no_chart(days: Sequence[date]) -> Iterator[str]:
    if days:
        yield f"no chart for {', '.join(map(str, days))}: the file says so"

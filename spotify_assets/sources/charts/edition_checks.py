"""The editions that a chart file holds, day by day: what is noted of each, and what contradicts the file's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.charts.cells import is_name, spotify_track_id
from spotify_assets.sources.charts.chart_formats import CADENCE_COLUMNS, Header
from spotify_assets.sources.charts.chart_text import refusal
from spotify_assets.sources.charts.edition_rows import ChartRow, EditionRows
from spotify_assets.sources.charts.file_names import FileName
from spotify_assets.sources.charts.row_checks import Charts, listed

REFUSED_SHARE = 0.1
"""The share of days with something wrong up to which the others of a chart are believed."""


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


def spoil_positions(name: str, rows: EditionRows, charts: Charts) -> None:
    """Record the days that have two rows at one position."""
    for twice in rows.listed_twice():
        flaw = refusal(
            name,
            f"position {twice.position} of {twice.day} is listed twice, on lines {twice.first_line} and {twice.line}",
            why="a chart has one song at each position; two charts were probably joined",
            remedy="remove the row, or the chart, that does not belong there",
            line=twice.line,
        )
        charts.spoil((twice.chart, twice.day), flaw)


def check_flaws(name: str, days: int, flaws: Mapping[date, SourceRefusal]) -> None:
    """Refuse a chart of which more than a tenth of the days are refused; `days` is the number of all of them."""
    if len(flaws) <= days * REFUSED_SHARE:
        return
    first = min(flaws)
    if days == 1:
        raise flaws[first]
    believed = "where more than a tenth is, the others are not believed either"
    raise SourceRefusal(
        flaws[first].what,
        why=f"{flaws[first].why}; {len(flaws)} of the {days} days of {name} are like that, and {believed}",
        remedy=flaws[first].remedy,
    )


def check_days(name: str, days: list[date], named: FileName) -> None:
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


def cadence_of(name: str, header: Header, named: FileName) -> str | None:
    """How often the chart is made, where the name or the columns say it; refused where they contradict each other."""
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


def edition_notes(header: Header, day: date, rows: Sequence[ChartRow]) -> Iterator[str]:
    """What a person should know of a day: positions without a row, rows without title or id."""
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
        yield f"{day}: {lacks} at {listed('position', positions)}"


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

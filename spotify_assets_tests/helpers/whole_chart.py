"""A chart file with all its rows in memory, as tests look at it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from spotify_assets.snapshot import CHARTS, Entry, PlaylistSnapshot
from spotify_assets.sources.charts.chart_files import ChartFile, read_chart_file
from spotify_assets.sources.charts.edition_rows import ChartRow, EditionRows
from spotify_assets.transforms.chart_days import chart_days
from spotify_assets.transforms.chart_entries import chart_entries
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.little_charts import History


@dataclass(frozen=True)
class WholeEdition:
    """The chart of a day, with its rows."""

    chart_date: date
    rows: tuple[ChartRow, ...]


@dataclass(frozen=True)
class WholeChart:
    """What a file holds, with its rows; the other fields are those of `ChartFile`."""

    name: str
    format: str
    chart: str | None
    kind: str | None
    country: str | None
    cadence: str | None
    editions: tuple[WholeEdition, ...]
    notes: tuple[str, ...]


def whole_chart(chart: ChartFile, rows: EditionRows) -> WholeChart:
    """A chart with the rows of its editions, which are as many as it says."""
    editions = tuple(
        WholeEdition(edition.chart_date, rows.of(chart.number, edition.chart_date)) for edition in chart.editions
    )
    assert [len(edition.rows) for edition in editions] == [edition.size for edition in chart.editions]
    said = {name: value for name, value in vars(chart).items() if name != "number"}
    return WholeChart(**said | {"editions": editions})


def read_whole_chart(
    name: str, data: bytes, *, country: str | None = None, kind: str | None = None, cadence: str | None = None
) -> WholeChart:
    """Read one chart of a file from its bytes."""
    content = read_chart_file(name, io.BytesIO(data), cadence=cadence)
    return whole_chart(content.of(country, kind), content.rows)


def history_of_file(path: Path, playlist: str, cadence: str = "daily") -> History:
    """The chart of a file as the compacted history has it."""
    snapshots = [
        PlaylistSnapshot(
            playlist,
            edition.chart_date,
            CHARTS,
            datetime(2026, 11, 22, tzinfo=UTC),
            tuple(Entry(row.position, row.values) for row in edition.rows),
        )
        for edition in read_whole_chart(path.name, path.read_bytes(), cadence=cadence).editions
    ]
    return history_of(snapshots, cadence)


def history_of(snapshots: Sequence[PlaylistSnapshot], cadence: str = "daily") -> History:
    """The snapshots of a playlist as the compacted history has them."""
    tables = daily_tables(snapshots, cadence)
    slug = snapshots[0].slug
    return History(chart_days(tables).assign(playlist=slug), chart_entries(tables).assign(playlist=slug))

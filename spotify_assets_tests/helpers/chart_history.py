"""A made-up compacted history: two charts over a turn of the year, with most of what makes a chart difficult."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spotify_assets.analytics.identity import identify
from spotify_assets.analytics.statements import Part, Statement
from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES
from spotify_assets.schemas.table import Table, arrow_schema
from spotify_assets.storage.layout import Year, year_key
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore

FIRST_DAY = date(2024, 12, 1)
GAP = range(40, 44)
SIZE = 8
Row = dict[str, Any]


def write_history(store: ObjectStore, playlists: Mapping[str, str], days: int = 75) -> list[Part]:
    """Write the compacted history of playlists (slug: cadence), and what its songs are taken for.

    The first days of 2025 have a gap; songs come back, change their id, are listed twice, credit several artists or
    nobody, have no title, no genres or empty ones, and releases known to the year only.

    Returns:
        The playlists and years that there are.
    """
    parts, files = _made(tuple(playlists.items()), days)
    for key, data in files.items():
        store.write(key, data)
    return list(parts)


@cache
def _made(playlists: tuple[tuple[str, str], ...], days: int) -> tuple[list[Part], dict[str, bytes]]:
    """The parts and the files of a history, made once for all tests that want it."""
    with tempfile.TemporaryDirectory() as folder:
        store = LocalObjectStore(folder)
        parts = _make(store, playlists, days)
        return parts, {key: store.read(key) for key in store.list_keys("")}


def _make(store: ObjectStore, playlists: tuple[tuple[str, str], ...], days: int) -> list[Part]:
    parts: list[Part] = []
    for slug, cadence in playlists:
        dates = [FIRST_DAY + timedelta(number) for number in range(days) if number not in GAP]
        by_year: dict[int, list[date]] = {}
        for day in dates:
            by_year.setdefault(day.year, []).append(day)
        for year, of_year in by_year.items():
            rows = [row for day in of_year for row in _entries(slug, _edition(day, cadence), day)]
            write_rows(store, year_key(CHART_ENTRIES.name, slug, year), CHART_ENTRIES, rows)
            chart_days = [_chart_day(day, cadence) for day in of_year]
            write_rows(store, year_key(CHART_DAYS.name, slug, year), CHART_DAYS, chart_days)
            parts.append(Part(slug, year))
    identify(store, [Year(part.playlist, part.year) for part in parts if part.year is not None])
    return parts


def parts_of(statement: Statement, years: Sequence[Part]) -> list[Part]:
    """The parts of a statement for all these playlists and years."""
    by_playlist: dict[str, list[int]] = {}
    for part in years:
        by_playlist.setdefault(part.playlist, []).append(part.year)
    return [part for playlist, of_playlist in by_playlist.items() for part in statement.parts(playlist, of_playlist)]


def write_rows(store: ObjectStore, key: str, table: Table, rows: Sequence[Row]) -> None:
    """Write a Parquet file of a table."""
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), arrow_schema(table)), content)
    store.write(key, content.getvalue())


def _edition(day: date, cadence: str) -> date:
    return day - timedelta(day.weekday()) if cadence == "weekly" else day


def _chart_day(day: date, cadence: str) -> Row:
    edition = _edition(day, cadence)
    return {
        "snapshot_date": day,
        "source": "spotify",
        "cadence": cadence,
        "edition": max(edition, FIRST_DAY),
        "chart_size": SIZE,
        "listed": SIZE,
        "accepted": SIZE,
        "rejected": 0,
        "content_hash": str(edition),
        "unchanged": day != edition,
        "stale": False,
        "renewed_at": None,
        "failed_checks": None,
    }


def _entries(slug: str, edition: date, day: date) -> Iterator[Row]:
    chance = random.Random(f"{slug} {edition}")  # noqa: S311 - the same chart every time
    songs = chance.sample(range(14), SIZE - 1)
    songs.append(songs[0])
    for position, song in enumerate(songs, 1):
        yield {**_song(song, day), "snapshot_date": day, "position": position, "streams": _streams(chance, song)}


def _streams(chance: random.Random, song: int) -> int | None:
    return None if song == 3 else chance.randrange(1000, 100_000)


def _song(song: int, day: date) -> Row:
    identifier = f"id{song}{'b' if song == 4 and day.month == 1 else ''}"
    artists = [] if song == 5 else [f"artist{(song + credit) % 6}" for credit in range(1 + song % 3)]
    row: Row = {column.name: None for column in CHART_ENTRIES.columns}
    if song == 6:
        return {**row, "row_status": "untitled", "artist_keys": [], "artist_names": []}
    return {
        **row,
        "row_status": "ok",
        "song_ref": identifier,
        "song_id": identifier,
        "isrc": f"JPX00{song:07}" if song % 2 == 0 else None,
        "song_name": f"曲 {song}",
        "lead_artist_key": artists[0] if artists else None,
        "lead_artist_name": artists[0].title() if artists else None,
        "artist_keys": artists,
        "artist_names": [artist.title() for artist in artists],
        "album_key": f"album{song // 3}" if song != 7 else None,
        "album_id": f"album{song // 3}" if song != 7 else None,
        "album_name": f"Album {song // 3}" if song != 7 else None,
        "album_total_tracks": 10 if song % 4 else None,
        "release_date_from": date(2024, 1, 1) if song == 8 else date(2024, 12, 1) + timedelta(song),
        "release_date_to": date(2024, 12, 31) if song == 8 else date(2024, 12, 1) + timedelta(song),
        "duration_ms": 180_000 + song,
        "explicit": None if song == 9 else song % 2 == 1,
        "popularity": 50 + song if song != 10 else None,
        "genres": _genres(song, day),
        "official_peak_position": 1 if song == 11 else None,
        "official_days_on_chart": 1 if song == 12 else None,
    }


def _genres(song: int, day: date) -> list[str] | None:
    if song == 1 or day.day % 9 == 0:
        return None
    return [] if song == 2 else [f"genre{number}" for number in range(song % 3 + 1)]

"""The chart report of a lake: what is released of each playlist, read, made into pages and written to `report/`."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from spotify_assets.analytics.released_tables import RELEASED, ReleasedTables, open_released_tables
from spotify_assets.report.chart_movement import read_movement
from spotify_assets.report.completeness import read_completeness
from spotify_assets.report.html_pages import Contents, index_page, playlist_page
from spotify_assets.report.libraries import read_libraries
from spotify_assets.report.rankings import read_rankings
from spotify_assets.report.song_runs import read_runs
from spotify_assets.report.today import read_today
from spotify_assets.schemas.daily import SNAPSHOTS
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.storage.layout import REPORT_INDEX_KEY, REPORT_PREFIX, report_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import read_partitions
from spotify_assets.storage.written import record_written

ARTIST_PERIODS = {"day": "week"}
"""By which period an artist's share is drawn, where the trends' own would be too short to say something."""


def write_report(settings: Settings, store: ObjectStore) -> list[str]:
    """Make the pages of all playlists, and the index that leads to them.

    Returns:
        The keys of the pages, the index first.

    Raises:
        EngineError: DuckDB has too little memory or space.
        StorageError: nothing is released yet, a file is damaged, or the lake cannot be read or written.
    """
    pages: dict[str, str] = {}
    shown = []
    with open_released_tables(store, settings.memory_limit) as released:
        libraries = read_libraries(store)
        with_editions = released.with_editions()
        for playlist in settings.playlists:
            contents = _contents(released, store, playlist) if playlist.slug in with_editions else None
            page = playlist_page(playlist, contents, libraries).encode()
            pages[report_key(playlist.slug)] = _written(store, report_key(playlist.slug), page)
            # Only what the index shows: the runs of many playlists would add up.
            shown.append((playlist, contents.today if contents else None))
    index = _written(store, REPORT_INDEX_KEY, index_page(shown).encode())
    record_written(store, REPORT_PREFIX, {REPORT_INDEX_KEY: index, **pages})
    return [REPORT_INDEX_KEY, *pages]


def _written(store: ObjectStore, key: str, page: bytes) -> str:
    """Write a page; the digest of its bytes."""
    store.write(key, page)
    return hashlib.sha256(page).hexdigest()


def _contents(released: ReleasedTables, store: ObjectStore, playlist: PlaylistSettings) -> Contents:
    released.show(list(RELEASED), playlist.slug)
    today = read_today(released, playlist.slug)
    movement = read_movement(released)
    return Contents(
        fetched_at=_fetched_at(store, playlist.slug, today.day["snapshot_date"]),
        today=today,
        runs=read_runs(released, ARTIST_PERIODS.get(movement.period, movement.period)),
        rankings=read_rankings(released),
        movement=movement,
        completeness=read_completeness(released),
        left_out=released.left_out(playlist.slug),
    )


def _fetched_at(store: ObjectStore, slug: str, day: date) -> datetime | None:
    (snapshot,) = read_partitions(store, SNAPSHOTS, slug, [day]).to_dict("records")
    fetched_at: datetime | None = snapshot["fetched_at"]
    return fetched_at

"""One row of a chart file to an entry and a track as Spotify's Web API shapes them, so that the tables need not care.

What belongs here: which column of which file means what. Reading files is `sources.chart_files`; making rows of tables
is the modules beside this one. A key is there only if the file says its value: nothing is guessed, derived or split.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from spotify_assets.sources.charts.cells import is_missing, is_name, spotify_track_id, whole_number
from spotify_assets.sources.charts.chart_formats import column_key
from spotify_assets.sources.charts.chart_tracks import ID_COLUMNS

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ID_COLUMNS,
    "title": ("track_name", "song", "title", "name"),
    "artists": ("artist_names", "artists", "artist", "artist_name"),
    "url": ("url", "track_url"),
    "duration_ms": ("duration_ms",),
    "explicit": ("is_explicit", "explicit"),
    "popularity": ("popularity",),
    "streams": ("streams", "stream_count"),
    "peak": ("peak_rank",),
    "previous": ("previous_rank", "prev_rank"),
    "days_on_chart": ("days_on_chart",),
    "weeks_on_chart": ("weeks_on_chart",),
    "album_name": ("album_name",),
    "album_type": ("album_type",),
    "album_release_date": ("album_release_date", "release_date"),
    "album_total_tracks": ("total_tracks",),
    "album_label": ("source",),
    "album_cover": ("album_cover_url",),
}
"""What the columns of all formats mean, by key (see `column_key`). Of several, the first that says something counts."""
NAMES = frozenset({"title", "artists", "album_name"})
"""The meanings whose cells are names, see `is_name`."""

BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def chart_entry(values: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry and the track of one row.

    Artist names that a file lists in one string stay one artist: names contain commas and ampersands themselves.

    Args:
        values: the row as received, header name to text; of any known format.

    Returns:
        The entry, with what the chart says (streams, official figures), and the track.
    """
    said: dict[str, str] = {}
    for name, meaning in _meanings(tuple(values)):
        # The id comes first in `COLUMNS`, so that it is known here whether the row has one.
        if _says_something(meaning, values[name], has_id="id" in said):
            said.setdefault(meaning, values[name])
    return _entry(said), _track(said)


def _says_something(meaning: str, cell: str, *, has_id: bool) -> bool:
    if meaning == "id":
        return spotify_track_id(cell) is not None
    return is_name(cell, has_id=has_id) if meaning in NAMES else not is_missing(cell)


@lru_cache(maxsize=64)  # the rows of a file all have the same header
def _meanings(header: tuple[str, ...]) -> list[tuple[str, str]]:
    """The names in a header that mean something, each with what it means, the first choice first."""
    named = {column_key(name): name for name in header}
    return [(named[key], meaning) for meaning, keys in COLUMNS.items() for key in keys if key in named]


def _entry(said: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "streams": _whole_number(said.get("streams")),
            # A place or a count of 0 or -1 says that there is none.
            "official_peak_position": _whole_number(said.get("peak")) or None,
            "official_previous_position": _whole_number(said.get("previous")) or None,
            "official_days_on_chart": _whole_number(said.get("days_on_chart")) or None,
            "official_weeks_on_chart": _whole_number(said.get("weeks_on_chart")) or None,
        }
    )


def _track(said: Mapping[str, str]) -> dict[str, Any]:
    id_ = spotify_track_id(said.get("id", ""))
    return _present(
        {
            "type": "track",
            "id": id_,
            "name": said.get("title"),
            "artists": [{"name": said["artists"]}] if "artists" in said else None,
            "album": _album(said) or None,
            "duration_ms": _whole_number(said.get("duration_ms")),
            "explicit": BOOLEANS.get(said.get("explicit", "").strip().casefold()),
            "popularity": _whole_number(said.get("popularity")),
            "external_urls": {"spotify": said["url"]} if "url" in said and id_ else None,
        }
    )


def _album(said: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "name": said.get("album_name"),
            "album_type": said.get("album_type"),
            "release_date": said.get("album_release_date"),
            "total_tracks": _whole_number(said.get("album_total_tracks")),
            "label": said.get("album_label"),
            "images": [{"url": said["album_cover"]}] if "album_cover" in said else None,
        }
    )


def _present(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if value is not None}


def _whole_number(cell: str | None) -> int | None:
    return None if cell is None else whole_number(cell)

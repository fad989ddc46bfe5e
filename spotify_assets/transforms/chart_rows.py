"""One row of a chart file to an entry and a track as Spotify's Web API shapes them, so that the tables need not care.

What belongs here: which column of which file means what. Reading files is `sources.chart_files`; making rows of tables
is the modules beside this one. A key is there only if the file says its value: nothing is guessed, derived or split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from spotify_assets.sources.chart_files import column_key, has_title, is_missing, spotify_track_id

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("track_id", "spotify_id", "uri", "url"),
    "title": ("track_name", "song", "title", "name"),
    "artists": ("artist_names", "artists", "artist"),
    "url": ("url",),
    "duration_ms": ("duration_ms",),
    "explicit": ("is_explicit", "explicit"),
    "popularity": ("popularity",),
    "streams": ("streams",),
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

WHOLE_NUMBER = re.compile(r"([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.0+)?")
BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def chart_entry(values: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry and the track of one row.

    Artist names that a file lists in one string stay one artist: names contain commas and ampersands themselves.

    Args:
        values: the row as received, header name to text; of any known format.

    Returns:
        The entry, with what the chart says (streams, official figures), and the track.
    """
    said = {
        meaning: _first_said([values[name] for name in names])
        for meaning, names in _header_names(tuple(values)).items()
    }
    return _entry(said), _track(said)


@lru_cache(maxsize=64)  # the rows of a file all have the same header
def _header_names(header: tuple[str, ...]) -> dict[str, list[str]]:
    """For each meaning the names in this header that have it."""
    named = {column_key(name): name for name in header}
    return {meaning: [named[key] for key in keys if key in named] for meaning, keys in COLUMNS.items()}


def _first_said(cells: list[str]) -> str:
    return next((cell for cell in cells if not is_missing(cell)), "".join(cells[:1]))


def _entry(said: Mapping[str, str]) -> dict[str, Any]:
    return _present(
        {
            "streams": _whole_number(said["streams"]),
            # A place or a count of 0 or -1 says that there is none.
            "official_peak_position": _whole_number(said["peak"]) or None,
            "official_previous_position": _whole_number(said["previous"]) or None,
            "official_days_on_chart": _whole_number(said["days_on_chart"]) or None,
            "official_weeks_on_chart": _whole_number(said["weeks_on_chart"]) or None,
        }
    )


def _track(said: Mapping[str, str]) -> dict[str, Any]:
    id_ = spotify_track_id(said["id"])
    artists, url = _text(said["artists"]), _text(said["url"])
    return _present(
        {
            "type": "track",
            "id": id_,
            "name": said["title"] if has_title(said["title"], has_id=id_ is not None) else None,
            "artists": [{"name": artists}] if artists else None,
            "album": _album(said) or None,
            "duration_ms": _whole_number(said["duration_ms"]),
            "explicit": BOOLEANS.get(said["explicit"].strip().casefold()),
            "popularity": _whole_number(said["popularity"]),
            "external_urls": {"spotify": url} if url and id_ else None,
        }
    )


def _album(said: Mapping[str, str]) -> dict[str, Any]:
    cover = _text(said["album_cover"])
    return _present(
        {
            "name": _text(said["album_name"]),
            "album_type": _text(said["album_type"]),
            "release_date": _text(said["album_release_date"]),
            "total_tracks": _whole_number(said["album_total_tracks"]),
            "label": _text(said["album_label"]),
            "images": [{"url": cover}] if cover else None,
        }
    )


def _present(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if value is not None}


def _text(cell: str) -> str | None:
    return None if is_missing(cell) else cell


def _whole_number(cell: str) -> int | None:
    match = WHOLE_NUMBER.fullmatch(cell.strip())
    return int(match[1].replace(",", "")) if match else None

"""Artists: one row per distinct artist credited on a charted track, and, marked, on an album only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.transforms.albums import widest_image
from spotify_assets.transforms.entries import ListedTrack
from spotify_assets.transforms.songs import Row, artist_key, credits_of
from spotify_assets.transforms.values import INT64_MAXIMUM, at, text, whole_number


def artist_rows(snapshot: PlaylistSnapshot, tracks: list[ListedTrack]) -> Iterator[Row]:
    """The rows of `artists` for one snapshot: those on tracks by best position, then those on albums only."""
    artists: dict[str, dict[str, Any]] = {}
    positions: dict[str, set[int]] = {}
    for listed in tracks:
        for artist in credits_of(listed.track):
            key = str(artist_key(artist))
            artists.setdefault(key, artist)
            positions.setdefault(key, set()).add(listed.position)
    for listed in tracks:
        for artist in credits_of(listed.track.get("album")):
            artists.setdefault(str(artist_key(artist)), artist)
    for key, artist in artists.items():
        found = snapshot.artists.get(text(artist.get("id")) or "")
        fetched = found and found.payload
        yield {
            "artist_key": key,
            "artist_id": text(artist.get("id")),
            "artist_name": text(artist.get("name")) or text(at(fetched, "name")),
            "genres": _genres(fetched),
            "popularity": whole_number(at(fetched, "popularity")),
            "followers": whole_number(at(fetched, "followers", "total"), maximum=INT64_MAXIMUM),
            "image_url": widest_image(fetched),
            "url": text(at(artist, "external_urls", "spotify")),
            "songs_on_chart": len(positions.get(key, ())),
            "best_position": min(positions.get(key, ()), default=None),
            "credited_on_track": key in positions,
        }


def _genres(fetched: Any) -> list[str] | None:
    genres = at(fetched, "genres")
    if not isinstance(genres, list):
        return None
    return [name for name in map(text, genres) if name]

"""Albums: one row per distinct album on the chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.transforms.entries import ListedTrack
from spotify_assets.transforms.songs import Row, album_key, credits_of, fetched_album, release_columns
from spotify_assets.transforms.values import at, objects, text, whole_number


def widest_image(payload: Any) -> str | None:
    """Address of the widest of an object's images; of the first where no width is given."""
    images = [image for image in objects(at(payload, "images")) if text(image.get("url"))]
    widest = max(images, key=lambda image: whole_number(image.get("width")) or 0, default={})
    return text(widest.get("url"))


def album_rows(snapshot: PlaylistSnapshot, tracks: list[ListedTrack]) -> Iterator[Row]:
    """The rows of `albums` for one snapshot, by best position. The best-placed track says what the album is."""
    positions: dict[str, list[int]] = {}
    albums: dict[str, Any] = {}
    for listed in tracks:
        album = listed.track.get("album")
        key = album_key(album)
        if key is not None:
            albums.setdefault(key, album)
            positions.setdefault(key, []).append(listed.position)
    for key, album in albums.items():
        fetched = fetched_album(snapshot, album)
        artists = credits_of(album)
        lead = artists[0] if artists else {}
        yield {
            "album_key": key,
            "album_id": text(album.get("id")),
            "album_name": text(album.get("name")) or text(at(fetched, "name")),
            "album_type": text(album.get("album_type")) or text(at(fetched, "album_type")),
            **release_columns(snapshot, album),
            "total_tracks": _first_number(album, fetched, "total_tracks"),
            "label": text(at(fetched, "label")) or text(album.get("label")),
            "upc": text(at(fetched, "external_ids", "upc")) or text(at(album, "external_ids", "upc")),
            "popularity": whole_number(at(fetched, "popularity")),
            "lead_artist_id": text(lead.get("id")),
            "lead_artist_name": text(lead.get("name")),
            "artist_names": [text(artist.get("name")) for artist in artists],
            "image_url": widest_image(album) or widest_image(fetched),
            "url": text(at(album, "external_urls", "spotify")),
            "songs_on_chart": len(positions[key]),
            "best_position": min(positions[key]),
        }


def _first_number(album: Any, fetched: Any, name: str) -> int | None:
    number = whole_number(at(album, name))
    return whole_number(at(fetched, name)) if number is None else number

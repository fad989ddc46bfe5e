"""Songs and their credits: the tables with a row per position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.transforms.entries import ListedTrack
from spotify_assets.transforms.values import (
    INT64_MAXIMUM,
    at,
    boolean,
    moment,
    name_key,
    objects,
    release_interval,
    text,
    whole_number,
)

Row = dict[str, Any]
OFFICIAL_COLUMNS = (
    "official_peak_position",
    "official_previous_position",
    "official_days_on_chart",
    "official_weeks_on_chart",
)


def artist_key(artist: dict[str, Any]) -> str | None:
    """The artist's id, else a hash of the name; None for a credit that says neither."""
    return text(artist.get("id")) or name_key(text(artist.get("name")))


def credits_of(payload: Any) -> list[dict[str, Any]]:
    """The artists that a track or album object credits, in order, without those that have neither id nor name."""
    return [artist for artist in objects(at(payload, "artists")) if artist_key(artist)]


def album_key(album: Any) -> str | None:
    """The album's id, else a hash of its name and lead artist; None where neither id nor name is known."""
    name = text(at(album, "name"))
    lead = next(iter(credits_of(album)), {})
    return text(at(album, "id")) or (name_key(name, text(lead.get("name"))) if name else None)


def release_columns(snapshot: PlaylistSnapshot, album: Any) -> Row:
    """The release date columns of an album object, completed by the object that was fetched for it."""
    dated = album if text(at(album, "release_date")) else fetched_album(snapshot, album)
    written = text(at(dated, "release_date"))
    first, last = release_interval(written, snapshot.snapshot_date)
    return {
        "release_date_text": written,
        "release_date_precision": text(at(dated, "release_date_precision")),
        "release_date_from": first,
        "release_date_to": last,
    }


def fetched_album(snapshot: PlaylistSnapshot, album: Any) -> Any:
    """The object that was fetched for an album, or None."""
    found = snapshot.albums.get(text(at(album, "id")) or "")
    return found and found.payload


def song_rows(snapshot: PlaylistSnapshot, tracks: list[ListedTrack]) -> Iterator[Row]:
    """The rows of `songs` for one snapshot."""
    for listed in tracks:
        entry, track = listed.entry, listed.track
        album = track.get("album")
        artists = credits_of(track)
        lead = artists[0] if artists else {}
        yield {
            "position": listed.position,
            "row_status": _row_status(listed),
            "song_id": text(track.get("id")),
            "song_name": text(track.get("name")),
            "isrc": text(at(track, "external_ids", "isrc")),
            "duration_ms": whole_number(track.get("duration_ms")),
            "explicit": boolean(track.get("explicit")),
            "popularity": whole_number(track.get("popularity")),
            "streams": whole_number(entry.get("streams"), maximum=INT64_MAXIMUM),
            "added_at": moment(entry.get("added_at")),
            "track_number": whole_number(track.get("track_number")),
            "disc_number": whole_number(track.get("disc_number")),
            "url": text(at(track, "external_urls", "spotify")),
            "preview_url": text(track.get("preview_url")),
            "album_id": text(at(album, "id")),
            "album_key": album_key(album),
            "album_name": text(at(album, "name")),
            **release_columns(snapshot, album),
            "label": text(at(fetched_album(snapshot, album), "label")) or text(at(album, "label")),
            "lead_artist_id": text(lead.get("id")),
            "lead_artist_key": artist_key(lead),
            "lead_artist_name": text(lead.get("name")),
            "artist_names": [text(artist.get("name")) for artist in artists],
            "artist_count": len(artists),
            **{name: whole_number(entry.get(name)) for name in OFFICIAL_COLUMNS},
        }


def song_artist_rows(tracks: list[ListedTrack]) -> Iterator[Row]:
    """The rows of `song_artists` for one snapshot."""
    for listed in tracks:
        artists = credits_of(listed.track)
        for order, artist in enumerate(artists, 1):
            yield {
                "position": listed.position,
                "song_id": text(listed.track.get("id")),
                "artist_key": artist_key(artist),
                "artist_id": text(artist.get("id")),
                "artist_name": text(artist.get("name")),
                "credit_order": order,
                "credit_count": len(artists),
            }


def _row_status(listed: ListedTrack) -> str:
    if listed.is_local:
        return "local"
    return "ok" if text(listed.track.get("name")) else "untitled"

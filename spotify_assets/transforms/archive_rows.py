"""One entry of the public archive to an entry and a track as Spotify's Web API shapes them.

Reading the archive's files is `sources.archive`; making rows of tables is the modules beside this one. The archive has
no ISRC, popularity, genres, release date or explicit flag: those are missing, or come from Spotify's track object.
"""

from __future__ import annotations

import re
from typing import Any

from spotify_assets.sources.archive.archived_list import archived_moment
from spotify_assets.transforms.values import at, objects, text

SPOTIFY_URL = re.compile(r"https://open\.spotify\.com/(?P<kind>track|artist|album)/(?P<id>[0-9A-Za-z]{22})")


def archive_entry(payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry and the track of one entry of an archived list; ids are the last part of the urls."""
    track = _named(payload, "track")
    if isinstance(payload.get("artists"), list):
        track["artists"] = [_named(artist, "artist") for artist in objects(payload["artists"])]
    if isinstance(payload.get("album"), dict):
        track["album"] = _named(payload["album"], "album")
    if "duration_ms" in payload:
        track["duration_ms"] = payload["duration_ms"]
    added_at = archived_moment(payload.get("added_at"))
    return ({"added_at": added_at.isoformat()} if added_at else {}), track


def _named(payload: dict[str, Any], kind: str) -> dict[str, Any]:
    """What has a name and an address of this kind, with the id that the address ends in."""
    named = {"type": kind, "name": payload.get("name")}
    address = SPOTIFY_URL.fullmatch(text(at(payload, "url")) or "")
    if address and address["kind"] == kind:
        named |= {"id": address["id"], "external_urls": {"spotify": address[0]}}
    return named

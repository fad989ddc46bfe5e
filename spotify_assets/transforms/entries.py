"""What a listed entry is: a track, or nothing that can be a song, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spotify_assets.snapshot import ARCHIVE, CHARTS, Entry, PlaylistSnapshot
from spotify_assets.transforms.archive_rows import archive_entry
from spotify_assets.transforms.chart_rows import chart_entry
from spotify_assets.transforms.values import at, text

SHAPES = {ARCHIVE: archive_entry, CHARTS: chart_entry}
"""What brings the entries of a source into the Web API's shape, for sources that are not the Web API."""


@dataclass(frozen=True)
class ListedTrack:
    """An entry that is a track. `entry` is the playlist's entry, `track` the object inside it."""

    position: int
    entry: dict[str, Any]
    track: dict[str, Any]

    @property
    def is_local(self) -> bool:
        """Whether it is a local file of the playlist's owner."""
        return self.entry.get("is_local") is True or self.track.get("is_local") is True


@dataclass(frozen=True)
class RejectedEntry:
    """An entry that is no track: `kind` is null, episode or malformed."""

    position: int
    kind: str
    reason: str
    payload: Any


def read_entries(snapshot: PlaylistSnapshot) -> tuple[list[ListedTrack], list[RejectedEntry]]:
    """Separate the tracks of a snapshot from what is none. Each entry is in exactly one of the two lists."""
    read = [_read(entry, api_shaped(snapshot, entry)) for entry in snapshot.entries]
    return (
        [found for found in read if isinstance(found, ListedTrack)],
        [found for found in read if isinstance(found, RejectedEntry)],
    )


def api_shaped(snapshot: PlaylistSnapshot, entry: Entry) -> Any:
    """An entry's payload in the Web API's shape; those of chart files and of the archive are brought into it.

    What Spotify says of such an entry's track is taken where it was asked for; position, streams, the publisher's
    figures and the song's id are always the file's.
    """
    shape = SHAPES.get(snapshot.source)
    if shape is None or not isinstance(entry.payload, dict):
        return entry.payload
    shaped, track = shape(entry.payload)
    found = snapshot.tracks.get(text(track.get("id")) or "")
    return {**shaped, "track": _completed(track, found.payload) if found else track}


def _completed(track: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A track with what Spotify's object of it says; a value that says nothing hides none of the file's.

    Spotify may answer with another track in place of the one asked for: its address is not the song's then.
    """
    said = _said(found)
    is_replaced = said.get("id") != track["id"]
    left_out = {"id"} | ({"external_urls", "preview_url"} if is_replaced else set())
    if "artists" in track and not _has_credits(found):
        left_out.add("artists")
    completed = track | {key: value for key, value in said.items() if key not in left_out}
    if isinstance(found.get("album"), dict):
        completed["album"] = track.get("album", {}) | _said(found["album"])
    return completed


def _said(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if value not in (None, "", [], {})}


def _has_credits(found: dict[str, Any]) -> bool:
    """Whether every credit has an id and a name: only ids prove which names a file's list of artists holds."""
    artists = found.get("artists")
    return isinstance(artists, list) and all(text(at(one, "id")) and text(at(one, "name")) for one in artists)


def track_of(payload: Any) -> dict[str, Any] | None:
    """The track (or episode) object of an entry.

    Spotify calls it `item` since February 2026 and `track` before; some answers have both, and some objects have a
    boolean called `track`: so each is taken only if it is an object, and never both.
    """
    for key in ("item", "track"):
        found = at(payload, key)
        if isinstance(found, dict):
            return found
    return None


def _read(entry: Entry, payload: Any) -> ListedTrack | RejectedEntry:
    """Judge an entry by its payload in the Web API's shape; rejects keep the payload as received."""
    if payload is None:
        reason = "the whole entry is null: the track was withdrawn, or a chart file skips the position"
        return RejectedEntry(entry.position, "null", reason, entry.payload)
    if not isinstance(payload, dict):
        return RejectedEntry(
            entry.position, "malformed", f"the entry is {_kind(payload)}, not an object", entry.payload
        )
    track = track_of(payload)
    if track is None:
        return RejectedEntry(entry.position, *_no_track(payload), entry.payload)
    type_ = track.get("type")
    if type_ == "episode":
        reason = f"an episode of a show, not a song: {text(track.get('name')) or 'without title'}"
        return RejectedEntry(entry.position, "episode", reason, entry.payload)
    if type_ not in (None, "track"):
        return RejectedEntry(entry.position, "malformed", f"its type is {type_!r}, not 'track'", entry.payload)
    return ListedTrack(entry.position, payload, track)


def _no_track(payload: dict[str, Any]) -> tuple[str, str]:
    held = {key: payload[key] for key in ("item", "track") if key in payload}
    if not held:
        return "malformed", "the entry has neither `item` nor `track`"
    if any(value is None for value in held.values()):
        return "null", "the track is null: it was withdrawn, or is not available in this market"
    return "malformed", ", ".join(f"`{key}` is {_kind(value)}, not an object" for key, value in held.items())


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "null")

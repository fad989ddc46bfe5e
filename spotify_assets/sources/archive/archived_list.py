"""One file of the archive: the list of a playlist, as JSON or, in older commits, as a table in Markdown.

The archive leaves out entries without a track and local files, so a list may be shorter than its chart, and positions
after such an entry are one too small. It cannot be seen where. (The archive's source, `src/spotify.py` and
`src/file_formatter.py` of mackorone/spotify-playlist-archive.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spotify_assets.errors import SourceRefusal

KEPT = ("description", "num_followers", "original_name", "snapshot_id", "unique_name", "url")
"""What is kept of the playlist itself. Its owner is personal data."""
NOMINAL_SIZE = re.compile(r"\b(?:top|viral|hot)\s+(?P<size>[1-9]\d{1,2})\b", re.IGNORECASE)
PLAYLIST_URL = re.compile(r"https://open\.spotify\.com/playlist/(?P<id>[0-9A-Za-z]{22})")
HEADING = re.compile(r"(?m)^### \[(?P<name>.*)\]\((?P<url>https://open\.spotify\.com/playlist/[0-9A-Za-z]{22})\)\s*$")
SNAPSHOT_ID = re.compile(r"(?m)^Snapshot ID: `(?P<id>[^`]+)`\s*$")
TABLE_HEADER = "| No. | Title | Artist(s) | Album | Length |"
ROW = re.compile(r"\| (?P<number>\d+) \| (?P<cells>.*) \| (?P<length>[\d:]+) \|")
LINK = re.compile(
    r"\[(?P<name>.*?)\]\((?P<url>https://open\.spotify\.com/(?P<kind>track|artist|album)/[0-9A-Za-z]{22})\)"
)
CELLS_WITHOUT_LINKS = re.compile(r" \| (?:, )* \| ?")
FIRST_YEAR = 2006  # Spotify was founded then; it gives 1970 where it does not know.
ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class ArchivedList:
    """A playlist's list as the archive recorded it.

    Attributes:
        entries: in order; objects with `name`, `url`, `artists`, `album` and, from JSON, `duration_ms` and `added_at`;
            from Markdown `length` (minutes and seconds).
        playlist: what the file says of the playlist itself.
        snapshot_id: Spotify's version id of the list, where the file says it.
        renewed_at: when Spotify renewed the list: the newest `added_at` of its entries, which is in UTC.
        nominal_size: how many entries the playlist's name says that the chart has.
    """

    entries: Sequence[Any]
    playlist: Mapping[str, Any]
    snapshot_id: str | None
    renewed_at: datetime | None
    nominal_size: int | None


def read_archived_list(data: bytes, path: str, playlist_id: str) -> ArchivedList:
    """Read a file of the archive.

    Args:
        data: its bytes.
        path: its path in the archive, which says its format.
        playlist_id: the playlist that it should be of.

    Raises:
        SourceRefusal: it is damaged, of another form than the archive's, empty, or of another playlist.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unusable(path, f"it is not text in UTF-8 ({error.reason})") from error
    found = _from_json(text, path) if path.endswith(".json") else _from_markdown(text, path)
    of = PLAYLIST_URL.fullmatch(str(found.playlist.get("url")))
    if of is None or of["id"] != playlist_id:
        raise _unusable(path, f"it is the list of another playlist ({found.playlist.get('url')}), not of {playlist_id}")
    if not found.entries:
        raise _unusable(path, "it lists nothing")
    return found


def archived_moment(written: Any) -> datetime | None:
    """A moment as the archive writes it, in UTC without a zone; None for what is none, and for one before Spotify."""
    try:
        moment = datetime.fromisoformat(written)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.year >= FIRST_YEAR else None


def _from_json(text: str, path: str) -> ArchivedList:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is not JSON, or only a part of it ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("tracks"), list):
        raise _unusable(path, "it is not an object with a list of `tracks`")
    playlist = {key: document[key] for key in KEPT if key in document}
    names = (document.get("original_name"), document.get("unique_name"))
    snapshot_id = document.get("snapshot_id")
    return ArchivedList(
        document["tracks"],
        playlist,
        snapshot_id if isinstance(snapshot_id, str) else None,
        _renewed_at(document["tracks"]),
        _nominal_size(*names),
    )


def _from_markdown(text: str, path: str) -> ArchivedList:
    heading = HEADING.search(text)
    _, found, table = text.partition(TABLE_HEADER)
    if heading is None or not found:
        raise _unusable(path, "it has no heading with the playlist, or no table of its songs")
    lines = table.splitlines()[2:]
    rows = [line for line in lines if line.startswith("|")]
    entries = [_row(line, number, path) for number, line in enumerate(rows, 1)]
    name = _unescaped(heading["name"])
    version = SNAPSHOT_ID.search(text)
    playlist = {"original_name": name, "url": heading["url"]}
    return ArchivedList(entries, playlist, version and version["id"], None, _nominal_size(name))


def _row(line: str, number: int, path: str) -> dict[str, Any]:
    row = ROW.fullmatch(line.rstrip())
    if row is None or int(row["number"]) != number:
        raise _unusable(path, f"row {number} of its table is not row {number} of a list: {line[:80]!r}")
    links = list(LINK.finditer(row["cells"]))
    kinds = [link["kind"] for link in links]
    is_whole = CELLS_WITHOUT_LINKS.fullmatch(LINK.sub("", row["cells"]))
    if not is_whole or kinds[:1] != ["track"] or kinds.count("track") != 1 or kinds.count("album") > 1:
        raise _unusable(path, f"row {number} of its table is not one song with its artists and album: {line[:80]!r}")
    named = [{"name": _unescaped(link["name"]), "url": link["url"]} for link in links]
    entry: dict[str, Any] = {**named[0], "length": row["length"]}
    entry["artists"] = [one for one, kind in zip(named, kinds, strict=True) if kind == "artist"]
    albums = [one for one, kind in zip(named, kinds, strict=True) if kind == "album"]
    return entry | ({"album": albums[0]} if albums else {})


def _unescaped(text: str) -> str:
    return ESCAPED.sub(r"\1", text.replace("<br/>", "\n"))


def _renewed_at(entries: Sequence[Any]) -> datetime | None:
    written = [entry.get("added_at") for entry in entries if isinstance(entry, dict)]
    moments = [moment for moment in map(archived_moment, written) if moment]
    return max(moments, default=None)


def _nominal_size(*names: Any) -> int | None:
    sizes = [match["size"] for match in (NOMINAL_SIZE.search(str(name)) for name in names if name) if match]
    return int(sizes[0]) if sizes else None


def _unusable(path: str, why: str) -> SourceRefusal:
    return SourceRefusal(
        f"The archive's file {path} cannot be used.",
        why=why,
        remedy="leave the day out, and look at the file on github.com; a later commit of the day may mend it",
    )

"""`PlaylistSnapshot`: one playlist as a source gave it at one moment. The type that flows from a source to the tables.

No parsing of payloads belongs here (that is `transforms`), and no bytes (that is `storage.raw_layer`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

SPOTIFY = "spotify"
"""Name of the source that asks the Web API."""
CHARTS = "charts"
"""Name of the source whose entries are rows of chart files, not payloads of the Web API."""
ARCHIVE = "archive"
"""Name of the source whose entries are those of the public playlist archive."""

Payload = Any
"""JSON as a source gave it: usually an object, but an API may answer anything."""


@dataclass(frozen=True)
class Entry:
    """One listed entry.

    Attributes:
        position: 1-based place in the list, as listed.
        payload: the entry as received, without personal data (for a chart file the row's cells by column name); None
            for a withdrawn entry, and for a position that a chart file skips.
    """

    position: int
    payload: Payload


@dataclass(frozen=True)
class CatalogObject:
    """An album or artist object fetched to complete the entries.

    Attributes:
        payload: the object as received.
        carried_from: the snapshot date on which it was really fetched, when it was carried over from a stored
            snapshot because this time it could not be asked for; None when it was fetched with this snapshot.
    """

    payload: dict[str, Any]
    carried_from: date | None = None


@dataclass(frozen=True)
class PlaylistSnapshot:
    """One playlist at one moment.

    Attributes:
        slug: the playlist's name in this project.
        snapshot_date: the partition: for an API the day of the fetch in Japan, for a chart file the chart's own date.
        source: name of the source (`spotify`, `archive`, `demo`, `charts`).
        fetched_at: moment of the fetch, timezone-aware; of a chart file that Spotify was not asked about, when it was
            put into the landing folder; of a list from the archive, when the archive recorded it.
        entries: all listed entries in order of position, without holes.
        albums, artists: objects fetched for enrichment, by Spotify id.
        tracks: track objects fetched for entries that are rows of a chart file, by Spotify id.
        tracks_without_answer: ids in such rows that Spotify was asked for and gave nothing, so that they are not asked
            for again.
        playlist_id: the source's own id of the playlist.
        playlist: the playlist's metadata as received, without personal data and without its entries.
        playlist_snapshot_id: Spotify's version id of the list.
        api_shape: which key held the entries' tracks: `track`, `item` or `both`; None where there was none.
        quota_mode: `extended` or `development` as far as the answers showed; None when they did not.
        language: the Accept-Language that names were asked in.
        chart_date: the chart's own day, where the source says it.
        chart_size: nominal size of the chart, where the source has one.
        announced: how many entries the source says that there are, where it gave another number.
        renewed_at: when the list was last renewed (timezone-aware), where the source says it apart from the entries.
        notes: what a reader must know of this fetch (why enrichment stopped, for example), in the order it happened.
    """

    slug: str
    snapshot_date: date
    source: str
    fetched_at: datetime
    entries: tuple[Entry, ...]
    albums: Mapping[str, CatalogObject] = field(default_factory=dict)
    artists: Mapping[str, CatalogObject] = field(default_factory=dict)
    tracks: Mapping[str, CatalogObject] = field(default_factory=dict)
    tracks_without_answer: tuple[str, ...] = ()
    playlist_id: str | None = None
    playlist: Mapping[str, Any] = field(default_factory=dict)
    playlist_snapshot_id: str | None = None
    api_shape: str | None = None
    quota_mode: str | None = None
    language: str | None = None
    chart_date: date | None = None
    chart_size: int | None = None
    announced: int | None = None
    renewed_at: datetime | None = None
    notes: tuple[str, ...] = ()

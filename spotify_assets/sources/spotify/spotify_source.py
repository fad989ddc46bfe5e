"""A day's playlist from Spotify's Web API: which calls make up a snapshot, and what may be missing from one.

How a call is made, and what its errors mean, does not belong here (that is `spotify_client`). Importing this module is
cheap: the client, and spotipy with it, is only imported when a playlist is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from spotify_assets.errors import RateLimited, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, SpotifySettings
from spotify_assets.snapshot import Entry, PlaylistSnapshot
from spotify_assets.sources.source import Absence
from spotify_assets.sources.spotify.enrichment import Collection, Enrichment, conclusions
from spotify_assets.sources.spotify.pages import (
    ListMovedError,
    PageRead,
    PagesDoubtfulError,
    listed,
    read_pages,
    without,
)

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.client import SpotifyClient

SPOTIFY_ID = re.compile(r"[0-9A-Za-z]+")
PERSONAL_OF_PLAYLIST = frozenset({"owner"})
ENTRIES_OF_PLAYLIST = frozenset({"tracks", "items"})
ATTEMPTS_AT_A_MOVING_LIST = 2


class SpotifySource:
    """Playlists as Spotify's Web API lists them at this moment. One object serves all playlists of a run.

    Args:
        settings: how Spotify is reached.
        backoff_factor: seconds that the waits between attempts at a failing server are built from.
    """

    has_past = False
    comes_during_the_day = False
    wants_previous = True
    absence = Absence(
        why=(
            "Spotify's API gives a playlist as it is now, and nothing was stored on these days; filing today's list "
            "under an old date would invent history"
        ),
        remedy=(
            "leave these days out; days that have a stored snapshot, and today, can be run. "
            "Switch daily_playlist_schedule on so that no further day is lost"
        ),
    )

    def __init__(self, settings: SpotifySettings, *, backoff_factor: float = 0.5) -> None:
        self._settings = settings
        self._backoff_factor = backoff_factor
        self._client: SpotifyClient | None = None

    def days_on_offer(
        self,
        playlist: PlaylistSettings,  # noqa: ARG002
        days: Sequence[date],
        stored: Mapping[date, datetime],  # noqa: ARG002
    ) -> set[date]:
        """Today in Japan, and no other day."""
        return {today_in_japan()} & set(days)

    def fetch(
        self, playlist: PlaylistSettings, day: date, previous: PlaylistSnapshot | None, *, may_retry: bool
    ) -> PlaylistSnapshot:
        """Fetch the playlist as it is now, with its album and artist objects as far as they can be had.

        Only the list itself is indispensable: when album and artist objects cannot be fetched, the snapshot carries
        over those that `previous` has, and its notes say why.

        Args:
            playlist: which playlist; its `playlist_id` is set.
            day: the date to file the list under.
            previous: where album and artist objects may be carried over from.
            may_retry: whether a short rate limit may be raised while only album and artist objects are missing.

        Raises:
            SourceRefusal: Spotify does not give this playlist to this app, or its answers contradict each other.
            SourceUnavailable: Spotify could not be reached, or the list kept changing while it was read.
            RateLimited: Spotify asks to wait. When only album and artist objects are missing, the snapshot without
                them is its `so_far`.
        """
        client = self._connected()
        reading = _read_settled(client, _playlist_id(playlist), playlist.market)
        fetched_at = datetime.now(tz=UTC)
        shape = _api_shape(reading.entries)
        albums, artists = _album_and_artist_collections(client, playlist.market, reading.entries, previous)
        enrichment = self.enrichment("album and artist objects")
        limit = None
        try:
            enrichment.run((albums, artists), may_retry=may_retry)
        except RateLimited as met:
            limit = met
        notes = [*reading.notes, *enrichment.notes]
        for collection in (albums, artists):
            collection.carry_over()
            notes += conclusions(collection.name, collection.wanted, collection.objects, collection.unknown)
        snapshot = PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source="spotify",
            fetched_at=fetched_at,
            entries=reading.entries,
            albums=albums.objects,
            artists=artists.objects,
            playlist_id=playlist.playlist_id,
            playlist=without(reading.playlist, PERSONAL_OF_PLAYLIST | ENTRIES_OF_PLAYLIST),
            playlist_snapshot_id=reading.snapshot_id,
            api_shape=shape,
            # Only the renamed field proves something: older development apps still get `track`.
            quota_mode=enrichment.quota_mode or ("development" if shape == "item" else None),
            language=self._settings.language,
            announced=reading.announced,
            notes=tuple(notes),
        )
        if limit is not None:
            limit.so_far = (snapshot,)
            raise limit
        return snapshot

    def enrichment(self, what: str) -> Enrichment:
        """A fetcher of catalogue objects that shares this run's client, and with it the count of its calls.

        Args:
            what: what it will fetch, for notes.
        """
        return Enrichment(self._connected(), self._settings.call_budget, what)

    def current_version(self, playlist: PlaylistSettings) -> str | None:
        """The version (`snapshot_id`) of the playlist at this moment, in one call; None where Spotify gives none.

        Raises:
            SourceRefusal: Spotify does not give this playlist to this app.
            SourceUnavailable: Spotify could not be reached.
            RateLimited: Spotify asks to wait.
        """
        return self._connected().snapshot_id(_playlist_id(playlist))

    def is_listed_as(self, playlist: PlaylistSettings, stored: PlaylistSnapshot) -> bool:
        """Whether the playlist lists now what a stored snapshot lists. Errors as for `fetch`.

        Raises:
            SourceUnavailable: also where the pages cannot be trusted at the moment.
        """
        playlist_id = _playlist_id(playlist)
        try:
            read = read_pages(self._connected(), playlist_id, playlist.market)
        except (ListMovedError, PagesDoubtfulError) as error:
            raise SourceUnavailable(
                f"What playlist {playlist_id} lists cannot be compared.",
                why=str(error) or "it changed while it was read",
                remedy="nothing: it is looked at again",
            ) from error
        return list(map(listed, read.entries)) == list(map(listed, stored.entries))

    def _connected(self) -> SpotifyClient:
        if self._client is None:
            from spotify_assets.sources.spotify.client import SpotifyClient

            self._client = SpotifyClient(self._settings, backoff_factor=self._backoff_factor)
        return self._client


def _playlist_id(playlist: PlaylistSettings) -> str:
    if playlist.playlist_id is None:
        raise SourceRefusal(
            f"Playlist {playlist.slug} has no `playlist_id`.",
            why="Spotify finds a playlist by its id only",
            remedy="add `playlist_id` to it in the playlists file",
        )
    return playlist.playlist_id


@dataclass(frozen=True)
class _Reading:
    """A playlist that did not change while it was read."""

    playlist: Mapping[str, Any]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    announced: int | None
    """How many entries Spotify says that there are, where it gave another number."""

    @property
    def snapshot_id(self) -> str | None:
        return _snapshot_id(self.playlist)


def _read_settled(client: SpotifyClient, playlist_id: str, market: str | None) -> _Reading:
    """Read metadata, entries, and metadata again: pages do not say which version of the list they belong to.

    A version id is no proof of a change: for Spotify's own playlists it may differ in every answer. Two full readings
    with the same entries are one list.

    Raises:
        SourceRefusal: the pages do not fit together, time and again.
        SourceUnavailable: the list changed during each attempt.
    """
    notes: list[str] = []
    doubt: PagesDoubtfulError | None = None
    last: PageRead | None = None
    before = client.playlist(playlist_id, market)
    for _ in range(ATTEMPTS_AT_A_MOVING_LIST):
        read = None
        try:
            read, doubt = read_pages(client, playlist_id, market), None
        except ListMovedError:
            doubt = None
        except PagesDoubtfulError as error:
            doubt = error
        after = client.playlist(playlist_id, market)
        if read is not None:
            settled = _version(before) == _version(after)
            is_same = last is not None and list(map(listed, last.entries)) == list(map(listed, read.entries))
            # A total that disagrees is looked at twice.
            if is_same or (settled and read.total is None):
                if not settled:
                    notes.append("Spotify's version id changes with every answer; two readings had the same entries.")
                return _Reading(after, read.entries, (*notes, *_remarks(after, read)), read.total)
        notes.append(
            f"The list was read again: {doubt}." if doubt else "The list changed while it was read and was read again."
        )
        before, last = after, read
    if doubt is not None:
        raise SourceRefusal(
            f"The pages of playlist {playlist_id} do not fit together.",
            why=f"{doubt}, {ATTEMPTS_AT_A_MOVING_LIST} times in a row; positions would be shifted, doubled or lost",
            remedy="try again later: nothing of it is stored",
        )
    raise SourceUnavailable(
        f"Playlist {playlist_id} cannot be read in one piece.",
        why=f"it changed while it was read, {ATTEMPTS_AT_A_MOVING_LIST} times in a row; "
        "pages of different versions would double or lose positions",
        remedy="try again in some minutes, when whoever edits the list is done",
    )


def _remarks(playlist: Mapping[str, Any], read: PageRead) -> Iterator[str]:
    """What a reader must know of a list that was taken."""
    if _snapshot_id(playlist) is None:
        yield "Spotify gave no snapshot_id, so a change while the list was read may have gone unseen."
    if read.total is not None:
        yield (
            f"Spotify says that the list has {read.total} entries, and gave {len(read.entries)}, twice; all of them "
            "are at the positions at which they were listed."
        )


def _version(playlist: Mapping[str, Any]) -> tuple[Any, Any]:
    listed = playlist.get("items") or playlist.get("tracks")
    return _snapshot_id(playlist), listed.get("total") if isinstance(listed, dict) else None


def _snapshot_id(playlist: Mapping[str, Any]) -> str | None:
    snapshot_id = playlist.get("snapshot_id")
    return snapshot_id if isinstance(snapshot_id, str) and snapshot_id else None


def _api_shape(entries: Iterable[Entry]) -> str | None:
    # Judged by objects only: a boolean `track` exists too.
    met = {
        key
        for entry in entries
        if isinstance(entry.payload, dict)
        for key in ("track", "item")
        if isinstance(entry.payload.get(key), dict)
    }
    return "both" if len(met) == 2 else next(iter(met), None)


def _tracks(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """Give the track objects that Spotify's catalogue knows: no episodes, no local files."""
    for entry in entries:
        payload = entry.payload if isinstance(entry.payload, dict) else {}
        track = next(iter(_objects([payload.get("item"), payload.get("track")])), None)
        if track is None or payload.get("is_local") is True or track.get("is_local") is True:
            continue
        if track.get("type", "track") == "track":
            yield track


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _ids(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids that are usable as such, each once, in order of appearance."""
    ids = (found.get("id") for found in objects)
    return list(dict.fromkeys(one for one in ids if isinstance(one, str) and SPOTIFY_ID.fullmatch(one)))


def _album_and_artist_collections(
    client: SpotifyClient, market: str | None, entries: Sequence[Entry], previous: PlaylistSnapshot | None
) -> tuple[Collection, Collection]:
    """What the entries want of albums and of artists; both may be carried over from `previous`."""
    from spotify_assets.sources.spotify import client as spotify_client

    tracks = list(_tracks(entries))
    albums = _objects([track.get("album") for track in tracks])
    artists = (artist for credited in (*tracks, *albums) for artist in _objects(credited.get("artists")))
    carry_date = previous.snapshot_date if previous else None
    return (
        Collection(
            name="albums",
            per_call=spotify_client.ALBUMS_PER_CALL,
            ask_many=lambda ids: client.albums(ids, market),
            ask_one=lambda one: client.album(one, market),
            known=previous.albums if previous else {},
            carry_date=carry_date,
            wanted=_ids(albums),
        ),
        Collection(
            name="artists",
            per_call=spotify_client.ARTISTS_PER_CALL,
            ask_many=client.artists,
            ask_one=client.artist,
            known=previous.artists if previous else {},
            carry_date=carry_date,
            wanted=_ids(artists),
        ),
    )

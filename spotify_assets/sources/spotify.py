"""A day's playlist from Spotify's Web API: which calls make up a snapshot, and what may be missing from one.

How a call is made, and what its errors mean, does not belong here (that is `spotify_client`). Importing this module is
cheap: the client, and spotipy with it, is only imported when a playlist is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, SpotifySettings
from spotify_assets.sources.snapshot import CatalogObject, Entry, Payload, PlaylistSnapshot
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:
    from spotify_assets.sources.spotify_client import SpotifyClient

SPOTIFY_ID = re.compile(r"[0-9A-Za-z]+")
PERSONAL_OF_PLAYLIST = frozenset({"owner"})
ENTRIES_OF_PLAYLIST = frozenset({"tracks", "items"})
PERSONAL_OF_ENTRY = frozenset({"added_by"})
STATUSES_OF_A_REMOVED_CALL = (403, 404, 410)
ATTEMPTS_AT_A_MOVING_LIST = 2


class SpotifySource:
    """Playlists as Spotify's Web API lists them at this moment. One object serves all playlists of a run.

    Args:
        settings: how Spotify is reached.
        backoff_factor: seconds that the waits between attempts at a failing server are built from.
    """

    has_past = False
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
            RateLimited: Spotify asks to wait.
        """
        client = self._connected()
        reading = _read_settled(client, _playlist_id(playlist), playlist.market)
        fetched_at = datetime.now(tz=UTC)
        shape = _api_shape(reading.entries)
        enrichment = _Enrichment(client, self._settings.call_budget, playlist.market, previous)
        enrichment.run(reading.entries, may_retry=may_retry)
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source="spotify",
            fetched_at=fetched_at,
            entries=reading.entries,
            albums=enrichment.albums.objects,
            artists=enrichment.artists.objects,
            playlist_id=playlist.playlist_id,
            playlist=_without(reading.playlist, PERSONAL_OF_PLAYLIST | ENTRIES_OF_PLAYLIST),
            playlist_snapshot_id=reading.snapshot_id,
            api_shape=shape,
            # Only the renamed field proves something: older development apps still get `track`.
            quota_mode=enrichment.quota_mode or ("development" if shape == "item" else None),
            language=self._settings.language,
            notes=(*reading.notes, *enrichment.notes),
        )

    def current_version(self, playlist: PlaylistSettings) -> str | None:
        """The version (`snapshot_id`) of the playlist at this moment, in one call; None where Spotify gives none.

        Raises:
            SourceRefusal: Spotify does not give this playlist to this app.
            SourceUnavailable: Spotify could not be reached.
            RateLimited: Spotify asks to wait.
        """
        return self._connected().snapshot_id(_playlist_id(playlist))

    def _connected(self) -> SpotifyClient:
        if self._client is None:
            from spotify_assets.sources.spotify_client import SpotifyClient

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

    @property
    def snapshot_id(self) -> str | None:
        return _snapshot_id(self.playlist)


class _MovedError(Exception):
    """The list changed between two pages."""


def _read_settled(client: SpotifyClient, playlist_id: str, market: str | None) -> _Reading:
    """Read metadata, entries, and metadata again: pages do not say which version of the list they belong to.

    Raises:
        SourceUnavailable: the list changed during each attempt.
    """
    notes = []
    before = client.playlist(playlist_id, market)
    for _ in range(ATTEMPTS_AT_A_MOVING_LIST):
        try:
            entries = tuple(_read_entries(client, playlist_id, market))
        except _MovedError:
            entries = None
        after = client.playlist(playlist_id, market)
        if entries is not None and _version(before) == _version(after):
            if _snapshot_id(after) is None:
                notes.append("Spotify gave no snapshot_id, so a change while the list was read may have gone unseen.")
            return _Reading(after, entries, tuple(notes))
        notes.append("The list changed while it was read and was read again.")
        before = after
    raise SourceUnavailable(
        f"Playlist {playlist_id} cannot be read in one piece.",
        why=f"it changed while it was read, {ATTEMPTS_AT_A_MOVING_LIST} times in a row; "
        "pages of different versions would double or lose positions",
        remedy="try again in some minutes, when whoever edits the list is done",
    )


def _version(playlist: Mapping[str, Any]) -> tuple[Any, Any]:
    listed = playlist.get("items") or playlist.get("tracks")
    return _snapshot_id(playlist), listed.get("total") if isinstance(listed, dict) else None


def _snapshot_id(playlist: Mapping[str, Any]) -> str | None:
    snapshot_id = playlist.get("snapshot_id")
    return snapshot_id if isinstance(snapshot_id, str) and snapshot_id else None


def _read_entries(client: SpotifyClient, playlist_id: str, market: str | None) -> Iterator[Entry]:
    """Give all entries in order. A page may hold fewer entries than asked for, but never none before the end.

    Raises:
        SourceRefusal: a page is malformed or contradicts what was asked.
        _MovedError: two pages give different totals.
    """
    offset, total = 0, None
    while total is None or offset < total:
        page = client.playlist_page(playlist_id, offset, market)
        payloads, page_total = _page_content(page, playlist_id, offset)
        if total is not None and page_total != total:
            raise _MovedError
        total = page_total
        if offset + len(payloads) > total:
            raise _contradiction(playlist_id, offset, f"entries go beyond the {total} that it says there are")
        if not payloads and offset < total:
            raise _contradiction(playlist_id, offset, f"it is empty, but says that there are {total} entries")
        for index, payload in enumerate(payloads):
            yield Entry(position=offset + index + 1, payload=_without(payload, PERSONAL_OF_ENTRY))
        offset += len(payloads)


def _page_content(page: Mapping[str, Any], playlist_id: str, offset: int) -> tuple[list[Payload], int]:
    payloads, total = page.get("items"), page.get("total")
    if not isinstance(payloads, list):
        raise _contradiction(playlist_id, offset, "it has no list `items`")
    if type(total) is not int or total < 0:
        raise _contradiction(playlist_id, offset, f"its `total` is {total!r}, not a number of entries")
    if page.get("offset", offset) != offset:
        raise _contradiction(playlist_id, offset, f"it calls itself the page from offset {page['offset']!r}")
    return payloads, total


def _contradiction(playlist_id: str, offset: int, why: str) -> SourceRefusal:
    return SourceRefusal(
        f"The page of playlist {playlist_id} from offset {offset} cannot be used.",
        why=f"{why}; positions would be shifted, doubled or lost",
        remedy="try again later; if it stays, Spotify changed its answers (or SPOTIFY_API_URL is not Spotify) and this "
        "project needs an update",
    )


def _without(payload: Payload, keys: frozenset[str]) -> Payload:
    if not isinstance(payload, dict):
        return payload
    return {key: value for key, value in payload.items() if key not in keys}


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


@dataclass
class _Collection:
    """The albums, or the artists, of one snapshot.

    Attributes:
        name: what they are, in the plural.
        per_call: how many one call may ask for.
        ask_many, ask_one: the calls.
        known: what may be carried over.
        carry_date: the date of the snapshot that `known` is from.
        wanted: the ids that the entries name.
        objects: what was fetched or carried over so far.
        unknown: ids that Spotify was asked for and gave nothing.
    """

    name: str
    per_call: int
    ask_many: Callable[[Sequence[str]], list[Any]]
    ask_one: Callable[[str], dict[str, Any]]
    known: Mapping[str, CatalogObject]
    carry_date: date | None
    wanted: list[str] = field(default_factory=list)
    objects: dict[str, CatalogObject] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def take(self, asked: Sequence[str], answers: Iterable[Any]) -> None:
        """Keep what was asked for. An object counts under its own id, so a shuffled answer harms nothing."""
        by_id = {
            found["id"]: found for found in answers if isinstance(found, dict) and isinstance(found.get("id"), str)
        }
        self.objects |= {one: CatalogObject(by_id[one]) for one in asked if one in by_id}
        self.unknown |= {one for one in asked if one not in by_id}

    def carry_over(self) -> int:
        """Take from `known` what was not asked for; return how many that were."""
        carried = {
            one: CatalogObject(self.known[one].payload, self.known[one].carried_from or self.carry_date)
            for one in self.wanted
            if one in self.known and one not in self.objects and one not in self.unknown
        }
        self.objects |= carried
        return len(carried)


class _BudgetUsedError(Exception):
    """The run has made all the calls that enrichment may make."""


class _Enrichment:
    """Fetching the album and artist objects of one snapshot, as far as Spotify and the call budget allow.

    Args:
        client: shared by the run, so that its count of calls is the run's.
        call_budget: calls of the run after which nothing more is asked.
        market: the country for albums.
        previous: where objects are carried over from.
    """

    def __init__(
        self, client: SpotifyClient, call_budget: int, market: str | None, previous: PlaylistSnapshot | None
    ) -> None:
        from spotify_assets.sources import spotify_client

        self.quota_mode: str | None = None
        self.notes: list[str] = []
        self._client = client
        self._call_budget = call_budget
        carry_date = previous.snapshot_date if previous else None
        self.albums = _Collection(
            name="albums",
            per_call=spotify_client.ALBUMS_PER_CALL,
            ask_many=lambda ids: client.albums(ids, market),
            ask_one=lambda one: client.album(one, market),
            known=previous.albums if previous else {},
            carry_date=carry_date,
        )
        self.artists = _Collection(
            name="artists",
            per_call=spotify_client.ARTISTS_PER_CALL,
            ask_many=client.artists,
            ask_one=client.artist,
            known=previous.artists if previous else {},
            carry_date=carry_date,
        )

    def run(self, entries: Sequence[Entry], *, may_retry: bool) -> None:
        """Fetch and carry over. Whatever stops it becomes a note.

        Raises:
            RateLimited: the wait is short and `may_retry` says that it may be sat out.
        """
        tracks = list(_tracks(entries))
        albums = _objects([track.get("album") for track in tracks])
        self.albums.wanted = _ids(albums)
        self.artists.wanted = _ids(
            artist for credited in (*tracks, *albums) for artist in _objects(credited.get("artists"))
        )
        try:
            for collection in (self.albums, self.artists):
                self._fetch(collection)
        except _BudgetUsedError:
            self._stopped(f"the call budget of {self._call_budget} calls per run is used up (SPOTIFY_CALL_BUDGET)")
        except RateLimited as limit:
            if limit.short and may_retry:
                raise
            self._stopped(f"{limit.what} {limit.why}; {limit.remedy}")
        except Refusal as refusal:
            self._stopped(f"{refusal.what} {refusal.why}")
        for collection in (self.albums, self.artists):
            self._conclude(collection)

    def _stopped(self, why: str) -> None:
        self.notes.append(f"Fetching album and artist objects stopped: {why}.")

    def _conclude(self, collection: _Collection) -> None:
        carried = collection.carry_over()
        absent = len(collection.wanted) - len(collection.objects) - len(collection.unknown)
        of_all = f"of {len(collection.wanted)} {collection.name}"
        if carried:
            self.notes.append(f"{carried} {of_all} were carried over from earlier snapshots.")
        if collection.unknown:
            self.notes.append(f"{len(collection.unknown)} {of_all} were asked for, but Spotify gave nothing.")
        if absent:
            self.notes.append(f"{absent} {of_all} were not fetched.")

    def _fetch(self, collection: _Collection) -> None:
        if self.quota_mode != "development":
            self._fetch_batches(collection)
        if self.quota_mode == "development":
            self._fetch_singly(collection)

    def _fetch_batches(self, collection: _Collection) -> None:
        from spotify_assets.sources.spotify_client import RequestRefused

        for start in range(0, len(collection.wanted), collection.per_call):
            asked = collection.wanted[start : start + collection.per_call]
            self._spend_call()
            try:
                answers = collection.ask_many(asked)
            except RequestRefused as refusal:
                if refusal.status not in STATUSES_OF_A_REMOVED_CALL:
                    raise
                self.quota_mode = "development"
                self.notes.append(
                    f"Spotify refused {collection.name} in batches (HTTP {refusal.status}), as it does in development "
                    "mode; only objects not seen before are asked for, one by one."
                )
                return
            self.quota_mode = "extended"
            collection.take(asked, answers)

    def _fetch_singly(self, collection: _Collection) -> None:
        from spotify_assets.sources.spotify_client import RequestRefused

        for one in collection.wanted:
            if one in collection.known or one in collection.objects or one in collection.unknown:
                continue
            self._spend_call()
            try:
                answers = [collection.ask_one(one)]
            except RequestRefused as refusal:
                if refusal.status != 404:
                    raise
                answers = []
            collection.take([one], answers)

    def _spend_call(self) -> None:
        if self._client.calls >= self._call_budget:
            raise _BudgetUsedError

"""A stand-in for Spotify: a local server that speaks its Web API and token endpoint, and makers of invented content.

Only how Spotify behaves belongs here, never what this project makes of it. All names are invented.

    with SpotifyServer() as server:
        server.add_playlist(PLAYLIST_ID, make_entries(50))
        settings = load_settings(server.environment())

Behaviour is from Spotify's OpenAPI description, its February 2026 migration guide, and the raw answers of both quota
modes that users published.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLAYLIST_ID = "3cEYpjA9oz9GiPac4AsH4n"
SPOTIFY_OWNED_ID = "37i9dQZEVXbKXQ4mDTEBXq"
VARIOUS_ARTISTS_ID = "0LyfQWJT6nXafLPZqxe9Of"

MAXIMUM_OF_BATCH = {"albums": 20, "artists": 50, "tracks": 50}
REMOVED_IN_DEVELOPMENT = {
    "track": ("popularity", "available_markets", "linked_from"),
    "album": ("label", "popularity", "available_markets", "album_group"),
    "artist": ("followers", "popularity"),
}
TITLES = (
    "夜明けの信号",
    "Paper Lighthouse",
    "雨と改札",
    "Slow Comet",
    "七階のベランダ",
    "Borrowed Umbrella",
    "凪の手紙",
)
BANDS = ("水曜日の灯台", "The Folding Maps", "綿毛オーケストラ", "Nora Quill", "終電と猫", "Glass Harbor", "星野みなも")


@dataclass(frozen=True)
class Request:
    """One request as the server received it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Fault:
    """What the next requests that match get instead of Spotify's answer.

    Attributes:
        act: `answer`; `drop`: close without a word; `cut`: break off inside the body; `hang`: say nothing.
        body: text, JSON, or a function from the request to either.
    """

    pattern: re.Pattern[str]
    remaining: int
    act: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = ""


@dataclass
class Playlist:
    """A playlist of the stand-in. `versions` are lists that replace the entries, one after each page served."""

    entries: list[Any]
    name: str
    snapshot_id: str | None
    owned: bool
    versions: list[list[Any]] = field(default_factory=list)


class SpotifyServer:
    """Spotify on 127.0.0.1.

    Args:
        mode: `extended`, or `development`: renamed and removed fields, no batch calls, and entries of playlists only
            for a user's token and only if the playlist was added as owned.
        entry_shape: key of an entry's track: `track`, `item` or `both`; default: what `mode` has.
        page_size: most entries that a page holds, whatever was asked for.
        inline_entries: whether the playlist itself holds its first entries too.
    """

    def __init__(
        self,
        *,
        mode: str = "extended",
        entry_shape: str | None = None,
        page_size: int = 50,
        inline_entries: bool = True,
    ) -> None:
        self.mode = mode
        self.entry_shape = entry_shape or ("item" if mode == "development" else "track")
        self.page_size = page_size
        self.inline_entries = inline_entries
        self.client_id = "stand-in-client-id"
        self.client_secret = "stand-in-client-secret"
        self.refresh_token = "stand-in-refresh-token"
        self.access_tokens = {"application": "access-token-of-app", "user": "access-token-of-user"}
        self.playlists: dict[str, Playlist] = {}
        self.albums: dict[str, dict[str, Any]] = {}
        self.artists: dict[str, dict[str, Any]] = {}
        self.tracks: dict[str, dict[str, Any]] = {}
        self.requests: list[Request] = []
        self._faults: list[Fault] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()
        stand_in = self

        class Handler(_Handler):
            server_of = stand_in

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> SpotifyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def environment(self, *, user: bool = False) -> dict[str, str]:
        """The variables with which the project asks this server; `user`: with a user's refresh token."""
        variables = {
            "SPOTIFY_API_URL": f"{self.url}/v1/",
            "SPOTIFY_TOKEN_URL": f"{self.url}/api/token",
            "SPOTIFY_CLIENT_ID": self.client_id,
            "SPOTIFY_CLIENT_SECRET": self.client_secret,
        }
        return variables | ({"SPOTIFY_REFRESH_TOKEN": self.refresh_token} if user else {})

    def add_playlist(
        self,
        playlist_id: str,
        entries: list[Any],
        *,
        name: str = "Invented Chart",
        snapshot_id: str | None = "snapshot-1",
        owned: bool = True,
    ) -> None:
        """Add or replace a playlist; albums and artists that its tracks name become known too.

        Args:
            entries: as `make_entries` makes them, with the track under `track`; anything else is given out as it is.
            owned: whether the user of the refresh token owns it.
        """
        self.playlists[playlist_id] = Playlist(entries, name, snapshot_id, owned)
        self._register(entries)

    def add_tracks(self, tracks: Iterable[dict[str, Any]]) -> None:
        """Make tracks known under their ids."""
        self.tracks |= {track["id"]: track for track in tracks}

    def replace_track(self, asked: dict[str, Any], by: dict[str, Any]) -> None:
        """Answer for a track with another one, as Spotify does where the first is not available in the market."""
        linked_from = {key: asked[key] for key in ("external_urls", "href", "id", "type", "uri")}
        self.tracks[asked["id"]] = by | {"is_playable": True, "linked_from": linked_from}

    def change_after_each_page(self, playlist_id: str, versions: list[list[Any]]) -> None:
        """After each of the next pages of the playlist, the next of these lists (and a new snapshot_id) is current."""
        self.playlists[playlist_id].versions = list(versions)
        for version in versions:
            self._register(version)

    def answer_next(
        self, pattern: str, *, times: int = 1, status: int = 200, headers: dict[str, str] | None = None, body: Any = ""
    ) -> None:
        """Answer the next requests whose `METHOD path?query` matches with this. Faults queue up."""
        self._faults.append(Fault(re.compile(pattern), times, "answer", status, headers or {}, body))

    def refuse_next(self, pattern: str, status: int, message: str, *, times: int = 1, **error: Any) -> None:
        """Answer the next matching requests with an error in the Web API's form."""
        body = {"error": {"status": status, "message": message, **error}}
        self.answer_next(pattern, times=times, status=status, body=body)

    def drop_next(self, pattern: str, *, times: int = 1) -> None:
        """Close the connection of the next matching requests without an answer."""
        self._faults.append(Fault(re.compile(pattern), times, "drop"))

    def cut_next(self, pattern: str, *, times: int = 1) -> None:
        """Break off the next matching answers inside their body."""
        self._faults.append(Fault(re.compile(pattern), times, "cut"))

    def hang_next(self, pattern: str, *, times: int = 1) -> None:
        """Leave the next matching requests without an answer until the server closes."""
        self._faults.append(Fault(re.compile(pattern), times, "hang"))

    def count(self, pattern: str = "") -> int:
        """How many requests there were whose `METHOD path` matches."""
        return sum(bool(re.search(pattern, f"{request.method} {request.path}")) for request in self.requests)

    def _register(self, entries: list[Any]) -> None:
        for entry in entries:
            track = entry.get("track") if isinstance(entry, dict) else None
            if not isinstance(track, dict) or not isinstance(track.get("album"), dict):
                continue
            if track["album"].get("id"):
                self.albums.setdefault(track["album"]["id"], complete_album(track["album"]))
            for artist in (*track["artists"], *track["album"].get("artists", ())):
                if artist.get("id"):
                    self.artists.setdefault(artist["id"], complete_artist(artist))

    def answer(self, request: Request) -> tuple[int, dict[str, str], Any] | str:
        """The answer to a request: status, headers and body, or the name of a fault that is not an answer."""
        with self._lock:
            self.requests.append(request)
            fault = self._next_fault(request)
            if fault is None:
                status, body = self._route(request)
                return status, {}, body
        if fault.act != "answer":
            return fault.act
        return fault.status, fault.headers, fault.body(request) if callable(fault.body) else fault.body

    def wait_until_closing(self) -> None:
        self._closing.wait()

    def _next_fault(self, request: Request) -> Fault | None:
        query = "&".join(f"{key}={value}" for key, value in request.query.items())
        line = f"{request.method} {request.path}?{query}"
        for fault in self._faults:
            if fault.remaining and fault.pattern.search(line):
                fault.remaining -= 1
                return fault
        return None

    def _route(self, request: Request) -> tuple[int, Any]:
        if (request.method, request.path) == ("POST", "/api/token"):
            return self._token(request)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer not in self.access_tokens.values():
            return _error(401, "Invalid access token")
        routes: list[tuple[str, Callable[..., tuple[int, Any]]]] = [
            (r"/v1/playlists/(?P<playlist_id>\w+)", self._playlist),
            (r"/v1/playlists/(?P<playlist_id>\w+)/items", self._items),
            (r"/v1/(?P<kind>albums|artists|tracks)/?", self._batch),
            (r"/v1/(?P<kind>albums|artists|tracks)/(?P<one>\w+)", self._single),
        ]
        for pattern, respond in routes:
            match = re.fullmatch(pattern, request.path)
            if match and request.method == "GET":
                return respond(request, bearer == self.access_tokens["user"], **match.groupdict())
        # The old `/tracks` of a playlist, and whatever else was removed.
        return _error(403, "Forbidden")

    def _token(self, request: Request) -> tuple[int, Any]:
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return 400, {"error": "invalid_client", "error_description": "Invalid client secret"}
        grant = request.form.get("grant_type")
        token = {"token_type": "Bearer", "expires_in": 3600}
        if grant == "client_credentials":
            return 200, token | {"access_token": self.access_tokens["application"]}
        if grant == "refresh_token" and request.form.get("refresh_token") == self.refresh_token:
            return 200, token | {"access_token": self.access_tokens["user"], "scope": "playlist-read-private"}
        if grant == "refresh_token":
            return 400, {"error": "invalid_grant", "error_description": "Refresh token revoked"}
        return 400, {"error": "unsupported_grant_type"}

    def _playlist(self, request: Request, is_user: bool, playlist_id: str) -> tuple[int, Any]:
        playlist = self.playlists.get(playlist_id)
        if playlist is None:
            return _error(404, "Resource not found")
        body: dict[str, Any] = {
            "collaborative": False,
            "description": "An invented list",
            "external_urls": {"spotify": f"https://open.spotify.com/playlist/{playlist_id}"},
            "href": f"{self.url}/v1/playlists/{playlist_id}",
            "id": playlist_id,
            "images": [],
            "name": playlist.name,
            "owner": {"display_name": "Private Person", "id": "private-person", "type": "user"},
            "primary_color": None,
            "public": True,
            "type": "playlist",
            "uri": f"spotify:playlist:{playlist_id}",
        }
        if playlist.snapshot_id is not None:
            body["snapshot_id"] = playlist.snapshot_id
        if self.inline_entries and self._may_read(playlist, is_user):
            key = "items" if self.mode == "development" else "tracks"
            body[key] = self._page(playlist_id, playlist, 0, 100)
        return 200, body

    def _items(self, request: Request, is_user: bool, playlist_id: str) -> tuple[int, Any]:
        playlist = self.playlists.get(playlist_id)
        if playlist is None:
            return _error(404, "Resource not found")
        if not self._may_read(playlist, is_user):
            return _error(403, "Forbidden")
        limit = int(request.query.get("limit", 20))
        if not 1 <= limit <= 50:
            return _error(400, "Invalid limit")
        page = self._page(playlist_id, playlist, int(request.query.get("offset", 0)), min(limit, self.page_size))
        if playlist.versions:
            playlist.entries = playlist.versions.pop(0)
            playlist.snapshot_id = playlist.snapshot_id and f"{playlist.snapshot_id}+"
        return 200, page

    def _may_read(self, playlist: Playlist, is_user: bool) -> bool:
        return self.mode != "development" or (is_user and playlist.owned)

    def _page(self, playlist_id: str, playlist: Playlist, offset: int, limit: int) -> dict[str, Any]:
        listed = playlist.entries[offset : offset + limit]
        address = f"{self.url}/v1/playlists/{playlist_id}/items"
        more = offset + limit < len(playlist.entries)
        return {
            "href": f"{address}?offset={offset}&limit={limit}",
            "items": [self._shaped(entry) for entry in listed],
            "limit": limit,
            "next": f"{address}?offset={offset + limit}&limit={limit}" if more else None,
            "offset": offset,
            "previous": None,
            "total": len(playlist.entries),
        }

    def _shaped(self, entry: Any) -> Any:
        if not isinstance(entry, dict) or "track" not in entry:
            return entry
        shaped = {key: value for key, value in entry.items() if key != "track"}
        for key in ("track", "item") if self.entry_shape == "both" else (self.entry_shape,):
            shaped[key] = self._reduced(entry["track"])
        return shaped

    def _reduced(self, value: Any) -> Any:
        """The object as the quota mode shows it, with everything inside it."""
        if isinstance(value, list):
            return [self._reduced(one) for one in value]
        if not isinstance(value, dict):
            return value
        removed = REMOVED_IN_DEVELOPMENT.get(value.get("type", ""), ()) if self.mode == "development" else ()
        return {key: self._reduced(inner) for key, inner in value.items() if key not in removed}

    def _batch(self, request: Request, is_user: bool, kind: str) -> tuple[int, Any]:
        if self.mode == "development":
            return _error(403, "Forbidden")
        ids = request.query.get("ids", "").split(",")
        if len(ids) > MAXIMUM_OF_BATCH[kind]:
            return _error(400, "Too many ids requested")
        known = getattr(self, kind)
        return 200, {kind: [self._reduced(known.get(one)) for one in ids]}

    def _single(self, request: Request, is_user: bool, kind: str, one: str) -> tuple[int, Any]:
        found = getattr(self, kind).get(one)
        return (200, self._reduced(found)) if found else _error(404, "Non existing id")


class _Handler(BaseHTTPRequestHandler):
    server_of: SpotifyServer

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, *_: Any) -> None:
        """Stay silent: what was asked is in `SpotifyServer.requests`."""

    def _handle(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query={key: values[-1] for key, values in parse_qs(address.query).items()},
            headers={key.lower(): value for key, value in self.headers.items()},
            form={key: values[-1] for key, values in parse_qs(form).items()},
        )
        answer = self.server_of.answer(request)
        if isinstance(answer, str):
            self._misbehave(answer)
        else:
            self._reply(*answer)

    def _misbehave(self, act: str) -> None:
        self.close_connection = True
        if act == "hang":
            self.server_of.wait_until_closing()
        if act == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"items": [')

    def _reply(self, status: int, headers: dict[str, str], body: Any) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _error(status: int, message: str) -> tuple[int, Any]:
    return status, {"error": {"status": status, "message": message}}


def make_id(kind: str, number: int) -> str:
    """An id in Spotify's form: 22 letters and digits."""
    return f"{kind}{number:0{22 - len(kind)}d}"


def make_artist(number: int, **changes: Any) -> dict[str, Any]:
    """A simplified artist, as tracks and albums credit it."""
    artist_id = make_id("artist", number)
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{artist_id}"},
        "href": f"https://api.spotify.com/v1/artists/{artist_id}",
        "id": artist_id,
        "name": f"{BANDS[number % len(BANDS)]} {number}",
        "type": "artist",
        "uri": f"spotify:artist:{artist_id}",
    } | changes


def make_album(number: int, artists: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A simplified album, as tracks hold it."""
    album_id = make_id("album", number)
    return {
        "album_type": "single",
        "artists": artists if artists is not None else [make_artist(number)],
        "available_markets": ["JP"],
        "external_urls": {"spotify": f"https://open.spotify.com/album/{album_id}"},
        "href": f"https://api.spotify.com/v1/albums/{album_id}",
        "id": album_id,
        "images": [{"url": f"https://i.scdn.co/image/{album_id}", "height": 640, "width": 640}],
        "name": f"{TITLES[number % len(TITLES)]} {number}",
        "release_date": f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "release_date_precision": "day",
        "total_tracks": 1,
        "type": "album",
        "uri": f"spotify:album:{album_id}",
    } | changes


def complete_album(album: dict[str, Any]) -> dict[str, Any]:
    """The full object of a simplified album."""
    return copy.deepcopy(album) | {
        "copyrights": [{"text": "2026 Invented Records", "type": "C"}],
        "external_ids": {"upc": "000000000000"},
        "genres": [],
        "label": "Invented Records",
        "popularity": 50,
        "tracks": {"items": [], "total": album.get("total_tracks", 1)},
    }


def complete_artist(artist: dict[str, Any]) -> dict[str, Any]:
    """The full object of a simplified artist."""
    return copy.deepcopy(artist) | {
        "followers": {"href": None, "total": 1000},
        "genres": ["j-pop"],
        "images": [{"url": f"https://i.scdn.co/image/{artist['id']}", "height": 640, "width": 640}],
        "popularity": 60,
    }


def make_track(
    number: int, artists: list[dict[str, Any]] | None = None, album: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A track; every third one is a collaboration of two artists."""
    track_id = make_id("track", number)
    if artists is None:
        artists = [make_artist(number)] + ([make_artist(number + 1)] if number % 3 == 0 else [])
    return {
        "album": album if album is not None else make_album(number),
        "artists": artists,
        "available_markets": ["JP"],
        "disc_number": 1,
        "duration_ms": 180_000 + number * 1_000,
        "episode": False,
        "explicit": False,
        "external_ids": {"isrc": f"JPZZ926{number:05d}"},
        "external_urls": {"spotify": f"https://open.spotify.com/track/{track_id}"},
        "href": f"https://api.spotify.com/v1/tracks/{track_id}",
        "id": track_id,
        "is_local": False,
        "name": f"{TITLES[number % len(TITLES)]} {number}",
        "popularity": 70,
        "preview_url": None,
        "track": True,
        "track_number": 1,
        "type": "track",
        "uri": f"spotify:track:{track_id}",
    } | changes


def make_local_track(number: int) -> dict[str, Any]:
    """A file of the playlist owner's own computer, of which Spotify knows the tags only."""
    return make_track(number) | {
        "id": None,
        "is_local": True,
        "uri": f"spotify:local:::{number}:180",
        "album": {"id": None, "name": "", "type": "album", "artists": [], "images": [], "release_date": None},
        "artists": [{"id": None, "name": "Private Recording", "type": "artist"}],
    }


def make_episode(number: int) -> dict[str, Any]:
    """A podcast episode: it has a show, but no artists and no album."""
    episode_id = make_id("episode", number)
    return {
        "duration_ms": 1_800_000,
        "episode": True,
        "explicit": False,
        "id": episode_id,
        "name": f"第{number}回",
        "release_date": "2026-11-01",
        "release_date_precision": "day",
        "show": {"id": make_id("show", number), "name": "架空のラジオ", "type": "show"},
        "track": False,
        "type": "episode",
        "uri": f"spotify:episode:{episode_id}",
    }


def make_entry(track: Any) -> dict[str, Any]:
    """A playlist entry, with the person who added it; `track` may be None (withdrawn)."""
    return {
        "added_at": "2026-11-01T00:00:00Z",
        "added_by": {"id": "private-person", "type": "user", "uri": "spotify:user:private-person"},
        "is_local": bool(isinstance(track, dict) and track.get("is_local")),
        "primary_color": None,
        "track": track,
        "video_thumbnail": {"url": None},
    }


def make_entries(count: int, first: int = 1) -> list[dict[str, Any]]:
    """Entries of `count` different tracks."""
    return [make_entry(make_track(number)) for number in range(first, first + count)]

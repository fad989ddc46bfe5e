"""A stand-in for GitHub with the public playlist archive: lists of commits, files at a commit, limits.

Only how GitHub and the archive behave belongs here. Files are written in the archive's own formats; all names are
invented. Behaviour is from GitHub's REST documentation and the archive's source.

    with GithubServer() as github:
        github.record(REPOSITORY, "2026-11-20T00:20:00Z", make_list(50))
        settings = load_settings(github.environment())
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from spotify_assets_tests.stand_ins.spotify import BANDS, TITLES, make_id

FIRST_REPOSITORY = "mackorone/spotify-playlist-archive"
REPOSITORY = "mackorone/spotify-playlist-archive-2"
JAPAN_TOP_50 = "37i9dQZEVXbKXQ4mDTEBXq"
PLAYLIST_PAGE = "https://open.spotify.com/playlist/"


@dataclass(frozen=True)
class Request:
    """One request as the server received it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class Commit:
    """One commit of a repository and the files that it changed."""

    sha: str
    at: str
    files: dict[str, bytes]


@dataclass
class Fault:
    """What the next requests whose path matches get instead: an answer, or `cut`: half of the real one."""

    pattern: re.Pattern[str]
    remaining: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


class GithubServer:
    """GitHub's API and its host of raw files on 127.0.0.1.

    Args:
        calls_left: how many calls of the API are answered before the limit; None: no limit.
        files_left: the same for raw files.
        reset_in: seconds until the limits end, as the answers beyond them say.
        latency: seconds that each answer takes.
    """

    def __init__(
        self,
        *,
        calls_left: int | None = None,
        files_left: int | None = None,
        reset_in: int = 1800,
        latency: float = 0,
    ) -> None:
        self.calls_left = calls_left
        self.files_left = files_left
        self.reset_in = reset_in
        self.latency = latency
        self.requests: list[Request] = []
        self.repositories: dict[str, list[Commit]] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def __enter__(self) -> GithubServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def environment(self) -> dict[str, str]:
        """The settings that lead there."""
        return {"GITHUB_API_URL": f"{self.url}/api", "GITHUB_RAW_URL": f"{self.url}/raw"}

    def record(self, repository: str, at: str, listed: dict[str, Any], *, path: str | None = None) -> str:
        """Commit a list, as JSON under its playlist's id or under the path given (.md: as Markdown); its sha."""
        path = path or f"playlists/pretty/{listed['url'].removeprefix(PLAYLIST_PAGE)}.json"
        return self.commit(repository, at, path, as_markdown(listed) if path.endswith(".md") else as_json(listed))

    def commit(self, repository: str, at: str, path: str, content: bytes) -> str:
        """Commit any bytes; the sha."""
        commits = self.repositories.setdefault(repository, [])
        sha = hashlib.sha1(f"{repository} {at} {path} {len(commits)}".encode()).hexdigest()  # noqa: S324
        commits.append(Commit(sha, at, {path: content}))
        return sha

    def fail(self, pattern: str, *, times: int = 1, **fault: Any) -> None:
        """Give the next requests whose path matches something else: see `Fault`."""
        self._faults.append(Fault(re.compile(pattern), times, **fault))

    def calls(self, kind: str = "api") -> list[Request]:
        """The requests to the API, or (`raw`) for files, so far."""
        return [request for request in self.requests if request.path.startswith(f"/{kind}/")]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(self.latency)
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        with self._lock:
            status, headers, body = self._reply(path, query, dict(handler.headers))
            cut = False
            for fault in self._faults:
                if fault.remaining and fault.pattern.search(path):
                    fault.remaining -= 1
                    cut = fault.cut
                    if not cut:
                        status, headers, body = fault.status, dict(fault.headers), fault.body
                    break
            self.requests.append(Request(path, query, dict(handler.headers), status))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if cut else body)
        handler.close_connection = handler.close_connection or cut

    def _reply(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if not headers.get("User-Agent", "").startswith("spotify-assets/"):
            return 403, {}, b'{"message": "Request forbidden by administrative rules."}'
        if path.startswith("/raw/"):
            return self._raw(path)
        if path == "/api/rate_limit":
            left = 60 if self.calls_left is None else self.calls_left
            core = {"limit": 60, "remaining": left, "reset": int(time.time()) + self.reset_in}
            return 200, {}, json.dumps({"resources": {"core": core}}).encode()
        match = re.fullmatch(r"/api/repos/(?P<repository>[^/]+/[^/]+)/commits", path)
        if match is None or match["repository"] not in self.repositories:
            return 404, {}, b'{"message": "Not Found"}'
        found = self._commits(match["repository"], query)
        etag = '"' + hashlib.sha256(json.dumps([found, query]).encode()).hexdigest() + '"'
        # A conditional request is free of charge only with a token.
        if headers.get("If-None-Match") == etag and "Authorization" in headers:
            return 304, {"ETag": etag}, b""
        if self.calls_left is not None:
            if not self.calls_left:
                reset = str(int(datetime.now(UTC).timestamp()) + self.reset_in)
                limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
                return 403, limit, b'{"message": "API rate limit exceeded for 203.0.113.7."}'
            self.calls_left -= 1
        if headers.get("If-None-Match") == etag:
            return 304, {"ETag": etag}, b""
        page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
        answer = {"ETag": etag, "X-RateLimit-Remaining": str(self.calls_left or 59)}
        if len(found) > page * size:
            following = urlencode({**query, "page": page + 1})
            answer["Link"] = f'<{self.url}{path}?{following}>; rel="next", <{self.url}{path}?{following}>; rel="last"'
        return 200, answer, json.dumps(found[(page - 1) * size : page * size]).encode()

    def _commits(self, repository: str, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [
            commit
            for commit in self.repositories[repository]
            if query["path"] in commit.files
            and query.get("since", "") <= commit.at
            and commit.at <= query.get("until", "9999")
        ]
        return [
            {"sha": commit.sha, "commit": {"committer": {"name": "github-actions", "date": commit.at}}}
            for commit in sorted(found, key=lambda commit: commit.at, reverse=True)
        ]

    def _raw(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.files_left is not None:
            if not self.files_left:
                return 429, {"Retry-After": str(self.reset_in)}, b"429: Too Many Requests"
            self.files_left -= 1
        _, _, owner, name, sha, *rest = path.split("/")
        commits = self.repositories.get(f"{owner}/{name}", [])
        shas = [commit.sha for commit in commits]
        if sha in shas:
            for commit in reversed(commits[: shas.index(sha) + 1]):
                if "/".join(rest) in commit.files:
                    return 200, {"Content-Type": "text/plain; charset=utf-8"}, commit.files["/".join(rest)]
        return 404, {}, b"404: Not Found"


def make_list(
    songs: Iterable[int],
    *,
    playlist_id: str = JAPAN_TOP_50,
    title: str = "Top 50 - Japan",
    renewed: str = "2026-11-19 13:52:15",
    snapshot_id: str | None = None,
) -> dict[str, Any]:
    """A list of invented songs, each told by a number, as the archive has it in JSON."""
    tracks = [_track(number, renewed) for number in songs]
    version = hashlib.sha256(json.dumps(tracks).encode()).hexdigest()[:32]
    return {
        "description": "Invented songs only.",
        "num_followers": 1234,
        "original_name": title,
        "owner": {"name": "somebody", "url": "https://open.spotify.com/user/somebody"},
        "snapshot_id": snapshot_id or version,
        "tracks": tracks,
        "unique_name": title,
        "url": f"{PLAYLIST_PAGE}{playlist_id}",
    }


def as_json(listed: dict[str, Any]) -> bytes:
    """A list as the archive writes it to `pretty/<id>.json`."""
    return json.dumps(listed, indent=2, sort_keys=True).encode()


def as_markdown(listed: dict[str, Any], *, escape: bool = True) -> bytes:
    """A list as the archive writes it to `pretty/<id>.md`; before 2022 nothing was escaped, and no version written."""
    text = _escaped if escape else str
    lines = [
        "pretty - [cumulative](/playlists/cumulative/x.md) - [plain](/playlists/plain/x)",
        "",
        f"### [{text(listed['original_name'])}]({listed['url']})",
        "",
        f"> {text(listed['description'])}",
        "",
        "| No. | Title | Artist(s) | Album | Length |",
        "|---|---|---|---|---|",
    ]
    for number, track in enumerate(listed["tracks"], 1):
        seconds = track["duration_ms"] // 1000
        cells = [
            str(number),
            _link(text, track),
            ", ".join(_link(text, artist) for artist in track["artists"]),
            _link(text, track["album"]),
            f"{seconds // 60}:{seconds % 60:02}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Snapshot ID: `{listed['snapshot_id']}`"] if escape else []
    return ("\n".join(lines) + "\n").encode()


def _track(number: int, renewed: str) -> dict[str, Any]:
    band = BANDS[number % len(BANDS)]
    title = f"{TITLES[number % len(TITLES)]} {number}"
    return {
        "added_at": renewed,
        "album": {"name": f"{title} (single)", "url": f"https://open.spotify.com/album/{make_id('album', number)}"},
        "artists": [{"name": band, "url": f"https://open.spotify.com/artist/{make_id('artist', number % len(BANDS))}"}],
        "duration_ms": 150_000 + 1_234 * (number % 97),
        "name": title,
        "url": f"https://open.spotify.com/track/{make_id('track', number)}",
    }


def _link(text: Callable[[str], str], thing: dict[str, Any]) -> str:
    return f"[{text(thing['name'])}]({thing['url']})"


def _escaped(text: str) -> str:
    return re.sub(r"(\\|\. |[#()\[\]\-*_`|~])", r"\\\1", text.replace("\n", "<br/>"))

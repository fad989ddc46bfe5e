"""A way to a server on which requests go wrong: for any stand-in that speaks HTTP, by the number of the request.

Only what can happen between two machines belongs here, and answers that are made up; what a service answers is known to
whoever orders it.

    with BadWay(server.url) as way:
        way.spoil(Spoiled(act="reset", first=3))
        ask(way.url)
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30.0
"""Seconds; whoever waits for longer has no bound."""
BETWEEN_BYTES = 0.05
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
AT_ONCE = b" " * 2**16


@dataclass(frozen=True)
class Spoiled:
    """Which requests go wrong, and how.

    Attributes:
        act: `answer`: another answer than the server's; `large`: one without end; `hang`: none; `reset`: the connection
            is reset before the request arrives; `lost`: after it has arrived; `cut`: the answer breaks off half-way;
            `drip`: it comes byte by byte.
        first: number of the first, of those that match, from 1.
        times: how many; None: all from there on.
    """

    act: str
    first: int = 1
    times: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class BadWay:
    """Passes requests on to a server, but for those that are spoiled.

    Args:
        server: its address, without a path.
        matching: which requests count, by `METHOD path?query target`; the target is AWS's name of an operation, or `-`.

    Attributes:
        lines: the requests that matched, since the last order.
        outlasted: of which requests somebody waited for longer than `PATIENCE`.
    """

    def __init__(self, server: str, matching: str = "") -> None:
        self._server = urlsplit(server).netloc
        self._matching = re.compile(matching)
        self._spoiled: Spoiled | None = None
        self._passing = 0
        self._lock = threading.Condition()
        self.lines: list[str] = []
        self.outlasted: list[str] = []

    def __enter__(self) -> BadWay:
        way = self

        class Handler(_Handler):
            way_of = way

        self._http = _Server(("127.0.0.1", 0), Handler)
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

    def spoil(self, spoiled: Spoiled | None) -> None:
        """Count anew, and let these requests go wrong; None: none.

        Those that nobody waits for any more arrive before, and not among what comes after.
        """
        with self._lock:
            self._lock.wait_for(lambda: not self._passing)
            self._spoiled = spoiled
            self.lines, self.outlasted = [], []

    def spoiled(self, line: str) -> Spoiled | None:
        """What is to become of a request, which is counted."""
        with self._lock:
            if not self._matching.search(line):
                return None
            self.lines.append(line)
            spoiled, number = self._spoiled, len(self.lines)
        if spoiled is None or number < spoiled.first:
            return None
        return spoiled if spoiled.times is None or number < spoiled.first + spoiled.times else None

    def passed_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """The server's answer."""
        connection = HTTPConnection(self._server)
        with self._lock:
            self._passing += 1
        try:
            sent = {name: value for name, value in headers.items() if name.lower() not in {*HOP_BY_HOP, "expect"}}
            connection.request(method, path, body or None, {**sent, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()
            with self._lock:
                self._passing -= 1
                self._lock.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """A bucket is asked in parallel. What more than so many begin is lost, and is begun again seconds later."""


class _Handler(BaseHTTPRequestHandler):
    way_of: BadWay
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # whoever asked is gone
            self.close_connection = True

    def _handle(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = f"{self.command} {self.path} {self.headers.get('X-Amz-Target', '-')}"
        spoiled = self.way_of.spoiled(line)
        act = spoiled.act if spoiled else "pass"
        if act == "lost":
            self.way_of.passed_on(self.command, self.path, dict(self.headers), body)
        if act in ("reset", "lost"):
            # Closed at once, without what TCP does for the sake of those who still listen.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif act == "hang":
            self._is_left_within(PATIENCE, line)
        elif spoiled and act == "drip":
            self._drip(spoiled.headers.items(), line)
        elif spoiled and act == "answer":
            self._answer(spoiled.status, spoiled.headers.items(), spoiled.body)
        elif spoiled and act == "large":
            self._pour(spoiled.headers.items(), line)
        else:
            status, headers, data = self.way_of.passed_on(self.command, self.path, dict(self.headers), body)
            self._answer(status, headers, data, cut=act == "cut")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Stay silent: what was asked is in `lines`."""

    def _answer(self, status: int, headers: Any, data: bytes, *, cut: bool = False) -> None:
        self._begin(status, headers, len(data) or (8 if cut else 0))
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)

    def _begin(self, status: int, headers: Any, length: int) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        # An answer that is for nobody to read has no length.
        if status not in (204, 304) or length:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def _drip(self, headers: Any, line: str) -> None:
        self._begin(200, headers, 10**6)
        for _ in range(round(PATIENCE / BETWEEN_BYTES)):
            self.wfile.write(b" ")
            if self._is_left_within(BETWEEN_BYTES):
                return
        self.way_of.outlasted.append(line)

    def _pour(self, headers: Any, line: str) -> None:
        self._begin(200, headers, 2**40)
        for number in count():
            self.wfile.write(AT_ONCE)
            if number * len(AT_ONCE) > 2**28:
                self.way_of.outlasted.append(line)
                return

    def _is_left_within(self, seconds: float, line: str = "") -> bool:
        """Wait for the other side to close; who does not is noted down."""
        left = bool(select.select([self.connection], [], [], seconds)[0])
        if line and not left:
            self.way_of.outlasted.append(line)
        return left

"""A stand-in for a service that takes messages: apprise's `json://` posts to it.

with ChatService() as chat:
    settings = load_settings({"SPOTIFY_ASSETS_ALERT_URLS": chat.address})
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "very-secret-path"


class ChatService:
    """What was told is in `messages`, as pairs of title and text; `status` is what it answers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.status = 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if service.status == 200:
                    service.messages.append((body["title"], body["message"]))
                self.send_response(service.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is written to the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def address(self) -> str:
        """Its address as apprise takes it, with a secret in it as those of real services have."""
        return f"{self.url}/{SECRET}".replace("http:", "json:")

    def __enter__(self) -> ChatService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

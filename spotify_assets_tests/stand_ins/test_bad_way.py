"""The way on which requests go wrong: what was given up on it does not come among what is asked next."""

from __future__ import annotations

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from spotify_assets_tests.stand_ins.bad_way import BadWay


def test_what_nobody_waits_for_arrives_before_the_next_order():
    come, may_go_on, arrived = threading.Event(), threading.Event(), []

    class Slow(BaseHTTPRequestHandler):
        def do_PUT(self):
            come.set()
            may_go_on.wait()
            arrived.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Slow) as server, BadWay(f"http://127.0.0.1:{server.server_port}") as way:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        asking = HTTPConnection(urlsplit(way.url).netloc, timeout=0.1)
        asking.request("PUT", "/late", b"")
        with pytest.raises(TimeoutError):
            asking.getresponse()
        asking.close()
        assert come.wait(30)
        seen = []
        ordering = threading.Thread(target=lambda: (way.spoil(None), seen.extend(arrived)))
        ordering.start()
        may_go_on.set()
        ordering.join()
        answering.join()
    assert seen == ["/late"]

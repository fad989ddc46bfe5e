"""Answers of a real server on loopback: whole ones pass, and those without an end are given up."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
import requests

from spotify_assets.sources import bounded_answers
from spotify_assets.sources.bounded_answers import AnswerTooLarge, BoundedAnswers


@contextmanager
def answering(answer):
    """A session, and the address of a server on which `answer` writes to whoever asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, requests.Session() as session:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        session.mount("http://", BoundedAnswers())
        try:
            yield session, f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def sends(body, *, announced=None, **headers):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(announced or len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize("packed", [False, True])
def test_a_whole_answer_is_as_it_was(packed):
    body = "夜明け".encode() * 10_000
    sent = sends(gzip.compress(body), Content_Encoding="gzip") if packed else sends(body)
    with answering(sent) as (session, address):
        assert session.get(address).content == body


@pytest.mark.parametrize("packed", [False, True], ids=["long", "a bomb"])
def test_one_that_is_too_large_is_given_up(packed, monkeypatch):
    monkeypatch.setattr(bounded_answers, "LARGEST_ANSWER", 2**20)
    body = bytes(2**24)
    sent = sends(gzip.compress(body), Content_Encoding="gzip") if packed else sends(body)
    with answering(sent) as (session, address), pytest.raises(AnswerTooLarge, match="more than 1 MB"):
        session.get(address)


def test_one_of_very_many_values_is_given_up(monkeypatch):
    monkeypatch.setattr(bounded_answers, "MOST_VALUES", 1000)
    many = [sends(b"[" + b"{}," * number + b"{}]") for number in (499, 500)]
    with answering(many[0]) as (session, address):
        assert len(session.get(address).json()) == 500
    with answering(many[1]) as (session, address), pytest.raises(AnswerTooLarge, match="more than 1,000 values"):
        session.get(address)


def test_one_that_drips_is_given_up(monkeypatch):
    monkeypatch.setattr(bounded_answers, "LONGEST_ANSWER", 0.2)
    given_up = Event()

    def drip(handler):
        sends(b"", announced=1000)(handler)
        while not given_up.wait(0.01):
            handler.wfile.write(b" ")

    with answering(drip) as (session, address):
        with pytest.raises(requests.ReadTimeout, match=r"after 0\.2 s"):
            session.get(address)
        given_up.set()


def test_one_that_breaks_off_is_a_broken_connection():
    with (
        answering(sends(b"half", announced=8)) as (session, address),
        pytest.raises(requests.exceptions.ChunkedEncodingError),
    ):
        session.get(address)

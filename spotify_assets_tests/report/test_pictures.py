"""The pictures of the UI: small, of every table that has rows, and the same to the eye as vl-convert draws them."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from datetime import timedelta

import numpy as np
import pytest
import vl_convert

from spotify_assets.analytics.released_tables import RELEASED, open_released_tables
from spotify_assets.report.pictures import Pictures, picture_of_today
from spotify_assets.report.small_png import fewer_bytes
from spotify_assets.report.today import read_today
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.publisher import FIRST, Publisher

pytestmark = pytest.mark.usefixtures("drawn_pictures")

MOST_BYTES = 12_000
IN_MARKDOWN = re.compile(r"!\[picture\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")


def chunks(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        yield kind, body
        at += length + 12


def pixels(png):
    """The colours of a picture: of one with a palette, or of vl-convert's, whose lines are differences."""
    found = dict(chunks(png))
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    data = zlib.decompress(b"".join(body for kind, body in chunks(png) if kind == b"IDAT"))
    if b"PLTE" in found:
        places = np.frombuffer(data, np.uint8).reshape(height, width + 1)
        assert not places[:, 0].any()
        return np.frombuffer(found[b"PLTE"], np.uint8).reshape(-1, 3)[places[:, 1:]]
    lines = np.frombuffer(data, np.uint8).reshape(height, 4 * width + 1)
    return np.cumsum(lines[:, 1:].reshape(height, width, 4), axis=1, dtype=np.uint8)[..., :3]


def drawn(colours):
    """A picture of vl-convert with bars of these colours."""
    rows = [{"name": f"{number:04}", "colour": colour} for number, colour in enumerate(colours)]
    colour = {"field": "colour", "type": "nominal", "scale": None}
    return vl_convert.vegalite_to_png(
        {
            "data": {"values": rows},
            "mark": "rect",
            "background": "#fbfbfb",
            "width": len(rows),
            "height": 20,
            "encoding": {"x": {"field": "name", "type": "ordinal", "axis": None}, "color": colour},
        }
    )


def different(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


class TestFewerBytes:
    def test_a_picture_stays_the_same_to_the_eye(self):
        before = drawn(["#3d7fd9", "#d9772b", "#3a9a63"] * 30)
        after = fewer_bytes(before)
        assert len(after) < len(before) / 3
        assert pixels(after).shape == pixels(before).shape
        assert different(pixels(after), pixels(before)) < 17

    def test_many_colours_are_drawn_in_coarser_steps(self):
        rainbow = [f"#{red:02x}{green:02x}{255 - red:02x}" for red in range(0, 256, 8) for green in range(0, 256, 16)]
        before = drawn(rainbow)
        after = fewer_bytes(before)
        assert len(dict(chunks(after))[b"PLTE"]) <= 3 * 256
        assert 17 <= different(pixels(after), pixels(before)) < 64

    def test_what_another_program_wrote_is_left_as_it_is(self):
        header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
        body = zlib.compress(b"\0\1\2\3")
        png = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
        )
        assert fewer_bytes(png) == png


@pytest.fixture
def publisher(lake_folder):
    return Publisher(LocalObjectStore(lake_folder))


def pictures_of(publisher, slug="chart"):
    """The bytes of the picture of each table, and of today's; None where there is none."""
    with open_released_tables(publisher.store, "500MB") as tables:
        tables.show(list(RELEASED), slug)
        pictures = Pictures(tables)
        found = {name: pictures.of(name) for name in ANALYSES}
        found["today"] = picture_of_today(read_today(tables, slug))
    return {
        name: picture and base64.b64decode(IN_MARKDOWN.fullmatch(picture)[1], validate=True)
        for name, picture in found.items()
    }


@pytest.mark.slow
def test_every_table_that_has_rows_has_a_small_picture(publisher):
    charts = {
        FIRST + timedelta(days=number): [*"abcdefghijklm"[number % 5 :], *"nopqr"[: number % 4]] for number in range(12)
    }
    publisher.write("chart", charts)
    publisher.publish()
    found = pictures_of(publisher)
    lacking = {name for name, picture in found.items() if picture is None}
    # No album, no genre and no pair of artists is known of a little chart.
    assert lacking == {"album_analysis", "genre_trends", "collaborations"}
    assert all(len(picture) < MOST_BYTES for picture in found.values() if picture)
    assert all(len(np.unique(pixels(picture).reshape(-1, 3), axis=0)) > 2 for picture in found.values() if picture)


@pytest.mark.slow
def test_one_day_is_drawn_as_far_as_there_is_something_to_draw(publisher):
    publisher.write("chart", {FIRST: ["a"]})
    publisher.publish()
    drawn = {name for name, picture in pictures_of(publisher).items() if picture}
    assert drawn >= {"chart_editions", "song_history", "song_popularity", "today"}
    assert "chart_trends" not in drawn

"""A PNG of vl-convert's in few bytes: it writes them fast and large, and Dagster's event log keeps them for years."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

Pixels = np.ndarray[Any, np.dtype[Any]]
_PNG = b"\x89PNG\r\n\x1a\n"
_SUB = 1
"""The filter that vl-convert gives to every line: each pixel is the difference from the one before it."""
_EIGHT_BITS_RGBA = b"\x08\x06"
_COLOURS = 256


def fewer_bytes(png: bytes) -> bytes:
    """The same picture in a tenth of vl-convert's bytes: opaque, with a palette, and well compressed.

    One that is not written as vl-convert writes it now is given back as it is.
    """
    width, height = struct.unpack(">II", png[16:24])
    data = zlib.decompress(b"".join(body for kind, body in _chunks(png) if kind == b"IDAT"))
    if png[24:26] != _EIGHT_BITS_RGBA or set(data[:: 1 + 4 * width]) != {_SUB}:
        return png
    lines = np.frombuffer(data, np.uint8).reshape(height, 1 + 4 * width)[:, 1:]
    pixels = np.cumsum(lines.reshape(height, width, 4), axis=1, dtype=np.uint8)[..., :3]
    palette, places = _palette(pixels)
    named = np.pad(places.reshape(height, width).astype(np.uint8), ((0, 0), (1, 0)))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(named.tobytes(), 9)),
        (b"IEND", b""),
    )
    return _PNG + b"".join(_chunk(kind, body) for kind, body in chunks)


def _palette(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """At most as many colours as a byte can name, in as fine steps as that allows, and each pixel's place there."""
    for step in (16, 32, 64):
        steps = pixels // step
        names, places = np.unique(steps.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1]), return_inverse=True)
        if len(names) <= _COLOURS:
            break
    colours = np.stack([names >> 16, names >> 8 & 255, names & 255], axis=1)
    return (colours * 255 // (256 // step - 1)).astype(np.uint8), places


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The kinds of a PNG's chunks, and what they hold."""
    found, at = [], len(_PNG)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

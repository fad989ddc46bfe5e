"""Inputs that are nearly right: a valid document with some places changed, valid bytes with some of them damaged.

A few examples of each are tried in `make test`; SPOTIFY_ASSETS_FUZZ=5000 before pytest tries so many.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from spotify_assets.schemas import TABLES
from spotify_assets.snapshot import PlaylistSnapshot
from spotify_assets.storage.parquet import conform, encode
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import any_json

EVIL = st.sampled_from(
    [
        "\ud800",  # half of a surrogate pair
        "\udc00\ud800",
        "a\x00b",
        "\u202egnissim\u202c",  # text that runs backwards
        "\ufeff",
        "e\u0301" * 40,
        "\U0010ffff",
        "x" * 100_000,
        "=1+1",
        "0000-00-00",
        "9999-12-31T23:59:59.999999-23:59",
        "nan",
        "9" * 400,
        [[[[[[[[]]]]]]]],
        [None] * 100,
        {"": {"": {}}},
        {"name": {"name": 1}},
        -1,
        1e308,
        2**63,
        True,
        None,
    ]
)
ABSENT = object()


def replaced(payload: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The payload with another value at a path; without the key where the value is ABSENT."""
    changed = copy.deepcopy(payload)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is ABSENT:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


def paths_in(payload: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into a payload."""
    members = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, value in members:
        yield (*above, key)
        yield from paths_in(value, (*above, key))


@st.composite
def nearly(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document with up to four places dropped, of another type, nested, huge, or with odd text."""
    changed = document
    for _ in range(draw(st.integers(1, 4))):
        paths = list(paths_in(changed))
        if not paths:
            return changed
        changed = replaced(changed, draw(st.sampled_from(paths)), draw(st.just(ABSENT) | EVIL | any_json()))
    return changed


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of which some are replaced, missing or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 12))
        content = content[:start] + draw(st.binary(max_size=6) | st.just(content[start:end] * 3)) + content[end:]
    return content


def assert_whole(snapshot: PlaylistSnapshot) -> dict[str, list[dict[str, Any]]]:
    """What holds for any snapshot: no entry lost or doubled, tables as their schemas say, references with a target.

    Returns:
        The rows of every table.
    """
    frames = daily_tables([snapshot], "daily")
    for name, frame in frames.items():
        conform(TABLES[name], [snapshot.snapshot_date], frame)
        assert not frame.duplicated(list(TABLES[name].key)).any()
    rows = {
        name: [dict(zip(frame.columns, row, strict=True)) for row in frame.to_numpy().tolist()]
        for name, frame in frames.items()
    }
    listed = sorted(row["position"] for row in rows["songs"] + rows["rejects"])
    assert listed == list(range(1, len(snapshot.entries) + 1))
    artist_keys = {row["artist_key"] for row in rows["artists"]}
    assert {row["artist_key"] for row in rows["song_artists"]} == {
        row["artist_key"] for row in rows["artists"] if row["credited_on_track"]
    }
    assert {song["lead_artist_key"] for song in rows["songs"]} <= artist_keys | {None}
    assert {song["album_key"] for song in rows["songs"]} - {None} == {row["album_key"] for row in rows["albums"]}
    return rows


def bytes_of_tables(snapshot: PlaylistSnapshot) -> dict[str, bytes]:
    """The files of a day."""
    day = snapshot.snapshot_date
    frames = daily_tables([snapshot], "daily")
    return {name: encode(conform(TABLES[name], [day], frame)[day], "") for name, frame in frames.items()}

"""Snapshots and JSON for tests of what comes after the sources."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import strategies as st

from spotify_assets.snapshot import Entry, PlaylistSnapshot

SLUG = "chart"
DAY = date(2026, 11, 22)

# Hypothesis hardly ever makes halves of surrogate pairs by itself, and JSON may hold them.
AWKWARD = "a \n\x00\x1f\u2028\u3000\u30ac\u30ab\u3099\N{ZERO WIDTH SPACE}\N{SMILING FACE WITH OPEN MOUTH}\ud83d\ude03"
ANY_TEXT = st.text(st.sampled_from(AWKWARD), max_size=6) | st.text(max_size=6)


def examples(usual: int) -> int:
    """How many examples a test tries."""
    return int(os.environ.get("SPOTIFY_ASSETS_FUZZ", usual))


def any_json(*, allow_nan: bool = True) -> st.SearchStrategy[Any]:
    """Whatever an API may answer."""
    numbers = st.integers() | st.floats(allow_nan=allow_nan) | st.sampled_from([10**400, -(2**63), 2**31])
    return st.recursive(
        st.none() | st.booleans() | numbers | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=6,
    )


def make_snapshot(payloads: Iterable[Any], day: date = DAY, **changes: Any) -> PlaylistSnapshot:
    """A snapshot of invented entries, fetched at noon UTC of its day."""
    described = {
        "slug": SLUG,
        "snapshot_date": day,
        "source": "spotify",
        "fetched_at": datetime.combine(day, time(12), UTC),
        "entries": tuple(Entry(position, payload) for position, payload in enumerate(payloads, 1)),
        "playlist_id": "3cEYpjA9oz9GiPac4AsH4n",
    }
    return PlaylistSnapshot(**described | changes)

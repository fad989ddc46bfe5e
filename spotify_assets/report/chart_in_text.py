"""The newest edition in Markdown: its chart with arrows, and what came and left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spotify_assets.report.markdown import as_text, markdown_table
from spotify_assets.report.today import Today

Row = Mapping[str, Any]
MOST_ROWS = 50
_ARROWS = {"UP": "▲", "DOWN": "▼", "SAME": "="}
_ENTRIES = {"NEW": "new", "RE_ENTRY": "back", "FIRST_SEEN": "first seen"}


def chart_table(today: Today) -> str:
    """The chart, of a long one the first places."""
    rows = (
        [song["position"], arrow(song), song["song_name"], song["artist_names"]] for song in today.chart[:MOST_ROWS]
    )
    more = len(today.chart) - MOST_ROWS
    return markdown_table(["place", "moved", "song", "artists"], rows) + (f"\n\nand {more} more" if more > 0 else "")


def comings_and_goings(today: Today) -> str:
    """New entries, songs that came back, and drop-outs, each with its place; of drop-outs the one that they had."""
    named = {
        "New": today.of_status("NEW", "FIRST_SEEN"),
        "Back": today.of_status("RE_ENTRY"),
        "Dropped out": today.drop_outs,
    }
    return "\n".join(f"- {kind}: {_listed(songs)}" for kind, songs in named.items())


def arrow(song: Row) -> str:
    """A song's movement as short as a table has it; a doubtful one has a question mark."""
    status = song["entry_status"]
    doubt = "?" if song["entry_status_basis"] == "doubtful" else ""
    if status in _ARROWS:
        return f"{_ARROWS[status]} {abs(song['movement']) or ''}".strip()
    return _ENTRIES.get(status, "–") + doubt


def _listed(songs: Sequence[Row]) -> str:
    return ", ".join(f"{song['position']} {as_text(song['song_name'])}" for song in songs) or "none"

"""The message of an edition: a new number one, what is new, back or climbing, and which long runs have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from spotify_assets.alerts.message import Message, listed, short
from spotify_assets.report.today import Row, Today
from spotify_assets.settings import PlaylistSettings

CLIMB = 10
"""Places that are worth a message."""
LONG_RUN = {"daily": 30, "weekly": 8}
"""Editions in a row whose end is worth a message."""
NEWS_FOR = {"daily": timedelta(days=7), "weekly": timedelta(days=14)}
"""How long after its day an edition is news: files are imported some days late; a backfill of last year is none."""


def edition_about(slug: str, edition: date | str) -> str:
    """What the message of an edition is about; those of a playlist sort by their days."""
    return f"edition/{slug}/{edition}"


def edition_message(playlist: PlaylistSettings, today: Today, now: date) -> Message | None:
    """The message of a playlist's newest edition; None where it is not news, or nothing in it is.

    Args:
        playlist: the playlist.
        today: its newest edition.
        now: today in Japan.
    """
    edition = today.edition
    is_news = now - edition["edition_date"] <= NEWS_FOR[edition["cadence"]]
    lines = list(_lines(today)) if is_news and edition["previous_edition_date"] else []
    if not lines:
        return None
    if edition["gap"]:
        lines.append(f"Compared with {edition['previous_edition_date']}: what is between is missing.")
    about = edition_about(playlist.slug, edition["edition_date"])
    return Message(about, f"{short(playlist.title)}, {edition['edition_date']}", "\n".join(lines))


def _lines(today: Today) -> Iterator[str]:
    first = today.number_one
    if first and first["previous_position"] != 1:
        yield f"New number one: {_song(first)}"
    new = today.of_status("NEW")
    if new:
        yield "New: " + listed(f"{_song(song)} at {song['position']}" for song in new)
    back = today.of_status("RE_ENTRY")
    if back:
        yield "Back: " + listed(f"{_song(song)} at {song['position']}" for song in back)
    climbs = sorted(
        (song for song in today.of_status("UP") if song["movement"] >= CLIMB), key=lambda song: -song["movement"]
    )
    if climbs:
        yield "Up: " + listed(
            f"{_song(song)} from {song['previous_position']} to {song['position']}" for song in climbs
        )
    unit = "days" if today.edition["cadence"] == "daily" else "weeks"
    ended = [song for song in today.drop_outs if song["streak"] >= LONG_RUN[today.edition["cadence"]]]
    if ended:
        counted = f"stored {unit} in a row" if today.missing else f"{unit} in a row"
        yield "Gone: " + listed(f"{_song(song)} after {song['streak']} {counted}" for song in ended)


def _song(song: Row) -> str:
    doubt = ", perhaps there before under another name" if song["entry_status_basis"] == "doubtful" else ""
    return f"{short(song['song_name'])} ({short(song['artist_names'])}{doubt})"

"""The daily tables of some days joined to the rows that the analyses need: the compacted history, see `schemas`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES
from spotify_assets.transforms.values import name_key

DAILY_TABLES = ("snapshots", "songs", "song_artists", "artists", "albums")
"""The daily tables that the compacted history is made of."""


def chart_days(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `CHART_DAYS` from `snapshots`, by day."""
    return frames["snapshots"][CHART_DAYS.column_names].sort_values("snapshot_date", ignore_index=True)


def chart_entries(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `CHART_ENTRIES`, by day and position.

    Args:
        frames: the `DAILY_TABLES` of the same days of one playlist, each with `snapshot_date`.
    """
    songs = frames["songs"].sort_values(["snapshot_date", "position"], ignore_index=True)
    place = ["snapshot_date", "position"]
    credited = frames["song_artists"].sort_values([*place, "credit_order"])
    lists = credited.groupby(place)[["artist_key", "artist_name"]].agg(list)
    entries = songs.join(lists, on=place).join(_genres(credited, frames["artists"]), on=place)
    albums = frames["albums"].set_index(["snapshot_date", "album_key"])["total_tracks"].rename("album_total_tracks")
    entries = entries.join(albums, on=["snapshot_date", "album_key"])
    entries["artist_keys"] = _lists(entries["artist_key"])
    entries["artist_names"] = _lists(entries["artist_name"])
    entries["song_ref"] = _song_refs(entries)
    return entries[CHART_ENTRIES.column_names]


def _genres(credited: pd.DataFrame, artists: pd.DataFrame) -> pd.Series:
    """Genres of all credits of each place, sorted, each once; places without any artist whose genres are given lack."""
    given = artists.dropna(subset=["genres"]).set_index(["snapshot_date", "artist_key"])["genres"]
    known = credited.join(given, on=["snapshot_date", "artist_key"]).dropna(subset=["genres"])
    return known.groupby(["snapshot_date", "position"])["genres"].agg(
        lambda lists: sorted({genre for genres in lists for genre in genres})
    )


def _song_refs(entries: pd.DataFrame) -> list[str | None]:
    """The id of each row's song, else its ISRC, else a hash of title and artists; None where there is no title."""
    refs = []
    for identifier, isrc, title, artists in zip(
        entries["song_id"], entries["isrc"], entries["song_name"], entries["artist_names"], strict=True
    ):
        named = [value for value in (identifier, isrc) if not pd.isna(value)]
        refs.append(named[0] if named else None if pd.isna(title) else name_key(title, *artists))
    return refs


def _lists(lists: pd.Series) -> list[list[str | None]]:
    return [found if isinstance(found, list) else [] for found in lists]

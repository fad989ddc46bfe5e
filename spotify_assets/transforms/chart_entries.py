"""The daily tables of some days joined to the rows that the analyses need: the compacted history, see `schemas`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES
from spotify_assets.transforms.values import name_key

PLACE = ["snapshot_date", "position"]


def chart_days(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `CHART_DAYS` from `snapshots`, by day."""
    return frames["snapshots"][CHART_DAYS.column_names].sort_values("snapshot_date", ignore_index=True)


def chart_entries(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `CHART_ENTRIES`, by day and position.

    Args:
        frames: the daily tables in `COMPACTED_FROM`, of the same days of one playlist, each with `snapshot_date`.
    """
    # Names in the order of the keys are those of song_artists.
    songs = frames["songs"].drop(columns="artist_names").sort_values(PLACE, ignore_index=True)
    credited = frames["song_artists"].sort_values([*PLACE, "credit_order"])
    albums = frames["albums"][["snapshot_date", "album_key", "total_tracks"]]
    entries = (
        songs.merge(_lists(credited), "left", PLACE)
        .merge(_genres(credited, frames["artists"]), "left", PLACE)
        .merge(albums.rename(columns={"total_tracks": "album_total_tracks"}), "left", ["snapshot_date", "album_key"])
    )
    for column in ("artist_keys", "artist_names"):
        entries[column] = [found if isinstance(found, list) else [] for found in entries[column]]
    entries["song_ref"] = _song_refs(entries)
    # Without any row, pandas would take lists for numbers.
    lists = dict.fromkeys(CHART_ENTRIES.list_columns, object)
    return entries[CHART_ENTRIES.column_names].astype(lists)


def _lists(credited: pd.DataFrame) -> pd.DataFrame:
    """Keys and names of all credits of each place; places without credits lack."""
    lists = credited.groupby(PLACE, as_index=False)[["artist_key", "artist_name"]].agg(list)
    return lists.rename(columns={"artist_key": "artist_keys", "artist_name": "artist_names"})


def _genres(credited: pd.DataFrame, artists: pd.DataFrame) -> pd.DataFrame:
    """Genres of all credits of each place, sorted, each once; places without any artist whose genres are given lack."""
    given = artists.dropna(subset=["genres"])[["snapshot_date", "artist_key", "genres"]]
    known = credited.merge(given, "inner", ["snapshot_date", "artist_key"])
    return known.groupby(PLACE, as_index=False)[["genres"]].agg(_union)


def _union(lists: Iterable[Iterable[str]]) -> list[str]:
    return sorted({genre for genres in lists for genre in genres})


def _song_refs(entries: pd.DataFrame) -> list[str | None]:
    """The id of each row's song, else its ISRC, else a hash of title and artists; None where there is no title."""
    refs = []
    for identifier, isrc, title, artists in zip(
        entries["song_id"], entries["isrc"], entries["song_name"], entries["artist_names"], strict=True
    ):
        named = [value for value in (identifier, isrc) if not pd.isna(value)]
        refs.append(named[0] if named else None if pd.isna(title) else name_key(title, *artists))
    return refs

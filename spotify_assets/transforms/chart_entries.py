"""The rows of `CHART_ENTRIES`: the daily tables of some days joined to what the analyses need of each song."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pandas as pd

from spotify_assets.schemas.analyses import CHART_ENTRIES
from spotify_assets.transforms.song_names import normalised_isrc
from spotify_assets.transforms.values import name_key

PLACE = ["snapshot_date", "position"]
Credit = tuple[str, str | None]
"""An artist's key and name."""


def chart_entries(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `CHART_ENTRIES`, by day and position.

    Args:
        frames: the daily tables of the same days of one playlist, each with `snapshot_date`.
    """
    # Names in the order of the keys are those of song_artists.
    songs = frames["songs"].drop(columns="artist_names").sort_values(PLACE, ignore_index=True)
    albums = frames["albums"][["snapshot_date", "album_key", "total_tracks"]]
    entries = songs.merge(
        albums.rename(columns={"total_tracks": "album_total_tracks"}), "left", ["snapshot_date", "album_key"]
    )
    places = list(zip(entries["snapshot_date"], entries["position"], strict=True))
    credits_of, genres_of = _credits(frames["song_artists"]), _genres(frames["artists"])
    credited = [credits_of.get(place, []) for place in places]
    lists = {
        "artist_keys": [[key for key, _ in of_place] for of_place in credited],
        "artist_names": [[name for _, name in of_place] for of_place in credited],
        "genres": [_union(genres_of, day, of_place) for (day, _), of_place in zip(places, credited, strict=True)],
    }
    entries = entries.assign(**{name: pd.Series(values, dtype=object) for name, values in lists.items()})
    entries["song_ref"] = _song_refs(entries)
    return entries[CHART_ENTRIES.column_names]


def _credits(song_artists: pd.DataFrame) -> dict[tuple[date, int], list[Credit]]:
    """The credits of each place, in order; places without any lack."""
    ordered = song_artists.sort_values([*PLACE, "credit_order"])
    columns = [ordered[name].astype(object) for name in (*PLACE, "artist_key", "artist_name")]
    credits_of: dict[tuple[date, int], list[Credit]] = {}
    for day, position, key, name in zip(*columns, strict=True):
        credits_of.setdefault((day, position), []).append((key, None if pd.isna(name) else name))
    return credits_of


def _genres(artists: pd.DataFrame) -> dict[tuple[date, str], Iterable[str]]:
    """The genres of each artist on each day; artists whose genres are not given lack."""
    given = artists.dropna(subset=["genres"])
    days_and_keys = zip(given["snapshot_date"], given["artist_key"], strict=True)
    return dict(zip(days_and_keys, given["genres"], strict=True))


def _union(
    genres_of: Mapping[tuple[date, str], Iterable[str]], day: date, of_place: Iterable[Credit]
) -> list[str] | None:
    """The genres of all credits of a place, sorted, each once; None where they are given for none of them."""
    given = [genres_of[day, key] for key, _ in of_place if (day, key) in genres_of]
    return sorted({genre for genres in given for genre in genres}) if given else None


def _song_refs(entries: pd.DataFrame) -> list[str | None]:
    """The id of each row's song, else a hash of ISRC, title and artists; None where there is neither ISRC nor title.

    An ISRC alone is no reference: whether it proves that two titles are one song is not known within a day.
    """
    refs: list[str | None] = []
    for identifier, isrc, title, artists in zip(
        entries["song_id"], entries["isrc"], entries["song_name"], entries["artist_names"], strict=True
    ):
        if not pd.isna(identifier):
            refs.append(identifier)
            continue
        names = [normalised_isrc(None if pd.isna(isrc) else isrc), None if pd.isna(title) else title]
        known = [name for name in names if name]
        refs.append(name_key(*known, *artists) if known else None)
    return refs

"""Which rows are the same song, although its Spotify id, and even its ISRC, can change from day to day."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from spotify_assets.schemas.analyses import SONG_IDENTITY


def song_identity(names: pd.DataFrame, aliases: Iterable[tuple[str, str]] = ()) -> pd.DataFrame:
    """Connected components over the pairs of song id and ISRC of all rows of all playlists.

    The result does not depend on the order of the rows.

    Args:
        names: distinct `song_ref`, `song_id`, `isrc`, `release_date_from` and `release_date_to` of `chart_entries`.
        aliases: pairs of ids, ISRCs or refs that somebody merged by hand.

    Returns:
        A frame of `SONG_IDENTITY` in the order of `song_ref`. The key of a component is its smallest ISRC, else its
        smallest id, else its smallest hash of title and artists.
    """
    named = names.dropna(subset=["song_ref"])
    kinds = {
        **dict.fromkeys(named["song_ref"], "3 hash"),
        **dict.fromkeys(named["song_id"].dropna(), "2 id"),
        **dict.fromkeys(named["isrc"].dropna(), "1 isrc"),
    }
    components = _Components()
    for other in ("song_id", "isrc"):
        pairs = named[["song_ref", other]].dropna().drop_duplicates()
        for song_ref, name in zip(pairs["song_ref"], pairs[other], strict=True):
            components.merge(song_ref, name)
    for name, other_name in aliases:
        components.merge(name, other_name)
    keys: dict[str, str] = {}
    for name in sorted(kinds, key=lambda name: (kinds[name], name)):
        keys.setdefault(components.root(name), name)
    identity = named.assign(song_key=[keys[components.root(ref)] for ref in named["song_ref"]])
    releases = (
        identity.dropna(subset=["release_date_from"])
        .sort_values(["release_date_from", "release_date_to"])
        .drop_duplicates("song_key")
        .set_index("song_key")[["release_date_from", "release_date_to"]]
    )
    distinct = identity[["song_ref", "song_key"]].drop_duplicates().sort_values("song_ref", ignore_index=True)
    return distinct.join(releases, on="song_key")[SONG_IDENTITY.column_names]


class _Components:
    """Names that are merged two by two, and one of them, the root, that stands for all that hang together."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, name: str) -> str:
        path = [name]
        while (parent := self._parents.get(path[-1], path[-1])) != path[-1]:
            path.append(parent)
        # What was found once is found at once the next time.
        self._parents.update(dict.fromkeys(path[:-1], path[-1]))
        return path[-1]

    def merge(self, name: str, other: str) -> None:
        self._parents[self.root(name)] = self.root(other)

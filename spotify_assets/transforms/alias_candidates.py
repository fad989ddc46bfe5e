"""Songs that were left apart but look like one: a title in another language, say, under another id.

Nothing is merged here: a person decides, by a line in song_aliases.csv.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from spotify_assets.schemas.analyses import ALIAS_CANDIDATES
from spotify_assets.transforms.song_identity import RowsOf, Songs, each, editions_of, with_artists
from spotify_assets.transforms.song_names import folded

SAME_LENGTH = 1000
"""Milliseconds by which the lengths of candidates may differ."""
NEAR = 3
"""Editions within which one leaves and the other comes."""
TITLE = "title="
FACTS = ["position", "song_name", "lead_artist_name", "duration_ms"]
EARLIER = {name: f"earlier_{name}" for name in ("song_key", *FACTS)}


def alias_candidates(names: pd.DataFrame, spans: pd.DataFrame, songs: Songs, rows_of: RowsOf) -> pd.DataFrame:
    """Pairs of songs of which one left a playlist when the other came, and which are too much alike for chance.

    Alike: the same lead artist or the same title, and the same length within a second. Never in one edition of any
    playlist.

    Args:
        names: as for `song_identity`.
        spans: `playlist`, `song_ref`, and the numbers of its `first` and `last` edition there.
        songs: what `song_identity` made of the names.
        rows_of: as for `song_identity`, its rows with `position`, `lead_artist_name` and `duration_ms`.

    Returns:
        A frame of `ALIAS_CANDIDATES`, by its key.
    """
    keys = songs.identity.set_index("song_ref")["song_key"]
    keyed = names.dropna(subset=["song_ref"]).assign(song_key=names["song_ref"].map(keys))
    lengths = keyed[["song_key", "duration_ms"]].dropna().drop_duplicates()
    if lengths.empty:
        return pd.DataFrame(columns=ALIAS_CANDIDATES.column_names, dtype=object)
    likenesses = _likenesses(keyed[keyed["song_key"].isin(lengths["song_key"])])
    of_songs = spans.assign(song_key=spans["song_ref"].map(keys)).groupby(["playlist", "song_key"], as_index=False)
    pairs = _successions(of_songs.agg(first=("first", "min"), last=("last", "max")).merge(likenesses))
    pairs = pairs.merge(_of_one_length(pairs, lengths))
    pairs = _where(pairs, lambda key, earlier: frozenset((key, earlier)) not in songs.different)
    rows = rows_of(set(keys.index[keys.isin({*pairs["song_key"], *pairs["earlier_song_key"]})]))
    rows = rows.assign(song_key=rows["song_ref"].astype(object).map(keys))
    editions = editions_of(rows, rows["song_key"])
    pairs = _where(pairs, lambda key, earlier: not np.isin(editions[key], editions[earlier]).any())
    came = _edge_rows(rows, "came_on", earliest=True)
    left = _edge_rows(rows, "left_on", earliest=False).rename(columns=lambda name: EARLIER.get(name, name))
    found = pairs.merge(came).merge(left)
    return found[ALIAS_CANDIDATES.column_names].sort_values(list(ALIAS_CANDIDATES.key), ignore_index=True)


def _likenesses(keyed: pd.DataFrame) -> pd.DataFrame:
    """`song_key` and `likeness`: what a song may have in common with another, its lead artist or its title."""
    titled = keyed.assign(title=each(keyed["song_name"], folded))
    artists = with_artists(titled.assign(song_ref=titled["song_key"])).rename(columns={"song_ref": "song_key"})
    titles = titled[["song_key"]].assign(likeness=TITLE + titled["title"])
    return pd.concat([artists.rename(columns={"artist": "likeness"}), titles])[
        ["song_key", "likeness"]
    ].drop_duplicates()


def _successions(alike: pd.DataFrame) -> pd.DataFrame:
    """Pairs of songs alike of which one comes within `NEAR` editions of the other's last.

    Of the same title the other may also come back later, as where a source goes to and fro between two names.

    Args:
        alike: `playlist`, `song_key`, `first`, `last`, `likeness`.

    Returns:
        `playlist`, `song_key`, `earlier_song_key` and `editions_apart`.
    """
    group = alike.groupby(["playlist", "likeness"]).ngroup().to_numpy()
    first, last = (alike[name].to_numpy() for name in ("first", "last"))
    # Groups lie so far apart that none is near the next.
    base = group * (last.max(initial=0) + 2 * NEAR + 1)
    by_last = np.argsort(base + last, kind="stable")
    starts = np.searchsorted((base + last)[by_last], base + first - NEAR, side="left")
    until = np.where(alike["likeness"].str.startswith(TITLE), last.max(initial=0), first) + NEAR
    ends = np.searchsorted((base + last)[by_last], base + until, side="right")
    counts = ends - starts
    later = np.repeat(np.arange(len(alike)), counts)
    earlier = by_last[np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts) + np.repeat(starts, counts)]
    came_later = first[earlier] < first[later]
    later, earlier = later[came_later], earlier[came_later]
    pairs = {
        "playlist": alike["playlist"].to_numpy()[later],
        "song_key": alike["song_key"].to_numpy()[later],
        "earlier_song_key": alike["song_key"].to_numpy()[earlier],
        "editions_apart": first[later] - last[earlier],
    }
    return pd.DataFrame(pairs).drop_duplicates()


def _of_one_length(pairs: pd.DataFrame, lengths: pd.DataFrame) -> pd.DataFrame:
    """Those pairs of keys of which one length of the one is near one length of the other."""
    earlier = lengths.rename(columns={"song_key": "earlier_song_key", "duration_ms": "earlier_duration_ms"})
    both = pairs[["song_key", "earlier_song_key"]].drop_duplicates().merge(lengths).merge(earlier)
    near = (both["duration_ms"] - both["earlier_duration_ms"]).abs() <= SAME_LENGTH
    return both.loc[near, ["song_key", "earlier_song_key"]].drop_duplicates()


def _where(pairs: pd.DataFrame, holds: Callable[[str, str], bool]) -> pd.DataFrame:
    """The pairs of whose keys something holds."""
    kept = [holds(key, earlier) for key, earlier in zip(pairs["song_key"], pairs["earlier_song_key"], strict=True)]
    return pairs[np.array(kept, dtype=bool)]


def _edge_rows(rows: pd.DataFrame, day: str, *, earliest: bool) -> pd.DataFrame:
    """The best row of each song's first or last day in each playlist."""
    ordered = rows.sort_values(["snapshot_date", "position"], ascending=[earliest, True])
    edge = ordered.drop_duplicates(["playlist", "song_key"])
    return edge[["playlist", "song_key", *FACTS]].assign(**{day: edge["snapshot_date"].dt.date})

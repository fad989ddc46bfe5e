"""Which rows are of the same song, although its id, its ISRC and its title can all change from day to day.

Names are joined to songs by evidence, the strongest first; what each merge was made by is recorded. The result depends
on what rows say and on which days, and not on the order in which days came. Which columns say what is `schemas`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from spotify_assets.schemas.analyses import SONG_IDENTITY
from spotify_assets.transforms.song_names import folded, normalised_isrc
from spotify_assets.transforms.values import is_name_key

SAME_LENGTH = 3000
"""Milliseconds by which the lengths of one song under two names may differ."""
ISRC_KEY, ID_KEY, HASH_KEY, NO_KEY = range(4)
"""What a song is rather called by, the best first."""
RowsOf = Callable[[Collection[str]], pd.DataFrame]
"""Gives `song_ref`, `song_name`, `playlist` and `snapshot_date` of all rows with one of these references."""


@dataclass(frozen=True)
class Aliases:
    """What somebody decided by hand, in pairs of ids, ISRCs, references or keys.

    Attributes:
        same: names of the same song.
        different: names of different songs, whatever else speaks for it.
    """

    same: tuple[tuple[str, str], ...] = ()
    different: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Songs:
    """The songs.

    Attributes:
        identity: the rows of `SONG_IDENTITY`, by `song_ref`.
        ambiguous_isrcs: ISRCs under which different titles stand in one edition, each with these titles.
        unknown_aliases: names in aliases that no row gives, and ISRCs that prove nothing; they merge nothing.
        different: pairs of keys of songs that somebody said to be different.
    """

    identity: pd.DataFrame
    ambiguous_isrcs: Mapping[str, tuple[str, ...]]
    unknown_aliases: tuple[str, ...]
    different: frozenset[frozenset[str]]


def song_identity(names: pd.DataFrame, aliases: Aliases, rows_of: RowsOf) -> Songs:
    """The songs of all playlists.

    Args:
        names: the distinct ways in which rows name their songs: `song_ref`, `song_id`, `isrc`, `song_name`,
            `lead_artist_key`, `lead_artist_name`, `credits` (all names in one text), `duration_ms`,
            `release_date_from` and `release_date_to` of `chart_entries`, with `first_day` and `last_day`.
        aliases: what somebody decided by hand.
        rows_of: the rows of some references; asked for those only of which it matters which editions they stand in.
    """
    named = names.dropna(subset=["song_ref"]).assign(isrc=each(names["isrc"], normalised_isrc))
    titled = named.assign(title=each(named["song_name"], folded))
    isrcs = named[["song_ref", "isrc"]].dropna().drop_duplicates().sort_values(["song_ref", "isrc"])
    ambiguous = _ambiguous(isrcs, titled, rows_of)
    proving = isrcs[~isrcs["isrc"].isin(ambiguous.keys())]
    kinds = {
        **dict.fromkeys(named["song_ref"], HASH_KEY),
        **dict.fromkeys(named["song_id"].dropna(), ID_KEY),
        **dict.fromkeys(proving["isrc"], ISRC_KEY),
    }

    def known(name: str) -> str:
        return name if name in kinds else normalised_isrc(name) or name

    different = [(known(name), known(other)) for name, other in aliases.different]
    components = _Components(kinds, different)
    for name, other in aliases.same:
        components.merge(known(name), known(other), "alias")
    for song_ref, isrc in zip(proving["song_ref"], proving["isrc"], strict=True):
        if components.may_merge(song_ref, isrc):
            components.merge(song_ref, isrc, "isrc")
    _merge_by_title(components, titled, rows_of)
    said = {known(name) for pair in (*aliases.same, *aliases.different) for name in pair}
    return Songs(
        _table(named, components),
        ambiguous,
        tuple(sorted(said - kinds.keys())),
        frozenset(frozenset(map(components.root, pair)) for pair in different),
    )


def each(values: pd.Series, function: Callable[[str], str | None]) -> pd.Series:
    """A function of each text; None where there is none."""
    found = {value: function(value) for value in values.dropna().unique()}
    return pd.Series([found.get(value) for value in values], values.index, dtype=object)


def _ambiguous(isrcs: pd.DataFrame, titled: pd.DataFrame, rows_of: RowsOf) -> dict[str, tuple[str, ...]]:
    """The ISRCs whose references stand in one edition with different titles, and these titles."""
    of_titles = isrcs.merge(titled[["song_ref", "title"]].dropna().drop_duplicates(), on="song_ref")
    counts = of_titles.groupby("isrc")[["song_ref", "title"]].nunique()
    doubtful = isrcs[isrcs["isrc"].isin(counts.index[(counts > 1).all(axis=1)])]
    if doubtful.empty:
        return {}
    rows = rows_of(set(doubtful["song_ref"])).merge(doubtful, on="song_ref")
    rows["title"] = each(rows["song_name"], folded)
    edition = rows.groupby(["isrc", "playlist", "snapshot_date"], observed=True)
    clashing = rows[edition["title"].transform("nunique") > 1].dropna(subset=["song_name"])
    return {
        isrc: tuple(sorted(set(of_isrc)))
        for isrc, of_isrc in clashing["song_name"].astype(object).groupby(clashing["isrc"])
    }


# The same title and lead artist


@dataclass
class _Listing:
    """When and how long a component is, over all its names.

    Attributes:
        first_day: the first day with it.
        last_day: the last day with it.
        lengths: in milliseconds, as far as known.
        editions: numbers of the editions that it stands in.
    """

    first_day: date
    last_day: date
    lengths: set[int]
    editions: np.ndarray

    def may_be(self, other: _Listing) -> bool:
        """Whether both may be one song: never in one edition, and of the same length where both are known."""
        near = not (self.lengths and other.lengths) or any(
            abs(length - others) <= SAME_LENGTH for length in self.lengths for others in other.lengths
        )
        return near and not np.isin(self.editions, other.editions).any()

    def add(self, other: _Listing) -> None:
        """Take in what has been found to be the same song."""
        self.first_day = min(self.first_day, other.first_day)
        self.last_day = max(self.last_day, other.last_day)
        self.lengths |= other.lengths
        self.editions = np.concatenate([self.editions, other.editions])


@dataclass
class _Artist:
    """The lead artist that rows give a title: ids and folded names."""

    ids: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def may_be(self, other: _Artist) -> bool:
        """Whether both are the same: by id, and by name where one of them has no id."""
        if self.ids and other.ids:
            return not self.ids.isdisjoint(other.ids)
        return not self.names.isdisjoint(other.names)

    def add(self, other: _Artist) -> None:
        self.ids |= other.ids
        self.names |= other.names


def _merge_by_title(components: _Components, titled: pd.DataFrame, rows_of: RowsOf) -> None:
    """Merge components of the same title and lead artist, title by title.

    Those of a title are taken in order of their first day. Each joins, of those before it that it may be one with, the
    one that was there last.
    """
    credited = with_artists(titled)
    credited["root"] = [components.root(song_ref) for song_ref in credited["song_ref"]]
    credited["shared"] = credited.groupby(["title", "artist"])["root"].transform("nunique") > 1
    contested = credited[credited.groupby(["title", "root"])["shared"].transform("any")]
    listings = _listings(components, set(contested["root"]), titled, rows_of)
    for _, of_title in contested.groupby("title"):
        artists: dict[str, _Artist] = {}
        for root, artist in zip(of_title["root"], of_title["artist"], strict=True):
            of_root = artists.setdefault(components.root(root), _Artist())
            (of_root.names if is_name(artist) else of_root.ids).add(artist)
        before: list[str] = []
        for root in sorted(artists, key=lambda root: (listings[root].first_day, root)):
            found = next(
                (
                    other
                    for other in sorted(before, key=lambda other: (-listings[other].last_day.toordinal(), other))
                    if artists[root].may_be(artists[other])
                    and listings[root].may_be(listings[other])
                    and components.may_merge(root, other)
                ),
                None,
            )
            if found is None:
                before.append(root)
                continue
            kept = components.merge(root, found, "title")
            lost = root if kept == found else found
            artists[kept].add(artists[lost])
            listings[kept].add(listings.pop(lost))
            before[before.index(found)] = kept


def with_artists(titled: pd.DataFrame) -> pd.DataFrame:
    """`song_ref`, `title` and `artist`: each way to name the lead artist of a title, see `is_name`.

    Beside the id and the name there is the text of all credits: where a file has them in one text, that is its name.
    """
    ids = each(titled["lead_artist_key"], lambda key: None if is_name_key(key) else key)
    said = [ids, *("=" + each(titled[name], folded) for name in ("lead_artist_name", "credits"))]
    parts = [titled[["song_ref", "title"]].assign(artist=artist) for artist in said]
    return pd.concat(parts).dropna().drop_duplicates()


def is_name(artist: str) -> bool:
    """Whether an artist of `with_artists` is a folded name, and not an id."""
    return artist.startswith("=")


def _listings(
    components: _Components, roots: Collection[str], titled: pd.DataFrame, rows_of: RowsOf
) -> dict[str, _Listing]:
    """The listings of components."""
    of_roots = titled.assign(root=[components.root(song_ref) for song_ref in titled["song_ref"]])
    of_roots = of_roots[of_roots["root"].isin(roots)]
    if of_roots.empty:
        return {}
    rows = rows_of(set(of_roots["song_ref"]))
    editions = editions_of(rows, rows["song_ref"].astype(object).map(components.root))
    return {
        str(root): _Listing(
            rows["first_day"].min(), rows["last_day"].max(), set(rows["duration_ms"].dropna()), editions[str(root)]
        )
        for root, rows in of_roots.groupby("root")
    }


def editions_of(rows: pd.DataFrame, songs: pd.Series) -> dict[str, np.ndarray]:
    """The numbers of the editions in which songs stand, of each row of which the song is given."""
    numbers = rows.groupby(["playlist", "snapshot_date"], observed=True).ngroup().to_numpy()
    return {str(song): np.unique(numbers[places]) for song, places in songs.groupby(songs).indices.items()}


# Components


class _Components:
    """Names that are merged two by two. The root of a component is what its song is called by.

    Args:
        kinds: how good a name each one is.
        different: pairs that must stay apart.
    """

    def __init__(self, kinds: Mapping[str, int], different: Iterable[tuple[str, str]]) -> None:
        self._kinds = kinds
        self._parents: dict[str, str] = {}
        self._merges: dict[str, tuple[str, str]] = {}
        self._foes: dict[str, set[str]] = {}
        for name, other in different:
            self._foes.setdefault(name, set()).add(other)
            self._foes.setdefault(other, set()).add(name)

    def root(self, name: str) -> str:
        path = [name]
        while (parent := self._parents.get(path[-1], path[-1])) != path[-1]:
            path.append(parent)
        # What was found once is found at once the next time.
        self._parents.update(dict.fromkeys(path[:-1], path[-1]))
        return path[-1]

    def may_merge(self, name: str, other: str) -> bool:
        """Whether nobody said that they are different."""
        root, other_root = self.root(name), self.root(other)
        return all(self.root(foe) != other_root for foe in self._foes.get(root, ()))

    def merge(self, name: str, other: str, basis: str) -> str:
        """Make two components one.

        Returns:
            Its root.
        """
        roots = {self.root(name), self.root(other)}
        kept, *lost = sorted(roots, key=lambda root: (self._kinds.get(root, NO_KEY), root))
        for root in lost:
            self._parents[root] = kept
            self._merges[root] = (kept, basis)
            if root in self._foes:
                self._foes.setdefault(kept, set()).update(self._foes.pop(root))
        return kept

    def basis(self, name: str) -> str | None:
        """The weakest evidence that it takes from a name to its root: the last, for the strongest is used first."""
        basis = None
        while name in self._merges:
            name, basis = self._merges[name]
        return basis


def _table(named: pd.DataFrame, components: _Components) -> pd.DataFrame:
    """The rows of `SONG_IDENTITY`."""
    keyed = named.assign(song_key=[components.root(song_ref) for song_ref in named["song_ref"]])
    releases = (
        keyed.dropna(subset=["release_date_from"])
        .sort_values(["release_date_from", "release_date_to"])
        .drop_duplicates("song_key")
        .set_index("song_key")[["release_date_from", "release_date_to"]]
    )
    distinct = keyed.sort_values("song_ref").drop_duplicates("song_ref", ignore_index=True)
    distinct["basis"] = [
        components.basis(song_ref) or ("title" if pd.isna(song_id) else "song_id")
        for song_ref, song_id in zip(distinct["song_ref"], distinct["song_id"], strict=True)
    ]
    return distinct[["song_ref", "song_key", "basis"]].join(releases, on="song_key")[SONG_IDENTITY.column_names]

"""What songs and artists are taken for: `song_identity` and `alias_candidates`, made of the whole compacted history."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spotify_assets.analytics.compaction import read_days, read_year
from spotify_assets.analytics.song_aliases import read_aliases
from spotify_assets.schemas.analyses import ALIAS_CANDIDATES, CHART_ENTRIES, SONG_IDENTITY
from spotify_assets.schemas.table import arrow_schema
from spotify_assets.storage.layout import Year, identity_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.parquet import checked, encode
from spotify_assets.transforms.alias_candidates import alias_candidates
from spotify_assets.transforms.song_identity import song_identity

TEXTS = ["song_ref", "song_id", "isrc", "song_name", "lead_artist_key", "lead_artist_name"]
FACTS = ["duration_ms", "release_date_from", "release_date_to"]
NAMES = [*TEXTS, *FACTS, "credits"]
NAMES_READ = [*TEXTS, *FACTS, "artist_keys", "artist_names", "snapshot_date"]
REPEATED = [*TEXTS, "artist_keys.list.element", "artist_names.list.element"]
"""Texts that rows repeat: read as dictionaries they cost a tenth to group."""
NAMES_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        ("duration_ms", pa.int32()),
        *((name, pa.date32()) for name in ("release_date_from", "release_date_to")),
        ("credits", pa.string()),
        *((name, pa.date32()) for name in ("first_day", "last_day")),
    ]
)
SPAN = ["song_ref", "first_day", "last_day"]
ROWS_READ = ["song_ref", "song_name", "lead_artist_name", "duration_ms", "position", "snapshot_date"]
ROWS = pa.schema([*map(arrow_schema(CHART_ENTRIES).field, ROWS_READ), ("playlist", pa.string())])


@dataclass(frozen=True)
class Identity:
    """What the songs of each year are taken for, as digests that change with it.

    Attributes:
        songs: number of songs.
        unknown_aliases: names in song_aliases.csv that no song has; they merge nothing.
        ambiguous_isrcs: ISRCs under which different titles stand in one edition, with these; they prove nothing.
        candidates: the rows of `ALIAS_CANDIDATES`.
        keys: digests of which row is which song, and of which may be another.
        facts: digests of that, of the songs' releases and of the artists' names.
        files: a digest of each file.
    """

    songs: int
    unknown_aliases: tuple[str, ...]
    ambiguous_isrcs: Mapping[str, tuple[str, ...]]
    candidates: pd.DataFrame
    keys: Mapping[Year, str]
    facts: Mapping[Year, str]
    files: Mapping[str, str]


def identify(store: ObjectStore, years: Iterable[Year]) -> Identity:
    """Write `song_identity` and `alias_candidates` for these years of the compacted history.

    Raises:
        StorageError: song_aliases.csv is not as it should be, or a year is damaged; nothing is written.
    """
    aliases = read_aliases(store)
    history = _History(store)
    for year in years:
        history.read(year)
    names = history.names()
    songs = song_identity(names, aliases, history.rows_of)
    candidates = alias_candidates(names, history.spans(), songs, history.rows_of)
    identity = songs.identity
    files = {}
    for table, frame in ((SONG_IDENTITY, identity), (ALIAS_CANDIDATES, candidates)):
        data = encode(checked(table, frame))
        store.write(identity_key(table.name), data)
        files[identity_key(table.name)] = hashlib.sha256(data).hexdigest()
    by_ref = identity.set_index("song_ref", drop=False)
    found = {year: by_ref.loc[refs] for year, refs in history.refs.items()}
    keys = {
        year: _digest(rows[["song_ref", "song_key"]]) + _digest(_candidates_of(candidates, year, rows))
        for year, rows in found.items()
    }
    newest = _newest_names(history.artists)
    return Identity(
        songs=identity["song_key"].nunique(),
        unknown_aliases=songs.unknown_aliases,
        ambiguous_isrcs=songs.ambiguous_isrcs,
        candidates=candidates,
        keys=keys,
        facts={
            year: keys[year]
            + _digest(rows)
            + _digest(newest[year.playlist].loc[sorted(set(history.artists[year]["artist_key"]))])
            for year, rows in found.items()
        },
        files=files,
    )


class _History:
    """The compacted history as far as identity needs it: distinct names and their days; rows only on demand.

    Attributes:
        refs: the references of each year, sorted.
        artists: the names that rows of each year give their artists, each with the last day that does.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.refs: dict[Year, list[str]] = {}
        self.artists: dict[Year, pd.DataFrame] = {}
        self._store = store
        self._names: list[pa.Table] = []
        self._spans: list[pa.Table] = []

    def read(self, year: Year) -> None:
        """Take in what a year says."""
        rows = read_year(self._store, CHART_ENTRIES, year, NAMES_READ, repeated=REPEATED)
        names = _song_names(rows)
        spans = names.group_by("song_ref").aggregate([("first_day", "min"), ("last_day", "max")])
        self._names.append(names)
        self._spans.append(_of_playlist(spans.rename_columns(SPAN), year.playlist))
        self.refs[year] = sorted(spans["song_ref"].drop_null().to_pylist())
        self.artists[year] = _artist_names(rows)

    def names(self) -> pd.DataFrame:
        """The distinct ways in which rows name their songs, as `song_identity` takes them."""
        if not self._names:
            return pd.DataFrame(columns=[*NAMES, "first_day", "last_day"])
        names: pd.DataFrame = _grouped(pa.concat_tables(self._names), NAMES, "first_day", "last_day").to_pandas()
        return names

    def spans(self) -> pd.DataFrame:
        """In which edition of each playlist each reference came, and in which it was there last."""
        if not self._spans:
            return pd.DataFrame(columns=["playlist", "song_ref", "first", "last"])
        days = _grouped(pa.concat_tables(self._spans), ["playlist", "song_ref"], "first_day", "last_day")
        spans: pd.DataFrame = days.to_pandas()
        numbers = pd.concat(
            {playlist: _edition_numbers(days) for playlist, days in read_days(self._store, self.refs).items()}
        )
        for edge in ("first", "last"):
            places = pd.MultiIndex.from_frame(spans[["playlist", f"{edge}_day"]])
            spans[edge] = numbers.reindex(places).to_numpy()
        return spans.dropna(subset=["song_ref"])[["playlist", "song_ref", "first", "last"]]

    def rows_of(self, refs: Collection[str]) -> pd.DataFrame:
        """All rows with one of these references."""
        parts = [ROWS.empty_table()]
        wanted = pa.array(sorted(refs), pa.string())
        for year in (year for year, of_year in self.refs.items() if not set(refs).isdisjoint(of_year)):
            rows = read_year(self._store, CHART_ENTRIES, year, ROWS_READ, repeated=["song_ref", "song_name"])
            named = rows["song_ref"].combine_chunks()
            rows = rows.filter(pc.is_in(named.dictionary, wanted).take(named.indices))
            parts.append(_of_playlist(rows, year.playlist).cast(ROWS))
        found: pd.DataFrame = pa.concat_tables(parts).to_pandas(date_as_object=False)
        return found


def _of_playlist(rows: pa.Table, playlist: str) -> pa.Table:
    return rows.append_column("playlist", pa.repeat(playlist, len(rows)))


def _song_names(rows: pa.Table) -> pa.Table:
    """The distinct ways in which rows name their songs, each with its first and last day."""
    named = rows.select([*TEXTS, *FACTS]).append_column("credits", _credits(rows["artist_names"].combine_chunks()))
    days = named.append_column("first_day", rows["snapshot_date"]).append_column("last_day", rows["snapshot_date"])
    return _grouped(days, NAMES, "first_day", "last_day").cast(NAMES_SCHEMA)


def _grouped(rows: pa.Table, by: list[str], first: str, last: str) -> pa.Table:
    """The distinct values of some columns, each with the first and the last day."""
    grouped = rows.group_by(by).aggregate([(first, "min"), (last, "max")])
    return grouped.rename_columns({f"{first}_min": first, f"{last}_max": last}).select([*by, first, last])


def _credits(artist_names: pa.Array) -> pa.Array:
    """All credits of each row in one text; null where there is one at most, whose name is the lead artist's."""
    several = pc.greater(pc.list_value_length(artist_names), 1)
    lists = artist_names.filter(several)
    texts = pa.ListArray.from_arrays(lists.offsets, lists.values.cast(pa.string()))
    joined = pc.replace_with_mask(pa.nulls(len(artist_names), pa.string()), several, pc.binary_join(texts, ", "))
    return joined.dictionary_encode()


def _edition_numbers(days: pd.DataFrame) -> pd.Series:
    """The place in D of the edition of each day of a playlist, as chart_editions.sql counts them."""
    by_content = (days["cadence"] == "weekly") & (days["source"] != "charts")
    editions = days["edition"].where(by_content, days["snapshot_date"])
    return editions.rank(method="dense").astype("int64").set_axis(days["snapshot_date"])


def _candidates_of(candidates: pd.DataFrame, year: Year, rows: pd.DataFrame) -> pd.DataFrame:
    """What makes statuses of a year doubtful: the candidates among its songs."""
    mine = (candidates["playlist"] == year.playlist) & candidates["song_key"].isin(set(rows["song_key"]))
    return candidates.loc[mine, ["song_key"]].drop_duplicates()


def _artist_names(rows: pa.Table) -> pd.DataFrame:
    """The names that rows give their artists, each with the last day that does."""
    keys, names = (pc.list_flatten(rows[column].combine_chunks()) for column in ("artist_keys", "artist_names"))
    days = rows["snapshot_date"].combine_chunks().take(pc.list_parent_indices(rows["artist_keys"].combine_chunks()))
    flat = pa.table({"artist_key": keys, "artist_name": names, "day": days})
    named = flat.group_by(["artist_key", "artist_name"]).aggregate([("day", "max")])
    plain = [("artist_key", pa.string()), ("artist_name", pa.string()), ("day_max", pa.date32())]
    artists: pd.DataFrame = named.cast(pa.schema(plain)).to_pandas()
    return artists


def _newest_names(artists: Mapping[Year, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """By playlist, each artist's newest name: on the same day the smallest, as artist_analysis.sql has it."""
    by_playlist: dict[str, list[pd.DataFrame]] = {}
    for (playlist, _), named in artists.items():
        by_playlist.setdefault(playlist, []).append(named)
    return {
        playlist: pd.concat(named)
        .sort_values(["day_max", "artist_name"], ascending=[False, True])
        .drop_duplicates("artist_key")
        .set_index("artist_key")[["artist_name"]]
        for playlist, named in by_playlist.items()
    }


def _digest(rows: pd.DataFrame) -> str:
    return hashlib.sha256(rows.to_csv().encode()).hexdigest()

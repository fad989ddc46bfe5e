"""What songs and artists are taken for: the table `song_identity`, made anew from the whole compacted history."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spotify_assets.analytics.compaction import read_year
from spotify_assets.errors import StorageError
from spotify_assets.schemas.analyses import CHART_ENTRIES, SONG_IDENTITY
from spotify_assets.storage.layout import ALIASES_KEY, IDENTITY_KEY, Year
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.parquet import checked, encode
from spotify_assets.transforms.song_identity import song_identity

ALIAS_COLUMNS = ["song", "same_as"]
NAME_COLUMNS = ["song_ref", "song_id", "isrc", "release_date_from", "release_date_to"]
COLUMNS_READ = [*NAME_COLUMNS, "snapshot_date", "artist_keys", "artist_names"]


@dataclass(frozen=True)
class Identity:
    """What the songs of each year are taken for, as digests that change with it.

    Attributes:
        songs: number of songs.
        unknown_aliases: names in song_aliases.csv that no song has; they merge nothing.
        keys: digests of which row is which song.
        facts: digests of that, of the songs' releases and of the artists' names.
    """

    songs: int
    unknown_aliases: tuple[str, ...]
    keys: Mapping[Year, str]
    facts: Mapping[Year, str]


def identify(store: ObjectStore, years: Iterable[Year]) -> Identity:
    """Write `song_identity` for these years of the compacted history, and say what each year's songs are.

    Raises:
        StorageError: song_aliases.csv is not as it should be, or a year is damaged; nothing is written.
    """
    aliases = _aliases(store)
    songs: dict[Year, pd.DataFrame] = {}
    artists: dict[Year, pd.DataFrame] = {}
    for year in years:
        rows = read_year(store, CHART_ENTRIES, year, COLUMNS_READ)
        songs[year], artists[year] = _song_names(rows), _artist_names(rows)
    names = pd.concat([pd.DataFrame(columns=NAME_COLUMNS), *songs.values()])
    identity = song_identity(names, aliases)
    store.write(IDENTITY_KEY, encode(checked(SONG_IDENTITY, identity)))
    by_ref = identity.set_index("song_ref", drop=False)
    found = {year: by_ref.loc[sorted(set(names["song_ref"].dropna()))] for year, names in songs.items()}
    newest = _newest_names(artists)
    return Identity(
        songs=identity["song_key"].nunique(),
        unknown_aliases=_unknown(aliases, names),
        keys={year: _digest(rows[["song_ref", "song_key"]]) for year, rows in found.items()},
        facts={
            year: _digest(rows) + _digest(newest[year[0]].loc[sorted(set(artists[year]["artist_key"]))])
            for year, rows in found.items()
        },
    )


def _song_names(rows: pa.Table) -> pd.DataFrame:
    """The distinct ways in which rows name their songs."""
    names: pd.DataFrame = rows.group_by(NAME_COLUMNS).aggregate([]).to_pandas(date_as_object=True)
    return names


def _artist_names(rows: pa.Table) -> pd.DataFrame:
    """The names that rows give their artists, each with the last day that does."""
    keys, names = (pc.list_flatten(rows[column].combine_chunks()) for column in ("artist_keys", "artist_names"))
    days = rows["snapshot_date"].combine_chunks().take(pc.list_parent_indices(rows["artist_keys"].combine_chunks()))
    flat = pa.table({"artist_key": keys, "artist_name": names, "day": days})
    named: pd.DataFrame = flat.group_by(["artist_key", "artist_name"]).aggregate([("day", "max")]).to_pandas()
    return named


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


def _aliases(store: ObjectStore) -> list[tuple[str, str]]:
    """Pairs of songs that somebody merged by hand; none without a file."""
    data = read_if_present(store, ALIASES_KEY)
    if data is None:
        return []
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused("it is not a CSV file in UTF-8", str(error)) from error
    if not rows or rows[0] != ALIAS_COLUMNS:
        raise _refused("its first line is not the header", f"the header is {','.join(ALIAS_COLUMNS)}")
    pairs = []
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(ALIAS_COLUMNS) or not all(cells):
            raise _refused(f"row {number} is {row}", "each row names two songs by id, ISRC or key")
        pairs.append((cells[0], cells[1]))
    return pairs


def _unknown(aliases: Iterable[tuple[str, str]], names: pd.DataFrame) -> tuple[str, ...]:
    """Those names of aliases that are neither id nor ISRC nor key of a song."""
    known = set(names["song_ref"]) | set(names["song_id"]) | set(names["isrc"])
    return tuple(sorted({name for pair in aliases for name in pair} - known))


def _refused(what: str, why: str) -> StorageError:
    return StorageError(
        f"{ALIASES_KEY} in the lake cannot be used: {what}.",
        why=why,
        remedy=f"write it as CSV with the columns {' and '.join(ALIAS_COLUMNS)}, or remove it",
    )

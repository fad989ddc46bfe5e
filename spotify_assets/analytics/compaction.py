"""The compacted history: daily files joined into one file a year, because a thousand small files cost a thousand reads.

A year is rewritten when one of its days is new, was made again or is gone, or when the edition that runs into it from
the year before is another; of its other days the rows are kept. Which days and which edition a year was made of stands
beside it, in a file whose name begins with `_`, which Athena and Glue pass over. A year of which something is damaged
or lost is made anew from all its days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spotify_assets.errors import NotStored
from spotify_assets.schemas import TABLES, Table
from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES, COMPACTED
from spotify_assets.storage.daily_files import DailyFiles, complete_days, incomplete_days, stored_digest
from spotify_assets.storage.layout import (
    Year,
    parse_year_key,
    parse_year_state_key,
    table_prefix,
    year_key,
    year_state_key,
)
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore, read_all
from spotify_assets.storage.parquet import MADE_OF, PUBLISH_AGAIN, checked, decode, encode, read_partitions
from spotify_assets.storage.records import decode_record, encode_record
from spotify_assets.transforms.chart_days import Edition, chart_days, newest_edition, with_editions
from spotify_assets.transforms.chart_entries import chart_entries

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = hashlib.sha256(repr(list(COMPACTED.values())).encode()).hexdigest()
"""Changes with the columns, so that a new version of this package makes all years anew."""


@dataclass(frozen=True)
class _State:
    """What a year was made of, as a digest for each of its days; and the digest of each file that was made.

    Attributes:
        before: the edition of the stored day before the year.
        last: the edition of its last stored day, or `before` if it has none.
    """

    days: Mapping[str, str]
    files: Mapping[str, str]
    before: Edition | None = None
    last: Edition | None = None

    @property
    def digest(self) -> str:
        """Changes with the content of the year."""
        return hashlib.sha256(" ".join(self.files.values()).encode()).hexdigest()


NEVER_MADE = _State({}, {})
TWO_MAKES = "its tables are not of one make"


@dataclass(frozen=True)
class Compaction:
    """What a compaction did and found.

    Attributes:
        years: a digest of the content of each year.
        changed: days that were new or made again, and days that are gone, by year.
        left_out: by playlist, the days that wait until they are made again, and why.
        damaged: files of years that were damaged or gone, and were made anew.
        stored: a digest of the complete days that it is made of, and of where they are.
        files: a digest of each file.
    """

    years: Mapping[Year, str]
    changed: Mapping[Year, tuple[date, ...]]
    left_out: Mapping[str, Mapping[date, str]]
    damaged: tuple[str, ...] = ()
    stored: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def compact(store: ObjectStore, daily: DailyFiles) -> Compaction:
    """Bring the compacted history up to date with the daily tables of the lake.

    Raises:
        Damaged: a daily file is not what was written; it names what mends it.
        StorageError: a file cannot be read or written; each year is the old or the new one.
    """
    made_from = _days(daily)
    left_out: dict[str, dict[date, str]] = {}
    for day, lacking in incomplete_days(daily).items():
        left_out.setdefault(day.playlist, {})[day.day] = f"no {', '.join(lacking)}"
    states = _states(store)
    damaged = _damaged_years(store, states)
    years: dict[Year, str] = {}
    changed: dict[Year, tuple[date, ...]] = {}
    files: dict[str, str] = {}
    last: dict[str, Edition | None] = {}
    for year in sorted({*made_from, *states}):
        state, days = states.get(year, NEVER_MADE), made_from.get(year, {})
        keep = bool(state.files) and not damaged.get(year)
        news = _news(days, state, keep=keep)
        frames = _read(store, year.playlist, [date.fromisoformat(day) for day in news if day in days])
        mixed = _days_of_two_makes(frames)
        if mixed:
            left_out.setdefault(year.playlist, {}).update(dict.fromkeys(mixed, TWO_MAKES))
            days = {day: made for day, made in days.items() if date.fromisoformat(day) not in mixed}
            news = _news(days, state, keep=keep)
        before = last.get(year.playlist)
        if news or not keep or (days and state.before != before):
            changed[year] = tuple(map(date.fromisoformat, news))
            fresh = {name: frame[~frame["snapshot_date"].isin(mixed)] for name, frame in frames.items()}
            state = _rewrite(store, year, days, changed[year], before, fresh, keep=keep)
        if state.days:
            years[year] = state.digest
            files |= {year_key(table, *year): digest for table, digest in state.files.items()}
            last[year.playlist] = state.last
    remade = tuple(key for keys in damaged.values() for key in keys)
    return Compaction(years, changed, left_out, remade, stored_digest(store, daily), files)


def _news(days: Mapping[str, str], state: _State, *, keep: bool) -> list[str]:
    """The days that are new, were made again or are gone; all of them where nothing of the year can be kept."""
    return sorted(day for day in {*days, *state.days} if not keep or days.get(day) != state.days.get(day))


def _days_of_two_makes(frames: Mapping[str, pd.DataFrame]) -> set[date]:
    """The days whose tables were not made by one step of the same snapshot: a run was killed while it wrote them."""
    makes = [frame.attrs[MADE_OF] for frame in frames.values()]
    return {day for day in makes[0] if len({of_table[day] for of_table in makes}) > 1}


def _days(daily: DailyFiles) -> dict[Year, dict[str, str]]:
    """A digest of what each complete day consists of, by year."""
    made_from: dict[Year, dict[str, str]] = {}
    for partition in sorted(complete_days(daily)):
        versions = " ".join(files[partition] for files in daily.values())
        year = Year(partition.playlist, partition.day.year)
        made_from.setdefault(year, {})[str(partition.day)] = _digest(versions.encode())[:32]
    return made_from


def _states(store: ObjectStore) -> dict[Year, _State]:
    """What each year was made of; also years of which only a part is left, of which nothing is known."""
    keys = [key for table in COMPACTED for key in store.list_keys(table_prefix(table))]
    states = {year: NEVER_MADE for key in keys if (year := parse_year_key(key))}
    recorded = {key: year for key in keys if (year := parse_year_state_key(key))}
    for year, data in zip(recorded.values(), read_all(store, recorded), strict=True):
        states[year] = _recorded(data)
    return states


def _recorded(data: bytes) -> _State:
    """What a state file records. A damaged one counts as none: the year can be made anew."""
    try:
        recorded = decode_record(data)
        days = {str(date.fromisoformat(day)): str(made_from) for day, made_from in recorded["days"].items()}
        files = {table: str(recorded["files"][table]) for table in COMPACTED}
        before, last = (_edition(recorded[name]) for name in ("before", "last"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return NEVER_MADE
    return _State(days, files if recorded["schema"] == SCHEMA else {}, before, last)


def recorded_years(store: ObjectStore) -> dict[Year, Mapping[str, str]]:
    """The stored years, with the digest of the file of each table; without any where the record beside is damaged.

    Raises:
        StorageError: they cannot be listed or read.
    """
    return {year: state.files for year, state in _states(store).items()}


def damaged_compacted(store: ObjectStore) -> list[str]:
    """The files of the compacted history that are not what was written there, or are gone.

    Raises:
        StorageError: one cannot be read.
    """
    return [key for keys in _damaged_years(store, _states(store)).values() for key in keys]


def _damaged_years(store: ObjectStore, states: Mapping[Year, _State]) -> dict[Year, list[str]]:
    """The files of each year that are not what was written there, or are gone."""

    def damaged(year: Year) -> list[str]:
        state = states[year]
        if not state.days:
            return [year_state_key(CHART_ENTRIES.name, *year)]
        return [key for table, made in state.files.items() if _is_damaged(store, key := year_key(table, *year), made)]

    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return {year: keys for year, keys in zip(states, pool.map(damaged, states), strict=True) if keys}


def _is_damaged(store: ObjectStore, key: str, digest: str) -> bool:
    try:
        return _digest(store.read(key)) != digest
    except NotStored:
        return True


def _edition(recorded: Sequence[str] | None) -> Edition | None:
    return Edition(recorded[0], date.fromisoformat(recorded[1])) if recorded else None


def _rewrite(
    store: ObjectStore,
    year: Year,
    days: Mapping[str, str],
    news: Sequence[date],
    before: Edition | None,
    frames: Mapping[str, pd.DataFrame],
    *,
    keep: bool,
) -> _State:
    """Write a year's files with what its news days have now, and then what it was made of."""
    state_key = year_state_key(CHART_ENTRIES.name, *year)
    if not days:
        for key in (state_key, *(year_key(table, *year) for table in COMPACTED)):
            store.delete(key)
        return NEVER_MADE
    made = {CHART_DAYS.name: chart_days(frames), CHART_ENTRIES.name: chart_entries(frames)}
    fresh = {name: checked(COMPACTED[name], frame) for name, frame in made.items()}
    kept = {name: [_without(read_year(store, table, year), news)] if keep else [] for name, table in COMPACTED.items()}
    rows = {name: pa.concat_tables([fresh[name], *kept[name]]) for name in COMPACTED}
    stored_days = with_editions(rows[CHART_DAYS.name].to_pandas(date_as_object=True), before)
    rows[CHART_DAYS.name] = checked(CHART_DAYS, stored_days)
    files = {}
    for name, table in COMPACTED.items():
        data = encode(rows[name].sort_by([(column, "ascending") for column in table.key]))
        store.write(year_key(name, *year), data)
        files[name] = _digest(data)
    state = _State(days, files, before, newest_edition(stored_days) or before)
    recorded = {"schema": SCHEMA, "files": files, "days": days, "before": before, "last": state.last}
    store.write(state_key, encode_record(recorded))
    return state


def read_year(
    store: ObjectStore, table: Table, year: Year, columns: Sequence[str] | None = None, repeated: Sequence[str] = ()
) -> pa.Table:
    """The rows of a year of the compacted history, with all columns or some, and some of these as dictionaries.

    That it has its digest was seen before, or it was written just now.

    Raises:
        StorageError: its file is damaged, or cannot be read.
    """
    key = year_key(table.name, *year)
    uri = store.uri(key)
    return decode(store.read(key), uri, columns=columns, repeated=repeated, remedy=PUBLISH_AGAIN, most_bytes=None)


def read_days(store: ObjectStore, years: Iterable[Year]) -> dict[str, pd.DataFrame]:
    """The rows of `chart_days` of these years, by playlist and in order.

    Raises:
        StorageError: a file is damaged, or cannot be read.
    """
    rows: dict[str, list[pa.Table]] = {}
    for year in sorted(years):
        rows.setdefault(year.playlist, []).append(read_year(store, CHART_DAYS, year))
    return {playlist: pa.concat_tables(of).to_pandas(date_as_object=True) for playlist, of in rows.items()}


def _read(store: ObjectStore, playlist: str, days: Sequence[date]) -> dict[str, pd.DataFrame]:
    """All tables of these days."""
    return {table: read_partitions(store, TABLES[table], playlist, days) for table in TABLES}


def _without(rows: pa.Table, days: Sequence[date]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["snapshot_date"], pa.array(days, pa.date32()))))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

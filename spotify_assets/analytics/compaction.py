"""The compacted history: daily files joined into one file a year, because a thousand small files cost a thousand reads.

A year is rewritten when one of its days is new, was made again or is gone, or when the edition that runs into it from
the year before is another; of its other days the rows are kept. Which days and which edition a year was made of stands
beside it, in a file whose name begins with `_`, which Athena and Glue pass over. A year of which something is damaged
is made anew from all its days.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES, Table
from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES, COMPACTED
from spotify_assets.storage.layout import Year, parse_partition_key, parse_year_state_key, year_key, year_state_key
from spotify_assets.storage.object_store import ObjectStore, read_all
from spotify_assets.storage.parquet import PUBLISH_AGAIN, checked, decode, encode, read_partitions
from spotify_assets.transforms.chart_days import Edition, chart_days, newest_edition, with_editions
from spotify_assets.transforms.chart_entries import chart_entries

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = hashlib.sha256(repr(list(COMPACTED.values())).encode()).hexdigest()
"""Changes with the columns, so that a new version of this package makes all years anew."""


@dataclass(frozen=True)
class _State:
    """What a year was made of: when each of its days was last written; and a digest of what was made.

    Attributes:
        before: the edition of the stored day before the year.
        last: the edition of its last stored day, or `before` if it has none.
    """

    days: Mapping[str, str]
    sha256: str
    is_current: bool
    before: Edition | None = None
    last: Edition | None = None


NEVER_MADE = _State({}, "", is_current=False)


@dataclass(frozen=True)
class Compaction:
    """What a compaction did and found.

    Attributes:
        years: a digest of the content of each year.
        changed: days that were new or made again, and days that are gone, by year.
        incomplete: days of which a table is missing; they are left out.
    """

    years: Mapping[Year, str]
    changed: Mapping[Year, tuple[date, ...]]
    incomplete: Mapping[str, tuple[date, ...]]


def compact(store: ObjectStore) -> Compaction:
    """Bring the compacted history up to date with the daily tables of the lake.

    Raises:
        StorageError: a daily file is damaged, or a file cannot be read or written; each year is the old or the new one.
    """
    written, incomplete = _daily_files(store)
    states = _states(store)
    years: dict[Year, str] = {}
    changed: dict[Year, tuple[date, ...]] = {}
    last: dict[str, Edition | None] = {}
    for year in sorted({*written, *states}):
        state, days = states.get(year, NEVER_MADE), written.get(year, {})
        news = sorted(day for day in {*days, *state.days} if days.get(day) != state.days.get(day))
        before = last.get(year.playlist)
        if news or not state.is_current or (days and state.before != before):
            changed[year] = tuple(map(date.fromisoformat, news))
            state = _rewrite(store, year, days, changed[year], before, keep=state.is_current)
        if state.days:
            years[year] = state.sha256
            last[year.playlist] = state.last
    return Compaction(years, changed, incomplete)


def _daily_files(store: ObjectStore) -> tuple[dict[Year, dict[str, str]], dict[str, tuple[date, ...]]]:
    """When each complete day was last written, by year; and the days of which a table is missing."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for table in TABLES:
        for stored in store.list_objects(f"{table}/"):
            partition = parse_partition_key(stored.key)
            if partition:
                found.setdefault((partition.playlist, str(partition.day)), {})[table] = stored.modified.isoformat()
    written: dict[Year, dict[str, str]] = {}
    incomplete: dict[str, tuple[date, ...]] = {}
    for (playlist, day), times in sorted(found.items()):
        if len(times) == len(TABLES):
            written.setdefault(Year(playlist, int(day[:4])), {})[day] = max(times.values())
        else:
            incomplete[playlist] = (*incomplete.get(playlist, ()), date.fromisoformat(day))
    return written, incomplete


def _states(store: ObjectStore) -> dict[Year, _State]:
    """What each year was made of."""
    keys = [key for table in COMPACTED for key in store.list_keys(f"{table}/")]
    parsed = {key: parse_year_state_key(key) for key in keys}
    years = {key: year for key, year in parsed.items() if year}
    states = {}
    for year, data in zip(years.values(), read_all(store, years), strict=True):
        recorded = _recorded(data)
        whole = all(year_key(table, *year) in keys for table in COMPACTED)
        if whole and recorded.is_current:
            states[year] = recorded
        else:
            states[year] = _State(dict.fromkeys(recorded.days, ""), "", is_current=False)
    return states


def _recorded(data: bytes) -> _State:
    """What a state file says. A damaged one counts as none: the year can be made anew."""
    try:
        recorded = json.loads(data)
        days = {str(date.fromisoformat(day)): str(written) for day, written in recorded["days"].items()}
        before, last = (_edition(recorded[name]) for name in ("before", "last"))
        return _State(days, str(recorded["sha256"]), recorded["schema"] == SCHEMA, before, last)
    except (AttributeError, KeyError, TypeError, ValueError):
        return NEVER_MADE


def _edition(recorded: Sequence[str] | None) -> Edition | None:
    return Edition(recorded[0], date.fromisoformat(recorded[1])) if recorded else None


def _rewrite(
    store: ObjectStore,
    year: Year,
    days: Mapping[str, str],
    news: Sequence[date],
    before: Edition | None,
    *,
    keep: bool,
) -> _State:
    """Write a year's files with what its news days have now, and then what it was made of."""
    state_key = year_state_key(CHART_ENTRIES.name, *year)
    if not days:
        for key in (state_key, *(year_key(table, *year) for table in COMPACTED)):
            store.delete(key)
        return NEVER_MADE
    kept = _kept_rows(store, year, news) if keep else None
    wanted = map(date.fromisoformat, days) if kept is None else (day for day in news if str(day) in days)
    fresh = _fresh_rows(store, year[0], sorted(wanted))
    rows = {name: pa.concat_tables([fresh[name], *([kept[name]] if kept else [])]) for name in COMPACTED}
    stored_days = with_editions(rows[CHART_DAYS.name].to_pandas(date_as_object=True), before)
    rows[CHART_DAYS.name] = checked(CHART_DAYS, stored_days)
    digest = hashlib.sha256()
    for name, table in COMPACTED.items():
        data = encode(rows[name].sort_by([(column, "ascending") for column in table.key]))
        store.write(year_key(table.name, *year), data)
        digest.update(data)
    state = _State(days, digest.hexdigest(), is_current=True, before=before, last=newest_edition(stored_days) or before)
    recorded = {"schema": SCHEMA, "sha256": state.sha256, "days": state.days, "before": before, "last": state.last}
    store.write(state_key, json.dumps(recorded, indent=1, sort_keys=True, default=str).encode())
    return state


def read_year(
    store: ObjectStore, table: Table, year: Year, columns: Sequence[str] | None = None, repeated: Sequence[str] = ()
) -> pa.Table:
    """The rows of a year of the compacted history, with all columns or some, and some of these as dictionaries.

    Raises:
        StorageError: its file is damaged, or cannot be read.
    """
    key = year_key(table.name, *year)
    return decode(store.read(key), store.uri(key), columns=columns, repeated=repeated, remedy=PUBLISH_AGAIN)


def read_days(store: ObjectStore, years: Iterable[Year]) -> dict[str, pd.DataFrame]:
    """The rows of `chart_days` of these years, by playlist and in order.

    Raises:
        StorageError: a file is damaged, or cannot be read.
    """
    rows: dict[str, list[pa.Table]] = {}
    for year in sorted(years):
        rows.setdefault(year.playlist, []).append(read_year(store, CHART_DAYS, year))
    return {playlist: pa.concat_tables(of).to_pandas(date_as_object=True) for playlist, of in rows.items()}


def _kept_rows(store: ObjectStore, year: Year, news: Sequence[date]) -> dict[str, pa.Table] | None:
    """The rows of a year's other days; None if a file is damaged, so that nothing of the year can be kept."""
    try:
        return {name: _without(read_year(store, table, year), news) for name, table in COMPACTED.items()}
    except StorageError:
        return None


def _fresh_rows(store: ObjectStore, playlist: str, days: Sequence[date]) -> dict[str, pa.Table]:
    frames = {table: read_partitions(store, TABLES[table], playlist, days) for table in TABLES}
    made = {CHART_DAYS.name: chart_days(frames), CHART_ENTRIES.name: chart_entries(frames)}
    return {name: checked(COMPACTED[name], frame) for name, frame in made.items()}


def _without(rows: pa.Table, days: Sequence[date]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["snapshot_date"], pa.array(days, pa.date32()))))

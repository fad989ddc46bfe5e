"""Releases: which run of each analysis people see, and making the next one.

A release is one object, `analytics/release.json`; putting it in place, and pointing the catalog to it, is what makes a
run visible; until then it stands in `analytics/prepared.json`. Every table of a release is whole in its run's folder.
What its inputs show to be the same as before is not computed again but copied there, so a new day costs the playlists
(and of song_history the years) that it belongs to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spotify_assets.analytics.compaction import Compaction
from spotify_assets.analytics.engine import Engine
from spotify_assets.analytics.identity import Identity
from spotify_assets.analytics.statements import ALL_YEARS, Part, statements
from spotify_assets.errors import StorageError
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.storage.layout import ANALYTICS_PREFIX, RELEASE_KEY, Year, parse_run
from spotify_assets.storage.object_store import ObjectStore, read_if_present

RUNS_KEPT = 3
"""Runs whose files stay: the released one and those before it, which somebody may still be reading."""


@dataclass(frozen=True)
class StoredPart:
    """A part of a released analysis: its files, and what they were made from as a digest."""

    fingerprint: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """One run of all analyses.

    Attributes:
        run: its name; nothing was released yet if it is empty.
        tables: the parts of each analysis.
        made: the parts that this run computed; all others are as in the release before.
        failed_days: by playlist, days in it whose tables failed a check of severity ERROR.
    """

    run: str
    tables: Mapping[str, Mapping[Part, StoredPart]]
    made: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    failed_days: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def playlists(self) -> set[str]:
        """Slugs of the playlists that it has rows of."""
        return {part.playlist for parts in self.tables.values() for part in parts}

    def keys(self, table: str) -> list[str]:
        """The files of a table."""
        return sorted(key for stored in self.tables.get(table, {}).values() for key in stored.keys)


VERSION = hashlib.sha256("\n".join(repr(statement) for statement in statements()).encode()).hexdigest()
"""Changes with any statement or schema, so that a new version of this package makes everything anew."""

NO_RELEASE = Release("", {})


def make_release(store: ObjectStore, engine: Engine, run: str, compaction: Compaction, identity: Identity) -> Release:
    """Make what has changed since the last release, and bring the rest along; nothing is visible yet.

    Returns:
        The release to be; the last one, if nothing has changed.

    Raises:
        EngineError: a statement could not be run.
        StorageError: a file could not be read or written.
    """
    last = _without_lost_parts(store, read_release(store))
    wanted = fingerprints(compaction, identity)
    if wanted == {name: {part: kept.fingerprint for part, kept in of.items()} for name, of in last.tables.items()}:
        return last
    tables: dict[str, dict[Part, StoredPart]] = {}
    made: dict[str, tuple[Part, ...]] = {}
    for statement in statements():
        name = statement.table.name
        before = last.tables.get(name, {})
        same = {part for part, digest in wanted[name].items() if part in before and before[part].fingerprint == digest}
        made[name] = tuple(sorted(wanted[name].keys() - same))
        files: dict[Part, Sequence[str]] = dict(engine.write(statement, made[name], run)) if made[name] else {}
        files |= {part: _bring_along(store, before[part], last.run, run) for part in sorted(same)}
        engine.ready(statement.table, files, run)
        tables[name] = {
            part: StoredPart(digest, tuple(files.get(part, ()))) for part, digest in sorted(wanted[name].items())
        }
    return Release(run, tables, made)


def read_release(store: ObjectStore, key: str = RELEASE_KEY) -> Release:
    """The release that people see, or the one that is prepared.

    Raises:
        StorageError: it cannot be read, or is damaged.
    """
    data = read_if_present(store, key)
    if data is None:
        return NO_RELEASE
    try:
        recorded = json.loads(data)
        tables = {name: _parts(parts) for name, parts in recorded["tables"].items()}
        return Release(recorded["run"], tables, failed_days=recorded.get("failed_days", {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{store.uri(key)} is damaged.",
            why=f"it does not say which files the analyses consist of ({type(error).__name__}: {error})",
            remedy="remove this file, and run publish_job: it makes all analyses anew",
        ) from error


def _parts(recorded: Sequence[Mapping[str, Any]]) -> dict[Part, StoredPart]:
    """The parts of an analysis, as a release has them recorded."""
    return {
        Part(part["playlist"], part["year"]): StoredPart(part["fingerprint"], tuple(part["keys"])) for part in recorded
    }


def write_release(store: ObjectStore, release: Release, key: str) -> None:
    """Put a release down as the prepared one, or as the one that people see.

    Raises:
        StorageError: it could not be written; the one before still stands.
    """
    tables = {
        name: [
            {"playlist": part.playlist, "year": part.year, "fingerprint": stored.fingerprint, "keys": stored.keys}
            for part, stored in parts.items()
        ]
        for name, parts in release.tables.items()
    }
    recorded = {"run": release.run, "failed_days": release.failed_days, "tables": tables}
    store.write(key, json.dumps(recorded, indent=1).encode())


def history_keys(store: ObjectStore, release: Release) -> dict[str, list[str]]:
    """The objects of the compacted history, of identity and of a release, by table, as far as they are there."""
    compacted = {name: [key for key in store.list_keys(f"{name}/") if key.endswith(".parquet")] for name in COMPACTED}
    identity = {name: store.list_keys(f"{name}/") for name in IDENTITY}
    there = _without_lost_parts(store, release)
    return compacted | identity | {name: there.keys(name) for name in there.tables}


def _without_lost_parts(store: ObjectStore, release: Release) -> Release:
    """A release without the parts of which a file is gone."""
    there = set(store.list_keys(ANALYTICS_PREFIX))
    tables = {
        name: {part: stored for part, stored in parts.items() if there.issuperset(stored.keys)}
        for name, parts in release.tables.items()
    }
    return replace(release, tables=tables)


def remove_old_runs(store: ObjectStore, release: Release) -> list[str]:
    """Remove the files of all runs but the released one and those just before it; the names of the removed runs.

    Raises:
        StorageError: a file could not be removed.
    """
    runs: dict[str, list[str]] = {}
    for key in store.list_keys(ANALYTICS_PREFIX):
        run = parse_run(key)
        if run:
            runs.setdefault(run, []).append(key)
    old = [run for run in sorted(runs) if run < release.run][: -(RUNS_KEPT - 1)]
    for key in (key for run in old for key in runs[run]):
        store.delete(key)
    return old


def fingerprints(compaction: Compaction, identity: Identity) -> dict[str, dict[Part, str]]:
    """What each part of each analysis is made from, as digests: the same digest, the same rows.

    A year is made from the years of its playlist up to it; all else from all years of its playlist. And from what songs
    and artists are taken for: of song_history only from which rows are which song.
    """
    histories: dict[str, list[int]] = {}
    for playlist, year in sorted(compaction.years):
        histories.setdefault(playlist, []).append(year)
    found: dict[str, dict[Part, str]] = {}
    for statement in statements():
        facts = identity.facts if statement.by_period or statement.year_of_part is None else identity.keys
        found[statement.table.name] = {
            part: _digest(VERSION, *_base(compaction, facts, playlist, _years_before(part, years)))
            for playlist, years in histories.items()
            for part in statement.parts(playlist, years)
        }
    return found


def _years_before(part: Part, years: Sequence[int]) -> list[int]:
    """The years of a playlist that a part is made from."""
    return [year for year in years if part.year in (None, ALL_YEARS) or year <= part.year]


def _base(compaction: Compaction, facts: Mapping[Year, str], playlist: str, years: Sequence[int]) -> Iterator[str]:
    for year in years:
        yield f"{year} {compaction.years[Year(playlist, year)]} {facts[Year(playlist, year)]}"


def _bring_along(store: ObjectStore, before: StoredPart, last_run: str, run: str) -> tuple[str, ...]:
    keys = tuple(key.replace(f"/run={last_run}/", f"/run={run}/") for key in before.keys)
    for source, target in zip(before.keys, keys, strict=True):
        store.copy(source, target)
    return keys


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

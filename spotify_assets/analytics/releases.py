"""Releases: which run of each analysis people see, and making the next one.

A release is one object, `analytics/release.json`; putting it in place, and pointing the catalog to it, is what makes a
run visible; until then it stands in `analytics/prepared.json`. Every table of a release is whole in its run's folder.
What its inputs show to be the same as before is not computed again but copied there, so a new day costs the playlists
(and of song_history the years) that it belongs to. What is brought along is read once and compared with the digest
that the release has of it: what is damaged or gone is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from spotify_assets.analytics.compaction import Compaction
from spotify_assets.analytics.engine import Engine
from spotify_assets.analytics.identity import Identity
from spotify_assets.analytics.statements import ALL_YEARS, Part, statements
from spotify_assets.errors import Damaged, NotStored
from spotify_assets.storage.layout import RELEASE_KEY, Year, parse_run, run_prefix
from spotify_assets.storage.object_store import PARALLEL_REQUESTS, ObjectStore, read_if_present
from spotify_assets.storage.records import decode_record, encode_record
from spotify_assets.storage.written import missing_written

RUNS_KEPT = 3
"""Runs whose files stay: the released one and those before it, which somebody may still be reading."""


@dataclass(frozen=True)
class StoredPart:
    """A part of a released analysis.

    Attributes:
        fingerprint: what it was made from, as a digest.
        files: its files, with a digest of the bytes of each.
    """

    fingerprint: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Release:
    """One run of all analyses.

    Attributes:
        run: its name; nothing was released yet if it is empty.
        tables: the parts of each analysis.
        made: the parts that this run computed; all others are as in the release before.
        damaged: files of the release before that were damaged or gone, for which others were made.
        failed_days: by playlist, days in it whose tables failed a check of severity ERROR.
        left_out: by playlist, days that it waits for, and why: a table is missing, or they are not of one make.
        stored: a digest of the days of the lake that it is made of, and of where they are.
        history: a digest of each file of the history and of identity that it is made of.
    """

    run: str
    tables: Mapping[str, Mapping[Part, StoredPart]]
    made: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    failed_days: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stored: str = ""
    history: Mapping[str, str] = field(default_factory=dict)

    @property
    def playlists(self) -> set[str]:
        """Slugs of the playlists that it has rows of."""
        return {part.playlist for parts in self.tables.values() for part in parts}

    def left_out_days(self) -> str:
        """The days that it waits for and why, for a person; empty where there are none."""
        return "; ".join(f"{slug} {day}: {why}" for slug, days in self.left_out.items() for day, why in days.items())

    def digests(self) -> dict[str, str]:
        """A digest of the bytes of each file, as far as one is recorded."""
        parts = [part for of_table in self.tables.values() for part in of_table.values()]
        return {key: digest for part in parts for key, digest in part.files.items() if digest}

    def keys(self, table: str) -> list[str]:
        """The files of a table."""
        return sorted(key for stored in self.tables.get(table, {}).values() for key in stored.files)


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
    wanted = fingerprints(compaction, identity)
    history = {**compaction.files, **identity.files}
    last, damaged = _intact(store, wanted)
    if wanted == {name: {part: kept.fingerprint for part, kept in of.items()} for name, of in last.tables.items()}:
        return replace(last, stored=compaction.stored, history=history)
    tables: dict[str, dict[Part, StoredPart]] = {}
    made: dict[str, tuple[Part, ...]] = {}
    for statement in statements():
        name = statement.table.name
        before = last.tables.get(name, {})
        same = {part for part, digest in wanted[name].items() if part in before and before[part].fingerprint == digest}
        made[name] = tuple(sorted(wanted[name].keys() - same))
        files: dict[Part, Mapping[str, str]] = dict(engine.write(statement, made[name], run)) if made[name] else {}
        files |= {
            part: _bring_along(store, before[part], run_prefix(name, last.run), run_prefix(name, run))
            for part in sorted(same)
        }
        engine.ready(statement.table, {part: list(of_part) for part, of_part in files.items()}, run)
        tables[name] = {part: StoredPart(digest, files.get(part, {})) for part, digest in sorted(wanted[name].items())}
    return Release(run, tables, made, damaged, stored=compaction.stored, history=history)


def _intact(store: ObjectStore, wanted: Mapping[str, Mapping[Part, str]]) -> tuple[Release, tuple[str, ...]]:
    """The last release with what can be brought along of it, and the files that are damaged or gone."""
    try:
        last = read_release(store)
    except Damaged:
        return NO_RELEASE, (RELEASE_KEY,)
    same = {
        key: digest
        for name, parts in last.tables.items()
        for part, stored in parts.items()
        if wanted.get(name, {}).get(part) == stored.fingerprint
        for key, digest in stored.files.items()
    }
    damaged = damaged_files(store, same)
    tables = {
        name: {part: stored for part, stored in parts.items() if not damaged.intersection(stored.files)}
        for name, parts in last.tables.items()
    }
    return replace(last, tables=tables), tuple(sorted(damaged))


def damaged_files(store: ObjectStore, digests: Mapping[str, str]) -> set[str]:
    """Those of some files that are gone, or that do not have their digest.

    Raises:
        StorageError: one cannot be read.
    """

    def is_damaged(key: str) -> bool:
        try:
            return hashlib.sha256(store.read(key)).hexdigest() != digests[key]
        except NotStored:
            return True

    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return {key for key, damaged in zip(digests, pool.map(is_damaged, digests), strict=True) if damaged}


def read_release(store: ObjectStore, key: str = RELEASE_KEY) -> Release:
    """The release that people see, or the one that is prepared.

    Raises:
        Damaged: it does not record a release.
        StorageError: it cannot be read.
    """
    data = read_if_present(store, key)
    if data is None:
        return NO_RELEASE
    try:
        recorded = decode_record(data)
        tables = {name: _parts(parts) for name, parts in recorded["tables"].items()}
        return Release(
            recorded["run"],
            tables,
            failed_days=recorded.get("failed_days", {}),
            left_out=recorded.get("left_out", {}),
            stored=recorded.get("stored", ""),
            history=recorded.get("history", {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Damaged(
            f"{store.uri(key)} is damaged.",
            why=f"it does not record which files the analyses consist of ({type(error).__name__}: {error})",
            remedy="run publish_job: it makes all analyses again",
        ) from error


def is_released(store: ObjectStore, stored: str) -> bool:
    """Whether the release that people see is made of the days with this digest, and all is there that comes after it.

    Raises:
        StorageError: the release cannot be read.
    """
    try:
        return read_release(store).stored == stored and not (stored and missing_written(store))
    except Damaged:
        return False


def _parts(recorded: Sequence[Mapping[str, Any]]) -> dict[Part, StoredPart]:
    """The parts of an analysis, as a release has them recorded."""
    return {
        Part(part["playlist"], part["year"]): StoredPart(
            # Releases of an older version have no digests, so that nothing of them is brought along.
            part["fingerprint"],
            dict(zip(part["keys"], part.get("sha256", [""] * len(part["keys"])), strict=True)),
        )
        for part in recorded
    }


def write_release(store: ObjectStore, release: Release, key: str) -> None:
    """Put a release down as the prepared one, or as the one that people see.

    Raises:
        StorageError: it could not be written; the one before still stands.
    """
    tables = {
        name: [
            {
                "playlist": part.playlist,
                "year": part.year,
                "fingerprint": stored.fingerprint,
                "keys": list(stored.files),
                "sha256": list(stored.files.values()),
            }
            for part, stored in parts.items()
        ]
        for name, parts in release.tables.items()
    }
    recorded = {
        "run": release.run,
        "stored": release.stored,
        "history": release.history,
        "failed_days": release.failed_days,
        "left_out": release.left_out,
        "tables": tables,
    }
    store.write(key, encode_record(recorded))


def old_keys(release: Release, keys: Sequence[str]) -> dict[str, list[str]]:
    """Of the files of all runs, by run, those that are neither of the released one nor of those just before it."""
    runs: dict[str, list[str]] = {}
    for key in keys:
        run = parse_run(key)
        if run:
            runs.setdefault(run, []).append(key)
    old = [run for run in sorted(runs) if run < release.run][: -(RUNS_KEPT - 1)]
    return {run: runs[run] for run in old}


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


def _bring_along(store: ObjectStore, before: StoredPart, source: str, target: str) -> dict[str, str]:
    targets = {key: target + key.removeprefix(source) for key in before.files}
    for old, new in targets.items():
        store.copy(old, new)
    return {targets[key]: digest for key, digest in before.files.items()}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

"""song_aliases.csv in the lake: what somebody decided by hand about which songs are one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from spotify_assets.analytics.spreadsheet_cells import unguarded
from spotify_assets.errors import StorageError
from spotify_assets.storage.layout import ALIASES_KEY
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.transforms.song_identity import Aliases

SONG, SAME, DIFFERENT, NOTE = COLUMNS = ("song", "same_as", "differs_from", "note")
HEADER = f"{SONG}, then {SAME}, {DIFFERENT} or both, and perhaps {NOTE}"


def read_aliases(store: ObjectStore) -> Aliases:
    """What the file says; nothing without a file.

    Raises:
        StorageError: the file is not as it should be, or says both of one pair.
    """
    data = read_if_present(store, ALIASES_KEY)
    if data is None:
        return Aliases()
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused("it is not a CSV file in UTF-8", str(error)) from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    if SONG not in header or not {SAME, DIFFERENT}.intersection(header) or not _each_once(header):
        raise _refused("its first line is not the header", f"the header is {HEADER}")
    decisions = list(_decisions(header, rows[1:]))
    same = tuple((song, other) for song, column, other in decisions if column == SAME)
    different = tuple((song, other) for song, column, other in decisions if column == DIFFERENT)
    _check_contradictions(same, different)
    return Aliases(same, different)


def _each_once(header: Sequence[str]) -> bool:
    return len(set(header)) == len(header) and set(header) <= set(COLUMNS)


def _decisions(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """Each decision: a song, the column, and the other song."""
    for number, row in enumerate(rows, 2):
        # The query alias_lines, like every CSV of ours, guards texts against spreadsheets.
        cells = [unguarded(cell.strip()) for cell in row]
        if not any(cells):
            continue
        said = dict(zip(header, cells, strict=False))
        decided = [(said[SONG], column, said[column]) for column in (SAME, DIFFERENT) if said.get(column)]
        if len(cells) != len(header) or not said[SONG] or not decided:
            raise _refused(f"row {number} is {row}", "each row names a song and another one, by id, ISRC or key")
        yield from decided


def _check_contradictions(same: Sequence[tuple[str, str]], different: Sequence[tuple[str, str]]) -> None:
    """Refuse a pair that is said to differ although the file makes it one, if only in several steps."""
    neighbours: dict[str, set[str]] = {}
    for name, other in same:
        neighbours.setdefault(name, set()).add(other)
        neighbours.setdefault(other, set()).add(name)
    for name, other in different:
        reached, waiting = {name}, [name]
        while waiting:
            new = neighbours.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        if other in reached:
            raise _refused(f"{name} differs from {other} and is the same", "a song cannot be both")


def _refused(what: str, why: str) -> StorageError:
    return StorageError(
        f"{ALIASES_KEY} in the lake cannot be used: {what}.",
        why=why,
        remedy=f"write it as CSV with the columns {HEADER}, or remove it",
    )

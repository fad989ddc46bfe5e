"""What a cell shows, in the words of the table; and the healing of what is left."""

from __future__ import annotations

from dataclasses import dataclass

from spotify_assets_tests.matrix.lake import Ending, MatrixLake, day_of, differing
from spotify_assets_tests.matrix.table import HEALED, LEFT_OUT, NAMED, OTHER, PASSED, UNHARMED


@dataclass(frozen=True)
class Seen:
    """What was seen: a word of the table, or what must never be; and the particulars, for whoever has to mend it."""

    word: str
    why: str


def observe(lake: MatrixLake, ending: Ending, key: str) -> Seen:
    """Put what an operation did, and what readers have now, into a word."""
    rows = lake.read_rows()
    why = f"exit code {ending.exit_code}; {ending.output[-2000:]}; a reader has {rows if isinstance(rows, str) else ''}"
    # A folder of a day, a year or a part has one file.
    name = key.rpartition("/")[0] if "=" in key else key.rpartition("/")[2]
    readable = isinstance(rows, dict)
    changed = differing(lake.rows, rows) if isinstance(rows, dict) and isinstance(lake.rows, dict) else []
    if isinstance(rows, str) and name not in rows:
        return Seen("a reader is refused without its name", why)
    if ending.exit_code:
        if name not in ending.output:
            return Seen("the file is not named", why)
        if "What to do:" not in ending.output:
            return Seen("no remedy", why)
        return Seen(f"named, but other rows in {changed}", why) if changed else Seen(NAMED, why)
    if changed:
        day = day_of(key)
        if day and str(day) in ending.output:
            return Seen(LEFT_OUT, why)
        return Seen(OTHER, f"{why} {changed}")
    if not readable:
        return Seen(PASSED, why)
    left = _left(lake)
    return Seen(HEALED, why) if not left else Seen(UNHARMED, f"{why} {left}")


def _left(lake: MatrixLake) -> list[str]:
    """What is not as in the undisturbed lake. The catalog's rows, which DuckDB reads, are compared where files are."""
    left = differing(lake.content, lake.read_content())
    return left or (["catalog.duckdb"] if lake.read_catalog() != lake.catalog else [])


def heal(lake: MatrixLake, healer: str, key: str, data: bytes) -> list[str]:
    """Do what the table says that heals; what is not as in the undisturbed lake then."""
    if healer in ("restore", "restore and rebuild", "remove"):
        lake.store.delete(key)
        if healer != "remove":
            lake.store.write(key, data)
        healer = "rebuild" if healer == "restore and rebuild" else "publish"
    if healer != "nothing":
        ending = lake.operate(healer, key)
        if ending.exit_code:
            return [f"`{healer}` ended with {ending.exit_code}: {ending.output[-2000:]}"]
    return _left(lake)

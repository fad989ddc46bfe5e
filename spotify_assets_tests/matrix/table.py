"""The matrix as it is written down in `faults.csv`: what was seen to happen, a row per fault, a column per operation.

Here are its words, and the page that is made of it. What runs its cells is in `test_matrix`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("faults.csv")
OPERATIONS = ("publish", "query", "doctor", "daily", "rebuild", "import", "tick")
CALLS = "Calls to the outside"
"""The section whose cells `test_calls` runs."""
READING = ("query", "doctor", "tick")
"""Operations that leave the lake as it is."""
HEALED = "healed"
NAMED = "named"
UNHARMED = "unharmed"
PASSED = "passed over"
LEFT_OUT = "left out"
NOTED = "noted"
OTHER = "other rows"
WORDS = {
    HEALED: "it ends well (exit code 0), and every file is as if nothing had happened",
    NAMED: "it ends with exit code 1, names the file or whom it called, and what to do; readers have the "
    "analyses of before or are refused with the same words",
    UNHARMED: "it ends well, and readers have the right rows; the damage is still there",
    PASSED: "it ends well without touching the damage; whoever reads what is damaged is refused by name",
    LEFT_OUT: "it ends well and names the day that it leaves out; readers have all others",
    NOTED: "it ends well and says whom it called in vain: in a note of the doctor, as the reason of a tick that "
    "requests nothing, or in the notes of the day, which has every entry and lacks albums, artists or tracks that were "
    "not given",
    OTHER: "it ends well, and readers have other rows: what was lost was the only record of it, see the note",
}
HEALERS = {
    "publish": "a publish run",
    "rebuild": "`spotify-assets rebuild` of the day",
    "daily": "`spotify-assets daily`",
    "restore": "the file put back from a backup or a bucket version",
    "restore and rebuild": "the file put back from a backup or a bucket version, and `spotify-assets rebuild`",
    "remove": "removing the file, and a publish run",
    "nothing": "nothing is to be healed",
}
INTRODUCTION = """\
# What happens when something breaks

Rows are faults, columns are operations. This page is written by `.venv/bin/python docs/write_tables.py` from
`spotify_assets_tests/matrix/faults.csv`; a test fails when they differ. Do not edit it by hand.

A cell in words is run by `spotify_assets_tests/matrix/test_matrix.py` (of a call: by `test_calls.py`), which does the
fault to a small published lake, runs the operation, compares what happens with the table, has it healed as the row says
and compares the bytes of the lake with those of the undisturbed one. Which of the calls of an operation goes wrong, the
seed chooses: a passing fault spoils that one, a lasting one all from there on. `make test` runs a few cells; `pytest -m
matrix` all. `MATRIX_SEED` (a number)
chooses other bits, offsets and files, and other cells for `make test`; `MATRIX_MOMENTS` is at how many of the changes
of the lake a process dies or a disk fails (3, chosen by the seed; 1000 is all). Where a cell has two words, it depends
on which bit or which file it is.

A cell that names a test is run by that test. An empty cell was not run. In a cell with `-` the operation does not touch
what is broken. Readers are those of `query`, the report and the pack: DuckDB's own client, and whatever else opens the
files, compares no digests.

"""


@dataclass(frozen=True)
class Row:
    """A fault and what happens.

    Attributes:
        kind: the section that it belongs to.
        fault: what is done.
        subject: to what.
        cells: by operation, a word of `WORDS`, or the test that runs it (`folder/test_file.py::name`).
        heals: what mends it where the operation did not, one of `HEALERS`.
        note: what else is to be known.
    """

    kind: str
    fault: str
    subject: str
    cells: dict[str, str]
    heals: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell that the harness runs."""

    row: Row
    operation: str

    @property
    def name(self) -> str:
        """For a person."""
        return f"{self.row.kind}: {self.row.fault}, {self.row.subject} - {self.operation}"


def read_rows(path: Path = FILE) -> list[Row]:
    """The table."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                line["kind"],
                line["fault"],
                line["subject"],
                {operation: line[operation] for operation in OPERATIONS},
                line["heals"],
                line["note"],
            )
            for line in csv.DictReader(file)
        ]


def run_cells(rows: list[Row]) -> list[Cell]:
    """The cells that the harness runs."""
    return [
        Cell(row, operation) for row in rows for operation in OPERATIONS if row.cells[operation].split(",")[0] in WORDS
    ]


def named_tests(rows: list[Row]) -> set[str]:
    """The tests that cells name."""
    return {cell for row in rows for cell in row.cells.values() if "::" in cell}


def page() -> str:
    """The table for people."""
    return INTRODUCTION + "\n".join(_lines(read_rows()))


def _lines(rows: list[Row]) -> Iterator[str]:
    counted = Counter(_kind_of(cell) for row in rows for cell in row.cells.values())
    cells = counted.total() - counted["-"]
    yield (
        f"**{cells} cells: {counted['run']} run by the harness, {counted['test']} by a test of their own, "
        f"{counted['empty']} empty.**\n"
    )
    for word, meaning in WORDS.items():
        yield f"- **{word}**: {meaning}."
    yield ""
    for kind in dict.fromkeys(row.kind for row in rows):
        yield f"## {kind}\n"
        yield f"| fault | of | {' | '.join(OPERATIONS)} | what heals | note |"
        yield "| --- | --- |" + " --- |" * (len(OPERATIONS) + 2)
        for row in rows:
            if row.kind == kind:
                cells = " | ".join(_shown(row.cells[operation]) for operation in OPERATIONS)
                yield f"| {row.fault} | {row.subject} | {cells} | {HEALERS[row.heals]} | {row.note} |"
        yield ""


def _kind_of(cell: str) -> str:
    if cell in ("", "-"):
        return "-" if cell else "empty"
    return "test" if "::" in cell else "run"


def _shown(cell: str) -> str:
    if "::" not in cell:
        return cell
    file, name = cell.split("::", 1)
    return f"[{name.replace('_', ' ').replace('::', ': ')}](../spotify_assets_tests/{file})"

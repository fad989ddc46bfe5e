"""The cells of the matrix: the fault is done, the operation runs, and what is seen is what `faults.csv` has.

Of the cells `make test` runs some, which `MATRIX_SEED` chooses; `pytest -m matrix` runs all. A death or a failing disk
is tried at `MATRIX_MOMENTS` (3) of the changes of the lake; a number beyond all of them tries every one.
"""

from __future__ import annotations

import ast
import errno
import os
import random
import runpy
from contextlib import suppress
from pathlib import Path

import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets_tests.matrix.damage import DAMAGES
from spotify_assets_tests.matrix.disk import Death, counted, dying_at, failing_from
from spotify_assets_tests.matrix.lake import DAYS, MatrixLake
from spotify_assets_tests.matrix.observe import heal, observe
from spotify_assets_tests.matrix.table import (
    CALLS,
    HEALED,
    HEALERS,
    NAMED,
    OPERATIONS,
    READING,
    WORDS,
    Cell,
    named_tests,
    read_rows,
    run_cells,
)

pytestmark = pytest.mark.slow

SEED = os.environ.get("MATRIX_SEED", "1")
TESTS = Path(__file__).parents[1]
ROWS = read_rows()
OF_THE_LAKE = [cell for cell in run_cells(ROWS) if cell.row.kind != CALLS]
DAMAGED = [cell for cell in OF_THE_LAKE if cell.row.fault in DAMAGES]
DISTURBED = [cell for cell in OF_THE_LAKE if cell.row.fault not in DAMAGES]
ERRORS = {"full disk": errno.ENOSPC, "read-only": errno.EROFS, "no permission": errno.EPERM, "broken disk": errno.EIO}
READING_CELLS, CHANGING_CELLS, DISTURBED_CELLS = 6, 3, 1
"""How many cells `make test` runs of each kind: with the lake, less than a minute of a processor."""


@pytest.fixture(scope="module")
def lake(whole, tmp_path_factory):
    """One lake for all cells, with whole publish runs."""
    return MatrixLake(tmp_path_factory.mktemp("matrix"))


@pytest.fixture
def sound(lake):
    """The lake, which is as it was again after the cell."""
    if today_in_japan() != DAYS[-1]:
        pytest.skip("it is another day in Japan by now, which `daily` would fetch")
    yield lake
    lake.as_it_was()


def pytest_generate_tests(metafunc):
    """All cells where the marker is asked for, else some of them."""
    everything = "matrix" in metafunc.config.getoption("markexpr")
    if "damaged" in metafunc.fixturenames:
        reading = [cell for cell in DAMAGED if cell.operation in READING]
        changing = [cell for cell in DAMAGED if cell.operation not in READING]
        cells = DAMAGED if everything else [*_some(reading, READING_CELLS), *_some(changing, CHANGING_CELLS)]
        metafunc.parametrize("damaged", cells, ids=[cell.name for cell in cells])
    if "operation" in metafunc.fixturenames:
        metafunc.parametrize("operation", OPERATIONS if everything else READING)
    if "disturbed" in metafunc.fixturenames:
        cells = DISTURBED if everything else _some(DISTURBED, DISTURBED_CELLS)
        metafunc.parametrize("disturbed", cells, ids=[cell.name for cell in cells])
        metafunc.parametrize("moments", [int(os.environ.get("MATRIX_MOMENTS", "3")) if everything else 1])


def _some(cells: list[Cell], number: int) -> list[Cell]:
    return random.Random(SEED).sample(cells, min(number, len(cells)))


@pytest.mark.matrix
def test_without_a_fault_everything_is_as_it_was(sound, operation):
    assert observe(sound, sound.operate(operation), "no file").word == HEALED


@pytest.mark.matrix
def test_a_damaged_file(sound, damaged):
    chance = random.Random(f"{SEED} {damaged.row.fault} {damaged.row.subject}")
    key = sound.choose(damaged.row.subject, chance)
    data = sound.store.read(key)
    try:
        sound.damage(key, damaged.row.fault, chance)
        before = sound.files()
        ending = sound.operate(damaged.operation, key)
        if damaged.operation in READING:
            assert sound.files() == before
        seen = observe(sound, ending, key)
        assert seen.word in damaged.row.cells[damaged.operation].split(", "), f"{key}: {seen.word}: {seen.why}"
        if damaged.operation not in READING and seen.word != HEALED:
            left = heal(sound, damaged.row.heals, key, data)
            assert not left, f"{key}: {left}"
    finally:
        sound.mend_whole(key, data)


@pytest.mark.matrix
def test_a_death_or_a_disk_that_fails(sound, disturbed, moments):
    """At some of the changes of the lake; what is made is made anew: without it an operation would change little."""
    sound.forget(disturbed.operation)
    with counted() as counter:
        assert sound.operate(disturbed.operation).exit_code == 0
    chance = random.Random(f"{SEED} {disturbed.name}")
    for number in sorted(chance.sample(range(1, counter.changes + 1), min(moments, counter.changes))):
        sound.as_it_was()
        sound.forget(disturbed.operation)
        if disturbed.row.fault == "death":
            with dying_at(number), suppress(Death):
                sound.operate(disturbed.operation)
        else:
            with failing_from(number, ERRORS[disturbed.row.fault]):
                ending = sound.operate(disturbed.operation)
            refused = "What to do:" in ending.output and str(sound.path) in ending.output
            assert (ending.exit_code, refused) == (1, True), f"change {number}: {ending}"
        rows = sound.read_rows()
        assert rows == sound.rows or isinstance(rows, str), f"change {number}: a reader has other rows"
        with pytest.MonkeyPatch.context() as patch:
            # A lease that is left is of a process that is gone; here it is this one.
            patch.setattr("spotify_assets.cli.lease.is_alive", lambda _: False)
            left = heal(sound, disturbed.row.heals, "", b"")
            assert not left, f"change {number}: {left}"


def test_the_table_has_only_known_words():
    for row in ROWS:
        assert row.heals in HEALERS
        for operation in OPERATIONS:
            cell = row.cells[operation]
            assert cell in ("", "-") or "::" in cell or set(cell.split(", ")) <= set(WORDS), (row, cell)
        assert row.kind == CALLS or row.fault in DAMAGES or NAMED in row.cells.values() or not run_cells([row])


def test_the_tests_that_cells_name_exist():
    for named in named_tests(ROWS):
        file, *names = named.split("::")
        body = ast.parse((TESTS / file).read_text(encoding="utf-8")).body
        for name in names:
            (found,) = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name]
            body = found.body


def test_the_page_is_that_of_the_table():
    written = runpy.run_path(str(TESTS.parent / "docs/write_tables.py"))["faults"]()
    page = (TESTS.parent / "docs/faults.md").read_text(encoding="utf-8")
    assert page == written, "run .venv/bin/python docs/write_tables.py"

"""What the command writes: on consoles of any encoding, on terminals and in files."""

from __future__ import annotations

import io
import os
import select
import sys

import pytest

from spotify_assets.cli import console

TITLE = "傘 [bold] Café"


@pytest.fixture
def stdout(monkeypatch):
    """Puts a console of an encoding in place of standard output; it is no terminal."""

    def put(encoding):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        console.never_fail()
        return stream.buffer

    return put


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", TITLE),
        ("latin-1", "\\u5098 [bold] Café"),
        ("ascii", "\\u5098 [bold] Caf\\xe9"),
        ("cp932", "傘 [bold] Caf\\xe9"),
    ],
)
class TestEncodings:
    def test_a_line(self, stdout, encoding, written):
        out = stdout(encoding)
        console.print_line(TITLE)
        assert out.getvalue().decode(encoding) == written + "\n"

    def test_a_table_is_aligned_by_what_is_seen(self, stdout, encoding, written):
        out = stdout(encoding)
        console.print_table(["title", "number"], [[TITLE, 7], [None, 8]])
        heading, _, row, empty = out.getvalue().decode(encoding).splitlines()
        assert row.split("|" if "|" in row else "  ")[0].strip() == written
        width = sum(2 if letter == "傘" else 1 for letter in row[: row.index("7")])
        assert width == heading.index("number") == empty.index("8")

    def test_data_for_programs_is_utf_8(self, stdout, encoding, written):
        out = stdout(encoding)
        console.print_line("before")
        console.print_data(TITLE)
        assert out.getvalue() == b"before\n" + TITLE.encode()


def test_nothing_is_folded_in_a_file(stdout):
    out = stdout("utf-8")
    console.print_table(["title"], [["long " * 100]])
    assert len(out.getvalue().splitlines()) == 3


@pytest.fixture
def terminal(monkeypatch):
    """Puts a terminal in place of standard output; gives what reads its screen."""
    monkeypatch.setenv("TERM", "xterm")
    reading, writing = os.openpty()
    with open(writing, "w", encoding="utf-8") as stream, open(reading, "rb", buffering=0) as screen:  # noqa: PTH123

        def put():
            monkeypatch.setattr(sys, "stdout", stream)
            return lambda: _until_the_end(screen)

        yield put


def _until_the_end(screen):
    """All that was drawn, up to the code that shows the cursor again: a terminal passes letters on in its own time."""
    shown = b""
    while b"\x1b[?25h" not in shown:
        ready, _, _ = select.select([screen], [], [], 10)
        assert ready, shown
        shown += screen.read(100_000)
    return shown.decode()


def test_progress_is_drawn_on_a_terminal(terminal):
    screen = terminal()
    with console.progress("Top 50 [jp]", total=2) as advance:
        advance()
        advance()
    shown = screen()
    assert "Top 50 [jp]" in shown
    assert "100%" in shown


def test_progress_is_drawn_while_dagster_keeps_what_a_step_writes(terminal, tmp_path):
    """As its compute log manager does: by another file in place of the descriptor."""
    screen = terminal()
    captured = tmp_path / "step.log"
    kept = os.dup(sys.stdout.fileno())
    with captured.open("wb") as log, console.progress("work", total=1) as advance:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.write(sys.stdout.fileno(), b"of the step")
        advance()
    os.dup2(kept, sys.stdout.fileno())
    os.close(kept)
    assert "100%" in screen()
    assert captured.read_bytes() == b"of the step"


def test_nothing_is_drawn_in_a_file(stdout):
    out = stdout("utf-8")
    with console.progress("work", total=2) as advance:
        advance()
    assert out.getvalue() == b""

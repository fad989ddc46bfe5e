"""What commands write to the terminal: lines and tables for people, data for programs, the progress of long work.

Lines go through here and not through `click.echo`, which sends UTF-8 to a console that is said to know only ASCII.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

LACKING = "backslashreplace"
"""What becomes of letters that a console's encoding lacks."""
WIDE = 10_000
"""Columns of an output that is no terminal: nothing is folded in a file."""


def never_fail() -> None:
    r"""Write letters that the console's encoding lacks as \uXXXX from now on, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=LACKING)


def print_line(text: str = "", *, error: bool = False) -> None:
    """Print a line for a person, at once."""
    print(text, file=sys.stderr if error else sys.stdout, flush=True)


def print_data(text: str) -> None:
    """Write text for a program: in UTF-8, whatever the console's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for a person, wide letters aligned. None is an empty cell; a terminal's width is kept."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console.width = WIDE
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, safe_box=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        # As Text: in a title, [brackets] are no markup.
        table.add_row(*(Text("" if cell is None else _encodable(str(cell), sys.stdout)) for cell in row))
    console.print(table)


def _encodable(text: str, stream: TextIO) -> str:
    """The text as the stream will write it, so that the columns are aligned by what is seen."""
    return text.encode(stream.encoding, LACKING).decode(stream.encoding)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how much of some work is done and how long the rest will take; yields what is called after each piece.

    On an output that is no terminal nothing is shown.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    if not sys.stdout.isatty():
        yield lambda: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # A terminal of its own: while a step runs, Dagster sends what is written to standard output to the step's log.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors=LACKING) as terminal:
        console = Console(file=terminal)
        with Progress(*columns, console=console, transient=True, redirect_stderr=sys.stderr.isatty()) as bar:
            task = bar.add_task(label, total=total)
            yield lambda: bar.advance(task)

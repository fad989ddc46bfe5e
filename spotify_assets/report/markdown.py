"""Rows as Markdown, which the Dagster UI shows as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def markdown_table(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Rows as a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *(map(as_text, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_text(value: Any) -> str:
    """A value as a cell has it: on one line, with nothing that ends the cell."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")

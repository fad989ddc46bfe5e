"""Texts that a spreadsheet would take for formulas. In CSV they get an apostrophe in front, as OWASP advises."""

from __future__ import annotations

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
"""With which texts begin that OWASP counts as formulas of spreadsheets."""
GUARD = "'"


def guarded(value: object) -> object:
    """A value as a cell of a CSV file: a text that begins like a formula is marked as text."""
    return GUARD + value if isinstance(value, str) and value.startswith(tuple(FORMULA_STARTS)) else value


def unguarded(text: str) -> str:
    """A cell that `guarded` has written, as it was."""
    return text[1:] if text.startswith(GUARD) and text[1:].startswith(tuple(FORMULA_STARTS)) else text

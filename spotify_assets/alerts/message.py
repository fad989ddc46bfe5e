"""A message: what it is about, so that it is sent once, and its words, short enough for a telephone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

NAME_LETTERS = 40
NAMED = 3
"""Songs that a line of a message names."""


class Message(NamedTuple):
    """A message.

    Attributes:
        about: what it is about, like `edition/japan/2026-11-26`; nothing is told twice of the same.
        title: its heading.
        text: its lines.
    """

    about: str
    title: str
    text: str


def short(name: str | None) -> str:
    """A name as a message has it."""
    name = " ".join((name or "without a name").split())
    return name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"


def listed(names: Iterable[str]) -> str:
    """The first of some names, and how many more there are."""
    named = list(names)
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return "; ".join(named[:NAMED]) + more

"""What one look gives. The order of the looks is in `examination`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spotify_assets.errors import Refusal

Status = Literal["ok", "note", "bad"]
OK: Status = "ok"
NOTE: Status = "note"
"""Worth knowing; the daily job works all the same."""
BAD: Status = "bad"
"""The daily job would not work."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `text` says what is so, or what is wrong, why, and what to do."""

    subject: str
    status: Status
    text: str


def look(subject: str, probe: Callable[[], str], refused: Status = BAD) -> Finding:
    """What a probe says, or its refusal."""
    try:
        return Finding(subject, OK, probe())
    except Refusal as refusal:
        return Finding(subject, refused, str(refusal))


def sentences(what: str, *, why: str, remedy: str) -> str:
    """The text of a finding that is no refusal, in the form of one."""
    return str(Refusal(what, why=why, remedy=remedy))

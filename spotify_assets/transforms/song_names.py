"""What the names that rows give their songs are compared by: ISRCs in one form, titles and artists without dress."""

from __future__ import annotations

import re
import unicodedata

ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
"""ISO 3901: a prefix of five, two digits of the year, five of the recording."""
NOT_OF_A_NAME = ("Z", "P", "C")
"""Unicode's categories of spaces, punctuation and what is not seen."""
ALSO_DRESS = frozenset("~`´^¨\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}")
"""Written as punctuation is, though Unicode counts them as symbols or marks."""


def normalised_isrc(text: str | None) -> str | None:
    """An ISRC in capitals without spaces and hyphens; None for what is none, such as `0`, `TBA` and `N/A`."""
    if text is None:
        return None
    bare = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Zs", "Pd", "Cc"))
    return bare.upper() if ISRC.fullmatch(bare.upper()) else None


def folded(text: str) -> str:
    """A title or an artist's name without width, case, spaces and punctuation (NFKC, case-folded).

    A name that consists of nothing else keeps it: `?` is not `!!!`.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(c for c in plain if unicodedata.category(c)[0] not in NOT_OF_A_NAME and c not in ALSO_DRESS)
    return bare or "".join(plain.split())

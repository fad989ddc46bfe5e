"""One JSON value to one cell, or to None where it does not say what the column means. No rows, no tables."""

from __future__ import annotations

import calendar
import hashlib
import json
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

FIRST_YEAR = 2006  # Spotify was founded then.
INT32_MAXIMUM = 2**31 - 1
INT64_MAXIMUM = 2**63 - 1
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
NAME_KEY = "name:"
RELEASE_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


def at(payload: Any, *path: str) -> Any:
    """The value at a path of object keys; None where the path leads nowhere."""
    for key in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(key)
    return payload


def text(value: Any) -> str | None:
    """Text trimmed and NFC-normalised, never transliterated; None where there is none, or only white space."""
    if not isinstance(value, str):
        return None
    # Half of a surrogate pair is no character: Parquet and every reader of it would refuse the whole table.
    whole = LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    return unicodedata.normalize("NFC", whole).strip() or None


def whole_number(value: Any, *, maximum: int = INT32_MAXIMUM) -> int | None:
    """A whole number, also where it is written as 3.0; None for anything else and beyond what the column can hold."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) <= maximum else None


def boolean(value: Any) -> bool | None:
    """True or false; None for anything else."""
    return value if isinstance(value, bool) else None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing where the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """An ISO 8601 moment in UTC, without its zone (the columns are UTC by definition); None where it is none.

    A moment before Spotify was founded is none: its API gives 1970 where it does not know.
    """
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return in_utc(parsed) if parsed.tzinfo and parsed.year >= FIRST_YEAR else None
    except (ValueError, OverflowError):
        return None


def in_utc(value: datetime) -> datetime:
    """A timezone-aware moment as the tables hold it: in UTC, without zone, in whole milliseconds."""
    milliseconds = value.microsecond // 1000 * 1000
    return value.astimezone(UTC).replace(tzinfo=None, microsecond=milliseconds)


def release_interval(value: Any, latest: date) -> tuple[date | None, date | None]:
    """First and last day that a release date can mean.

    `2024` means 2024-01-01 to 2024-12-31, `2024-02` that month, `0000` nothing. The last day is not after `latest`,
    unless even the first one is.
    """
    match = RELEASE_DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None, None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
        last_month = month or 12
        last = date(first.year, last_month, day or calendar.monthrange(first.year, last_month)[1])
    except ValueError:
        return None, None
    return first, max(first, min(last, latest))


def name_key(*names: str | None) -> str | None:
    """A key for something without an id: a hash of its normalised names, so that its rows still group.

    None where no name is known. Case and width do not count (NFKC, case-folded).
    """
    if not any(names):
        return None
    normalised = [unicodedata.normalize("NFKC", name or "").casefold().strip() for name in names]
    return NAME_KEY + hashlib.sha256("\x1f".join(normalised).encode()).hexdigest()[:32]


def is_name_key(key: str) -> bool:
    """Whether a key is made of names, because no id is known."""
    return key.startswith(NAME_KEY)


def payload_digest(payload: Any) -> str:
    """SHA-256 of a payload as compact JSON, by which it is found again in the raw layer."""
    compact = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(compact.encode("utf-8", errors="surrogatepass")).hexdigest()

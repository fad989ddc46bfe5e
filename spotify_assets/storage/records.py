"""What the platform records for itself as JSON, with a digest of it: so a record of which a bit has changed is known.

What a record says is not known here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "sha256"


def encode_record(record: Mapping[str, Any]) -> bytes:
    """The bytes of a record. What JSON has no type for is text in it, and half of a surrogate pair a question mark."""
    plain = json.loads(json.dumps(record, ensure_ascii=False, default=str).encode(errors="replace"))
    return (json.dumps({**plain, DIGEST: _digest(plain)}, indent=1, ensure_ascii=False) + "\n").encode()


def decode_record(data: bytes) -> dict[str, Any]:
    """What a record says; one of an older version has no digest.

    Raises:
        ValueError: it is not what was written.
    """
    try:
        record = json.loads(data)
        recorded = record.pop(DIGEST, None)
    except (AttributeError, TypeError, RecursionError) as error:
        raise ValueError(f"it is no record: {type(error).__name__}") from error
    if recorded not in (None, _digest(record)):
        raise ValueError("its digest is not that of what it says")
    found: dict[str, Any] = record
    return found


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

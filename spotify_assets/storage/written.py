"""What a publish run writes for people after its release: pages and the star schema.

A record beside each has every file's digest, so that damage is found. The records are removed before a release is put
in place, so that one that is missing tells of a run that was killed before it had written all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from spotify_assets.storage.layout import WRITTEN_KEYS
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.records import decode_record, encode_record

DIGESTS = "digests"


def record_written(store: ObjectStore, prefix: str, digests: Mapping[str, str]) -> None:
    """Record what was written below a prefix, by key with the SHA-256 of its bytes.

    Raises:
        StorageError: it cannot be written.
    """
    store.write(WRITTEN_KEYS[prefix], encode_record({DIGESTS: dict(digests)}))


def forget_written(store: ObjectStore) -> None:
    """Remove the records: what they are of is of the release before.

    Raises:
        StorageError: they cannot be removed.
    """
    store.delete_all(list(WRITTEN_KEYS.values()))


def missing_written(store: ObjectStore) -> list[str]:
    """The records that are not there: what they are of was not written after the release, or not whole.

    Raises:
        StorageError: a record cannot be read.
    """
    return [key for key in WRITTEN_KEYS.values() if read_if_present(store, key) is None]


def damaged_written(store: ObjectStore, prefix: str) -> list[str]:
    """The files below a prefix that are gone or not what was recorded; the record itself, if it is damaged.

    Raises:
        StorageError: one cannot be read.
    """
    recorded = read_if_present(store, WRITTEN_KEYS[prefix])
    if recorded is None:
        return []
    try:
        digests: dict[str, str] = decode_record(recorded)[DIGESTS]
    except (KeyError, ValueError):
        return [WRITTEN_KEYS[prefix]]
    return [key for key, digest in digests.items() if not _is_intact(store, key, digest)]


def _is_intact(store: ObjectStore, key: str, digest: str) -> bool:
    data = read_if_present(store, key)
    return data is not None and hashlib.sha256(data).hexdigest() == digest

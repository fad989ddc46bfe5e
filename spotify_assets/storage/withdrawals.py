"""Which raw files are withdrawn: markers beside the raw layer, append-only like it. No raw file is changed or removed.

`withdrawals/playlist=<slug>/<time>.json`: each takes one raw file out of the tables, or takes the withdrawal back, with
reason and time. The newest marker of a file tells whether it counts; all of them together are the audit list. What
a withdrawal means for a day is decided in `raw_layer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from spotify_assets.errors import StorageError
from spotify_assets.storage.layout import is_withdrawal_key, withdrawal_key, withdrawals_prefix
from spotify_assets.storage.object_store import ObjectStore, read_all
from spotify_assets.storage.records import decode_record, encode_record


class Action(StrEnum):
    """What a marker does to its raw file."""

    WITHDRAW = "withdraw"
    RESTORE = "restore"


@dataclass(frozen=True)
class Marker:
    """One withdrawal of a raw file, or the end of one.

    Attributes:
        raw_key: the file that counted for the day when it was withdrawn.
        why: the reason that somebody gave; a restoration may have none.
        at: when (UTC); also the marker's name.
    """

    slug: str
    snapshot_date: date
    raw_key: str
    action: Action
    why: str
    at: datetime


class Withdrawals:
    """The markers of all playlists in one lake."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def record(self, slug: str, day: date, raw_key: str, action: Action, why: str) -> Marker:
        """Add a marker; it is newer than every other marker of the playlist, also when the clock was set back."""
        last = max((marker.at for marker in self.history(slug)), default=datetime.min.replace(tzinfo=UTC))
        at = max(datetime.now(tz=UTC), last + timedelta(microseconds=1))
        marker = Marker(slug, day, raw_key, action, why, at)
        self._store.write(withdrawal_key(slug, at), _encode(marker))
        return marker

    def history(self, slug: str | None = None) -> list[Marker]:
        """All markers of a playlist, or of all playlists, oldest first: the audit list.

        Raises:
            StorageError: a marker is damaged.
        """
        keys = [key for key in self._store.list_keys(withdrawals_prefix(slug)) if is_withdrawal_key(key)]
        if not keys:
            return []
        markers = [
            _decode(data, self._store.uri(key)) for key, data in zip(keys, read_all(self._store, keys), strict=True)
        ]
        return sorted(markers, key=lambda marker: (marker.at, marker.slug))

    def withdrawn_keys(self, slug: str) -> Mapping[str, Marker]:
        """The keys of the raw files that are withdrawn now, each with the marker that says so, oldest marker first.

        Raises:
            StorageError: a marker is damaged. To pass over it could bring a bad snapshot back into the tables.
        """
        withdrawn: dict[str, Marker] = {}
        for marker in self.history(slug):
            withdrawn.pop(marker.raw_key, None)
            if marker.action is Action.WITHDRAW:
                withdrawn[marker.raw_key] = marker
        return withdrawn


def _encode(marker: Marker) -> bytes:
    record = {
        "slug": marker.slug,
        "snapshot_date": marker.snapshot_date.isoformat(),
        "raw_key": marker.raw_key,
        "action": marker.action,
        "why": marker.why,
        "at": marker.at.isoformat(),
    }
    return encode_record(record)


def _decode(data: bytes, uri: str) -> Marker:
    try:
        record = decode_record(data)
        return Marker(
            slug=record["slug"],
            snapshot_date=date.fromisoformat(record["snapshot_date"]),
            raw_key=record["raw_key"],
            action=Action(record["action"]),
            why=record["why"],
            at=datetime.fromisoformat(record["at"]).astimezone(UTC),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{uri} is damaged.",
            why=f"it is not the marker of a withdrawal: {error!r}",
            remedy="restore it from a backup or a bucket version, or remove it: what it withdrew then counts again",
        ) from error

"""One `spotify-assets daily` at a time on a lake, on whatever machine: who has the lease runs, the others are refused.

The lease is an object of the lake. It ends with the command, with its process where that can be looked at, and after
`LASTS` in any case: a machine that is gone does not hold up the next day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from spotify_assets.cli.upkeep import PROCESS_TAG, is_alive, process_tags
from spotify_assets.errors import StorageError
from spotify_assets.jobs import HOST_TAG
from spotify_assets.storage.layout import DAILY_LEASE_KEY
from spotify_assets.storage.object_store import ObjectStore, read_if_present

LASTS = timedelta(hours=2)


@contextmanager
def lease(store: ObjectStore) -> Iterator[None]:
    """Have the lake to oneself among all `spotify-assets daily`.

    Raises:
        StorageError: another one is under way.
    """
    before = read_if_present(store, DAILY_LEASE_KEY)
    mine = json.dumps({**process_tags(), "since": datetime.now(UTC).isoformat()}).encode()
    held = (before and _holds(before)) or not store.write_over(before, DAILY_LEASE_KEY, mine)
    # Where the answer to the write was lost and the bucket was asked again, it is this one that is in the way.
    if held and read_if_present(store, DAILY_LEASE_KEY) != mine:
        raise StorageError(
            f"Another `spotify-assets daily` is under way on this lake: {store.uri(DAILY_LEASE_KEY)}.",
            why=(before or b"it has begun at this moment").decode(errors="replace"),
            remedy=f"wait for its end. If it was killed on another machine, its lease ends after {LASTS}",
        )
    try:
        yield
    finally:
        if read_if_present(store, DAILY_LEASE_KEY) == mine:
            store.delete(DAILY_LEASE_KEY)


def _holds(recorded: bytes) -> bool:
    """Whether a lease is of a command that may be alive; one that cannot be read is of none."""
    try:
        holder = json.loads(recorded)
        since = datetime.fromisoformat(holder["since"])
        host, process = str(holder[HOST_TAG]), int(holder[PROCESS_TAG])
        recent = timedelta() <= datetime.now(UTC) - since < LASTS
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return False
    here = host == process_tags()[HOST_TAG]
    return recent and (is_alive(process) if here else True)

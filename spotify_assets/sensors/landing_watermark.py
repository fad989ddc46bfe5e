"""How far the landing folder was looked at: what a sensor keeps in its cursor, and which files are new by it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from spotify_assets.storage.object_store import StoredObject


@dataclass(frozen=True)
class Watermark:
    """How far the landing folder was looked at; the cursor is its JSON.

    Attributes:
        second: start of the last second in which a file that was looked at was put there (Unix time), or of that in
            which the folder was listed, if it is earlier.
        looked: when the folder was last listed (Unix time).
        files: the looked-at files of that second and later, with the exact moment.
        unread: files that are read at the next tick wherever they stand: too many for the last one, or the lake could
            not give them, or a run would stop at a file beside them.
    """

    second: float = 0.0
    looked: float = 0.0
    files: dict[str, float] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cursor: str | None, now: datetime) -> Watermark:
        """What a cursor says; a sensor without one, or with one of a clock that was ahead, has looked at nothing."""
        said = json.loads(cursor) if cursor else {}
        watermark = cls(**said | {"unread": frozenset(said.get("unread", ()))})
        return watermark if watermark.looked <= now.timestamp() else cls()

    def cursor(self) -> str:
        """The cursor that says this."""
        return json.dumps(asdict(self) | {"unread": sorted(self.unread)})

    def is_new(self, stored: StoredObject) -> bool:
        """Whether a file was put there since, or may have been."""
        if stored.key in self.unread:
            return True
        moment = stored.modified.timestamp()
        # A bucket tells whole seconds: while that second lasts, a file may be replaced without another time.
        may_have_changed = not stored.modified.microsecond and self.looked < moment + 1
        return moment >= self.second and (self.files.get(stored.key) != moment or may_have_changed)

    def after(self, seen: Sequence[StoredObject], unread: Collection[str], looked: datetime) -> Watermark:
        """The watermark when these files have been looked at as well, but for those that are still to be read."""
        moments = {stored.key: stored.modified.timestamp() for stored in seen}
        # Not a second that is still to come: a file of a clock that was ahead would hide all that come until then.
        newest = max([self.second, *(float(int(moment)) for moment in moments.values())])
        second = min(newest, float(int(looked.timestamp())))
        files = {key: moment for key, moment in (self.files | moments).items() if moment >= second}
        return Watermark(second, looked.timestamp(), files, frozenset(unread))

"""What a source is: it gives a day's playlist, or refuses and says why. The modules beside this one implement it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from spotify_assets.snapshot import PlaylistSnapshot

if TYPE_CHECKING:  # settings need Dagster, and a source can be used without
    from spotify_assets.settings import PlaylistSettings


@dataclass(frozen=True)
class Absence:
    """Why a source does not have a day, and what to do about it."""

    why: str
    remedy: str


class Source(Protocol):
    """Where a day's playlist comes from."""

    has_past: bool
    """Whether the source itself knows past days. One without a past gives the list of this moment, whatever day is
    asked for."""
    wants_previous: bool
    """Whether `fetch` makes use of a stored snapshot. Where it does not, none is read for it."""

    comes_during_the_day: bool
    """Whether today's list may come later in the day. A run of today alone then ends without one, and is no failure."""

    @property
    def absence(self) -> Absence:
        """What to say of a day that the source does not offer and that is not stored."""
        ...

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """Which of these days the source itself can give now. A day that it cannot give is filled from the store.

        Args:
            playlist: which playlist.
            days: the days of the run.
            stored: the stored days of the playlist, with the moment of the fetch that counts.

        Raises:
            Refusal: the source cannot tell.
        """
        ...

    def fetch(
        self, playlist: PlaylistSettings, day: date, previous: PlaylistSnapshot | None, *, may_retry: bool
    ) -> PlaylistSnapshot:
        """Fetch one playlist for one day.

        Args:
            playlist: which playlist.
            day: the partition to fill; for a source without a past it is today in Japan.
            previous: the stored snapshot of the playlist that is nearest to the days of the run, for what may be
                carried over; None if there is none, or if the source does not want it.
            may_retry: whether the caller will try again after a short wait. When False, the source rather gives
                less (and notes it in the snapshot) than raises `RateLimited` for something it can do without.

        Raises:
            SourceRefusal: asking again at once would not help.
            SourceUnavailable: the source could not be reached or kept failing.
            RateLimited: the source asks to wait.
        """
        ...

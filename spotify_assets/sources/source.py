"""What a source is: it gives a day's playlist, or refuses and says why. The modules beside this one implement it."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.snapshot import PlaylistSnapshot


class Source(Protocol):
    """Where a day's playlist comes from."""

    has_past: bool
    """Whether the source itself knows past days. Without a past, a past day is only filled from what is stored."""

    def fetch(
        self, playlist: PlaylistSettings, day: date, previous: PlaylistSnapshot | None, *, may_retry: bool
    ) -> PlaylistSnapshot:
        """Fetch one playlist for one day.

        Args:
            playlist: which playlist.
            day: the partition to fill; for a source without a past it is today in Japan.
            previous: the last stored snapshot of the playlist, for what may be carried over; None if there is none.
            may_retry: whether the caller will try again after a short wait. When False, the source rather gives
                less (and notes it in the snapshot) than raises `RateLimited` for something it can do without.

        Raises:
            SourceRefusal: asking again at once would not help.
            SourceUnavailable: the source could not be reached or kept failing.
            RateLimited: the source asks to wait.
        """
        ...

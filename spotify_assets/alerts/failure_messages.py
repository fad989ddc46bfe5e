"""The messages of failures: a day that did not come, a publish run that gave up, a consent that will end."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from spotify_assets.alerts.message import Message, short
from spotify_assets.partitions import TIMEZONE
from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import CHARTS
from spotify_assets.sources.spotify.consent_end import end_of_consent
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.raw_layer import RawLayer

NOON = time(12)


def late_message(playlist: PlaylistSettings, store: ObjectStore, now: datetime) -> Message | None:
    """The message of a daily playlist of which nothing is stored of today at noon in Japan.

    Raises:
        StorageError: the raw layer cannot be listed.
    """
    in_japan = now.astimezone(ZoneInfo(TIMEZONE))
    expected = playlist.cadence == "daily" and playlist.source != CHARTS and in_japan.time() >= NOON
    if not expected or in_japan.date() in RawLayer(store).files(playlist.slug).by_day:
        return None
    return Message(
        f"late/{playlist.slug}/{in_japan.date()}",
        f"{short(playlist.title)} is late",
        f"At noon in Japan nothing is stored of {in_japan.date()}. See the runs of daily_playlist_job.",
    )


def gave_up_message(run_id: str) -> Message:
    """The message of a publish run that failed and is not tried again."""
    return Message(
        f"publish/{run_id}",
        "A publish run gave up",
        f"What is new is not published. Run {run_id} has the cause; mend it and launch publish_job.",
    )


def token_message(since: date | None, now: date) -> Message | None:
    """The message of a refresh token that will end in a month; None where it is younger, or its age is not known."""
    end = end_of_consent(since, now)
    if end is None:
        return None
    ends = "ends" if now <= end else "ended"
    return Message(
        f"token/{since}",
        f"Spotify's consent {ends}{' soon' if now <= end else ''}",
        f"The refresh token is of {since} and {ends} about {end}. Run `spotify-assets auth` again.",
    )

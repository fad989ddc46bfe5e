"""What several commands are given: days and playlists, and the refusal of those that do not exist."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import click

from spotify_assets.errors import SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings

DAY = click.DateTime(["%Y-%m-%d"])


def playlist_called(settings: Settings, slug: str, released: Collection[str] = ()) -> PlaylistSettings:
    """The playlist of a slug.

    Raises:
        SettingsError: the playlists file has none; `released` are the slugs that the refusal names besides its own.
    """
    playlists = {playlist.slug: playlist for playlist in settings.playlists}
    if slug not in playlists:
        why = f"{settings.playlists_file} names {', '.join(playlists)}"
        raise SettingsError(
            f"There is no playlist {slug!r}.",
            why=f"{why}; the analyses have {', '.join(sorted(released))}" if released else why,
            remedy="give one of these",
        )
    return playlists[slug]


def check_days(settings: Settings, first: date, last: date) -> None:
    """Refuse a range of days that reaches outside the partitions, or whose last day comes before the first."""
    today = today_in_japan()
    if not settings.start <= first <= last <= today:
        raise SettingsError(
            f"There are no tables for the days {first} to {last}.",
            why=f"days run from {settings.start} (`start` in the playlists file) to {today} (today in Japan)",
            remedy="give days within these, the first and the last in this order",
        )


def days_between(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both of them included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]

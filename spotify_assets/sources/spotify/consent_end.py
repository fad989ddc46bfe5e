"""When a user's consent ends, and with it the refresh token. Using a token does not prolong it."""

from __future__ import annotations

from datetime import date, timedelta

WARNING = timedelta(days=150)
LIFE = timedelta(days=180)
"""Spotify ends a refresh token six months after the consent."""


def end_of_consent(since: date | None, today: date) -> date | None:
    """About when a consent ends, or has ended, if it is of `WARNING` ago or longer; None otherwise, or if not known."""
    return None if since is None or today - since < WARNING else since + LIFE

"""Being asked to wait: how long, reported to whom, and remembered for the rest of a run. Asking is `client`.

Facts are from developer.spotify.com: the guide on rate limits and the blog post of 2026-07-23 (quotas).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from spotify_assets.errors import RateLimited
from spotify_assets.partitions import TIMEZONE
from spotify_assets.sources.spotify.explanations import Answer, Question, Subject

LONGEST_SHORT_WAIT = timedelta(seconds=60)
ASSUMED_WAIT = timedelta(seconds=30)
"""Taken when a 429 does not say how long. Spotify counts calls in a rolling window of 30 seconds."""


class RateLimit:
    """The memory of being rate limited, for the length of one run: open until Spotify answers 429."""

    def __init__(self) -> None:
        self._refusal: RateLimited | None = None
        self._met_by: Subject | None = None
        self._closed_until = datetime.now(tz=UTC)

    def met(self, question: Question, answer: Answer) -> RateLimited:
        """Remember a 429, and give the refusal for it."""
        asked = _seconds(answer.retry_after)
        quota = answer.reason == "QUOTA_EXCEEDED"
        wait = asked if asked is not None or quota else ASSUMED_WAIT
        now = datetime.now(tz=UTC)
        if quota:
            why = (
                "the quota of this developer account is used up (QUOTA_EXCEEDED); "
                "all apps of one developer share it since 2026-07-23"
            )
        elif asked is None:
            why = f"too many calls in a short time; Spotify did not say for how long, so {_span(ASSUMED_WAIT)} it is"
        else:
            why = f"too many calls in a short time; Spotify asks to wait {_span(asked)}"
        self._closed_until = now + (wait or timedelta())
        self._met_by = question.subject
        self._refusal = RateLimited(
            f"Spotify answered 429 when asked for {question.name}.",
            why=why,
            remedy=_when_to_return(self._closed_until if wait is not None else None),
            retry_after=wait,
            short=not quota and wait is not None and wait <= LONGEST_SHORT_WAIT,
        )
        return self._refusal

    def respect(self, question: Question) -> None:
        """Refuse without asking while Spotify wants to be left alone: asking then is reported to lengthen the wait.

        Raises:
            RateLimited: the wait is not over.
        """
        limit = self._refusal
        if question.subject == "playlist" and self._met_by != "playlist":
            # A list is lost when it is not read today; albums and artists, which met the limit, can be had later.
            return
        rest = self._closed_until - datetime.now(tz=UTC)
        if limit is None or (limit.retry_after is not None and rest <= timedelta()):
            return
        raise RateLimited(
            f"Spotify was not asked for {question.name}.",
            why=f"an earlier call of this run was answered 429, and asking too early can prolong the wait: {limit.why}",
            remedy=limit.remedy,
            retry_after=None if limit.retry_after is None else rest,
            short=limit.short,
        )


def _seconds(retry_after: str | None) -> timedelta | None:
    """Read Retry-After: whole seconds as Spotify gives them, or an HTTP date (RFC 9110); None for anything else."""
    if retry_after is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", retry_after.strip()):
        return timedelta(seconds=int(retry_after))
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - datetime.now(tz=UTC), timedelta())


def _span(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    if seconds <= 120:
        return f"{seconds} s"
    hours, minutes = divmod(-(-seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _when_to_return(moment: datetime | None) -> str:
    if moment is None:
        return (
            "Spotify did not say when it will answer again; wait a day, and see the quota on the app's page at "
            "developer.spotify.com/dashboard"
        )
    japan = moment.astimezone(ZoneInfo(TIMEZONE))
    return f"come back after {japan:%Y-%m-%d %H:%M:%S} Japan time ({moment:%Y-%m-%d %H:%M:%S} UTC), not earlier"

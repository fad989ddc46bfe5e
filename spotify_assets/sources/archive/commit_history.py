"""Which commits changed a file of the archive: asked for once, kept in the lake, and only continued.

A commit never changes, so what was asked for is never asked for again; only what is newer, or older than all before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from spotify_assets.partitions import TIMEZONE
from spotify_assets.sources.archive.github import Commit, GithubClient
from spotify_assets.storage.layout import archive_history_key
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.records import decode_record, encode_record

JAPAN = ZoneInfo(TIMEZONE)
LOOK_BACK = timedelta(days=30)
"""How much older commits are asked for at first than are needed; a page holds a hundred of them anyway. They show that
the file is there at all, where a day has none."""
SETTLED_AFTER = timedelta(hours=6)
"""A commit is visible some minutes after its own time. After this, a day that has none will not get one."""
FRESH = timedelta(minutes=10)
"""A day that has a commit is not asked for again so soon: the sensor has just asked for the run that it requests."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CommitHistory:
    """What is known of the commits of a file.

    Attributes:
        commits: newest commit last, by sha.
        asked_from, asked_to: between these moments every commit is known; the same moment if nothing was asked yet.
        etag: tag of the newest answer, and in `etag_since` what it was the answer to.
    """

    commits: Mapping[str, datetime] = field(default_factory=dict)
    asked_from: datetime = NEVER
    asked_to: datetime = NEVER
    etag: str | None = None
    etag_since: datetime | None = None

    @property
    def first_day(self) -> date | None:
        """The day in Japan of the oldest known commit."""
        return min((day_in_japan(at) for at in self.commits.values()), default=None)

    @property
    def last_day(self) -> date | None:
        """The day in Japan of the newest known commit."""
        return max((day_in_japan(at) for at in self.commits.values()), default=None)

    def last_of_days(self) -> dict[date, Commit]:
        """The last commit of each day in Japan."""
        in_order = sorted(self.commits.items(), key=lambda item: (item[1], item[0]))
        return {day_in_japan(at): Commit(sha, at) for sha, at in in_order}

    def including(self, found: Sequence[Commit]) -> CommitHistory:
        """With these commits too."""
        return replace(self, commits={**self.commits, **{commit.sha: commit.at for commit in found}})


def day_in_japan(moment: datetime) -> date:
    """The day in Japan at a moment."""
    return moment.astimezone(JAPAN).date()


def start_of(day: date) -> datetime:
    """The first moment of a day in Japan."""
    return datetime.combine(day, time(), JAPAN)


class CommitHistories:
    """The histories of the archive's files, in a lake.

    Args:
        store: the lake.
        client: asks GitHub.
    """

    def __init__(self, store: ObjectStore, client: GithubClient) -> None:
        self._store = store
        self._client = client

    def covering(self, repository: str, path: str, first: date, last: date) -> CommitHistory:
        """The history of a file, with every commit from the first to the last of these days that there is by now.

        Raises:
            Refusal: GitHub does not give what is missing of it, see `GithubClient.commits`.
        """
        history = before = self.known(repository, path)
        now = datetime.now(UTC)
        since = start_of(first) - LOOK_BACK
        # A day is settled when it was asked for some hours after its end; up to now there is no end to ask for.
        settled = start_of(last + timedelta(days=1)) + SETTLED_AFTER
        until = settled if settled < now else None
        if history.asked_to == NEVER:
            answer = self._client.commits(repository, path, since=since, until=until)
            history = replace(history.including(answer.commits), asked_from=since, asked_to=until or now)
        else:
            if start_of(first) < history.asked_from:
                answer = self._client.commits(repository, path, since=since, until=history.asked_from)
                history = replace(history.including(answer.commits), asked_from=since)
            is_fresh = last in history.last_of_days() and now - history.asked_to < FRESH
            if settled > history.asked_to and not is_fresh:
                history = self._continued(history, repository, path, until)
        if history != before:
            self._store.write(archive_history_key(repository, path), _encode(history))
        return history

    def known(self, repository: str, path: str) -> CommitHistory:
        """What is known of a file, without asking.

        A damaged record, and one of a clock that was ahead, count as none: it is asked for anew.
        """
        data = read_if_present(self._store, archive_history_key(repository, path))
        known = _decode(data) if data else CommitHistory()
        return known if known.asked_to <= datetime.now(UTC) else CommitHistory()

    def _continued(self, history: CommitHistory, repository: str, path: str, until: datetime | None) -> CommitHistory:
        # From the newest known commit on, which is in the answer again; the question stays the same until there is
        # a newer one, so that GitHub can reply that nothing has changed.
        since = max(history.commits.values(), default=history.asked_from)
        now = datetime.now(UTC)
        etag = history.etag if history.etag_since == since and until is None else None
        answer = self._client.commits(repository, path, since=since, until=until, etag=etag)
        history = replace(history.including(answer.commits), asked_to=until or now)
        return replace(history, etag=answer.etag, etag_since=since) if until is None else history


def _encode(history: CommitHistory) -> bytes:
    record = {
        "asked_from": history.asked_from.isoformat(),
        "asked_to": history.asked_to.isoformat(),
        "etag": history.etag,
        "etag_since": history.etag_since and history.etag_since.isoformat(),
        "commits": {sha: at.isoformat() for sha, at in sorted(history.commits.items(), key=lambda item: item[1])},
    }
    return encode_record(record)


def _decode(data: bytes) -> CommitHistory:
    try:
        record = decode_record(data)
        return CommitHistory(
            {str(sha): datetime.fromisoformat(at) for sha, at in record["commits"].items()},
            datetime.fromisoformat(record["asked_from"]),
            datetime.fromisoformat(record["asked_to"]),
            record["etag"],
            record["etag_since"] and datetime.fromisoformat(record["etag_since"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return CommitHistory()

"""GitHub over HTTP: lists of commits and files at a commit, asked for gently. What files mean is not known here.

Rules are from GitHub's REST documentation (pagination by `Link`, conditional requests, rate limits): 60 calls an hour
without a token, 5,000 with one; over the limit 403 or 429, with `Retry-After` or `X-RateLimit-Reset`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import requests
from urllib3.util import Retry

from spotify_assets.errors import RateLimited, SourceRefusal, SourceUnavailable
from spotify_assets.sources.bounded_answers import AnswerTooLarge, BoundedAnswers

COMMITS_PER_PAGE = 100
TIMEOUT = (5, 30)
"""Seconds to connect, and between two bytes."""
LONGEST_WAIT = timedelta(minutes=1)
"""A longer wait than this is not sat out: the run ends and keeps what it has."""
WAITS = 5
"""How often one request sits a wait out."""
LARGEST_ANSWER = 8 * 2**20
"""Bytes; a list of 50 entries has about 25 thousand, a page of commits some 400 thousand."""
RETRIES = Retry(
    total=None,
    connect=0,
    read=2,
    status=2,
    other=0,
    redirect=0,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.5,
    respect_retry_after_header=False,
    raise_on_status=False,
)
"""A passing fault of GitHub's is tried again at once; a host that cannot be reached is not."""
NEXT_PAGE = re.compile(r'<(?P<url>[^>]+)>;\s*rel="next"')


@dataclass(frozen=True)
class Answer:
    """What GitHub answered, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Commit:
    """A commit that changed a file, and when it was made (UTC)."""

    sha: str
    at: datetime


@dataclass(frozen=True)
class CommitList:
    """An answer to a question for commits.

    Attributes:
        commits: newest first; none where nothing has changed since the answer with the given tag.
        etag: tag of the answer; None if it has none, or has several pages.
    """

    commits: list[Commit]
    etag: str | None


@dataclass(frozen=True)
class CallsLeft:
    """How many calls of the API are left of how many, until when (UTC), and the `Date` of the answer."""

    left: int
    of: int
    until: datetime
    date: str


class GithubClient:
    """Asks GitHub without an account, or with a token.

    Args:
        api_url: address of the REST API.
        raw_url: address of the host that gives files at a commit.
        token: sent to both hosts where it is set; in no message and no repr.
        pause: waits for some seconds.
    """

    def __init__(
        self, api_url: str, raw_url: str, token: str | None = None, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._raw_url = raw_url.rstrip("/")
        self._pause = pause
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, BoundedAnswers(largest=LARGEST_ANSWER, max_retries=RETRIES))
        self._session.headers["User-Agent"] = f"spotify-assets/{version('spotify-assets')}"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def commits(
        self,
        repository: str,
        path: str,
        *,
        since: datetime,
        until: datetime | None = None,
        etag: str | None = None,
    ) -> CommitList:
        """The commits that changed a file, one call for each hundred.

        Args:
            repository: `owner/name`.
            path: the file.
            since: no commit before this moment.
            until: no commit after this moment; default: up to now.
            etag: tag of the answer to the same question before; GitHub may reply that nothing has changed.

        Raises:
            SourceRefusal: the repository is not there, has moved, or the answer is no list of commits.
            SourceUnavailable: GitHub could not be reached or kept failing.
            RateLimited: it asks to wait for longer than a minute.
        """
        url: str | None = f"{self._api_url}/repos/{repository}/commits"
        query: dict[str, str] | None = {"path": path, "since": _written(since), "per_page": str(COMMITS_PER_PAGE)}
        if until and query is not None:
            query["until"] = _written(until)
        found: list[Commit] = []
        first_etag: str | None = None
        pages = 0
        while url:
            headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
            if etag and not pages:
                headers["If-None-Match"] = etag
            what = f"the list of commits of {path} in {repository}"
            answer = self._get(url, what, query=query, headers=headers)
            if answer.status == HTTPStatus.NOT_MODIFIED:
                return CommitList([], etag)
            found += _commits(answer, what)
            following = NEXT_PAGE.search(answer.headers.get("Link", ""))
            url, query = (following["url"] if following else None), None
            pages += 1
            first_etag = answer.headers.get("ETag")
        return CommitList(found, first_etag if pages == 1 else None)

    def calls_left(self) -> CallsLeft:
        """How many calls are left in this hour; asking costs none. Errors as for `commits`."""
        what = "the number of calls that are left"
        answer = self._get(f"{self._api_url}/rate_limit", what)
        try:
            core = json.loads(answer.content)["resources"]["core"]
            until = datetime.fromtimestamp(core["reset"], UTC)
            return CallsLeft(int(core["remaining"]), int(core["limit"]), until, answer.headers.get("Date", ""))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise _unusable(what, "a number of calls", error) from error

    def file_at(self, repository: str, sha: str, path: str) -> bytes:
        """The bytes of a file at a commit; no call of the API.

        Raises:
            SourceRefusal: the file is not there.
            SourceUnavailable: GitHub could not be reached or kept failing.
            RateLimited: it asks to wait for longer than a minute.
        """
        url = f"{self._raw_url}/{repository}/{sha}/{quote(path)}"
        return self._get(url, f"{path} of {repository} at commit {sha[:10]}").content

    def _get(
        self,
        url: str,
        what: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        for _ in range(WAITS):
            answer = self._ask(url, what, query, headers)
            wait = _asked_to_wait(answer)
            if wait is None:
                _check(answer, what)
                return answer
            if wait > LONGEST_WAIT:
                raise _limited(what, wait)
            self._pause(max(1.0, wait.total_seconds()))
        raise _limited(what, LONGEST_WAIT)

    def _ask(self, url: str, what: str, query: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> Answer:
        try:
            # A redirect is not followed: a repository that moved may be another one.
            answer = self._session.get(url, params=query, headers=headers, timeout=TIMEOUT, allow_redirects=False)
            return Answer(answer.status_code, answer.headers, answer.content)
        except AnswerTooLarge as error:
            raise SourceRefusal(
                f"GitHub's answer to {what} is not read.",
                why=f"{error}, which no list of a playlist has",
                remedy="look at the file on github.com; if it is right, please report it",
            ) from error
        except requests.RequestException as error:
            raise SourceUnavailable(
                f"GitHub could not be asked for {what}.",
                why=_reason(error),
                remedy="check the network (and GITHUB_API_URL and GITHUB_RAW_URL, where they are set) and run it "
                "again: what was fetched is kept. Without a network, `make demo` shows a synthetic chart",
            ) from error


def _asked_to_wait(answer: Answer) -> timedelta | None:
    """How long GitHub asks to wait; None if it does not. Without a time it is an hour, the window of its limits."""
    if answer.status not in (403, 429):
        return None
    after = answer.headers.get("Retry-After", "")
    if after.isdigit():
        return timedelta(seconds=int(after))
    reset = answer.headers.get("X-RateLimit-Reset", "")
    used_up = answer.headers.get("X-RateLimit-Remaining") == "0"
    if used_up and reset.isdigit():
        return max(timedelta(0), datetime.fromtimestamp(int(reset), UTC) - datetime.now(UTC))
    return timedelta(hours=1) if used_up or answer.status == HTTPStatus.TOO_MANY_REQUESTS else None


def _limited(what: str, wait: timedelta) -> RateLimited:
    until = datetime.now(UTC) + wait
    return RateLimited(
        f"GitHub's rate limit is reached, asking for {what}.",
        why=f"it asks to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC",
        remedy="run it again then: every day that was fetched is kept. GITHUB_TOKEN (any token, without any right) "
        "raises the limit from 60 calls an hour to 5,000",
        retry_after=wait,
        short=False,
    )


def _check(answer: Answer, what: str) -> None:
    status = answer.status
    if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return
    if status == HTTPStatus.UNAUTHORIZED:
        why, remedy = "GitHub does not accept GITHUB_TOKEN", "renew the token, or unset GITHUB_TOKEN: none is needed"
    elif "Location" in answer.headers:
        why = f"the repository has moved to {answer.headers['Location']}"
        remedy = "see that it is the same archive, and give it as `repositories` in the playlists file"
    elif status == HTTPStatus.NOT_FOUND:
        why = "GitHub has no such repository, commit or file (404)"
        remedy = "see at github.com whether the archive still has this playlist, or give another of `repositories`"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SourceUnavailable(
            f"GitHub did not give {what}.",
            why=f"it answers {status}",
            remedy="run it again later; what was fetched is kept",
        )
    else:
        why, remedy = f"GitHub answers {status}: {_message(answer)}", "see githubstatus.com, and run it again later"
    raise SourceRefusal(f"GitHub did not give {what}.", why=why, remedy=remedy)


def _commits(answer: Answer, what: str) -> list[Commit]:
    try:
        return [
            Commit(str(item["sha"]), datetime.fromisoformat(item["commit"]["committer"]["date"]).astimezone(UTC))
            for item in json.loads(answer.content)
        ]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _unusable(what, "a list of commits", error) from error


def _unusable(what: str, form: str, error: Exception) -> SourceRefusal:
    return SourceRefusal(
        f"GitHub's answer cannot be used as {what}.",
        why=f"it is not {form} as GitHub gives it ({type(error).__name__}: {str(error)[:200]})",
        remedy="see that GITHUB_API_URL is GitHub's address, and run it again",
    )


def _message(answer: Answer) -> str:
    try:
        found: Any = json.loads(answer.content)
        return str(found["message"])[:200]
    except (KeyError, TypeError, ValueError, RecursionError):
        return "without a reason"


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the addresses and object names that requests wraps it in."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"{type(error).__name__}: {cause}"


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

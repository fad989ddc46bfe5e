"""Everything about HTTP with Spotify: tokens, retries, the count of calls, and refusals that explain themselves.

What a day's playlist consists of does not belong here (that is `spotify`). This module imports spotipy and requests,
so it is itself imported only when Spotify is really asked.

Facts about Spotify are from developer.spotify.com: the blog posts of 2024-11-27 (closed playlists), 2026-02-06
(development mode), 2026-06-18 (refresh tokens) and 2026-07-23 (quotas), and the February 2026 migration guide.
Facts about spotipy are from the source of 2.26.0.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import requests
import spotipy
import urllib3
from requests.adapters import HTTPAdapter
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOAuth, SpotifyOauthError

from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import TIMEZONE
from spotify_assets.settings import SpotifySettings

SCOPE = "playlist-read-private playlist-read-collaborative"
"""What a user's token must allow: reading the user's own and shared playlists."""

REDIRECT_URI = "http://127.0.0.1:8888/callback"
"""Where the browser returns to when a user consents; to be registered on the app's page. `localhost` is not taken."""

PAGE_SIZE = 50
ALBUMS_PER_CALL = 20
ARTISTS_PER_CALL = 50
TRACKS_PER_CALL = 50

SPOTIFY_OWNED = "37i9dQZ"
"""Playlist ids that begin like this are Spotify's own."""

LONGEST_SHORT_WAIT = timedelta(seconds=60)
ASSUMED_WAIT = timedelta(seconds=30)
"""Taken when a 429 does not say how long. Spotify counts calls in a rolling window of 30 seconds."""

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and seconds without a byte."""

RETRIED_STATUSES = (500, 502, 503, 504)
HIDDEN = "[hidden]"

Subject = Literal["token", "playlist", "batch", "single"]


class RequestRefused(SourceRefusal):
    """Spotify answered one request with a status that says no.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, what: str, *, why: str, remedy: str, status: int) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.status = status


class _QuietAboutSecrets(logging.Filter):
    """Drops what spotipy logs of its traffic.

    Its DEBUG records hold tokens and the client secret, its `client` ERROR records repeat the server's words, which
    may hold them too. Nothing is lost: each error is told by a refusal.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO and record.name != "spotipy.client"


_QUIET = _QuietAboutSecrets()
for _name in ("spotipy.client", "spotipy.oauth2", "spotipy.util"):
    # A filter on the logger itself holds whatever level or handler is set later, here or elsewhere.
    logging.getLogger(_name).addFilter(_QUIET)


@dataclass(frozen=True)
class _Question:
    """What is being asked, in words for a refusal, and what kind of answer it would be."""

    subject: Subject
    name: str
    playlist_id: str = ""


@dataclass(frozen=True)
class _Answer:
    """What an error answer says, free of secrets."""

    status: int
    words: str
    reason: str
    retry_after: str | None

    @property
    def quoted(self) -> str:
        """Spotify's own words, for the end of an explanation."""
        return f"; Spotify's own words: {self.words!r}" if self.words else "; Spotify gave no words for it"


class SpotifyClient:
    """Spotify's Web API for the length of one run: one token, one count of calls, one memory of being rate limited.

    It asks for a token at the first call. Serial use only.

    Args:
        settings: addresses, credentials and language.
        backoff_factor: seconds that the waits between attempts at a failing server are built from (they double).
        timeout: seconds to connect, and seconds without a byte.
    """

    def __init__(
        self,
        settings: SpotifySettings,
        *,
        backoff_factor: float = 0.5,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.calls = 0
        self._settings = settings
        self._timeout = timeout
        self._response: requests.Response | None = None
        self._secrets: set[str] = set()
        self._token_expires = 0.0
        self._rate_limit: RateLimited | None = None
        self._limited_by: Subject | None = None
        self._closed_until = datetime.now(tz=UTC)
        self._token_session = self._session("POST", backoff_factor)
        self._spotify: Any = spotipy.Spotify(
            requests_session=self._session("GET", backoff_factor),
            requests_timeout=timeout,
            language=settings.language,
        )
        self._spotify.prefix = settings.api_url

    def playlist(self, playlist_id: str, market: str | None) -> dict[str, Any]:
        """Ask for a playlist's metadata; Spotify may put the first entries inside.

        Raises:
            SourceRefusal: Spotify says no, or answers something that is not a playlist.
            SourceUnavailable: no usable answer after several attempts.
            RateLimited: Spotify asks to wait.
        """
        return self._ask(
            _Question("playlist", f"playlist {playlist_id}", playlist_id),
            lambda: self._spotify.playlist(playlist_id, market=market, additional_types=("track", "episode")),
        )

    def snapshot_id(self, playlist_id: str) -> str | None:
        """Ask for the version of a playlist and nothing else: a few bytes. Errors as for `playlist`."""
        answer = self._ask(
            _Question("playlist", f"the version of playlist {playlist_id}", playlist_id),
            lambda: self._spotify.playlist(playlist_id, fields="snapshot_id"),
        )
        snapshot_id = answer.get("snapshot_id")
        return snapshot_id if isinstance(snapshot_id, str) and snapshot_id else None

    def playlist_page(self, playlist_id: str, offset: int, market: str | None) -> dict[str, Any]:
        """Ask for one page of a playlist's entries. Errors as for `playlist`.

        The offset is always the caller's: spotipy would send the token to whatever host a `next` address names.
        """
        return self._ask(
            _Question("playlist", f"the entries of playlist {playlist_id} from offset {offset}", playlist_id),
            lambda: self._spotify.playlist_items(playlist_id, limit=PAGE_SIZE, offset=offset, market=market),
        )

    def albums(self, album_ids: Sequence[str], market: str | None) -> list[Any]:
        """Ask for up to 20 albums at once; unknown ones are null. Errors as for `playlist`."""
        question = _Question("batch", f"{len(album_ids)} albums in one call")
        return self._listed(
            question, "albums", self._ask(question, lambda: self._spotify.albums(album_ids, market=market))
        )

    def artists(self, artist_ids: Sequence[str]) -> list[Any]:
        """Ask for up to 50 artists at once; unknown ones are null. Errors as for `playlist`."""
        question = _Question("batch", f"{len(artist_ids)} artists in one call")
        return self._listed(question, "artists", self._ask(question, lambda: self._spotify.artists(artist_ids)))

    def tracks(self, track_ids: Sequence[str], market: str | None) -> list[Any]:
        """Ask for up to 50 tracks at once; unknown ones are null. Errors as for `playlist`."""
        question = _Question("batch", f"{len(track_ids)} tracks in one call")
        return self._listed(
            question, "tracks", self._ask(question, lambda: self._spotify.tracks(track_ids, market=market))
        )

    def album(self, album_id: str, market: str | None) -> dict[str, Any]:
        """Ask for one album. Errors as for `playlist`."""
        question = _Question("single", f"album {album_id}")
        return self._ask(question, lambda: self._spotify.album(album_id, market=market))

    def artist(self, artist_id: str) -> dict[str, Any]:
        """Ask for one artist. Errors as for `playlist`."""
        return self._ask(_Question("single", f"artist {artist_id}"), lambda: self._spotify.artist(artist_id))

    def track(self, track_id: str, market: str | None) -> dict[str, Any]:
        """Ask for one track. Errors as for `playlist`."""
        question = _Question("single", f"track {track_id}")
        return self._ask(question, lambda: self._spotify.track(track_id, market=market))

    def authenticate(self) -> None:
        """Make sure that there is an access token with a minute of life left.

        Raises:
            SourceRefusal: the credentials are missing or refused.
            SourceUnavailable: the token endpoint gave no usable answer.
            RateLimited: Spotify asks to wait.
        """
        if time.time() < self._token_expires - 60:
            return
        client_id, client_secret, refresh_token = self._credentials()
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._remember_secrets(client_secret, refresh_token, basic)
        question = _Question("token", "an access token")
        token = self._send(question, lambda: self._request_token(client_id, client_secret, refresh_token))
        self._remember_secrets(token["access_token"], token.get("refresh_token"))
        self._token_expires = token["expires_at"]
        self._spotify.set_auth(token["access_token"])

    def _credentials(self) -> tuple[str, str, str | None]:
        settings = self._settings
        if not settings.client_id or not settings.client_secret:
            raise SourceRefusal(
                "Spotify cannot be asked: SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set.",
                why="Spotify only answers to a registered app",
                remedy="create an app at developer.spotify.com/dashboard and set both variables; "
                "playlists with `source: demo` need neither",
            )
        secret = settings.client_secret.get_secret_value()
        if not (settings.client_id + secret).isascii():
            raise SourceRefusal(
                "SPOTIFY_CLIENT_ID or SPOTIFY_CLIENT_SECRET has a character that is not ASCII.",
                why="Spotify's ids and secrets have letters and digits only, so the value was not copied cleanly",
                remedy="copy both again from the app's page at developer.spotify.com/dashboard",
            )
        refresh_token = settings.refresh_token.get_secret_value() if settings.refresh_token else None
        return settings.client_id, secret, refresh_token

    def _request_token(self, client_id: str, client_secret: str, refresh_token: str | None) -> dict[str, Any]:
        cache = MemoryCacheHandler()
        common = {
            "client_id": client_id,
            "client_secret": client_secret,
            "requests_session": self._token_session,
            "requests_timeout": self._timeout,
            "cache_handler": cache,
        }
        if refresh_token is None:
            application = SpotifyClientCredentials(**common)
            application.OAUTH_TOKEN_URL = self._settings.token_url
            application.get_access_token(as_dict=False)
        else:
            user = SpotifyOAuth(**common, redirect_uri=REDIRECT_URI, scope=SCOPE, open_browser=False)
            user.OAUTH_TOKEN_URL = self._settings.token_url
            user.refresh_access_token(refresh_token)
        token: dict[str, Any] = cache.get_cached_token()
        if not isinstance(token["access_token"], str):
            raise TypeError("access_token")
        return token

    def _ask(self, question: _Question, request: Callable[[], Any]) -> dict[str, Any]:
        self._respect_rate_limit(question)
        self.authenticate()
        answer = self._send(question, request)
        if answer is None:
            raise SourceUnavailable(
                f"Asked for {question.name}, {self._settings.api_url} answered with something that is not JSON.",
                why="the cause is not certain; a proxy or a sign-in page on the way answers like that, "
                "or Spotify had a fault",
                remedy="try again later; if it stays, open the address from this machine and see who answers",
            )
        if not isinstance(answer, dict):
            raise self._misshapen(question, f"the answer is JSON but a {type(answer).__name__}, not an object")
        return answer

    def _listed(self, question: _Question, key: str, answer: dict[str, Any]) -> list[Any]:
        listed = answer.get(key)
        if not isinstance(listed, list):
            raise self._misshapen(question, f"the answer has no list `{key}`")
        return listed

    def _misshapen(self, question: _Question, why: str) -> SourceRefusal:
        return SourceRefusal(
            f"Asked for {question.name}, {self._settings.api_url} answered in a form that is not Spotify's.",
            why=why,
            remedy="check that SPOTIFY_API_URL, if set, is a Web API address; otherwise Spotify changed its answers "
            "and this project needs an update",
        )

    def _send(self, question: _Question, request: Callable[[], Any]) -> Any:
        """Send one request and turn whatever goes wrong into a refusal.

        The refusal is raised outside the `except` blocks on purpose: as its cause or context, the original error
        would carry the server's words, secrets included, into every traceback.
        """
        self.calls += 1
        self._response = None
        try:
            return request()
        except (spotipy.SpotifyException, SpotifyOauthError) as error:
            refusal = self._refusal_of_answer(question, error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What spotipy stumbles over when an answer, or the body of an error, is not the object that it expects.
            failed = self._response is not None and self._response.status_code >= 400
            refusal = self._refusal_of_answer(question, error) if failed else self._unreadable(question, error)
        except requests.RequestException as error:
            refusal = self._unreachable(question, error)
        raise refusal

    def _refusal_of_answer(self, question: _Question, error: Exception) -> Refusal:
        response = self._response
        if response is None:
            return RequestRefused(
                f"Spotify cannot be asked for {question.name}.",
                why=f"spotipy finds the request malformed: {self._without_secrets(str(error))}",
                remedy="check the id in the playlists file",
                status=400,
            )
        answer = self._read_answer(response)
        if answer.status == 429:
            return self._rate_limited(question, answer)
        if answer.status >= 500:
            return SourceUnavailable(
                f"Spotify kept answering {answer.status} when asked for {question.name}.",
                why=f"a fault on Spotify's side that outlasted several attempts{answer.quoted}",
                remedy="try again later; https://status.spotify.dev tells of known faults",
            )
        if answer.status == 401 and question.subject != "token":
            self._token_expires = 0.0
        why, remedy = _EXPLANATIONS[question.subject](question, answer, self._settings)
        return RequestRefused(
            f"Spotify refused {question.name} (HTTP {answer.status}).", why=why, remedy=remedy, status=answer.status
        )

    def _read_answer(self, response: requests.Response) -> _Answer:
        try:
            body = response.json()
        except ValueError:
            body = response.text
        error = body.get("error") if isinstance(body, dict) else body
        if isinstance(error, dict):
            words, reason = error.get("message"), error.get("reason")
        elif isinstance(body, dict):
            # The form of the token endpoint.
            words, reason = body.get("error_description") or error, error
        else:
            words, reason = error, None
        return _Answer(
            status=response.status_code,
            words=self._without_secrets(words if isinstance(words, str) else json.dumps(words) if words else ""),
            reason=reason if isinstance(reason, str) else "",
            retry_after=response.headers.get("Retry-After"),
        )

    def _unreadable(self, question: _Question, error: Exception) -> SourceUnavailable:
        return SourceUnavailable(
            f"Asked for {question.name}, {self._address(question)} gave an answer that cannot be read "
            f"({type(error).__name__}).",
            why="the cause is not certain; a proxy or a sign-in page on the way answers like that, "
            "or Spotify had a fault",
            remedy="try again later; if it stays, check that SPOTIFY_API_URL and SPOTIFY_TOKEN_URL, if set, are right",
        )

    def _unreachable(self, question: _Question, error: requests.RequestException) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._address(question)} could not be asked for {question.name}.",
            why=f"the connection failed or broke off: {type(error).__name__}: {self._without_secrets(str(error))}",
            remedy="check this machine's network, proxy and DNS, then try again",
        )

    def _address(self, question: _Question) -> str:
        return self._settings.token_url if question.subject == "token" else self._settings.api_url

    def _rate_limited(self, question: _Question, answer: _Answer) -> RateLimited:
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
        self._limited_by = question.subject
        self._rate_limit = RateLimited(
            f"Spotify answered 429 when asked for {question.name}.",
            why=why,
            remedy=_when_to_return(self._closed_until if wait is not None else None),
            retry_after=wait,
            short=not quota and wait is not None and wait <= LONGEST_SHORT_WAIT,
        )
        return self._rate_limit

    def _respect_rate_limit(self, question: _Question) -> None:
        """Refuse without asking while Spotify wants to be left alone: asking then is reported to lengthen the wait.

        Raises:
            RateLimited: the wait is not over.
        """
        limit = self._rate_limit
        if question.subject == "playlist" and self._limited_by != "playlist":
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

    def _session(self, method: str, backoff_factor: float) -> requests.Session:
        """Make a session that retries what a retry can mend, and never sleeps on Retry-After.

        spotipy's own session sleeps up to six hours inside a call, and reports every lasting error as 429.
        """
        retry = urllib3.Retry(
            total=5,
            backoff_factor=backoff_factor,
            backoff_max=10,
            status_forcelist=RETRIED_STATUSES,
            allowed_methods={method},
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        session = requests.Session()
        # Neither API redirects; a redirected POST would carry the refresh token to wherever the redirect points.
        session.max_redirects = 0
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        session.hooks["response"].append(self._keep_response)
        return session

    def _keep_response(self, response: requests.Response, **_: Any) -> None:
        self._response = response

    def _remember_secrets(self, *secrets: Any) -> None:
        for secret in secrets:
            if isinstance(secret, str) and secret:
                self._secrets |= {secret, quote_plus(secret)}

    def _without_secrets(self, text: str) -> str:
        # The longest first: a secret may be a part of another one.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        text = " ".join(text.split())
        return text if len(text) <= 300 else f"{text[:300]}..."


def _explain_token(_: _Question, answer: _Answer, settings: SpotifySettings) -> tuple[str, str]:
    if answer.reason == "invalid_grant":
        return (
            "the refresh token is not valid (invalid_grant); refresh tokens end 6 months after the user's consent, "
            "using them does not prolong it; a withdrawn consent or a token of another app looks the same"
            + answer.quoted,
            "run `spotify-assets auth` to consent again, and put the new token into SPOTIFY_REFRESH_TOKEN",
        )
    if answer.reason == "invalid_client":
        return (
            f"the client id or the client secret is wrong, or the app was deleted (invalid_client){answer.quoted}",
            "compare SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET with the app's page at "
            "developer.spotify.com/dashboard; a secret that was rotated there is dead here",
        )
    return (
        f"the token endpoint does not say more than this{answer.quoted}",
        f"check the app at developer.spotify.com/dashboard, and that {settings.token_url} is Spotify's token address",
    )


def _explain_common(answer: _Answer, settings: SpotifySettings) -> tuple[str, str] | None:
    """Explain what does not depend on what was asked for."""
    if answer.status == 401:
        renew = "run `spotify-assets auth` again" if settings.refresh_token else "check the app's credentials"
        return (
            f"the access token was not accepted, although it was just given by the token endpoint{answer.quoted}",
            f"try once more; if it stays, {renew}; SPOTIFY_API_URL and SPOTIFY_TOKEN_URL must belong together",
        )
    if answer.status == 403 and "premium" in answer.words.lower():
        return (
            "an app in development mode only works while its owner has Spotify Premium, "
            f"and the subscription seems to have lapsed{answer.quoted}",
            "renew Premium for the account that owns the app; Spotify may need some hours to notice",
        )
    return None


def _explain_playlist(question: _Question, answer: _Answer, settings: SpotifySettings) -> tuple[str, str]:
    common = _explain_common(answer, settings)
    if common is not None:
        return common
    if answer.status == 404:
        return _explain_playlist_not_found(question, answer)
    if answer.status == 403:
        return _explain_playlist_forbidden(question, answer, settings)
    if answer.status == 410:
        return (
            f"Spotify removed this address from its Web API{answer.quoted}",
            "update spotipy and this project",
        )
    return (
        f"Spotify finds something wrong with the request, most likely the playlist id or the market{answer.quoted}",
        "check `playlist_id` and `market` in the playlists file",
    )


def _explain_playlist_not_found(question: _Question, answer: _Answer) -> tuple[str, str]:
    if question.playlist_id.startswith(SPOTIFY_OWNED):
        return (
            "this playlist is Spotify's own, and since 2024-11-27 Spotify hides those from every app that did not "
            f"have extended quota before that day; a mistyped id would look the same{answer.quoted}",
            "copy the playlist into one of your own and use its id, import chart files "
            "(`spotify-assets charts import`), or use an app that has had extended quota since before 2024-11-27",
        )
    return (
        "there is no such playlist for this app: the id is wrong, or the playlist was deleted, or it is private and "
        f"the token is not its owner's; Spotify does not say which{answer.quoted}",
        "check `playlist_id` in the playlists file; for a private playlist set the owner's SPOTIFY_REFRESH_TOKEN "
        "(`spotify-assets auth`)",
    )


def _explain_playlist_forbidden(question: _Question, answer: _Answer, settings: SpotifySettings) -> tuple[str, str]:
    why = (
        "most likely the app is in development mode, where since 2026-02-11 the entries of a playlist are only for a "
        "user who owns it or collaborates on it"
    )
    remedy = (
        "use a playlist of your own (a copy of the chart, for example) or import chart files "
        "(`spotify-assets charts import`)"
    )
    if settings.refresh_token is None:
        why += "; this app asks as itself (client credentials), without a user, and so owns nothing"
        remedy = f"set SPOTIFY_REFRESH_TOKEN of the playlist's owner (`spotify-assets auth`), or {remedy}"
    else:
        why += "; a user who is missing from the app's User Management list gets the same answer"
        remedy = f"check the app's User Management list at developer.spotify.com/dashboard; otherwise {remedy}"
    if question.playlist_id.startswith(SPOTIFY_OWNED):
        why += "; this playlist is Spotify's own, so nobody else owns it"
    return why + answer.quoted, remedy


def _explain_batch(_: _Question, answer: _Answer, settings: SpotifySettings) -> tuple[str, str]:
    common = _explain_common(answer, settings)
    if common is not None:
        return common
    if answer.status in (403, 404, 410):
        return (
            "most likely the app is in development mode, for which Spotify removed the calls for several objects at "
            f"once on 2026-02-11{answer.quoted}",
            "nothing: the objects are asked for one by one",
        )
    return f"Spotify finds something wrong with the request{answer.quoted}", "see Spotify's own words"


def _explain_single(_: _Question, answer: _Answer, settings: SpotifySettings) -> tuple[str, str]:
    common = _explain_common(answer, settings)
    if common is not None:
        return common
    if answer.status == 404:
        return f"Spotify does not have it, or no longer{answer.quoted}", "nothing: its columns stay empty"
    return f"the cause is not certain{answer.quoted}", "see Spotify's own words, and the app's page"


_EXPLANATIONS: dict[Subject, Callable[[_Question, _Answer, SpotifySettings], tuple[str, str]]] = {
    "token": _explain_token,
    "playlist": _explain_playlist,
    "batch": _explain_batch,
    "single": _explain_single,
}


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

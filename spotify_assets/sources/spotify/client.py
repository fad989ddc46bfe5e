"""Everything about HTTP with Spotify: tokens, retries and the count of calls.

What a day's playlist consists of does not belong here (that is `spotify_source`), nor what a refusal means
(`explanations`), nor waiting (`rate_limit`), nor what hides secrets
(`redaction`). This module imports spotipy and requests, so it is itself imported only
when Spotify is really asked.

Facts about spotipy are from the source of 2.26.0.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import requests
import spotipy
import urllib3
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOAuth, SpotifyOauthError

from spotify_assets.errors import Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.settings import SpotifySettings
from spotify_assets.sources.bounded_answers import BoundedAnswers
from spotify_assets.sources.spotify.explanations import EXPLANATIONS, Question, read_answer
from spotify_assets.sources.spotify.rate_limit import RateLimit
from spotify_assets.sources.spotify.redaction import Redaction

SCOPE = "playlist-read-private playlist-read-collaborative"
"""What a user's token must allow: reading the user's own and shared playlists."""

REDIRECT_URI = "http://127.0.0.1:8888/callback"
"""Where the browser returns to when a user consents; to be registered on the app's page. `localhost` is not taken."""

PAGE_SIZE = 50
ALBUMS_PER_CALL = 20
ARTISTS_PER_CALL = 50
TRACKS_PER_CALL = 50

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and seconds without a byte."""

RETRIED_STATUSES = (500, 502, 503, 504)


class RequestRefused(SourceRefusal):
    """Spotify answered one request with a status that says no.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, what: str, *, why: str, remedy: str, status: int) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.status = status


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
        self._redaction = Redaction()
        self._token_expires = 0.0
        # Once the token has worked; False when it was renewed already.
        self._may_renew: bool | None = None
        self._given: set[str] = set()
        self._rate_limit = RateLimit()
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
            Question("playlist", f"playlist {playlist_id}", playlist_id),
            lambda: self._spotify.playlist(playlist_id, market=market, additional_types=("track", "episode")),
        )

    def snapshot_id(self, playlist_id: str) -> str | None:
        """Ask for the version of a playlist and nothing else: a few bytes. Errors as for `playlist`."""
        answer = self._ask(
            Question("playlist", f"the version of playlist {playlist_id}", playlist_id),
            lambda: self._spotify.playlist(playlist_id, fields="snapshot_id"),
        )
        snapshot_id = answer.get("snapshot_id")
        return snapshot_id if isinstance(snapshot_id, str) and snapshot_id else None

    def playlist_page(self, playlist_id: str, offset: int, market: str | None) -> dict[str, Any]:
        """Ask for one page of a playlist's entries. Errors as for `playlist`.

        The offset is always the caller's: spotipy would send the token to whatever host a `next` address names.
        """
        return self._ask(
            Question("playlist", f"the entries of playlist {playlist_id} from offset {offset}", playlist_id),
            lambda: self._spotify.playlist_items(playlist_id, limit=PAGE_SIZE, offset=offset, market=market),
        )

    def albums(self, album_ids: Sequence[str], market: str | None) -> list[Any]:
        """Ask for up to 20 albums at once; unknown ones are null. Errors as for `playlist`."""
        question = Question("batch", f"{len(album_ids)} albums in one call")
        return self._listed(
            question, "albums", self._ask(question, lambda: self._spotify.albums(album_ids, market=market))
        )

    def artists(self, artist_ids: Sequence[str]) -> list[Any]:
        """Ask for up to 50 artists at once; unknown ones are null. Errors as for `playlist`."""
        question = Question("batch", f"{len(artist_ids)} artists in one call")
        return self._listed(question, "artists", self._ask(question, lambda: self._spotify.artists(artist_ids)))

    def tracks(self, track_ids: Sequence[str], market: str | None) -> list[Any]:
        """Ask for up to 50 tracks at once; unknown ones are null. Errors as for `playlist`."""
        question = Question("batch", f"{len(track_ids)} tracks in one call")
        return self._listed(
            question, "tracks", self._ask(question, lambda: self._spotify.tracks(track_ids, market=market))
        )

    def album(self, album_id: str, market: str | None) -> dict[str, Any]:
        """Ask for one album. Errors as for `playlist`."""
        question = Question("single", f"album {album_id}")
        return self._ask(question, lambda: self._spotify.album(album_id, market=market))

    def artist(self, artist_id: str) -> dict[str, Any]:
        """Ask for one artist. Errors as for `playlist`."""
        return self._ask(Question("single", f"artist {artist_id}"), lambda: self._spotify.artist(artist_id))

    def track(self, track_id: str, market: str | None) -> dict[str, Any]:
        """Ask for one track. Errors as for `playlist`."""
        question = Question("single", f"track {track_id}")
        return self._ask(question, lambda: self._spotify.track(track_id, market=market))

    @property
    def date(self) -> str:
        """The `Date` of the last answer; empty if there was none."""
        return self._response.headers.get("Date", "") if self._response is not None else ""

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
        self._redaction.remember(client_secret, refresh_token, basic)
        question = Question("token", "an access token")
        token = self._send(question, lambda: self._request_token(client_id, client_secret, refresh_token))
        self._redaction.remember(token["access_token"], token.get("refresh_token"))
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

    def _ask(self, question: Question, request: Callable[[], Any]) -> dict[str, Any]:
        self._rate_limit.respect(question)
        self.authenticate()
        answer = self._sent_with_a_valid_token(question, request)
        if answer is None:
            raise SourceUnavailable(
                f"Asked for {question.name}, {self._settings.api_url} answered with something that is not JSON.",
                why="the cause is not certain; a proxy or a sign-in page on the way answers like that, "
                "or Spotify had a fault",
                remedy="try again later; if it stays, open the address from this machine and see who answers",
            )
        if not isinstance(answer, dict):
            raise self._misshapen(question, f"the answer is JSON but a {type(answer).__name__}, not an object")
        if question.playlist_id:
            self._given.add(question.playlist_id)
        return answer

    def _sent_with_a_valid_token(self, question: Question, request: Callable[[], Any]) -> Any:
        """Send a request; once in a run, a token that worked and then is refused is replaced by a new one."""
        try:
            answer = self._send(question, request)
        except RequestRefused as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED or not self._may_renew:
                raise
        else:
            self._may_renew = self._may_renew is not False
            return answer
        self._may_renew = False
        self.authenticate()
        return self._send(question, request)

    def _listed(self, question: Question, key: str, answer: dict[str, Any]) -> list[Any]:
        listed = answer.get(key)
        if not isinstance(listed, list):
            raise self._misshapen(question, f"the answer has no list `{key}`")
        return listed

    def _misshapen(self, question: Question, why: str) -> SourceRefusal:
        return SourceRefusal(
            f"Asked for {question.name}, {self._settings.api_url} answered in a form that is not Spotify's.",
            why=why,
            remedy="check that SPOTIFY_API_URL, if set, is a Web API address; otherwise Spotify changed its answers "
            "and this project needs an update",
        )

    def _send(self, question: Question, request: Callable[[], Any]) -> Any:
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
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # What spotipy stumbles over when an answer, or the body of an error, is not the object that it expects.
            failed = self._response is not None and self._response.status_code >= 400
            refusal = self._refusal_of_answer(question, error) if failed else self._unreadable(question, error)
        except requests.RequestException as error:
            refusal = self._unreachable(question, error)
        raise refusal

    def _refusal_of_answer(self, question: Question, error: Exception) -> Refusal:
        response = self._response
        if response is None:
            return RequestRefused(
                f"Spotify cannot be asked for {question.name}.",
                why=f"spotipy finds the request malformed: {self._redaction.hidden(str(error))}",
                remedy="check the id in the playlists file",
                status=400,
            )
        answer = read_answer(response, self._redaction.hidden)
        if answer.status == 429:
            return self._rate_limit.met(question, answer)
        if answer.status >= 500:
            return SourceUnavailable(
                f"Spotify kept answering {answer.status} when asked for {question.name}.",
                why=f"a fault on Spotify's side that outlasted several attempts{answer.quoted}",
                remedy="try again later; https://status.spotify.dev tells of known faults",
            )
        if answer.status == HTTPStatus.NOT_FOUND and question.playlist_id in self._given:
            return SourceUnavailable(
                f"Spotify no longer finds {question.name} (HTTP 404), which it gave a moment ago.",
                why=f"a playlist does not go away in the middle of a run: a passing fault{answer.quoted}",
                remedy="try again later; if it stays, see whether the playlist still exists",
            )
        if answer.status == HTTPStatus.UNAUTHORIZED and question.subject != "token":
            self._token_expires = 0.0
        why, remedy = EXPLANATIONS[question.subject](question, answer, self._settings)
        return RequestRefused(
            f"Spotify refused {question.name} (HTTP {answer.status}).", why=why, remedy=remedy, status=answer.status
        )

    def _unreadable(self, question: Question, error: Exception) -> SourceUnavailable:
        return SourceUnavailable(
            f"Asked for {question.name}, {self._address(question)} gave an answer that cannot be read "
            f"({type(error).__name__}).",
            why="the cause is not certain; a proxy or a sign-in page on the way answers like that, "
            "or Spotify had a fault",
            remedy="try again later; if it stays, check that SPOTIFY_API_URL and SPOTIFY_TOKEN_URL, if set, are right",
        )

    def _unreachable(self, question: Question, error: requests.RequestException) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._address(question)} could not be asked for {question.name}.",
            why=f"the connection failed or broke off: {type(error).__name__}: {self._redaction.hidden(str(error))}",
            remedy="check this machine's network, proxy and DNS, then try again",
        )

    def _address(self, question: Question) -> str:
        return self._settings.token_url if question.subject == "token" else self._settings.api_url

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
            session.mount(scheme, BoundedAnswers(max_retries=retry))
        session.hooks["response"].append(self._keep_response)
        return session

    def _keep_response(self, response: requests.Response, **_: Any) -> None:
        self._response = response

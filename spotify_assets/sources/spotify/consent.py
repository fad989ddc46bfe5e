"""A user's consent, once, in a browser: it ends in a refresh token, written where `.env` files are read from.

Nothing here is used by a run: runs never ask a person.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import RequestHandler, SpotifyOAuth, SpotifyOauthError, start_local_http_server

from spotify_assets.errors import SettingsError, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import SpotifySettings
from spotify_assets.sources.spotify.client import REDIRECT_URI, SCOPE, TIMEOUT

VARIABLE = "SPOTIFY_REFRESH_TOKEN"
SINCE = "SPOTIFY_REFRESH_TOKEN_SINCE"
AGAIN = "run `spotify-assets auth` again and consent; with --no-browser, paste the browser's last address whole"

# The codes of OAuth 2.0 (RFC 6749) that Spotify answers with. Other words of a server are not repeated: they may hold
# the code or the secret.
_EXPLANATIONS = {
    "access_denied": ("the consent was denied in the browser (access_denied)", AGAIN),
    "invalid_grant": ("the code was used before, is too old or is of another app (invalid_grant)", AGAIN),
    "invalid_client": (
        "the client id or the client secret is wrong (invalid_client)",
        "compare SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET with the app's page at developer.spotify.com/dashboard",
    ),
}


class _Callback(RequestHandler):  # type: ignore[misc]
    """spotipy's page at the redirect URI; a browser may open a connection ahead of time and send nothing."""

    timeout = 1


def obtain_refresh_token(settings: SpotifySettings, ask: Callable[[str], str], *, browser: bool = False) -> str:
    """Let a person consent and exchange the outcome for a refresh token (OAuth 2.0 authorization code).

    Args:
        settings: with the app's id and secret.
        ask: shows the address to open, and returns the address at which the browser ended.
        browser: open this machine's browser and wait at the redirect URI; where there is no browser, `ask`.

    Raises:
        SettingsError: the app's id and secret are not set, or cannot be an app's.
        SourceRefusal: the consent was refused, the address is not the one that Spotify sent the browser to, the
            answer holds no refresh token, or another program listens at the redirect URI.
        SourceUnavailable: the token endpoint could not be reached.
    """
    if settings.client_id is None or settings.client_secret is None:
        raise SettingsError(
            "SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set.",
            why="a user consents to one app",
            remedy=f"create an app at developer.spotify.com/dashboard with the redirect URI {REDIRECT_URI}, set both",
        )
    secret = settings.client_secret.get_secret_value()
    if not f"{settings.client_id}{secret}".isascii():
        raise SettingsError(
            "SPOTIFY_CLIENT_ID or SPOTIFY_CLIENT_SECRET has a character that is not ASCII.",
            why="Spotify's ids and secrets have letters and digits only, so the value was not copied cleanly",
            remedy="copy both again from the app's page at developer.spotify.com/dashboard",
        )
    cache = MemoryCacheHandler()
    session = requests.Session()
    # A redirected POST would carry the code to wherever the redirect points.
    session.max_redirects = 0
    user = SpotifyOAuth(
        settings.client_id,
        secret,
        REDIRECT_URI,
        state=secrets.token_urlsafe(16),
        scope=SCOPE,
        cache_handler=cache,
        open_browser=False,
        requests_session=session,
        requests_timeout=TIMEOUT,
    )
    user.OAUTH_TOKEN_URL = settings.token_url
    refusal: SourceRefusal | SourceUnavailable
    try:
        code = (browser and _wait_for_browser(user)) or _read_code(user, ask(user.get_authorize_url()).strip())
        user.get_access_token(code, as_dict=False, check_cache=False)
        return _read_refresh_token(cache)
    except SourceRefusal:
        raise
    except SpotifyOauthError as error:
        refusal = _explain(error)
    except requests.RequestException as error:
        refusal = SourceUnavailable(
            f"{settings.token_url} could not be asked for a refresh token.",
            why=f"the connection failed, or the answer was not the token endpoint's ({type(error).__name__})",
            remedy="check this machine's network and proxy, and SPOTIFY_TOKEN_URL if it is set, then try again",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What spotipy stumbles over when an answer is not the object that it expects.
        refusal = _explain(error)
    finally:
        session.close()
    # Raised outside the handlers: as its cause the original error would carry the request, code and secret included.
    raise refusal


def _wait_for_browser(user: SpotifyOAuth) -> str | None:
    """The code with which the browser comes back from Spotify; None where no browser could be opened.

    Raises:
        SpotifyOauthError: the browser came back without a code.
        SourceRefusal: another program listens there.
    """
    try:
        server = start_local_http_server(urlsplit(REDIRECT_URI).port, _Callback)
    except OSError as error:
        raise SourceRefusal(
            f"Nothing can listen at {REDIRECT_URI}, where Spotify sends the browser.",
            why=error.strerror or str(error),
            remedy="end the program that uses this port, or run `spotify-assets auth --no-browser`",
        ) from error
    with server:
        if not webbrowser.open(user.get_authorize_url()):
            return None
        server.state = None
        # What asks for something else, or comes from another attempt, is answered and does not count.
        while server.error is None and not (server.auth_code and server.state == user.state):
            server.handle_request()
    if server.error is not None:
        raise server.error
    return str(server.auth_code)


def _read_code(user: SpotifyOAuth, address: str) -> str:
    """The code in the address that the browser ended at.

    Raises:
        SpotifyOauthError: the address says that there is none.
        SourceRefusal: it is the address of something else.
    """
    with contextlib.suppress(ValueError):
        state, code = user.parse_auth_response_url(address)
        if state == user.state and code:
            return str(code)
    raise SourceRefusal("No refresh token was given.", why="the address holds no code of this attempt", remedy=AGAIN)


def _read_refresh_token(cache: MemoryCacheHandler) -> str:
    token = cache.get_cached_token().get("refresh_token")
    if isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
        return token
    raise SourceRefusal(
        "No refresh token was given.",
        why="the token endpoint's answer holds no refresh token",
        remedy="check that SPOTIFY_TOKEN_URL, if set, is Spotify's token address, then run `spotify-assets auth` again",
    )


def _explain(error: Exception) -> SourceRefusal:
    unknown = ("the token endpoint refused the code, or answered in a form that is not Spotify's", AGAIN)
    code = getattr(error, "error", None)
    why, remedy = _EXPLANATIONS.get(code, unknown) if isinstance(code, str) else unknown
    return SourceRefusal("No refresh token was given.", why=why, remedy=remedy)


def write_refresh_token(path: Path, token: str) -> None:
    """Set the token and the day of its consent in an env file, keeping other lines; only its owner may read it.

    Raises:
        SettingsError: the file cannot be read or written; it is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if not re.match(rf"\s*(export\s+)?({VARIABLE}|{SINCE})\s*=", line)]
        # What an interrupted attempt left may be readable by others.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join([*kept, f"{VARIABLE}={token}", f"{SINCE}={today_in_japan()}", ""]))
        temporary.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The refresh token cannot be put into {path}.",
            why=getattr(error, "strerror", None) or "the file is not UTF-8 text",
            remedy="run `spotify-assets auth` again with --env-file and a file in a folder that you can write to",
        ) from error

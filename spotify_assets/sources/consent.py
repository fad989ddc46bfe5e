"""A user's consent, once, in a browser: it ends in a refresh token, written where `.env` files are read from.

Nothing here is used by a run: runs never ask a person.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import requests
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyOAuth, SpotifyOauthError, SpotifyStateError

from spotify_assets.errors import SettingsError, SourceRefusal, SourceUnavailable
from spotify_assets.settings import SpotifySettings
from spotify_assets.sources.spotify_client import REDIRECT_URI, SCOPE, TIMEOUT

VARIABLE = "SPOTIFY_REFRESH_TOKEN"


def obtain_refresh_token(settings: SpotifySettings, ask: Callable[[str], str]) -> str:
    """Let a person consent and exchange the outcome for a refresh token (OAuth 2.0 authorization code).

    Args:
        settings: with the app's id and secret.
        ask: shows the address to open, and returns the address at which the browser ended.

    Raises:
        SettingsError: the app's id and secret are not set.
        SourceRefusal: the consent was refused, or the address is not the one that Spotify sent the browser to.
        SourceUnavailable: the token endpoint could not be reached.
    """
    if settings.client_id is None:
        raise SettingsError(
            "SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set.",
            why="a user consents to one app",
            remedy=f"create an app at developer.spotify.com/dashboard with the redirect URI {REDIRECT_URI}, set both",
        )
    cache = MemoryCacheHandler()
    user = SpotifyOAuth(
        settings.client_id,
        settings.client_secret,
        REDIRECT_URI,
        state=secrets.token_urlsafe(16),
        scope=SCOPE,
        cache_handler=cache,
        open_browser=False,
        requests_timeout=TIMEOUT,
    )
    user.OAUTH_TOKEN_URL = settings.token_url
    answer = ask(user.get_authorize_url()).strip()
    refusal: SourceRefusal | SourceUnavailable
    try:
        state, code = user.parse_auth_response_url(answer)
        if state != user.state or not code:
            raise SpotifyStateError(user.state, state, "the address is of another attempt")
        user.get_access_token(code, as_dict=False, check_cache=False)
        return str(cache.get_cached_token()["refresh_token"])
    except (SpotifyOauthError, KeyError, TypeError) as error:
        refusal = SourceRefusal(
            "No refresh token was given.",
            why=getattr(error, "error", None) or "the address holds no code of this attempt",
            remedy="run `spotify-assets auth` again, consent, and paste the whole address that the browser ends at",
        )
    except requests.RequestException as error:
        refusal = SourceUnavailable(
            f"{settings.token_url} could not be asked for a refresh token.",
            why=type(error).__name__,
            remedy="check this machine's network and proxy, then try again",
        )
    finally:
        user._session.close()
    # Raised outside the handlers: as its cause the original error would carry the request, code and secret included.
    raise refusal


def write_refresh_token(path: Path, token: str) -> None:
    """Set the variable in an env file, keeping its other lines; only its owner may read it."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if not re.match(rf"\s*(export\s+)?{VARIABLE}\s*=", line)]
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*kept, f"{VARIABLE}={token}", ""]))
    temporary.replace(path)

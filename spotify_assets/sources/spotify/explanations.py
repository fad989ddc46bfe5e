"""What Spotify's refusals mean: why it said no to a question, and what a person can do about it.

What belongs here: questions and error answers in words, free of transport. Asking is `client`.

Facts about Spotify are from developer.spotify.com: the blog posts of 2024-11-27 (closed playlists), 2026-02-06
(development mode), 2026-06-18 (refresh tokens) and 2026-07-23 (quotas), and the February 2026 migration guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spotify_assets.settings import SpotifySettings

if TYPE_CHECKING:
    import requests

SPOTIFY_OWNED = "37i9dQZ"
"""Playlist ids that begin like this are Spotify's own."""

Subject = Literal["token", "playlist", "batch", "single"]


@dataclass(frozen=True)
class Question:
    """What is being asked, in words for a refusal, and what kind of answer it would be."""

    subject: Subject
    name: str
    playlist_id: str = ""


@dataclass(frozen=True)
class Answer:
    """What an error answer says, free of secrets."""

    status: int
    words: str
    reason: str
    retry_after: str | None

    @property
    def quoted(self) -> str:
        """Spotify's own words, for the end of an explanation."""
        return f"; Spotify's own words: {self.words!r}" if self.words else "; Spotify gave no words for it"


def read_answer(response: requests.Response, without_secrets: Callable[[str], str]) -> Answer:
    """What an error answer says, in either of the forms of the Web API and of the token endpoint."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = response.text
    error = body.get("error") if isinstance(body, dict) else body
    if isinstance(error, dict):
        words, reason = error.get("message"), error.get("reason")
    elif isinstance(body, dict):
        # The form of the token endpoint.
        words, reason = body.get("error_description") or error, error
    else:
        words, reason = error, None
    return Answer(
        status=response.status_code,
        words=without_secrets(words if isinstance(words, str) else json.dumps(words) if words else ""),
        reason=reason if isinstance(reason, str) else "",
        retry_after=response.headers.get("Retry-After"),
    )


def _explain_token(_: Question, answer: Answer, settings: SpotifySettings) -> tuple[str, str]:
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


def _explain_common(answer: Answer, settings: SpotifySettings) -> tuple[str, str] | None:
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


def _explain_playlist(question: Question, answer: Answer, settings: SpotifySettings) -> tuple[str, str]:
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


def _explain_playlist_not_found(question: Question, answer: Answer) -> tuple[str, str]:
    if question.playlist_id.startswith(SPOTIFY_OWNED):
        return (
            "this playlist is Spotify's own, and since 2024-11-27 Spotify hides those from every app that did not "
            f"have extended quota before that day; a mistyped id would look the same{answer.quoted}",
            "follow it from the public archive (`source: archive`; `make japan`), import chart files "
            "(`spotify-assets charts import`), copy the playlist into one of your own and use its id, or use an app "
            "that has had extended quota since before 2024-11-27",
        )
    return (
        "there is no such playlist for this app: the id is wrong, or the playlist was deleted, or it is private and "
        f"the token is not its owner's; Spotify does not say which{answer.quoted}",
        "check `playlist_id` in the playlists file; for a private playlist set the owner's SPOTIFY_REFRESH_TOKEN "
        "(`spotify-assets auth`)",
    )


def _explain_playlist_forbidden(question: Question, answer: Answer, settings: SpotifySettings) -> tuple[str, str]:
    why = (
        "most likely the app is in development mode, where since 2026-02-11 the entries of a playlist are only for a "
        "user who owns it or collaborates on it"
    )
    remedy = (
        "follow the chart from the public archive (`source: archive`; `make japan`), import chart files "
        "(`spotify-assets charts import`), or use a playlist of your own (a copy of the chart, for example)"
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


def _explain_batch(_: Question, answer: Answer, settings: SpotifySettings) -> tuple[str, str]:
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


def _explain_single(_: Question, answer: Answer, settings: SpotifySettings) -> tuple[str, str]:
    common = _explain_common(answer, settings)
    if common is not None:
        return common
    if answer.status == 404:
        return f"Spotify does not have it, or no longer{answer.quoted}", "nothing: its columns stay empty"
    return f"the cause is not certain{answer.quoted}", "see Spotify's own words, and the app's page"


EXPLANATIONS: dict[Subject, Callable[[Question, Answer, SpotifySettings], tuple[str, str]]] = {
    "token": _explain_token,
    "playlist": _explain_playlist,
    "batch": _explain_batch,
    "single": _explain_single,
}

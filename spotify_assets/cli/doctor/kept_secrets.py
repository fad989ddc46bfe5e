"""Looks at secrets: which are set and from where, who may read their file, and when the user's consent ends."""

from __future__ import annotations

from collections.abc import Iterator

from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding, Status, sentences
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import Settings, with_secrets
from spotify_assets.settings.environment import ENV_FILE
from spotify_assets.settings.secrets import names_set
from spotify_assets.sources.spotify.consent_end import LIFE, end_of_consent

OTHERS = 0o077
"""What a file's mode gives to its group and to everybody."""


def known_settings(settings: Settings, *, offline: bool) -> Settings | None:
    """The settings with their secrets, none of which has to be asked for any more; None where that needs AWS.

    Raises:
        SettingsError, SourceUnavailable: as `with_secrets`.
    """
    if settings.secret and offline:
        return None
    return with_secrets(settings).model_copy(update={"secret": None})


def look_at_secrets(settings: Settings, known: Settings | None) -> Iterator[Finding]:
    """Which are set, and from where; the mode of `.env`; the app of Spotify, and the age of the user's consent.

    Args:
        settings: as they are set.
        known: the settings with their secrets; None where those were not asked for.
    """
    here = names_set(settings)
    kept = ", ".join(sorted(names_set(known) - here)) if known else "not asked for"
    places = [f"{', '.join(sorted(here))} (environment or {ENV_FILE})"] if here else []
    places += [f"{kept or 'nothing'} (secret {settings.secret})"] if settings.secret else []
    yield Finding("secrets", OK, "; ".join(places) or "none is set")
    if ENV_FILE.is_file():
        yield _look_at_mode()
    if known:
        yield _look_at_app(known)
        if known.spotify.refresh_token:
            yield _look_at_consent(known)


def needs_app(settings: Settings) -> bool:
    """Whether a playlist can only be read with an app of Spotify."""
    return any(playlist.source == "spotify" for playlist in settings.playlists)


def _look_at_app(known: Settings) -> Finding:
    if known.spotify.client_id:
        user = "a user's refresh token" if known.spotify.refresh_token else "client credentials only"
        return Finding("Spotify app", OK, f"id and secret are set, with {user}")
    if not needs_app(known):
        return Finding("Spotify app", OK, "none is set; none is needed here")
    text = sentences(
        "SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set.",
        why="playlists with `source: spotify` are read by an app",
        remedy="create an app at developer.spotify.com/dashboard and set both",
    )
    return Finding("Spotify app", BAD, text)


def _look_at_mode() -> Finding:
    mode = ENV_FILE.stat().st_mode & 0o777
    if not mode & OTHERS:
        return Finding(str(ENV_FILE), OK, "readable by its owner alone")
    text = sentences(
        f"{ENV_FILE.absolute()} has the mode {mode:o}.",
        why="other users of this machine may read or change the secrets in it",
        remedy=f"run `chmod 600 {ENV_FILE}`",
    )
    return Finding(str(ENV_FILE), NOTE, text)


def _look_at_consent(known: Settings) -> Finding:
    since, today = known.spotify.refresh_token_since, today_in_japan()
    subject, end = "consent", end_of_consent(since, today)
    if since is None:
        return Finding(subject, OK, "SPOTIFY_REFRESH_TOKEN_SINCE is not set: when the consent ends is not known")
    if end is None:
        return Finding(subject, OK, f"of {since}; it ends about {since + LIFE}")
    ended: Status = BAD if needs_app(known) else NOTE
    text = sentences(
        f"The consent of {since} {'has ended' if end <= today else 'ends'}, about {end}.",
        why="Spotify ends a refresh token six months after the user's consent; using it does not prolong it",
        remedy="run `spotify-assets auth` and consent again",
    )
    return Finding(subject, ended if end <= today else NOTE, text)

"""Looks at where the playlists come from: Spotify, the archive with GitHub's limit, or neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from spotify_assets.cli.arguments import days_between
from spotify_assets.cli.doctor.findings import BAD, NOTE, OK, Finding, Status, look, sentences
from spotify_assets.cli.doctor.kept_secrets import needs_app
from spotify_assets.cli.doctor.machine import Clock
from spotify_assets.errors import Refusal, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import ARCHIVE
from spotify_assets.storage.lake import LocalLake

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.client import SpotifyClient

LOOKED_BACK = timedelta(days=14)
FEW_CALLS = 10
"""A playlist of the archive takes one a day, and one for each hundred days that are caught up."""


def look_at_playlists(settings: Settings, known: Settings | None, clock: Clock, *, offline: bool) -> Iterator[Finding]:
    """Whether each playlist can be read.

    Args:
        settings: as they are set.
        known: the settings with their secrets; None where those could not be had.
        clock: what gets the times of the answers.
        offline: whether nobody is asked.
    """
    asked = [] if offline else [one for one in settings.playlists if one.source in (ARCHIVE, "spotify")]
    for playlist in settings.playlists:
        if playlist not in asked:
            yield Finding(_subject(playlist), OK, _described(playlist))
    archived = [playlist for playlist in asked if playlist.source == ARCHIVE]
    if archived:
        yield from _look_at_archive(known or settings.model_copy(update={"secret": None}), archived, clock)
    of_spotify = [playlist for playlist in asked if playlist.source == "spotify"]
    if asked and known and known.spotify.client_id:
        yield from _look_at_spotify(known, of_spotify, clock)
    else:
        yield from _not_asked(of_spotify)


def _subject(playlist: PlaylistSettings) -> str:
    return f"playlist {playlist.slug}"


def _described(playlist: PlaylistSettings) -> str:
    return f"{playlist.title} ({playlist.source}, {playlist.cadence})"


def _not_asked(playlists: Sequence[PlaylistSettings]) -> Iterator[Finding]:
    for playlist in playlists:
        yield Finding(_subject(playlist), NOTE, f"{_described(playlist)}: not asked for, since the above is bad")


def _look_at_spotify(known: Settings, playlists: Sequence[PlaylistSettings], clock: Clock) -> Iterator[Finding]:
    from spotify_assets.sources.spotify.client import SpotifyClient

    client = SpotifyClient(known.spotify)
    try:
        client.authenticate()
    except Refusal as refusal:
        yield Finding("Spotify token", BAD if needs_app(known) else NOTE, str(refusal))
        yield from _not_asked(playlists)
        return
    clock.compare_date("Spotify", client.date)
    modes: set[str] = set()
    findings = [look(_subject(playlist), lambda one=playlist: _read(client, one, modes)) for playlist in playlists]  # type: ignore[misc]
    mode = f"the answers are those of an app in {modes.pop()}" if len(modes) == 1 else "no answer showed the quota mode"
    yield Finding("Spotify token", OK, f"Spotify gives one; {mode}")
    yield from findings


def _read(client: SpotifyClient, playlist: PlaylistSettings, modes: set[str]) -> str:
    page = client.playlist_page(str(playlist.playlist_id), 0, playlist.market)
    modes.update(_modes(page))
    return f"{_described(playlist)}: Spotify gives its entries ({page.get('total')})"


def _modes(page: dict[str, Any]) -> Iterator[str]:
    """What the form of the entries shows: development mode has had `item` in the place of `track` since 2026-02-11."""
    for entry in page.get("items") or ():
        if isinstance(entry, dict) and isinstance(entry.get("item"), dict):
            yield "development mode"
        elif isinstance(entry, dict) and isinstance(entry.get("track"), dict):
            yield "extended quota mode"


def _look_at_archive(known: Settings, playlists: Sequence[PlaylistSettings], clock: Clock) -> Iterator[Finding]:
    for playlist in playlists:
        yield look(_subject(playlist), lambda one=playlist: _read_archived(known, one))  # type: ignore[misc]
    yield _look_at_limit(known, clock)


def _read_archived(known: Settings, playlist: PlaylistSettings) -> str:
    from spotify_assets.resources import Sources

    # A lake of its own, which goes: looking leaves nothing behind.
    with TemporaryDirectory() as folder:
        source = Sources(known, LocalLake(folder=folder)).source_of(playlist)
        today = today_in_japan()
        days = source.days_on_offer(playlist, days_between(today - LOOKED_BACK, today), {})
    if not days:
        raise SourceRefusal(
            f"The archive has no list of {playlist.playlist_id} of the last {LOOKED_BACK.days} days.",
            why="it does not record this playlist, or has come to an end",
            remedy="look for the playlist at github.com in its repositories, and give others as `repositories`",
        )
    return f"{_described(playlist)}: can be read without an account; its newest list is of {max(days)}"


def _look_at_limit(known: Settings, clock: Clock) -> Finding:
    from spotify_assets.sources.archive.github import GithubClient

    subject = "GitHub's limit"
    github = known.github
    token = github.token.get_secret_value() if github.token else None
    try:
        calls = GithubClient(github.api_url, github.raw_url, token).calls_left()
    except Refusal as refusal:
        return Finding(subject, NOTE, str(refusal))
    clock.compare_date("GitHub", calls.date)
    left = f"{calls.left} of {calls.of} calls are left until {calls.until:%H:%M} UTC"
    if calls.left >= FEW_CALLS:
        return Finding(subject, OK, left)
    status: Status = NOTE if calls.left else BAD
    text = sentences(
        f"GitHub: {left}.",
        why="its limit holds for everybody at this address, or for the token",
        remedy="wait until then; GITHUB_TOKEN (any token, without any right) raises the limit to 5,000",
    )
    return Finding(subject, status, text)

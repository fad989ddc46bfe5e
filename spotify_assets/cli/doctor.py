"""What `spotify-assets doctor` looks at: settings, lake, catalog, Spotify. It leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from spotify_assets.cli.arguments import days_between
from spotify_assets.errors import CatalogError, Refusal, SourceRefusal, StorageError
from spotify_assets.partitions import today_in_japan
from spotify_assets.resources import build_lake
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import ARCHIVE
from spotify_assets.storage.lake import LocalLake
from spotify_assets.storage.layout import CATALOG_KEY, RAW_PREFIX, TEMPORARY_PREFIX

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.client import SpotifyClient

PROBE = f"{TEMPORARY_PREFIX}doctor"
LOOKED_BACK = timedelta(days=14)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `text` says what is so, or what is wrong and what to do."""

    subject: str
    ok: bool
    text: str


def examine(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Look at everything; offline, at what needs neither Spotify nor AWS."""
    for playlist in settings.playlists:
        yield Finding(
            f"playlist {playlist.slug}", ok=True, text=f"{playlist.title} ({playlist.source}, {playlist.cadence})"
        )
    yield _credentials(settings)
    if not (offline and settings.lake_is_s3):
        yield _look(f"lake {settings.lake}", lambda: _probe_lake(settings))
    if not settings.lake_is_s3:
        yield _look("catalog", lambda: _probe_catalog(Path(settings.lake) / CATALOG_KEY))
    if offline:
        return
    for playlist in settings.playlists:
        if playlist.source == ARCHIVE:
            yield _look(f"archive of {playlist.slug}", partial(_probe_archive, settings, playlist))
    spotify = [playlist for playlist in settings.playlists if playlist.source == "spotify"]
    yield from _look_at_playlists(settings, spotify)
    if settings.glue_crawler:
        yield _look(f"crawler {settings.glue_crawler}", lambda: _probe_crawler(settings))


def verify(settings: Settings) -> Iterator[Finding]:
    """Read everything that the lake keeps, and name each object that is damaged."""
    from spotify_assets.analytics.verification import find_damage

    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        damage = list(find_damage(lake.store()))
    for refusal in damage:
        yield Finding("object", ok=False, text=str(refusal))
    if not damage:
        yield Finding("objects", ok=True, text="everything in the lake was read, and is as it was written")


def _credentials(settings: Settings) -> Finding:
    needed = any(playlist.source == "spotify" for playlist in settings.playlists)
    if settings.spotify.client_id is None:
        what = "SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET are not set"
        remedy = "create an app at developer.spotify.com/dashboard and set both" if needed else "none is needed here"
        return Finding("Spotify app", ok=not needed, text=f"{what}; {remedy}")
    user = "a user's refresh token" if settings.spotify.refresh_token else "client credentials only"
    return Finding("Spotify app", ok=True, text=f"id and secret are set, with {user}")


def _look(subject: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, ok=True, text=probe())
    except Refusal as refusal:
        return Finding(subject, ok=False, text=str(refusal))


def _probe_lake(settings: Settings) -> str:
    if not settings.lake_is_s3 and not Path(settings.lake).exists():
        return _probe_parent(Path(settings.lake))
    with build_lake(settings.lake).process_config_and_initialize_cm() as lake:
        store = lake.store()
        store.write(PROBE, b"")
        store.list_keys(RAW_PREFIX)
        store.delete(PROBE)
    return "can be written and listed"


def _probe_parent(folder: Path) -> str:
    parent = next(parent for parent in folder.parents if parent.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise StorageError(
            f"The lake's folder {folder} cannot be made.",
            why=f"{parent} is not a folder in which you may write",
            remedy="check its permissions, or set SPOTIFY_ASSETS_LAKE to another folder",
        )
    return "is not there yet; the first run makes it"


def _probe_catalog(path: Path) -> str:
    import duckdb

    if not path.exists():
        return f"{path} is not there yet; `make demo`, or a run of publish_job, makes it"
    try:
        with duckdb.connect(path, read_only=True) as catalog:
            views = catalog.sql("select count(*) from duckdb_views() where not internal").fetchall()[0][0]
            newest = catalog.sql("select max(snapshot_date) from songs").fetchall()[0][0]
    except duckdb.Error as error:
        raise CatalogError(
            f"{path} cannot be read.",
            why=str(error).splitlines()[0],
            remedy="launch publish_job, which makes it again; close other programs that have it open for writing",
        ) from error
    return f"{path} opens: {views} views, " + (f"newest day of songs {newest}" if newest else "no day of songs yet")


def _look_at_playlists(settings: Settings, playlists: list[PlaylistSettings]) -> Iterator[Finding]:
    if not playlists:
        return
    from spotify_assets.sources.spotify.client import SpotifyClient

    client = SpotifyClient(settings.spotify)
    for playlist in playlists:
        yield _look(f"reading {playlist.slug}", partial(_probe_playlist, client, playlist))


def _probe_playlist(client: SpotifyClient, playlist: PlaylistSettings) -> str:
    page = client.playlist_page(str(playlist.playlist_id), 0, playlist.market)
    return f"Spotify gives its entries ({page.get('total')})"


def _probe_archive(settings: Settings, playlist: PlaylistSettings) -> str:
    from spotify_assets.resources import Sources

    # A lake of its own, which goes: looking leaves nothing behind.
    with TemporaryDirectory() as folder:
        source = Sources(settings, LocalLake(folder=folder)).source_of(playlist)
        today = today_in_japan()
        days = source.days_on_offer(playlist, days_between(today - LOOKED_BACK, today), {})
    if not days:
        raise SourceRefusal(
            f"The archive has no list of {playlist.playlist_id} of the last {LOOKED_BACK.days} days.",
            why="it does not record this playlist, or has come to an end",
            remedy="look for the playlist at github.com in its repositories, and give others as `repositories`",
        )
    return f"can be read without an account; its newest list is of {max(days)}"


def _probe_crawler(settings: Settings) -> str:
    from spotify_assets.catalog.glue_crawl import check_crawler, open_client

    with open_client() as glue:
        check_crawler(glue, crawler=str(settings.glue_crawler), database=settings.glue_database, lake_uri=settings.lake)
    return f"fills database {settings.glue_database} from the lake's tables"

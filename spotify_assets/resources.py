"""The resources that the settings ask for. Building them needs no network and no secret."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.settings import PlaylistSettings, Settings, with_secrets
from spotify_assets.sources.source import Source
from spotify_assets.storage.io_managers import ParquetIOManager, RawIOManager
from spotify_assets.storage.lake import Lake, LocalLake
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from spotify_assets.sources.archive.archive_source import ArchiveSource
    from spotify_assets.sources.charts.chart_tracks import ChartTracks
    from spotify_assets.sources.spotify.spotify_source import SpotifySource


class Sources:
    """The sources of one run, by name. One object per run, so that all playlists of a run share a call budget."""

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self._without_secrets = settings
        self._builders: dict[str, Callable[[], Source]] = {
            "archive": lambda: _archive_source(self.settings, lake.store(), self._chart_tracks()),
            "demo": _demo_source,
            "spotify": lambda: self._spotify,
            "charts": lambda: _charts_source(self.settings, lake.store(), self._chart_tracks()),
        }
        self._built: dict[str, Source] = {}

    def source_of(self, playlist: PlaylistSettings) -> Source:
        """The source that a playlist comes from, built when it is first asked for."""
        if playlist.source not in self._built:
            self._built[playlist.source] = self._builders[playlist.source]()
        return self._built[playlist.source]

    @cached_property
    def settings(self) -> Settings:
        """The settings with their secrets, which are read once in a run.

        Raises:
            SettingsError, SourceUnavailable: as `with_secrets`.
        """
        return with_secrets(self._without_secrets)

    @cached_property
    def _spotify(self) -> SpotifySource:
        return _spotify_source(self.settings)

    def _chart_tracks(self) -> ChartTracks | None:
        """Where track objects of chart rows come from, if there are credentials to ask with."""
        if not self.settings.spotify.client_id:
            return None
        from spotify_assets.sources.charts.chart_tracks import ChartTracks

        return ChartTracks(lambda: self._spotify.enrichment("track objects of charts"), self.settings.spotify.language)


def build_resources(settings: Settings) -> dict[str, Any]:
    """All resources of the code location, by key."""
    return {
        "lake": build_lake(settings.lake),
        "raw_io_manager": _io_manager(RawIOManager),
        "parquet_io_manager": _io_manager(ParquetIOManager),
        # Plain objects, not configurable resources: settings hold secrets, and resource config is shown in the UI.
        "sources": dg.ResourceDefinition(
            lambda context: Sources(settings, context.resources.lake),
            description="The sources of one run.",
            required_resource_keys={"lake"},
        ),
    }


def build_lake(lake: str) -> Lake:
    """The lake at a folder or an s3:// address."""
    if not lake.startswith("s3://"):
        return LocalLake(folder=lake)
    from spotify_assets.storage.s3_lake import S3Lake

    bucket, _, prefix = lake.removeprefix("s3://").partition("/")
    return S3Lake(bucket=bucket, prefix=prefix)


def _io_manager(io_manager: type[dg.IOManager]) -> dg.IOManagerDefinition:
    return dg.IOManagerDefinition(
        lambda _: io_manager(), description=io_manager.__doc__, required_resource_keys={"lake"}
    )


def _demo_source() -> Source:
    from spotify_assets.sources.demo.demo_source import DemoSource

    return DemoSource()


def _archive_source(settings: Settings, store: ObjectStore, tracks: ChartTracks | None) -> ArchiveSource:
    from spotify_assets.sources.archive.archive_source import ArchiveSource
    from spotify_assets.sources.archive.github import GithubClient

    token = settings.github.token
    client = GithubClient(settings.github.api_url, settings.github.raw_url, token.get_secret_value() if token else None)
    if tracks is None:
        return ArchiveSource(store, client)
    from spotify_assets.sources.archive.completed_archive import CompletedArchiveSource
    from spotify_assets.storage.raw_layer import RawLayer

    return CompletedArchiveSource(store, client, tracks, RawLayer(store).read_usable)


def _charts_source(settings: Settings, store: ObjectStore, tracks: ChartTracks | None) -> Source:
    from spotify_assets.sources.charts.charts_source import ChartsSource
    from spotify_assets.storage.raw_layer import RawLayer

    playlists = [playlist for playlist in settings.playlists if playlist.source == "charts"]
    return ChartsSource(store, playlists, tracks, RawLayer(store).read_usable)


def _spotify_source(settings: Settings) -> SpotifySource:
    from spotify_assets.sources.spotify.spotify_source import SpotifySource

    return SpotifySource(settings.spotify)

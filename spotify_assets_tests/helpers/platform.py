"""The whole platform on a lake and an ephemeral instance, as tests from end to end drive it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from spotify_assets.definitions import build_definitions
from spotify_assets.partitions import RANGE_END_TAG, RANGE_START_TAG, today_in_japan
from spotify_assets.resources import build_lake
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import partition_key
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer

PLAYLISTS_FILE = """
start: 2025-01-01
playlists:
  - {{slug: chart, title: A Chart, cadence: {cadence}, source: spotify, playlist_id: {playlist_id}, market: JP}}
"""


class Platform:
    """Definitions for an environment, and what they leave in the lake."""

    def __init__(self, environment: Mapping[str, str], instance: dg.DagsterInstance) -> None:
        self.settings = load_settings(environment)
        self.definitions = build_definitions(self.settings)
        self.instance = instance
        self._lake = build_lake(self.settings.lake)
        self.store = self._lake.store()

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections to a bucket, if the lake is one."""
        self._lake.teardown_after_execution(dg.build_init_resource_context())

    def run_daily(self, first: date | None = None, last: date | None = None) -> dg.ExecuteInProcessResult:
        """Run daily_playlist_job for a day (default: today in Japan) or for a range."""
        first = first or today_in_japan()
        job = self.definitions.resolve_job_def("daily_playlist_job")
        tags = {RANGE_START_TAG: str(first), RANGE_END_TAG: str(last or first)} if last else {}
        partition = None if last else str(first)
        return job.execute_in_process(instance=self.instance, partition_key=partition, tags=tags, raise_on_error=False)

    def publish(
        self, run_config: dict[str, Any] | None = None, only: Sequence[dg.AssetKey] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run publish_job, or only the steps that make these."""
        job = self.definitions.resolve_job_def("publish_job")
        return job.execute_in_process(
            instance=self.instance, run_config=run_config, raise_on_error=False, asset_selection=only
        )

    def rows(self, table: str, day: date | None = None, slug: str = "chart") -> list[dict[str, Any]]:
        """The rows of one partition."""
        data = self.store.read(partition_key(table, slug, day or today_in_japan()))
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
        return rows

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Keys and bytes below a prefix of the lake."""
        return {key: self.store.read(key) for key in self.store.list_keys(prefix)}


def spotify_environment(
    server: SpotifyServer, folder: Path, *, lake: str | None = None, cadence: str = "daily", user: bool = False
) -> dict[str, str]:
    """The variables of a platform with one Spotify playlist, called chart."""
    playlists = folder / "playlists.yaml"
    playlists.write_text(PLAYLISTS_FILE.format(playlist_id=PLAYLIST_ID, cadence=cadence), encoding="utf-8")
    return {
        **server.environment(user=user),
        "SPOTIFY_ASSETS_PLAYLISTS": str(playlists),
        "SPOTIFY_ASSETS_LAKE": lake or str(folder / "lake"),
    }

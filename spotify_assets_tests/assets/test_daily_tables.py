"""The step that makes the daily tables: what it asks the bucket for, and what it leaves for people to read."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import botocore.client
import dagster as dg
import pytest

from spotify_assets.assets.daily_tables import PREVIEW_ROWS, preview
from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import ARTISTS, SONGS, TABLES
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_artist, make_entry, make_track

MOST_LISTINGS = 6


@pytest.fixture
def requests(monkeypatch):
    """The requests of all AWS clients, counted by operation; a listing of several pages counts for each."""
    made = Counter()
    call = botocore.client.BaseClient._make_api_call

    def counted(client, operation, arguments):
        made[operation] += 1
        return call(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", counted)
    return made


@pytest.mark.slow
def test_a_daily_run_lists_the_bucket_at_most_six_times(tmp_path, instance, aws, requests):
    aws.create_bucket("lake")
    with SpotifyServer() as server:
        server.add_playlist(PLAYLIST_ID, [make_entry(make_track(number)) for number in range(1, 6)])
        environment = spotify_environment(server, tmp_path, lake="s3://lake/live")
        with Platform(environment, instance) as platform:
            for _ in ("the first of all", "one that fetches the same again"):
                requests.clear()
                result = platform.run_daily()
                assert result.success, failures_of(result)
                assert 0 < requests["ListObjectsV2"] <= MOST_LISTINGS


@pytest.mark.slow
class TestMetadata:
    @pytest.fixture
    def days(self, tmp_path, instance):
        """The metadata of the songs of a range of three days."""
        today = today_in_japan()
        days = [today - timedelta(days=number) for number in (2, 1, 0)]
        with Platform({"SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}, instance) as platform:
            assert platform.run_daily(days[0], days[-1]).success
            yield {day: (self.of(instance, day), platform.rows("songs", day, "demo_japan")) for day in days}

    @staticmethod
    def of(instance, day):
        records = dg.AssetRecordsFilter(dg.AssetKey(["demo_japan", "songs"]), asset_partitions=[str(day)])
        return instance.fetch_materializations(records, limit=1).records[0].asset_materialization.metadata

    def test_every_day_of_a_range_has_its_own_preview(self, days):
        for metadata, rows in days.values():
            lines = metadata["preview"].value.splitlines()
            assert lines[0] == f"| {' | '.join(SONGS.preview)} |"
            assert len(lines) == 2 + PREVIEW_ROWS
            assert ", ".join(rows[0]["artist_names"]) in lines[2]
            assert rows[0]["song_name"].replace("|", "\\|") in lines[2]

    def test_it_is_short(self, days):
        for metadata, _ in days.values():
            assert set(metadata) == {"dagster/partition_row_count", "dagster/uri", "coverage", "preview"}


def test_a_preview_is_text_and_no_python():
    artists = [make_artist(1, name="A | B"), make_artist(2, name="C")]
    entries = [make_entry(make_track(1, artists, name="Line\nbreak", popularity=None))]
    frames = daily_tables([make_snapshot(entries)], "daily")
    row = preview(SONGS, frames["songs"]).splitlines()[2]
    assert row.startswith("| 1 | Line break | A \\| B, C | ")
    assert row.endswith(" |  |  |")
    assert "[" not in preview(ARTISTS, frames["artists"])
    assert all(preview(table, frames[name][:0]).count("\n") == 1 for name, table in TABLES.items())

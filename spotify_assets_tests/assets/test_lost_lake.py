"""A lake that was there and is empty now: nothing is fetched into it, nothing is published, and it is named."""

from __future__ import annotations

import shutil

import pytest

from spotify_assets.cli.runs import failures_of
from spotify_assets.publication import CATALOG_KEY
from spotify_assets.storage.layout import MARKER_KEY
from spotify_assets_tests.helpers.platform import Platform

pytestmark = pytest.mark.slow


@pytest.fixture
def platform(lake_folder, instance):
    with Platform({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}, instance) as platform:
        assert platform.run_daily().success
        assert platform.store.list_keys("")
        yield platform


def lose(folder):
    shutil.move(folder, folder.with_name("elsewhere"))
    folder.mkdir()


def test_an_empty_lake_is_refused_until_it_is_back(platform, lake_folder):
    lose(lake_folder)
    for run in (platform.run_daily, platform.publish):
        result = run()
        assert not result.success
        (message, *_) = failures_of(result)
        assert f"The lake {lake_folder} is empty, and Dagster knows of days that were stored there." in message
        assert list(lake_folder.rglob("*.parquet")) == []
        assert not (lake_folder / "analytics").exists()
    lake_folder.rmdir()
    shutil.move(lake_folder.with_name("elsewhere"), lake_folder)
    assert platform.publish().success


def test_a_lake_at_another_place_is_a_new_one(platform, lake_folder, instance):
    elsewhere = lake_folder.with_name("bucket")
    with Platform({"SPOTIFY_ASSETS_LAKE": str(elsewhere)}, instance) as moved:
        assert moved.run_daily().success
        assert moved.publish(only=[CATALOG_KEY]).success
        assert moved.store.read(MARKER_KEY)


def test_a_new_lake_is_told_so_by_its_marker(platform, lake_folder):
    lose(lake_folder)
    (lake_folder / MARKER_KEY).touch()
    assert platform.run_daily().success


def test_a_lake_of_an_older_version_gets_its_marker(platform):
    platform.store.delete(MARKER_KEY)
    assert platform.run_daily().success
    assert platform.store.list_keys("")[0].startswith("albums/")
    assert platform.store.read(MARKER_KEY)

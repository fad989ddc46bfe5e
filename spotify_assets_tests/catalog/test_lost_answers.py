"""Glue does what it is asked for, its answer is lost on the way, and boto3 asks it again."""

from __future__ import annotations

import pytest

from spotify_assets.catalog.glue_comparison import Gaps, read_tables
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.catalog.glue_registration import register
from spotify_assets.catalog.glue_tables import register_table
from spotify_assets.schemas import TABLES
from spotify_assets_tests.stand_ins.bad_way import BadWay, Spoiled

pytestmark = pytest.mark.slow

DATABASE = "charts"
SONGS = TABLES["songs"]
MISSING = Gaps((SONGS.name,), {}, {SONGS.name: frozenset({("japan", "2026-11-01")})})


@pytest.fixture
def glue(aws, monkeypatch):
    aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    with BadWay(aws.endpoint_url, "CreateTable") as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL", way.url)
        way.spoil(Spoiled("lost", times=1))
        with open_client() as client:
            yield client
        assert len(way.lines) == 2


def test_a_table_of_a_run_is_registered(glue):
    register_table(glue, DATABASE, "of_a_run", SONGS, "s3://lake/run/", parameters={"run": "a"})
    table = glue.get_table(DatabaseName=DATABASE, Name="of_a_run")["Table"]
    assert table["StorageDescriptor"]["Location"] == "s3://lake/run/"


def test_a_daily_table_is_registered_with_its_days(glue):
    register(glue, DATABASE, "s3://lake", MISSING, TABLES)
    assert read_tables(glue, DATABASE, TABLES)[SONGS.name].partitions == {("japan", "2026-11-01")}

"""The Glue tables that the platform makes itself, with boto3 on the wire against the AWS stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from spotify_assets.catalog.glue_tables import (
    drop_abandoned,
    drop_table,
    register_compacted,
    register_table,
    run_table,
)
from spotify_assets.errors import CatalogError
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, COMPACTED, SONG_IDENTITY
from spotify_assets.schemas.table import Table, required

DATABASE = "spotify_assets"
LOCATION = "s3://chart-lake/live/chart_days/"


@pytest.fixture
def glue(aws):
    client = aws.client("glue")
    client.create_database(DatabaseInput={"Name": DATABASE})
    return client


def table_of(glue, name):
    return glue.get_table(DatabaseName=DATABASE, Name=name)["Table"]


def partitions_of(glue, name):
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=DATABASE, TableName=name)
    return {
        tuple(partition["Values"]): partition["StorageDescriptor"] for page in pages for partition in page["Partitions"]
    }


def register_years(glue, years, *, table=CHART_DAYS, location=LOCATION):
    register_compacted(glue, DATABASE, table, location, years, parameters={"as_of": "2026-11-22"})


@pytest.mark.parametrize("table", [SONG_IDENTITY, *ANALYSES.values()], ids=lambda table: table.name)
def test_a_table_is_registered_with_its_types_and_comments(glue, table):
    register_table(glue, DATABASE, table.name, table, "s3://lake/a/", parameters={"run": "7", "as_of": "2026-11-22"})
    made = table_of(glue, table.name)
    assert made["TableType"] == "EXTERNAL_TABLE"
    assert made["PartitionKeys"] == []
    assert made["Description"] == table.description
    assert made["Parameters"] == {"classification": "parquet", "run": "7", "as_of": "2026-11-22"}
    assert made["StorageDescriptor"]["Location"] == "s3://lake/a/"
    assert "parquet" in made["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    columns = made["StorageDescriptor"]["Columns"]
    assert [column["Name"] for column in columns] == table.column_names
    assert {column["Type"] for column in columns} <= {"string", "int", "bigint", "double", "boolean", "date"}
    assert all(0 < len(column["Comment"]) <= 255 for column in columns)


def test_a_long_description_is_cut_at_a_word_and_says_so(glue):
    table = Table("t", "A table.", ("a",), (required("a", "string", "word " * 60), required("b", "string", "short")))
    register_table(glue, DATABASE, "t", table, "s3://lake/a/", parameters={})
    long, short = [column["Comment"] for column in table_of(glue, "t")["StorageDescriptor"]["Columns"]]
    assert long.endswith("word …")
    assert 245 < len(long) <= 255
    assert short == "short"


def test_a_table_that_is_there_is_switched_whole(glue):
    for run in ("1", "2"):
        register_table(glue, DATABASE, "t", SONG_IDENTITY, f"s3://lake/run={run}/", parameters={"run": run})
    made = table_of(glue, "t")
    assert made["StorageDescriptor"]["Location"] == "s3://lake/run=2/"
    assert made["Parameters"]["run"] == "2"


def test_the_years_of_a_compacted_table_are_its_partitions(glue):
    register_years(glue, [("japan", 2024), ("japan", 2025), ("world", 2025)])
    assert table_of(glue, "chart_days")["PartitionKeys"] == [
        {"Name": "playlist", "Type": "string"},
        {"Name": "year", "Type": "int"},
    ]
    found = partitions_of(glue, "chart_days")
    assert set(found) == {("japan", "2024"), ("japan", "2025"), ("world", "2025")}
    assert found["japan", "2025"]["Location"] == f"{LOCATION}playlist=japan/year=2025/"


def test_only_what_is_new_or_gone_changes(glue, monkeypatch):
    register_years(glue, [("japan", 2024), ("japan", 2025)])
    register_years(glue, [("japan", 2025), ("japan", 2026)])
    assert set(partitions_of(glue, "chart_days")) == {("japan", "2025"), ("japan", "2026")}
    monkeypatch.setattr(glue, "batch_create_partition", None)
    monkeypatch.setattr(glue, "batch_update_partition", None)
    monkeypatch.setattr(glue, "batch_delete_partition", None)
    register_years(glue, [("japan", 2025), ("japan", 2026)])


def test_more_partitions_than_a_call_takes(glue):
    years = [(f"p{number:03}", 2026) for number in range(230)]
    register_years(glue, years)
    assert len(partitions_of(glue, "chart_days")) == 230
    register_years(glue, years[:3])
    assert len(partitions_of(glue, "chart_days")) == 3


@pytest.mark.parametrize("table", COMPACTED.values(), ids=lambda table: table.name)
def test_partitions_follow_a_lake_that_moved_and_a_column_that_was_added(glue, table):
    earlier = Table(table.name, table.description, table.key, table.columns[:-1])
    register_years(glue, [("japan", 2026)], table=earlier, location="s3://elsewhere/")
    register_years(glue, [("japan", 2026)], table=table)
    (storage,) = partitions_of(glue, table.name).values()
    assert storage["Location"].startswith(LOCATION)
    assert [column["Name"] for column in storage["Columns"]] == table.column_names


def test_a_dropped_table_is_gone_and_need_not_be_there(glue):
    register_table(glue, DATABASE, "t", SONG_IDENTITY, "s3://lake/a/", parameters={})
    for _ in range(2):
        drop_table(glue, DATABASE, "t")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        table_of(glue, "t")


def test_a_database_that_is_not_there_is_explained(glue):
    with pytest.raises(CatalogError) as caught:
        register_table(glue, "other", "t", SONG_IDENTITY, "s3://lake/a/", parameters={})
    assert caught.value.what == "Glue refused registering the table t (EntityNotFoundException)."
    assert "GLUE_DATABASE" in caught.value.remedy


def test_missing_rights_are_explained(glue, monkeypatch):
    def deny(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no glue:UpdateTable"}}, "UpdateTable")

    monkeypatch.setattr(glue, "update_table", deny)
    with pytest.raises(CatalogError) as caught:
        register_table(glue, DATABASE, "t", SONG_IDENTITY, "s3://lake/a/", parameters={})
    assert caught.value.why == "no glue:UpdateTable"
    assert "glue:BatchCreatePartition" in caught.value.remedy


def test_partitions_that_glue_refuses_are_told(glue, monkeypatch):
    error = {"PartitionValues": ["japan", "2026"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}
    monkeypatch.setattr(glue, "batch_create_partition", lambda **_: {"Errors": [error]})
    with pytest.raises(CatalogError, match="Glue refused 1 partitions \\(InternalServiceException\\)"):
        register_years(glue, [("japan", 2026)])


class TestAbandonedTables:
    """What killed runs of Athena left: tables named after their run, which their parameters name too."""

    RUN = "20261125T010203-ab12cd34"
    LATER = datetime.now(UTC) + timedelta(hours=1)

    def register(self, glue, name, run):
        register_table(glue, DATABASE, name, SONG_IDENTITY, "s3://lake/a/", parameters={"run": run})

    def names(self, glue):
        return {table["Name"] for table in glue.get_tables(DatabaseName=DATABASE)["TableList"]}

    def test_those_of_runs_go(self, glue):
        orphan = run_table(self.RUN, "song_spells")
        assert orphan == "run_20261125t010203_ab12cd34__song_spells"
        self.register(glue, orphan, self.RUN)
        assert drop_abandoned(glue, DATABASE, self.LATER) == [orphan]
        assert self.names(glue) == set()

    def test_those_of_a_living_run_stay(self, glue):
        self.register(glue, run_table(self.RUN, "song_spells"), self.RUN)
        assert drop_abandoned(glue, DATABASE, datetime.now(UTC) - timedelta(minutes=1)) == []

    def test_released_tables_and_those_of_people_stay(self, glue):
        self.register(glue, "song_spells", self.RUN)
        self.register(glue, "run_of_luck__songs", self.RUN)
        glue.create_table(DatabaseName=DATABASE, TableInput={"Name": run_table(self.RUN, "song_spells")})
        assert drop_abandoned(glue, DATABASE, self.LATER) == []
        assert len(self.names(glue)) == 3

"""The Glue side of the catalog, with boto3 on the wire against the AWS stand-in."""

import io
import json
import os
import re
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import reduce

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.glue.models import FakeCrawler

from spotify_assets.catalog.crawler_settings import expected_settings
from spotify_assets.catalog.glue_crawl import NO_GAPS, refresh
from spotify_assets.errors import CatalogError, CatalogUnavailable
from spotify_assets.schemas import TABLES, Column, Table, arrow_schema
from spotify_assets.schemas.types import TYPES
from spotify_assets_tests.stand_ins.aws import AwsStandIn, crawler_configuration

pytestmark = pytest.mark.slow

BUCKET = "chart-lake"
LAKE = f"s3://{BUCKET}/live"
CRAWLER = "chart-crawler"
DATABASE = "spotify_assets"
FIRST_DAY = ("japan", "2026-11-01")
SECOND_DAY = ("japan", "2026-11-02")
TWO_TABLES = {name: TABLES[name] for name in ("songs", "rejects")}
LATER_COLUMN = Column("charted_in", "list<string>", nullable=True, description="A column of a later version.")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0
        self.sleeps = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds


class Lake:
    """A lake on the stand-in, and what a caller would list in it."""

    def __init__(self, aws):
        self.aws = aws
        self.partitions = {}
        self.clock = Clock()

    def write(self, table: Table, *partitions, schema=None):
        content = io.BytesIO()
        pq.write_table((schema or arrow_schema(table)).empty_table(), content)
        for playlist, snapshot_date in partitions:
            key = f"live/{table.name}/playlist={playlist}/snapshot_date={snapshot_date}/part-0.parquet"
            self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.getvalue())
            self.partitions.setdefault(table.name, set()).add((playlist, snapshot_date))

    def refresh(self, tables=TWO_TABLES, **others):
        arguments = {
            "crawler": CRAWLER,
            "database": DATABASE,
            "lake_uri": LAKE,
            "lake_partitions": self.partitions,
            "timeout_seconds": 60,
            "poll_seconds": 5,
            "glue": self.aws.client("glue"),
            "tables": tables,
            "sleep": self.clock.sleep,
            "clock": self.clock,
        }
        return refresh(**{**arguments, **others})


@pytest.fixture
def aws(monkeypatch):
    with AwsStandIn() as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        stand_in.create_bucket(BUCKET)
        stand_in.create_crawler(CRAWLER, DATABASE, LAKE, TWO_TABLES)
        yield stand_in


@pytest.fixture
def lake(aws):
    lake = Lake(aws)
    for table in TWO_TABLES.values():
        lake.write(table, FIRST_DAY)
    return lake


def with_column(table, column):
    return {**TWO_TABLES, table: replace(TWO_TABLES[table], columns=(*TWO_TABLES[table].columns, column))}


def glue_table(aws, name):
    return aws.client("glue").get_table(DatabaseName=DATABASE, Name=name)["Table"]


def partition(aws, table, values):
    return aws.client("glue").get_partition(DatabaseName=DATABASE, TableName=table, PartitionValues=list(values))[
        "Partition"
    ]


def crawl_count(aws):
    return len(aws.client("glue").list_crawls(CrawlerName=CRAWLER)["Crawls"])


def test_the_environment_alone_leads_to_the_stand_in(aws):
    with closing(boto3.client("glue")) as glue, closing(boto3.client("s3")) as s3:
        assert [database["Name"] for database in glue.get_databases()["DatabaseList"]] == [DATABASE]
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]


def test_the_stand_in_takes_the_owners_account_out_of_the_environment_and_gives_it_back(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "owner")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "made-up")
    with AwsStandIn():
        assert "AWS_PROFILE" not in os.environ
        assert "AWS_SESSION_TOKEN" not in os.environ
    assert os.environ["AWS_PROFILE"] == "owner"


def test_a_stand_in_begins_empty_and_leaves_moto_as_it_was():
    unpatched = FakeCrawler.start_crawler
    with AwsStandIn() as first:
        first.create_bucket(BUCKET)
        first.create_crawler(CRAWLER, DATABASE, LAKE)
    assert FakeCrawler.start_crawler is unpatched
    with AwsStandIn() as second:
        assert second.client("s3").list_buckets()["Buckets"] == []
        assert second.client("glue").get_crawlers()["Crawlers"] == []


def test_every_type_of_the_schemas_has_a_glue_type():
    assert {column.type for table in TABLES.values() for column in table.columns} <= TYPES.keys()


def test_all_tables_of_the_schemas_crawl_as_they_are_described(aws):
    lake = Lake(aws)
    aws.create_crawler("all", DATABASE, LAKE)
    for table in TABLES.values():
        lake.write(table, FIRST_DAY)
    report = lake.refresh(TABLES, crawler="all")
    assert set(report.tables_added) == set(TABLES)
    assert report.partitions_added == dict.fromkeys(TABLES, 1)
    assert report.surplus_columns == ()


def test_the_first_crawl_makes_tables_and_partitions(aws, lake):
    lake.write(TABLES["songs"], SECOND_DAY)
    report = lake.refresh()
    assert not report.skipped
    assert report.reason == "songs: expected a table, found none; rejects: expected a table, found none"
    assert report.tables_added == ("songs", "rejects")
    assert report.partitions_added == {"songs": 2, "rejects": 1}
    assert report.columns_changed == ()
    assert report.crawl_seconds == 10  # two looks find it running, five seconds apart
    songs = glue_table(aws, "songs")
    assert [key["Name"] for key in songs["PartitionKeys"]] == ["playlist", "snapshot_date"]
    types = {column["Name"]: column["Type"] for column in songs["StorageDescriptor"]["Columns"]}
    assert (types["position"], types["artist_names"], types["added_at"]) == ("int", "array<string>", "timestamp")


def test_nothing_new_is_no_crawl(aws, lake):
    lake.refresh()
    report = lake.refresh()
    assert report.skipped
    assert "no partition and no schema is new" in report.reason
    assert crawl_count(aws) == 1


def test_an_empty_lake_is_no_crawl(aws):
    report = Lake(aws).refresh()
    assert report.skipped


def test_a_new_partition_is_crawled_and_counted(lake):
    lake.refresh()
    lake.write(TABLES["songs"], SECOND_DAY)
    report = lake.refresh()
    assert report.reason == "songs: expected the partition playlist=japan/snapshot_date=2026-11-02, found none"
    assert report.tables_added == ()
    assert report.partitions_added == {"songs": 1}


def test_a_table_without_any_partition_in_the_lake_is_not_expected(aws):
    lake = Lake(aws)
    lake.write(TABLES["songs"], FIRST_DAY)
    assert lake.refresh().tables_added == ("songs",)
    assert lake.refresh().skipped


def test_a_column_added_to_the_schema_is_crawled_and_reported(aws, lake):
    lake.refresh()
    later = with_column("songs", LATER_COLUMN)
    lake.write(later["songs"], FIRST_DAY)
    report = lake.refresh(later)
    assert report.reason == "songs.charted_in: expected array<string>, found no such column"
    assert report.columns_changed == ("songs.charted_in: added as array<string>",)
    assert report.partitions_added == {}
    assert lake.refresh(later).skipped


def test_a_column_that_no_file_has_is_registered(aws, lake):
    lake.refresh()
    before = glue_table(aws, "songs")
    later = with_column("songs", LATER_COLUMN)
    report = lake.refresh(later)
    assert report.registered.columns == {"songs": (LATER_COLUMN,)}
    assert report.columns_changed == ("songs.charted_in: added as array<string>",)
    after = glue_table(aws, "songs")
    columns = before["StorageDescriptor"]["Columns"]
    added = {"Name": "charted_in", "Type": "array<string>", "Comment": LATER_COLUMN.description}
    assert after["StorageDescriptor"]["Columns"] == [*columns, added]
    assert after["Parameters"] == before["Parameters"]
    assert lake.refresh(later).skipped


def test_what_the_crawler_passes_over_is_registered_as_it_would_have_been(aws, lake):
    lake.write(TABLES["songs"], SECOND_DAY)
    aws.order_crawl(passes_over={"rejects", "2026-11-02"})
    report = lake.refresh()
    assert not report.skipped
    assert report.registered.tables == ("rejects",)
    assert report.registered.partitions == {"songs": {SECOND_DAY}, "rejects": {FIRST_DAY}}
    assert report.tables_added == ("songs", "rejects")
    assert report.partitions_added == {"songs": 2, "rejects": 1}
    rejects = glue_table(aws, "rejects")
    assert rejects["TableType"] == "EXTERNAL_TABLE"
    assert rejects["Parameters"] == {"classification": "parquet", "compressionType": "none", "typeOfData": "file"}
    assert rejects["PartitionKeys"] == [{"Name": key, "Type": "string"} for key in ("playlist", "snapshot_date")]
    assert rejects["StorageDescriptor"]["Location"] == f"{LAKE}/rejects/"
    types = [TYPES[column.type].glue for column in TABLES["rejects"].columns]
    assert [column["Type"] for column in rejects["StorageDescriptor"]["Columns"]] == types
    by_crawler, by_us = (partition(aws, "songs", day)["StorageDescriptor"] for day in (FIRST_DAY, SECOND_DAY))
    assert by_us == {**by_crawler, "Location": by_crawler["Location"].replace("2026-11-01", "2026-11-02")}
    assert lake.refresh().skipped


def test_a_later_crawl_takes_a_registered_table_for_its_own(aws, lake):
    aws.order_crawl(passes_over={"rejects"})
    lake.refresh()
    lake.write(TABLES["rejects"], SECOND_DAY)
    report = lake.refresh()
    assert report.registered == NO_GAPS
    assert report.partitions_added == {"rejects": 1}
    assert lake.refresh().skipped


def test_more_partitions_than_a_call_takes_are_registered(aws, lake):
    days = [("japan", f"2026-{month:02}-{day:02}") for month in range(1, 11) for day in range(1, 29)]
    aws.order_crawl(passes_over={"rejects"})
    lake.write(TABLES["rejects"], *days)
    assert len(lake.refresh().registered.partitions["rejects"]) == 281
    assert lake.refresh().skipped


def test_on_schema_change_new_days_of_known_tables_cost_no_crawl(aws, lake):
    lake.refresh(on_schema_change=True)
    lake.write(TABLES["songs"], SECOND_DAY)
    report = lake.refresh(on_schema_change=True)
    assert report.skipped
    assert report.registered.partitions == {"songs": {SECOND_DAY}}
    assert report.partitions_added == {"songs": 1}
    assert crawl_count(aws) == 1
    assert lake.refresh().skipped


@pytest.mark.parametrize("new", ["table", "column"])
def test_on_schema_change_a_new_table_or_column_is_crawled(aws, new):
    lake, tables = Lake(aws), TWO_TABLES
    lake.write(TABLES["songs"], FIRST_DAY)
    lake.refresh()
    if new == "table":
        lake.write(TABLES["rejects"], FIRST_DAY)
    else:
        tables = with_column("songs", LATER_COLUMN)
        lake.write(tables["songs"], SECOND_DAY)
    report = lake.refresh(tables, on_schema_change=True)
    assert not report.skipped
    assert report.registered == NO_GAPS
    assert crawl_count(aws) == 2


def test_the_report_has_what_glue_charges_for_the_newest_crawl(aws, lake):
    aws.order_crawl(dpu_hours=0.41)
    aws.order_crawl(dpu_hours=0.333)
    assert lake.refresh().dpu_hours == 0.41
    lake.write(TABLES["songs"], SECOND_DAY)
    assert lake.refresh().dpu_hours == 0.333
    assert lake.refresh().dpu_hours is None


def test_an_older_crawl_is_not_taken_for_the_one_that_ended(aws, lake):
    class OnlyOldCrawls:
        def __getattr__(self, name):
            return getattr(aws.client("glue"), name)

        def list_crawls(self, **request):
            listed = aws.client("glue").list_crawls(**request)["Crawls"]
            return {"Crawls": [{**crawl, "StartTime": crawl["StartTime"] - timedelta(days=1)} for crawl in listed]}

    assert lake.refresh(glue=OnlyOldCrawls()).dpu_hours is None


def test_a_crawl_whose_cost_glue_does_not_give_costs_not_nothing(aws, lake):
    aws.order_crawl(dpu_hours=None)
    assert lake.refresh().dpu_hours is None


def test_a_column_of_an_older_schema_is_only_reported(lake):
    later = with_column("songs", LATER_COLUMN)
    lake.write(later["songs"], FIRST_DAY)
    assert lake.refresh().surplus_columns == ("songs.charted_in",)
    again = lake.refresh()
    assert again.skipped
    assert again.surplus_columns == ("songs.charted_in",)


def test_a_wrong_type_names_table_and_column(lake):
    songs = arrow_schema(TABLES["songs"])
    wrong = songs.set(songs.get_field_index("position"), pa.field("position", pa.int64()))
    lake.write(TABLES["songs"], FIRST_DAY, schema=wrong)
    with pytest.raises(CatalogError, match=r"songs\.position: expected int, found bigint") as caught:
        lake.refresh()
    assert "delete the Glue table" in caught.value.remedy


def test_names_are_compared_in_any_case(lake):
    capitals = with_column("songs", replace(LATER_COLUMN, name="ChartedIn"))
    lake.write(capitals["songs"], FIRST_DAY)
    report = lake.refresh(capitals)
    assert report.surplus_columns == ()
    assert lake.refresh(capitals).skipped


def test_missing_partition_keys_are_an_error(aws, lake):
    aws.client("glue").create_table(
        DatabaseName=DATABASE,
        TableInput={
            "Name": "songs",
            "StorageDescriptor": {"Location": f"{LAKE}/songs/", "Columns": []},
            "PartitionKeys": [{"Name": "playlist", "Type": "string"}],
        },
    )
    with pytest.raises(CatalogError, match=r"songs\.snapshot_date: expected string \(partition key\), found no"):
        lake.refresh()
    assert crawl_count(aws) == 0


def test_a_wrong_type_is_not_crawled_again_and_again(aws, lake):
    test_a_wrong_type_names_table_and_column(lake)
    with pytest.raises(CatalogError, match=r"songs\.position: expected int, found bigint"):
        lake.refresh()
    assert crawl_count(aws) == 1


def test_more_partitions_than_fit_on_a_page(aws, lake):
    days = [("japan", f"2026-{month:02}-{day:02}") for month in range(1, 8) for day in range(1, 19)]
    lake.write(TABLES["rejects"], *days)
    report = lake.refresh()
    assert report.partitions_added == {"songs": 1, "rejects": 127}
    assert lake.refresh().skipped
    first_page = aws.client("glue").get_partitions(DatabaseName=DATABASE, TableName="rejects")
    assert "NextToken" in first_page


def test_a_crawler_that_does_not_exist(lake):
    with pytest.raises(CatalogError, match="reading the crawler nobody") as caught:
        lake.refresh(crawler="nobody")
    assert "GLUE_CRAWLER" in caught.value.remedy


def test_a_database_that_does_not_exist(lake):
    with pytest.raises(CatalogError, match="database elsewhere") as caught:
        lake.refresh(database="elsewhere")
    assert "GLUE_DATABASE" in caught.value.remedy


def test_a_crawler_of_another_database(aws, lake):
    aws.create_crawler("other", "other_database", LAKE, TWO_TABLES)
    with pytest.raises(CatalogError, match="fills the database other_database, not spotify_assets"):
        lake.refresh(crawler="other")


def test_a_crawler_that_prefixes_its_tables(aws, lake):
    aws.create_crawler("prefixing", DATABASE, LAKE, TWO_TABLES, TablePrefix="raw_")
    with pytest.raises(CatalogError, match="puts raw_ before the names"):
        lake.refresh(crawler="prefixing")


@pytest.mark.parametrize("folder", ["raw_playlist", "landing", "analytics"])
def test_a_surplus_target(aws, lake, folder):
    paths = [f"{LAKE}/songs", f"{LAKE}/rejects/", f"{LAKE}/{folder}/"]
    aws.create_crawler("greedy", DATABASE, LAKE, Targets={"S3Targets": [{"Path": path} for path in paths]})
    with pytest.raises(CatalogError, match=rf"tables of {LAKE}: surplus {LAKE}/{folder}/\.\n"):
        lake.refresh(crawler="greedy")


def test_missing_and_doubled_targets(aws, lake):
    paths = [f"{LAKE}/songs/", f"{LAKE}/songs/"]
    aws.create_crawler("double", DATABASE, LAKE, Targets={"S3Targets": [{"Path": path} for path in paths]})
    with pytest.raises(CatalogError, match=rf"missing {LAKE}/rejects/, surplus {LAKE}/songs/"):
        lake.refresh(crawler="double")


def configured(path, value):
    """The configuration of a crawler in which a member is another, or is lacking (None)."""
    configuration = crawler_configuration(LAKE)
    *folders, name = path.split(".")
    inner = reduce(dict.__getitem__, folders, configuration)
    inner |= {name: value}
    return {"Configuration": json.dumps(configuration)}


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        (configured("Grouping.TableLevelConfiguration", 2), "Grouping.TableLevelConfiguration is 2 and should be 3"),
        (configured("Grouping.TableLevelConfiguration", None), "TableLevelConfiguration is not set and should be 3"),
        (configured("Grouping", {}), "TableGroupingPolicy is not set and should be CombineCompatibleSchemas"),
        (configured("CrawlerOutput.Tables", {}), "Tables.AddOrUpdateBehavior is not set and should be MergeNewColumns"),
        (configured("CrawlerOutput.Partitions", None), "should be InheritFromTable"),
        ({"Configuration": "{"}, "should be MergeNewColumns"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}}, "CRAWL_NEW_FOLDERS_ONLY and should be"),
        ({"SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}}, "UpdateBehavior is LOG and"),
        (
            {"SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DELETE_FROM_DATABASE"}},
            "DeleteBehavior is DELETE_FROM_DATABASE and should be LOG",
        ),
    ],
)
def test_a_crawler_that_is_set_otherwise_is_refused(aws, lake, others, wrong):
    aws.create_crawler("other", DATABASE, LAKE, TWO_TABLES, **others)
    with pytest.raises(CatalogError, match=re.escape(wrong)) as caught:
        lake.refresh(crawler="other")
    assert "update-crawler" in caught.value.remedy


def test_the_order_and_the_spaces_of_a_configuration_do_not_matter(aws, lake):
    turned = dict(reversed(crawler_configuration(LAKE).items())) | {"CreatePartitionIndex": True}
    aws.create_crawler("other", DATABASE, LAKE, TWO_TABLES, Configuration=json.dumps(turned, indent=4))
    assert not lake.refresh(crawler="other").skipped


def test_the_level_of_the_tables_in_a_bucket_without_a_prefix(aws):
    assert expected_settings("s3://lake")["Configuration"]["Grouping"]["TableLevelConfiguration"] == 2


def test_nothing_is_crawled_by_a_crawler_that_is_refused(aws, lake):
    aws.create_crawler("other", "other_database", LAKE, TWO_TABLES)
    with pytest.raises(CatalogError):
        lake.refresh(crawler="other")
    assert aws.client("glue").get_crawler(Name="other")["Crawler"].get("LastCrawl") is None


def test_tables_of_another_lake(aws, lake):
    aws.client("glue").create_table(
        DatabaseName=DATABASE,
        TableInput={"Name": "songs", "StorageDescriptor": {"Location": "s3://old-lake/songs/", "Columns": []}},
    )
    with pytest.raises(CatalogError, match="songs is at s3://old-lake/songs/"):
        lake.refresh()
    assert crawl_count(aws) == 0


def test_a_failed_crawl_carries_glues_message_and_log(aws, lake):
    aws.order_crawl(error="Insufficient Lake Formation permission(s)")
    with pytest.raises(CatalogError, match="ended as FAILED") as caught:
        lake.refresh()
    assert caught.value.why == "Insufficient Lake Formation permission(s)"
    assert "/aws-glue/crawlers" in caught.value.remedy
    assert not lake.refresh().skipped


def test_a_stopped_crawl_is_a_failure(aws, lake):
    aws.order_crawl(polls=1000)

    def stop_it(seconds):
        aws.client("glue").stop_crawler(Name=CRAWLER)

    with pytest.raises(CatalogError, match="ended as CANCELLED"):
        lake.refresh(sleep=stop_it)


def test_a_crawl_that_runs_already_is_waited_for_and_not_taken_for_ours(aws, lake):
    aws.order_crawl(polls=4)
    aws.client("glue").start_crawler(Name=CRAWLER)
    # Written after that crawl passed: only one of our own can find it.
    lake.write(TABLES["songs"], SECOND_DAY)
    report = lake.refresh()
    assert crawl_count(aws) == 2
    assert report.partitions_added == {"songs": 2, "rejects": 1}
    assert report.waited_seconds > 0


def test_the_outcome_of_the_crawl_that_ran_already_does_not_count(aws, lake):
    aws.order_crawl(polls=4, error="somebody else's trouble")
    aws.client("glue").start_crawler(Name=CRAWLER)
    assert lake.refresh().tables_added == ("songs", "rejects")


def test_a_crawl_that_does_not_end_is_given_up(aws, lake):
    aws.order_crawl(polls=1000)
    with pytest.raises(CatalogError, match="not done within 60 seconds; it is RUNNING") as caught:
        lake.refresh()
    assert lake.clock.now == 60
    assert "get-crawler" in caught.value.remedy


def test_somebody_elses_crawl_that_does_not_end_is_given_up(aws, lake):
    aws.order_crawl(polls=1000)
    aws.client("glue").start_crawler(Name=CRAWLER)
    with pytest.raises(CatalogError, match="not done within 60 seconds"):
        lake.refresh()
    assert lake.clock.now == 60
    assert crawl_count(aws) == 1


def test_no_sleep_is_longer_than_the_poll_or_the_time_left(aws, lake):
    aws.order_crawl(polls=1000)
    with pytest.raises(CatalogError):
        lake.refresh(timeout_seconds=12)
    assert lake.clock.sleeps == [5, 5, 2]


class LateGlue:
    """A client to which the crawler still looks as before for one call after its start."""

    def __init__(self, glue):
        self._glue = glue
        self._late = False
        self._seen = None

    def __getattr__(self, name):
        return getattr(self._glue, name)

    def start_crawler(self, *, Name):  # noqa: N803  boto3's spelling
        self._glue.start_crawler(Name=Name)
        self._late = True

    def get_crawler(self, *, Name):  # noqa: N803
        if self._late:
            self._late = False
        else:
            self._seen = self._glue.get_crawler(Name=Name)
        return self._seen


def test_a_crawler_that_does_not_look_started_yet_is_not_taken_for_done(aws, lake):
    lake.refresh()
    lake.write(TABLES["songs"], SECOND_DAY)
    assert lake.refresh(glue=LateGlue(aws.client("glue"))).partitions_added == {"songs": 1}


class FailingGlue:
    """A client one of whose operations is refused."""

    def __init__(self, glue, operation, code):
        self._glue = glue
        self._operation = operation
        self._code = code

    def __getattr__(self, name):
        if name == re.sub("(?<!^)(?=[A-Z])", "_", self._operation).lower():
            raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, self._operation)
        return getattr(self._glue, name)


def test_a_start_that_timed_out_is_explained_and_may_be_tried_again(aws, lake):
    glue = FailingGlue(aws.client("glue"), "StartCrawler", "OperationTimeoutException")
    with pytest.raises(CatalogUnavailable, match="OperationTimeoutException") as caught:
        lake.refresh(glue=glue)
    assert "READY" in caught.value.remedy
    assert not lake.refresh().skipped


@pytest.mark.parametrize("operation", ["GetCrawler", "StartCrawler", "CreateTable", "BatchCreatePartition"])
def test_a_permission_that_lacks_is_named_first(aws, lake, operation):
    aws.order_crawl(passes_over={"rejects"})
    with pytest.raises(CatalogUnavailable) as caught:
        lake.refresh(glue=FailingGlue(aws.client("glue"), operation, "AccessDeniedException"))
    assert caught.value.remedy.startswith(f"allow this role glue:{operation};")


def test_without_the_right_to_list_crawls_only_the_cost_lacks(aws, lake):
    report = lake.refresh(glue=FailingGlue(aws.client("glue"), "ListCrawls", "AccessDeniedException"))
    assert (report.skipped, report.dpu_hours) == (False, None)


class RefusingGlue:
    """A client whose first call ends in the error given."""

    def __init__(self, error):
        self._error = error

    def get_paginator(self, _name):
        raise self._error


def refused(code, message):
    return RefusingGlue(ClientError({"Error": {"Code": code, "Message": message}}, "GetTables"))


@pytest.mark.parametrize(
    ("glue", "remedy"),
    [
        (refused("AccessDeniedException", "User may not"), "glue:StartCrawler"),
        (refused("ThrottlingException", "Rate exceeded"), "wait a minute"),
        (refused("InternalServiceException", "Oops"), "AWS Glue API reference"),
        (refused("ExpiredTokenException", "The security token is expired"), "renew them"),
        (RefusingGlue(EndpointConnectionError(endpoint_url="http://127.0.0.1:1")), "AWS_ENDPOINT_URL"),
    ],
    ids=["access denied", "throttled", "fault of AWS", "expired", "unreachable"],
)
def test_refusals_name_what_to_do(glue, remedy):
    with pytest.raises(CatalogError) as caught:
        refresh_with(glue)
    assert remedy in caught.value.remedy


def test_a_refused_signature_does_not_leak_the_request():
    with pytest.raises(CatalogError) as caught:
        refresh_with(refused("InvalidSignatureException", "The Canonical String was x-amz-security-token:made-up"))
    assert "made-up" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def refresh_with(glue):
    return refresh(
        glue,
        crawler=CRAWLER,
        database=DATABASE,
        lake_uri=LAKE,
        lake_partitions={"songs": {FIRST_DAY}},
        timeout_seconds=60,
        poll_seconds=5,
    )

"""lake.yaml, for what a linter of CloudFormation passes over."""

from __future__ import annotations

import json
import runpy

import pytest

from spotify_assets.analytics.queries import saved_queries
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.storage.layout import ANALYTICS_PREFIX, BI_PREFIX, REPORT_PREFIX, TEMPORARY_PREFIX, table_prefix
from spotify_assets_tests.helpers.cloudformation import FOLDER, Template, lake_template

MOST_BYTES = 51_200
"""Of a template that `aws cloudformation deploy` sends without a bucket."""
LEAST_CUTOFF = 10_000_000
RETYPED_BY_NOBODY = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"}


@pytest.fixture(scope="module")
def lake():
    return lake_template()


@pytest.fixture(scope="module")
def exports(lake):
    return lake.exports()


def test_the_crawler_has_one_target_for_each_daily_table(lake):
    targets = [target["Path"] for target in lake.resource("Crawler")["Targets"]["S3Targets"]]
    assert sorted(targets) == sorted(f"s3://chart-lake/lake/{table_prefix(table)}" for table in TABLES)


def test_the_crawlers_configuration_has_the_keys_that_glue_knows(lake):
    """A misspelt key is taken and ignored; a policy that does not fit is refused when the stack is made."""
    assert json.loads(lake.resource("Crawler")["Configuration"]) == {
        "Version": 1.0,
        "CrawlerOutput": {
            "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
            "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
        },
        "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 3},
    }
    assert lake.resource("Crawler")["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}
    assert lake.resource("Crawler")["SchemaChangePolicy"] == RETYPED_BY_NOBODY


def test_the_table_level_is_that_of_the_targets(lake):
    crawler = lake.resource("Crawler")
    level = json.loads(crawler["Configuration"])["Grouping"]["TableLevelConfiguration"]
    assert {
        len(target["Path"].removeprefix("s3://").strip("/").split("/")) for target in crawler["Targets"]["S3Targets"]
    } == {level}
    assert "/" not in lake.body["Parameters"]["LakePrefix"]["AllowedPattern"]


def test_nothing_of_the_lake_expires_by_its_age(lake):
    rules = lake.resource("Bucket")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule or "ExpirationDate" in rule}
    results = lake.resource("AnalystWorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]["OutputLocation"]
    assert expiring == {f"lake/{TEMPORARY_PREFIX}", results.removeprefix("s3://chart-lake/")}
    assert not any("Transition" in key for rule in rules for key in rule)


def test_what_was_replaced_goes_after_a_month(lake):
    rules = lake.resource("Bucket")["LifecycleConfiguration"]["Rules"]
    assert [rule["NoncurrentVersionExpiration"] for rule in rules if "NoncurrentVersionExpiration" in rule] == [
        {"NoncurrentDays": 30}
    ]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule] == [
        {"DaysAfterInitiation": 7}
    ]


def test_the_analysts_limits_are_enforced_and_the_pipelines_place_is_not(lake):
    analysts, pipeline = (
        lake.resource(name)["WorkGroupConfiguration"] for name in ("AnalystWorkGroup", "PipelineWorkGroup")
    )
    assert analysts["EnforceWorkGroupConfiguration"] is True
    assert pipeline["EnforceWorkGroupConfiguration"] is False
    for configuration in (analysts, pipeline):
        assert configuration["BytesScannedCutoffPerQuery"] >= LEAST_CUTOFF
        assert configuration["ResultConfiguration"]["OutputLocation"].endswith("/")


def test_the_crawler_reads_the_daily_tables_and_nothing_else(lake):
    (policy,) = lake.resource("CrawlerRole")["Policies"]
    (reading,) = [one for one in policy["PolicyDocument"]["Statement"] if "s3:GetObject" in one["Action"]]
    assert sorted(reading["Resource"]) == sorted(f"arn:aws:s3:::chart-lake/lake/{table}/*" for table in TABLES)


def test_an_analyst_reads_every_folder_with_a_table_and_writes_only_results(lake):
    (policy,) = lake.resource("AnalystRole")["Policies"]
    statements = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    folders = [*map(table_prefix, (*TABLES, *COMPACTED, *IDENTITY)), ANALYTICS_PREFIX, BI_PREFIX, REPORT_PREFIX]
    assert sorted(statements["ReadTheLake"]["Resource"]) == sorted(
        f"arn:aws:s3:::chart-lake/lake/{one}*" for one in folders
    )
    writing = {
        sid for sid, one in statements.items() if any("Put" in action or "Delete" in action for action in one["Action"])
    }
    assert writing == {"WriteResults"}
    assert statements["WriteResults"]["Resource"] == "arn:aws:s3:::chart-lake/athena/*"
    assert statements["AskInTheAnalystsWorkgroup"]["Resource"].endswith(":workgroup/spotify-assets-analysts")


def test_the_analysts_find_every_saved_query(exports):
    queries = Template("queries.yaml", exports=exports).of_type("AWS::Athena::NamedQuery").values()
    assert {query["Name"]: query["QueryString"].strip() for query in queries} == {
        name: query.text.strip() for name, query in saved_queries().items()
    }
    assert {(query["Database"], query["WorkGroup"]) for query in queries} == {
        ("spotify_assets", "spotify-assets-analysts")
    }


def test_the_queries_template_is_current():
    written = runpy.run_path(str(FOLDER / "write_queries.py"))["template"]()
    current = (FOLDER / "queries.yaml").read_text(encoding="utf-8")
    assert current == written, "run .venv/bin/python deploy/aws/write_queries.py"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_a_template_can_be_sent_from_the_command_line(path):
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_every_import_is_exported_by_the_lake(path, exports):
    """Also that every reference leads somewhere: what does not, raises."""
    if path.name != "lake.yaml":
        template = Template(path.name, {"Subnets": ["subnet-1"], "Image": "registry/spotify-assets:1"}, exports)
        assert [template.resource(name) for name in template.body["Resources"]]


@pytest.mark.parametrize("name", ["lake.yaml", "daily.yaml", "box.yaml"])
def test_every_statement_has_its_reason(name):
    lines = [line.strip() for line in Template(name).text.splitlines()]
    statements = [number for number, line in enumerate(lines) if line.startswith("- Sid:")]
    assert statements
    assert [lines[number] for number in statements if not lines[number + 1].startswith("# ")] == []

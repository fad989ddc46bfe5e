"""The platform's rights in lake.yaml are what it calls, and what Athena and Glue call in its name; nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets_tests.helpers.aws_calls import allowing, as_list, collected_uses
from spotify_assets_tests.helpers.cloudformation import deploy_lake, lake_template
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.platform import Platform

pytestmark = pytest.mark.slow

OF_ATHENA = "Athena calls it in the name of whoever asks"
# Allowed, and not called by what runs here; each with its reason.
NOT_CALLED: Mapping[str, str] = {
    "s3:GetBucketLocation": OF_ATHENA,
    "s3:ListBucketMultipartUploads": OF_ATHENA,
    "s3:ListMultipartUploadParts": OF_ATHENA,
    "s3:AbortMultipartUpload": OF_ATHENA,
    "glue:GetDatabase": OF_ATHENA,
    "glue:GetDatabases": OF_ATHENA,
    "glue:GetTable": OF_ATHENA,
    "glue:GetPartition": OF_ATHENA,
    "glue:BatchGetPartition": OF_ATHENA,
    "athena:StopQueryExecution": "when a run is interrupted",
    "glue:BatchUpdatePartition": "when a year of the history is at another place, or has another schema",
}


def yesterday_released_by_duckdb(environment: Mapping[str, str], instance: dg.DagsterInstance, _: Path) -> None:
    """Yesterday and a day before, as runs of the UI make them."""
    with Platform(environment, instance) as platform:
        days = (today_in_japan() - timedelta(days) for days in (9, 1))
        for result in (*map(platform.run_daily, days), platform.publish()):
            assert result.success, failures_of(result)


def today_released_by_athena(environment: Mapping[str, str], instance: dg.DagsterInstance, folder: Path) -> None:
    """Today, as the task makes it."""
    result = run_command(folder, instance, "daily", **environment, SPOTIFY_ASSETS_ENGINE="athena")
    assert result.output.splitlines()[-1].startswith("daily: released"), result.output


def old_day_removed(environment: Mapping[str, str], instance: dg.DagsterInstance, folder: Path) -> None:
    """The oldest day, as somebody removes it."""
    result = run_command(folder, instance, "prune", "--keep", "2", "--yes", **environment)
    assert result.exit_code == 0, result.output


# What the platform does on AWS. Another command that asks AWS belongs here: its calls are then collected as well.
WORK: Sequence[Callable[[Mapping[str, str], dg.DagsterInstance, Path], None]] = (
    yesterday_released_by_duckdb,
    today_released_by_athena,
    old_day_removed,
)


@pytest.fixture
def deployed(aws, monkeypatch):
    """lake.yaml in the stand-in; gives the variables of daily.yaml."""
    monkeypatch.setattr("spotify_assets.analytics.athena_engine.POLL_SECONDS", 0)
    return deploy_lake(aws, crawls=len(WORK))


@pytest.fixture(scope="module")
def statements():
    return lake_template().resource("PlatformRights")["PolicyDocument"]["Statement"]


def test_every_call_is_allowed_and_every_right_is_used_or_has_a_reason(deployed, statements, tmp_path):
    with collected_uses(deployed["ATHENA_WORKGROUP"]) as uses, dg.DagsterInstance.ephemeral() as instance:
        for work in WORK:
            work(deployed, instance, tmp_path)
    assert sorted(use for use in uses if not allowing(statements, use)) == []
    # Statement by statement: a right that two of them give is to be used by both.
    used = set().union(*(allowing(statements, use) for use in uses))
    assert {action for _, action in rights(statements) - used} == set(NOT_CALLED)


def rights(statements):
    return {(one["Sid"], action) for one in statements for action in as_list(one["Action"])}


def test_no_right_is_a_pattern(statements):
    """Except over the objects of the lake and the tables of its database."""
    assert [one["Sid"] for one in statements if "*" in str(one["Action"]) or one["Effect"] != "Allow"] == []
    patterns = {resource for one in statements for resource in as_list(one["Resource"]) if "*" in resource}
    tables = "arn:aws:glue:ap-northeast-1:123456789012:table/spotify_assets"
    assert patterns == {"arn:aws:s3:::chart-lake/lake/*", f"{tables}/*", f"{tables}/run_*"}

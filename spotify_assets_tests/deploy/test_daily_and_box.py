"""daily.yaml and box.yaml: when the task starts, which of its ends raise an alarm, and what the machine sets up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from spotify_assets.settings import load_settings
from spotify_assets_tests.helpers.cloudformation import Template, lake_template

IMAGE = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/spotify-assets:1"
ROOT = Path(__file__).parents[2]
# What the machine's script calls, and what is not there or must not be done on this one.
STUBS = ("dnf", "dd", "mkswap", "swapon", "systemctl", "install", "chmod", "aws", "docker")


@pytest.fixture(scope="module")
def exports():
    return lake_template().exports()


@pytest.fixture(scope="module")
def daily(exports):
    return Template("daily.yaml", {"Image": IMAGE, "Vpc": "vpc-1", "Subnets": ["subnet-1", "subnet-2"]}, exports)


@pytest.fixture(scope="module")
def script(exports):
    """The script that the machine runs when it first starts."""
    box = Template("box.yaml", {"Image": IMAGE, "Vpc": "vpc-1", "Subnet": "subnet-1", "Machine": "ami-1"}, exports)
    return box.resource("Box")["UserData"]


def test_three_attempts_a_day_in_japans_time(daily):
    schedule = daily.resource("Attempts")
    minute, hours, *rest = schedule["ScheduleExpression"].removeprefix("cron(").removesuffix(")").split()
    assert (schedule["ScheduleExpressionTimezone"], len(hours.split(",")), rest) == (
        "Asia/Tokyo",
        3,
        ["*", "*", "?", "*"],
    )
    # The archive has today's list from 09:00 on.
    assert min(int(hour) * 60 + int(minute) for hour in hours.split(",")) >= 9 * 60


def test_the_tasks_settings_are_settings(daily):
    (container,) = daily.resource("Task")["ContainerDefinitions"]
    given = {one["Name"]: one["Value"] for one in container["Environment"]}
    given["SPOTIFY_ASSETS_PLAYLISTS"] = str(ROOT / given["SPOTIFY_ASSETS_PLAYLISTS"])
    settings = load_settings(given)
    assert (settings.lake, settings.glue_crawler, settings.glue_database, settings.athena_workgroup) == (
        "s3://chart-lake/lake",
        "spotify-assets-lake",
        "spotify_assets",
        "spotify-assets-pipeline",
    )


@pytest.mark.parametrize(
    ("containers", "status", "raised"),
    [
        ([{"exitCode": 0}], "STOPPED", False),
        ([{"exitCode": 1}], "STOPPED", True),
        ([{"exitCode": 124}], "STOPPED", True),
        ([{"name": "daily"}], "STOPPED", True),
        ([{"name": "daily"}], "RUNNING", False),
    ],
    ids=["ended well", "failed", "out of time", "never started", "runs"],
)
def test_a_task_that_failed_raises_an_alarm(daily, containers, status, raised):
    pattern = daily.resource("FailedTask")["EventPattern"]
    detail = {
        "clusterArn": daily.resource("FailedTask")["EventPattern"]["detail"]["clusterArn"][0],
        "lastStatus": status,
    }
    event = {
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "detail": {**detail, "containers": containers},
    }
    assert matches(pattern, event) == raised


def matches(pattern, event):
    """EventBridge's rule, for what the pattern uses: one of the values of a member fits, and all members do."""
    if isinstance(event, list):
        return any(matches(pattern, one) for one in event)
    return all(
        matches(wanted, event.get(key))
        if isinstance(wanted, dict)
        else any(fits(one, event.get(key)) for one in wanted)
        for key, wanted in pattern.items()
    )


def fits(wanted, value):
    if not isinstance(wanted, dict):
        return wanted == value
    if "exists" in wanted:
        return (value is not None) == wanted["exists"]
    return value is not None and value != wanted["anything-but"]


@pytest.mark.parametrize(
    ("line", "counted"),
    [("daily: released 2026-11-26", True), ("daily: nothing new", True), ("daily: failed: no list", False)],
)
def test_a_day_stands_by_the_last_line_of_the_command(daily, line, counted):
    pattern = daily.resource("DayStands")["FilterPattern"]
    terms = [term.strip('?"') for term in pattern.split(" ?")]
    assert pattern == " ".join(f'?"{term}"' for term in terms)
    assert any(term in line for term in terms) == counted


def test_no_attempt_is_a_day_without_a_release(daily):
    alarm, counted = daily.resource("DayWithoutRelease"), daily.resource("DayStands")["MetricTransformations"][0]
    assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])
    assert (alarm["TreatMissingData"], alarm["Period"] * alarm["EvaluationPeriods"]) == ("breaching", 86400)


@pytest.mark.parametrize("name", ["daily.yaml", "box.yaml"])
def test_nothing_comes_in(name, exports):
    (group,) = Template(name, {"Vpc": "vpc-1"}, exports).of_type("AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group
    assert [one["FromPort"] for one in group["SecurityGroupEgress"]] == [443]


@pytest.fixture
def box(script, tmp_path):
    """What the script sets up, in a folder in place of the machine's root."""
    programs = tmp_path / "programs"
    for folder in (programs, *(tmp_path / name for name in ("etc/systemd/system", "usr/local/bin"))):
        folder.mkdir(parents=True)
    for name in STUBS:
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    for place in ("/etc/", "/usr/local/bin/", "/var/lib/", "/swapfile"):
        script = script.replace(f" {place}", f" {tmp_path}{place}").replace(f"={place}", f"={tmp_path}{place}")
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash"], input=script, text=True, check=True, env=environment)

    def run(*command):
        (tmp_path / "calls").write_text("", encoding="utf-8")
        subprocess.run(["bash", *command], check=True, env=environment)
        return (tmp_path / "calls").read_text(encoding="utf-8").splitlines()

    return tmp_path, run


def test_the_machine_gets_its_settings_and_units(box):
    root, _ = box
    text = (root / "etc/spotify-assets.env").read_text(encoding="utf-8")
    given = dict(line.split("=", 1) for line in text.splitlines())
    assert given.pop("DAGSTER_HOME").endswith("/var/lib/spotify-assets")
    settings = load_settings({**given, "SPOTIFY_ASSETS_PLAYLISTS": str(ROOT / given["SPOTIFY_ASSETS_PLAYLISTS"])})
    assert (settings.lake, settings.glue_crawler) == ("s3://chart-lake/lake", "spotify-assets-lake")
    units = {path.stem.removeprefix("spotify-assets-") for path in (root / "etc/systemd/system").iterdir()}
    assert units == {"prepare", "daemon", "webserver"}
    enabled = [line for line in (root / "calls").read_text(encoding="utf-8").splitlines() if "enable" in line]
    assert enabled == ["systemctl enable --now docker spotify-assets-daemon spotify-assets-webserver"]


def test_the_image_is_pulled_from_its_registry(box):
    root, run = box
    calls = run(str(root / "usr/local/bin/spotify-assets-pull"))
    assert sorted(call.split(" ")[0] for call in calls) == ["aws", "docker", "docker"]
    registry = IMAGE.partition("/")[0]
    assert f"docker login --username AWS --password-stdin {registry}" in calls
    assert calls[-1] == f"docker pull --quiet {IMAGE}"


def test_a_unit_starts_its_container(box):
    root, run = box
    unit = (root / "etc/systemd/system/spotify-assets-webserver.service").read_text(encoding="utf-8")
    (command,) = [line.partition("=")[2].split() for line in unit.splitlines() if line.startswith("ExecStart=")]
    # What is left of a container that was killed would have its name.
    removal, call = run(*command)
    assert removal == "docker rm --force spotify-assets-webserver"
    assert call.startswith("docker run --rm --init --name spotify-assets-webserver --env-file ")
    # The UI, which asks for no password, is on the loopback interface of the machine alone.
    assert f" --publish 127.0.0.1:3000:3000 {IMAGE} dagster-webserver --workspace workspace.yaml " in call

"""The templates as stacks in ministack, an emulator that really makes these resources, each read back by its own API.

`make test-deploy` installs it, in an environment of its own, and names it in MINISTACK. It lacks AWS::EC2::Instance,
AWS::DLM::LifecyclePolicy and AWS::Athena::NamedQuery: those stay apart.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from spotify_assets.catalog.glue_crawl import check_crawler
from spotify_assets_tests.helpers.cloudformation import Template, lake_template
from spotify_assets_tests.stand_ins.hive import REGION

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("MINISTACK"), reason="MINISTACK is not set: make test-deploy sets it"),
]

SERVICES = "s3,glue,athena,cloudformation,iam,sts,secretsmanager,ecs,logs,events,scheduler,sns,monitoring,ec2"
LACKING = ("AWS::EC2::Instance", "AWS::DLM::LifecyclePolicy")
IMAGE = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/spotify-assets:1"
PATIENCE = 60.0


class Emulator:
    """ministack on the loopback interface, with the stacks that were made there."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._clients: dict[str, object] = {}

    def client(self, service: str):
        """A boto3 client of it."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self._address,
                region_name=REGION,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def make(self, stack: str, body: str, **parameters: str) -> None:
        """Make a stack, and wait until it stands."""
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=stack,
            TemplateBody=body,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.2})

    def resources(self, stack: str) -> dict[str, tuple[str, str]]:
        """Type and id of the resources of a stack, by their names in the template."""
        described = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in described}


def wait_until_it_answers(emulator, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            return emulator.client("sts").get_caller_identity()
        except EndpointConnectionError:
            process.poll()
    pytest.fail("ministack does not answer")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Without these it would listen on other interfaces as well.
    environment = {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SERVICES": SERVICES, "GATEWAY_PORT": str(port)}
    log = tmp_path_factory.mktemp("ministack") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [os.environ["MINISTACK"]], env={"PATH": os.environ["PATH"], **environment}, stdout=output, stderr=output
        )
        try:
            emulator = Emulator(f"http://127.0.0.1:{port}")
            wait_until_it_answers(emulator, process)
            yield emulator
            emulator.close()
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def stacks(emulator):
    """All stacks, in the order of docs/deploy.md, with the names that are the templates' defaults."""
    vpc = emulator.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [one["SubnetId"] for one in emulator.client("ec2").describe_subnets()["Subnets"]]
    emulator.make("spotify-assets-lake", lake_template().text, BucketName="chart-lake")
    daily = {"Image": IMAGE, "Vpc": vpc, "Subnets": ",".join(subnets), "AlarmEmail": "somebody@example.org"}
    emulator.make("spotify-assets-daily", Template("daily.yaml").text, **daily)
    body = Template("box.yaml").body
    body["Resources"] = {name: one for name, one in body["Resources"].items() if one["Type"] not in LACKING}
    del body["Outputs"]
    emulator.make("spotify-assets-box", json.dumps(body), Image=IMAGE, Vpc=vpc, Subnet=subnets[0], Machine="ami-1")
    return ("spotify-assets-lake", "spotify-assets-daily", "spotify-assets-box")


# How each type is read back; what is not there raises, or gives nothing.
READERS: Mapping[str, Callable[[Emulator, str], object]] = {
    "AWS::S3::Bucket": lambda at, name: at.client("s3").head_bucket(Bucket=name),
    "AWS::S3::BucketPolicy": lambda at, name: at.client("s3").get_bucket_policy(Bucket=name.removesuffix("-policy")),
    "AWS::Glue::Database": lambda at, name: at.client("glue").get_database(Name=name),
    "AWS::Glue::Crawler": lambda at, name: at.client("glue").get_crawler(Name=name),
    "AWS::Athena::WorkGroup": lambda at, name: at.client("athena").get_work_group(WorkGroup=name),
    "AWS::SecretsManager::Secret": lambda at, name: at.client("secretsmanager").describe_secret(SecretId=name),
    "AWS::IAM::ManagedPolicy": lambda at, arn: at.client("iam").get_policy(PolicyArn=arn),
    "AWS::IAM::Role": lambda at, name: at.client("iam").get_role(RoleName=name),
    "AWS::IAM::InstanceProfile": lambda at, name: at.client("iam").get_instance_profile(
        InstanceProfileName=name.rpartition("/")[2]
    ),
    "AWS::ECS::Cluster": lambda at, name: at.client("ecs").describe_clusters(clusters=[name])["clusters"],
    "AWS::ECS::TaskDefinition": lambda at, arn: at.client("ecs").describe_task_definition(taskDefinition=arn),
    "AWS::Logs::LogGroup": lambda at, name: at.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"],
    "AWS::Logs::MetricFilter": lambda at, name: at.client("logs").describe_metric_filters(filterNamePrefix=name)[
        "metricFilters"
    ],
    "AWS::EC2::SecurityGroup": lambda at, name: at.client("ec2").describe_security_groups(GroupIds=[name]),
    "AWS::Scheduler::Schedule": lambda at, name: at.client("scheduler").get_schedule(Name=name),
    "AWS::SNS::Topic": lambda at, arn: at.client("sns").get_topic_attributes(TopicArn=arn),
    "AWS::SNS::TopicPolicy": lambda at, _: at.client("sns").list_topics()["Topics"],
    "AWS::SNS::Subscription": lambda at, arn: at.client("sns").get_subscription_attributes(SubscriptionArn=arn),
    "AWS::Events::Rule": lambda at, name: at.client("events").describe_rule(Name=name),
    "AWS::CloudWatch::Alarm": lambda at, name: at.client("cloudwatch").describe_alarms(AlarmNames=[name])[
        "MetricAlarms"
    ],
}


def test_every_resource_of_every_stack_is_there(emulator, stacks):
    for stack in stacks:
        name = stack.removeprefix("spotify-assets-")
        expected = {
            key for key, one in Template(f"{name}.yaml").body["Resources"].items() if one["Type"] not in LACKING
        }
        found = emulator.resources(stack)
        assert set(found) == expected
        assert [key for key, (kind, identity) in found.items() if not READERS[kind](emulator, identity)] == []


def test_the_platform_accepts_the_crawler(emulator, stacks):
    glue = emulator.client("glue")
    check_crawler(glue, crawler="spotify-assets-lake", database="spotify_assets", lake_uri="s3://chart-lake/lake")
    crawler, written = glue.get_crawler(Name="spotify-assets-lake")["Crawler"], lake_template().resource("Crawler")
    assert json.loads(crawler["Configuration"]) == json.loads(written["Configuration"])
    assert crawler["RecrawlPolicy"] == written["RecrawlPolicy"]
    assert crawler["SchemaChangePolicy"] == written["SchemaChangePolicy"]


def test_the_bucket_is_private_and_keeps_what_was_replaced(emulator, stacks):
    s3 = emulator.client("s3")
    assert s3.get_bucket_versioning(Bucket="chart-lake")["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket="chart-lake")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(s3.get_public_access_block(Bucket="chart-lake")["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = json.loads(s3.get_bucket_policy(Bucket="chart-lake")["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_task_of_the_schedule_has_the_settings_of_the_lake(emulator, stacks):
    schedule = emulator.client("scheduler").get_schedule(Name="spotify-assets-daily")
    # ministack takes no time zone from a template; test_other_templates has it.
    assert schedule["ScheduleExpression"] == "cron(10 9,14,20 * * ? *)"
    arn = schedule["Target"]["EcsParameters"]["TaskDefinitionArn"]
    task = emulator.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    (container,) = task["containerDefinitions"]
    outputs = emulator.client("cloudformation").describe_stacks(StackName="spotify-assets-lake")["Stacks"][0]["Outputs"]
    given = {one["Description"]: one["OutputValue"] for one in outputs}
    settings = {one["name"]: one["value"] for one in container["environment"]}
    shared = set(given) & set(settings)
    assert len(shared) == 5
    assert {name: settings[name] for name in shared} == {name: given[name] for name in shared}
    assert container["command"][-2:] == ["spotify-assets", "daily"]
    assert container["image"] == IMAGE
    role = emulator.resources("spotify-assets-lake")["PlatformRole"][1]
    assert task["taskRoleArn"].endswith(f"/{role}")
    (attached,) = emulator.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached["PolicyArn"] == emulator.resources("spotify-assets-lake")["PlatformRights"][1]


def test_a_day_without_a_release_raises_an_alarm(emulator, stacks):
    """The alarm of a metric that nobody sends: it is breached, and tells the topic."""
    (alarm,) = emulator.client("cloudwatch").describe_alarms(AlarmNames=["spotify-assets-day-without-release"])[
        "MetricAlarms"
    ]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["AlarmActions"] == [emulator.resources("spotify-assets-daily")["Alarms"][1]]
    (filtered,) = emulator.client("logs").describe_metric_filters(logGroupName="/spotify-assets/daily")["metricFilters"]
    assert filtered["metricTransformations"][0]["metricName"] == alarm["MetricName"]


def test_the_saved_queries_are_taken_by_athena(emulator, stacks):
    athena = emulator.client("athena")
    template = Template("queries.yaml", exports=lake_template().exports())
    queries = template.of_type("AWS::Athena::NamedQuery").values()
    identities = [athena.create_named_query(**query)["NamedQueryId"] for query in queries]
    read = [athena.get_named_query(NamedQueryId=one)["NamedQuery"] for one in identities]
    assert [one["QueryString"] for one in read] == [query["QueryString"] for query in queries]

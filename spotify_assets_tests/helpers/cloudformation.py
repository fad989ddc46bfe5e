"""CloudFormation templates as values: parameters, references and other stacks' exports put in, as AWS would.

Only the functions that the templates of deploy/aws use. An unknown one, or a name that is not there, raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from spotify_assets_tests.stand_ins.hive import REGION

if TYPE_CHECKING:
    from spotify_assets_tests.stand_ins.aws import AwsStandIn

FOLDER = Path(__file__).parents[2] / "deploy/aws"
ACCOUNT = "123456789012"
SECRET_SUFFIX = "AbCdEf"
"""AWS puts six letters of its own behind the name of a secret."""
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
# The property with a resource's name; one without is called as in the template, and Ref of it is made up.
NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::Glue::Crawler": "Name",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::SecretsManager::Secret": "Name",
}
# Ref gives their ARN.
BY_ARN = {"AWS::ECS::TaskDefinition", "AWS::SecretsManager::Secret"}


# Where AWS makes it otherwise than arn:aws:SERVICE:REGION:ACCOUNT:TYPE/NAME.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::ECS::TaskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{{}}:1",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}-{SECRET_SUFFIX}",
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x`, `!Sub x`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


class Template:
    """A template of deploy/aws with values for its parameters.

    Attributes:
        body: the template as it is written, short forms made long.
        text: the file.
    """

    def __init__(
        self, name: str, parameters: Mapping[str, Any] | None = None, exports: Mapping[str, Any] | None = None
    ) -> None:
        """Read a template.

        Args:
            name: of the file; `lake.yaml`.
            parameters: in place of the defaults.
            exports: what the stacks before it export.
        """
        self.text = (FOLDER / name).read_text(encoding="utf-8")
        self.body: dict[str, Any] = yaml.load(self.text, _Loader)  # noqa: S506 - a SafeLoader
        given = {key: parameter.get("Default") for key, parameter in self.body["Parameters"].items()}
        self._values = {**PSEUDO, "AWS::StackName": f"spotify-assets-{Path(name).stem}", **given, **(parameters or {})}
        self._exports = exports or {}

    def resource(self, name: str) -> Any:
        """The properties of a resource, everything put in."""
        return self._resolve(self.body["Resources"][name].get("Properties", {}))

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a type, by their name in the template."""
        found = [name for name, resource in self.body["Resources"].items() if resource["Type"] == kind]
        return {name: self.resource(name) for name in found}

    def exports(self) -> dict[str, Any]:
        """What stacks after it may import."""
        outputs = [output for output in self.body["Outputs"].values() if "Export" in output]
        return {self._resolve(output["Export"]["Name"]): self._resolve(output["Value"]) for output in outputs}

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._reference(argument)
            if function.startswith("Fn::"):
                return getattr(self, "_" + function.removeprefix("Fn::").lower())(argument)
        return {key: self._resolve(item) for key, item in value.items()}

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind = self.body["Resources"][name]["Type"]
        if kind == "AWS::Glue::Database":
            return self.resource(name)["DatabaseInput"]["Name"]
        return self.resource(name)[NAMES[kind]] if kind in NAMES.keys() - BY_ARN else self._arn(name)

    def _arn(self, name: str) -> str:
        kind = self.body["Resources"][name]["Type"]
        called = self.resource(name)[NAMES[kind]] if kind in NAMES else name
        _, service, what = kind.lower().split("::")
        return ARNS.get(kind, f"arn:aws:{service}:{REGION}:{ACCOUNT}:{what}/{{}}").format(called)

    def _getatt(self, argument: list[str]) -> str:
        name, attribute = argument
        return self._arn(name) if attribute == "Arn" else f"{name}.{attribute}"

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def put_in(match: re.Match[str]) -> str:
            escaped, name = match.groups()
            if escaped:
                return f"${{{name}}}"
            if name in own:
                return str(self._resolve(own[name]))
            return str(self._getatt(name.split(".", 1)) if "." in name else self._reference(name))

        return VARIABLE.sub(put_in, text)

    def _importvalue(self, argument: Any) -> Any:
        return self._exports[self._resolve(argument)]

    def _join(self, argument: list[Any]) -> str:
        separator, values = argument
        return str(separator).join(self._resolve(values))

    def _base64(self, argument: Any) -> str:
        """The text itself: a test reads it."""
        return str(self._resolve(argument))


def lake_template(bucket: str = "chart-lake") -> Template:
    """lake.yaml with a bucket's name."""
    return Template("lake.yaml", {"BucketName": bucket})


def crawler_request(template: Template) -> dict[str, Any]:
    """The CreateCrawler request of lake.yaml."""
    (crawler,) = template.of_type("AWS::Glue::Crawler").values()
    return {**crawler, "Configuration": json.dumps(json.loads(crawler["Configuration"]))}


def deploy_lake(aws: AwsStandIn, *, crawls: int) -> dict[str, str]:
    """Make what lake.yaml describes in the stand-in, by its own names; crawls come to their end at once.

    Returns:
        The variables of the task of daily.yaml.
    """
    template = lake_template()
    exports = template.exports()
    aws.create_bucket(exports["spotify-assets-lake-Lake"].removeprefix("s3://").split("/")[0])
    crawler = crawler_request(template)
    # moto refuses the policies that it does not know yet; the template's own test has them.
    aws.create_crawler(crawler.pop("Name"), crawler.pop("DatabaseName"), "", **crawler)
    workgroup, secret = template.resource("PipelineWorkGroup"), template.resource("Secret")
    aws.client("athena").create_work_group(Name=workgroup["Name"], Configuration=workgroup["WorkGroupConfiguration"])
    aws.client("secretsmanager").create_secret(Name=secret["Name"], SecretString=secret["SecretString"])
    for _ in range(crawls):
        aws.order_crawl(polls=0)
    return {
        "SPOTIFY_ASSETS_LAKE": exports["spotify-assets-lake-Lake"],
        "GLUE_CRAWLER": exports["spotify-assets-lake-CrawlerName"],
        "GLUE_DATABASE": exports["spotify-assets-lake-DatabaseName"],
        "SPOTIFY_ASSETS_SECRET": secret["Name"],
        "ATHENA_WORKGROUP": exports["spotify-assets-lake-PipelineWorkGroup"],
    }

"""The commands of docs/deploy.md: operations and options that AWS has, stacks that take what they are given."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name

from spotify_assets_tests.helpers.cloudformation import Template

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", "")
# What the AWS CLI has besides the operations of the API.
OF_THE_CLI = {("cloudformation", "deploy"), ("cloudformation", "wait"), ("ecr", "get-login-password"), ("logs", "tail")}
FOR_EVERY_OPERATION = {"query", "output"}


def aws_commands(text):
    """Service, operation and options of each command, those in `$(...)` included."""
    for part in re.split(r"\baws (?=[a-z0-9]+ [a-z-]+)", text)[1:]:
        service, operation, rest = (*re.split(r"[ \n]", part, maxsplit=2), "")[:3]
        options = set(re.findall(r"(?<![\w'\"])--([a-z-]+)", re.split(r"\n|\) *\n| \| ", rest)[0]))
        yield service, operation.strip(")"), options


def test_every_operation_and_its_options_are_those_of_aws():
    session = botocore.session.get_session()
    wrong = []
    for service, operation, options in aws_commands(SHELL):
        if (service, operation) in OF_THE_CLI:
            continue
        model = session.get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        if operation not in names:
            wrong.append(f"{service} {operation}")
            continue
        shape = model.operation_model(names[operation]).input_shape
        known = {xform_name(member, "-") for member in (shape.members if shape else {})} | FOR_EVERY_OPERATION
        wrong += [f"{service} {operation} --{option}" for option in options - known]
    assert wrong == []


def deployments():
    """The templates that are deployed, each with what it is given, in the order of the page."""
    for line in SHELL.splitlines():
        if line.startswith("aws cloudformation deploy "):
            words = shlex.split(line)
            options = {word: words[number + 1 :] for number, word in enumerate(words) if word.startswith("--")}
            given = [word.split("=")[0] for word in options.get("--parameter-overrides", []) if "=" in word]
            yield Path(options["--template-file"][0]), options["--stack-name"][0], given, "--capabilities" in options


def test_the_first_deployment_of_a_stack_gives_what_has_no_default():
    seen = set()
    for path, stack, given, capable in deployments():
        template = Template(path.name)
        assert (ROOT / path).exists()
        assert stack == f"spotify-assets-{path.stem}"
        parameters = template.body["Parameters"]
        assert set(given) <= set(parameters)
        assert capable == any(one["Type"].startswith("AWS::IAM::") for one in template.body["Resources"].values())
        if stack not in seen:
            assert {name for name, one in parameters.items() if "Default" not in one} <= set(given)
        seen.add(stack)
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["daily.yaml", "box.yaml"])
def test_the_outputs_that_are_asked_for_exist(name):
    stem = name.removesuffix(".yaml")
    asked = re.findall(
        rf"--stack-name spotify-assets-{stem} +--query \"Stacks\[0\].Outputs\[\?OutputKey=='(\w+)'", SHELL
    )
    assert asked
    assert set(asked) <= set(Template(name).body["Outputs"])


def test_the_hours_of_the_attempts_are_those_of_the_schedule():
    expression = Template("daily.yaml").body["Resources"]["Attempts"]["Properties"]["ScheduleExpression"]
    minute, hours = re.findall(r"cron\((\d+) ([\d,]+) ", expression)[0]
    first, second, third = (f"{int(hour):02}:{minute}" for hour in hours.split(","))
    assert f"at {first}, {second} and {third} in Japan" in " ".join(PAGE.split())


def test_the_keys_of_the_secret_are_those_that_are_read():
    from spotify_assets.settings.secrets import KEPT

    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert tuple(yaml.safe_load(shown)) == KEPT

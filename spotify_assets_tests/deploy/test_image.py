"""The container image: what its steps are, and, without Docker, what they do."""

from __future__ import annotations

import json
import os
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from spotify_assets_tests.helpers.dockerfile import ROOT, build_and_run, context, steps

VERSIONS = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
PLACES = (
    "/app",
    "/app/examples",
    "/opt/spotify-assets",
    "/app/dagster_home",
    "/app/lake",
    "/app/deploy/dagster/compose",
)
WRITABLE = f"import os; print(*(place for place in {PLACES} if os.access(place, os.W_OK)))"


def values(instruction):
    return [step.value for step in steps() if step.instruction == instruction]


def locked():
    """Names and versions of the lock, which may have several versions of a name for as many versions of Python."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {tuple(re.split("==| ;", line)[:2]) for line in lines if re.match(r"[a-z]", line)}


def test_the_image_ends_as_a_user_without_rights_and_runs_the_day():
    assert steps()[-2:] == [("USER", "10001"), ("CMD", '["spotify-assets", "daily"]')]


def test_no_step_is_for_one_architecture():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall("--platform|x86_64|aarch64|TARGETARCH", text) == []


def test_the_extras_of_the_image_exist():
    (extras,) = re.findall(r"\.\[(.*?)\]", " ".join(values("RUN")))
    package = ConfigParser()
    package.read(ROOT / "setup.cfg", encoding="utf-8")
    assert set(extras.split(",")) <= set(package.options("options.extras_require"))


def test_what_is_copied_is_let_through(tmp_path):
    context(tmp_path)
    sources = [word for value in values("COPY") if "--from" not in value for word in value.split()[:-1]]
    assert [word for word in sources if word[0] != "-" and not (tmp_path / word).exists()] == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("TEST_IMAGE"), reason="TEST_IMAGE is not set: make test-deploy sets it")
def test_the_steps_make_what_the_image_promises(tmp_path):
    context(tmp_path)
    printed = build_and_run(
        tmp_path,
        {
            "user": ["id", "--user"],
            "versions": ["python", "-c", VERSIONS],
            "writable": ["python", "-c", WRITABLE],
            "help": ["spotify-assets", "--help"],
            "webserver": ["dagster-webserver", "--version"],
            "postgres": ["python", "-c", "import dagster_postgres, apprise, psycopg2"],
            "demo": ["spotify-assets", "demo", "--days", "2"],
        },
    )
    assert printed["user"] == "10001\n"
    assert printed["writable"].split() == ["/app/dagster_home", "/app/lake", "/app/deploy/dagster/compose"]
    installed = {
        (re.sub("[_.]", "-", name.lower()), version) for name, version in json.loads(printed["versions"]).items()
    }
    # Also that pip and setuptools are gone.
    assert {name for name, version in installed - locked()} == {"spotify-assets"}
    assert "published" in printed["demo"]


def test_the_services_of_compose_are_of_one_image_and_wait_for_each_other():
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    ours = {name: one for name, one in services.items() if name != "postgres"}
    assert set(ours) == {"prepare", "code", "daemon", "webserver"}
    assert {one["image"] for one in ours.values()} == {"${SPOTIFY_ASSETS_IMAGE:-spotify-assets}"}
    conditions = {(name, on): how["condition"] for name, one in ours.items() for on, how in one["depends_on"].items()}
    assert conditions == {
        ("prepare", "postgres"): "service_healthy",
        ("code", "prepare"): "service_completed_successfully",
        ("daemon", "code"): "service_healthy",
        ("webserver", "code"): "service_healthy",
    }
    used = {volume.split(":")[0] for one in services.values() for volume in one["volumes"]}
    assert used == set(compose["volumes"])
    assert {port for one in services.values() for port in one.get("ports", [])} == {"127.0.0.1:3000:3000"}


def test_compose_sets_what_its_dagster_yaml_reads():
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    environment = compose["services"]["code"]["environment"]
    home = Path(environment["DAGSTER_HOME"]).relative_to("/app")
    text = (ROOT / home / "dagster.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"env: (\w+)", text)) == set(environment) - {"DAGSTER_HOME"}
    assert (ROOT / home / "workspace.yaml").exists()
    server = yaml.safe_load((ROOT / home / "workspace.yaml").read_text(encoding="utf-8"))["load_from"][0]["grpc_server"]
    command = compose["services"][server["host"]]["command"]
    assert command[command.index("--port") + 1] == str(server["port"])

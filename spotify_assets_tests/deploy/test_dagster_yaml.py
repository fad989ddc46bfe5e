"""The dagster.yaml of each deployment: what it has in common with the project's, and a day on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from spotify_assets.assets.raw_playlist import SPOTIFY_POOL
from spotify_assets.cli.instance import open_instance
from spotify_assets_tests.helpers.platform import Platform

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/dagster"
# What a deployment decides for itself.
OWN = {"storage", "local_artifact_storage", "retention", "concurrency"}


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["box", "compose"])
def test_a_deployment_differs_from_the_project_where_it_has_to(name):
    project, own = read(ROOT / "dagster_home/dagster.yaml"), read(FOLDER / name / "dagster.yaml")
    assert set(own) - set(project) <= OWN
    assert {key: own[key] for key in set(project) - OWN} == {key: project[key] for key in set(project) - OWN}
    assert own["concurrency"]["pools"] == project["concurrency"]["pools"]


def test_the_box_has_one_run_at_a_time(tmp_path, monkeypatch):
    shutil.copy(FOLDER / "box/dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance() as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert instance.get_settings("retention") == read(FOLDER / "box/dagster.yaml")["retention"]
        assert instance.event_log_storage.get_concurrency_info(SPOTIFY_POOL).slot_count == 1


@pytest.fixture
def postgres():
    """A PostgreSQL of this machine on a free port of 127.0.0.1, which it gives."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = Path(shutil.which("initdb") or (installed[-1] if installed else "/nowhere")).resolve()
    if not initdb.exists():
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The server refuses to run as root.
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text("made-up", encoding="utf-8")
        if user:
            shutil.chown(folder, user)
            shutil.chown(folder / "password", user)

        def run(program, *arguments):
            command = [str(initdb.with_name(program)), "-D", name + "/data", *arguments]
            subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL)

        run("initdb", "-U", "dagster", "-A", "scram-sha-256", f"--pwfile={name}/password", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
        run("pg_ctl", "-o", options, "-l", f"{name}/log", "-w", "start")
        yield port
        run("pg_ctl", "-m", "immediate", "stop")


@pytest.mark.slow
def test_a_day_on_postgresql(postgres, tmp_path, monkeypatch):
    written = read(FOLDER / "compose/dagster.yaml")
    written["storage"]["postgres"]["postgres_db"]["port"] = postgres
    written["local_artifact_storage"]["config"]["base_dir"] = str(tmp_path)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    for name, value in {
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_POSTGRES_HOST": "127.0.0.1",
        "DAGSTER_POSTGRES_USER": "dagster",
        "DAGSTER_POSTGRES_PASSWORD": "made-up",
        "DAGSTER_POSTGRES_DB": "postgres",
    }.items():
        monkeypatch.setenv(name, value)
    with open_instance() as instance:
        assert Platform({"SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}, instance).run_daily().success
    with open_instance() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS"]
        assert type(instance.run_storage).__module__.startswith("dagster_postgres")
        assert instance.event_log_storage.get_concurrency_info(SPOTIFY_POOL).slot_count == 1
    assert not list(tmp_path.rglob("*.db"))

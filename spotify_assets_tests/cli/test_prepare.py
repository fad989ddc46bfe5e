"""`spotify-assets prepare`: what keeps the UI from being started is refused before anything starts."""

from __future__ import annotations

import socket

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._daemon.types import DaemonHeartbeat

from spotify_assets.cli import prepare
from spotify_assets.cli.instance import open_instance
from spotify_assets.cli.main import main

DAEMON = "SENSOR"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A Dagster instance on disk, and an empty working folder."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return home


class Clock:
    """A clock that only goes on when somebody waits; `then` is done after that."""

    def __init__(self):
        self.now = 1_000_000.0
        self.then = lambda: None

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.then()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(prepare, "time", clock)
    return clock


@pytest.fixture
def port():
    """A port that is free on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def run(*arguments):
    return CliRunner().invoke(main, ["prepare", *map(str, arguments)])


def refused(*arguments):
    """The three sentences of a refusal."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    what, why, remedy = result.stderr.splitlines()
    assert why.startswith("Why: ")
    assert remedy.startswith("What to do: ")
    return what, why, remedy


def beat(instance: dg.DagsterInstance, at: float) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(at, DAEMON, "of-a-daemon", []))


def test_a_free_port_and_no_daemon_are_fine(home, port):
    result = run("--port", port)
    assert (result.exit_code, result.output) == (0, "")
    assert (home / "history").is_dir()


def test_a_port_that_is_taken_is_refused_before_anything_is_made(home, port):
    with socket.create_server(("127.0.0.1", port)):
        what, why, remedy = refused("--port", port)
    assert str(port) in what
    assert "in use" in why
    assert f"make dev PORT={port % 65535 + 1}" in remedy
    assert not (home / "history").exists()


def test_a_wrong_playlists_file_is_refused_before_anything_is_made(home, tmp_path, port, monkeypatch):
    (tmp_path / "playlists.yaml").write_text("start: soon\nplaylists: []\n")
    monkeypatch.setenv("SPOTIFY_ASSETS_PLAYLISTS", str(tmp_path / "playlists.yaml"))
    what, why, _ = refused("--port", port)
    assert "playlists.yaml" in what
    assert "`start` is 'soon'" in why
    assert not (home / "history").exists()


def test_a_variable_with_another_value_in_the_file_is_refused(port, monkeypatch, tmp_path):
    (tmp_path / "work" / ".env").write_text("GLUE_DATABASE=of_the_file\nGITHUB_TOKEN=s3cr3t-of-file\n")
    monkeypatch.setenv("GLUE_DATABASE", "of_the_shell")
    monkeypatch.setenv("GITHUB_TOKEN", "s3cr3t-of-shell")
    what, why, remedy = refused("--port", port)
    assert what.startswith("GLUE_DATABASE, GITHUB_TOKEN: ")
    assert "unset GLUE_DATABASE, GITHUB_TOKEN" in remedy
    assert "s3cr3t" not in what + why + remedy


class TestDaemon:
    @pytest.fixture
    def instance(self):
        with open_instance() as instance:
            yield instance

    def test_one_that_reports_again_is_refused(self, port, home, instance, clock):
        beat(instance, clock.now)
        started = clock.now
        clock.then = lambda: beat(instance, clock.now) if clock.now >= started + 30 else None
        what, _, remedy = refused("--port", port)
        assert str(home) in what
        assert "DAGSTER_HOME" in remedy
        assert clock.now == started + 30

    def test_one_that_was_killed_is_waited_for_as_long_as_it_takes(self, port, instance, clock):
        beat(instance, clock.now - 20)
        started = clock.now
        result = run("--port", port)
        assert result.exit_code == 0
        assert "reported on this instance 20 seconds ago" in result.stdout
        assert clock.now == started + 15

    def test_one_that_ended_long_ago_does_not_matter(self, port, instance, clock):
        beat(instance, clock.now - 100)
        assert run("--port", port).output == ""

    def test_without_a_port_nobody_waits(self, instance, clock):
        beat(instance, clock.now)
        assert run().output == ""

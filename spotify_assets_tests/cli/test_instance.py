"""Opening the Dagster instance: what is refused, and four processes that open an empty one at once."""

from __future__ import annotations

import os
import shutil

import dagster as dg
import pytest
import sqlalchemy
from click.testing import CliRunner

from spotify_assets.cli.instance import open_instance
from spotify_assets.cli.main import main
from spotify_assets.errors import SettingsError
from spotify_assets.schemas import TABLES
from spotify_assets_tests.helpers.chart_csv import chart
from spotify_assets_tests.helpers.processes import Process, barrier
from spotify_assets_tests.matrix.lake import DAYS, DEMO, LANDED, PLAYLISTS_FILE

pytestmark = pytest.mark.slow

CONFIGURATION = "telemetry: {enabled: false}\n"


def open_and_add(name, together):
    """Open the instance when all others do, and record a run."""
    together.wait(timeout=120)
    with open_instance() as instance:
        instance.add_run(dg.DagsterRun(job_name="job", run_id=name))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder as DAGSTER_HOME; the working folder is another one."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(CONFIGURATION)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


def refusal():
    with pytest.raises(SettingsError) as caught, open_instance():
        pass
    assert caught.value.remedy
    return caught.value


def test_four_processes_open_an_empty_instance_at_once(home):
    together = barrier(4)
    environment = {"DAGSTER_HOME": str(home)}
    processes = [Process(home.parent, environment, open_and_add, f"run-{number}", together) for number in range(4)]
    ended = [process.end() for process in processes]
    assert [of_one.returncode for of_one in ended] == [0, 0, 0, 0], ended
    with open_instance() as instance:
        assert {run.run_id for run in instance.get_runs()} == {f"run-{number}" for number in range(4)}


@pytest.mark.parametrize(
    ("given", "why"), [("home", "not an absolute path"), ("", ""), ("/no/such/folder", "does not exist")]
)
def test_what_names_no_folder_is_refused(home, monkeypatch, given, why):
    monkeypatch.setenv("DAGSTER_HOME", given)
    refused = refusal()
    assert refused.what == (f"DAGSTER_HOME is {given}." if given else "DAGSTER_HOME is not set.")
    assert why in refused.why
    assert "absolute path" in refused.remedy


def test_a_file_is_refused(home, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster.yaml"))
    assert refusal().why == "it is not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(home):
    home.chmod(0o500)
    assert refusal().why == "Permission denied"


def run(folder, *arguments):
    """Run a command on the instance and the lake of a folder."""
    environment = {
        "DAGSTER_HOME": str(folder / "home"),
        "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
        "SPOTIFY_ASSETS_LAKE": str(folder / "lake"),
    }
    return CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an instance, and a lake that has a day of each source."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "home").mkdir()
    (folder / "home/dagster.yaml").write_text(CONFIGURATION)
    (folder / "playlists.yaml").write_text(PLAYLISTS_FILE, encoding="utf-8")
    (folder / LANDED).write_bytes(chart("a", "b"))
    assert run(folder, "daily").exit_code == 0
    return folder


class TestFullDisk:
    @pytest.fixture(params=[0, 20], ids=["at once", "on the way"])
    def full(self, request):
        """No database of Dagster grows by more than some pages."""

        limits: dict[str, int] = {}

        def limit(connection, _):
            path = connection.execute("PRAGMA database_list").fetchone()[2]
            if path:
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {limits.setdefault(path, pages + request.param)}")

        sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", limit)
        yield
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "connect", limit)

    @pytest.mark.parametrize(
        "arguments",
        [["daily"], ["rebuild", DEMO, str(DAYS[-1]), str(DAYS[-1])], ["charts", "import", "{folder}/" + LANDED]],
        ids=["daily", "rebuild", "import"],
    )
    def test_it_is_refused_by_name(self, made, full, tmp_path, arguments):
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)
        for table in TABLES:
            shutil.rmtree(tmp_path / "lake" / table)
        ending = run(tmp_path, *(argument.format(folder=tmp_path) for argument in arguments))
        assert ending.exit_code == 1
        assert f"Dagster can record nothing in DAGSTER_HOME, {tmp_path}/home." in ending.output
        assert "database or disk is full" in ending.output
        assert "What to do:" in ending.output


class TestProject:
    @pytest.fixture
    def project(self, tmp_path, monkeypatch):
        """A working folder with the project's own `dagster_home`."""
        folder = tmp_path / "project" / "dagster_home"
        folder.mkdir(parents=True)
        (folder / "dagster.yaml").write_text(CONFIGURATION)
        monkeypatch.chdir(folder.parent)
        return folder

    def test_its_folder_is_the_default(self, project, monkeypatch):
        monkeypatch.setenv("DAGSTER_HOME", "")
        with open_instance() as instance:
            assert instance.root_directory == str(project)

    def test_another_folder_gets_its_configuration_once(self, home, project):
        (home / "dagster.yaml").unlink()
        with open_instance() as instance:
            assert not instance.telemetry_enabled
        (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
        with open_instance() as instance:
            assert isinstance(instance, dg.DagsterInstance)
            assert instance.telemetry_enabled

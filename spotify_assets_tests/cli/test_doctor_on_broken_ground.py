"""`spotify-assets doctor` on set-ups that are broken in one way each: it names the fault, and nothing else is bad."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
)

from spotify_assets.analytics.releases import Release, write_release
from spotify_assets.cli.main import main
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.storage.daily_files import list_daily_files, stored_digest
from spotify_assets.storage.layout import RELEASE_KEY, partition_key
from spotify_assets.storage.object_store import LocalObjectStore, write_all
from spotify_assets_tests.helpers.archive import archive_environment, record_days
from spotify_assets_tests.helpers.platform import spotify_environment
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, REPOSITORY, GithubServer
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SPOTIFY_OWNED_ID, SpotifyServer, make_entries

pytestmark = pytest.mark.slow

TODAY = today_in_japan()
LAKE = "s3://lake/charts"
SECRET = "spotify-assets"


@pytest.fixture
def spotify():
    with SpotifyServer() as running:
        running.add_playlist(PLAYLIST_ID, make_entries(3))
        yield running


@pytest.fixture
def github():
    with GithubServer() as running:
        running.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
        record_days(running, TODAY - timedelta(days=2), TODAY)
        yield running


@pytest.fixture
def glue(aws):
    aws.create_bucket("lake")
    aws.create_crawler("nightly", "spotify_assets", LAKE)
    return aws


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return folder


@pytest.fixture
def doctor(tmp_path, home, monkeypatch):
    """The findings by subject, of the command in a folder of its own."""

    def examined(environment, *arguments):
        (tmp_path / "project").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "project")
        variables = {"DAGSTER_HOME": str(home), **environment}
        result = CliRunner().invoke(main, ["doctor", "--json", *arguments], env=variables, catch_exceptions=False)
        found = {one["subject"]: one for one in json.loads(result.stdout)}
        assert result.exit_code == any(one["status"] == "bad" for one in found.values())
        return found

    return examined


@pytest.fixture
def fault(doctor):
    """The text of the one bad finding; it says why, and what to do."""

    def named(environment, subject):
        found = doctor(environment)
        assert [name for name, one in found.items() if one["status"] == "bad"] == [subject]
        text = found[subject]["text"]
        assert "\nWhy: " in text
        assert "\nWhat to do: " in text
        return text

    return named


def note(found, subject):
    assert found[subject]["status"] == "note"
    return found[subject]["text"]


class TestSpotify:
    def test_a_wrong_client_secret(self, spotify, tmp_path, fault):
        environment = spotify_environment(spotify, tmp_path) | {"SPOTIFY_CLIENT_SECRET": "another"}
        assert "the client id or the client secret is wrong" in fault(environment, "Spotify token")

    def test_an_ended_refresh_token(self, spotify, tmp_path, fault):
        environment = spotify_environment(spotify, tmp_path, user=True) | {"SPOTIFY_REFRESH_TOKEN": "ended"}
        assert "run `spotify-assets auth` to consent again" in fault(environment, "Spotify token")

    @pytest.mark.parametrize(("days", "status"), [(149, "ok"), (150, "note"), (179, "note"), (180, "bad")])
    def test_the_age_of_the_consent(self, spotify, tmp_path, doctor, days, status):
        since = {"SPOTIFY_REFRESH_TOKEN_SINCE": str(TODAY - timedelta(days=days))}
        found = doctor(spotify_environment(spotify, tmp_path, user=True) | since, "--offline")
        assert found["consent"]["status"] == status
        assert str(TODAY + timedelta(days=180 - days)) in found["consent"]["text"]

    def test_a_playlist_of_spotifys_own(self, spotify, tmp_path, fault):
        environment = spotify_environment(spotify, tmp_path)
        file = tmp_path / "playlists.yaml"
        file.write_text(file.read_text().replace(PLAYLIST_ID, SPOTIFY_OWNED_ID))
        text = fault(environment, "playlist chart")
        assert "this playlist is Spotify's own" in text
        assert "`source: archive`" in text

    def test_development_mode_without_a_user(self, tmp_path, doctor):
        with SpotifyServer(mode="development") as spotify:
            spotify.add_playlist(PLAYLIST_ID, make_entries(3))
            found = doctor(spotify_environment(spotify, tmp_path))
        assert found["playlist chart"]["status"] == "bad"
        assert "most likely the app is in development mode" in found["playlist chart"]["text"]
        assert "set SPOTIFY_REFRESH_TOKEN of the playlist's owner" in found["playlist chart"]["text"]

    @pytest.mark.parametrize(("hours", "side"), [(1, "ahead of"), (-1, "behind")])
    def test_a_clock_that_is_an_hour_off(self, spotify, tmp_path, fault, monkeypatch, hours, side):
        monkeypatch.setattr(
            "spotify_assets.cli.doctor.machine.datetime",
            SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(hours=hours)),
        )
        assert f"minutes {side} that of Spotify" in fault(spotify_environment(spotify, tmp_path), "clock")


class TestGithub:
    def test_the_archive_has_gone(self, github, tmp_path, fault):
        github.repositories.clear()
        assert "no such repository" in fault(archive_environment(github, tmp_path), "playlist chart")

    def test_the_limit_is_used_up(self, github, tmp_path, doctor):
        github.calls_left = 0
        found = doctor(archive_environment(github, tmp_path))
        assert "GITHUB_TOKEN" in found["playlist chart"]["text"]
        assert "0 of 60 calls are left until" in found["GitHub's limit"]["text"]
        assert {found[one]["status"] for one in ("playlist chart", "GitHub's limit")} == {"bad"}

    def test_the_limit_is_nearly_used_up(self, github, tmp_path, doctor):
        github.calls_left = 5
        assert "calls are left until" in note(doctor(archive_environment(github, tmp_path)), "GitHub's limit")

    def test_nothing_is_wrong(self, github, tmp_path, doctor):
        found = doctor(archive_environment(github, tmp_path))
        assert "bad" not in {one["status"] for one in found.values()}
        assert "60 of 60 calls are left" in found["GitHub's limit"]["text"]
        assert "from that of GitHub" in found["clock"]["text"]


class TestAws:
    @pytest.fixture
    def environment(self, glue):
        return {**glue.environment(), "SPOTIFY_ASSETS_LAKE": LAKE, "GLUE_CRAWLER": "nightly"}

    def test_nothing_is_wrong_and_nothing_is_left(self, environment, glue, doctor):
        found = doctor({**environment, "SPOTIFY_ASSETS_ENGINE": "athena"})
        assert "bad" not in {one["status"] for one in found.values()}
        assert found["workgroup primary"]["text"] == "is enabled, and answers a query"
        assert "of the bucket" in found["clock"]["text"]
        assert glue.client("s3").list_objects_v2(Bucket="lake")["KeyCount"] == 0

    def test_results_of_its_query_are_removed(self, environment, glue, doctor, monkeypatch):
        wrote = []

        def execute(engine, *_):
            engine._store.write(".tmp/athena/result.csv", b"one")
            wrote.append(engine)

        monkeypatch.setattr("spotify_assets.analytics.athena_engine.AthenaEngine.execute", execute)
        doctor({**environment, "SPOTIFY_ASSETS_ENGINE": "athena"})
        assert len(wrote) == 1
        assert glue.client("s3").list_objects_v2(Bucket="lake")["KeyCount"] == 0

    def test_the_bucket_is_missing(self, aws, fault):
        text = fault({**aws.environment(), "SPOTIFY_ASSETS_LAKE": LAKE}, f"lake {LAKE}")
        assert "NoSuchBucket" in text

    @pytest.mark.parametrize(
        ("action", "done"), [("PutObject", "written"), ("GetObject", "read"), ("DeleteObject", "removed")]
    )
    def test_the_bucket_refuses_one_thing(self, glue, environment, fault, action, done):
        deny = {"Effect": "Deny", "Principal": "*", "Action": f"s3:{action}", "Resource": "arn:aws:s3:::lake/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        glue.client("s3").put_bucket_policy(Bucket="lake", Policy=policy)
        text = fault(environment, f"lake {LAKE}")
        assert f"cannot be {done}" in text
        assert text.count("What to do") == 1

    def test_the_crawler_is_missing(self, environment, fault):
        text = fault({**environment, "GLUE_CRAWLER": "weekly"}, "crawler weekly")
        assert "EntityNotFound" in text

    def test_the_crawler_has_another_target(self, environment, glue, fault):
        targets = {"S3Targets": [{"Path": f"{LAKE}/"}]}
        glue.create_crawler("whole", "spotify_assets", LAKE, Targets=targets)
        assert f"surplus {LAKE}/" in fault({**environment, "GLUE_CRAWLER": "whole"}, "crawler whole")

    def test_the_workgroup_is_missing_where_athena_is_needed(self, environment, fault):
        variables = {**environment, "SPOTIFY_ASSETS_ENGINE": "athena", "ATHENA_WORKGROUP": "gone"}
        assert "WorkGroup gone is not found" in fault(variables, "workgroup gone")

    def test_the_workgroup_is_missing_where_only_people_need_it(self, environment, doctor):
        found = doctor({**environment, "ATHENA_WORKGROUP": "gone"})
        assert "WorkGroup gone is not found" in note(found, "workgroup gone")

    def test_the_secret_is_missing(self, aws, tmp_path, fault):
        variables = {**aws.environment(), "SPOTIFY_ASSETS_SECRET": SECRET, "SPOTIFY_ASSETS_LAKE": str(tmp_path / "l")}
        assert f"The secret {SECRET} cannot be read" in fault(variables, "secrets")

    def test_where_secrets_come_from_is_named_and_none_is_shown(self, aws, spotify, tmp_path, doctor):
        environment = spotify_environment(spotify, tmp_path)
        hidden = {name: environment.pop(name) for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET")}
        aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(hidden))
        more = {"SPOTIFY_ASSETS_SECRET": SECRET, "GITHUB_TOKEN": "a-token"}
        found = doctor({**aws.environment(), **environment, **more})
        assert found["secrets"]["text"] == (
            f"GITHUB_TOKEN (environment or .env); SPOTIFY_CLIENT_ID, SPOTIFY_CLIENT_SECRET (secret {SECRET})"
        )
        assert found["playlist chart"]["status"] == "ok"
        assert hidden["SPOTIFY_CLIENT_SECRET"] not in str(found)


class TestMachine:
    @pytest.fixture
    def environment(self, lake_folder):
        return {"SPOTIFY_ASSETS_LAKE": str(lake_folder)}

    def test_dagster_home_is_relative(self, environment, fault):
        assert "it is not an absolute path" in fault({**environment, "DAGSTER_HOME": "home"}, "Dagster instance")

    def test_dagster_home_is_missing(self, environment, tmp_path, fault):
        variables = {**environment, "DAGSTER_HOME": str(tmp_path / "nowhere")}
        assert "it does not exist" in fault(variables, "Dagster instance")

    @pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder where not even root may write")
    def test_dagster_home_is_read_only(self, environment, doctor):
        found = doctor({**environment, "DAGSTER_HOME": "/proc"})["Dagster instance"]
        assert found["status"] == "bad"
        assert "Nothing can be written into DAGSTER_HOME, /proc" in found["text"]

    @pytest.mark.parametrize("file", ["dagster.yaml", "history/runs.db"])
    def test_the_instance_does_not_open(self, environment, home, fault, file):
        with dg.DagsterInstance.from_config(str(home)):
            pass
        (home / file).write_text("nonsense: " * 500)
        assert f"The Dagster instance in {home} does not open" in fault(environment, "Dagster instance")

    def test_an_instance_that_is_not_there_yet_is_not_made(self, environment, home, doctor):
        assert "not created yet" in doctor(environment)["Dagster instance"]["text"]
        assert [path.name for path in home.iterdir()] == ["dagster.yaml"]

    @pytest.mark.parametrize(("free", "status"), [(2 * 10**9, "ok"), (5 * 10**8, "note"), (5 * 10**7, "bad")])
    def test_the_disk_is_full(self, environment, doctor, monkeypatch, free, status):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        found = {subject: one for subject, one in doctor(environment).items() if subject.startswith("disk of ")}
        assert {one["status"] for one in found.values()} == {status}
        assert "lake" in " ".join(found)
        assert "DAGSTER_HOME" in " ".join(found)

    @pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o644, "note"), (0o660, "note")])
    def test_the_mode_of_the_file_of_secrets(self, environment, tmp_path, doctor, mode, status):
        file = tmp_path / "project" / ".env"
        file.parent.mkdir()
        file.write_text("GITHUB_TOKEN=a-token\n")
        file.chmod(mode)
        found = doctor(environment, "--offline")
        assert found[".env"]["status"] == status
        assert ("chmod 600" in found[".env"]["text"]) == (status == "note")

    def test_the_schedule_is_off(self, environment, doctor):
        text = note(doctor(environment), "schedule")
        assert text.startswith("On: none. Off: daily_playlist_schedule.")
        assert "`spotify-assets daily`" in text

    def test_the_schedule_was_switched_on_and_the_sensor_off(self, environment, home, doctor):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            switch(instance, "daily_playlist_schedule", InstigatorType.SCHEDULE, InstigatorStatus.RUNNING)
            switch(instance, "glue_crawler_sensor", InstigatorType.SENSOR, InstigatorStatus.STOPPED)
        found = doctor(environment)
        assert found["schedule"]["text"] == "On: daily_playlist_schedule."
        assert note(found, "sensors").startswith("On: none. Off: glue_crawler_sensor.")

    def test_a_sensor_that_is_off_at_first_is_no_fault(self, spotify, tmp_path, doctor):
        found = doctor(spotify_environment(spotify, tmp_path), "--offline")["sensors"]
        assert found == {
            "subject": "sensors",
            "status": "ok",
            "text": "On: glue_crawler_sensor. Off: playlist_change_sensor.",
        }

    def test_days_that_are_not_released(self, environment, lake_folder, doctor):
        store = LocalObjectStore(lake_folder)
        write_all(store, {partition_key(table, "demo_japan", TODAY): b"" for table in TABLES})
        assert "launch publish_job" in note(doctor(environment), "release")
        stored = stored_digest(store, list_daily_files(store))
        write_release(store, Release("a run", {}, stored=stored), RELEASE_KEY)
        assert doctor(environment)["release"]["text"] == "what is stored is released"


def switch(instance, name, kind, status):
    """What the UI records when somebody switches a schedule or a sensor."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("spotify_assets"), "__repository__")
    data = (
        ScheduleInstigatorData("0 9 * * *", 0.0)
        if kind == InstigatorType.SCHEDULE
        else SensorInstigatorData(sensor_type=SensorType.STANDARD)
    )
    instance.add_instigator_state(InstigatorState(RemoteInstigatorOrigin(repository, name), kind, status, data))

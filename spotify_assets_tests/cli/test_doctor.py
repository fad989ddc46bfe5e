"""`spotify-assets doctor`: what it finds good, what it finds bad, and whom it asks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import duckdb
import pytest
from click.testing import CliRunner

from spotify_assets.cli.doctor import examine
from spotify_assets.cli.main import main
from spotify_assets.settings import load_settings
from spotify_assets_tests.helpers.platform import spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SPOTIFY_OWNED_ID, SpotifyServer, make_entries

LAKE = "s3://lake/charts"


@pytest.fixture(autouse=True)
def _home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def server():
    with SpotifyServer() as running:
        running.add_playlist(PLAYLIST_ID, make_entries(3))
        yield running


@pytest.fixture
def bucket(aws):
    aws.create_bucket("lake")
    return aws


def findings(environment: Mapping[str, str], *, offline: bool = False):
    """The findings by subject."""
    found = list(examine(load_settings(environment), offline=offline))
    assert len({finding.subject for finding in found}) == len(found)
    return {finding.subject: finding for finding in found}


def bad(environment, *, offline=False):
    """Texts of the bad findings, by subject; each says what to do."""
    found = findings(environment, offline=offline)
    texts = {subject: finding.text for subject, finding in found.items() if finding.status == "bad"}
    assert all("\nWhat to do: " in text for text in texts.values())
    return texts


def row(result, subject):
    """The status and the first line of the text of a finding in the table that the command printed."""
    (line,) = [line for line in result.stdout.splitlines() if f" {subject} " in line]
    status, text = line.split(subject)
    return [status.strip(), text.strip()]


class TestPlaylists:
    def test_each_playlist_is_listed(self, server, tmp_path):
        environment = spotify_environment(server, tmp_path, cadence="weekly")
        assert findings(environment, offline=True)["playlist chart"].text == "A Chart (spotify, weekly)"

    def test_the_demo_needs_no_app_and_asks_nobody(self, server, lake_folder):
        environment = {**server.environment(), "SPOTIFY_ASSETS_LAKE": str(lake_folder)}
        assert bad(environment) == {}
        assert server.count() == 0
        without_app = findings({"SPOTIFY_ASSETS_LAKE": str(lake_folder)})["Spotify app"]
        assert without_app.status == "ok"
        assert "none is needed here" in without_app.text


class TestVerify:
    @pytest.fixture
    def doctor(self, lake_folder, monkeypatch):
        monkeypatch.setenv("SPOTIFY_ASSETS_LAKE", str(lake_folder))
        return lambda: CliRunner().invoke(main, ["doctor", "--offline", "--verify"])

    def test_a_lake_without_damage_is_fine(self, doctor):
        result = doctor()
        assert "everything in the lake was read" in result.output
        assert result.exit_code == 0

    def test_a_damaged_object_is_named_with_its_remedy(self, doctor, lake_folder):
        day = lake_folder / "songs/playlist=chart/snapshot_date=2026-01-01/part-0.parquet"
        day.parent.mkdir(parents=True)
        day.write_bytes(b"PAR1 of nothing")
        result = doctor()
        assert f"{day} is damaged" in result.output
        assert "spotify-assets rebuild chart 2026-01-01 2026-01-01" in result.output
        assert result.exit_code == 1


class TestFolder:
    def test_a_folder_that_is_not_there_yet_is_fine_and_is_not_made(self, lake_folder):
        found = findings({"SPOTIFY_ASSETS_LAKE": str(lake_folder / "deep" / "lake")})
        assert found[f"lake {lake_folder}/deep/lake"].status == "ok"
        assert not lake_folder.exists()

    def test_outside_the_project_nothing_is_left_behind(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert CliRunner().invoke(main, ["doctor"]).exit_code == 0
        assert list(tmp_path.iterdir()) == []

    def test_the_probe_is_removed(self, lake_folder):
        (lake_folder / "songs").mkdir(parents=True)
        assert findings({"SPOTIFY_ASSETS_LAKE": str(lake_folder)})[f"lake {lake_folder}"].text.startswith("can be")
        assert [path.name for path in lake_folder.rglob("*")] == ["songs"]

    def test_a_folder_below_a_file_is_bad(self, lake_folder):
        lake_folder.write_text("not a folder")
        text = bad({"SPOTIFY_ASSETS_LAKE": str(lake_folder / "lake")})[f"lake {lake_folder}/lake"]
        assert f"{lake_folder} is not a folder" in text

    def test_a_file_in_its_place_is_bad(self, lake_folder):
        lake_folder.write_text("not a folder")
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}).values()
        assert f"{lake_folder}/.tmp/doctor-" in text
        assert "cannot be written" in text
        assert "SPOTIFY_ASSETS_LAKE" in text

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_permission_is_bad(self, lake_folder):
        lake_folder.mkdir(mode=0o500)
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}, offline=True).values()
        assert "Permission denied" in text

    def test_a_full_disk_is_bad(self, lake_folder, monkeypatch):
        def full(_):
            raise OSError(28, "No space left on device")

        lake_folder.mkdir()
        monkeypatch.setattr("spotify_assets.storage.object_store.os.fsync", full)
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}).values()
        assert "No space left on device" in text
        assert "free space" in text


class TestCatalog:
    @pytest.fixture
    def catalog(self, lake_folder):
        lake_folder.mkdir()
        return lake_folder / "catalog.duckdb"

    def finding(self, lake_folder):
        return findings({"SPOTIFY_ASSETS_LAKE": str(lake_folder)})["catalog"]

    def test_where_there_is_none_the_way_to_one_is_named(self, lake_folder):
        found = self.finding(lake_folder)
        assert found.status == "ok"
        assert "make demo" in found.text
        assert "publish_job" in found.text

    @pytest.mark.parametrize(
        ("days", "text"),
        [("select date '2026-11-02' where false", "no day of songs yet"), ("select date '2026-11-02'", "2026-11-02")],
    )
    def test_one_that_opens_is_described(self, lake_folder, catalog, days, text):
        with duckdb.connect(str(catalog)) as connection:
            connection.sql(f"create view songs as select * from ({days}) days (snapshot_date)")  # noqa: S608
        found = self.finding(lake_folder)
        assert found.status == "ok"
        assert "1 views" in found.text
        assert text in found.text

    def test_one_that_is_damaged_is_bad_and_stays_as_it_is(self, lake_folder, catalog):
        catalog.write_bytes(b"not a database" * 1000)
        found = self.finding(lake_folder)
        assert found.status == "bad"
        assert "publish_job" in found.text
        assert catalog.read_bytes() == b"not a database" * 1000


class TestBucket:
    def test_a_bucket_is_fine(self, bucket):
        assert findings({"SPOTIFY_ASSETS_LAKE": LAKE})[f"lake {LAKE}"].status == "ok"
        assert bucket.client("s3").list_objects_v2(Bucket="lake")["KeyCount"] == 0

    def test_a_bucket_that_is_not_there_is_bad(self, aws):
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": LAKE}).values()
        assert "s3://lake/charts/.tmp/doctor-" in text
        assert "cannot be written" in text
        assert "NoSuchBucket" in text
        assert "check that the bucket exists" in text

    def test_missing_credentials_are_bad(self, bucket, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": LAKE}).values()
        assert "Unable to locate credentials" in text

    @pytest.mark.parametrize(("name", "value"), [("AWS_PROFILE", "of-nobody"), ("AWS_ENDPOINT_URL", "no address")])
    def test_variables_that_boto3_cannot_use_are_bad(self, bucket, monkeypatch, name, value):
        monkeypatch.setenv(name, value)
        (text,) = bad({"SPOTIFY_ASSETS_LAKE": LAKE}).values()
        assert value in text
        assert name in text

    def test_offline_it_is_not_asked(self, aws):
        assert f"lake {LAKE}" not in findings({"SPOTIFY_ASSETS_LAKE": LAKE}, offline=True)


class TestCrawler:
    @pytest.fixture
    def environment(self, bucket):
        return {"SPOTIFY_ASSETS_LAKE": LAKE, "GLUE_CRAWLER": "nightly"}

    def test_a_crawler_of_this_lake_is_fine(self, bucket, environment):
        bucket.create_crawler("nightly", "spotify_assets", LAKE)
        assert findings(environment)["crawler nightly"].text.startswith("fills database spotify_assets")

    def test_a_crawler_that_is_not_there_is_bad(self, environment):
        text = bad(environment)["crawler nightly"]
        assert "EntityNotFound" in text
        assert "GLUE_CRAWLER" in text

    def test_a_crawler_of_another_database_is_bad(self, bucket, environment):
        bucket.create_crawler("nightly", "elsewhere", LAKE)
        assert "fills the database elsewhere, not spotify_assets" in bad(environment)["crawler nightly"]

    def test_a_crawler_of_another_lake_is_bad(self, bucket, environment):
        bucket.create_crawler("nightly", "spotify_assets", "s3://lake/other")
        assert "other S3 targets" in bad(environment)["crawler nightly"]

    def test_offline_it_is_not_asked(self, environment):
        assert "crawler nightly" not in findings(environment, offline=True)


class TestSpotify:
    def test_a_playlist_that_can_be_read_is_fine(self, server, tmp_path):
        found = findings(spotify_environment(server, tmp_path))
        assert "bad" not in {finding.status for finding in found.values()}
        assert found["playlist chart"].text == "A Chart (spotify, daily): Spotify gives its entries (3)"
        assert "client credentials only" in found["Spotify app"].text
        assert server.count() == 2

    def test_a_refresh_token_is_used_and_said_to_be_there(self, server, tmp_path):
        found = findings(spotify_environment(server, tmp_path, user=True))
        assert found["playlist chart"].status == "ok"
        assert "a user's refresh token" in found["Spotify app"].text
        assert server.requests[0].form["grant_type"] == "refresh_token"

    def test_without_an_app_the_playlist_cannot_be_read(self, server, tmp_path):
        environment = spotify_environment(server, tmp_path)
        del environment["SPOTIFY_CLIENT_ID"], environment["SPOTIFY_CLIENT_SECRET"]
        texts = bad(environment)
        assert texts.keys() == {"Spotify app"}
        assert "developer.spotify.com/dashboard" in texts["Spotify app"]
        assert server.count() == 0

    def test_a_playlist_that_is_not_there_is_bad(self, server, tmp_path):
        server.playlists.clear()
        texts = bad(spotify_environment(server, tmp_path))
        assert texts.keys() == {"playlist chart"}
        assert "there is no such playlist for this app" in texts["playlist chart"]
        assert "What to do: check `playlist_id`" in texts["playlist chart"]

    def test_one_playlist_does_not_hide_another(self, server, tmp_path):
        environment = spotify_environment(server, tmp_path)
        entry = "{{slug: {}, title: A, source: spotify, playlist_id: {}}}"
        entries = ", ".join([entry.format("closed", SPOTIFY_OWNED_ID), entry.format("open", PLAYLIST_ID)])
        (tmp_path / "playlists.yaml").write_text(f"start: 2025-01-01\nplaylists: [{entries}]")
        texts = bad(environment)
        assert texts.keys() == {"playlist closed"}
        assert "Spotify's own" in texts["playlist closed"]
        assert server.count("POST /api/token") == 1

    def test_a_wrong_secret_is_bad_and_not_repeated(self, server, tmp_path):
        environment = spotify_environment(server, tmp_path) | {"SPOTIFY_CLIENT_SECRET": "wr0ng-secret"}
        text = bad(environment)["Spotify token"]
        assert "the client secret is wrong" in text
        assert "wr0ng-secret" not in text

    def test_an_ended_refresh_token_leads_to_auth(self, server, tmp_path):
        environment = spotify_environment(server, tmp_path, user=True) | {"SPOTIFY_REFRESH_TOKEN": "end3d-token"}
        text = bad(environment)["Spotify token"]
        assert "spotify-assets auth" in text
        assert "end3d-token" not in text

    def test_a_rate_limit_says_when_to_come_back(self, server, tmp_path):
        server.answer_next("/items", status=429, headers={"Retry-After": "7200"}, body={"error": {"status": 429}})
        assert "Japan time" in bad(spotify_environment(server, tmp_path))["playlist chart"]

    def test_offline_nobody_is_asked(self, server, tmp_path):
        found = findings(spotify_environment(server, tmp_path), offline=True)
        assert "bad" not in {finding.status for finding in found.values()}
        assert "Spotify token" not in found
        assert server.count() == 0


class TestCommand:
    @pytest.fixture
    def doctor(self, monkeypatch):
        """The command, in an environment."""

        def doctor(environment, *arguments):
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            return CliRunner().invoke(main, ["doctor", *arguments])

        return doctor

    def test_all_well_ends_with_0(self, server, tmp_path, doctor):
        result = doctor(spotify_environment(server, tmp_path))
        assert result.exit_code == 0
        assert row(result, "playlist chart") == ["ok", "A Chart (spotify, daily): Spotify gives its entries (3)"]
        assert "BAD" not in result.output

    def test_anything_bad_ends_with_1_after_everything_was_looked_at(self, server, tmp_path, doctor):
        (tmp_path / "lake").write_text("not a folder")
        result = doctor(spotify_environment(server, tmp_path))
        assert result.exit_code == 1
        assert row(result, f"lake {tmp_path}/lake")[0] == "BAD"
        assert row(result, "playlist chart")[0] == "ok"

    def test_offline_ends_with_0_although_spotify_would_refuse(self, server, tmp_path, doctor):
        server.playlists.clear()
        assert doctor(spotify_environment(server, tmp_path), "--offline").exit_code == 0
        assert server.count() == 0

    def test_a_wrong_setting_ends_with_1_and_its_own_words(self, doctor):
        result = doctor({"SPOTIFY_CALL_BUDGET": "many"})
        assert result.exit_code == 1
        assert row(result, "settings") == ["BAD", "SPOTIFY_CALL_BUDGET is 'many'."]
        assert "What to do: correct SPOTIFY_CALL_BUDGET" in result.stdout

    def test_for_programs_it_is_a_list_of_objects(self, server, tmp_path, doctor):
        server.playlists.clear()
        result = doctor(spotify_environment(server, tmp_path), "--json")
        found = {one["subject"]: one for one in json.loads(result.stdout)}
        assert result.exit_code == 1
        assert {one["status"] for one in found.values()} == {"ok", "note", "bad"}
        assert found["playlist chart"].keys() == {"subject", "status", "text"}
        assert "\nWhat to do: check `playlist_id`" in found["playlist chart"]["text"]

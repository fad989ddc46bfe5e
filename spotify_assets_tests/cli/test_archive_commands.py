"""`spotify-assets archive fetch` against the stand-in of GitHub, as `make japan` runs it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from click.testing import CliRunner

from spotify_assets.cli import archive_commands
from spotify_assets.cli.doctor import examine
from spotify_assets.cli.main import main
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import load_settings
from spotify_assets_tests.helpers.archive import archive_environment, record_days
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, JAPAN_TOP_50, REPOSITORY, GithubServer, make_list

pytestmark = pytest.mark.slow

TODAY = today_in_japan()


def ago(days):
    return TODAY - timedelta(days=days)


@pytest.fixture
def github():
    with GithubServer() as server:
        server.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
        yield server


@pytest.fixture
def environment(github, tmp_path, monkeypatch, instance):
    monkeypatch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
    variables = archive_environment(github, tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def fetch(*arguments):
    return CliRunner().invoke(main, ["archive", "fetch", *arguments], catch_exceptions=False)


def days_with_songs(folder):
    found = (folder / "lake/songs/playlist=chart").glob("snapshot_date=*")
    return sorted(date.fromisoformat(path.name.split("=")[1]) for path in found)


def days_in_catalog(folder):
    with duckdb.connect(str(folder / "lake" / "catalog.duckdb"), read_only=True) as catalog:
        return [day for (day,) in catalog.sql("select distinct snapshot_date from songs order by 1").fetchall()]


def test_days_are_fetched_published_and_only_continued(github, environment, tmp_path):
    record_days(github, ago(12), ago(9))
    record_days(github, ago(7), ago(2))
    result = fetch("--days", "12")
    assert result.exit_code == 0, result.output
    assert f"chart: 9 days; the archive has no list of {ago(8)}, {ago(1)} to {TODAY}" in result.output
    assert "catalog.duckdb" in result.output
    assert "archive_sensor fetches it" in result.output
    assert days_in_catalog(tmp_path) == [ago(11), ago(10), ago(9), *(ago(days) for days in range(7, 1, -1))]

    github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list(range(50)))
    github.requests.clear()
    assert fetch("--days", "12").exit_code == 0
    assert len(github.calls("raw")) == 1
    assert days_in_catalog(tmp_path)[-1] == TODAY


def test_a_limit_is_waited_for_and_then_it_goes_on(github, environment, tmp_path, monkeypatch, without_publishing):
    record_days(github, ago(8), ago(1))
    github.files_left = 4
    github.reset_in = 900
    waits = []

    def pause(seconds):
        waits.append(seconds)
        github.files_left = None

    monkeypatch.setattr(archive_commands, "pause", pause)
    result = fetch("--days", "9")
    assert result.exit_code == 0, result.output
    assert "loses nothing" in result.output
    assert [800 < seconds < 1000 for seconds in waits] == [True]
    assert len(days_with_songs(tmp_path)) == 8
    paths = [request.path for request in github.calls("raw") if request.status == 200]
    assert len(paths) == len(set(paths)) == 8


def test_a_damaged_day_costs_no_other(github, environment, tmp_path, without_publishing):
    record_days(github, ago(9), ago(7))
    github.commit(REPOSITORY, f"{ago(6)}T01:00:00Z", f"playlists/pretty/{JAPAN_TOP_50}.json", b'{"tracks": [')
    record_days(github, ago(5), ago(2))
    for _ in range(2):
        result = fetch("--days", "10")
        assert result.exit_code == 1
        assert "it is not JSON, or only a part of it" in result.output
        assert str(ago(6)) in result.output
        assert days_with_songs(tmp_path) == [ago(days) for days in (9, 8, 7, 5, 4, 3, 2)]
    paths = [request.path for request in github.calls("raw")]
    assert len(paths) == 8 + 1


def test_without_a_network_it_refuses_and_names_the_demo(environment, monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    result = fetch()
    assert result.exit_code == 1
    assert "make demo" in result.output


def test_a_playlists_file_without_such_a_playlist_is_refused(environment, monkeypatch):
    monkeypatch.delenv("SPOTIFY_ASSETS_PLAYLISTS")
    result = fetch()
    assert result.exit_code == 1
    assert "examples/japan.yaml" in result.output


def test_the_token_is_in_no_output(github, environment, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "a-token-that-nobody-may-see")
    record_days(github, ago(2), ago(1))
    github.fail("^/api/", status=401)
    result = fetch("--days", "3")
    assert result.exit_code == 1
    assert "GITHUB_TOKEN" in result.output
    assert "a-token-that-nobody-may-see" not in result.output
    assert "a-token-that-nobody-may-see" not in repr(load_settings())


class TestDoctor:
    def finding(self):
        (found,) = [one for one in examine(load_settings(), offline=False) if one.subject == "playlist chart"]
        return found

    def test_the_newest_list_is_named(self, github, environment, tmp_path):
        record_days(github, ago(5), ago(1))
        assert self.finding().status == "ok"
        assert str(ago(1)) in self.finding().text
        assert not (tmp_path / "lake").exists()

    def test_a_playlist_that_is_not_archived_is_bad(self, github, environment):
        assert self.finding().status == "bad"
        assert "repositories" in self.finding().text

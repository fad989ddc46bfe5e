"""The command line as a person uses it: exit codes, words, and what is in the lake afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.processes import Process, command

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("spotify-assets")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder in which `spotify-assets demo --days 5` was run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "dagster_home").mkdir()
    (folder / "dagster_home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return folder, run(folder, "demo", "--days", "5")


def run(folder, *arguments, **environment):
    return Process(folder, environment, command, *arguments).end()


def test_demo_ends_well_and_says_where_the_results_are(demo):
    folder, completed = demo
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    assert f"{folder}/lake/demo/catalog.duckdb" in completed.stdout


def test_demo_leaves_its_days_in_a_catalog_that_answers(demo):
    folder, _ = demo
    with duckdb.connect(str(folder / "lake/demo/catalog.duckdb"), read_only=True) as catalog:
        counts = dict(catalog.execute("select snapshot_date, count(*) from songs group by 1").fetchall())
        listed = catalog.execute("select sum(listed) from snapshots").fetchone()
        assert catalog.execute("select count(*) from songs_flat where artist_names = ''").fetchone() == (0,)
    today = today_in_japan()
    assert sorted(counts) == [today - timedelta(days=number) for number in (4, 3, 2, 1, 0)]
    assert all(48 <= count <= 50 for count in counts.values())
    assert listed == (250,)


def test_demo_ends_with_the_address_of_the_report(demo):
    folder, completed = demo
    address = (folder / "lake/demo/report/index.html").as_uri()
    assert f"The report:   {address} " in completed.stdout
    assert 'href="playlists/demo_japan.html"' in (folder / "lake/demo/report/index.html").read_text(encoding="utf-8")
    assert "50 songs" in (folder / "lake/demo/report/playlists/demo_japan.html").read_text(encoding="utf-8")


def test_the_report_is_made_again_and_opened(demo):
    folder, _ = demo
    pages = folder / "lake/demo/report"
    before = (pages / "playlists/demo_japan.html").read_bytes()
    shutil.rmtree(pages)
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{folder}/opened"\n', encoding="utf-8")
    browser.chmod(0o755)
    completed = run(folder, "report", "--open", BROWSER=f"{browser} %s")
    assert (completed.returncode, completed.stderr) == (0, "")
    assert completed.stdout == (pages / "index.html").as_uri() + "\n"
    assert (folder / "opened").read_text(encoding="utf-8") == completed.stdout
    assert (pages / "playlists/demo_japan.html").read_bytes() == before


def test_a_report_of_nothing_is_refused(tmp_path):
    completed = run(tmp_path, "report")
    assert completed.returncode == 1
    assert completed.stderr.startswith(f"There are no analyses in {tmp_path}/lake/demo/analytics.")
    assert not (tmp_path / "lake/demo/report").exists()


def test_the_runs_of_the_demo_are_those_of_the_named_jobs(demo):
    folder, _ = demo
    with dg.DagsterInstance.from_config(str(folder / "dagster_home")) as instance:
        assert [run.job_name for run in instance.get_runs()][-2:] == ["publish_job", "daily_playlist_job"]


def test_rebuild_gives_the_same_bytes_and_publishes(demo, instance):
    folder, _ = demo
    store = LocalObjectStore(folder / "lake/demo")
    keys = [key for table in ("songs", "snapshots") for key in store.list_keys(f"{table}/")]
    before = {key: store.read(key) for key in keys}
    catalog = folder / "lake/demo/catalog.duckdb"
    catalog.unlink()
    first, last = (str(today_in_japan() - timedelta(days=number)) for number in (4, 0))
    completed = run_command(folder, instance, "rebuild", "demo_japan", first, last)
    assert completed.exit_code == 0, completed.stderr
    assert completed.stdout.splitlines() == [
        f"demo_japan {first} to {last}: done",
        "Catalog, analyses and report: published",
    ]
    assert {key: store.read(key) for key in keys} == before
    with duckdb.connect(str(catalog), read_only=True) as connection:
        assert connection.execute("select count(distinct edition_date) from song_history").fetchone() == (5,)


@pytest.fixture(scope="module")
def number_one(demo):
    """The query for the songs at the top, and the title of one."""
    query = ("query", "days_at_number_one")
    with dg.DagsterInstance.ephemeral() as instance:
        answer = run_command(demo[0], instance, *query, "--format", "json")
    assert answer.exit_code == 0, answer.output
    return query, json.loads(answer.stdout)[0]["song_name"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_japanese_titles_are_printed_on_any_console(demo, instance, number_one, encoding):
    query, title = number_one
    table = run_command(demo[0], instance, *query, encoding=encoding)
    assert (table.exit_code, table.stderr) == (0, "")
    assert title.encode(encoding, "backslashreplace") in table.stdout_bytes
    # For programs it is UTF-8 in any case.
    for form in ("csv", "json"):
        written = run_command(demo[0], instance, *query, "--format", form, encoding=encoding).stdout_bytes
        assert title in written.decode("utf-8")


def test_a_process_writes_in_the_encoding_of_its_console_and_data_in_utf_8(demo, number_one):
    def started_anew(*arguments):
        # Python looks at the encoding of the console when it starts.
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        return subprocess.run(
            [COMMAND, *arguments], cwd=demo[0], env=environment, capture_output=True, encoding="utf-8", check=False
        )

    query, title = number_one
    table = started_anew(*query)
    assert (table.returncode, table.stderr) == (0, "")
    assert title.encode("ascii", "backslashreplace").decode() in table.stdout
    assert title in started_anew(*query, "--format", "csv").stdout


def test_rebuild_of_days_that_nobody_stored_names_them(demo):
    folder, _ = demo
    completed = run(folder, "rebuild", "demo_japan", "2025-01-01", "2025-01-02")
    assert completed.returncode == 1
    assert "nothing is stored for 2025-01-01 to 2025-01-02" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rebuild", "nobody", "2025-01-01", "2025-01-02"), "names demo_japan"),
        (("rebuild", "demo_japan", "2025-01-02", "2025-01-01"), "in this order"),
        (("rebuild", "demo_japan", "2024-12-31", "2025-01-01"), "days run from 2025-01-01"),
        (("rebuild", "demo_japan", "2025-01-01", "2999-01-01"), "today in Japan"),
    ],
)
def test_rebuild_refuses_what_cannot_be(demo, instance, arguments, words):
    completed = run_command(demo[0], instance, *arguments)
    assert completed.exit_code == 1
    assert words in completed.stderr


def test_a_wrong_setting_is_refused_before_anything_happens(tmp_path, instance):
    completed = run_command(tmp_path, instance, "demo", SPOTIFY_ASSETS_LAKE="gs://bucket")
    assert completed.exit_code == 1
    assert completed.stderr.startswith("SPOTIFY_ASSETS_LAKE is 'gs://bucket'.")
    assert list(tmp_path.iterdir()) == []


def test_without_a_dagster_home_the_command_says_so(tmp_path):
    completed = run(tmp_path, "demo")
    assert completed.returncode == 1
    assert "DAGSTER_HOME is not set" in completed.stderr


def test_without_a_dagster_home_no_original_is_kept(tmp_path, instance):
    (tmp_path / "playlists.yaml").write_text(
        "{start: 2026-11-01, playlists: [{slug: a, title: A, source: charts, chart: regional-jp-daily}]}"
    )
    (tmp_path / "data.csv").write_text("date,position,song,artist\n2026-11-19,1,Rain,Kumo\n")
    settings = {"SPOTIFY_ASSETS_PLAYLISTS": "playlists.yaml", "SPOTIFY_ASSETS_LAKE": "lake"}
    assert run_command(tmp_path, instance, "charts", "import", "--dry-run", "data.csv", **settings).exit_code == 0
    completed = run(tmp_path, "charts", "import", "data.csv", **settings)
    assert completed.returncode == 1
    assert "DAGSTER_HOME is not set" in completed.stderr
    assert not (tmp_path / "lake").exists()

"""No secret in any output: not on the terminal, not in Dagster's storage, not in the lake; with all loggers at DEBUG.

A process of its own does the runs, because loggers are a process's common property. It keeps a stand-in for Spotify
that answers as the scenario says, and a Dagster instance on disk that also stores what Python's loggers say.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote_plus, urlencode

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from spotify_assets.cli.runs import failures_of
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries

pytestmark = pytest.mark.slow

TOKEN = r"POST /api/token"
PLAYLIST = rf"GET /v1/playlists/{PLAYLIST_ID}\?"
ENTRIES = r"GET /v1/playlists/\w+/items"
BATCH = r"GET /v1/(albums|artists)/?\?"
LOGGERS = ("spotipy", "spotipy.client", "spotipy.oauth2", "spotipy.util", "urllib3", "requests", "botocore", "dagster")
DAGSTER_YAML = """
telemetry: {enabled: false}
python_logs: {managed_python_loggers: [root], python_log_level: DEBUG}
"""
CLIENT_SECRET = "s3cr3t+of/the=app"
REFRESH_TOKEN = "r3fresh/t0ken+of=user"
ACCESS_TOKENS = {"application": "acc3ss-t0ken/of+app", "user": "acc3ss-t0ken/of+user"}


def sent(request):
    """What a request held, also as it was on the wire; the secrets first, because long words are cut short."""
    return f"{urlencode(request.form)} {request.form} {request.headers['authorization']} {request.headers}"


def echo(request):
    """An error of the Web API that repeats everything that was sent."""
    message = sent(request)
    return {"error": {"status": 403, "message": message, "reason": message}}


def echo_of_token_endpoint(request):
    return {"error": sent(request), "error_description": sent(request)}


@dataclass(frozen=True)
class Scenario:
    """How a run goes, and what is then to be seen, so that a scenario that did not happen is noticed."""

    prepare: Callable[[SpotifyServer], None] = lambda _: None
    user: bool = False
    refresh_token: str = REFRESH_TOKEN
    success: bool = False
    words: str = ""


SCENARIOS = {
    "client credentials": Scenario(success=True),
    "refresh token": Scenario(user=True, success=True),
    "playlist refused with an echo": Scenario(
        lambda server: server.answer_next(PLAYLIST, status=403, body=echo), words="Spotify's own words"
    ),
    "entries refused with an echo to a user": Scenario(
        lambda server: server.answer_next(ENTRIES, status=403, body=echo), user=True, words="Spotify's own words"
    ),
    "echo as plain text": Scenario(
        lambda server: server.answer_next(ENTRIES, status=400, body=lambda request: str(request.headers)),
        words="Spotify's own words",
    ),
    "enrichment refused with an echo": Scenario(
        lambda server: server.answer_next(BATCH, status=400, body=echo, times=9), user=True, success=True
    ),
    "token refused with an echo": Scenario(
        lambda server: server.answer_next(TOKEN, status=400, body=echo_of_token_endpoint),
        user=True,
        words="Spotify's own words",
    ),
    "invalid grant": Scenario(user=True, refresh_token="3nded/t0ken+of=user", words="invalid_grant"),
    "outage": Scenario(
        lambda server: server.answer_next(ENTRIES, status=503, body=echo, times=99), words="answering 503"
    ),
    "outage of the token endpoint": Scenario(
        lambda server: server.answer_next(TOKEN, status=503, body=echo_of_token_endpoint, times=99),
        user=True,
        words="answering 503",
    ),
    "rate limit with an echo": Scenario(
        lambda server: server.answer_next(ENTRIES, status=429, headers={"Retry-After": "7200"}, body=echo),
        words="Japan time",
    ),
    "unreadable token": Scenario(
        lambda server: server.answer_next(TOKEN, body=lambda request: {"access_token": request.form}, times=99),
        words="cannot be read",
    ),
    "broken connection": Scenario(lambda server: server.drop_next(ENTRIES, times=99), user=True, words="broke off"),
}


def main() -> None:
    """Go through all scenarios in this process; outcomes go to outcomes.json in the working folder."""
    from spotify_assets import resources
    from spotify_assets.assets import raw_playlist
    from spotify_assets.sources.spotify.client import SpotifyClient
    from spotify_assets.sources.spotify.spotify_source import SpotifySource

    everything_at_debug()
    outcomes = {}
    home = Path("dagster_home").absolute()
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    SpotifyClient.__init__.__kwdefaults__["backoff_factor"] = 0
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        mock.patch.object(
            resources, "_spotify_source", lambda settings: SpotifySource(settings.spotify, backoff_factor=0)
        ),
        mock.patch.object(raw_playlist, "PAUSE_AFTER_OUTAGE", 0),
        mock.patch.object(raw_playlist, "RETRIES", 1),
    ):
        for name, scenario in SCENARIOS.items():
            with SpotifyServer() as server:
                server.client_secret, server.refresh_token = CLIENT_SECRET, REFRESH_TOKEN
                server.access_tokens = dict(ACCESS_TOKENS)
                server.add_playlist(PLAYLIST_ID, make_entries(3))
                outcomes[name] = outcome_of(scenario, server, instance, Path(name).absolute())
    Path("outcomes.json").write_text(json.dumps(outcomes), encoding="utf-8")


def everything_at_debug() -> None:
    """All loggers, those that are there and those to come, say everything."""
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(levelname)s %(name)s %(message)s")
    for name in {*logging.Logger.manager.loggerDict, *LOGGERS}:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
        logger.propagate = True


def outcome_of(scenario: Scenario, server: SpotifyServer, instance: dg.DagsterInstance, folder: Path) -> dict[str, Any]:
    """Run the daily job, then the doctor; what became of them."""
    from spotify_assets.cli.main import main as command

    folder.mkdir()
    environment = spotify_environment(server, folder, user=scenario.user)
    if scenario.user:
        environment["SPOTIFY_REFRESH_TOKEN"] = scenario.refresh_token
    scenario.prepare(server)
    result = Platform(environment, instance).run_daily()
    failures = failures_of(result)
    # Once more: Dagster may have made loggers, and the faults may be used up.
    everything_at_debug()
    scenario.prepare(server)
    with mock.patch.dict(os.environ, environment):
        doctor = CliRunner().invoke(command, ["doctor"])
    sys.stdout.write("\n".join([doctor.output, *failures, repr(result), ""]))
    return {
        "success": result.success,
        "failures": failures,
        "doctor says": doctor.output,
        "requests": server.count(),
    }


def secret_forms() -> list[str]:
    """Every secret as it is, as it stands in a form or an address, and as it stands in a header."""
    secrets = [CLIENT_SECRET, REFRESH_TOKEN, *ACCESS_TOKENS.values(), SCENARIOS["invalid grant"].refresh_token]
    basic = base64.b64encode(f"stand-in-client-id:{CLIENT_SECRET}".encode()).decode()
    return [*secrets, *map(quote_plus, secrets), basic]


def secrets_in(text):
    return [secret for secret in secret_forms() if secret in text]


def texts_below(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder: its bytes, and what is in it for those that pack their content."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield str(path), data.decode(errors="replace")
        if path.suffix == ".db":
            yield str(path), rows_of(path)
        if path.suffix == ".gz":
            yield str(path), gzip.decompress(data).decode()
        if path.suffix == ".parquet":
            yield str(path), str(pq.read_table(io.BytesIO(data)).to_pylist())


def rows_of(database: Path) -> str:
    """All values of a SQLite database; Dagster keeps snapshots of jobs compressed."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f'select * from "{table}"')]  # noqa: S608
    return "\n".join(unpacked(value) for row in rows for value in row)


def unpacked(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zlib.decompress(value).decode(errors="replace")
    except zlib.error:
        return value.decode(errors="replace")


@dataclass(frozen=True)
class Observed:
    """What the process printed, what became of the scenarios, and the folders that they left, by scenario."""

    printed: str
    outcomes: dict[str, dict[str, Any]]
    folder: Path


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenarios")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPOTIFY_", "DAGSTER_"))}
    completed = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = completed.stdout + completed.stderr
    assert completed.returncode == 0, printed[-5000:]
    return Observed(printed, json.loads((folder / "outcomes.json").read_text(encoding="utf-8")), folder)


def test_no_secret_is_in_dagsters_storage_or_in_the_lakes(observed):
    texts = list(texts_below(observed.folder))
    assert [(path, found) for path, text in texts if (found := secrets_in(text))] == []


def test_no_secret_is_printed_or_logged(observed):
    lines = observed.printed.splitlines()
    assert [line[:200] for line in lines if secrets_in(line)] == []


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS.items(), ids=SCENARIOS)
def test_the_scenario_took_place(observed, name, scenario):
    outcome = observed.outcomes[name]
    assert outcome["requests"] >= 2
    assert outcome["success"] == scenario.success, outcome["failures"]
    assert scenario.words in " ".join(outcome["failures"])
    assert bool(outcome["failures"]) != scenario.success


def test_dagster_stored_what_libraries_logged_at_debug(observed):
    databases = list((observed.folder / "dagster_home" / "history" / "runs").glob("*-*.db"))
    assert len(databases) == len(SCENARIOS)
    assert all("POST /api/token HTTP/1.1" in rows_of(database) for database in databases)


def test_loggers_were_at_debug(observed):
    lines = observed.printed.splitlines()
    assert any(line.startswith("DEBUG urllib3.connectionpool") for line in lines)
    assert any("DEBUG" in line and "STEP_START" in line for line in lines)


def test_the_doctor_was_asked_too(observed):
    says = {name: outcome["doctor says"] for name, outcome in observed.outcomes.items()}
    assert line_of("playlist chart", says["client credentials"]).startswith("ok ")
    assert line_of("Spotify token", says["token refused with an echo"]).startswith("BAD ")
    assert line_of("playlist chart", says["entries refused with an echo to a user"]).startswith("BAD ")


def line_of(subject, table):
    (line,) = [line for line in table.splitlines() if f" {subject} " in line]
    return line


@pytest.mark.parametrize("form", secret_forms())
def test_a_secret_would_be_found_wherever_it_is_kept(tmp_path, form):
    (tmp_path / "a.log").write_text(f"x{form}x")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(form.encode()))
    pq.write_table(pa.table({"column": [form]}), tmp_path / "c.parquet", compression="zstd")
    with closing(sqlite3.connect(tmp_path / "d.db")) as connection, connection:
        connection.execute("create table snapshots (body blob)")
        connection.execute("insert into snapshots values (?)", [zlib.compress(form.encode())])
    found = {Path(path).name for path, text in texts_below(tmp_path) if form in secrets_in(text)}
    assert found == {"a.log", "b.jsonl.gz", "c.parquet", "d.db"}

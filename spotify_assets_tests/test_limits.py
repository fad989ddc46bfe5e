"""What is too large is refused by name in a process that has a gigabyte: one process for all bombs."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import resource
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spotify_assets.errors import Refusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import load_settings
from spotify_assets.sources.archive.github import GithubClient
from spotify_assets.sources.spotify.client import SpotifyClient
from spotify_assets.sources.spotify.pages import read_pages
from spotify_assets.storage import parquet
from spotify_assets.storage.layout import raw_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_format import decode
from spotify_assets_tests.helpers.chart_csv import chart
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.processes import Process
from spotify_assets_tests.helpers.publish_runs import short_publish_runs
from spotify_assets_tests.stand_ins.bad_way import BadWay, Spoiled
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer

pytestmark = pytest.mark.slow

GIGABYTE = 10**9
DAYS = [today_in_japan() - timedelta(days=ago) for ago in range(8)]
PLAYLISTS = f"""
start: {DAYS[-1]}
playlists:
  - {{slug: listed, title: A Chart, source: charts, chart: regional-jp-daily}}
"""
LONG_TITLE = "夜" * 130_000
BEGINNING = chart("a", "b")


def repeated(data: bytes, size: int) -> bytes:
    """Some bytes over and over again, packed by gzip: a member for each 16 MB, so that they are packed once."""
    times = 2**24 // len(data)
    return gzip.compress(data * times, mtime=0) * (size // (times * len(data)))


def a_gigabyte_of_zeros(path: Path) -> None:
    """Add them to a file, where they take no place on the disk."""
    os.truncate(path, path.stat().st_size + GIGABYTE)


def make_files(folder: Path) -> list[str]:
    """Chart files that are too large, each of a day; their names."""
    names = [f"regional-jp-daily-{day}.csv{end}" for day, end in zip(DAYS[1:], ("", ".gz", "", "", ""), strict=False)]
    line, packed_line, deep, wide, titled = (folder / name for name in names)
    line.write_bytes(BEGINNING + b'1,"')
    a_gigabyte_of_zeros(line)
    packed_line.write_bytes(gzip.compress(BEGINNING) + repeated(b"x", 2 * GIGABYTE))
    deep.write_bytes(b"[" * 10**7)
    wide.write_bytes(b"[")
    a_gigabyte_of_zeros(wide)
    titled.write_bytes(chart("夜" * 900_000))
    return names


def make_zip(folder: Path) -> str:
    """A zip archive with a line of a gigabyte in it; the name of that file."""
    name = f"regional-jp-daily-{DAYS[6]}.csv"
    with (
        zipfile.ZipFile(folder / "charts.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open(name, "w") as member,
    ):
        for _ in range(GIGABYTE // 2**24):
            member.write(b"x" * 2**24)
    return name


RAW_BOMBS = {
    "zeros": lambda: repeated(bytes(2**10), 2 * GIGABYTE),
    "values": lambda: repeated(b"[],", 120_000_000),
    "objects": lambda: repeated(b'{"a":{}}\n', 120_000_000),
    "a record": lambda: repeated(b"x", 120_000_000),
    "wide letters": lambda: gzip.compress('"\N{SMILING FACE WITH OPEN MOUTH}'.encode()) + repeated(b"x", 120_000_000),
    "depth": lambda: repeated(b"[", 2**24),
}


def packed_rows(values: pa.Array) -> bytes:
    """A Parquet file of a column."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"name": values}), sink)
    return sink.getvalue()


def ten_gigabytes_of_a_text(kind: pa.DataType) -> pa.Array:
    """A text of ten thousand letters, in a million rows."""
    return pa.DictionaryArray.from_arrays(pa.nulls(10**6, pa.int32()).fill_null(0), pa.array(["x" * 10**4], kind))


ROW_BOMBS = {
    "texts": lambda: packed_rows(ten_gigabytes_of_a_text(pa.string())),
    "large texts": lambda: packed_rows(ten_gigabytes_of_a_text(pa.large_string())),
    "lists": lambda: packed_rows(pa.ListArray.from_arrays([0, 10**6], ten_gigabytes_of_a_text(pa.string()))),
    "records": lambda: packed_rows(pa.StructArray.from_arrays([ten_gigabytes_of_a_text(pa.string())], ["a"])),
    "nothing": lambda: packed_rows(pa.nulls(2 * 10**7, pa.int32())),
}
"""Parquet files of some kilobytes."""


def limited() -> None:
    """From here on, a gigabyte more than now.

    Of data, not of addresses: threads of DuckDB and Arrow reserve many that they never use. V8, which draws the
    pictures of the report, reserves two gigabytes of data too and uses a tenth: publish runs end with the release here.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    now = int(re.search(r"VmData:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]
    resource.setrlimit(resource.RLIMIT_DATA, (now + GIGABYTE, now + GIGABYTE))


def report(*ended: object) -> None:
    """Tell the process that waits for this one how something ended."""
    sys.stdout.write(f"{json.dumps(ended)}\n")


def refused(what: str, doing: Callable[[], object]) -> None:
    """Report what refuses something."""
    try:
        doing()
        report(what, 0, "it was taken")
    except Refusal as refusal:
        report(what, 1, str(refusal))


def take_everything(folder: Path) -> None:
    """In a process of its own: everything that is too large, in the ways in which it comes."""
    limited()
    with short_publish_runs():
        _take_everything(folder)


def _take_everything(folder: Path) -> None:
    store = LocalObjectStore(folder / "lake")
    (folder / "playlists.yaml").write_text(PLAYLISTS, encoding="utf-8")
    environment = {
        "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
        "SPOTIFY_ASSETS_LAKE": str(folder / "lake"),
    }

    def command(what: str, *arguments: str) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            result = run_command(folder, instance, *arguments, **environment)
        report(what, result.exit_code, result.output)

    command("import", "charts", "import", str(folder / "bombs"))
    for number, (what, bomb) in enumerate(RAW_BOMBS.items()):
        refused(f"raw file of {what}", lambda bomb=bomb: decode(bomb(), "a/raw/file"))
        key = raw_key("listed", DAYS[7], datetime.now(UTC) + timedelta(seconds=number))
        store.write(key, bomb())
        command(f"rebuild of {what}", "rebuild", "listed", str(DAYS[7]), str(DAYS[7]))
        store.delete(key)
    for what, bomb in ROW_BOMBS.items():
        refused(
            f"Parquet file of {what}",
            lambda bomb=bomb: parquet.decode(bomb(), "a/table", most_bytes=parquet.MOST_BYTES_OF_A_DAY),
        )
    with SpotifyServer() as server, BadWay(server.url, "GET") as way:
        settings = load_settings({**environment, **server.environment(), "SPOTIFY_API_URL": f"{way.url}/v1/"})
        for what, body in {
            "depth": b"[" * 2**25,
            "values": b'{"items": [' + b"[]," * 10**7 + b"[]]}",
            "a title": json.dumps({"items": [{"track": {"name": "x" * 2**25}}]}).encode(),
        }.items():
            way.spoil(Spoiled("answer", body=body))
            client = SpotifyClient(settings.spotify, backoff_factor=0)
            refused(f"Spotify's answer of {what}", lambda client=client: read_pages(client, PLAYLIST_ID, "JP"))
        way.spoil(Spoiled("large"))
        client = SpotifyClient(settings.spotify, backoff_factor=0)
        refused("Spotify's endless answer", lambda: client.playlist_page(PLAYLIST_ID, 0, "JP"))
        refused("GitHub's endless answer", lambda: GithubClient(way.url, way.url).file_at("a/b", "c0ffee", "list"))
    landing = folder / "lake/landing/charts"
    landing.mkdir(parents=True)
    (folder / "bombs/charts.zip").unlink()
    (folder / "bombs").rename(landing / "listed")
    titled = landing / f"regional-jp-daily-{DAYS[0]}.csv"
    titled.write_bytes(chart(LONG_TITLE, "b"))
    command("daily", "daily")


@pytest.fixture(scope="module")
def endings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    (folder / "bombs").mkdir()
    names = [*make_files(folder / "bombs"), make_zip(folder / "bombs")]
    ended = Process(folder, {"DAGSTER_HOME": str(folder)}, take_everything, folder).end()
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('["')]
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return names, {what: (exit_code, output) for what, exit_code, output in lines}


def test_files_that_are_too_large_are_refused_by_import(endings):
    names, ended = endings
    exit_code, output = ended["import"]
    assert exit_code == 1
    assert [name for name in names if name not in output] == []
    assert "0 imported, 6 refused" in output


def test_files_that_are_too_large_hold_up_no_other_and_a_title_may_be_long(endings):
    names, ended = endings
    exit_code, output = ended["daily"]
    assert exit_code == 0, output[-3000:]
    assert [name for name in names[:-1] if name not in output] == []
    assert output.strip().splitlines()[-1].startswith("daily: released")
    assert " - dagster - " not in output
    assert sum(names[0] in line for line in output.splitlines()) == 1


@pytest.mark.parametrize("what", RAW_BOMBS)
def test_a_raw_file_that_is_too_large_is_refused(endings, what):
    _, ended = endings
    for doing, name in (("raw file", "a/raw/file"), ("rebuild", f"{DAYS[7]}")):
        exit_code, output = ended[f"{doing} of {what}"]
        assert exit_code == 1
        assert name in output
        assert "is damaged" in output
        assert "What to do:" in output


@pytest.mark.parametrize("what", ROW_BOMBS)
def test_a_parquet_file_that_is_too_large_is_refused(endings, what):
    _, ended = endings
    exit_code, output = ended[f"Parquet file of {what}"]
    assert exit_code == 1, output
    assert output.startswith("a/table is damaged.")
    assert "What to do:" in output


@pytest.mark.parametrize(
    "what",
    [
        *(f"Spotify's answer of {what}" for what in ("depth", "values", "a title")),
        "Spotify's endless answer",
        "GitHub's endless answer",
    ],
)
def test_an_answer_that_is_too_large_is_refused(endings, what):
    _, ended = endings
    exit_code, output = ended[what]
    assert exit_code == 1, output
    assert "What to do:" in output

"""Days come in any order, are replaced, withdrawn and restored: the tables of each are those of that day alone."""

from __future__ import annotations

import csv
import gzip
import tempfile
from datetime import date, timedelta

import dagster as dg
import pytest

from spotify_assets.analytics.compaction import compact, read_days
from spotify_assets.cli.runs import run_range
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.publication import daily_keys
from spotify_assets.schemas import TABLES
from spotify_assets.storage.daily_files import list_daily_files
from spotify_assets.storage.layout import Year, landing_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import MADE_OF, write_partitions
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.transforms.daily_tables import daily_tables, made_of
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.helpers.processes import Process, command
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.spotify import make_entries

pytestmark = pytest.mark.slow

SLUG = "chart"
PLAYLISTS = f"""
start: 2023-01-01
playlists: [{{slug: {SLUG}, title: A Chart, source: charts, chart: regional-jp-daily}}]
"""
HEADER = "date,position,song,artist\n"
FIRST = date(2023, 12, 29)
CONTENTS = dict(zip((FIRST + timedelta(days=number) for number in (0, 1, 2, 3, 5, 6)), "aabbba", strict=True))
"""Editions of several days, over the turn of a year and over a gap as well."""


def invented():
    """By day, the rows of a chart file, of those of the days that are over the turn of the year and over the gap."""
    contents = list(CONTENTS.items())[1:5]
    return {day: [f"{day},{place},{title * place},Hoshi" for place in (1, 2)] for day, title in contents}


def real():
    """Some days of a chart of Japan, by day, as the rows of its file."""
    path = REAL_DATA / "charts/anxods_jp_top50_daily_2023-05_2024-11.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if "2023-12-30" <= row["date"] <= "2024-01-02"]
    by_day = {}
    for row in found:
        quoted = [value.replace('"', '""') for value in (row["song"], row["artist"])]
        line = f'{row["date"]},{row["position"]},"{quoted[0]}","{quoted[1]}"'
        by_day.setdefault(date.fromisoformat(row["date"]), []).append(line)
    assert len(by_day) == 4
    return by_day


class Desk:
    """A project with one chart, whose files land day by day."""

    def __init__(self, folder, instance, rows):
        folder.mkdir(exist_ok=True)
        (folder / "playlists.yaml").write_text(PLAYLISTS, encoding="utf-8")
        self.environment = {
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
            "SPOTIFY_ASSETS_LAKE": str(folder / "lake"),
        }
        self.platform = Platform(self.environment, instance)
        self.job = self.platform.definitions.resolve_job_def(CHART_FILES_JOB)
        self.store, self.raw, self.rows = self.platform.store, RawLayer(self.platform.store), rows

    def land(self, *days):
        for day in days:
            data = HEADER + "".join(f"{row}\n" for row in self.rows[day])
            self.store.write(landing_key(SLUG, f"{day}.csv"), data.encode())
        self.make(*days)

    def make(self, *days):
        for day in days:
            chunks = run_range(self.job, self.platform.instance, daily_keys(SLUG), [day])
            assert [chunk.failures for chunk in chunks] == [[]]

    def tables(self):
        return {key: data for table in TABLES for key, data in self.platform.objects(f"{table}/").items()}


def each_alone(store, days):
    """The tables of days, each made in a lake of its own that holds nothing but the file that counts for it."""
    files = RawLayer(store).files(SLUG)
    made = {}
    for day in days:
        with tempfile.TemporaryDirectory() as folder:
            lake = LocalObjectStore(folder)
            if day in files.counting:
                lake.write(files.counting[day], store.read(files.counting[day]))
            raw = RawLayer(lake)
            snapshots = raw.read_days(SLUG, raw.files(SLUG).by_day)
            frames = daily_tables(snapshots, "daily")
            for name, table in TABLES.items():
                frames[name].attrs[MADE_OF] = {one.snapshot_date: made_of(one, "daily") for one in snapshots}
                write_partitions(lake, table, SLUG, [day], frames[name])
                made |= {key: lake.read(key) for key in lake.list_keys(f"{name}/")}
    return made


@pytest.mark.parametrize(
    ("made", "order"), [(invented, "backwards"), pytest.param(real, "from the middle", marks=requires_real_data)]
)
def test_in_any_order_replaced_withdrawn_and_restored(tmp_path, instance, made, order):
    rows = made()
    desk, days = Desk(tmp_path, instance, rows), sorted(rows)
    half = len(days) // 2
    desk.land(*(days[::-1] if order == "backwards" else [*days[half:], *days[:half]]))
    whole = desk.tables()
    assert whole == each_alone(desk.store, days)

    desk.raw.withdraw(SLUG, days[1], "wrong")
    desk.make(days[1])
    withdrawn = desk.tables()
    assert withdrawn == each_alone(desk.store, days)
    assert {key for key in whole if withdrawn[key] != whole[key]} <= {key for key in whole if str(days[1]) in key}
    assert str(days[1]) not in map(str, history(desk.store))

    desk.raw.restore(SLUG, days[1])
    desk.make(days[1])
    assert desk.tables() == whole

    desk.rows = {**rows, days[2]: rows[days[2]][:1]}
    desk.land(days[2])
    assert desk.tables() == each_alone(desk.store, days)
    assert desk.tables() != whole


def history(store):
    """By day, the edition that the compacted history has it in."""
    days = read_days(store, compact(store, list_daily_files(store)).years)[SLUG]
    return dict(zip(days["snapshot_date"], days["edition"], strict=True))


@pytest.mark.parametrize("between", [True, False], ids=["compacted in between", "compacted at the end"])
def test_the_history_is_the_same_whatever_the_order(tmp_path, between):
    store, days = LocalObjectStore(tmp_path), list(CONTENTS)

    def write(day, *, withdrawn=False):
        entries = make_entries(2, first=ord(CONTENTS[day]))
        frames = daily_tables([] if withdrawn else [make_snapshot(entries, day, slug=SLUG)], "daily")
        for name, table in TABLES.items():
            write_partitions(store, table, SLUG, [day], frames[name])

    for day in (days[3], days[5], days[2], days[0], days[4], days[1]):
        write(day)
        if between:
            compact(store, list_daily_files(store))
    first, later = date(2023, 12, 29), date(2023, 12, 31)
    assert history(store) == dict(zip(days, [first, first, later, later, later, days[5]], strict=True))
    assert compact(store, list_daily_files(store)).changed == {}
    # The edition that runs into the year after changes with a day of the year before.
    write(days[2], withdrawn=True)
    assert compact(store, list_daily_files(store)).changed == {Year(SLUG, 2023): (days[2],), Year(SLUG, 2024): ()}
    assert list(history(store).values()) == [first, first, date(2024, 1, 1), date(2024, 1, 1), days[5]]


def test_two_processes_at_once(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        desk = Desk(tmp_path / "desk", instance, invented())
        days = sorted(desk.rows)
        files = []
        for name, of_file in (("one", days[:3]), ("other", days[1:])):
            path = tmp_path / f"{name}.csv"
            text = HEADER + "".join(f"{row}\n" for day in of_file for row in desk.rows[day])
            path.write_text(text, encoding="utf-8")
            files.append(path)
        environment = {**desk.environment, "DAGSTER_HOME": str(home)}
        importing = ("charts", "import", "--playlist", SLUG)
        processes = [Process(tmp_path, environment, command, *importing, str(path)) for path in files]
        ended = [process.end() for process in processes]
        assert [of_one.returncode for of_one in ended] == [0, 0], ended
        assert desk.tables() == each_alone(desk.store, days)

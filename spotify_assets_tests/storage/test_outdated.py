"""Days whose tables are of another list than the one that counts, and those whose list is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from spotify_assets.errors import StorageError
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.outdated import lost_days, outdated_days, refuse_lost
from spotify_assets.storage.parquet import MADE_OF, write_partitions
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.transforms.daily_tables import daily_tables, made_of
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import entry

SLUG, DAY = "japan", date(2026, 11, 2)
NOON = datetime(2026, 11, 2, 3, 0, 0, 123456, UTC)
FETCHES = [
    make_snapshot(map(entry, titles), DAY, slug=SLUG, fetched_at=NOON + timedelta(hours=hours))
    for hours, titles in enumerate(["ab", "abc", "abcd"])
]


class Day:
    """A day in a lake: lists that are stored of it, and tables that are made of one."""

    def __init__(self, store):
        self.store, self.raw = store, RawLayer(store)
        self.keys = []

    def fetch(self, number):
        before = set(self.store.list_keys("raw_playlist/"))
        self.raw.append(SLUG, [FETCHES[number]])
        self.keys += set(self.store.list_keys("raw_playlist/")) - before

    def make(self):
        found = self.raw.read_days(SLUG, [DAY])
        frames = daily_tables(found, "daily")
        for name, table in TABLES.items():
            frames[name].attrs[MADE_OF] = {one.snapshot_date: made_of(one, "daily") for one in found}
            write_partitions(self.store, table, SLUG, [DAY], frames[name])

    @property
    def outdated_and_lost(self):
        return [bool(days(self.store, SLUG, [DAY])) for days in (outdated_days, lost_days)]


@pytest.fixture
def day(lake_folder):
    """A day that was fetched twice, with tables of the second list."""
    day = Day(LocalObjectStore(lake_folder))
    day.fetch(0)
    day.fetch(1)
    day.make()
    assert day.outdated_and_lost == [False, False]
    refuse_lost(day.store, SLUG, [DAY, DAY + timedelta(days=1)])
    return day


def test_tables_of_a_list_that_another_follows_are_outdated(day):
    day.fetch(2)
    assert day.outdated_and_lost == [True, False]


def test_tables_of_a_list_that_is_withdrawn_are_outdated(day):
    day.raw.withdraw(SLUG, DAY, "wrong")
    assert day.outdated_and_lost == [True, False]
    day.make()
    assert day.outdated_and_lost == [False, False]
    day.raw.restore(SLUG, DAY)
    assert day.outdated_and_lost == [True, False]


@pytest.mark.parametrize("before", ["counts then", "is withdrawn"])
def test_tables_whose_list_is_gone_are_what_is_left_of_it(day, before):
    day.store.delete(day.keys[1])
    if before == "is withdrawn":
        day.raw.withdraw(SLUG, DAY, "wrong")
    assert day.outdated_and_lost == [False, True]
    with pytest.raises(StorageError) as refused:
        refuse_lost(day.store, SLUG, [DAY])
    assert day.keys[1].rpartition("/")[0] in refused.value.why
    assert "backup" in refused.value.remedy


def test_of_a_list_that_is_gone_and_followed_nothing_is_needed(day):
    day.fetch(2)
    day.store.delete(day.keys[1])
    assert day.outdated_and_lost == [True, False]


def test_a_list_of_before_that_is_gone_is_not_missed(day):
    day.store.delete(day.keys[0])
    assert day.outdated_and_lost == [False, False]


@pytest.mark.slow
def test_a_day_whose_list_is_gone_is_not_rebuilt_of_the_one_before(lake_folder, instance, without_publishing):
    slug, today, store = "demo_japan", today_in_japan(), LocalObjectStore(lake_folder)

    def run(*arguments):
        return run_command(lake_folder.parent, instance, *arguments, SPOTIFY_ASSETS_LAKE=str(lake_folder))

    assert run("demo", "--days", "1").exit_code == 0
    raw = RawLayer(store)
    (first,) = raw.read_days(slug, [today])
    raw.append(slug, [replace(first, entries=first.entries[:20], fetched_at=first.fetched_at + timedelta(hours=1))])
    assert run("rebuild", slug, str(today), str(today)).exit_code == 0
    tables = {key: store.read(key) for key in store.list_keys("songs/")}
    lost = raw.latest_keys(slug)[today]
    store.delete(lost)
    refused = run("rebuild", slug, str(today), str(today))
    assert refused.exit_code == 1
    assert lost.rpartition("/")[0] in refused.output
    assert "backup" in refused.output
    assert {key: store.read(key) for key in store.list_keys("songs/")} == tables

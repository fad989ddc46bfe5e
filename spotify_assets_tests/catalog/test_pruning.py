"""Old days removed from a lake: what goes, what stays, a kill in the middle, and what the analyses are then."""

from __future__ import annotations

import itertools
import os
import shutil
from datetime import date, timedelta

import pytest

from spotify_assets.analytics.compaction import read_days
from spotify_assets.catalog.glue_comparison import Gaps, read_tables
from spotify_assets.catalog.glue_registration import register
from spotify_assets.catalog.pruning import find_old, remove
from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.storage.daily_files import incomplete_days, list_daily_files
from spotify_assets.storage.layout import Partition
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import CHARTS, DAYS, Publisher, entry

pytestmark = pytest.mark.slow
DATABASE = "spotify_assets"
SLUGS = ["japan", "korea"]
BUCKET = "lake"
LAKE = f"s3://{BUCKET}/charts"


def fill(store, slug="japan", days=DAYS):
    """The raw files and the tables of some days."""
    publisher = Publisher(store)
    snapshots = [make_snapshot(map(entry, CHARTS[day]), day, slug=slug) for day in days]
    RawLayer(store).append(slug, snapshots)
    publisher.write_snapshots(slug, snapshots)
    return publisher


def prune(store, first, glue=None, slugs=SLUGS):
    for slug, days in find_old(store, glue, DATABASE, slugs, first).items():
        remove(store, glue, DATABASE, slug, days)


def days_of(publisher):
    """The days that a publish run takes into the history."""
    days = read_days(publisher.store, publisher.compact().years)["japan"]
    return list(days["snapshot_date"])


def history(store):
    """The files of the history, without what is recorded beside them."""
    keys = [key for name in (*COMPACTED, *IDENTITY, *TABLES) for key in store.list_keys(f"{name}/")]
    return {key: store.read(key) for key in keys if key.endswith(".parquet")}


class KilledStore(LocalObjectStore):
    """A folder in which nothing more is removed after so many objects."""

    def __init__(self, folder, left):
        super().__init__(folder)
        self.left = left

    def delete(self, key):
        if not self.left:
            raise StorageError("Killed.", why="the test wants it", remedy="none")
        self.left -= 1
        super().delete(key)


def linked(lake, folder, *without):
    """A publisher in another folder with what a lake has, but for the folders of that name.

    Links, and no copies, which would be other versions of the days. Whatever is written replaces the link.
    """
    shutil.copytree(lake, folder, copy_function=os.link, ignore=shutil.ignore_patterns(*without))
    publisher = Publisher(LocalObjectStore(folder))
    publisher.runs = (f"run-to-come-{number}" for number in itertools.count())
    return publisher


def of_days_before(first):
    return [f"snapshot_date={day}" for day in DAYS if day < first]


class TestInAFolder:
    @pytest.fixture(scope="class")
    @classmethod
    def filled(cls, tmp_path_factory):
        """A lake with the days of both playlists."""
        lake = tmp_path_factory.mktemp("filled") / "lake"
        for slug in SLUGS:
            fill(LocalObjectStore(lake), slug)
        return lake

    @pytest.fixture(scope="class")
    @classmethod
    def published(cls, filled, tmp_path_factory):
        lake = tmp_path_factory.mktemp("published") / "lake"
        linked(filled, lake).publish()
        return lake

    @pytest.mark.parametrize("first", [date(2026, 1, 1), date(2026, 1, 2), date(2025, 12, 31)])
    def test_the_analyses_are_those_of_a_lake_that_only_ever_had_the_days_that_stay(
        self, filled, published, tmp_path, first
    ):
        publisher = linked(published, tmp_path / "lake")
        prune(publisher.store, first)
        publisher.publish()
        fresh = linked(filled, tmp_path / "fresh", *of_days_before(first))
        fresh.publish()
        assert list(publisher.content().values()) == list(fresh.content().values())
        assert history(publisher.store) == history(fresh.store)

    def test_nobody_takes_the_first_day_that_stays_for_the_chart_s_beginning(self, published, tmp_path):
        publisher = linked(published, tmp_path / "lake")
        store = publisher.store
        first = DAYS[2]
        before = [row for row in publisher.rows("song_history") if row["edition_date"] == first]
        assert "NEW" in {row["entry_status"] for row in before}
        prune(store, first)
        publisher.publish()
        after = [row for row in publisher.rows("song_history") if row["edition_date"] == first]
        assert {row["entry_status"] for row in after} == {None}
        spells = [row for row in publisher.rows("song_spells") if row["spell_start"] == first]
        assert spells
        assert all(row["left_censored"] for row in spells)
        songs = [row for row in publisher.rows("song_popularity") if row["first_seen"] == first]
        assert all(row["left_censored"] and row["entry_position"] is None for row in songs)

    def test_what_it_finds_is_counted_by_the_day_whatever_its_age(self, filled, tmp_path):
        store = linked(filled, tmp_path / "lake", "playlist=korea").store
        old = find_old(store, None, DATABASE, SLUGS, DAYS[2])
        assert list(old["japan"]) == DAYS[:2]
        assert old["korea"] == {}
        for day, of_day in old["japan"].items():
            keys = [stored.key for stored in (*of_day.tables, *of_day.raw)]
            assert len(keys) == len(TABLES) + 1
            assert all(f"snapshot_date={day}/" in key for key in keys)
            assert all(stored.size == len(store.read(stored.key)) for stored in (*of_day.tables, *of_day.raw))

    def test_other_playlists_and_what_is_no_day_stay(self, filled, tmp_path):
        store = linked(filled, tmp_path / "lake").store
        others = ["landing/charts/japan/2025-12-30.csv", "withdrawals/playlist=japan/20260101T000000.000000Z.json"]
        for key in others:
            store.write(key, b"kept")
        before = set(store.list_keys(""))
        prune(store, DAYS[-1], slugs=["japan"])
        gone = before - set(store.list_keys(""))
        assert len(gone) == (len(TABLES) + 1) * (len(DAYS) - 1)
        assert all("/playlist=japan/snapshot_date=" in key for key in gone)

    def test_a_kill_at_any_object_leaves_no_half_day_in_the_history_and_the_next_one_heals(self, filled, tmp_path):
        first = DAYS[2]
        fresh = linked(filled, tmp_path / "fresh", "playlist=korea", *of_days_before(first))
        fresh.compact()
        compacted = linked(filled, tmp_path / "compacted", "playlist=korea")
        compacted.compact()
        for left in range(2 * (len(TABLES) + 1)):
            folder = tmp_path / f"killed-{left}"
            publisher = linked(tmp_path / "compacted", folder)
            with pytest.raises(StorageError, match="Killed"):
                prune(KilledStore(folder, left), first)
            files = list_daily_files(publisher.store)
            whole = sorted(set.intersection(*(set(of_table) for of_table in files.values())))
            raw = set(RawLayer(publisher.store).files("japan").by_day)
            # A day whose raw file has gone has no table left.
            assert {day for _, day in set().union(*files.values())} <= raw
            assert len(incomplete_days(files)) <= 1
            assert days_of(publisher) == [day for _, day in whole]
            assert {Partition("japan", day) for day in DAYS[2:]} <= set(whole)
            prune(publisher.store, first)
            assert days_of(publisher) == DAYS[2:]
            assert history(publisher.store) == history(fresh.store)
            assert min(RawLayer(publisher.store).files("japan").by_day) == first


class KilledClient:
    """A client whose calls that remove something fail after so many."""

    def __init__(self, client, calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        if name in ("delete_objects", "batch_delete_partition"):
            next(self._calls)
        return getattr(self._client, name)


def allow(calls):
    yield from range(calls)
    raise StorageError("Killed.", why="the test wants it", remedy="none")


class TestInABucket:
    @pytest.fixture
    def store(self, aws):
        aws.create_bucket(BUCKET)
        aws.create_crawler("crawler", DATABASE, LAKE)
        return S3ObjectStore(aws.client("s3"), BUCKET, "charts")

    @pytest.fixture
    def glue(self, aws):
        return aws.client("glue")

    def register(self, store, glue):
        days = {table: frozenset((slug, str(day)) for slug, day in of) for table, of in list_daily_files(store).items()}
        registered = read_tables(glue, DATABASE, TABLES)
        lacking = {name: found - registered[name].partitions if registered else found for name, found in days.items()}
        register(glue, DATABASE, LAKE, Gaps(() if registered else tuple(TABLES), {}, lacking), TABLES)

    def registered(self, glue):
        found = read_tables(glue, DATABASE, TABLES).values()
        return {date.fromisoformat(day) for table in found for _, day in table.partitions}

    def days_in(self, store):
        return {key.split("snapshot_date=")[1][:10] for key in store.list_keys("") if "snapshot_date=" in key}

    def test_objects_and_partitions_go(self, store, glue):
        fill(store)
        self.register(store, glue)
        assert self.registered(glue) == set(DAYS)
        prune(store, DAYS[3], glue)
        assert self.registered(glue) == set(DAYS[3:])
        assert self.days_in(store) == set(map(str, DAYS[3:]))

    def test_partitions_whose_files_somebody_removed_go(self, store, glue):
        fill(store)
        self.register(store, glue)
        store.delete_all([key for key in store.list_keys("") if "snapshot_date=2025" in key])
        old = find_old(store, glue, DATABASE, ["japan"], DAYS[3])["japan"]
        assert [sorted(of_day.partitions) for of_day in old.values()] == [sorted(TABLES)] * 3
        prune(store, DAYS[3], glue)
        assert self.registered(glue) == set(DAYS[3:])

    def test_more_days_than_a_call_takes(self, store, glue):
        publisher = Publisher(store)
        days = [date(2026, 1, 1) + timedelta(number) for number in range(30)]
        publisher.write_nothing("japan", *days)
        self.register(store, glue)
        prune(store, days[-2], glue)
        assert self.registered(glue) == set(days[-2:])
        assert self.days_in(store) == set(map(str, days[-2:]))

    def test_a_kill_at_any_call_is_healed_by_the_next_one(self, aws, store, glue):
        first = DAYS[2]
        fill(store, days=DAYS[2:])
        for calls in itertools.count():
            fill(store, days=DAYS[:2])
            self.register(store, glue)
            counted = allow(calls)
            killed = S3ObjectStore(KilledClient(aws.client("s3"), counted), BUCKET, "charts")
            try:
                prune(killed, first, KilledClient(glue, counted))
            except StorageError:
                compaction = Publisher(store).compact()
                whole = set.intersection(*(set(of) for of in list_daily_files(store).values()))
                assert compaction.left_out == {}
                assert {day for _, day in whole} in (set(DAYS), set(DAYS[2:]))
                prune(store, first, glue)
                killed_at_least_once = True
            else:
                break
            assert self.registered(glue) == set(DAYS[2:])
            assert self.days_in(store) == set(map(str, DAYS[2:]))
        assert killed_at_least_once
        assert calls == len(TABLES) + 2

    def test_an_object_that_may_not_be_removed_is_named(self, store):
        class Refusing:
            def delete_objects(self, **request):
                key = request["Delete"]["Objects"][-1]["Key"]
                return {"Errors": [{"Key": key, "Code": "AccessDenied", "Message": "Access Denied"}]}

        with pytest.raises(StorageError, match=r"songs/b cannot be removed") as caught:
            S3ObjectStore(Refusing(), BUCKET, "charts").delete_all(["songs/a", "songs/b"])
        assert "Access Denied (1 of 2 objects)" in caught.value.why

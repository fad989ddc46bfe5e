"""Compaction and releases: what a change of the lake changes in the analyses, and what it leaves alone."""

from __future__ import annotations

import io
import json
import os
import shutil
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from spotify_assets.analytics.compaction import TWO_MAKES
from spotify_assets.analytics.identity import identify
from spotify_assets.analytics.released_tables import ask
from spotify_assets.analytics.releases import RUNS_KEPT, old_keys, read_release
from spotify_assets.analytics.statements import ALL_YEARS, Part, parse
from spotify_assets.errors import Damaged, StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED
from spotify_assets.storage.daily_files import list_daily_files, stored_digest
from spotify_assets.storage.layout import ALIASES_KEY, RELEASE_KEY, partition_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import MADE_OF, write_partitions
from spotify_assets.storage.records import decode_record
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import CHARTS, DAYS, FIRST, Publisher, flip_a_bit, isrc, truncate

pytestmark = pytest.mark.slow

LATER = DAYS[-1] + timedelta(days=1)


@pytest.fixture
def publisher(tmp_path):
    return Publisher(LocalObjectStore(tmp_path / "lake"))


@pytest.fixture(scope="module")
def published_from(tmp_path_factory):
    """Makes folders in which charts of a playlist are published for the first time, each once for all tests."""
    folders = {}

    def publish_once(charts):
        key = str(charts)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("published")
            publisher = Publisher(LocalObjectStore(folders[key]))
            publisher.write("one", charts)
            publisher.publish()
        return folders[key]

    return publish_once


@pytest.fixture
def published(publisher, published_from, tmp_path):
    """Links, and no copies, which would be other versions of the days. Whatever is written replaces the link."""
    shutil.copytree(published_from(CHARTS), tmp_path / "lake", copy_function=os.link)
    assert next(publisher.runs) == read_release(publisher.store).run
    return publisher


@pytest.fixture
def content_of(published_from):
    """What the first publish run makes of charts."""
    return lambda charts: Publisher(LocalObjectStore(published_from(charts))).content()


class TestWhatIsMade:
    def test_everything_at_first(self, publisher):
        publisher.write("one", CHARTS)
        release = publisher.publish()
        assert release.made["song_history"] == (Part("one", 2025), Part("one", 2026))
        assert release.made["chart_trends"] == tuple(Part("one", year) for year in (ALL_YEARS, 2025, 2026, 2027))
        assert release.made["song_popularity"] == (Part("one"),)
        assert list(release.tables) == list(ANALYSES)
        assert len(publisher.rows("song_history")) == sum(map(len, CHARTS.values()))

    def test_nothing_when_nothing_has_changed(self, published):
        first = read_release(published.store)
        before = published.content()
        published.write("one", CHARTS)
        again = published.publish()
        assert (again.run, again.made) == (first.run, {})
        assert published.content() == before

    def test_a_new_day_leaves_other_years_and_other_playlists_as_they_are(self, publisher):
        publisher.write("one", {day: CHARTS[day] for day in DAYS[:-1]})
        publisher.write("two", CHARTS)
        publisher.publish()
        before = publisher.content()
        publisher.write("one", {DAYS[-1]: CHARTS[DAYS[-1]]})
        release = publisher.publish()
        assert release.made["song_history"] == (Part("one", 2026),)
        assert release.made["chart_trends"] == tuple(Part("one", year) for year in (ALL_YEARS, 2026, 2027))
        after = publisher.content()
        changed = {part for place, part in after if after[place, part] != before[place, part]}
        assert changed == {Part("one"), Part("one", ALL_YEARS), Part("one", 2026)}

    def test_a_day_that_is_made_again_changes_what_follows_from_it(self, published):
        published.write("one", {DAYS[0]: [*"zyx"]})
        release = published.publish()
        assert release.made["song_history"] == (Part("one", 2025), Part("one", 2026))
        assert [row["song_name"] for row in published.rows("song_history") if row["edition_date"] == DAYS[0]]
        (song,) = [row for row in published.rows("song_popularity") if row["song_name"] == "z"]
        assert (song["editions_on_chart"], song["status_now"]) == (1, "dropped_out")

    @pytest.mark.parametrize("how", ["its files are empty", "its files are gone"])
    def test_a_day_that_is_withdrawn_leaves_the_editions(self, published, how):
        if how == "its files are empty":
            published.write_nothing("one", DAYS[1])
        else:
            for name in TABLES:
                published.store.delete(partition_key(name, "one", DAYS[1]))
        published.publish()
        editions = {row["edition_date"]: row for row in published.rows("chart_editions")}
        assert sorted(editions) == [DAYS[0], *DAYS[2:]]
        assert editions[DAYS[2]]["gap"]

    def test_a_playlist_that_is_gone_leaves_every_table(self, publisher):
        publisher.write("one", CHARTS)
        publisher.write("two", CHARTS)
        publisher.publish()
        for name in TABLES:
            for day in DAYS:
                publisher.store.delete(partition_key(name, "two", day))
        publisher.publish()
        assert {row["playlist"] for name in ANALYSES for row in publisher.rows(name)} == {"one"}

    def test_a_day_of_which_a_table_is_missing_is_left_out_and_named(self, publisher):
        publisher.write("one", CHARTS)
        publisher.store.delete(partition_key("artists", "one", DAYS[3]))
        compaction = publisher.compact()
        assert compaction.left_out == {"one": {DAYS[3]: "no artists"}}
        publisher.publish()
        assert DAYS[3] not in {row["edition_date"] for row in publisher.rows("chart_editions")}

    def test_a_day_whose_tables_are_of_two_makes_waits_until_it_is_made_again(self, publisher):
        publisher.write("one", CHARTS)
        publisher.publish()
        before = list(publisher.content().values())
        frames = daily_tables([make_snapshot([], DAYS[3], slug="one")], "daily")
        for name in ("songs", "albums"):  # then it was killed
            frames[name].attrs[MADE_OF] = {DAYS[3]: "another snapshot"}
            write_partitions(publisher.store, TABLES[name], "one", [DAYS[3]], frames[name])
        compaction = publisher.compact()
        assert compaction.left_out == {"one": {DAYS[3]: TWO_MAKES}}
        release = publisher.publish()
        assert DAYS[3] not in {row["edition_date"] for row in publisher.rows("chart_editions")}
        assert publisher.compact().changed == {}
        assert release.stored == stored_digest(publisher.store, list_daily_files(publisher.store))
        publisher.write("one", {DAYS[3]: CHARTS[DAYS[3]]})
        assert publisher.compact().left_out == {}
        publisher.publish()
        assert list(publisher.content().values()) == before

    def test_songs_that_nobody_is_credited_with_and_of_no_album_are_songs_too(self, publisher):
        snapshot = make_snapshot([{"track": {"id": "id-a", "name": "a"}}, {"track": {"name": None}}], FIRST, slug="one")
        for name, frame in daily_tables([snapshot], "daily").items():
            write_partitions(publisher.store, TABLES[name], "one", [FIRST], frame)
        publisher.publish()
        (song,) = publisher.rows("song_history")
        assert (song["song_key"], song["artist_names"], song["artist_count"], song["album_key"]) == (
            "id-a",
            None,
            0,
            None,
        )
        (edition,) = publisher.rows("chart_editions")
        assert (edition["songs"], edition["unidentified"]) == (1, 1)


class TestAliases:
    def test_songs_merged_by_hand_are_one(self, publisher):
        publisher.write("one", {DAYS[0]: ["a"], DAYS[1]: ["b"]})
        publisher.store.write(ALIASES_KEY, f"song,same_as\nid-a,{isrc('b')}\n".encode())
        publisher.publish()
        (song,) = publisher.rows("song_popularity")
        assert (song["song_key"], song["editions_on_chart"], song["spells"]) == (isrc("a"), 2, 1)

    def test_blank_lines_are_no_aliases(self, publisher):
        publisher.write("one", {DAYS[0]: ["a"], DAYS[1]: ["b"]})
        publisher.store.write(ALIASES_KEY, f"song,same_as\n\nid-a,{isrc('b')}\n\n \n,\n".encode())
        publisher.publish()
        (song,) = publisher.rows("song_popularity")
        assert song["editions_on_chart"] == 2

    def test_names_that_no_song_has_are_told(self, publisher):
        publisher.write("one", CHARTS)
        publisher.store.write(ALIASES_KEY, f"song,same_as\nid-a,{isrc('b')}\nid-z,{isrc('a')}\n".encode())
        assert identify(publisher.store, publisher.compact().years).unknown_aliases == ("id-z",)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"id-a,id-b\n", "first line is not the header"),
            (b"song,same_as\nid-a\n", "row 2 is"),
            (b"song,same_as\nid-a,\n", "row 2 is"),
            (b"song,same_as\n\xff,b\n", "not a CSV file in UTF-8"),
            (b"", "first line is not the header"),
        ],
    )
    def test_a_file_that_cannot_be_meant_is_refused_and_nothing_is_made(self, published, content, said):
        before = published.content()
        published.store.write(ALIASES_KEY, content)
        with pytest.raises(StorageError, match=said):
            published.publish()
        assert published.content() == before


class TestRuns:
    def test_the_order_in_which_days_arrive_does_not_show_and_a_few_old_runs_stay(self, publisher, content_of):
        for day in (DAYS[3], DAYS[4], DAYS[1], DAYS[0], DAYS[2]):
            publisher.write("one", {day: CHARTS[day]})
            release = publisher.publish()
            # As a publish run does it; the runs that stay are for those who read them.
            for keys in old_keys(release, publisher.store.list_keys("analytics/")).values():
                for key in keys:
                    publisher.store.delete(key)
        assert publisher.content() == content_of(CHARTS)
        runs = {key.split("/")[2] for key in publisher.store.list_keys("analytics/") if "run=" in key}
        assert runs == {f"run=run-{number}" for number in range(len(DAYS) + 1 - RUNS_KEPT, len(DAYS) + 1)}

    def test_every_table_is_whole_in_its_own_run(self, publisher):
        publisher.write("one", {day: CHARTS[day] for day in DAYS[:-1]})
        publisher.publish()
        publisher.write("one", {DAYS[-1]: CHARTS[DAYS[-1]]})
        release = publisher.publish()
        for name in ANALYSES:
            assert release.keys(name)
            assert all(key.startswith(f"analytics/{name}/run={release.run}/") for key in release.keys(name))

    def test_a_run_that_fails_halfway_is_not_seen(self, published, monkeypatch):
        release = read_release(published.store)
        before = published.content()
        published.write("one", {DAYS[0]: ["z"]})
        monkeypatch.setattr("spotify_assets.analytics.duckdb_engine.encode", fail_for_spells)
        with pytest.raises(OSError, match="disk"):
            published.publish()
        assert read_release(published.store).run == release.run
        assert published.content() == before


STATE_OF_2026 = "chart_entries/playlist=one/year=2026/_days.json"
NO_RELEASES = [b'{"run": "run-1", "tabl', b"[]", b"{}", b'{"run": "", "tables": {"a": [{}]}}', b"[" * 100_000]
NO_STATES = [b"junk", b"[]", b"{}", b'{"days": {"junk": ""}}', b"[" * 100_000]


class TestDamage:
    """What publishing makes can be made again, whatever became of it."""

    @staticmethod
    def compacted(publisher):
        return {key: publisher.store.read(key) for name in COMPACTED for key in publisher.store.list_keys(f"{name}/")}

    @pytest.mark.parametrize("state", NO_STATES)
    def test_a_year_whose_state_is_damaged_is_made_anew(self, published, state):
        before = published.content()
        published.store.write(STATE_OF_2026, state)
        compaction = published.compact()
        assert compaction.changed == {("one", 2026): tuple(DAYS[2:])}
        assert published.compact().changed == {}
        published.publish()
        assert published.content() == before

    def test_a_year_whose_state_is_damaged_and_whose_days_are_gone_leaves(self, published):
        published.store.write(STATE_OF_2026, b"junk")
        for name in TABLES:
            for day in DAYS[2:]:
                published.store.delete(partition_key(name, "one", day))
        published.publish()
        assert all("year=2025/" in key for key in self.compacted(published))
        assert {row["edition_date"] for row in published.rows("song_history")} == set(DAYS[:2])

    @pytest.mark.parametrize("name", COMPACTED)
    def test_a_damaged_year_is_made_anew_when_a_day_of_it_changes(self, published, content_of, name):
        truncate(published.store, f"{name}/playlist=one/year=2026/part-0.parquet")
        published.write("one", {DAYS[-1]: ["z"]})
        published.publish()
        assert published.content() == content_of(CHARTS | {DAYS[-1]: ["z"]})

    @pytest.mark.parametrize("name", COMPACTED)
    @pytest.mark.parametrize("damage", ["truncated", "a bit is flipped", "gone"])
    def test_a_damaged_year_is_made_anew_without_news(self, published, name, damage):
        key = f"{name}/playlist=one/year=2026/part-0.parquet"
        before, history = published.content(), self.compacted(published)
        DAMAGES[damage](published.store, key)
        assert published.compact().damaged == (key,)
        published.publish()
        assert published.content() == before
        assert self.compacted(published) == history

    @pytest.mark.parametrize("damaged", NO_RELEASES)
    def test_what_records_no_release_is_damaged(self, publisher, damaged):
        publisher.store.write(RELEASE_KEY, damaged)
        with pytest.raises(Damaged, match=r"release\.json is damaged"):
            read_release(publisher.store)

    def test_a_damaged_release_is_made_anew(self, published):
        before = published.content()
        published.store.write(RELEASE_KEY, NO_RELEASES[0])
        assert published.publish().damaged == (RELEASE_KEY,)
        assert list(published.content().values()) == list(before.values())

    @pytest.mark.parametrize(
        ("damage", "new_day"), [("truncated", False), ("a bit is flipped", True), ("gone", False), ("gone", True)]
    )
    def test_damaged_parts_are_made_anew_and_recorded(self, published, content_of, new_day, damage):
        tables = read_release(published.store).tables
        damaged = [tables[name][Part("one", 2025)] for name in ("chart_trends", "song_history")]
        keys = tuple(next(iter(part.files)) for part in damaged)
        for key in keys:
            DAMAGES[damage](published.store, key)
        news = {LATER: ["z"]} if new_day else {}
        published.write("one", news)
        release = published.publish()
        assert release.damaged == keys
        assert Part("one", 2025) in release.made["chart_trends"]
        assert Part("one", 2025) in release.made["song_history"]
        assert published.content() == content_of(CHARTS | news)

    def test_a_release_of_an_older_version_brings_nothing_along(self, published):
        before = published.content()
        recorded = decode_record(published.store.read(RELEASE_KEY))
        for parts in recorded["tables"].values():
            for part in parts:
                del part["sha256"]
        published.store.write(RELEASE_KEY, json.dumps(recorded).encode())
        assert len(published.publish().made) == len(ANALYSES)
        assert published.content() == before

    @pytest.mark.parametrize("new_day", [True, False], ids=["with a new day", "without news"])
    def test_parts_that_are_gone_are_made_again(self, published, new_day):
        (spells,) = read_release(published.store).keys("song_spells")
        lost = [spells, read_release(published.store).keys("song_history")[0]]
        for key in lost:
            published.store.delete(key)
        if new_day:
            published.write("one", {LATER: ["z"]})
        release = published.publish()
        assert Part("one", 2025) in release.made["song_history"]
        assert release.made["song_spells"] == (Part("one"),)
        expected = set(DAYS) | ({LATER} if new_day else set())
        assert {row["edition_date"] for row in published.rows("song_history")} == expected

    @pytest.mark.parametrize("column", ["song_id", "position", "streams"])
    def test_a_bit_flipped_in_a_daily_file_is_named_and_never_published(self, published, column):
        before = published.content()
        key = partition_key("songs", "one", DAYS[-1])
        flip_a_bit(published.store, key, column)
        with pytest.raises(Damaged, match=rf"{key} is damaged(.|\n)*`spotify-assets rebuild one {DAYS[-1]}"):
            published.publish()
        assert published.content() == before
        published.write("one", {DAYS[-1]: CHARTS[DAYS[-1]]})
        published.publish()
        assert published.content() == before

    @pytest.mark.parametrize("charts", [{LATER: ["z"]}, {DAYS[0]: ["y"]}], ids=["a new year's day", "a day again"])
    def test_a_history_that_is_newer_than_the_analyses_is_not_read_beside_them(self, published, charts):
        """The publish run was killed, or has not ended: each alone is whole."""
        together = parse("select count(*) as n from chart_entries union all select count(*) from song_history")
        alone = [parse("select count(*) as n from song_history"), parse("select count(*) as n from chart_entries")]
        before = [ask(published.store, "500MB", query)["n"].to_pylist() for query in (together, *alone)]
        published.write("one", charts)
        compaction = published.compact()
        for identified in (False, True):
            if identified:
                identify(published.store, compaction.years)
            with pytest.raises(StorageError, match=r"another publish run than the analyses(.|\n)*run publish_job"):
                ask(published.store, "500MB", together)
            assert ask(published.store, "500MB", alone[0])["n"].to_pylist() == before[1]
            assert ask(published.store, "500MB", alone[1])["n"].to_pylist() != before[2]
        published.publish()
        assert ask(published.store, "500MB", together)["n"].to_pylist() != before[0]

    def test_in_a_bucket_too_what_is_gone_is_named_and_made_again(self, aws):
        aws.create_bucket("lake")
        publisher = Publisher(S3ObjectStore(aws.client("s3"), "lake", "live"))
        publisher.write("one", {DAYS[0]: ["a"]})
        publisher.publish()
        (spells,) = read_release(publisher.store).keys("song_spells")
        publisher.store.delete(spells)
        with pytest.raises(StorageError, match=rf"{spells} is damaged or gone(.|\n)*run publish_job"):
            ask(publisher.store, "500MB", parse("select song_key from song_spells"))
        publisher.publish()
        assert ask(publisher.store, "500MB", parse("select song_key from song_spells")).num_rows == 1


DAMAGES = {"truncated": truncate, "a bit is flipped": flip_a_bit, "gone": lambda store, key: store.delete(key)}


def fail_for_spells(rows):
    if "spell_start" in rows.column_names:
        raise OSError("the disk is full")
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()

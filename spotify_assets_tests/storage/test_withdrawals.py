"""Withdrawals: a bad snapshot leaves the tables and comes back; its raw file stays, and nothing is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import dagster as dg
import duckdb
import pytest

from spotify_assets.checks import CHECKS
from spotify_assets.cli.runs import failures_of, run_range
from spotify_assets.errors import StorageError
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.partitions import today_in_japan
from spotify_assets.schemas import TABLES
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.storage.records import decode_record
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets.storage.withdrawals import Action, Withdrawals
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.make_snapshot import DAY, SLUG, make_snapshot
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries

pytestmark = pytest.mark.slow

OLD, NEW, OTHER = make_entries(2), make_entries(2, first=10), make_entries(2, first=20)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAMAGED = (b"", b"no JSON", b"[" * 100_000, b"[]", b"{}", b'{"action": "erase"}')


def fetched(content, hours=0):
    return make_snapshot(content, fetched_at=NOON + timedelta(hours=hours))


@pytest.fixture(params=["folder", "bucket"])
def store(request, lake_folder) -> ObjectStore:
    if request.param == "folder":
        return LocalObjectStore(lake_folder)
    aws = request.getfixturevalue("aws")
    aws.create_bucket("lake")
    return S3ObjectStore(aws.client("s3"), "lake", "live")


@pytest.fixture
def layer(store) -> RawLayer:
    return RawLayer(store)


def raw_files(store):
    return {key: store.read(key) for key in store.list_keys("raw_playlist/")}


class TestMarkers:
    def test_a_marker_is_readable_and_tells_everything(self, layer, store):
        layer.append(SLUG, [fetched(OLD)])
        marker = layer.withdraw(SLUG, DAY, "  半分だけ ")
        (key,) = store.list_keys("withdrawals/")
        assert key == f"withdrawals/playlist={SLUG}/{marker.at:%Y%m%dT%H%M%S.%fZ}.json"
        assert "半分だけ" in store.read(key).decode()
        assert decode_record(store.read(key)) == {
            "slug": SLUG,
            "snapshot_date": "2026-11-22",
            "raw_key": f"raw_playlist/playlist={SLUG}/snapshot_date={DAY}/20261122T120000.000000Z.jsonl.gz",
            "action": "withdraw",
            "why": "半分だけ",
            "at": marker.at.isoformat(),
        }

    def test_the_history_is_complete_and_in_order_over_playlists(self, store):
        withdrawals = Withdrawals(store)
        expected = [
            withdrawals.record(slug, DAY, f"key-{slug}", action, "why")
            for slug, action in [("b", Action.WITHDRAW), ("a", Action.WITHDRAW), ("b", Action.RESTORE)]
        ]
        assert withdrawals.history() == expected
        assert withdrawals.history("a") == [expected[1]]
        assert withdrawals.withdrawn_keys("b") == {}
        assert withdrawals.withdrawn_keys("a") == {"key-a": expected[1]}

    def test_a_marker_comes_after_those_before_it_whatever_the_clock_says(self, store):
        withdrawals = Withdrawals(store)
        first = withdrawals.record(SLUG, DAY, "key", Action.WITHDRAW, "why")
        (key,) = store.list_keys("withdrawals/")
        later = first.at + timedelta(days=400)
        record = decode_record(store.read(key)) | {"at": later.isoformat()}
        store.write(f"withdrawals/playlist={SLUG}/{later:%Y%m%dT%H%M%S.%fZ}.json", json.dumps(record).encode())
        assert withdrawals.record(SLUG, DAY, "key", Action.RESTORE, "").at == later + timedelta(microseconds=1)
        assert withdrawals.withdrawn_keys(SLUG) == {}

    def test_other_files_beside_the_markers_are_passed_over(self, store):
        store.write(f"withdrawals/playlist={SLUG}/README.md", b"notes")
        assert Withdrawals(store).history() == []

    @pytest.mark.parametrize("data", DAMAGED)
    def test_a_damaged_marker_is_named_rather_than_passed_over(self, layer, store, data):
        layer.append(SLUG, [fetched(OLD)])
        key = f"withdrawals/playlist={SLUG}/20261122T120000.000000Z.json"
        store.write(key, data)
        with pytest.raises(StorageError, match="is damaged") as caught:
            layer.latest_keys(SLUG)
        assert store.uri(key) in caught.value.what


class TestRawLayer:
    def test_a_withdrawn_day_has_no_snapshot_and_is_no_error(self, layer, store):
        next_day = make_snapshot(NEW, DAY + timedelta(days=1))
        layer.append(SLUG, [fetched(OLD), next_day])
        before = raw_files(store)
        marker = layer.withdraw(SLUG, DAY, "half a list")
        assert raw_files(store) == before
        assert list(layer.latest_keys(SLUG)) == [next_day.snapshot_date]
        assert layer.files(SLUG).withdrawn_days == {DAY: marker}
        assert layer.read_days(SLUG, [DAY, next_day.snapshot_date]) == [next_day]
        assert layer.read_nearest(layer.files(SLUG), DAY) == next_day

    def test_a_day_that_was_never_stored_is_an_error_beside_a_withdrawn_one(self, layer):
        layer.append(SLUG, [fetched(OLD)])
        layer.withdraw(SLUG, DAY, "half a list")
        with pytest.raises(StorageError, match="1 of 2 days") as caught:
            layer.read_days(SLUG, [DAY, date(2026, 11, 23)])
        assert "nothing is stored for 2026-11-23" in caught.value.why

    def test_an_older_fetch_takes_over_and_restoring_goes_back_step_by_step(self, layer):
        snapshots = [fetched(content, hours) for hours, content in enumerate([OLD, NEW, OTHER])]
        for snapshot in snapshots:
            layer.append(SLUG, [snapshot])
        for older in (snapshots[1], snapshots[0]):
            layer.withdraw(SLUG, DAY, "wrong")
            assert layer.read_days(SLUG, [DAY]) == [older]
        layer.withdraw(SLUG, DAY, "wrong")
        assert layer.read_days(SLUG, [DAY]) == []
        for counting in snapshots:
            layer.restore(SLUG, DAY)
            assert layer.read_days(SLUG, [DAY]) == [counting]

    def test_a_newer_fetch_with_other_content_counts_by_itself(self, layer):
        layer.append(SLUG, [fetched(OLD)])
        layer.withdraw(SLUG, DAY, "wrong")
        [stored] = layer.append(SLUG, [fetched(NEW, hours=1)])
        assert (stored.added, stored.withdrawn) == (True, None)
        assert layer.read_days(SLUG, [DAY]) == [fetched(NEW, hours=1)]

    def test_the_same_content_fetched_again_stays_withdrawn(self, layer, store):
        layer.append(SLUG, [fetched(OLD)])
        marker = layer.withdraw(SLUG, DAY, "wrong")
        before = raw_files(store)
        again = fetched(OLD, hours=1)
        assert layer.withdrawal_of(again, layer.files(SLUG)) == marker
        [stored] = layer.append(SLUG, [again])
        assert (stored.added, stored.withdrawn, stored.uri) == (False, marker, store.uri(marker.raw_key))
        assert raw_files(store) == before
        assert layer.read_days(SLUG, [DAY]) == []

    def test_withdrawn_content_does_not_replace_a_fetch_that_counts(self, layer):
        layer.append(SLUG, [fetched(OLD)])
        marker = layer.withdraw(SLUG, DAY, "wrong")
        layer.append(SLUG, [fetched(NEW, hours=1)])
        [stored] = layer.append(SLUG, [fetched(OLD, hours=2)])
        assert stored.withdrawn == marker
        assert layer.read_days(SLUG, [DAY]) == [fetched(NEW, hours=1)]

    def test_content_of_an_older_file_that_counts_is_not_called_withdrawn(self, layer):
        for hours, content in enumerate([OLD, NEW, OLD]):
            layer.append(SLUG, [fetched(content, hours)])
        for _ in range(2):
            layer.withdraw(SLUG, DAY, "wrong")
        [stored] = layer.append(SLUG, [fetched(OLD, hours=3)])
        assert (stored.added, stored.withdrawn) == (False, None)
        assert layer.read_days(SLUG, [DAY]) == [fetched(OLD)]

    def test_a_withdrawn_file_is_never_written_over(self, layer, store):
        layer.append(SLUG, [fetched(OLD)])
        layer.withdraw(SLUG, DAY, "wrong")
        before = raw_files(store)
        layer.append(SLUG, [fetched(NEW)])
        assert raw_files(store).items() > before.items()

    def test_a_damaged_file_can_be_withdrawn(self, layer, store):
        for hours, content in enumerate([OLD, NEW]):
            layer.append(SLUG, [fetched(content, hours)])
        store.write(layer.latest_keys(SLUG)[DAY], b"damaged")
        layer.withdraw(SLUG, DAY, "damaged")
        assert layer.read_days(SLUG, [DAY]) == [fetched(OLD)]

    def test_another_origin_is_refused_also_when_every_day_is_withdrawn(self, layer):
        layer.append(SLUG, [fetched(OLD)])
        layer.withdraw(SLUG, DAY, "wrong")
        with pytest.raises(StorageError, match="would mix two charts"):
            layer.append(SLUG, [replace(fetched(NEW, hours=1), playlist_id="another")])

    def test_other_playlists_are_left_alone(self, layer):
        layer.append(SLUG, [fetched(OLD)])
        other = make_snapshot(OLD, slug="chart_2")
        layer.append("chart_2", [other])
        layer.withdraw(SLUG, DAY, "wrong")
        assert layer.read_days("chart_2", [DAY]) == [other]

    def test_what_cannot_be_is_refused_with_a_remedy(self, layer, store):
        layer.append(SLUG, [fetched(OLD)])
        with pytest.raises(StorageError, match="stored days run from 2026-11-22 to 2026-11-22"):
            layer.withdraw(SLUG, date(2026, 11, 1), "wrong")
        with pytest.raises(StorageError, match="no day is"):
            layer.restore("nobody", DAY)
        with pytest.raises(StorageError, match="no reason is given"):
            layer.withdraw(SLUG, DAY, " \n")
        with pytest.raises(StorageError, match="There is nothing to restore"):
            layer.restore(SLUG, DAY)
        assert store.list_keys("withdrawals/") == []
        layer.withdraw(SLUG, DAY, "half a list")
        with pytest.raises(StorageError, match="is withdrawn already") as caught:
            layer.withdraw(SLUG, DAY, "again")
        assert "half a list" in caught.value.why


class TestTables:
    def test_no_snapshot_at_all_gives_empty_tables_of_the_right_columns(self):
        frames = daily_tables([], "daily")
        assert {name: len(frame) for name, frame in frames.items()} == dict.fromkeys(TABLES, 0)
        for name, frame in frames.items():
            assert list(frame.columns) == [*TABLES[name].column_names, "snapshot_date"]


class TestRuns:
    @pytest.fixture
    def platform(self, instance, tmp_path) -> Iterator[Platform]:
        with SpotifyServer() as server:
            server.add_playlist(PLAYLIST_ID, make_entries(5))
            with Platform(spotify_environment(server, tmp_path), instance) as platform:
                yield platform

    @pytest.fixture
    def yesterday(self, platform) -> date:
        """A past day that was stored and is withdrawn."""
        yesterday = today_in_japan() - timedelta(days=1)
        raw = RawLayer(platform.store)
        raw.append("chart", [make_snapshot(OLD, yesterday, playlist_id=PLAYLIST_ID)])
        raw.withdraw("chart", yesterday, "half a list")
        return yesterday

    @staticmethod
    def metadata(instance, asset, day):
        record = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(["chart", asset]), asset_partitions=[str(day)]), limit=1
        ).records[0]
        return {key: value.value for key, value in record.asset_materialization.metadata.items()}

    def test_a_run_over_a_withdrawn_day_empties_its_partitions_and_says_why(self, platform, instance, yesterday):
        result = platform.run_daily(yesterday)
        assert result.success, failures_of(result)
        assert all(platform.rows(table, yesterday) == [] for table in TABLES)
        raw_metadata = self.metadata(instance, "raw_playlist", yesterday)
        assert (raw_metadata["origin"], raw_metadata["withdrawn because"]) == ("withdrawn", "half a list")
        for table in TABLES:
            metadata = self.metadata(instance, table, yesterday)
            assert metadata["withdrawn because"] == "half a list"
            assert metadata["dagster/partition_row_count"] == 0
        evaluations = result.get_asset_check_evaluations()
        assert len(evaluations) == len(CHECKS) + 1  # that of the consent
        assert all(evaluation.passed for evaluation in evaluations)

    def test_a_range_leaves_out_the_withdrawn_day_only(self, platform, instance, yesterday):
        result = platform.run_daily(yesterday, today_in_japan())
        assert result.success, failures_of(result)
        assert platform.rows("snapshots", yesterday) == []
        (row,) = platform.rows("snapshots")
        assert row["listed"] == 5
        assert self.metadata(instance, "raw_playlist", today_in_japan())["origin"] == "fetched from spotify"

    def test_a_day_that_nobody_stored_is_still_an_error(self, platform, yesterday):
        result = platform.run_daily(yesterday - timedelta(days=1), yesterday)
        assert not result.success
        assert any(f"1 of 2 days: {yesterday - timedelta(days=1)}" in message for message in failures_of(result))

    def test_todays_list_fetched_again_unchanged_stays_withdrawn(self, platform, instance):
        today = today_in_japan()
        assert platform.run_daily().success
        RawLayer(platform.store).withdraw("chart", today, "half a list")
        assert platform.run_daily().success
        assert platform.rows("snapshots") == []
        assert len(platform.store.list_keys("raw_playlist/")) == 1
        metadata = self.metadata(instance, "raw_playlist", today)
        assert metadata["origin"] == "withdrawn"
        assert "not stored again" in metadata["notes"]


class TestChartFiles:
    HEADER = b"rank,uri,artist_names,track_name,peak_rank,previous_rank,days_on_chart,streams\n"
    BAD, GOOD = HEADER + b"1,,Hoshi,Rain,1,1,9,100\n", HEADER + b"1,,Hoshi,Snow,1,1,9,100\n"

    def test_a_landed_file_does_not_undo_the_withdrawal_and_a_corrected_one_counts(self, instance, tmp_path):
        day = today_in_japan() - timedelta(days=1)
        playlists = tmp_path / "playlists.yaml"
        playlist = "{slug: chart, title: A Chart, source: charts, chart: regional-jp-daily}"
        playlists.write_text(f"start: 2025-01-01\nplaylists: [{playlist}]\n", encoding="utf-8")
        environment = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}
        landed = f"landing/charts/chart/regional-jp-daily-{day}.csv"
        tables = [dg.AssetKey(["chart", name]) for name in ("raw_playlist", *TABLES)]

        def materialize():
            (chunk,) = run_range(platform.definitions.resolve_job_def(CHART_FILES_JOB), instance, tables, [day])
            assert chunk.failures == []

        with Platform(environment, instance) as platform:
            platform.store.write(landed, self.BAD)
            materialize()
            assert [row["song_name"] for row in platform.rows("songs", day)] == ["Rain"]
            RawLayer(platform.store).withdraw("chart", day, "a line was lost")
            materialize()
            platform.store.write(landed, self.BAD)
            materialize()
            assert platform.rows("snapshots", day) == []
            assert len(platform.store.list_keys("raw_playlist/")) == 1
            platform.store.write(landed, self.GOOD)
            materialize()
            assert [row["song_name"] for row in platform.rows("songs", day)] == ["Snow"]


@pytest.fixture(scope="module")
def module_instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def demo(tmp_path_factory, module_instance):
    """A folder in which `spotify-assets demo --days 3` was run."""
    folder = tmp_path_factory.mktemp("demo")
    completed = run_command(folder, module_instance, "demo", "--days", "3")
    assert completed.exit_code == 0, completed.stderr
    return folder


@pytest.fixture
def command(demo, module_instance):
    """Runs `spotify-assets` in the folder of the demo."""
    return partial(run_command, demo, module_instance)


def days_in_catalog(folder, table):
    with duckdb.connect(str(folder / "lake/demo/catalog.duckdb"), read_only=True) as catalog:
        return [day for (day,) in catalog.execute(f"select distinct snapshot_date from {table} order by 1").fetchall()]  # noqa: S608


def objects(store, *folders):
    return {key: store.read(key) for folder in folders for key in store.list_keys(f"{folder}/")}


def test_the_command_takes_a_day_out_and_puts_it_back(demo, command):
    store = LocalObjectStore(demo / "lake/demo")
    tables, raw = objects(store, *TABLES), objects(store, "raw_playlist")
    today = today_in_japan()
    days = [today - timedelta(days=number) for number in (2, 1, 0)]
    bad = days[1]

    withdrawn = command("withdraw", "demo_japan", str(bad), "--why", "half a list")
    assert withdrawn.exit_code == 0, withdrawn.stderr
    assert "is withdrawn; the day has no other" in withdrawn.stdout
    assert f"demo_japan {bad} to {bad}: done" in withdrawn.stdout
    assert objects(store, "raw_playlist") == raw
    for table in ("snapshots", "songs"):
        assert days_in_catalog(demo, table) == [day for day in days if day != bad]

    rebuilt = command("rebuild", "demo_japan", str(days[0]), str(today))
    assert rebuilt.exit_code == 0, rebuilt.stderr
    assert bad not in days_in_catalog(demo, "snapshots")

    restored = command("withdraw", "demo_japan", str(bad), "--restore", "--why", "it was right")
    assert restored.exit_code == 0, restored.stderr
    assert "is no longer withdrawn" in restored.stdout
    assert objects(store, *TABLES) == tables
    assert days_in_catalog(demo, "snapshots") == days

    audit = command("withdrawals", "demo_japan")
    assert audit.exit_code == 0, audit.stderr
    _, _, first, second = (line.rstrip() for line in audit.stdout.splitlines())
    assert first.split(maxsplit=5)[2:] == ["demo_japan", str(bad), "withdraw", "half a list"]
    assert second.split(maxsplit=5)[2:] == ["demo_japan", str(bad), "restore", "it was right"]
    assert command("withdrawals").stdout == audit.stdout


def test_the_history_heals_when_a_day_is_withdrawn(instance, tmp_path):
    store = LocalObjectStore(tmp_path / "lake/demo")
    today = today_in_japan()
    days = [today - timedelta(days=number) for number in (3, 2, 1, 0)]
    contents = [OLD, NEW, OLD, OLD]
    RawLayer(store).append(
        "demo_japan",
        [
            make_snapshot(content, day, slug="demo_japan", source="demo")
            for day, content in zip(days, contents, strict=True)
        ],
    )
    first = run_command(tmp_path, instance, "rebuild", "demo_japan", str(days[0]), str(days[-1]))
    assert first.exit_code == 0, first.stderr
    reason = "another country's list"
    completed = run_command(tmp_path, instance, "withdraw", "demo_japan", str(days[1]), "--why", reason)
    assert completed.exit_code == 0, completed.stderr
    with duckdb.connect(str(tmp_path / "lake/demo/catalog.duckdb"), read_only=True) as catalog:
        query = "select snapshot_date, unchanged, edition from chart_days order by 1"
        rows = catalog.execute(query).fetchall()
    assert rows == [(days[0], False, days[0]), (days[2], True, days[0]), (days[3], True, days[0])]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("withdraw", "nobody", "2025-01-01", "--why", "x"), "names demo_japan"),
        (("withdrawals", "nobody"), "names demo_japan"),
        (("withdraw", "demo_japan", "2025-01-01", "--why", "x"), "nothing was ever stored for it"),
        (("withdraw", "demo_japan", "2024-12-31", "--why", "x"), "days run from 2025-01-01"),
        (("withdraw", "demo_japan", "2025-01-01"), "no reason is given"),
        (("withdraw", "demo_japan", "2025-01-01", "--restore"), "nothing was ever stored for it"),
    ],
)
def test_the_command_refuses_what_cannot_be(command, arguments, words):
    completed = command(*arguments)
    assert completed.exit_code == 1
    assert words in completed.stderr

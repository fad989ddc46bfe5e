"""Tables as Parquet: exactly the promised schema or nothing at all, deterministic, one object per partition."""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spotify_assets.errors import Damaged, SchemaViolation, StorageError
from spotify_assets.schemas import TABLES, Table, arrow_schema, optional, required
from spotify_assets.storage.layout import partition_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import MADE_OF, decode, encode, read_partitions, write_partitions
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets.transforms.daily_tables import daily_tables, frame
from spotify_assets_tests.helpers.make_snapshot import DAY, make_snapshot
from spotify_assets_tests.stand_ins.spotify import make_entries, make_entry, make_local_track, make_track

SLUG = "chart"
NEXT_DAY = date(2026, 11, 23)
THINGS = Table(
    "things",
    "One row per thing.",
    ("name",),
    (
        required("name", "string", "Name"),
        optional("count", "int32", "Count"),
        optional("streams", "int64", "Streams"),
        optional("share", "float64", "Share"),
        optional("explicit", "bool", "Explicit"),
        optional("released", "date", "Released"),
        optional("seen", "timestamp", "Seen"),
        required("labels", "list<string>", "Labels"),
    ),
)
THING = {
    "name": "夜明けの信号",
    "count": 3,
    "streams": 3_000_000_000,
    "share": 0.25,
    "explicit": True,
    "released": date(2024, 2, 29),
    "seen": datetime(2026, 11, 22, 3, 0, 0, 123_000, UTC).replace(tzinfo=None),
    "labels": ["a", "b"],
    "snapshot_date": DAY,
}
BARE = dict.fromkeys(THING) | {"name": "bare", "labels": [], "snapshot_date": DAY}


@pytest.fixture
def store(lake_folder) -> LocalObjectStore:
    return LocalObjectStore(lake_folder)


def write(store, *rows: dict[str, Any], days: tuple[date, ...] = (DAY,), table: Table = THINGS) -> None:
    write_partitions(store, table, SLUG, days, frame(table, rows))


def stored(store, day: date = DAY) -> bytes:
    return store.read(partition_key("things", SLUG, day))


def read_back(store, *days: date, table: Table = THINGS) -> list[dict[str, Any]]:
    """The rows of partitions as pyarrow reads them."""
    keys = [partition_key(table.name, SLUG, day) for day in days]
    return [row for key in keys for row in pq.read_table(io.BytesIO(store.read(key))).to_pylist()]


def without_day(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "snapshot_date"} for row in rows]


class TestFile:
    def test_it_lies_in_the_folder_of_its_partition(self, store):
        write(store, THING)
        assert store.list_keys("things/") == ["things/playlist=chart/snapshot_date=2026-11-22/part-0.parquet"]

    def test_every_type_comes_back_as_it_was(self, store):
        write(store, THING, BARE)
        assert read_back(store, DAY) == without_day(THING, BARE)

    def test_its_schema_is_the_one_promised_without_the_partition_columns(self, store):
        write(store, BARE)
        expected = arrow_schema(THINGS)
        written = pq.read_schema(io.BytesIO(stored(store)))
        assert (written.names, written.types) == (expected.names, expected.types)
        assert [field.nullable for field in written] == [field.nullable for field in expected]
        assert not {"playlist", "snapshot_date"} & set(written.names)

    def test_timestamps_are_milliseconds_without_a_zone(self, store):
        write(store, THING)
        column = pq.ParquetFile(io.BytesIO(stored(store))).schema.column(6)
        described = json.loads(column.logical_type.to_json())
        assert (column.name, described["timeUnit"], described["isAdjustedToUTC"]) == ("seen", "milliseconds", False)

    def test_every_column_is_compressed_with_zstd(self, store):
        write(store, THING)
        group = pq.read_metadata(io.BytesIO(stored(store))).row_group(0)
        assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}

    def test_nothing_of_pandas_is_in_it(self, store):
        write(store, THING)
        assert list(pq.read_metadata(io.BytesIO(stored(store))).metadata) == [b"spotify_assets.footer_crc32"]

    def test_the_same_rows_give_the_same_bytes(self, store):
        write(store, THING, BARE)
        first = stored(store)
        table = frame(THINGS, [THING, BARE])
        table.index = [7, 7]
        write_partitions(store, THINGS, SLUG, [DAY], table)
        assert stored(store) == first

    def test_a_bucket_and_a_folder_hold_the_same_bytes(self, store, aws):
        aws.create_bucket("lake")
        bucket = S3ObjectStore(aws.client("s3"), "lake", "live")
        for one in (store, bucket):
            write(one, THING, BARE | {"snapshot_date": NEXT_DAY}, days=(DAY, NEXT_DAY))
        assert bucket.list_keys("things/") == store.list_keys("things/")
        assert [stored(bucket, day) for day in (DAY, NEXT_DAY)] == [stored(store, day) for day in (DAY, NEXT_DAY)]
        assert read_partitions(bucket, THINGS, SLUG, [NEXT_DAY])["name"].to_list() == ["bare"]


class TestSplitting:
    def test_each_day_gets_its_rows_in_their_order(self, store):
        rows = [
            BARE | {"name": name, "snapshot_date": day}
            for name, day in [("a", NEXT_DAY), ("b", DAY), ("c", NEXT_DAY), ("d", DAY)]
        ]
        write(store, *rows, days=(DAY, NEXT_DAY))
        assert [row["name"] for row in read_back(store, DAY)] == ["b", "d"]
        assert [row["name"] for row in read_back(store, NEXT_DAY)] == ["a", "c"]

    def test_a_day_gets_the_same_bytes_alone_and_in_a_range(self, store):
        write(store, THING, BARE | {"snapshot_date": NEXT_DAY}, days=(DAY, NEXT_DAY))
        together = stored(store)
        write(store, THING)
        assert stored(store) == together

    def test_a_day_without_rows_gets_an_empty_object_with_the_schema(self, store):
        write(store, THING, days=(DAY, NEXT_DAY))
        data = stored(store, NEXT_DAY)
        table = pq.read_table(io.BytesIO(data))
        assert table.num_rows == 0
        assert table.schema.types == arrow_schema(THINGS).types
        assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == 0

    def test_duckdb_reads_a_day_without_rows(self, store, tmp_path):
        write(store, THING, days=(DAY, NEXT_DAY))
        paths = []
        for day in (NEXT_DAY, DAY):
            paths.append(str(tmp_path / f"{day}.parquet"))
            Path(paths[-1]).write_bytes(stored(store, day))
        with duckdb.connect() as connection:
            assert connection.execute("select count(*) from read_parquet(?)", [paths[:1]]).fetchone() == (0,)
            assert connection.execute("select count(*) from read_parquet(?)", [paths]).fetchone() == (1,)

    def test_a_day_that_lost_its_rows_is_emptied(self, store):
        write(store, THING)
        write(store)
        assert read_back(store, DAY) == []

    def test_other_days_stay_as_they_are(self, store):
        write(store, BARE | {"snapshot_date": NEXT_DAY}, days=(NEXT_DAY,))
        before = stored(store, NEXT_DAY)
        write(store, THING)
        assert stored(store, NEXT_DAY) == before


class TestViolations:
    @pytest.fixture(autouse=True)
    def _old_objects(self, store):
        write(store, THING, BARE | {"snapshot_date": NEXT_DAY}, days=(DAY, NEXT_DAY))

    def assert_refused(self, store, rows: pd.DataFrame, why: str) -> None:
        """The frame is refused with this reason, and the old objects of both days stand."""
        before = {key: store.read(key) for key in store.list_keys("")}
        with pytest.raises(SchemaViolation) as caught:
            write_partitions(store, THINGS, SLUG, [DAY, NEXT_DAY], rows)
        assert caught.value.what == "The table things is not written."
        assert why in caught.value.why
        assert {key: store.read(key) for key in store.list_keys("")} == before

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("name", 5),
            ("name", b"bytes"),
            ("name", ["list"]),
            ("count", "3"),
            ("count", 1.5),
            ("count", True),
            ("count", 2**31),
            ("streams", 2**63),
            ("share", "0.5"),
            ("share", True),
            ("explicit", 1),
            ("explicit", "yes"),
            ("released", "2024-02-29"),
            ("released", THING["seen"]),
            ("seen", "2026-11-22T03:00:00"),
            ("seen", DAY),
            ("labels", "ab"),
            ("labels", [1]),
            ("labels", {"a": 1}),
        ],
    )
    def test_a_value_of_another_type(self, store, column, value):
        rows = frame(THINGS, [THING, BARE | {column: value, "snapshot_date": NEXT_DAY}])
        self.assert_refused(store, rows, column if value not in (2**31, 2**63) else "too large")

    def test_half_a_character(self, store):
        self.assert_refused(store, frame(THINGS, [THING | {"name": "\ud800"}]), "surrogates not allowed")

    @pytest.mark.parametrize("column", ["name", "labels"])
    @pytest.mark.parametrize("missing", [None, float("nan")])
    def test_a_missing_value_where_one_is_promised(self, store, column, missing):
        rows = frame(THINGS, [THING, BARE | {column: missing, "snapshot_date": NEXT_DAY}])
        self.assert_refused(store, rows, f"values are missing in {column}")

    def test_a_column_too_few(self, store):
        self.assert_refused(store, frame(THINGS, [THING]).drop(columns="share"), "its columns are")

    def test_a_column_too_many(self, store):
        self.assert_refused(store, frame(THINGS, [THING]).assign(playlist=SLUG), "'playlist'")

    def test_columns_in_another_order(self, store):
        rows = frame(THINGS, [THING])
        self.assert_refused(store, rows[list(reversed(rows.columns))], "its columns are")

    def test_rows_of_a_day_that_was_not_asked_for(self, store):
        rows = frame(THINGS, [THING, THING | {"snapshot_date": date(2026, 11, 24)}])
        self.assert_refused(store, rows, "rows of 2026-11-24, which were not asked for")

    @pytest.mark.parametrize("day", ["2026-11-22", None, pd.Timestamp("2026-11-22")])
    def test_a_day_that_is_no_date(self, store, day):
        self.assert_refused(store, frame(THINGS, [THING | {"snapshot_date": day}]), "which were not asked for")

    def test_a_column_of_whole_floats_without_objects_is_none(self, store):
        rows = frame(THINGS, [THING, BARE]).astype({"count": "float64"})
        write_partitions(store, THINGS, SLUG, [DAY], rows)
        assert [row["count"] for row in read_back(store, DAY)] == [3, None]

    def test_a_column_of_broken_floats_is_one(self, store):
        rows = frame(THINGS, [THING | {"count": 1.5}]).astype({"count": "float64"})
        self.assert_refused(store, rows, "truncated")


class TestReading:
    def test_days_come_together_in_the_order_asked_for(self, store):
        write(store, THING, BARE | {"snapshot_date": NEXT_DAY}, days=(DAY, NEXT_DAY))
        found = read_partitions(store, THINGS, SLUG, [NEXT_DAY, DAY])
        assert list(found.columns) == [*THINGS.column_names, "snapshot_date"]
        assert list(zip(found["name"], found["snapshot_date"], strict=True)) == [
            ("bare", NEXT_DAY),
            ("夜明けの信号", DAY),
        ]

    def test_a_missing_day_is_named(self, store):
        write(store, THING)
        with pytest.raises(StorageError, match=r"snapshot_date=2026-11-23/part-0\.parquet does not exist"):
            read_partitions(store, THINGS, SLUG, [DAY, NEXT_DAY])

    @pytest.mark.parametrize("keep", [0, 10, -3])
    def test_a_damaged_day_is_named(self, store, keep):
        write(store, THING)
        key = partition_key("things", SLUG, DAY)
        store.write(key, store.read(key)[:keep])
        with pytest.raises(StorageError) as caught:
            read_partitions(store, THINGS, SLUG, [DAY])
        assert caught.value.what == f"{store.uri(key)} is damaged."

    def test_an_empty_partition_has_its_columns(self, store):
        write(store)
        found = read_partitions(store, THINGS, SLUG, [DAY])
        assert (len(found), list(found.columns)) == (0, [*THINGS.column_names, "snapshot_date"])

    @pytest.mark.parametrize("days", [(DAY,), (DAY, NEXT_DAY)])
    def test_a_column_that_older_objects_lack_is_null_there(self, store, days):
        older = Table("things", "", ("name",), tuple(one for one in THINGS.columns if one.name != "released"))
        write(store, THING, table=older)
        write(store, THING | {"snapshot_date": NEXT_DAY}, days=(NEXT_DAY,))
        found = read_partitions(store, THINGS, SLUG, days)
        assert list(found.columns) == [*THINGS.column_names, "snapshot_date"]
        assert found["released"].to_list() == [None, date(2024, 2, 29)][: len(days)]

    @pytest.mark.parametrize(
        ("columns", "why"),
        [
            ({"count": pa.string()}, "count is string and not int32"),
            ({"streams": pa.float64(), "share": pa.int64()}, "streams is double and not int64, share is int64"),
            ({"name": None}, "name is missing"),
        ],
        ids=["another type", "two other types", "no key"],
    )
    def test_a_file_of_another_tool_is_named_with_what_is_wrong(self, store, columns, why):
        write(store, THING)
        key = partition_key(THINGS.name, SLUG, DAY)
        schema = pq.read_schema(io.BytesIO(store.read(key)))
        fields = [pa.field(one.name, columns.get(one.name, one.type)) for one in schema if columns.get(one.name, one)]
        sink = io.BytesIO()
        pq.write_table(pa.schema(fields).empty_table(), sink)
        store.write(key, sink.getvalue())
        with pytest.raises(Damaged, match=why) as caught:
            read_partitions(store, THINGS, SLUG, [DAY])
        assert caught.value.what == f"{store.uri(key)} has other columns than the table things."
        assert f"rebuild {SLUG} {DAY} {DAY}" in caught.value.remedy

    def test_what_a_day_is_made_of_is_written_and_read(self, store):
        rows = frame(THINGS, [THING])
        rows.attrs[MADE_OF] = {DAY: "a snapshot"}
        write_partitions(store, THINGS, SLUG, [DAY, NEXT_DAY], rows)
        assert read_partitions(store, THINGS, SLUG, [DAY, NEXT_DAY]).attrs[MADE_OF] == {DAY: "a snapshot", NEXT_DAY: ""}


def test_a_file_of_many_rows_is_not_taken_for_a_bomb(monkeypatch):
    rows = pa.table({"name": [f"{number} " + "x" * 100 for number in range(1000)] * 2, "labels": [["a", "夜"]] * 2000})
    monkeypatch.setattr("spotify_assets.storage.parquet._BYTES_OF_A_VALUE", 0)
    data = encode(rows)
    footer = pq.read_metadata(io.BytesIO(data)).row_group(0)
    unpacked = sum(footer.column(number).total_uncompressed_size for number in range(2))
    letters = sum(len(name) for name in rows["name"].to_pylist()) + 2000 * len("a夜".encode())
    assert decode(data, "a/table", most_bytes=unpacked + letters).equals(rows)
    with pytest.raises(Damaged, match=f"take {unpacked + letters:,} bytes in memory"):
        decode(data, "a/table", most_bytes=unpacked + letters - 1)


def test_every_daily_table_of_a_mixed_day_is_written_and_read(store):
    entries = [*make_entries(3), None, make_entry(make_local_track(4)), make_entry(make_track(5, name=None))]
    frames = daily_tables([make_snapshot(entries)], "daily")
    for name, rows in frames.items():
        write_partitions(store, TABLES[name], SLUG, [DAY], rows)
        expected = rows.drop(columns="snapshot_date").to_numpy().tolist()
        assert [list(row.values()) for row in read_back(store, DAY, table=TABLES[name])] == expected
        assert pa.schema(pq.read_schema(io.BytesIO(store.read(partition_key(name, SLUG, DAY))))).types == (
            arrow_schema(TABLES[name]).types
        )


def test_a_flipped_bit_never_reads_as_other_rows(store):
    """Every bit of some bytes, names, types and checksums included: the file is damaged or as it was."""
    write(store, THING)
    data = stored(store)
    rows = decode(data, "whole")
    for place in range(0, len(data), 7):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            try:
                found = decode(bytes(flipped), "flipped")
            except Damaged:
                continue
            assert found.equals(rows)
            assert found.schema == rows.schema

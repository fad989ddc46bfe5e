"""catalog.duckdb: a view per table whose rows are those of the files, also of files of older and newer versions."""

from datetime import date

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.catalog.duckdb_file import StoredTable, refresh
from spotify_assets.errors import StorageError
from spotify_assets.schemas import PARTITION_COLUMNS, Table, arrow_schema, optional, required
from spotify_assets.storage.layout import CATALOG_KEY, partition_key
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore
from spotify_assets.storage.parquet import encode
from spotify_assets.storage.s3_object_store import S3ObjectStore

THINGS = Table(
    "things",
    "One row per thing.",
    ("name",),
    (
        required("name", "string", "Name"),
        optional("count", "int64", "Count"),
        optional("labels", "list<string>", "Labels"),
    ),
)
FULL = arrow_schema(THINGS)
NARROW = pa.schema([FULL.field("name"), pa.field("count", pa.int32()), FULL.field("labels")])
WITHOUT_COUNT = pa.schema([FULL.field("name"), FULL.field("labels")])
WITH_MORE = FULL.append(pa.field("colour", pa.string()))
NAME_ONLY = pa.schema([FULL.field("name")])
FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (20, 21, 22))


@pytest.fixture
def store(lake_folder) -> LocalObjectStore:
    return LocalObjectStore(lake_folder)


def write(store: ObjectStore, day: date, schema: pa.Schema) -> str:
    """A file of one row with these columns, named by its day."""
    key = partition_key(THINGS.name, "chart", day)
    row = {"name": str(day), "count": day.day, "labels": ["a", "b"], "colour": "red"}
    store.write(key, encode(pa.Table.from_pylist([row], schema=schema)))
    return key


def rows_of(store: LocalObjectStore, columns: str = "name, count, labels") -> list[tuple[object, ...]]:
    """The rows of the view by day."""
    with duckdb.connect(store.uri(CATALOG_KEY), read_only=True) as catalog:
        return catalog.table("things").order("snapshot_date").project(columns).fetchall()


def refreshed(store: LocalObjectStore, *files: tuple[date, pa.Schema]) -> LocalObjectStore:
    for file in files:
        write(store, *file)
    refresh(store, [things(store)])
    return store


def things(store: ObjectStore, partitions: tuple[str, ...] = PARTITION_COLUMNS) -> StoredTable:
    return StoredTable(THINGS, {found.key: found.version for found in store.list_objects("things/")}, partitions)


def expected_row(day: date, schema: pa.Schema) -> tuple[object, ...]:
    count = day.day if "count" in schema.names else None
    return str(day), count, ["a", "b"] if "labels" in schema.names else None


def test_rows_are_those_of_the_files_with_the_partition(store):
    refreshed(store, (FIRST, FULL), (SECOND, FULL))
    assert rows_of(store, "name, playlist, snapshot_date") == [
        (str(FIRST), "chart", FIRST),
        (str(SECOND), "chart", SECOND),
    ]


@pytest.mark.slow
@settings(max_examples=12)
@given(st.lists(st.sampled_from([FULL, NARROW, WITHOUT_COUNT, WITH_MORE, NAME_ONLY]), min_size=1, max_size=3))
def test_files_of_any_versions_are_read_together(tmp_path_factory, schemas):
    store = LocalObjectStore(tmp_path_factory.mktemp("lake"))
    files = list(zip((FIRST, SECOND, THIRD), schemas, strict=False))
    assert rows_of(refreshed(store, *files)) == [expected_row(*file) for file in files]


@pytest.mark.slow
@settings(max_examples=12)
@given(st.lists(st.sampled_from([FULL, NARROW, WITHOUT_COUNT, WITH_MORE, NAME_ONLY, None]), min_size=3, max_size=3))
def test_a_file_made_after_another_knows_what_changed(tmp_path_factory, schemas):
    store = refreshed(LocalObjectStore(tmp_path_factory.mktemp("lake")), (FIRST, FULL), (SECOND, NAME_ONLY))
    for day, schema in zip((FIRST, SECOND, THIRD), schemas, strict=True):
        if schema:
            write(store, day, schema)
        else:
            store.delete(partition_key(THINGS.name, "chart", day))
    refreshed(store)
    found = zip((FIRST, SECOND, THIRD), schemas, strict=True)
    assert rows_of(store) == [expected_row(day, schema) for day, schema in found if schema]


@pytest.mark.parametrize("schema", [FULL, WITH_MORE], ids=["the same columns", "more columns"])
@pytest.mark.parametrize("day", [FIRST, THIRD], ids=["before", "after"])
def test_a_new_partition_is_there_at_once(store, day, schema):
    refreshed(store, (SECOND, FULL))
    write(store, day, schema)
    assert rows_of(store, "name") == [(str(found),) for found in sorted([day, SECOND])]


def test_a_column_that_no_file_has_is_null_and_has_its_type(store):
    refreshed(store, (FIRST, WITHOUT_COUNT))
    assert rows_of(store, "count, typeof(count)") == [(None, "BIGINT")]


def test_a_table_without_files_is_empty_and_typed(store):
    refreshed(store)
    assert rows_of(store) == []
    with duckdb.connect(store.uri(CATALOG_KEY), read_only=True) as catalog:
        described = catalog.execute("DESCRIBE things").fetchall()
    assert [row[:2] for row in described] == [
        ("name", "VARCHAR"),
        ("count", "BIGINT"),
        ("labels", "VARCHAR[]"),
        ("playlist", "VARCHAR"),
        ("snapshot_date", "DATE"),
    ]


def test_files_without_partitions_are_read_together_too(store):
    store.write("things/1.parquet", encode(pa.Table.from_pylist([{"name": "one"}], schema=NAME_ONLY)))
    store.write("things/2.parquet", encode(pa.Table.from_pylist([{"name": "two", "count": 2}], schema=FULL)))
    refresh(store, [things(store, ())])
    with duckdb.connect(store.uri(CATALOG_KEY), read_only=True) as catalog:
        assert catalog.execute("SELECT name, count FROM things ORDER BY name").fetchall() == [("one", None), ("two", 2)]


def test_lists_are_text_in_the_flat_view(store):
    refreshed(store, (FIRST, FULL))
    with duckdb.connect(store.uri(CATALOG_KEY), read_only=True) as catalog:
        assert catalog.execute("SELECT name, labels FROM things_flat").fetchall() == [(str(FIRST), "a, b")]


def test_a_damaged_file_is_named_and_the_last_catalog_stands(store):
    refreshed(store, (FIRST, FULL))
    key = write(store, SECOND, FULL)
    store.write(key, b"PAR1 of nothing")
    with pytest.raises(StorageError, match=key) as refusal:
        refresh(store, [things(store)])
    assert f"spotify-assets rebuild chart {SECOND} {SECOND}" in str(refusal.value)
    store.delete(key)
    assert len(rows_of(store)) == 1


def test_in_a_bucket_the_file_holds_the_rows_of_files_of_any_version(aws, tmp_path):
    aws.create_bucket("lake")
    store = S3ObjectStore(aws.client("s3"), "lake", "live")
    files = [(FIRST, NAME_ONLY), (SECOND, NARROW), (THIRD, FULL)]
    for file in files:
        write(store, *file)
    refresh(store, [things(store)])
    copy = LocalObjectStore(tmp_path)
    copy.write(CATALOG_KEY, store.read(CATALOG_KEY))
    assert rows_of(copy) == [expected_row(*file) for file in files]


def test_in_a_bucket_the_next_file_is_made_of_the_last_one_and_of_what_is_new(aws, tmp_path):
    aws.create_bucket("lake")
    store = S3ObjectStore(aws.client("s3"), "lake", "live")
    gone = write(store, FIRST, FULL)
    again = write(store, SECOND, NAME_ONLY)
    refresh(store, [things(store)])
    store.delete(gone)
    store.write(again, encode(pa.Table.from_pylist([{"name": "another"}], schema=NAME_ONLY)))
    write(store, THIRD, FULL)
    refresh(store, [things(store)])
    copy = LocalObjectStore(tmp_path)
    copy.write(CATALOG_KEY, store.read(CATALOG_KEY))
    assert rows_of(copy) == [("another", None, None), expected_row(THIRD, FULL)]

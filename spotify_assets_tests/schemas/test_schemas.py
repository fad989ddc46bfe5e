"""The schemas: complete, documented, and the same as what pyarrow makes of them."""

import subprocess
import sys

import pyarrow as pa
import pytest

from spotify_assets.schemas import PARTITION_COLUMNS, SNAPSHOTS, TABLES, Column, Table, arrow_schema, optional, required

EACH_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
RECORDS = ("header", "entry", "track", "album", "artist")


def test_the_daily_tables_are_these():
    assert list(TABLES) == ["songs", "albums", "artists", "song_artists", "snapshots", "rejects"]
    assert all(name == table.name for name, table in TABLES.items())


@EACH_TABLE
def test_every_table_and_column_says_what_it_means(table: Table):
    assert table.description
    assert [column.name for column in table.columns if not column.description] == []


@EACH_TABLE
def test_columns_have_names_of_their_own_that_every_engine_takes(table: Table):
    assert len(set(table.column_names)) == len(table.column_names)
    assert [name for name in table.column_names if not name.isidentifier() or name != name.lower()] == []


@EACH_TABLE
def test_partition_columns_are_in_the_path_only(table: Table):
    assert not set(PARTITION_COLUMNS) & set(table.column_names)


@EACH_TABLE
def test_keys_are_columns_that_always_have_a_value(table: Table):
    columns = {column.name: column for column in table.columns}
    assert table.key
    assert not any(columns[name].nullable for name in table.key)


@EACH_TABLE
def test_sources_are_parts_of_a_raw_snapshot(table: Table):
    sources = [source for column in table.columns for source in column.sources]
    assert [source for source in sources if source.split(".")[0] not in RECORDS] == []


@EACH_TABLE
def test_the_arrow_schema_has_the_columns_in_order_with_their_completeness(table: Table):
    fields = list(arrow_schema(table))
    assert [(field.name, field.nullable) for field in fields] == [
        (column.name, column.nullable) for column in table.columns
    ]


def test_each_type_has_its_arrow_type():
    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("ms"),
        "list<string>": pa.list_(pa.string()),
    }
    table = Table("things", "", (), tuple(Column(name, name, nullable=True, description="") for name in types))
    assert arrow_schema(table).types == list(types.values())
    assert {column.type for table in TABLES.values() for column in table.columns} <= types.keys()


def test_an_unknown_type_has_none():
    with pytest.raises(KeyError, match="text"):
        arrow_schema(Table("things", "", (), (required("name", "text", ""),)))


def test_list_columns_are_those_that_scalar_views_must_join():
    assert TABLES["songs"].list_columns == ["artist_names"]
    assert TABLES["artists"].list_columns == ["genres"]
    assert TABLES["rejects"].list_columns == []


def test_optional_and_required_differ_in_that_only():
    assert optional("a", "string", "b", "track.name").nullable
    assert not required("a", "string", "b", "track.name").nullable


def test_every_optional_column_of_the_content_has_its_coverage():
    expected = {
        f"coverage_{name}_{column.name}"
        for name in ("songs", "albums", "artists")
        for column in TABLES[name].columns
        if column.nullable
    }
    assert expected <= set(SNAPSHOTS.column_names)


def test_importing_them_imports_no_arrow():
    check = "import sys, spotify_assets.schemas; sys.exit('pyarrow' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_preview_shows_columns_of_the_table(table):
    assert table.preview
    assert set(table.preview) <= set(table.column_names)

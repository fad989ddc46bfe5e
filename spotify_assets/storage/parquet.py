"""A table's frame to Parquet bytes by partition, checked against its schema first, and back."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spotify_assets.errors import Damaged, NotStored, SchemaViolation
from spotify_assets.schemas import TABLES, Column, Table, arrow_schema
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.layout import parse_partition_key, partition_key
from spotify_assets.storage.object_store import ObjectStore, read_all, write_all

if TYPE_CHECKING:
    import pandas as pd

MATERIALIZE_AGAIN = "materialize the partition that it belongs to again"
PUBLISH_AGAIN = "run publish_job: it makes the file again"
"""What mends a file of the compacted history, of song_identity or of an analysis."""

MADE_OF = "spotify_assets.made_of"
"""By day in a frame's `attrs`, and in each file's metadata: a text that the tables of a day share when one step made
them of the same snapshot."""
_CHECKSUM = "spotify_assets.footer_crc32"
_NO_CHECKSUM = "0" * 8
_FOOTER_CHECKSUM = re.compile(rb"spotify_assets\.footer_crc32\x18\x08([0-9a-f]{8})")
MOST_BYTES_OF_A_DAY = 2**28
"""What the rows of a day may take in memory: those of a list of ten thousand songs take a fiftieth of it."""
MOST_BYTES = 2**31
"""The same of any other file of which no digest is known: a year of that list takes two thirds of it."""
_BYTES_OF_A_VALUE = 16
"""The most that a value of a fixed size takes, or what a text takes besides its letters."""
_END = 8
"""Bytes after the footer: its length and the magic number."""


def rebuild_again(key: str) -> str:
    """What mends the object of a day: its table is made again from the stored snapshot."""
    partition = parse_partition_key(key)
    if partition is None:
        return MATERIALIZE_AGAIN
    command = f"spotify-assets rebuild {partition.playlist} {partition.day} {partition.day}"
    return f"run `{command}`: the day's tables are made again from what was fetched"


def write_partitions(store: ObjectStore, table: Table, slug: str, days: Sequence[date], frame: pd.DataFrame) -> None:
    """Replace the partitions of `days` by the rows of `frame` (a day without rows gets an empty object).

    Raises:
        SchemaViolation: before anything is written.
        StorageError: a partition could not be written; each one is the old or the new one.
    """
    made_of = frame.attrs.pop(MADE_OF, {})  # pandas would copy it with every column
    objects = {
        partition_key(table.name, slug, day): encode(rows, made_of.get(day, ""))
        for day, rows in conform(table, days, frame).items()
    }
    write_all(store, objects)


def read_partitions(store: ObjectStore, table: Table, slug: str, days: Sequence[date]) -> pd.DataFrame:
    """The rows of the partitions of `days`, with a `snapshot_date` column, and what each is made of in `attrs`.

    Raises:
        StorageError: a partition is not there, is damaged, or has other columns than the table.
    """
    keys = [partition_key(table.name, slug, day) for day in days]
    day_column = pa.field("snapshot_date", pa.date32())
    # Objects of an older version may lack columns that were added since: they read as null.
    parts = [arrow_schema(table).append(day_column).empty_table()]
    made_of = {}
    for day, key, data in zip(days, keys, read_all(store, keys), strict=True):
        rows = decode(data, store.uri(key), remedy=rebuild_again(key), most_bytes=MOST_BYTES_OF_A_DAY)
        refuse_other_columns(table, rows.schema, store.uri(key), rebuild_again(key))
        made_of[day] = _made_of(data)
        parts.append(rows.append_column(day_column, pa.array([day] * len(rows), pa.date32())))
    frame: pd.DataFrame = pa.concat_tables(parts, promote_options="permissive").to_pandas(date_as_object=True)
    frame.attrs[MADE_OF] = made_of
    return frame


def refuse_other_columns(table: Table, found: pa.Schema, uri: str, remedy: str) -> None:
    """Compare the columns of a file with those of its table. A file of an older version may lack what may be missing.

    Raises:
        Damaged: a column has another type, or one that every row has is not there; surplus columns do no harm.
    """
    wrong = []
    for column, expected in zip(table.columns, arrow_schema(table), strict=True):
        if column.name in found.names:
            stored = found.field(column.name).type
            if stored != expected.type:
                wrong.append(f"{column.name} is {stored} and not {expected.type}")
        elif not column.nullable:
            wrong.append(f"{column.name} is missing")
    if wrong:
        raise Damaged(
            f"{uri} has other columns than the table {table.name}.",
            why=f"{', '.join(wrong)}: another tool or an old version wrote it",
            remedy=remedy,
        )


def _made_of(data: bytes) -> str:
    """What a file of a daily table is made of; empty where that was not recorded."""
    return ((pq.read_metadata(pa.BufferReader(data)).metadata or {}).get(MADE_OF.encode()) or b"").decode()


def conform(table: Table, days: Sequence[date], frame: pd.DataFrame) -> Mapping[date, pa.Table]:
    """Split a frame by day into tables of exactly the promised schema.

    Raises:
        SchemaViolation: other columns, a value of another type, a missing value in a column that has none, or rows of
            another day.
    """
    expected = [*table.column_names, "snapshot_date"]
    if list(frame.columns) != expected:
        raise _violation(table, f"its columns are {list(frame.columns)}, not {expected}")
    surplus = sorted(set(frame["snapshot_date"]) - set(days), key=str)
    if surplus:
        raise _violation(table, f"it has rows of {', '.join(map(str, surplus))}, which were not asked for")
    whole = checked(table, frame[table.column_names])
    places = frame.groupby("snapshot_date", sort=False).indices
    return {day: whole.take(pa.array(places.get(day, []), pa.int64())) for day in days}


def checked(table: Table, frame: pd.DataFrame) -> pa.Table:
    """The columns of a frame as a table of exactly the promised schema.

    Raises:
        SchemaViolation: a value of another type, or a missing value in a column that has none.
    """
    incomplete = [column.name for column in table.columns if not column.nullable and frame[column.name].isna().any()]
    if incomplete:
        raise _violation(table, f"values are missing in {', '.join(incomplete)}")
    for column in table.columns:
        _check_objects(table, column, frame[column.name])
    # By column and not by Table.from_pandas, whose cost for a small frame is that of a Dagster event or two.
    schema = arrow_schema(table)
    return pa.Table.from_arrays([_array(table, field, frame[field.name]) for field in schema], schema=schema)


def _array(table: Table, field: pa.Field, values: pd.Series) -> pa.Array:
    try:
        array = pa.array(values, field.type, from_pandas=True)
        array.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError) as error:
        raise _violation(table, f"{field.name}: {' '.join(str(error).split())}") from error
    return array


def encode(rows: pa.Table, made_of: str = "") -> bytes:
    """One partition as Parquet bytes; the same rows, made of the same, always give the same bytes.

    The checksum of each page covers its rows; one of the footer, which Parquet itself has not, their names and types.
    """
    sink = io.BytesIO()
    # pandas and pyarrow default to microseconds or finer; Glue and Athena are sure of milliseconds.
    with pq.ParquetWriter(
        sink, rows.schema, compression="zstd", coerce_timestamps="ms", store_schema=False, write_page_checksum=True
    ) as writer:
        # A row group without rows, which some readers refuse, is not written.
        if len(rows):
            writer.write_table(rows)
        writer.add_key_value_metadata({_CHECKSUM: _NO_CHECKSUM, **({MADE_OF: made_of} if made_of else {})})
    data = bytearray(sink.getvalue())
    place = _checksum_place(data)
    if place is None:
        raise AssertionError("pyarrow puts no metadata into the footer")
    data[slice(*place)] = _checksum(data)
    return bytes(data)


def decode(
    data: bytes,
    uri: str,
    *,
    columns: Sequence[str] | None = None,
    repeated: Sequence[str] = (),
    remedy: str = MATERIALIZE_AGAIN,
    most_bytes: int | None = MOST_BYTES,
) -> pa.Table:
    """The rows of an object.

    Args:
        data: the object.
        uri: what an error calls it.
        columns: which columns are read; default: all.
        repeated: which of them are read as dictionaries, by their paths in the file.
        remedy: what an error says is to be done.
        most_bytes: what its rows may take in memory; None: whatever they take, as its digest is that of what was
            written.

    Raises:
        Damaged: it is not what was written, or unpacks to more than is ever written.
    """
    try:
        place = _checksum_place(data)
        if place and data[slice(*place)] != _checksum(data):
            raise pa.ArrowInvalid("the checksum of its footer is wrong")
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=repeated, page_checksum_verification=True)
        if most_bytes is not None:
            _refuse_a_bomb(data, file.metadata, most_bytes)
        # A partition is small: threads, and reading ahead, cost more than they save.
        return file.read(columns, use_threads=False).replace_schema_metadata(None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(f"{uri} is damaged.", why=str(error), remedy=remedy) from error


def _refuse_a_bomb(data: bytes, footer: pq.FileMetaData, most_bytes: int) -> None:
    """Reckon what the rows of a file take in memory, before they are there.

    The footer has the number of values and the unpacked size of each column. A text that a column has once and its rows
    repeat takes its size in every row: where that might be too much, texts are read as such dictionaries, and summed.

    Raises:
        pa.ArrowInvalid: it is more than `most_bytes`.
    """
    chunks = [
        footer.row_group(group).column(column)
        for group in range(footer.num_row_groups)
        for column in range(footer.num_columns)
    ]
    texts = [chunk for chunk in chunks if chunk.physical_type == "BYTE_ARRAY"]
    size = sum(chunk.total_uncompressed_size + chunk.num_values * _BYTES_OF_A_VALUE for chunk in chunks)
    if any(chunk.physical_type == "FIXED_LEN_BYTE_ARRAY" for chunk in chunks):
        raise pa.ArrowInvalid("it has texts of a fixed length, which no table has")
    if size <= most_bytes and size + sum(text.total_uncompressed_size * text.num_values for text in texts) > most_bytes:
        dictionaries = pq.ParquetFile(pa.BufferReader(data), read_dictionary={text.path_in_schema for text in texts})
        size += sum(_letters(column) for column in dictionaries.read(use_threads=False).columns)
    if size > most_bytes:
        raise pa.ArrowInvalid(f"its rows take {size:,} bytes in memory; at most {most_bytes:,} are written")


def _letters(values: pa.Array | pa.ChunkedArray) -> int:
    """How many bytes the texts of a column take, of which each is there once."""
    if isinstance(values, pa.ChunkedArray):
        return sum(map(_letters, values.chunks))
    if pa.types.is_list(values.type):
        return _letters(values.flatten())
    if pa.types.is_dictionary(values.type):
        return pc.sum(pc.binary_length(values.dictionary).take(values.indices)).as_py() or 0
    if pa.types.is_nested(values.type):
        raise pa.ArrowInvalid(f"it has columns of type {values.type}, which no table has")
    return 0


def _checksum_place(data: bytes | bytearray) -> tuple[int, int] | None:
    """Where the checksum is in the footer; files of older versions, and of Athena, have none."""
    found = _FOOTER_CHECKSUM.search(data, _footer_start(data))
    return found and found.span(1)


def _footer_start(data: bytes | bytearray) -> int:
    return max(0, len(data) - _END - int.from_bytes(data[-_END : -_END + 4], "little"))


def _checksum(data: bytes | bytearray) -> bytes:
    """Over the footer, as if the checksum in it were zeros."""
    footer = _FOOTER_CHECKSUM.sub(lambda found: found[0][:-8] + _NO_CHECKSUM.encode(), data[_footer_start(data) :])
    return b"%08x" % zlib.crc32(footer)


def refuse_damaged(store: ObjectStore, keys: Iterable[str], remedy: str) -> None:
    """Look for the object for which somebody else could not read these; does nothing if all are well.

    Raises:
        StorageError: one is damaged, not there, cannot be read, or has other columns than its table.
    """
    for key in keys:
        try:
            data = store.read(key)
        except NotStored as error:
            raise NotStored(error.what, why=error.why, remedy=remedy) from error
        of_a_day = parse_partition_key(key)
        rows = decode(data, store.uri(key), remedy=remedy, most_bytes=MOST_BYTES_OF_A_DAY if of_a_day else MOST_BYTES)
        table = {**TABLES, **COMPACTED, **IDENTITY}.get(key.split("/")[0])
        if table:
            refuse_other_columns(table, rows.schema, store.uri(key), remedy)


def _check_objects(table: Table, column: Column, values: pd.Series) -> None:
    if values.dtype != object:
        return
    strangers = set(map(type, values.dropna())).difference(TYPES[column.type].python)
    if strangers:
        names = ", ".join(sorted(stranger.__name__ for stranger in strangers))
        raise _violation(table, f"{column.name} holds values of type {names}, not {column.type}")


def _violation(table: Table, why: str) -> SchemaViolation:
    return SchemaViolation(
        f"The table {table.name} is not written.",
        why=why,
        remedy="this is a defect of the transforms, not of the input: please report it with the raw file of the day",
    )

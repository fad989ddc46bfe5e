"""What can happen to the bytes of a file: each damage as a function of the bytes and a source of chance."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

BOMB = 300_000_000
"""Bytes that the unpacked content of a packed file may not have."""
ROWS_OF_A_BOMB = 30_000
LETTERS = 100_000
"""That each of these rows repeats of a text: three gigabytes."""
NESTED = 100_000

Damage = Callable[[bytes, random.Random], bytes | None]
"""None: the file is gone."""


def flip(data: bytes, chance: random.Random) -> bytes:
    """One bit is another."""
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def half(data: bytes, chance: random.Random) -> bytes:
    """The second half is missing."""
    return data[: len(data) // 2]


def empty(data: bytes, chance: random.Random) -> bytes:
    """Nothing is left but the name."""
    return b""


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """As long as before, of zeros."""
    return bytes(len(data))


def gone(data: bytes, chance: random.Random) -> None:
    """There is no file."""


def wrong_type(data: bytes, chance: random.Random) -> bytes:
    """Valid, with values of another type: a column as binary, or a list where a record was."""
    if data.startswith(b"PAR1"):
        table, number = _table_and_column(data, chance)
        column = pa.array([b"\xff"] * len(table), pa.binary())
        return _parquet(table.set_column(number, table.column_names[number], column))
    return _packed_like(data, b"[1]\n")


def column_gone(data: bytes, chance: random.Random) -> bytes:
    """Valid, without a column that no row lacks, or without all keys of a record."""
    if data.startswith(b"PAR1"):
        table, number = _table_and_column(data, chance)
        return _parquet(table.remove_column(number))
    return _packed_like(data, b"{}\n")


def nested(data: bytes, chance: random.Random) -> bytes:
    """JSON of a depth that no parser bears."""
    return _packed_like(data, b"[" * NESTED)


def bomb(data: bytes, chance: random.Random) -> bytes:
    """A little file that unpacks to much."""
    if data.startswith(b"PAR1"):
        columns = {column.name: pa.nulls(ROWS_OF_A_BOMB, column.type) for column in pq.read_schema(io.BytesIO(data))}
        texts = [name for name, values in columns.items() if values.type == pa.string()]
        once = pa.nulls(ROWS_OF_A_BOMB, pa.int32()).fill_null(0)
        columns[chance.choice(texts)] = pa.DictionaryArray.from_arrays(once, ["x" * LETTERS])
        return _parquet(pa.table(columns))
    return gzip.compress(bytes(BOMB), 1)


DAMAGES: dict[str, Damage] = {
    "flip": flip,
    "half": half,
    "empty": empty,
    "zeroed": zeroed,
    "gone": gone,
    "wrong type": wrong_type,
    "column gone": column_gone,
    "nested": nested,
    "bomb": bomb,
}
UNNOTICED = ("flip", "zeroed")
"""Damages that a disk does: the file keeps its place and its times."""


def _table_and_column(data: bytes, chance: random.Random) -> tuple[pa.Table, int]:
    """A table, and a column in which no value is missing."""
    table = pq.read_table(io.BytesIO(data))
    whole = [number for number in range(table.num_columns) if not table.column(number).null_count]
    required = [number for number in whole if not table.schema.field(number).nullable]
    return table, chance.choice(required or whole)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    # Without our own metadata, as another tool writes.
    pq.write_table(table.replace_schema_metadata(None), sink)
    return sink.getvalue()


def _packed_like(data: bytes, text: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return text
    header = gzip.decompress(data).split(b"\n")[0]
    return gzip.compress(header + b"\n" + text) if json.loads(header) else gzip.compress(text)

"""The types that columns have, a row per type: what each is called in Arrow, Python, DuckDB, Glue and Trino."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Type:
    """One type.

    Attributes:
        arrow: its alias in pyarrow; for a list, that of its elements.
        python: what exactly the objects of a column are; pyarrow itself would cut 1.5 to 1, and "ab" into letters.
        duckdb: its name in DuckDB.
        glue: Hive's name, which a crawler gives to Parquet columns of it.
        trino: its name in Trino, and so in Athena.
        is_list: whether it is a list.
    """

    arrow: str
    python: tuple[type, ...]
    duckdb: str
    glue: str
    trino: str
    is_list: bool = False


TYPES: Mapping[str, Type] = {
    "string": Type("string", (str,), "VARCHAR", "string", "varchar"),
    "int32": Type("int32", (int,), "INTEGER", "int", "integer"),
    "int64": Type("int64", (int,), "BIGINT", "bigint", "bigint"),
    "float64": Type("float64", (float, int), "DOUBLE", "double", "double"),
    "bool": Type("bool", (bool,), "BOOLEAN", "boolean", "boolean"),
    "date": Type("date32", (date,), "DATE", "date", "date"),
    # Milliseconds without a zone, in UTC: Athena knows no zone in Parquet timestamps.
    "timestamp": Type("timestamp[ms]", (datetime,), "TIMESTAMP", "timestamp", "timestamp(3)"),
    "list<string>": Type("string", (list,), "VARCHAR[]", "array<string>", "array(varchar)", is_list=True),
}


def arrow_type(name: str) -> pa.DataType:
    """The pyarrow type of this name."""
    import pyarrow as pa

    type_ = TYPES[name]
    alias = pa.type_for_alias(type_.arrow)
    return pa.list_(alias) if type_.is_list else alias

"""What a schema is: a table with its grain and key, and its columns with their types and meanings.

Plain data: it feeds the Parquet writer, the column docs and lineage in the UI, the checks, the catalog and the docs,
and importing it costs nothing. Types are pyarrow's names; `arrow_schema` builds the real ones on use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotify_assets.schemas.types import TYPES, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        type: one of `types.TYPES`.
        nullable: whether the value may be missing. A missing value is null, never 0, "" or a guess.
        sources: parts of the raw snapshot that it is made of; empty for what is counted over the whole snapshot.
    """

    name: str
    type: str
    nullable: bool
    description: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: grain, key (unique within a partition), columns in order, and those that a preview shows."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    preview: tuple[str, ...] = ()

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def list_columns(self) -> list[str]:
        """Names of the columns that hold lists."""
        return [column.name for column in self.columns if TYPES[column.type].is_list]


def required(name: str, type_: str, description: str, *sources: str) -> Column:
    """A column that always has a value."""
    return Column(name, type_, nullable=False, description=description, sources=sources)


def optional(name: str, type_: str, description: str, *sources: str) -> Column:
    """A column whose value may be missing."""
    return Column(name, type_, nullable=True, description=description, sources=sources)


def arrow_schema(table: Table) -> pa.Schema:
    """The table's columns as a pyarrow schema, without the partition columns."""
    import pyarrow as pa

    fields = (pa.field(column.name, arrow_type(column.type), nullable=column.nullable) for column in table.columns)
    return pa.schema(fields)

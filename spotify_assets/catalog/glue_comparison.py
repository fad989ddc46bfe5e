"""What Glue has of the daily tables, compared with the schemas, with the lake, and with what it had before a crawl.

The Glue client comes from outside. What the lake holds is given by the caller: nothing here reads S3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotify_assets.aws.refusals import explained
from spotify_assets.errors import CatalogUnavailable
from spotify_assets.schemas import PARTITION_COLUMNS, Column, Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.layout import day_folder

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import PartitionTypeDef, TableTypeDef

Partition = tuple[str, str]

# A crawler reads partition values from the path, where everything is text.
PARTITION_KEY_TYPE = "string"

# The largest page that GetPartitions gives; every page is a call.
PARTITIONS_PER_PAGE = 1000

REMEDIES: Mapping[str, str] = {
    "AccessDeniedException": (
        "glue:GetCrawler, glue:StartCrawler and glue:ListCrawls on the crawler; glue:GetTable, glue:GetTables, "
        "glue:CreateTable, glue:UpdateTable, glue:DeleteTable, glue:GetPartitions, glue:BatchCreatePartition and "
        "glue:BatchDeletePartition on the catalog, the database and its tables (and, where Lake Formation is in use, "
        "grant it the database)"
    ),
    "OperationTimeoutException": (
        "Glue took too long to answer, so whether it did what was asked is not known: wait until the crawler is READY "
        "and launch publish_job, which does not crawl when everything is registered by then"
    ),
    "ThrottlingException": "wait a minute and launch publish_job; other callers share the account's limit",
}


@dataclass(frozen=True)
class GlueTable:
    """A table as Glue has it. Names and types are in lower case, as Glue keeps them."""

    location: str
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    partitions: frozenset[Partition]


def read_tables(glue: GlueClient, database: str, tables: Mapping[str, Table]) -> dict[str, GlueTable]:
    """Those of some tables that Glue has.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    with explained_by_glue(
        f"reading the tables of the database {database}",
        missing=f"create the database {database}, or set GLUE_DATABASE to the one that the crawler fills",
    ):
        described = {
            description["Name"]: description
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=database)
            for description in page["TableList"]
        }
        return {
            name: _glue_table(described[name], _read_partitions(glue, database, name))
            for name in tables
            if name in described
        }


def _read_partitions(glue: GlueClient, database: str, table: str) -> list[PartitionTypeDef]:
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName=database,
        TableName=table,
        ExcludeColumnSchema=True,
        PaginationConfig={"PageSize": PARTITIONS_PER_PAGE},
    )
    return [partition for page in pages for partition in page["Partitions"]]


def _glue_table(description: TableTypeDef, partitions: list[PartitionTypeDef]) -> GlueTable:
    storage = description.get("StorageDescriptor", {})
    keys = {key["Name"].lower(): _plain(key.get("Type")) for key in description.get("PartitionKeys", [])}
    by_key = [dict(zip(keys, partition["Values"], strict=False)) for partition in partitions]
    playlist, snapshot_date = PARTITION_COLUMNS
    return GlueTable(
        location=storage.get("Location", ""),
        columns={column["Name"].lower(): _plain(column.get("Type")) for column in storage.get("Columns", [])},
        partition_keys=keys,
        partitions=frozenset((values.get(playlist, ""), values.get(snapshot_date, "")) for values in by_key),
    )


def _plain(glue_type: str | None) -> str:
    return (glue_type or "").replace(" ", "").lower()


@dataclass(frozen=True)
class Gaps:
    """What Glue lacks of the tables that the lake holds; false where it lacks nothing.

    Attributes:
        tables: names of tables.
        columns: of tables that are there, the columns that they lack.
        partitions: by table; of those that lack altogether, all.
    """

    tables: tuple[str, ...]
    columns: Mapping[str, tuple[Column, ...]]
    partitions: Mapping[str, frozenset[Partition]]

    def __bool__(self) -> bool:
        return bool(self.in_schema or self.partitions)

    @property
    def in_schema(self) -> bool:
        """Whether a table or a column is lacking."""
        return bool(self.tables or self.columns)

    def in_words(self) -> list[str]:
        """What was expected and not found."""
        return [
            *(f"{name}: expected a table, found none" for name in self.tables),
            *(
                f"{name}.{column.name}: expected {TYPES[column.type].glue}, found no such column"
                for name, columns in self.columns.items()
                for column in columns
            ),
            *(
                _partitions_in_words(name, partitions)
                for name, partitions in self.partitions.items()
                if name not in self.tables
            ),
        ]


def find_gaps(
    found: Mapping[str, GlueTable], lake_partitions: Mapping[str, set[Partition]], tables: Mapping[str, Table]
) -> Gaps:
    """What Glue lacks of the tables that the lake holds."""
    held = {name: frozenset(partitions) for name, partitions in lake_partitions.items() if partitions}
    columns = {
        name: tuple(column for column in tables[name].columns if column.name.lower() not in found[name].columns)
        for name in held
        if name in found
    }
    partitions = {name: held[name] - (found[name].partitions if name in found else frozenset()) for name in held}
    return Gaps(
        tables=tuple(name for name in tables if name in held and name not in found),
        columns={name: lacking for name, lacking in columns.items() if lacking},
        partitions={name: lacking for name, lacking in partitions.items() if lacking},
    )


def find_conflicts(
    found: Mapping[str, GlueTable], lake_partitions: Mapping[str, set[Partition]], tables: Mapping[str, Table]
) -> list[str]:
    """Of the tables that the lake holds: columns of another type in Glue than in the schemas, other partition keys."""
    return [
        conflict
        for name, table in found.items()
        if lake_partitions.get(name)
        for conflict in _conflicts(tables[name], table)
    ]


def _conflicts(table: Table, found: GlueTable) -> list[str]:
    columns = [
        (column.name, TYPES[column.type].glue, found.columns[column.name.lower()])
        for column in table.columns
        if column.name.lower() in found.columns
    ]
    keys = [
        (key, f"{PARTITION_KEY_TYPE} (partition key)", f"{found.partition_keys.get(key, 'no')} (partition key)")
        for key in PARTITION_COLUMNS
    ]
    return [
        f"{table.name}.{name}: expected {expected}, found {actual}"
        for name, expected, actual in columns + keys
        if expected != actual
    ]


def _partitions_in_words(table: str, lacking: frozenset[Partition]) -> str:
    first = day_folder(*min(lacking)).rstrip("/")
    others = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
    return f"{table}: expected the partition {first}, found none{others}"


def surplus_columns(found: Mapping[str, GlueTable], tables: Mapping[str, Table]) -> tuple[str, ...]:
    """`table.column` that Glue has and the schemas do not, as an older schema leaves them."""
    return tuple(
        f"{name}.{column}"
        for name, table in found.items()
        for column in table.columns
        if column not in {expected.name.lower() for expected in tables[name].columns}
    )


def partitions_added(before: Mapping[str, GlueTable], after: Mapping[str, GlueTable]) -> dict[str, int]:
    """How many partitions each table gained; tables that gained none are not listed."""
    added = {
        name: len(table.partitions - before[name].partitions if name in before else table.partitions)
        for name, table in after.items()
    }
    return {name: count for name, count in added.items() if count}


def columns_changed(before: Mapping[str, GlueTable], after: Mapping[str, GlueTable]) -> tuple[str, ...]:
    """Columns of tables that were there before, each as `table.column: what happened`."""
    return tuple(
        change
        for name, table in after.items()
        if name in before
        for change in _changes(name, before[name].columns, table.columns)
    )


def _changes(table: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in (*after, *(name for name in before if name not in after)):
        if name not in before:
            yield f"{table}.{name}: added as {after[name]}"
        elif name not in after:
            yield f"{table}.{name}: removed"
        elif before[name] != after[name]:
            yield f"{table}.{name}: {before[name]} became {after[name]}"


def explained_by_glue(doing: str, *, missing: str) -> AbstractContextManager[None]:
    """Turn AWS's refusals into ours; `missing` is the remedy where the thing asked for does not exist."""
    return explained(
        "Glue", doing, refusal=CatalogUnavailable, remedies={**REMEDIES, "EntityNotFoundException": missing}
    )

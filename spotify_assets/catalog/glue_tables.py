"""Glue tables of what the platform makes itself: the compacted history and the analyses. The crawler has no part in it.

A table of a run is switched whole, by one UpdateTable: its location is the run's folder and it has no partitions. Facts
about Glue are from its API reference: TableInput, Column, BatchCreatePartition, BatchUpdatePartition,
BatchDeletePartition.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from spotify_assets.aws.refusals import explained
from spotify_assets.catalog.glue_comparison import PARTITIONS_PER_PAGE
from spotify_assets.errors import CatalogUnavailable
from spotify_assets.schemas.analyses import COMPACTED, IDENTITY
from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.layout import Year, table_prefix, year_key
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import StorageDescriptorTypeDef, TableInputTypeDef

Values = tuple[str, ...]
PARTITION_KEYS: Mapping[str, str] = {"playlist": "string", "year": "int"}
MAX_COMMENT = 255
PARTITIONS_PER_CALL = 100
DELETED_PER_CALL = 25
REMEDIES: Mapping[str, str] = {
    "AccessDeniedException": (
        "glue:GetTable, glue:GetTables, glue:CreateTable, glue:UpdateTable, glue:DeleteTable, glue:GetPartitions, "
        "glue:BatchCreatePartition, glue:BatchUpdatePartition and glue:BatchDeletePartition on the database and its "
        "tables (and, where Lake Formation is in use, grant it the database)"
    ),
    "EntityNotFoundException": "create the database, or set GLUE_DATABASE to one that exists",
    "ConcurrentModificationException": "another run changed the table at the same time; run it again",
    "ThrottlingException": "wait a minute and run it again; other callers share the account's limit",
}


def register_table(
    glue: GlueClient, database: str, name: str, table: Table, location: str, *, parameters: Mapping[str, str]
) -> None:
    """Create a table of one folder of Parquet files, or point the one there to it; readers see the old or the new one.

    Args:
        glue: a boto3 client.
        database: Glue database.
        name: name of the Glue table.
        table: its columns.
        location: the folder, `s3://.../`; files in folders below it belong to the table.
        parameters: what else the table shall say of itself, such as `run` and `as_of`.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    _put_table(glue, database, table_input(name, table, location, {}, parameters))


def register_compacted(
    glue: GlueClient,
    database: str,
    table: Table,
    location: str,
    years: Collection[Year],
    *,
    parameters: Mapping[str, str],
) -> None:
    """Bring the Glue table of a compacted table up to date: its columns, and one partition per playlist and year.

    Args:
        glue: a boto3 client.
        database: Glue database.
        table: the table, named so in Glue too.
        location: its folder, `s3://.../<table>/`.
        years: all that there are; partitions of others are removed.
        parameters: as for `register_table`.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    _put_table(glue, database, table_input(table.name, table, location, PARTITION_KEYS, parameters))
    expected: dict[Values, StorageDescriptorTypeDef] = {
        (playlist, str(year)): _year_storage(table, location, Year(playlist, year)) for playlist, year in years
    }
    found = _read_partitions(glue, database, table.name)
    with _explained(f"registering partitions of {table.name}"):
        for batch in batches(expected.keys() - found, PARTITIONS_PER_CALL):
            created = glue.batch_create_partition(
                DatabaseName=database,
                TableName=table.name,
                PartitionInputList=[{"Values": list(key), "StorageDescriptor": expected[key]} for key in batch],
            )
            check_errors(created.get("Errors", []))
        moved = {key for key in expected.keys() & found if found[key] != _identity(expected[key])}
        for batch in batches(moved, PARTITIONS_PER_CALL):
            updated = glue.batch_update_partition(
                DatabaseName=database,
                TableName=table.name,
                Entries=[
                    {
                        "PartitionValueList": list(key),
                        "PartitionInput": {"Values": list(key), "StorageDescriptor": expected[key]},
                    }
                    for key in batch
                ],
            )
            check_errors(updated.get("Errors", []))
    delete_partitions(glue, database, table.name, found.keys() - expected)


def register_history(glue: GlueClient, database: str, store: ObjectStore, years: Collection[Year]) -> None:
    """Bring the Glue tables of the compacted history, with these years, and of identity up to date.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    for table in COMPACTED.values():
        folder = table_prefix(table.name)
        register_compacted(glue, database, table, store.uri(folder), years, parameters={})
    for table in IDENTITY.values():
        register_table(glue, database, table.name, table, store.uri(table_prefix(table.name)), parameters={})


def run_table(run: str, table: str) -> str:
    """The name under which a run of Athena reads what it has made of an analysis."""
    return f"run_{re.sub(r'[^a-z0-9]', '_', run.lower())}__{table}"


def drop_abandoned(glue: GlueClient, database: str, before: datetime) -> list[str]:
    """Remove the tables that killed runs of Athena left behind: those of runs, made before a moment. Their names.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    with _explained(f"reading the tables of the database {database}"):
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
        abandoned = [
            table["Name"]
            for page in pages
            for table in page["TableList"]
            if "CreateTime" in table
            and table["CreateTime"] < before
            # Not what somebody else has called so.
            and table["Name"] == run_table(table.get("Parameters", {}).get("run", ""), table["Name"].split("__")[-1])
        ]
    for name in abandoned:
        drop_table(glue, database, name)
    return abandoned


def drop_table(glue: GlueClient, database: str, name: str) -> None:
    """Remove a table from Glue, if it is there; its files stay.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    with _explained(f"removing the table {name}"):
        try:
            glue.delete_table(DatabaseName=database, Name=name)
        except glue.exceptions.EntityNotFoundException:
            return


def delete_partitions(glue: GlueClient, database: str, table: str, keys: Collection[Values]) -> None:
    """Remove partitions of a table from Glue; their files stay.

    Raises:
        CatalogUnavailable: Glue refuses.
    """
    with _explained(f"removing partitions of {table}"):
        for batch in batches(keys, DELETED_PER_CALL):
            deleted = glue.batch_delete_partition(
                DatabaseName=database, TableName=table, PartitionsToDelete=[{"Values": list(key)} for key in batch]
            )
            check_errors(deleted.get("Errors", []))


def _put_table(glue: GlueClient, database: str, table: TableInputTypeDef) -> None:
    with _explained(f"registering the table {table['Name']}"):
        try:
            # Without the table's old version, of which Glue keeps a limited number.
            glue.update_table(DatabaseName=database, TableInput=table, SkipArchive=True)
        except glue.exceptions.EntityNotFoundException:
            try:
                glue.create_table(DatabaseName=database, TableInput=table)
            except glue.exceptions.AlreadyExistsException:
                # By boto3's attempt before, whose answer was lost; or by another run, which made another one.
                glue.update_table(DatabaseName=database, TableInput=table, SkipArchive=True)


def table_input(
    name: str, table: Table, location: str, keys: Mapping[str, str], parameters: Mapping[str, str]
) -> TableInputTypeDef:
    """A table of Parquet files as Glue takes it; `keys` are the types of its partition columns."""
    return {
        "Name": name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", **parameters},
        "PartitionKeys": [{"Name": key, "Type": type_} for key, type_ in keys.items()],
        "StorageDescriptor": _storage(table, location),
    }


def _storage(table: Table, location: str) -> StorageDescriptorTypeDef:
    return {
        "Columns": [
            {"Name": column.name, "Type": TYPES[column.type].glue, "Comment": _comment(column.description)}
            for column in table.columns
        ],
        "Location": location,
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }


def _comment(text: str) -> str:
    return textwrap.shorten(text, MAX_COMMENT, placeholder=" …")


def _year_storage(table: Table, location: str, year: Year) -> StorageDescriptorTypeDef:
    folder = year_key(table.name, *year).removeprefix(table_prefix(table.name)).rpartition("/")[0]
    return _storage(table, f"{location}{folder}/")


def _read_partitions(glue: GlueClient, database: str, table: str) -> dict[Values, object]:
    """What Glue has, by its values."""
    with _explained(f"reading the partitions of {table}"):
        pages = glue.get_paginator("get_partitions").paginate(
            DatabaseName=database, TableName=table, PaginationConfig={"PageSize": PARTITIONS_PER_PAGE}
        )
        return {
            tuple(partition["Values"]): _identity(partition["StorageDescriptor"])
            for page in pages
            for partition in page["Partitions"]
        }


def _identity(storage: Mapping[str, Any]) -> object:
    """What makes a partition's storage the same as another."""
    return storage["Location"], [(column["Name"], column["Type"]) for column in storage["Columns"]]


def batches(keys: Collection[Values], size: int) -> Iterator[list[Values]]:
    """Partitions in order, as many at a time as a call takes."""
    left = iter(sorted(keys))
    while batch := list(islice(left, size)):
        yield batch


def check_errors(errors: Sequence[Any]) -> None:
    """Refuse where Glue took the call, but not all of its partitions.

    Raises:
        CatalogUnavailable: there are errors.
    """
    if not errors:
        return
    detail = errors[0].get("ErrorDetail", {})
    raise CatalogUnavailable(
        f"Glue refused {len(errors)} partitions ({detail.get('ErrorCode', 'no code')}).",
        why=detail.get("ErrorMessage", "Glue gives no message"),
        remedy="run it again: partitions that are registered are left alone",
    )


def _explained(doing: str) -> AbstractContextManager[None]:
    return explained("Glue", doing, refusal=CatalogUnavailable, remedies=REMEDIES)

"""What the crawler did not make of the daily tables, registered directly, as a crawler would have made it.

What is lacking is found in `glue_comparison`. The properties are those of a crawler's tables (AWS Glue's guide, "Table
properties set by the crawler"), so that a later crawl takes such a table for its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from spotify_assets.catalog.glue_comparison import PARTITION_KEY_TYPE, Gaps, explained_by_glue
from spotify_assets.catalog.glue_tables import PARTITIONS_PER_CALL, batches, check_errors, table_input
from spotify_assets.schemas import PARTITION_COLUMNS, Column, Table
from spotify_assets.storage.layout import day_folder

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef

KEYS = dict.fromkeys(PARTITION_COLUMNS, PARTITION_KEY_TYPE)
PROPERTIES = {"compressionType": "none", "typeOfData": "file"}
"""Besides the classification. A crawler calls Parquet files uncompressed, whatever their pages are."""
# What GetTable gives and UpdateTable takes; it refuses the rest.
TAKEN = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters", "StorageDescriptor")


def register(glue: GlueClient, database: str, lake_uri: str, gaps: Gaps, tables: Mapping[str, Table]) -> None:
    """Create what is lacking: tables and columns from the schemas, partitions with what their table has in Glue.

    Raises:
        CatalogUnavailable: Glue refuses; what is registered by then stays.
    """
    with explained_by_glue(f"registering tables of the database {database}", missing="run publish_job again"):
        for name in gaps.tables:
            location = f"{lake_uri}/{name}/"
            described = table_input(name, tables[name], location, KEYS, PROPERTIES)
            # It may be there by now: by boto3's attempt before, whose answer was lost, or by somebody else's crawl.
            with suppress(glue.exceptions.AlreadyExistsException):
                glue.create_table(DatabaseName=database, TableInput=described)
        for name, columns in gaps.columns.items():
            glue.update_table(DatabaseName=database, TableInput=_with_columns(glue, database, name, tables, columns))
        for name, partitions in gaps.partitions.items():
            storage = glue.get_table(DatabaseName=database, Name=name)["Table"]["StorageDescriptor"]
            for batch in batches(partitions, PARTITIONS_PER_CALL):
                made = glue.batch_create_partition(
                    DatabaseName=database,
                    TableName=name,
                    PartitionInputList=[
                        {
                            "Values": list(day),
                            "StorageDescriptor": {**storage, "Location": f"{lake_uri}/{name}/{day_folder(*day)}"},
                        }
                        for day in batch
                    ],
                )
                check_errors(made.get("Errors", []))


def _with_columns(
    glue: GlueClient, database: str, name: str, tables: Mapping[str, Table], columns: tuple[Column, ...]
) -> TableInputTypeDef:
    """A table as Glue has it, with more columns at its end."""
    found = glue.get_table(DatabaseName=database, Name=name)["Table"]
    described: TableInputTypeDef = {key: found[key] for key in TAKEN if key in found}  # type: ignore[literal-required,assignment]
    lacking = {column.name for column in columns}
    whole = table_input(name, tables[name], "", KEYS, PROPERTIES)["StorageDescriptor"]["Columns"]
    storage = found["StorageDescriptor"]
    more = [column for column in whole if column["Name"] in lacking]
    described["StorageDescriptor"] = {**storage, "Columns": [*storage["Columns"], *more]}
    return described

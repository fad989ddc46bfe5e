"""A compacted history in the stand-in's S3 and Glue, analysed by DuckDB and by Trino, and their rows side by side."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import PurePath
from typing import Any

import duckdb
import pyarrow.parquet as pq
from pyathena.connection import Connection
from pyathena.util import RetryConfig

from spotify_assets.analytics.athena_engine import AthenaEngine
from spotify_assets.analytics.duckdb_engine import open_duckdb_engine
from spotify_assets.analytics.engine import Engine
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.queries import saved_queries
from spotify_assets.analytics.statements import Part, Statement, parse, statements
from spotify_assets.catalog.glue_tables import register_history, register_table
from spotify_assets.schemas import Table
from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, IDENTITY
from spotify_assets.schemas.types import TYPES
from spotify_assets.storage.layout import identity_key, parse_year_key, run_prefix, table_prefix
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.helpers.chart_history import parts_of
from spotify_assets_tests.helpers.trino_server import Trino
from spotify_assets_tests.stand_ins.aws import AwsStandIn

WORKGROUP = "on_trino"
BY_DUCKDB, BY_TRINO = "by-duckdb", "by-trino"
Written = Mapping[str, Mapping[Part, Sequence[str]]]


class TrinoLake:
    """A lake with a compacted history, which `register` puts into Glue.

    Args:
        aws: the stand-in; Athena's queries are run by Trino from now on.
        trino: the database of its Glue.
        store: the lake.
        compared: counts the rows that were compared, by what they are of.
    """

    def __init__(self, aws: AwsStandIn, trino: Trino, store: ObjectStore, compared: Counter[str]) -> None:
        self.store = store
        self._aws = aws
        self.trino = trino
        self._database = trino.database
        self._compared = compared
        aws.run_queries_on(trino.execute)
        aws.create_workgroup(WORKGROUP, output=f"{store.uri('.results')}/")

    def register(self) -> None:
        """Bring Glue up to date with the compacted history, as a publish run does."""
        register_history(self._aws.client("glue"), self._database, self.store, self._years())

    def analyse(self) -> Written:
        """Make every analysis by DuckDB; the files that it wrote."""
        with open_lake_files(self.store) as files, open_duckdb_engine(files, self._years(), "2GB") as engine:
            return self._write(engine, BY_DUCKDB)

    def compare_unloads(self, written: Written) -> None:
        """Make every analysis by the engine Athena with its UNLOADs, and compare with what DuckDB made."""
        with self._athena() as engine:
            unloaded = self._write(engine, BY_TRINO)
        for name, table in ANALYSES.items():
            assert unloaded[name].keys() <= written[name].keys(), name
            for part, keys in written[name].items():
                expected = self._rows(table, keys)
                assert_same(expected, self._rows(table, unloaded[name].get(part, [])), f"{name} of {part}")
                self._compared["analyses, by UNLOAD into a table partitioned alike"] += len(expected)

    def compare_texts(self, written: Written) -> None:
        """Run each SQL file as it stands, over what DuckDB made and Glue has, and compare with what DuckDB made."""
        glue = self._aws.client("glue")
        for name, table in ANALYSES.items():
            place = self.store.uri(run_prefix(name, BY_DUCKDB))
            register_table(glue, self._database, name, table, place, parameters={})
        for statement in statements():
            table = statement.table
            answer = self.trino.ask(statement.text)
            rows = [dict(zip(answer.types, row, strict=True)) for row in answer.rows]
            expected = self._rows(table, [key for keys in written[table.name].values() for key in keys])
            assert_same(expected, _sorted(table, rows), table.name)
            self._compared["analyses, the files as they stand"] += len(expected)

    def compare_queries(self, written: Written, **asked: str | date) -> None:
        """Ask every saved query over what DuckDB made, and compare the answers, in their order.

        Args:
            asked: what queries are asked for that take it; for nothing, the files run as they stand.
        """
        with open_lake_files(self.store) as files, duckdb.connect() as connection:
            for name, table in {**ANALYSES, **IDENTITY}.items():
                keys = [key for of_part in written[name].values() for key in of_part] if name in ANALYSES else None
                rows = files.rows(table, [identity_key(name)] if keys is None else keys)
                connection.execute(f"CREATE VIEW {name} AS {rows}")
            for name, query in saved_queries().items():
                if asked:
                    asking = query.asking({place: value for place, value in asked.items() if place in query.takes})
                else:
                    asking = parse(query.text)
                text = asking.sql("athena") if asked else query.text
                self._compare_answers(name, text, connection.sql(asking.sql("duckdb")))

    def compare_tables(self) -> None:
        """Read every table that Glue has, and compare with what is in its files."""
        glue = self._aws.client("glue")
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=self._database):
            for described in page["TableList"]:
                name = described["Name"]
                answer = self.trino.ask(f"SELECT * FROM {name}")  # noqa: S608 - names of this project
                expected = [tuple(row[column] for column in answer.types) for row in self._stored(described)]
                assert_same(sorted(expected, key=repr), sorted(answer.rows, key=repr), name)
                self._compared["tables as Glue has them"] += len(expected)

    def _compare_answers(self, name: str, query: str, by_duckdb: duckdb.DuckDBPyRelation) -> None:
        answer = self.trino.ask(query)
        types = zip(by_duckdb.columns, map(_trino_type, map(str, by_duckdb.types)), strict=True)
        assert answer.types == dict(types), name
        expected = by_duckdb.fetchall()
        assert_same(expected, answer.rows, name)
        self._compared["saved queries (the recipes)"] += len(expected)

    def _write(self, engine: Engine, run: str) -> Written:
        written: dict[str, Mapping[Part, Sequence[str]]] = {}
        for statement in statements():
            made = engine.write(statement, self._parts(statement), run)
            written[statement.table.name] = {part: list(keys) for part, keys in made.items()}
            engine.ready(statement.table, written[statement.table.name], run)
        return written

    @contextmanager
    def _athena(self) -> Iterator[Engine]:
        with (
            Connection(
                work_group=WORKGROUP,
                schema_name=self._database,
                s3_staging_dir="",
                poll_interval=0,
                retry_config=RetryConfig(attempt=1),
            ) as connection,
            AthenaEngine(connection, self._aws.client("glue"), self.store) as engine,
        ):
            yield engine

    def _stored(self, described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows in the files of a Glue table, with its partition keys."""
        keys = described["PartitionKeys"]
        places = [((), described["StorageDescriptor"]["Location"])]
        if keys:
            pages = self._aws.client("glue").get_paginator("get_partitions")
            found = pages.paginate(DatabaseName=self._database, TableName=described["Name"])
            partitions = [partition for page in found for partition in page["Partitions"]]
            places = [(partition["Values"], partition["StorageDescriptor"]["Location"]) for partition in partitions]
        for values, location in places:
            of_partition = {
                key["Name"]: int(value) if key["Type"] == "int" else value
                for key, value in zip(keys, values, strict=True)
            }
            for file in self.store.list_keys(location.removeprefix(self.store.uri(""))):
                if PurePath(file).name.startswith("_"):  # Hive does not see those
                    continue
                for row in pq.read_table(io.BytesIO(self.store.read(file))).to_pylist():
                    yield {**row, **of_partition}

    def _years(self):
        return [year for key in self.store.list_keys(table_prefix(CHART_DAYS.name)) if (year := parse_year_key(key))]

    def _parts(self, statement: Statement) -> list[Part]:
        return parts_of(statement, [Part(*year) for year in self._years()])

    def _rows(self, table: Table, keys: Sequence[str]) -> list[tuple]:
        return _sorted(
            table, [row for key in keys for row in pq.read_table(io.BytesIO(self.store.read(key))).to_pylist()]
        )


def assert_same(expected: Sequence[tuple], found: Sequence[tuple], where: str) -> None:
    """See that rows are the same, one by one: values, their types, nulls and order."""
    for number, (row, other) in enumerate(zip(expected, found, strict=False)):
        assert _with_types(row) == _with_types(other), f"row {number} of {where}"
    assert len(expected) == len(found), where


def _with_types(row: Sequence[object]) -> list[tuple[type, object]]:
    return [(type(value), value) for value in row]


def _sorted(table: Table, rows: Sequence[Mapping[str, object]]) -> list[tuple]:
    """The columns of the schema, the rows by the table's key."""
    in_order = sorted(rows, key=lambda row: tuple(map(str, (row[name] for name in table.key))))
    return [tuple(row[name] for name in table.column_names) for row in in_order]


def _trino_type(duckdb_type: str) -> str:
    """Trino's name of a type. DuckDB sums whole numbers to one that Trino does not have."""
    names = {type_.duckdb: type_.trino for type_ in TYPES.values()} | {"HUGEINT": "bigint"}
    return names[duckdb_type]

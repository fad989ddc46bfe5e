"""Athena on this machine: runs SQL for real, on DuckDB, over the tables of moto's Data Catalog and the files in its S3.

What Athena refuses is refused: SQL outside the dialect (`spotify_assets_tests.helpers.dialect`, with the columns and
types that Glue says), tables and partitions that are not registered, files of other types than registered, an UNLOAD
with more than 100 partitions, or without any into a folder with files. `Execution.engine` may run the queries
elsewhere, as on a real Trino. A query moves on when it is asked for: tests need no time. QUEUED at the first
GetQueryExecution, then RUNNING, then the end.
"""

from __future__ import annotations

import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlglot
from moto.athena.responses import AthenaResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from sqlglot import exp

from spotify_assets_tests.helpers.dialect import complaints, qualified
from spotify_assets_tests.stand_ins.hive import REGION, HiveError, hive_type, put_object, split_location, stored_objects

# Hive's types, as Glue has them, in Arrow and in Trino.
TYPES = {
    "string": (pa.string(), "varchar"),
    "int": (pa.int32(), "integer"),
    "bigint": (pa.int64(), "bigint"),
    "double": (pa.float64(), "double"),
    "boolean": (pa.bool_(), "boolean"),
    "date": (pa.date32(), "date"),
    "timestamp": (pa.timestamp("ms"), "timestamp(3)"),
    "array<string>": (pa.list_(pa.string()), "array(varchar)"),
}
RESULT_TYPES = {"HUGEINT": "bigint", "TIMESTAMP": "timestamp(3)"}
MAX_PARTITIONS = 100
NULL = "__HIVE_DEFAULT_PARTITION__"
UNLOAD = re.compile(
    r"\s*UNLOAD\s*\((?P<query>.*)\)\s*TO\s*'(?P<target>s3://[^']+/)'\s*WITH\s*\((?P<options>.*)\)\s*",
    re.IGNORECASE | re.DOTALL,
)
OPTION = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>'[^']*'|ARRAY\s*\[[^\]]*\])", re.IGNORECASE)
MISSING_TABLE = re.compile(r"the table (?P<name>\w+) is not there")
QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True)
class Unload:
    """An UNLOAD.

    Attributes:
        query: whose rows are written.
        target: the folder, `s3://bucket/folder/`.
        options: what follows WITH.
    """

    query: str
    target: str
    options: Mapping[str, list[str]]

    @classmethod
    def of(cls, text: str) -> Unload | None:
        """What a query's text says; None where it is none."""
        match = UNLOAD.fullmatch(text)
        return cls(match["query"], match["target"], _options(match["options"])) if match else None

    @property
    def keys(self) -> list[str]:
        """The columns by which it is partitioned, which are its last ones."""
        return self.options.get("partitioned_by", [])


class _LimitError(Exception):
    """A limit of the workgroup, in Athena's words."""


@dataclass(frozen=True)
class QueryOrder:
    """How a query goes.

    Attributes:
        polls: how many GetQueryExecution calls see it running. Nothing else moves it on.
        refusal: error code and message with which it is not even started.
        error: reason to fail with.
        scans: bytes that it is to have scanned, as of a long history; None for those of the files.
    """

    polls: int = 1
    refusal: tuple[str, str] | None = None
    error: str | None = None
    scans: int | None = None


@dataclass
class Execution:
    """One query."""

    id: str
    query: str
    database: str
    workgroup: str
    output: str | None
    cutoff: int | None
    order: QueryOrder
    state: str = "QUEUED"
    reason: str | None = None
    engine: Engine = field(default_factory=lambda: execute_on_duckdb)
    scanned: int = 0
    result: pa.Table = field(default_factory=lambda: pa.table({}))
    types: list[str] = field(default_factory=list)
    _asked: int = 0

    def advance(self) -> None:
        """Be asked once more."""
        self._asked += 1
        if self.state == "QUEUED" and self._asked > 1:
            self.state = "RUNNING"
        if self.state == "RUNNING" and self._asked > 1 + self.order.polls:
            self._end()

    def stop(self) -> None:
        """Be cancelled, unless it has ended."""
        if self.state in ("QUEUED", "RUNNING"):
            self.state, self.reason = "CANCELLED", "Query cancelled by user"

    def describe(self) -> dict[str, Any]:
        """As in the answer of GetQueryExecution."""
        return {
            "QueryExecutionId": self.id,
            "Query": self.query,
            "StatementType": "DML",
            "SubstatementType": "UNLOAD" if Unload.of(self.query) else "SELECT",
            "ResultConfiguration": {"OutputLocation": f"{self.output}{self.id}.csv"} if self.output else {},
            "QueryExecutionContext": {"Database": self.database, "Catalog": "awsdatacatalog"},
            "Status": {"State": self.state, **({"StateChangeReason": self.reason} if self.reason else {})},
            "Statistics": {"DataScannedInBytes": self.scanned},
            "WorkGroup": self.workgroup,
        }

    def _end(self) -> None:
        """Run, and then fail where that was ordered: what a failed query had written stays (Athena's guide, UNLOAD)."""
        self.state, self.reason = self._run()
        if self.order.error:
            self.state, self.reason = "FAILED", self.order.error

    def _run(self) -> tuple[str, str | None]:
        """The end state and its reason."""
        try:
            self.scan(self.order.scans or 0)
            self.engine(self)
        except _LimitError as error:
            return "CANCELLED", str(error)
        except (HiveError, duckdb.Error) as error:
            return "FAILED", str(error)
        return "SUCCEEDED", None

    def scan(self, size: int) -> None:
        """Have read so many bytes more."""
        self.scanned += size
        if self.cutoff is not None and self.scanned > self.cutoff:
            raise _LimitError("Query cancelled! : Bytes scanned limit was exceeded")


Engine = Callable[[Execution], None]
"""What runs a query: it sets result and types, or writes what is unloaded. A HiveError ends the query."""


def execute_on_duckdb(execution: Execution) -> None:
    """Run a query on DuckDB, within the dialect."""
    unload = Unload.of(execution.query)
    tables = _catalog(execution.database)
    query = _parse(unload.query if unload else execution.query, tables, execution.database)
    with duckdb.connect() as connection:
        connection.execute("SET integer_division = true")
        connection.execute("SET TimeZone = 'UTC'")
        for name in {table.name for table in query.find_all(exp.Table)} & tables.keys():
            rows, size = _read_table(execution.database, name)
            execution.scan(size if execution.order.scans is None else 0)
            connection.register(name, rows)
        rows = connection.sql(qualified(query, tables).sql("duckdb"))
        execution.types = [RESULT_TYPES.get(str(type_), str(type_).lower()) for type_ in rows.types]
        # DuckDB sums whole numbers to a type that Trino does not have.
        wide = [f'"{name}"::BIGINT AS "{name}"' for name, type_ in _columns(rows) if type_ == "HUGEINT"]
        result = (rows.project(f"* REPLACE ({', '.join(wide)})") if wide else rows).to_arrow_table()
    if unload:
        _write(result, unload, execution.id)
    else:
        execution.result = result


class Athena:
    """Athena's side of the stand-in: patches of moto, and the queries that it was given."""

    def __init__(self) -> None:
        self.engine: Engine = execute_on_duckdb
        self.orders: deque[QueryOrder] = deque()
        self.executions: dict[str, Execution] = {}
        self._numbers = count(1)
        self._advancing = Lock()

    def patches(self) -> Iterator[tuple[type, str, object]]:
        """What is to be put in the place of moto's."""
        for name in ("start_query_execution", "stop_query_execution", "get_query_execution", "get_query_results"):
            yield AthenaResponse, name, _on_response(getattr(self, f"_{name}"))
        get_work_group = AthenaResponse.get_work_group
        yield AthenaResponse, "get_work_group", _on_response(partial(self._get_work_group, get_work_group))

    def _get_work_group(self, get_work_group, response: AthenaResponse):
        name = response._get_param("WorkGroup")
        if name not in response.athena_backend.work_groups:
            return _refuse("InvalidRequestException", f"WorkGroup {name} is not found.")
        return get_work_group(response)

    def _start_query_execution(self, response: AthenaResponse):
        order = self.orders.popleft() if self.orders else QueryOrder()
        workgroup = response._get_param("WorkGroup") or "primary"
        if order.refusal:
            return _refuse(*order.refusal)
        if workgroup not in response.athena_backend.work_groups:
            return _refuse("InvalidRequestException", f"WorkGroup {workgroup} is not found.")
        configuration = response.athena_backend.work_groups[workgroup].configuration
        managed = configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled", False)
        output = _output(configuration, response._get_param("ResultConfiguration") or {})
        if not (output or managed):
            return _refuse(
                "InvalidRequestException",
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input.",
            )
        execution = Execution(
            id=f"00000000-0000-4000-8000-{next(self._numbers):012}",
            query=response._get_param("QueryString"),
            database=(response._get_param("QueryExecutionContext") or {}).get("Database", "default"),
            workgroup=workgroup,
            output=output,
            cutoff=configuration.get("BytesScannedCutoffPerQuery"),
            order=order,
            engine=self.engine,
        )
        self.executions[execution.id] = execution
        return json.dumps({"QueryExecutionId": execution.id})

    def _stop_query_execution(self, response: AthenaResponse) -> str:
        self._execution(response).stop()
        return "{}"

    def _get_query_execution(self, response: AthenaResponse) -> str:
        execution = self._execution(response)
        # Who asks again, because an answer took too long, does not have the query run twice.
        with self._advancing:
            execution.advance()
        return json.dumps({"QueryExecution": execution.describe()})

    def _get_query_results(self, response: AthenaResponse) -> str:
        execution = self._execution(response)
        names = execution.result.column_names
        described = [
            {"Name": name, "Label": name, "Type": type_, "Precision": 0, "Scale": 0, "Nullable": "UNKNOWN"}
            for name, type_ in zip(names, execution.types, strict=False)
        ]
        rows = [names, *map(dict.values, execution.result.to_pylist())] if names else []
        begin = int(response._get_param("NextToken") or 0)
        end = begin + int(response._get_param("MaxResults") or 1000)
        page = [{"Data": [_cell(value) for value in row]} for row in rows[begin:end]]
        token = {"NextToken": str(end)} if end < len(rows) else {}
        return json.dumps({"ResultSet": {"Rows": page, "ResultSetMetadata": {"ColumnInfo": described}}, **token})

    def _execution(self, response: AthenaResponse) -> Execution:
        return self.executions[response._get_param("QueryExecutionId")]


def _on_response(answer):
    """A function that can stand in a class as a method."""
    return lambda response: answer(response)


def _refuse(code: str, message: str):
    return json.dumps({"__type": code, "Message": message}), {"status": 400}


def _output(configuration: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    of_workgroup = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    return of_workgroup if configuration["EnforceWorkGroupConfiguration"] else asked.get("OutputLocation", of_workgroup)


def _cell(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"VarCharValue": str(value).lower()}
    return {"VarCharValue": f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)}


def _columns(rows: duckdb.DuckDBPyRelation) -> list[tuple[str, str]]:
    return [(name, str(type_)) for name, type_ in zip(rows.columns, rows.types, strict=True)]


def _parse(text: str, tables: Mapping[str, Mapping[str, str]], database: str) -> exp.Query:
    found = complaints(text, tables)
    missing = [match["name"] for complaint in found if (match := MISSING_TABLE.fullmatch(complaint))]
    if missing:
        raise HiveError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{missing[0]}' does not exist")
    if found:
        raise HiveError(f"SYNTAX_ERROR: {'; '.join(found)}")
    return sqlglot.parse_one(text, read="athena")


def _catalog(database: str) -> dict[str, dict[str, str]]:
    """Trino's type of each column, by table."""
    databases = glue_backends[DEFAULT_ACCOUNT_ID][REGION].databases
    if database not in databases:
        raise HiveError(f"SCHEMA_NOT_FOUND: Schema '{database}' does not exist")
    return {
        name: {column: TYPES[type_][1] for column, type_ in _glue_columns(table.as_dict())}
        for name, table in databases[database].tables.items()
    }


def _glue_columns(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    columns = [*described["StorageDescriptor"]["Columns"], *described.get("PartitionKeys", [])]
    return [(column["Name"], column["Type"]) for column in columns]


def _read_table(database: str, name: str) -> tuple[pa.Table, int]:
    """The rows of a Glue table, of registered partitions only, and the size of its files."""
    table = glue_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(database, name)
    described = table.as_dict()
    keys = [key["Name"] for key in described.get("PartitionKeys", [])]
    places = (
        [(dict(zip(keys, found.values, strict=True)), found.partition_input) for found in table.get_partitions("")]
        if keys
        else [({}, described)]
    )
    columns = dict(_glue_columns(described))
    parts = [pa.schema([(column, TYPES[type_][0]) for column, type_ in columns.items()]).empty_table()]
    size = 0
    for values, place in places:
        for key, stored in stored_objects(place["StorageDescriptor"]["Location"]).items():
            parts.append(_read_file(key, stored.value, columns, values))
            size += len(stored.value)
    return pa.concat_tables(parts), size


def _read_file(key: str, data: bytes, columns: Mapping[str, str], values: Mapping[str, str]) -> pa.Table:
    """A file with the columns and types that Glue says; what it does not have is null."""
    try:
        rows = pq.read_table(io.BytesIO(data))
    except pa.ArrowInvalid as error:
        raise HiveError(f"HIVE_BAD_DATA: Not valid Parquet file: {key}") from error
    arrays = []
    for name, type_ in columns.items():
        arrow_type = TYPES[type_][0]
        if name in values:
            arrays.append(pa.array([values[name]] * len(rows), pa.string()).cast(arrow_type))
        elif name not in rows.column_names:
            arrays.append(pa.nulls(len(rows), arrow_type))
        elif (found := hive_type(f"{key}, column {name}", rows[name].type)) != type_:
            raise HiveError(f"HIVE_BAD_DATA: Field {name}'s type {found} in parquet file {key} is not {type_}")
        else:
            arrays.append(rows[name].cast(arrow_type))
    return pa.table(arrays, names=list(columns))


def _options(text: str) -> dict[str, list[str]]:
    return {match["name"].lower(): QUOTED.findall(match["value"]) for match in OPTION.finditer(text)}


def _write(rows: pa.Table, unload: Unload, execution: str) -> None:
    """Write rows as Athena's writers do: names without an ending, several files of a partition."""
    if unload.options.get("format") != ["PARQUET"]:
        raise HiveError("NOT_SUPPORTED: the stand-in unloads Parquet only")
    keys = unload.keys
    if keys and rows.column_names[-len(keys) :] != keys:
        raise HiveError("HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table")
    if not keys and stored_objects(unload.target):
        raise HiveError(f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {unload.target}")
    partitions = rows.select(keys).group_by(keys).aggregate([]).to_pylist() if keys else [{}]
    if len(partitions) > MAX_PARTITIONS:
        raise HiveError(f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MAX_PARTITIONS} open writers")
    bucket, prefix = split_location(unload.target)
    numbers = count()
    for values in partitions:
        folder = prefix + "".join(f"{name}={NULL if value is None else value}/" for name, value in values.items())
        for part in _written_apart(_of_partition(rows, values).drop_columns(keys)):
            put_object(bucket, f"{folder}{execution}_{next(numbers)}", _parquet(part, unload.options["compression"][0]))


def _of_partition(rows: pa.Table, values: Mapping[str, object]) -> pa.Table:
    for name, value in values.items():
        rows = rows.filter(pc.is_null(rows[name]) if value is None else pc.equal(rows[name], value))
    return rows


def _written_apart(rows: pa.Table) -> list[pa.Table]:
    half = (len(rows) + 1) // 2
    return [part for part in (rows.slice(half), rows.slice(0, half)) if len(part)]


def _parquet(rows: pa.Table, compression: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression=compression.lower(), store_schema=False)
    return sink.getvalue()

"""AWS on this machine: moto's server on the loopback interface, with a crawler that crawls and an Athena that queries.

moto keeps S3 and the Data Catalog truly enough; its crawler makes no tables, never ends by itself and reports outcomes
that the API does not know, and its Glue answers in one page whatever the size. That is mended here, by patches that
last as long as the context. Athena is in `athena`.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from threading import Thread
from unittest import mock

import boto3
import botocore.session
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import backends as moto_backends
from moto.athena.models import athena_backends
from moto.backends import list_of_moto_modules
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.glue.exceptions import CrawlerRunningException, GlueClientError
from moto.glue.models import FakeCrawl, FakeCrawler
from moto.glue.responses import GlueResponse
from moto.moto_api._internal.models import moto_api_backend
from moto.s3.models import FakeKey
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from spotify_assets.schemas import TABLES, Table
from spotify_assets_tests.stand_ins.athena import Athena, Engine, QueryOrder
from spotify_assets_tests.stand_ins.hive import REGION, HiveError, hive_type, split_location, stored_objects

# What AWS's own page sizes are at most is larger for partitions; a small page makes short tests turn pages.
PAGE_SIZE = 100
POLLS_OF_A_CRAWL = 2
OUTCOMES = {"COMPLETED": "SUCCEEDED", "FAILED": "FAILED", "STOPPED": "CANCELLED"}
HIVE_FOLDER = re.compile(r"(?P<key>[^=]+)=(?P<value>.*)")
RECRAWL_POLICY = {"RecrawlBehavior": "CRAWL_EVERYTHING"}
SCHEMA_CHANGE_POLICY = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"}
PARQUET_STORAGE = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


class AwsStandIn:
    """S3, Glue and Athena on the loopback interface, as a context manager; one at a time, each with a fresh state.

    While it is open this process has no AWS variable but those that the test sets, so that neither a profile nor a
    session of the machine's owner is used; they come back at its end.
    """

    def __init__(self) -> None:
        self.endpoint_url = ""
        self._orders: deque[_Order] = deque()
        self._athena = Athena()
        self._clients: dict[str, object] = {}
        self._closing = ExitStack()

    def __enter__(self) -> AwsStandIn:
        with ExitStack() as closing:
            closing.callback(os.environ.update, _take_variables())
            closing.callback(logging.getLogger("werkzeug").setLevel, logging.getLogger("werkzeug").level)
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            moto_api_backend.reset()
            closing.callback(moto_api_backend.reset)
            for target, name, replacement in self._patches():
                closing.enter_context(mock.patch.object(target, name, replacement, create=True))
            self.endpoint_url = closing.enter_context(_serve())
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._orders.clear()
        self._closing.close()

    def environment(self) -> dict[str, str]:
        """Variables that lead any AWS library here, and to no file of the machine's owner."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str):
        """A boto3 client of this stand-in, closed at its end. It asks once, so that a refusal is seen at once."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint_url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                region_name=REGION,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
            )
        return self._clients[service]

    def create_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def create_crawler(
        self, name: str, database: str, lake_uri: str, tables: Mapping[str, Table] = TABLES, **others: object
    ) -> None:
        """Make a crawler with one S3 target per table, and its database where there is none.

        Args:
            others: members of the CreateCrawler request, in place of those made here.
        """
        glue = self.client("glue")
        try:
            glue.create_database(DatabaseInput={"Name": database})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
        request = {
            "Name": name,
            "Role": "arn:aws:iam::123456789012:role/crawler",
            "DatabaseName": database,
            "Targets": {"S3Targets": [{"Path": f"{lake_uri}/{table}/"} for table in tables]},
            "Configuration": json.dumps(crawler_configuration(lake_uri)),
            "RecrawlPolicy": RECRAWL_POLICY,
            "SchemaChangePolicy": SCHEMA_CHANGE_POLICY,
        }
        glue.create_crawler(**{**request, **others})

    def order_crawl(
        self,
        *,
        polls: int = POLLS_OF_A_CRAWL,
        error: str | None = None,
        passes_over: Collection[str] = (),
        dpu_hours: float | None = 0.25,
    ) -> None:
        """Say how the next crawl goes; several orders are for as many crawls, in turn.

        Args:
            polls: how many GetCrawler calls see it running. Nothing else moves it on.
            error: message to fail with.
            passes_over: names of tables of which it makes nothing, and of columns and days that it does not see.
            dpu_hours: what it is charged for; None: ListCrawls does not give it.
        """
        self._orders.append(_Order(polls, error, frozenset(passes_over), dpu_hours))

    def create_workgroup(self, name: str, *, output: str | None, **configuration: object) -> None:
        """Make a workgroup of Athena.

        Args:
            output: where results go, `s3://bucket/folder/`; None for nowhere.
            configuration: more members of the WorkGroupConfiguration.
        """
        result = {"OutputLocation": output} if output else {}
        self.client("athena").create_work_group(
            Name=name, Configuration={"ResultConfiguration": result, **configuration}
        )

    def disable_workgroup(self, name: str) -> None:
        """Switch a workgroup off. moto does not know UpdateWorkGroup."""
        athena_backends[DEFAULT_ACCOUNT_ID][REGION].work_groups[name].state = "DISABLED"

    def order_query(self, **order: object) -> None:
        """Say how Athena's next query goes, see `QueryOrder`; several orders are for as many queries, in turn."""
        self._athena.orders.append(QueryOrder(**order))

    def run_queries_on(self, engine: Engine) -> None:
        """Have Athena's queries run by another engine than DuckDB."""
        self._athena.engine = engine

    @property
    def queries(self) -> list[tuple[str, str]]:
        """Every query that Athena was given, with its state."""
        return [(execution.query, execution.state) for execution in self._athena.executions.values()]

    @property
    def result_locations(self) -> set[str | None]:
        """Where the results of the queries were to go."""
        return {execution.output for execution in self._athena.executions.values()}

    def _patches(self) -> Iterator[tuple[object, str, object]]:
        describe = FakeCrawler.as_dict
        get_tables, get_partitions = GlueResponse.get_tables, GlueResponse.get_partitions
        yield botocore.session, "create_loader", _loader
        yield moto_backends, "list_of_moto_modules", _moto_modules
        yield FakeCrawler, "start_crawler", lambda crawler: self._start_crawler(crawler)
        yield FakeCrawler, "as_dict", lambda crawler: _describe_crawler(crawler, describe)
        yield GlueResponse, "get_tables", lambda response: _page(response, get_tables, "TableList")
        yield GlueResponse, "get_partitions", lambda response: _page(response, get_partitions, "Partitions")
        for place in ("table", "partition"):
            # Trino asks for it after it has written a table; moto has no statistics.
            yield GlueResponse, f"delete_column_statistics_for_{place}", lambda _: ActionResult({})
        yield from self._athena.patches()

    def _start_crawler(self, crawler: FakeCrawler) -> None:
        if crawler.status != "READY":
            raise CrawlerRunningException(f"Crawler with name {crawler.name} has already started")
        crawler.crawls.append(_Crawl(crawler, self._orders.popleft() if self._orders else _Order()))


@dataclass(frozen=True)
class _Order:
    polls: int = POLLS_OF_A_CRAWL
    error: str | None = None
    passes_over: frozenset[str] = frozenset()
    dpu_hours: float | None = 0.25


def crawler_configuration(lake_uri: str) -> dict:
    """As a deployed crawler of this project is set: a table per folder below the lake, columns added, never retyped."""
    return {
        "Version": 1.0,
        "CrawlerOutput": {
            "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
            "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
        },
        "Grouping": {
            "TableGroupingPolicy": "CombineCompatibleSchemas",
            # The bucket is level 1.
            "TableLevelConfiguration": len(lake_uri.split("/")) - 1,
        },
    }


@cache
def _application() -> DomainDispatcherApplication:
    """moto's application, whose routes take half a second to make; its state is elsewhere."""
    return DomainDispatcherApplication(create_backend_app)


_loader = cache(botocore.session.create_loader)
"""One for all sessions: each would read the descriptions of its services, four fifths of what a client costs."""


@cache
def _moto_modules() -> tuple[str, ...]:
    """The services that moto has; it would look into its folder at every request, a third of what one takes."""
    return tuple(list_of_moto_modules())


@contextmanager
def _serve() -> Iterator[str]:
    """moto's application on a free port; yields its address.

    Not `ThreadedMotoServer`: that one leaves its socket open, and takes half a second to stop.
    """
    with make_server(
        "127.0.0.1",
        0,
        _application(),
        threaded=True,
        request_handler=MotoRequestHandler,
    ) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Crawl(FakeCrawl):
    """A crawl that sees the objects of the moment it starts and writes to the Data Catalog when it ends."""

    def __init__(self, crawler: FakeCrawler, order: _Order) -> None:
        super().__init__(crawler.name)
        self.error = order.error
        self._polls_left = order.polls
        self._order = order
        self._crawler = crawler
        self._found: list[_FoundTable] = []
        if self.error is None:
            self._attempt(self._look)

    @property
    def status(self) -> str:
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    def advance(self) -> None:
        if self.end_time is not None:
            return
        if self._polls_left and self._status == "RUNNING":
            self._polls_left -= 1
            return
        if self._status == "RUNNING" and self.error is None:
            self._attempt(self._write)
        self._status = "STOPPED" if self._status == "STOPPING" else "FAILED" if self.error else "COMPLETED"
        self.end_time = utcnow()

    def as_last_crawl(self) -> dict[str, object]:
        message = {"ErrorMessage": self.error} if self.error else {}
        return {
            "Status": OUTCOMES[self._status],
            "LogGroup": self.log_group,
            "LogStream": self.log_stream,
            "MessagePrefix": self.message_prefix,
            "StartTime": self.start_time,
            **message,
        }

    def as_dict(self) -> dict[str, object]:
        described = {name: value for name, value in super().as_dict().items() if name != "DPUHour"}
        charged = self._order.dpu_hours
        return described if charged is None or self.end_time is None else {**described, "DPUHour": charged}

    def _attempt(self, step) -> None:
        try:
            step()
        except (HiveError, GlueClientError, pa.ArrowInvalid) as error:
            self.error = str(error)

    def _look(self) -> None:
        for target in self._crawler.targets["S3Targets"]:
            self._found += _seen(_find_tables(self._crawler, target["Path"]), self._order.passes_over)

    def _write(self) -> None:
        for table in self._found:
            _write_table(self._crawler, table)


@dataclass
class _FoundTable:
    name: str
    location: str
    partition_keys: list[str]
    columns: dict[str, str] = field(default_factory=dict)
    partitions: dict[tuple[str, ...], str] = field(default_factory=dict)


def _seen(found: Iterable[_FoundTable], passed_over: Collection[str]) -> Iterator[_FoundTable]:
    """The tables without what a crawl passes over."""
    for table in found:
        if table.name not in passed_over:
            columns = {name: type_ for name, type_ in table.columns.items() if name not in passed_over}
            days = {values: place for values, place in table.partitions.items() if not passed_over & set(values)}
            yield replace(table, columns=columns, partitions=days)


def _take_variables() -> dict[str, str]:
    """Take AWS's variables out of the environment, and the proxies that would be asked for http addresses."""
    names = [name for name in os.environ if name.startswith("AWS_") or name.upper() in ("HTTP_PROXY", "ALL_PROXY")]
    return {name: os.environ.pop(name) for name in names}


def _describe_crawler(crawler: FakeCrawler, describe) -> dict[str, object]:
    """One GetCrawler: moves the crawl on, and tells the outcome of the last crawl that has one."""
    if crawler.crawls:
        crawler.crawls[-1].advance()
    description = describe(crawler)
    description.pop("LastCrawl", None)
    ended = [crawl for crawl in crawler.crawls if crawl.end_time is not None]
    return {**description, **({"LastCrawl": ended[-1].as_last_crawl()} if ended else {})}


def _page(response: GlueResponse, answer, member: str):
    """One page of a Glue answer. A token is the place where the next page begins."""
    begin = int(response.parameters.get("NextToken") or 0)
    end = begin + min(PAGE_SIZE, response.parameters.get("MaxResults") or PAGE_SIZE)
    everything = answer(response).result[member]
    page = everything[begin:end]
    if response.parameters.get("ExcludeColumnSchema"):
        page = [_without_columns(partition) for partition in page]
    return ActionResult({member: page, **({"NextToken": str(end)} if end < len(everything) else {})})


def _without_columns(partition: dict) -> dict:
    storage = {name: value for name, value in partition["StorageDescriptor"].items() if name != "Columns"}
    return {**partition, "StorageDescriptor": storage}


def _find_tables(crawler: FakeCrawler, target: str) -> list[_FoundTable]:
    """The tables below a target: one per folder that holds Parquet files, apart from the `key=value` folders."""
    bucket, _ = split_location(target)
    tables: dict[str, _FoundTable] = {}
    for key, stored in stored_objects(target).items():
        *folders, file = key.split("/")
        if not file.endswith(".parquet"):
            continue
        hive = [(number, match) for number, part in enumerate(folders) if (match := HIVE_FOLDER.fullmatch(part))]
        root = folders[: hive[0][0]] if hive else folders
        location = f"s3://{bucket}/{'/'.join(root)}/"
        name = (crawler.table_prefix or "") + re.sub(r"\W", "_", root[-1]).lower()
        table = tables.setdefault(location, _FoundTable(name, location, [match["key"].lower() for _, match in hive]))
        table.columns.update(_hive_columns(key, stored))
        if hive:
            values = tuple(match["value"] for _, match in hive)
            table.partitions[values] = f"s3://{bucket}/{'/'.join(folders)}/"
    return list(tables.values())


def _hive_columns(key: str, stored: FakeKey) -> dict[str, str]:
    schema = pq.read_schema(io.BytesIO(stored.value))
    return {column.name.lower(): hive_type(f"{key}, column {column.name}", column.type) for column in schema}


def _write_table(crawler: FakeCrawler, found: _FoundTable) -> None:
    """Create a table, or add to it (MergeNewColumns): what is there keeps its type, place and partition keys."""
    database = crawler.backend.get_database(crawler.database_name)
    if found.name not in database.tables:
        crawler.backend.create_table(crawler.database_name, found.name, _table_input(crawler, found))
    table = database.tables[found.name]
    described = table.get_version(str(table.as_dict()["VersionId"]))
    columns = described["StorageDescriptor"]["Columns"]
    known = {column["Name"] for column in columns}
    new = [column for column in _as_columns(found.columns) if column["Name"] not in known]
    storage = {**described["StorageDescriptor"], "Columns": columns + new}
    if new:
        table.update({**described, "StorageDescriptor": storage})
    for values, location in found.partitions.items():
        if str(list(values)) not in table.partitions:
            table.create_partition({"Values": list(values), "StorageDescriptor": {**storage, "Location": location}})


def _table_input(crawler: FakeCrawler, found: _FoundTable) -> dict:
    return {
        "Name": found.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "UPDATED_BY_CRAWLER": crawler.name},
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in found.partition_keys],
        "StorageDescriptor": {"Columns": _as_columns(found.columns), "Location": found.location, **PARQUET_STORAGE},
    }


def _as_columns(types: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": type_} for name, type_ in types.items()]

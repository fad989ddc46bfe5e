"""A real Trino, which is what Athena is built on: started here, or where TRINO_URL says, with the AWS stand-in's lake.

`make test-trino` fetches the server into `.trino/`. One that is started elsewhere has to manage catalogs dynamically
(`catalog.management=dynamic`) and to reach the stand-in on 127.0.0.1, as a container on the host's network does. Facts
are from Trino's documentation (Deploying Trino; Hive connector; Metastores; S3 file system support; CREATE CATALOG).
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from spotify_assets_tests.stand_ins.athena import Execution, HiveError, Unload
from spotify_assets_tests.stand_ins.hive import REGION

SERVER = Path(__file__).parents[2] / ".trino/server"
SECONDS_TO_START = 180
CATALOG = "awsdatacatalog"
SETTINGS = """
coordinator=true
node-scheduler.include-coordinator=true
node.environment=test
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
plugin.dir={server}/plugin
catalog.management=dynamic
catalog.store=memory
query.max-memory-per-node=1GB
"""


class Answer(NamedTuple):
    """What Trino answers to a query: the type of each column by name, and the rows."""

    types: dict[str, str]
    rows: list[tuple[Any, ...]]


@contextmanager
def trino_server() -> Iterator[str]:
    """The address of a server, which ends with the context if it was started here. Where there is none, tests skip."""
    pytest.importorskip("trino", reason="Trino's client is not installed")
    if url := os.environ.get("TRINO_URL"):
        yield url
    elif SERVER.is_dir():
        with tempfile.TemporaryDirectory() as folder, _started(Path(folder)) as url:
            yield url
    else:
        pytest.skip("there is no Trino: `make test-trino` fetches one, or TRINO_URL names another")


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    settings, log = folder / "config.properties", folder / "log"
    settings.write_text(SETTINGS.format(port=port, server=SERVER), encoding="utf-8")
    # Compiled quickly and lightly: the queries are many and small, and over before a better compilation pays.
    command = [
        SERVER / "java",
        "-Xmx2G",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Dfile.encoding=UTF-8",
        "-Djdk.attach.allowAttachSelf=true",
    ]
    command += ["-cp", f"{SERVER}/lib/*", f"-Dconfig={settings}", "io.trino.server.TrinoServer"]
    with log.open("wb") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
        try:
            _wait_until_started(process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()  # it keeps nothing; asked to end, it waits for queries first


def _wait_until_started(process: subprocess.Popen[bytes], log: Path) -> None:
    last = time.monotonic() + SECONDS_TO_START
    while "SERVER STARTED" not in (said := log.read_text(encoding="utf-8", errors="replace")):
        assert process.poll() is None, f"Trino did not start:\n{said[-3000:]}"
        assert time.monotonic() < last, f"Trino did not start in {SECONDS_TO_START} s:\n{said[-3000:]}"
        time.sleep(0.2)


class Trino:
    """A database of the stand-in's Glue, as Trino reads it. A context manager: the catalog is there as long as it is.

    Args:
        url: the server.
        endpoint_url: where the stand-in is.
        database: the Glue database.
    """

    def __init__(self, url: str, endpoint_url: str, database: str) -> None:
        self._url = urlsplit(url)
        self._endpoint_url = endpoint_url
        self.database = database

    def __enter__(self) -> Trino:
        settings = ", ".join(f"\"{name}\" = '{value}'" for name, value in _catalog(self._endpoint_url).items())
        self.ask(f"CREATE CATALOG {CATALOG} USING hive WITH ({settings})")
        return self

    def __exit__(self, *_: object) -> None:
        self.ask(f"DROP CATALOG {CATALOG}")

    def ask(self, query: str) -> Answer:
        """Run a query.

        Raises:
            HiveError: Trino refuses it, or fails.
        """
        from trino.dbapi import connect
        from trino.exceptions import TrinoQueryError

        with connect(
            host=self._url.hostname,
            port=self._url.port,
            http_scheme=self._url.scheme,
            user="tests",
            catalog=CATALOG,
            schema=self.database,
            request_timeout=120,
        ) as connection:
            try:
                cursor = connection.cursor().execute(query)
                rows = [tuple(row) for row in cursor.fetchall()]
            except TrinoQueryError as error:
                raise HiveError(f"{error.error_name}: {error.message}") from error
            return Answer({column[0]: column[1] for column in cursor.description or ()}, rows)

    def execute(self, execution: Execution) -> None:
        """Run a query of the stand-in's Athena, see `Execution.engine`.

        Trino has no UNLOAD: its query runs as CREATE TABLE AS into a table partitioned alike, whose files stay.
        """
        unload = Unload.of(execution.query)
        if unload is None:
            types, rows = self.ask(execution.query)
            execution.types = list(types.values())
            execution.result = pa.Table.from_pylist([dict(zip(types, row, strict=True)) for row in rows])
            return
        name = f"unload_{execution.id.replace('-', '_')}"
        keys = ", ".join(f"'{key}'" for key in unload.keys)
        self.ask(
            f"CREATE TABLE {name} WITH (format = 'PARQUET', external_location = '{unload.target}', "
            f"partitioned_by = ARRAY[{keys}]) AS {unload.query}"
        )
        self.ask(f"DROP TABLE {name}")


def _catalog(endpoint_url: str) -> dict[str, str]:
    """A Hive catalog on Glue and S3. As in Athena, files in folders below a table's belong to it.

    moto has no statistics, so that none are asked for.
    """
    return {
        "hive.metastore": "glue",
        "hive.metastore.glue.endpoint-url": endpoint_url,
        "hive.metastore.glue.region": REGION,
        "hive.metastore.glue.aws-access-key": "testing",
        "hive.metastore.glue.aws-secret-key": "testing",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": endpoint_url,
        "s3.region": REGION,
        "s3.path-style-access": "true",
        "s3.aws-access-key": "testing",
        "s3.aws-secret-key": "testing",
        "hive.non-managed-table-writes-enabled": "true",
        "hive.non-managed-table-creates-enabled": "true",
        "hive.recursive-directories": "true",
        "hive.table-statistics-enabled": "false",
        "hive.collect-column-statistics-on-write": "false",
        "hive.compression-codec": "ZSTD",
    }

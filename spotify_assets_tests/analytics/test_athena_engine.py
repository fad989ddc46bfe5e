"""The Athena engine, with PyAthena and boto3 on the wire against the AWS stand-in, and beside the DuckDB engine."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from dataclasses import replace

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from dagster._core.errors import DagsterExecutionInterruptedError
from pyathena.connection import Connection
from pyathena.util import RetryConfig

from spotify_assets.analytics.athena_engine import AthenaEngine, open_athena_engine
from spotify_assets.analytics.duckdb_engine import open_duckdb_engine
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.statements import Part, Statement, statement_of, statements
from spotify_assets.catalog.glue_tables import register_history
from spotify_assets.errors import EngineError, Refusal, SchemaViolation
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.schemas.table import arrow_schema
from spotify_assets.storage.layout import Year, run_prefix
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.chart_history import parts_of, write_history

pytestmark = pytest.mark.slow

BUCKET = "chart-lake"
DATABASE = "spotify_assets"
WORKGROUP = "charts"
RUN = "0b5e-Run"
EDITIONS = statement_of("chart_editions")
JAPAN = Part("japan")


class Desk:
    """A lake with a compacted history in Glue, and engines on it."""

    def __init__(self, aws):
        self.aws = aws
        self.store = S3ObjectStore(aws.client("s3"), BUCKET, "live")
        self.glue = aws.client("glue")
        self.years = []

    def fill(self, playlists, days=75):
        self.years = write_history(self.store, playlists, days)
        years = [Year(part.playlist, part.year) for part in self.years]
        register_history(self.glue, DATABASE, self.store, years)

    @contextmanager
    def engine(self, workgroup=WORKGROUP, **others):
        """An engine that neither waits between two looks nor asks again after a refusal."""
        connection = Connection(
            work_group=workgroup,
            schema_name=DATABASE,
            s3_staging_dir="",
            poll_interval=0,
            retry_config=RetryConfig(attempt=1),
            config=Config(retries={"total_max_attempts": 1}),
            **others,
        )
        with connection, AthenaEngine(connection, self.glue, self.store) as engine:
            yield engine

    def refusal(self, statement=EDITIONS, parts=(JAPAN,), **others):
        with pytest.raises(Refusal) as caught, self.engine(**others) as engine:
            engine.write(statement, parts, RUN)
        return caught.value

    def rows(self, keys, table):
        """Rows of Parquet files, by the table's key."""
        files = [pq.read_table(io.BytesIO(self.store.read(key))) for key in keys]
        rows = pa.concat_tables([arrow_schema(table).empty_table(), *files], promote_options="permissive").to_pylist()
        return sorted(rows, key=lambda row: tuple(map(str, (row[name] for name in table.key))))

    def glue_tables(self):
        return {table["Name"] for table in self.glue.get_tables(DatabaseName=DATABASE)["TableList"]}


@pytest.fixture
def empty_desk(aws):
    aws.create_bucket(BUCKET)
    aws.create_workgroup(WORKGROUP, output=f"s3://{BUCKET}/results/")
    aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    return Desk(aws)


@pytest.fixture
def desk(empty_desk):
    empty_desk.fill({"japan": "daily"}, days=3)
    return empty_desk


def write_all(engine, run, years):
    """Write every analysis."""
    written = {}
    for statement in statements():
        parts = engine.write(statement, parts_of(statement, years), run)
        engine.ready(statement.table, parts, run)
        written[statement.table.name] = parts
    return written


def test_athena_and_duckdb_make_the_same_rows_of_every_analysis(empty_desk):
    empty_desk.fill({"japan": "daily", "world": "weekly"})
    before = empty_desk.glue_tables()
    with empty_desk.engine() as engine:
        by_athena = write_all(engine, "athena", empty_desk.years)
        assert engine.usage.queries == 2 * len(ANALYSES)  # one makes the rows, one sees that their keys are unique
        assert engine.usage.bytes_scanned > 0
    years = [Year(part.playlist, part.year) for part in empty_desk.years]
    with open_lake_files(empty_desk.store) as files, open_duckdb_engine(files, years, "1GB") as engine:
        by_duckdb = write_all(engine, "duckdb", empty_desk.years)
    for name, table in ANALYSES.items():
        assert by_athena[name].keys() <= by_duckdb[name].keys(), name
        rows = {part: empty_desk.rows(keys, table) for part, keys in by_duckdb[name].items()}
        assert sum(map(bool, rows.values())) >= 2, name
        for part in rows:
            assert empty_desk.rows(by_athena[name].get(part, []), table) == rows[part], (name, part)
    assert empty_desk.glue_tables() == before


def test_keys_are_in_a_folder_of_the_run_by_part(desk):
    with desk.engine() as engine:
        written = engine.write(EDITIONS, [JAPAN], RUN)
    (keys,) = written.values()
    assert list(written) == [JAPAN]
    assert list(keys) == desk.store.list_keys(run_prefix(EDITIONS.table.name, RUN))
    assert all("/of_playlist=japan/" in key for key in keys)


def test_only_the_parts_asked_for_are_made(empty_desk):
    empty_desk.fill({"japan": "daily", "world": "daily"}, days=40)
    parts = [Part("japan", 2024), Part("world", 2025)]
    history = statement_of("song_history")
    with empty_desk.engine() as engine:
        engine.ready(EDITIONS.table, engine.write(EDITIONS, [JAPAN, Part("world")], RUN), RUN)
        written = engine.write(history, parts, RUN)
        assert engine.usage.queries == 4  # chart_editions and its check; the two parts have no years in common
    assert set(written) == set(parts)
    for part, keys in written.items():
        rows = empty_desk.rows(keys, history.table)
        assert {(row["playlist"], row["edition_date"].year) for row in rows} == {(part.playlist, part.year)}


def test_a_part_without_rows_has_no_file(desk):
    with desk.engine() as engine:
        assert engine.write(EDITIONS, [JAPAN, Part("nowhere")], RUN).keys() == {JAPAN}


def test_a_statement_writes_a_hundred_partitions_at_most(desk):
    parts = [Part(f"p{number:03}") for number in range(201)]
    with desk.engine() as engine:
        assert engine.write(EDITIONS, parts, RUN) == {}
        assert engine.usage.queries == 3
    folder = desk.store.uri(run_prefix(EDITIONS.table.name, RUN))
    targets = [query.split(" TO '")[1].split("'")[0] for query, _ in desk.aws.queries]
    assert targets == [f"{folder}{number}/" for number in range(3)]


def test_the_runs_own_tables_are_removed_when_something_fails_too(desk):
    before = desk.glue_tables()
    for order in ({}, {}, {"error": "INTERNAL_ERROR"}):
        desk.aws.order_query(**order)
    with pytest.raises(EngineError), desk.engine() as engine:  # noqa: PT012 - the last statement raises
        engine.ready(EDITIONS.table, engine.write(EDITIONS, [JAPAN], RUN), RUN)
        assert desk.glue_tables() - before == {"run_0b5e_run__chart_editions"}
        engine.write(statement_of("chart_periods"), [JAPAN], RUN)
    assert desk.glue_tables() == before


def test_what_is_in_the_runs_folder_is_the_table_copies_included(desk):
    with desk.engine() as engine:
        (keys,) = engine.write(EDITIONS, [JAPAN], "before").values()
        for key in keys:
            desk.store.write(key.replace("run=before", f"run={RUN}"), desk.store.read(key))
        engine.ready(EDITIONS.table, {}, RUN)
        periods = engine.write(statement_of("chart_periods"), [JAPAN], RUN)
    assert desk.rows(periods[JAPAN], ANALYSES["chart_periods"])


def test_a_table_is_not_written_twice_in_a_run(desk):
    with desk.engine() as engine:
        engine.write(EDITIONS, [JAPAN], RUN)
    refusal = desk.refusal()
    assert isinstance(refusal, EngineError)
    assert "was written in this run before" in refusal.what
    assert "start a new run" in refusal.remedy


def test_what_a_failed_query_leaves_becomes_part_of_no_table(desk):
    desk.aws.order_query(error="INTERNAL_ERROR")
    desk.refusal()
    assert desk.store.list_keys(run_prefix(EDITIONS.table.name, RUN))
    assert "was written in this run before" in desk.refusal().what
    with desk.engine() as engine:
        (keys,) = engine.write(EDITIONS, [JAPAN], "next").values()
    assert list(keys) == desk.store.list_keys(run_prefix(EDITIONS.table.name, "next"))


def test_athena_gets_the_query_without_the_comments_of_the_file(desk):
    with desk.engine() as engine:
        engine.write(EDITIONS, [JAPAN], RUN)
    ((query, _),) = desk.aws.queries
    assert "--" in EDITIONS.text
    assert "--" not in query
    assert "/*" not in query


@pytest.mark.parametrize(
    ("order", "words", "remedy"),
    [
        ({"scans": 2 * 10**7}, "Bytes scanned limit", "limit on data per query"),
        ({"refusal": ("TooManyRequestsException", "too many queries")}, "too many queries", "Service Quotas"),
        ({"refusal": ("ThrottlingException", "Rate exceeded")}, "Rate exceeded", "wait a minute"),
        ({"refusal": ("AccessDeniedException", "no athena:Start")}, "no athena:Start", "athena:StartQueryExecution"),
        ({"error": "Query exhausted resources at this scale factor"}, "exhausted", "unset SPOTIFY_ASSETS_ENGINE"),
        ({"error": "Query timeout"}, "timeout", "DML query timeout"),
        ({"error": "Access Denied (Service: Amazon S3)"}, "Amazon S3", "s3:PutObject"),
        ({"error": "HIVE_BAD_DATA: Field a"}, "HIVE_BAD_DATA", "materialize"),
        ({"error": "INTERNAL_ERROR"}, "INTERNAL_ERROR", "history"),
    ],
)
def test_limits_and_failures_say_why_and_what_to_do(desk, order, words, remedy):
    desk.aws.create_workgroup("narrow", output=f"s3://{BUCKET}/results/", BytesScannedCutoffPerQuery=10**7)
    desk.aws.order_query(**order)
    refusal = desk.refusal(workgroup="narrow")
    assert isinstance(refusal, EngineError)
    assert "making chart_editions" in refusal.what
    assert words in refusal.why
    assert remedy in refusal.remedy


def test_a_history_that_is_not_registered_is_explained(empty_desk):
    refusal = empty_desk.refusal()
    assert refusal.why == "TABLE_NOT_FOUND: Table 'awsdatacatalog.spotify_assets.chart_days' does not exist"
    assert "materialize chart_entries, chart_days and song_identity" in refusal.remedy


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
def test_refused_credentials_are_explained_without_what_aws_quotes(desk, caplog, code):
    caplog.set_level(logging.INFO)
    desk.aws.order_query(refusal=(code, "The Canonical String was x-amz-security-token:s3cr3t"))
    refusal = desk.refusal()
    assert code in refusal.what
    assert "renew" in refusal.remedy
    assert refusal.__suppress_context__
    assert "s3cr3t" not in f"{refusal}{caplog.text}"


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing", "InvalidRequestException"), ("closed", "is disabled"), ("nowhere", "says no place for the results")],
)
def test_a_workgroup_that_cannot_be_used_is_explained(desk, monkeypatch, name, words):
    desk.aws.create_workgroup("nowhere", output=None, EnforceWorkGroupConfiguration=True)
    desk.aws.create_workgroup("closed", output=f"s3://{BUCKET}/results/")
    desk.aws.disable_workgroup("closed")
    refusal = desk.refusal(workgroup=name)
    assert isinstance(refusal, EngineError)
    assert words in refusal.what
    assert "ATHENA_WORKGROUP" in refusal.remedy
    assert desk.aws.queries == []


def test_results_go_into_the_lake_where_the_workgroup_says_nothing(desk):
    with desk.engine(workgroup="primary") as engine:
        assert engine.write(EDITIONS, [JAPAN], RUN)
    (place,) = desk.aws.result_locations
    assert place == f"s3://{BUCKET}/live/.tmp/athena/"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, DagsterExecutionInterruptedError])
def test_an_interrupt_stops_the_query(desk, interrupt):
    def be_interrupted(_):
        raise interrupt

    desk.aws.order_query(polls=3)
    with pytest.raises(interrupt), desk.engine(on_poll=be_interrupted) as engine:
        engine.write(EDITIONS, [JAPAN], RUN)
    ((_, state),) = desk.aws.queries
    assert state == "CANCELLED"
    assert desk.store.list_keys("analytics/") == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "snapshot_date",
            "nullif(snapshot_date, snapshot_date) as snapshot_date",
            "values are missing in snapshot_date",
        ),
        ("playlist", "nullif(playlist, playlist) as playlist", "values are missing in playlist"),
        ("playlist", "'other' as playlist", "playlist='other'"),
    ],
)
def test_rows_that_break_the_schema_are_refused(desk, old, new, words):
    columns = ", ".join(new if name == old else name for name in EDITIONS.table.column_names)
    statement = Statement(EDITIONS.table, f"select {columns} from ({EDITIONS.text}) as whole")  # noqa: S608
    refusal = desk.refusal(statement)
    assert isinstance(refusal, SchemaViolation)
    assert words in refusal.why


def test_a_key_that_several_rows_have_is_refused(desk):
    twice = Statement(EDITIONS.table, f"select * from ({EDITIONS.text}) union all select * from ({EDITIONS.text})")  # noqa: S608
    with desk.engine() as engine:
        written = engine.write(twice, [JAPAN], RUN)
        with pytest.raises(SchemaViolation, match="several rows have the same playlist, edition_date"):
            engine.ready(EDITIONS.table, written, RUN)


def test_files_of_another_type_than_the_schema_are_refused(desk, monkeypatch):
    later = tuple(replace(c, type="int64") if c.name == "chart_size" else c for c in EDITIONS.table.columns)
    monkeypatch.setattr(
        "spotify_assets.analytics.athena_engine.arrow_schema", lambda t: arrow_schema(replace(t, columns=later))
    )
    assert "chart_size int32" in desk.refusal().why


def test_the_engine_opens_from_aws_own_variables(desk, monkeypatch):
    monkeypatch.setattr("spotify_assets.analytics.athena_engine.POLL_SECONDS", 0)
    years = [Year(part.playlist, part.year) for part in desk.years]
    with open_athena_engine(desk.store, years, workgroup=WORKGROUP, database=DATABASE) as engine:
        assert engine.write(EDITIONS, [JAPAN], RUN)


def test_a_missing_region_is_explained(desk, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with (
        pytest.raises(EngineError, match="region"),
        open_athena_engine(desk.store, [], workgroup=WORKGROUP, database=DATABASE),
    ):
        pass

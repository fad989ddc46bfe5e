"""The stand-in for Athena: it answers what Athena answers, and refuses what Athena refuses."""

from __future__ import annotations

import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spotify_assets.catalog.glue_tables import register_compacted, register_table
from spotify_assets.schemas.table import Table, optional, required

# Each of them starts AWS anew, and so do the tests of the engine that need this stand-in, which are slow too.
pytestmark = pytest.mark.slow

BUCKET = "chart-lake"
DATABASE = "spotify_assets"
WORKGROUP = "charts"
DAYS = Table(
    "days",
    "Days.",
    ("day",),
    (required("day", "date", "Day"), optional("plays", "int32", "Plays"), optional("names", "list<string>", "Names")),
)
TYPES = pa.schema([("day", pa.date32()), ("plays", pa.int32()), ("names", pa.list_(pa.string()))])
FIRST = {"day": date(2025, 12, 31), "plays": 3, "names": ["a", "b"]}
SECOND = {"day": date(2026, 1, 1), "plays": None, "names": []}
UNLOAD = "UNLOAD ({query}) TO 's3://chart-lake/out/' WITH (format = 'PARQUET', compression = 'ZSTD'{more})"


class Console:
    """Somebody who asks Athena."""

    def __init__(self, aws):
        self.aws = aws
        self.athena = aws.client("athena")

    def put(self, key, rows, schema=TYPES):
        content = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema), content)
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.getvalue())
        return len(content.getvalue())

    def start(self, query, **others):
        request = {"QueryString": query, "QueryExecutionContext": {"Database": DATABASE}, "WorkGroup": WORKGROUP}
        return self.athena.start_query_execution(**{**request, **others})["QueryExecutionId"]

    def look(self, execution):
        return self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]

    def end(self, query, **others):
        execution = self.start(query, **others)
        seen = self.look(execution)
        while seen["Status"]["State"] in ("QUEUED", "RUNNING"):
            seen = self.look(execution)
        return seen

    def refusal(self, query):
        status = self.end(query)["Status"]
        assert status["State"] == "FAILED"
        return status["StateChangeReason"]

    def rows(self, query):
        seen = self.end(query)
        assert seen["Status"]["State"] == "SUCCEEDED", seen["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=seen["QueryExecutionId"])
        rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [tuple(cell.get("VarCharValue") for cell in row) for row in rows]

    def unload(self, query, more=""):
        return self.end(UNLOAD.format(query=query, more=more))

    def files(self, prefix="out/"):
        listed = self.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        bodies = {
            item["Key"]: self.aws.client("s3").get_object(Bucket=BUCKET, Key=item["Key"])["Body"] for item in listed
        }
        return {key: pq.read_table(io.BytesIO(body.read())) for key, body in bodies.items()}


@pytest.fixture
def console(aws):
    aws.create_bucket(BUCKET)
    aws.create_workgroup(WORKGROUP, output=f"s3://{BUCKET}/results/")
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    console = Console(aws)
    console.put("days/playlist=japan/year=2025/part-0.parquet", [FIRST])
    console.put("days/playlist=japan/year=2026/part-0.parquet", [SECOND])
    console.put("days/playlist=japan/year=2027/part-0.parquet", [SECOND])
    years = [("japan", 2025), ("japan", 2026)]
    register_compacted(glue, DATABASE, DAYS, f"s3://{BUCKET}/days/", years, parameters={})
    return console


def test_a_query_is_queued_then_runs_then_ends(console):
    execution = console.start("select 1 as one")
    states = [console.look(execution)["Status"]["State"] for _ in range(4)]
    assert states == ["QUEUED", "RUNNING", "SUCCEEDED", "SUCCEEDED"]


def test_registered_partitions_are_read_with_the_types_of_glue_and_no_others(console):
    assert console.rows("select day, plays, names, playlist, year + 1 as next from days order by day") == [
        ("day", "plays", "names", "playlist", "next"),
        ("2025-12-31", "3", "[a, b]", "japan", "2026"),
        ("2026-01-01", None, "[]", "japan", "2027"),
    ]


def test_columns_have_trinos_types(console):
    query = "select day, plays, sum(plays) over () as total, playlist, plays > 1 as many from days"
    execution = console.end(query)["QueryExecutionId"]
    result = console.athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["ResultSetMetadata"]
    assert [column["Type"] for column in result["ColumnInfo"]] == ["date", "integer", "bigint", "varchar", "boolean"]


def test_whole_numbers_are_divided_to_whole_numbers(console):
    assert console.rows("select 7 / 2 as a, -7 / 2 as b, plays / 2 as c from days where plays > 0")[1:] == [
        ("3", "-3", "1")
    ]


def test_results_come_in_pages(console):
    query = "select n from unnest(sequence(1, 2500)) as numbers (n) order by n"
    assert [row[0] for row in console.rows(query)[1:]] == [str(number) for number in range(1, 2501)]


def test_files_of_a_folder_without_partitions_are_read_at_any_depth(console, aws):
    console.put("flat/a/part-0.parquet", [FIRST])
    console.put("flat/b/c/no_ending", [SECOND])
    console.put("flat/_temporary/part-0.parquet", [SECOND])
    register_table(aws.client("glue"), DATABASE, "flat", DAYS, f"s3://{BUCKET}/flat/", parameters={})
    assert console.rows("select count(*) as days from flat") == [("days",), ("2",)]


def test_a_column_that_a_file_lacks_is_null(console, aws):
    console.put("flat/part-0.parquet", [{"day": date(2026, 1, 1)}], pa.schema([("day", pa.date32())]))
    register_table(aws.client("glue"), DATABASE, "flat", DAYS, f"s3://{BUCKET}/flat/", parameters={})
    assert console.rows("select plays, names from flat")[1:] == [(None, None)]


def test_scanned_bytes_are_those_of_the_files_read(console, aws):
    size = console.put("flat/part-0.parquet", [FIRST])
    register_table(aws.client("glue"), DATABASE, "flat", DAYS, f"s3://{BUCKET}/flat/", parameters={})
    assert console.end("select day from flat")["Statistics"]["DataScannedInBytes"] == size
    assert console.end("select 1 as one")["Statistics"]["DataScannedInBytes"] == 0


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELEKT nonsense", "SYNTAX_ERROR"),
        ("select day from days where day > '2026-01-01'", "day and text"),
        ("select playlist from days where year = '2026'", "number and text"),
        ("select nothing from days", "nothing"),
        ("select day from nowhere", "nowhere"),
        ("select plays + 1 as more from days where more > 1", "more"),
        ("select len(playlist) as n from days", "len"),
        ("select plays::double from days", "::"),
        ("select day, count(*) as n from days", "GROUP BY"),
        ("create table copy as select 1 as one", "it is no query"),
        ("select cast(playlist as integer) as n from days", "japan"),
        ("select 1 / 0 as n from days where plays / (year - year) > 0", ""),
    ],
)
def test_what_athena_refuses_is_refused(console, query, reason):
    assert reason in console.refusal(query)


def test_a_file_of_another_type_than_registered_is_bad_data(console, aws):
    console.put("flat/part-0.parquet", [{"plays": 1}], pa.schema([("plays", pa.int64())]))
    register_table(aws.client("glue"), DATABASE, "flat", DAYS, f"s3://{BUCKET}/flat/", parameters={})
    assert console.refusal("select plays from flat").startswith("HIVE_BAD_DATA: Field plays's type bigint")


def test_a_file_that_is_no_parquet_is_bad_data(console, aws):
    aws.client("s3").put_object(Bucket=BUCKET, Key="flat/part-0.parquet", Body=b"text")
    register_table(aws.client("glue"), DATABASE, "flat", DAYS, f"s3://{BUCKET}/flat/", parameters={})
    assert console.refusal("select plays from flat").startswith("HIVE_BAD_DATA")


def test_a_database_that_is_not_there_is_refused(console):
    status = console.end("select 1 as one", QueryExecutionContext={"Database": "other"})["Status"]
    assert status["StateChangeReason"].startswith("SCHEMA_NOT_FOUND")


def test_unload_writes_a_folder_of_parquet(console):
    seen = console.unload("select day, plays from days")
    assert seen["Status"]["State"] == "SUCCEEDED"
    files = console.files()
    assert not any(key.endswith(".parquet") for key in files)
    rows = pa.concat_tables(files.values())
    assert rows.schema.types == [pa.date32(), pa.int32()]
    assert {row["day"] for row in rows.to_pylist()} == {FIRST["day"], SECOND["day"]}
    assert console.athena.get_query_results(QueryExecutionId=seen["QueryExecutionId"])["ResultSet"]["Rows"] == []


def test_unload_puts_partition_columns_into_the_path(console):
    query = "select plays, playlist as of_playlist, year as of_year from days"
    console.unload(query, ", partitioned_by = ARRAY['of_playlist', 'of_year']")
    files = console.files()
    assert {key.rsplit("/", 1)[0] for key in files} == {
        "out/of_playlist=japan/of_year=2025",
        "out/of_playlist=japan/of_year=2026",
    }
    assert all(file.column_names == ["plays"] for file in files.values())


def test_a_null_has_a_partition_of_its_own(console):
    console.unload("select day, plays as of_plays from days", ", partitioned_by = ARRAY['of_plays']")
    assert {key.split("/")[1] for key in console.files()} == {"of_plays=3", "of_plays=__HIVE_DEFAULT_PARTITION__"}


@pytest.mark.parametrize(
    ("query", "more", "reason"),
    [
        ("select playlist, plays from days", ", partitioned_by = ARRAY['playlist']", "HIVE_COLUMN_ORDER_MISMATCH"),
        (
            "select 1 as one, n from unnest(sequence(1, 101)) as numbers (n)",
            ", partitioned_by = ARRAY['n']",
            "HIVE_TOO_MANY_OPEN_PARTITIONS",
        ),
        ("select plays::double as n from days", "", "SYNTAX_ERROR"),
    ],
)
def test_an_unload_that_athena_refuses_is_refused_and_writes_nothing(console, query, more, reason):
    assert console.unload(query, more)["Status"]["StateChangeReason"].startswith(reason)
    assert console.files() == {}


def test_a_hundred_partitions_are_not_too_many(console):
    query = "select 1 as one, n from unnest(sequence(1, 100)) as numbers (n)"
    assert console.unload(query, ", partitioned_by = ARRAY['n']")["Status"]["State"] == "SUCCEEDED"


def test_unload_into_a_folder_with_files_is_refused(console):
    console.unload("select day from days")
    assert "HIVE_PATH_ALREADY_EXISTS" in console.unload("select day from days")["Status"]["StateChangeReason"]


def test_unload_by_partition_into_a_folder_with_files_writes_again(console):
    for times in (1, 2):
        unloaded = console.unload("select day, 1 as n from days", ", partitioned_by = ARRAY['n']")
        assert unloaded["Status"]["State"] == "SUCCEEDED"
        assert len(console.files()) == 2 * times


def test_what_a_failed_unload_had_written_stays(console, aws):
    aws.order_query(error="INTERNAL_ERROR_QUERY_ENGINE")
    assert console.unload("select day from days")["Status"]["State"] == "FAILED"
    assert console.files()


def test_a_query_that_scans_too_much_is_cancelled(console, aws):
    aws.create_workgroup("narrow", output=f"s3://{BUCKET}/results/", BytesScannedCutoffPerQuery=10**7)
    aws.order_query(scans=10**7 + 1)
    status = console.end("select day from days", WorkGroup="narrow")["Status"]
    assert (status["State"], status["StateChangeReason"]) == (
        "CANCELLED",
        "Query cancelled! : Bytes scanned limit was exceeded",
    )
    assert console.end("select day from days", WorkGroup="narrow")["Status"]["State"] == "SUCCEEDED"


def test_a_running_query_can_be_stopped(console, aws):
    aws.order_query(polls=1000)
    execution = console.start("select 1 as one")
    console.look(execution)
    console.athena.stop_query_execution(QueryExecutionId=execution)
    assert console.look(execution)["Status"]["State"] == "CANCELLED"
    assert aws.queries == [("select 1 as one", "CANCELLED")]


def test_where_results_go_is_said_by_the_workgroup_or_the_query(console, aws):
    aws.create_workgroup("nowhere", output=None, EnforceWorkGroupConfiguration=True)
    aws.create_workgroup("anywhere", output=None, EnforceWorkGroupConfiguration=False)
    output = {"OutputLocation": f"s3://{BUCKET}/mine/"}
    location = console.end("select 1 as one", WorkGroup="anywhere", ResultConfiguration=output)["ResultConfiguration"]
    assert location["OutputLocation"].startswith(f"s3://{BUCKET}/mine/")
    location = console.end("select 1 as one", ResultConfiguration=output)["ResultConfiguration"]
    assert location["OutputLocation"].startswith(f"s3://{BUCKET}/results/")
    for others in ({"WorkGroup": "anywhere"}, {"WorkGroup": "nowhere", "ResultConfiguration": output}):
        with pytest.raises(console.athena.exceptions.InvalidRequestException, match="No output location provided"):
            console.start("select 1 as one", **others)


def test_a_workgroup_that_is_not_there_is_refused(console):
    with pytest.raises(console.athena.exceptions.InvalidRequestException, match="WorkGroup other is not found"):
        console.start("select 1 as one", WorkGroup="other")
    with pytest.raises(console.athena.exceptions.InvalidRequestException, match="WorkGroup other is not found"):
        console.athena.get_work_group(WorkGroup="other")


def test_a_query_goes_as_ordered(console, aws):
    aws.order_query(refusal=("TooManyRequestsException", "too many"))
    aws.order_query(error="INTERNAL_ERROR_QUERY_ENGINE")
    with pytest.raises(console.athena.exceptions.TooManyRequestsException):
        console.start("select 1 as one")
    assert console.refusal("select 1 as one") == "INTERNAL_ERROR_QUERY_ENGINE"
    assert console.rows("select 1 as one") == [("one",), ("1",)]

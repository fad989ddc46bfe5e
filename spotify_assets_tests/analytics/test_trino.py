"""All SQL on a real Trino, on which Athena is built, beside DuckDB: over the tables of the catalog code, row by row.

`make test-trino` runs these; what is compared, and how, is in `trino_lake`.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from spotify_assets.partitions import today_in_japan
from spotify_assets.settings.playlists import PlaylistSettings
from spotify_assets.sources.demo.demo_source import DemoSource
from spotify_assets.storage.layout import REPORT_INDEX_KEY, year_key
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.analyse import write_history, write_identity
from spotify_assets_tests.helpers.chart_history import write_history as write_made_up_history
from spotify_assets_tests.helpers.cloudformation import deploy_lake
from spotify_assets_tests.helpers.command_line import run_command
from spotify_assets_tests.helpers.dialect_answers import ANSWERS, WINDOWS
from spotify_assets_tests.helpers.little_charts import History, by, day, histories, little_chart, together
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.helpers.publisher import truncate
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.helpers.trino_lake import TrinoLake
from spotify_assets_tests.helpers.trino_server import Trino, trino_server
from spotify_assets_tests.helpers.whole_chart import history_of, history_of_file
from spotify_assets_tests.stand_ins.aws import AwsStandIn
from spotify_assets_tests.stand_ins.hive import HiveError

pytestmark = [pytest.mark.trino, pytest.mark.slow]

BUCKET = "chart-lake"
DATABASE = "spotify_assets"
TWO = {"playlist": "japan", "other_playlist": "world"}
LISTED = ("a b c", "a b d", "b a d", "b a", "c b a", "c b a", "b c a", "a b", "a b c", "a d b", "d a b", "d a c")
STREAMS = {(3, 1): {"streams": 500}, (4, 1): {"streams": 700}, (9, 1): {"streams": 600}}
FILES = {
    "japan": "anxods_jp_top50_daily_2023-05_2024-11.csv.gz",
    "japan_200": "anelas_jp_top200_daily_2026.csv.gz",
    "japan_2019": "tanay_jp_top100_daily_2019H1.csv.gz",
    "world": "tanay_us_top100_daily_2019H1.csv.gz",
}


@pytest.fixture(scope="module")
def server():
    with trino_server() as url:
        yield url


@contextmanager
def open_lake(server, compared):
    """An empty lake, which a Trino reads."""
    with AwsStandIn() as aws, mock.patch.dict("os.environ", aws.environment()):
        aws.create_bucket(BUCKET)
        aws.create_crawler("crawler", DATABASE, f"s3://{BUCKET}/live")
        with Trino(server, aws.endpoint_url, DATABASE) as trino:
            yield TrinoLake(aws, trino, S3ObjectStore(aws.client("s3"), BUCKET, "live"), compared)


@pytest.fixture
def lake(server, compared):
    with open_lake(server, compared) as opened:
        yield opened


def fill(lake, history):
    years = write_history(lake.store, history.chart_days, history.chart_entries)
    write_identity(lake.store, years, history.aliases)


def compare(lake, *asked):
    """Compare everything that is made of a compacted history; the saved queries are asked for each of `asked`."""
    lake.register()
    written = lake.analyse()
    lake.compare_unloads(written)
    lake.compare_texts(written)
    for values in asked:
        lake.compare_queries(written, **values)


def test_hand_made_charts(lake):
    same = {"duration_ms": 180_000, **by("artist-p")}
    renamed = {"old": same | {"song_name": "雨"}, "new": same | {"song_name": "Rain, again"}}
    days = {number: "a b" if number % 2 else "b a" for number in range(1, 21)}
    kinds = {"cadence": "weekly", "source": "spotify"}
    charts = together(
        little_chart(dict(enumerate(LISTED, 1)), {"d": by("artist-d", "artist-a")}, STREAMS, playlist="japan"),
        little_chart({1: "old - a a", 2: "new b a - c"}, renamed, playlist="doubtful"),
        little_chart({1: "a b", 7: "b a", 14: "a - b", 22: "c a", 60: "a"}, cadence="weekly", playlist="world"),
        little_chart(days, {"a": by(), "b": {"song_name": None}}, playlist="fetched", **kinds),
        little_chart({1: "a b c", 2: "a b c", 32: "c a b", 33: "c a b"}, playlist="months"),
    )
    fill(lake, charts._replace(aliases=(("id-old", "id-new", None),)))
    compare(lake, {}, {**TWO, "song": "id-a"}, {**TWO, "song": "Song d", "first_day": day(3), "last_day": day(9)})


def test_a_made_up_history(lake):
    write_made_up_history(lake.store, {"japan": "daily", "world": "weekly"})
    compare(lake, {}, {**TWO, "song": "id1"})


@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(histories(), min_size=5, max_size=5))
def test_random_charts(server, compared, drawn):
    charts = together(*(named(history, f"number_{number}") for number, history in enumerate(drawn)))
    assume(len(charts.chart_entries) > 250)  # the first that is drawn is the smallest
    playlist, *_, other = sorted(set(charts.chart_days["playlist"]))
    with open_lake(server, compared) as lake:
        fill(lake, charts._replace(aliases=drawn[0].aliases))
        compare(lake, {}, {"playlist": playlist, "other_playlist": other, "song": "id-1"})


def named(history, prefix):
    """The same playlists by other names."""
    renamed = (frame.assign(playlist=prefix + "_" + frame["playlist"].astype(object)) for frame in history[:2])
    return History(*renamed)


def test_a_year_of_the_demo(lake):
    playlist = PlaylistSettings(slug="japan", title="Demo", cadence="daily", source="demo")
    last = today_in_japan()
    days = [last - timedelta(number) for number in reversed(range(365))]
    fill(lake, history_of([DemoSource().fetch(playlist, day, None, may_retry=False) for day in days]))
    compare(lake, {})


def test_every_table_that_a_publish_run_leaves_in_glue(lake, instance):
    environment = {"SPOTIFY_ASSETS_LAKE": lake.store.uri("").rstrip("/"), "GLUE_CRAWLER": "crawler"}
    last = today_in_japan()
    with Platform(environment, instance) as platform:
        assert platform.run_daily(last - timedelta(29), last).success
        assert platform.publish({"ops": {"catalog": {"config": {"poll_seconds": 0.01}}}}).success
    lake.compare_tables()


def test_from_a_secret_to_the_report_under_the_names_of_the_templates(server, compared, instance, tmp_path, whole):
    with AwsStandIn() as aws, mock.patch.dict("os.environ", aws.environment()):
        deployed = deploy_lake(aws, crawls=1)
        bucket, _, prefix = deployed["SPOTIFY_ASSETS_LAKE"].removeprefix("s3://").partition("/")
        store = S3ObjectStore(aws.client("s3"), bucket, prefix)
        with Trino(server, aws.endpoint_url, deployed["GLUE_DATABASE"]) as trino:
            lake = TrinoLake(aws, trino, store, compared)
            result = run_command(tmp_path, instance, "daily", **deployed, SPOTIFY_ASSETS_ENGINE="athena")
            assert result.output.splitlines()[-1] == "daily: released; 2 runs", result.output
            lake.compare_tables()
        assert store.read(REPORT_INDEX_KEY)


@requires_real_data
def test_real_chart_files(lake):
    folder = REAL_DATA / "charts"
    fill(lake, together(*(history_of_file(folder / name, playlist) for playlist, name in FILES.items())))
    compare(lake, {}, {**TWO, "song": "アイドル"})


def test_a_row_that_was_changed_is_noticed(lake):
    fill(lake, little_chart(dict(enumerate(LISTED, 1)), playlist="japan"))
    lake.register()
    written = lake.analyse()
    ((key,),) = written["song_history"].values()
    rows = pq.read_table(io.BytesIO(lake.store.read(key)))
    points = pa.array([rows["points"][0].as_py() + 1, *rows["points"][1:].to_pylist()], rows["points"].type)
    sink = io.BytesIO()
    pq.write_table(rows.set_column(rows.column_names.index("points"), "points", points), sink)
    lake.store.write(key, sink.getvalue())
    with pytest.raises(AssertionError, match="row 0 of song_history"):
        lake.compare_texts(written)


def test_a_damaged_file_is_noticed(lake):
    fill(lake, little_chart(dict(enumerate(LISTED, 1)), playlist="japan"))
    lake.register()
    truncate(lake.store, year_key("chart_entries", "japan", 2026))
    with pytest.raises(HiveError, match=r"HIVE_BAD_DATA|HIVE_CANNOT_OPEN_SPLIT"):
        lake.trino.ask("SELECT * FROM chart_entries")


def test_the_functions_of_the_dialect_answer_as_on_duckdb(lake):
    columns = ", ".join(f"{expression} as answer_{number}" for number, expression in enumerate(ANSWERS))
    everything = f"select {columns} from (values (1, 'a'), (2, 'a'), (3, 'b')) as t (n, letter)"  # noqa: S608
    with duckdb.connect() as connection:
        connection.execute("SET integer_division = true")
        for query in (everything, WINDOWS):
            expected = connection.execute(sqlglot.transpile(query, read="athena", write="duckdb")[0]).fetchall()
            assert lake.trino.ask(query).rows == expected

"""The pack as a whole: what a publish run renews, what the command writes, and the same in a bucket with Athena."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pyathena.connection import Connection

from spotify_assets.bi import pack
from spotify_assets.bi.pack import update_pack, write_pack
from spotify_assets.cli.main import main
from spotify_assets.schemas.star import FACTS, STAR, joins
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import (
    BI_PREFIX,
    BI_TEXTS_KEY,
    powerbi_key,
    star_csv_key,
    star_key,
    star_prefix,
    tableau_key,
)
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.star_lake import DAYS, TITLES, StarLake

pytestmark = pytest.mark.slow

EXPRESSIONS = powerbi_key("spotify_charts.SemanticModel/definition/expressions.tmdl")
PAGE = powerbi_key("spotify_charts.Report/definition/pages/today/page.json")
BUCKET = "charts"
WORKGROUP = "people"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = StarLake(tmp_path_factory.mktemp("pack"), DAYS[:2])
    update_pack(lake.settings, lake.store)
    return lake


def parameter(store, name):
    return re.search(rf'expression {name} = "(.*)" meta', store.read(EXPRESSIONS).decode())[1]


def test_a_publish_run_writes_the_star_and_the_projects(lake):
    keys = lake.store.list_keys(BI_PREFIX)
    assert {star_key(name) for name in STAR} <= set(keys)
    assert {PAGE, EXPRESSIONS, tableau_key("spotify_charts.twb")} <= set(keys)
    assert not [key for key in keys if key.endswith((".csv", ".hyper", ".twbx", ".tds"))]
    assert parameter(lake.store, "SourceKind") == "Folder"
    assert parameter(lake.store, "StarFolder") == lake.store.uri(star_prefix()).rstrip("/")


def test_the_folder_of_the_project_has_a_file_of_each_table(lake):
    """Power Query looks there for `<table>.parquet`."""
    found = sorted(path.name for path in Path(lake.store.uri(star_prefix())).rglob("*") if path.is_file())
    assert found == sorted(f"{name}.parquet" for name in STAR)


def test_projects_are_written_only_where_they_would_be_others(lake, monkeypatch):
    """What somebody changed in a project stays until this package makes it anew; what it makes no more goes."""
    lake.store.write(PAGE, b"changed by somebody")
    update_pack(lake.settings, lake.store)
    assert lake.store.read(PAGE) == b"changed by somebody"
    older = powerbi_key("spotify_charts.Report/definition/pages/older/page.json")
    texts = pack.pack_texts(lake.settings, lake.store, athena=False)
    with monkeypatch.context() as patch:
        patch.setattr(pack, "pack_texts", lambda *_, **__: texts | {older: b"{}"})
        update_pack(lake.settings, lake.store)
        assert lake.store.read(older) == b"{}"
    update_pack(lake.settings, lake.store)
    assert older not in lake.store.list_keys(BI_PREFIX)
    assert json.loads(lake.store.read(PAGE))["displayName"] == "Today"


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"digest": 1, "keys": null}'])
def test_a_damaged_record_of_what_was_written_has_all_written_again(lake, record):
    lake.store.write(BI_TEXTS_KEY, record)
    lake.store.write(PAGE, b"damaged as well")
    update_pack(lake.settings, lake.store)
    assert json.loads(lake.store.read(PAGE))["displayName"] == "Today"


def test_the_command_writes_everything_to_a_folder(lake, tmp_path, monkeypatch):
    pytest.importorskip("pantab")
    for name, value in lake.environment.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["bi", "--out", str(tmp_path / "out"), "--hyper"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    out = LocalObjectStore(tmp_path / "out")
    printed = result.output.splitlines()
    expected = [
        *(star_key(name) for name in STAR),
        *(star_csv_key(name) for name in STAR),
        tableau_key("Data/Extracts/spotify_charts.hyper"),
        *map(tableau_key, ("spotify_charts.twbx", "spotify_charts.twb")),
        *map(powerbi_key, ("spotify_charts.pbip", "spotify_charts.pbids")),
    ]
    assert sorted(printed) == sorted(map(out.uri, expected))
    assert set(expected) < set(out.list_keys(BI_PREFIX))
    assert parameter(out, "StarFolder") == str(tmp_path / "out/bi/star")
    with zipfile.ZipFile(io.BytesIO(out.read(tableau_key("spotify_charts.twbx")))) as packed:
        assert packed.read("spotify_charts.twb") == out.read(tableau_key("spotify_charts.twb"))
    assert set(pq.read_table(io.BytesIO(out.read(star_key("dim_song"))))["song_name"].to_pylist()) <= set(TITLES)


def test_without_pantab_the_command_does_without_the_extract(lake, tmp_path, monkeypatch):
    for name, value in lake.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("spotify_assets.bi.tableau.extract.can_write_extracts", lambda: False)
    out = str(tmp_path / "out")
    result = CliRunner().invoke(main, ["bi", "--out", out])
    assert (result.exit_code, "pantab is not installed" in result.output) == (0, True)
    refused = CliRunner().invoke(main, ["bi", "--out", out, "--hyper"])
    assert refused.exit_code == 1
    assert "make extra NAME=tableau" in refused.output


def test_a_folder_that_cannot_be_made_is_refused_by_its_name(lake, tmp_path, monkeypatch):
    for name, value in lake.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file").write_bytes(b"")
    refused = CliRunner().invoke(main, ["bi", "--out", str(tmp_path / "file/below")])
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"The folder {tmp_path}/file/below cannot be written.")
    assert "give --out a folder" in refused.stderr


def test_nothing_released_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SPOTIFY_ASSETS_LAKE", str(tmp_path / "lake"))
    result = CliRunner().invoke(main, ["bi"])
    assert result.exit_code == 1
    assert result.output.startswith("There are no analyses in ")
    assert not (tmp_path / "lake/bi").exists()


class Cloud:
    """The same lake, but for its pack, in a bucket, in Glue, and asked through Athena."""

    def __init__(self, aws, lake):
        aws.create_bucket(BUCKET)
        aws.create_workgroup(WORKGROUP, output=f"s3://{BUCKET}/results/")
        aws.client("glue").create_database(DatabaseInput={"Name": "people_charts"})
        self.store = S3ObjectStore(aws.client("s3"), BUCKET, "live")
        for key in lake.store.list_keys(""):
            if not key.startswith(BI_PREFIX):
                self.store.write(key, lake.store.read(key))
        in_glue = {"GLUE_CRAWLER": "crawler", "GLUE_DATABASE": "people_charts"}
        self.settings = load_settings(
            lake.environment | in_glue | {"SPOTIFY_ASSETS_LAKE": self.store.uri("").rstrip("/")}
        )
        self.tables = lambda: aws.client("glue").get_tables(DatabaseName="people_charts")["TableList"]

    def ask(self, sql):
        with Connection(
            work_group=WORKGROUP, schema_name="people_charts", s3_staging_dir="", poll_interval=0
        ) as athena:
            return athena.cursor().execute(sql).fetchall()


@pytest.mark.slow
def test_the_same_pack_in_a_bucket_reads_athena(aws, lake):
    cloud = Cloud(aws, lake)
    store = cloud.store
    update_pack(cloud.settings, store)
    assert parameter(store, "SourceKind") == "Athena"
    assert parameter(store, "AthenaDatabase") == "people_charts"
    locations = {table["Name"]: table["StorageDescriptor"]["Location"] for table in cloud.tables()}
    assert locations == {name: store.uri(star_prefix(name)) for name in STAR}
    for name, table in STAR.items():
        rows = pq.read_table(io.BytesIO(store.read(star_key(name))))
        columns = ", ".join(f"count({column})" for column in table.column_names)
        assert cloud.ask(f"SELECT {columns} FROM {name}") == [
            tuple(len(rows) - rows[column].null_count for column in table.column_names)
        ]
    for fact in FACTS.values():
        joined = " ".join(
            f"JOIN {join.dimension.name} ON {fact.name}.{join.column} = {join.dimension.name}.{join.dimension.key[0]}"
            for join in joins(fact)
        )
        assert cloud.ask(f"SELECT count(*) FROM {fact.name} {joined}") == cloud.ask(f"SELECT count(*) FROM {fact.name}")
    source = store.read(tableau_key("Chart entries in Athena.tds")).decode()
    assert 'schema="people_charts"' in source


@pytest.mark.slow
def test_the_pack_of_a_bucket_can_be_written_to_a_folder(aws, lake, tmp_path):
    """As a folder has it, the projects read the files beside them."""
    cloud = Cloud(aws, lake)
    out = LocalObjectStore(tmp_path / "out")
    write_pack(cloud.settings, cloud.store, out, athena=False, hyper=False)
    assert parameter(out, "SourceKind") == "Folder"
    assert parameter(out, "StarFolder") == str(tmp_path / "out/bi/star")
    assert cloud.tables() == []
    write_pack(cloud.settings, cloud.store, out, athena=True, hyper=False)
    assert parameter(out, "SourceKind") == "Athena"

"""Answers with a good status that AWS has not given, over a way on which they are put in the place of its own."""

from __future__ import annotations

import pytest

from spotify_assets.catalog.glue_comparison import read_tables
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.errors import CatalogUnavailable, StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.storage.s3_lake import S3Lake
from spotify_assets_tests.stand_ins.bad_way import BadWay, Spoiled

pytestmark = pytest.mark.slow

PAGE = Spoiled("answer", headers={"Content-Type": "text/html"}, body=b"<html>Sign in</html>")
WELL_FORMED = Spoiled("answer", body=b"<sign><in/></sign>")
NOTHING = Spoiled("answer")
BROKEN_OFF = Spoiled("cut")
OTHER_JSON = Spoiled("answer", body=b'{"sign": "in"}')
DEEP_JSON = Spoiled("answer", body=b"[" * 100_000)
WHAT_CAN_BE_DONE = {
    "listed": lambda store: store.list_keys(""),
    "read": lambda store: store.read("there"),
    "written": lambda store: store.write("new", b"new"),
    "copied": lambda store: store.copy("there", "new"),
    "removed": lambda store: store.delete_all(["there"]),
}


@pytest.fixture
def way(aws, monkeypatch):
    aws.create_bucket("lake")
    aws.client("s3").put_object(Bucket="lake", Key="there", Body=b"some bytes")
    aws.client("glue").create_database(DatabaseInput={"Name": "charts"})
    with BadWay(aws.endpoint_url) as bad:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bad.url)
        yield bad


@pytest.fixture
def store(way):
    lake = S3Lake(bucket="lake", prefix="")
    yield lake.store()
    lake.teardown_after_execution(None)


@pytest.mark.parametrize("doing", WHAT_CAN_BE_DONE)
def test_aws_is_believed(store, doing):
    WHAT_CAN_BE_DONE[doing](store)
    assert store.list_keys("") == {"removed": [], "written": ["new", "there"], "copied": ["new", "there"]}.get(
        doing, ["there"]
    )


@pytest.mark.parametrize("answer", [PAGE, WELL_FORMED, NOTHING, BROKEN_OFF], ids=["page", "XML", "nothing", "half"])
@pytest.mark.parametrize("doing", WHAT_CAN_BE_DONE)
def test_an_object_is_neither_seen_nor_stored_by_an_answer_of_somebody_else(store, way, doing, answer):
    way.spoil(answer)
    with pytest.raises(StorageError, match=f"cannot be {doing}"):
        WHAT_CAN_BE_DONE[doing](store)


@pytest.mark.parametrize("answer", [PAGE, BROKEN_OFF, OTHER_JSON, DEEP_JSON], ids=["page", "half", "JSON", "deep"])
def test_a_table_of_glue_is_not_missed_by_an_answer_of_somebody_else(way, answer):
    with open_client() as glue:
        assert read_tables(glue, "charts", TABLES) == {}
        way.spoil(answer)
        with pytest.raises(CatalogUnavailable, match=r"Glue could not be asked[\s\S]+What to do"):
            read_tables(glue, "charts", TABLES)

"""Answers that AWS has not given, or that do not end, over a way on which they are put in the place of its own."""

from __future__ import annotations

import pytest

from spotify_assets.aws import answers
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
OBJECT = {"ETag": '"an-object"'}
DRIP = Spoiled("drip", headers=OBJECT)
WITHOUT_END = Spoiled("large", headers=OBJECT)
SLOW, LARGE = "was not complete after", "has more than 1 MB"
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


@pytest.fixture
def bounds(monkeypatch):
    for name, bound in (("LONGEST_ANSWER", 0.2), ("LARGEST_ANSWER", 2**20), ("LARGEST_OBJECT", 2**20)):
        monkeypatch.setattr(answers, name, bound)


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


@pytest.mark.parametrize("doing", WHAT_CAN_BE_DONE)
def test_of_an_error_that_is_nested_too_deep_its_status_counts(store, way, doing):
    way.spoil(Spoiled("answer", status=400, body=b"<a>" * 5000 + b"</a>" * 5000))
    with pytest.raises(StorageError, match=rf"cannot be {doing}[\s\S]+400"):
        WHAT_CAN_BE_DONE[doing](store)
    assert len(way.lines) == 1
    way.spoil(Spoiled("answer", status=503, times=1, body=b"<a>" * 5000 + b"</a>" * 5000))
    WHAT_CAN_BE_DONE[doing](store)
    assert len(way.lines) == 2  # it was tried again


def test_of_an_error_of_glue_that_is_nested_too_deep_its_status_counts(way):
    way.spoil(Spoiled("answer", status=400, body=DEEP_JSON.body))
    with open_client() as glue, pytest.raises(CatalogUnavailable, match=r"400[\s\S]+What to do"):
        read_tables(glue, "charts", TABLES)


@pytest.mark.parametrize(("answer", "reason"), [(DRIP, SLOW), (WITHOUT_END, LARGE)], ids=["drip", "large"])
@pytest.mark.parametrize("doing", WHAT_CAN_BE_DONE)
def test_no_answer_about_an_object_is_read_without_end(store, way, bounds, doing, answer, reason):
    way.spoil(answer)
    with pytest.raises(StorageError, match=rf"cannot be {doing}[\s\S]+{reason}"):
        WHAT_CAN_BE_DONE[doing](store)
    assert len(way.lines) == 1
    assert way.outlasted == []


@pytest.mark.parametrize(("answer", "reason"), [(DRIP, SLOW), (WITHOUT_END, LARGE)], ids=["drip", "large"])
def test_no_answer_of_glue_is_read_without_end(way, bounds, answer, reason):
    way.spoil(answer)
    with open_client() as glue, pytest.raises(CatalogUnavailable, match=rf"[\s\S]+{reason}[\s\S]+What to do"):
        read_tables(glue, "charts", TABLES)


def test_an_object_may_take_the_longer_the_larger_it_is(store, monkeypatch):
    monkeypatch.setattr(answers, "LONGEST_ANSWER", 0)
    monkeypatch.setattr(answers, "SLOWEST_OBJECT", 0.1)
    assert store.read("there") == b"some bytes"
    with pytest.raises(StorageError, match=SLOW):
        store.list_keys("")

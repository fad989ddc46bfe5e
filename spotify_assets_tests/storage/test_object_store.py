"""The contract of an object store, on a folder and on a bucket: whole objects, sorted keys, refusals that explain."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spotify_assets.errors import StorageError
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_all, write_all
from spotify_assets.storage.s3_object_store import S3ObjectStore

KEY = "songs/playlist=a/snapshot_date=2026-11-22/part-0.parquet"
WRITER = """
import itertools, sys
from spotify_assets.storage.object_store import LocalObjectStore
store = LocalObjectStore(sys.argv[1])
for number in itertools.count():
    store.write(sys.argv[2], bytes([number % 256]) * int(sys.argv[3]))
    print(number, flush=True)
"""
SIZE_OF_A_VERSION = 4_000_000


@pytest.fixture(params=["folder", "bucket", "prefix of a bucket"])
def store(request: pytest.FixtureRequest, lake_folder: Path) -> ObjectStore:
    if request.param == "folder":
        return LocalObjectStore(lake_folder)
    aws = request.getfixturevalue("aws")
    aws.create_bucket("lake")
    return S3ObjectStore(aws.client("s3"), "lake", "" if request.param == "bucket" else "charts/live")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestContract:
    @pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", "夜明け".encode()])
    def test_what_was_written_is_read(self, store, data):
        store.write(KEY, data)
        assert store.read(KEY) == data

    def test_a_file_is_written_from_where_it_stands_and_opened_to_be_sought(self, store, tmp_path):
        (tmp_path / "original").write_bytes(b"header" + bytes(range(256)) * 1000)
        with (tmp_path / "original").open("rb") as original:
            original.seek(len(b"header"))
            store.write(KEY, original)
        with store.open(KEY) as opened:
            assert opened.read() == bytes(range(256)) * 1000
            opened.seek(254)
            assert opened.read(4) == b"\xfe\xff\x00\x01"

    def test_a_version_stands_for_one_content(self, store):
        versions = []
        for data in (b"one", b"two", b"three"):
            store.write(KEY, data)
            versions += [stored.version for _ in range(2) for stored in store.list_objects("songs/")]
        assert versions[0::2] == versions[1::2]
        assert len(set(versions)) == 3

    def test_an_object_is_replaced_whole(self, store):
        store.write(KEY, b"a long old object")
        store.write(KEY, b"new")
        assert store.read(KEY) == b"new"
        assert store.list_keys("songs/") == [KEY]

    def test_keys_are_listed_sorted_and_only_those_below_the_prefix(self, store):
        keys = [f"songs/playlist=a/snapshot_date=2026-11-{day}/part-0.parquet" for day in (22, 10, 21)]
        for key in (*keys, "albums/x", "songs_old/x", "songs/playlist=ab/x"):
            store.write(key, b"")
        assert store.list_keys("songs/playlist=a/") == sorted(keys)
        assert store.list_keys("songs/") == [*sorted(keys), "songs/playlist=ab/x"]

    def test_nothing_below_a_prefix_is_an_empty_list(self, store):
        assert store.list_keys("songs/") == []

    @pytest.mark.parametrize("act", ["read", "open"])
    def test_a_missing_object_is_named_with_what_to_do(self, store, act):
        with pytest.raises(StorageError) as caught:
            getattr(store, act)(KEY)
        assert caught.value.what == f"{store.uri(KEY)} does not exist."
        assert "materialize the partition" in caught.value.remedy

    def test_an_address_ends_with_the_key(self, store):
        assert store.uri(KEY).endswith(f"/{KEY}")

    def test_many_objects_are_read_in_the_order_asked_for(self, store):
        objects = {f"songs/{number:02d}": str(number).encode() for number in range(20)}
        write_all(store, objects)
        assert read_all(store, reversed(objects)) == list(reversed(objects.values()))

    def test_reading_many_names_the_missing_one(self, store):
        store.write("songs/1", b"")
        with pytest.raises(StorageError, match="songs/2 does not exist"):
            read_all(store, ["songs/1", "songs/2"])

    def test_more_than_a_page_of_keys_is_listed_whole(self, store, monkeypatch):
        keys = [f"songs/{number:02d}" for number in range(25)]
        write_all(store, dict.fromkeys(keys, b""))
        if isinstance(store, S3ObjectStore):
            _serve_small_pages(monkeypatch, store)
        assert store.list_keys("songs/") == keys


def _serve_small_pages(monkeypatch: pytest.MonkeyPatch, store: S3ObjectStore) -> None:
    client = store._client
    ask = client.list_objects_v2
    monkeypatch.setattr(client, "list_objects_v2", lambda **request: ask(**request, MaxKeys=10))


class TestBucket:
    @pytest.mark.parametrize(
        ("act", "done"),
        [
            (lambda store: store.read(KEY), "read"),
            (lambda store: store.open(KEY), "read"),
            (lambda store: store.write(KEY, b""), "written"),
            (lambda store: store.list_keys("songs/"), "listed"),
        ],
    )
    def test_a_bucket_that_is_not_there_is_refused_by_name(self, aws, act: Callable[[ObjectStore], object], done):
        with pytest.raises(StorageError) as caught:
            act(S3ObjectStore(aws.client("s3"), "no-such-bucket", "live"))
        assert caught.value.what.startswith("s3://no-such-bucket/live/songs/")
        assert caught.value.what.endswith(f"cannot be {done}.")
        assert "NoSuchBucket" in caught.value.why

    def test_a_browser_may_show_a_page_of_a_bucket(self, aws):
        aws.create_bucket("lake")
        store = S3ObjectStore(aws.client("s3"), "lake", "live")
        store.write("report/index.html", b"page")
        store.write(KEY, b"rows")
        types = [aws.client("s3").head_object(Bucket="lake", Key=f"live/{key}") for key in ("report/index.html", KEY)]
        assert [head["ContentType"] for head in types] == ["text/html", "application/octet-stream"]

    def test_keys_lie_below_the_prefix(self, aws):
        aws.create_bucket("lake")
        store = S3ObjectStore(aws.client("s3"), "lake", "charts/live")
        store.write(KEY, b"rows")
        [stored] = aws.client("s3").list_objects_v2(Bucket="lake")["Contents"]
        assert stored["Key"] == f"charts/live/{KEY}"
        assert store.uri(KEY) == f"s3://lake/charts/live/{KEY}"


class TestFolder:
    def test_permissions_do_not_change_the_version(self, lake_folder):
        store = LocalObjectStore(lake_folder)
        store.write("a/b", b"content")
        before = [stored.version for stored in store.list_objects("a/")]
        (lake_folder / "a" / "b").chmod(0o600)
        assert [stored.version for stored in store.list_objects("a/")] == before

    def test_reading_makes_no_folder(self, lake_folder):
        store = LocalObjectStore(lake_folder)
        store.list_keys("songs/")
        with pytest.raises(StorageError):
            store.read(KEY)
        assert not lake_folder.exists()

    @pytest.mark.parametrize(
        ("act", "done"),
        [
            (lambda store: store.read(KEY), "read"),
            (lambda store: store.open(KEY), "read"),
            (lambda store: store.write(KEY, b""), "written"),
            (lambda store: store.list_keys("songs/"), "listed"),
        ],
    )
    def test_a_lake_that_is_a_file_is_refused_by_name(self, lake_folder, act: Callable[[ObjectStore], object], done):
        lake_folder.write_text("not a folder")
        with pytest.raises(StorageError) as caught:
            act(LocalObjectStore(lake_folder))
        assert caught.value.what.startswith(f"{lake_folder}/songs")
        assert caught.value.what.endswith(f"cannot be {done}.")
        assert caught.value.why == "Not a directory"

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
    def test_a_folder_without_permission_is_refused(self, lake_folder):
        lake_folder.mkdir(mode=0o500)
        with pytest.raises(StorageError, match="Permission denied"):
            LocalObjectStore(lake_folder).write(KEY, b"")

    def test_a_full_disk_leaves_the_old_object_and_no_rest(self, lake_folder, monkeypatch):
        store = LocalObjectStore(lake_folder)
        store.write(KEY, b"old")
        monkeypatch.setattr(os, "fsync", _no_space)
        with pytest.raises(StorageError, match="No space left on device") as caught:
            store.write(KEY, b"new")
        assert "check free space" in caught.value.remedy
        assert store.read(KEY) == b"old"
        assert files_in(lake_folder) == [lake_folder / KEY]

    def test_what_was_being_written_is_never_listed_under_a_table(self, lake_folder, monkeypatch):
        store = LocalObjectStore(lake_folder)
        listed = []
        synchronise = os.fsync
        monkeypatch.setattr(os, "fsync", lambda file: (listed.extend(store.list_keys("songs/")), synchronise(file)))
        store.write(KEY, b"rows")
        assert listed == []
        assert len(files_in(lake_folder)) == 1

    def test_bytes_are_on_the_disk_before_the_object_has_its_name(self, lake_folder, monkeypatch):
        steps = []
        synchronise, rename = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", lambda file: (steps.append("fsync"), synchronise(file)))
        monkeypatch.setattr(Path, "replace", lambda path, target: (steps.append("rename"), rename(path, target)))
        LocalObjectStore(lake_folder).write(KEY, b"rows")
        assert steps == ["fsync", "rename"]

    def test_a_writer_killed_at_any_moment_leaves_a_whole_object(self, lake_folder):
        store = LocalObjectStore(lake_folder)
        moments = random.Random(7)  # noqa: S311 - which write is interrupted, no secret
        for _ in range(6):
            command = [sys.executable, "-c", WRITER, str(lake_folder), KEY, str(SIZE_OF_A_VERSION)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
                for _ in range(moments.randint(1, 6)):
                    assert writer.stdout.readline()
                    assert_one_version(store.read(KEY))
                writer.send_signal(signal.SIGKILL)
            assert writer.returncode == -signal.SIGKILL
            assert_one_version(store.read(KEY))
            assert store.list_keys("songs/") == [KEY]
        store.write(KEY, b"after all of them")
        assert store.read(KEY) == b"after all of them"


def assert_one_version(data: bytes) -> None:
    assert len(data) == SIZE_OF_A_VERSION
    assert data == data[:1] * SIZE_OF_A_VERSION


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")

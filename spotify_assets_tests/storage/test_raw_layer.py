"""The raw layer: as received, append-only, deterministic; and what it says of files that it cannot use."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.errors import StorageError
from spotify_assets.snapshot import CatalogObject, PlaylistSnapshot
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_format import MOST_BYTES, content_digest, decode, encode
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets.transforms.values import payload_digest
from spotify_assets_tests.helpers.fuzzing import assert_whole, bytes_of_tables, damaged, nearly
from spotify_assets_tests.helpers.make_snapshot import ANY_TEXT, DAY, SLUG, any_json, examples, make_snapshot
from spotify_assets_tests.stand_ins.spotify import make_album, make_artist, make_entries, make_id

OLD, NEW = make_entries(2), make_entries(2, first=10)
FETCHED = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = f"raw_playlist/playlist={SLUG}"
KEY = f"{FOLDER}/snapshot_date={DAY}/20261122T120000.000000Z.jsonl.gz"
OBJECTS = st.dictionaries(ANY_TEXT, any_json(allow_nan=False), max_size=2)
CATALOG_OBJECTS = st.dictionaries(
    ANY_TEXT, st.builds(CatalogObject, OBJECTS, carried_from=st.none() | st.dates()), max_size=2
)
SNAPSHOTS = st.builds(
    make_snapshot,
    st.lists(any_json(allow_nan=False), max_size=3),
    day=st.dates(),
    fetched_at=st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zone given beside
    albums=CATALOG_OBJECTS,
    artists=CATALOG_OBJECTS,
    playlist=OBJECTS,
    playlist_id=st.none() | ANY_TEXT,
    playlist_snapshot_id=st.none() | ANY_TEXT,
    api_shape=st.none() | st.sampled_from(["track", "item", "both"]),
    quota_mode=st.none() | st.sampled_from(["extended", "development"]),
    language=st.none() | ANY_TEXT,
    renewed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    chart_date=st.none() | st.dates(),
    chart_size=st.none() | st.integers(0, 200),
    notes=st.lists(ANY_TEXT, max_size=2).map(tuple),
)


@pytest.fixture
def store(lake_folder: Path) -> LocalObjectStore:
    return LocalObjectStore(lake_folder)


@pytest.fixture
def layer(store: LocalObjectStore) -> RawLayer:
    return RawLayer(store)


def encoded(snapshot: PlaylistSnapshot) -> bytes:
    return encode(snapshot, content_digest(snapshot))


def records_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(data).decode().splitlines()]


def with_records(change: Callable[[list[Any]], object]) -> bytes:
    """A raw file with its records changed."""
    records = records_of(encoded(make_snapshot(OLD)))
    change(records)
    return gzip.compress("".join(f"{json.dumps(record)}\n" for record in records).encode())


class TestBytes:
    @settings(max_examples=examples(30))
    @given(SNAPSHOTS)
    def test_what_was_encoded_is_decoded_as_received(self, snapshot):
        assert decode(encoded(snapshot), "here") == snapshot

    @settings(max_examples=examples(30))
    @given(SNAPSHOTS)
    def test_the_same_snapshot_gives_the_same_bytes(self, snapshot):
        assert encoded(decode(encoded(snapshot), "here")) == encoded(snapshot)

    def test_the_zone_in_which_the_moment_is_told_does_not_matter(self):
        japan = FETCHED.astimezone(timezone(timedelta(hours=9)))
        assert encoded(make_snapshot(OLD, fetched_at=japan)) == encoded(make_snapshot(OLD, fetched_at=FETCHED))

    def test_it_is_json_lines_with_a_header_first(self):
        snapshot = make_snapshot(
            [*OLD, None],
            albums={make_id("album", 1): CatalogObject(make_album(1))},
            artists={make_id("artist", 1): CatalogObject(make_artist(1), carried_from=date(2026, 11, 1))},
        )
        header, *records = records_of(encoded(snapshot))
        assert [header[name] for name in ("record", "format", "slug", "snapshot_date", "entries")] == [
            "header",
            1,
            SLUG,
            "2026-11-22",
            3,
        ]
        assert records == [
            {"record": "entry", "position": 1, "payload": OLD[0]},
            {"record": "entry", "position": 2, "payload": OLD[1]},
            {"record": "entry", "position": 3, "payload": None},
            {"record": "album", "id": make_id("album", 1), "carried_from": None, "payload": make_album(1)},
            {"record": "artist", "id": make_id("artist", 1), "carried_from": "2026-11-01", "payload": make_artist(1)},
        ]

    def test_it_does_not_say_when_it_was_compressed(self):
        moment_in_header = encoded(make_snapshot(OLD))[4:8]
        assert moment_in_header == bytes(4)

    def test_japanese_is_readable_in_the_file(self):
        assert "夜明け" in gzip.decompress(encoded(make_snapshot([{"name": "夜明け"}]))).decode()

    @settings(max_examples=examples(30))
    @given(any_json(allow_nan=False))
    def test_a_reject_is_found_again_by_its_digest(self, payload):
        [entry] = decode(encoded(make_snapshot([payload])), "here").entries
        assert payload_digest(entry.payload) == payload_digest(payload)


RAW_FILE = encoded(
    make_snapshot(
        make_entries(2),
        albums={make_id("album", 1): CatalogObject(make_album(1))},
        artists={make_id("artist", 1): CatalogObject(make_artist(1), carried_from=date(2026, 11, 1))},
        playlist={"name": "A Chart"},
        notes=("a note",),
    )
)


@pytest.mark.slow
class TestDamage:
    """Read as whole days, or refused, and nothing else."""

    def assert_whole_or_refused(self, data):
        try:
            snapshot = decode(data, "here")
        except StorageError:
            return
        assert_whole(snapshot)
        assert bytes_of_tables(decode(encoded(snapshot), "here")) == bytes_of_tables(snapshot)

    @given(damaged(RAW_FILE))
    def test_of_packed_bytes(self, data):
        self.assert_whole_or_refused(data)

    @given(damaged(gzip.decompress(RAW_FILE)))
    def test_of_unpacked_bytes(self, data):
        self.assert_whole_or_refused(gzip.compress(data, mtime=0))

    @given(nearly(records_of(RAW_FILE)))
    def test_of_records(self, records):
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        self.assert_whole_or_refused(gzip.compress(lines.encode(errors="surrogatepass"), mtime=0))


class TestAppending:
    def test_a_snapshot_lies_under_its_playlist_day_and_moment(self, layer, store):
        [stored] = layer.append(SLUG, [make_snapshot(OLD)])
        assert store.list_keys("raw_playlist/") == [KEY]
        assert (stored.uri, stored.added) == (store.uri(KEY), True)

    def test_the_same_content_fetched_again_adds_no_file(self, layer, store):
        layer.append(SLUG, [make_snapshot(OLD)])
        before = store.read(KEY)
        later = make_snapshot(OLD, fetched_at=FETCHED + timedelta(hours=1), notes=("enrichment stopped",))
        [stored] = layer.append(SLUG, [later])
        assert (stored.uri, stored.added) == (store.uri(KEY), False)
        assert store.list_keys("raw_playlist/") == [KEY]
        assert store.read(KEY) == before

    @pytest.mark.parametrize(
        "changes",
        [
            {"albums": {"a": CatalogObject({"label": "x"})}},
            {"artists": {"a": CatalogObject({"genres": []})}},
            {"playlist_snapshot_id": "next"},
        ],
    )
    def test_an_object_or_a_version_more_is_other_content(self, layer, store, changes):
        layer.append(SLUG, [make_snapshot(OLD)])
        [stored] = layer.append(SLUG, [make_snapshot(OLD, fetched_at=FETCHED + timedelta(hours=1), **changes)])
        assert stored.added

    def test_other_content_adds_a_file_and_the_latest_counts(self, layer, store):
        first = make_snapshot(OLD)
        second = make_snapshot(NEW, fetched_at=FETCHED + timedelta(microseconds=1))
        for snapshot in (first, second):
            layer.append(SLUG, [snapshot])
        assert len(store.list_keys("raw_playlist/")) == 2
        assert decode(store.read(KEY), KEY) == first
        assert layer.read_days(SLUG, [DAY]) == [second]

    def test_content_that_comes_back_counts_again(self, layer):
        for hours, content in enumerate([OLD, NEW, OLD]):
            layer.append(SLUG, [make_snapshot(content, fetched_at=FETCHED + timedelta(hours=hours))])
        [snapshot] = layer.read_days(SLUG, [DAY])
        assert snapshot == make_snapshot(OLD, fetched_at=FETCHED + timedelta(hours=2))

    @pytest.mark.parametrize("earlier", [timedelta(0), timedelta(seconds=1)])
    def test_other_content_that_is_no_newer_is_refused(self, layer, store, earlier):
        layer.append(SLUG, [make_snapshot(OLD, source="archive")])
        before = store.read(KEY)
        with pytest.raises(StorageError, match="append-only"):
            layer.append(SLUG, [make_snapshot(NEW, source="archive", fetched_at=FETCHED - earlier)])
        assert store.list_keys("raw_playlist/") == [KEY]
        assert store.read(KEY) == before

    @pytest.mark.parametrize("earlier", [timedelta(0), timedelta(hours=1)])
    def test_a_list_that_was_fetched_after_the_clock_was_set_back_counts(self, layer, store, earlier):
        """A list of Spotify's is of this moment and cannot be had again."""
        layer.append(SLUG, [make_snapshot(OLD)])
        before = store.read(KEY)
        for _ in range(2):
            layer.append(SLUG, [make_snapshot(NEW, fetched_at=FETCHED - earlier)])
        [found] = layer.read_days(SLUG, [DAY])
        assert [entry.payload for entry in found.entries] == NEW
        assert found.fetched_at == FETCHED + timedelta(microseconds=1)
        assert str(FETCHED - earlier)[:10] in found.notes[-1]
        assert len(store.list_keys("raw_playlist/")) == 2
        assert store.read(KEY) == before

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"source": "demo"}, "this would come from source demo"),
            ({"playlist_id": "37i9dQZEVXbKXQ4mDTEBXq"}, "playlist 37i9dQZEVXbKXQ4mDTEBXq"),
        ],
    )
    def test_another_origin_under_the_same_slug_is_refused(self, layer, store, changes, named):
        layer.append(SLUG, [make_snapshot(OLD)])
        with pytest.raises(StorageError) as caught:
            layer.append(SLUG, [make_snapshot(NEW, date(2026, 11, 23), **changes)])
        assert "source spotify, playlist 3cEYpjA9oz9GiPac4AsH4n" in caught.value.why
        assert named in caught.value.why
        assert "another slug" in caught.value.remedy
        assert store.list_keys("raw_playlist/") == [KEY]

    def test_a_refused_snapshot_keeps_those_beside_it_out_too(self, layer, store):
        layer.append(SLUG, [make_snapshot(OLD)])
        good = make_snapshot(NEW, date(2026, 11, 23))
        with pytest.raises(StorageError):
            layer.append(SLUG, [good, replace(good, snapshot_date=date(2026, 11, 24), playlist_id="another")])
        assert store.list_keys("raw_playlist/") == [KEY]

    def test_other_playlists_are_other_histories(self, layer):
        layer.append(SLUG, [make_snapshot(OLD)])
        layer.append("chart_2", [make_snapshot(NEW, slug="chart_2", playlist_id="another")])
        assert [snapshot.slug for snapshot in layer.read_days(SLUG, [DAY])] == [SLUG]
        assert list(layer.latest_keys(SLUG).values()) == [KEY]

    def test_a_damaged_file_stays_and_costs_no_later_fetch(self, layer, store):
        store.write(KEY, b"damaged")
        later = make_snapshot(NEW, fetched_at=FETCHED + timedelta(hours=1))
        layer.append(SLUG, [later])
        assert store.read(KEY) == b"damaged"
        assert layer.read_days(SLUG, [DAY]) == [later]

    def test_a_damaged_file_does_not_hide_another_origin(self, layer, store):
        layer.append(SLUG, [make_snapshot(OLD)])
        next_day = make_snapshot(NEW, date(2026, 11, 23))
        store.write(KEY.replace(str(DAY), "2026-11-23"), b"damaged")
        with pytest.raises(StorageError, match="would mix two charts"):
            layer.append(SLUG, [replace(next_day, playlist_id="another")])

    def test_a_bucket_holds_the_same_bytes_under_the_same_keys(self, layer, store, aws):
        aws.create_bucket("lake")
        bucket = S3ObjectStore(aws.client("s3"), "lake", "live")
        for raw_layer in (layer, RawLayer(bucket)):
            raw_layer.append(SLUG, [make_snapshot(OLD), make_snapshot(NEW, date(2026, 11, 23))])
        keys = store.list_keys("raw_playlist/")
        assert bucket.list_keys("raw_playlist/") == keys
        assert [bucket.read(key) for key in keys] == [store.read(key) for key in keys]


class TestReading:
    DAYS = tuple(date(2026, 11, day) for day in (20, 21, 22))

    @pytest.fixture
    def snapshots(self, layer: RawLayer) -> list[PlaylistSnapshot]:
        snapshots = [make_snapshot(make_entries(1, first=day.day), day) for day in self.DAYS]
        layer.append(SLUG, snapshots)
        return snapshots

    def test_days_come_in_the_order_asked_for(self, layer, snapshots):
        assert layer.read_days(SLUG, reversed(self.DAYS)) == list(reversed(snapshots))

    @pytest.mark.parametrize(("day", "number"), [(20, 0), (21, 1), (23, 2), (19, 2)])
    def test_the_nearest_is_the_days_own_or_the_last_before_it_or_the_newest(self, layer, snapshots, day, number):
        late_fetch_of_an_old_day = replace(snapshots[1], fetched_at=FETCHED + timedelta(days=9), entries=())
        layer.append(SLUG, [late_fetch_of_an_old_day])
        expected = [snapshots[0], late_fetch_of_an_old_day, snapshots[2]][number]
        assert layer.read_nearest(layer.files(SLUG), date(2026, 11, day)) == expected

    def test_an_empty_layer_has_no_nearest(self, layer):
        assert layer.read_nearest(layer.files(SLUG), DAY) is None

    @pytest.mark.parametrize(
        ("day", "key"),
        [(date(2026, 11, 19), KEY.replace(str(DAY), "2026-11-19")), (DAY, KEY.replace("T120000", "T130000"))],
    )
    def test_a_file_that_lies_in_the_place_of_another_is_named(self, layer, store, snapshots, day, key):
        store.write(key, store.read(KEY))
        with pytest.raises(StorageError) as caught:
            layer.read_days(SLUG, [day])
        assert "its header says that it is the fetch of 2026-11-22T12:00:00+00:00 for 2026-11-22" in caught.value.why

    def test_a_playlist_whose_folder_was_renamed_is_read(self, layer, store, snapshots):
        store.write(KEY.replace(SLUG, "renamed"), store.read(KEY))
        assert layer.read_days("renamed", [DAY]) == [snapshots[-1]]

    def test_the_nearest_passes_over_damaged_files(self, layer, store, snapshots):
        keys = layer.latest_keys(SLUG)
        for day in self.DAYS[1:]:
            store.write(keys[day], b"damaged")
        assert layer.read_nearest(layer.files(SLUG), DAY) == snapshots[0]

    def test_files_that_are_not_raw_files_do_not_count(self, layer, store, snapshots):
        store.write(f"{FOLDER}/snapshot_date=2026-02-30/20270101T000000.000000Z.jsonl.gz", b"")
        for name in ("README.md", "20270101T000000.000000Z.jsonl.gz.bak", ".20270101T000000.000000Z.jsonl.gz"):
            store.write(f"{FOLDER}/snapshot_date={DAY}/{name}", b"")
        assert layer.read_days(SLUG, [DAY]) == snapshots[-1:]

    def test_all_missing_and_all_broken_days_are_named_at_once(self, layer, store, snapshots):
        keys = layer.latest_keys(SLUG)
        for day in self.DAYS[:2]:
            store.write(keys[day], store.read(keys[day])[:-9])
        with pytest.raises(StorageError) as caught:
            layer.read_days(SLUG, [date(2026, 11, 19), *self.DAYS, date(2026, 11, 23)])
        days = "2026-11-19, 2026-11-20, 2026-11-21, 2026-11-23"
        assert caught.value.what == f"4 of 5 days of chart have no usable raw snapshot: {days}."
        assert "nothing is stored for 2026-11-19, 2026-11-23" in caught.value.why
        assert [store.uri(keys[day]) in caught.value.why for day in self.DAYS] == [True, True, False]


class TestUnusableFiles:
    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "does not begin with a header"),
            (b"plain text", "Not a gzipped file"),
            (encoded(make_snapshot(OLD))[:-20], "ended before the end-of-stream"),
            (encoded(make_snapshot(OLD)) + b"more", "Not a gzipped file"),
            (gzip.compress(b"\xff\xfe", mtime=0), "codec can't decode"),
            (gzip.compress(b'{"record": "header"', mtime=0), "delimiter"),
            (gzip.compress(b"[1, 2]\n", mtime=0), "does not begin with a header"),
            (gzip.compress(b"[" * 100_000, mtime=0), "recursion"),
            (gzip.compress(bytes(MOST_BYTES + 1), mtime=0), "unpacked it has more than 128,000,000 bytes"),
            (with_records(lambda records: records.pop(0)), "does not begin with a header"),
            (with_records(lambda records: records.pop()), "other numbers of records"),
            (with_records(lambda records: records[2].update(position=3)), "positions do not run from 1"),
            (with_records(lambda records: records.reverse() or records.insert(0, records.pop())), "positions"),
            (with_records(lambda records: records[1].pop("payload")), "'payload'"),
            (with_records(lambda records: records.append(None)), "not as expected"),
            (with_records(lambda records: records[0].pop("slug")), "'slug'"),
            (with_records(lambda records: records[0].pop("albums")), "its header lacks albums"),
            (with_records(lambda records: records[0].update(snapshot_date="22.11.2026")), "22.11.2026"),
            (with_records(lambda records: records[0].update(language=["ja"])), "values of another type: language"),
            (with_records(lambda records: records[0].update(source="\ud800")), "surrogates not allowed"),
            (with_records(lambda records: records[0].update(fetched_at="9999-12-31T23:59:59-23:59")), "OverflowError"),
        ],
    )
    def test_a_damaged_file_is_named_with_what_is_wrong(self, data, why):
        with pytest.raises(StorageError) as caught:
            decode(data, "s3://lake/day.jsonl.gz")
        assert caught.value.what == "s3://lake/day.jsonl.gz is damaged."
        assert why in caught.value.why
        assert "restore it" in caught.value.remedy

    @pytest.mark.parametrize("offset", range(12, 400, 40))
    def test_no_flipped_byte_goes_unnoticed(self, offset):
        data = bytearray(encoded(make_snapshot(OLD)))
        data[offset] ^= 0x55
        with pytest.raises(StorageError, match="is damaged"):
            decode(bytes(data), "here")

    @pytest.mark.parametrize("version", [0, 2, None])
    def test_another_format_is_named_as_such(self, version):
        data = with_records(lambda records: records[0].update(format=version))
        with pytest.raises(StorageError) as caught:
            decode(data, "here")
        assert caught.value.what == f"here has raw format {version}."
        assert "knows format 1" in caught.value.why

    @pytest.mark.parametrize("field", ["content_sha256", "source", "playlist_id"])
    def test_a_stored_header_without_its_origin_or_digest_is_damaged(self, layer, store, field):
        store.write(KEY, with_records(lambda records: records[0].pop(field)))
        with pytest.raises(StorageError, match="is damaged") as caught:
            layer.read_days(SLUG, [DAY])
        assert field in caught.value.why

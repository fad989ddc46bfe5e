"""Reading everything: what is damaged is named with what mends it, and nothing else is."""

import pytest

from spotify_assets.analytics.released_tables import open_released_tables
from spotify_assets.analytics.releases import read_release
from spotify_assets.analytics.verification import find_damage
from spotify_assets.errors import Damaged
from spotify_assets.storage.layout import partition_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import CHARTS, DAYS, Publisher, entry, flip_a_bit

IN_DERIVED = ["chart_days/playlist=one/year=2026/part-0.parquet", "song_identity/part-0.parquet"]


@pytest.fixture
def store(tmp_path) -> LocalObjectStore:
    publisher = Publisher(LocalObjectStore(tmp_path / "lake"))
    RawLayer(publisher.store).append("one", [make_snapshot(map(entry, "ab"), day, slug="one") for day in CHARTS])
    publisher.write("one", CHARTS)
    publisher.publish()
    return publisher.store


@pytest.mark.slow
def test_each_damaged_object_is_named_with_its_remedy(store):
    assert list(find_damage(store)) == []
    raw = store.list_keys("raw_playlist/")[0]
    store.write(raw, store.read(raw)[:-9])
    day = partition_key("songs", "one", DAYS[0])
    (spells,) = read_release(store).keys("song_spells")
    derived = [*IN_DERIVED, spells]
    for key in (day, *derived):
        flip_a_bit(store, key)
    found = list(find_damage(store))
    assert [key for key in (raw, day, *derived) if not any(store.uri(key) in refusal.what for refusal in found)] == []
    assert len(found) == len(derived) + 2
    assert f"spotify-assets rebuild one {DAYS[0]} {DAYS[0]}" in found[1].remedy
    assert all("publish_job" in refusal.remedy for refusal in found[2:])


@pytest.mark.slow
def test_what_is_gone_is_named_with_what_mends_it(store):
    (raw,) = store.list_keys(f"raw_playlist/playlist=one/snapshot_date={DAYS[0]}/")
    day = partition_key("songs", "one", DAYS[1])
    gone = {
        raw: "restore it from a backup",
        day: f"spotify-assets rebuild one {DAYS[1]} {DAYS[1]}",
        "song_identity/part-0.parquet": "publish_job",
        "analytics/release.json": "publish_job",
    }
    for key in gone:
        store.delete(key)
    found = list(find_damage(store))
    assert len(found) == len(gone)
    for (key, remedy), refusal in zip(gone.items(), found, strict=True):
        named = key.rpartition("/")[0] if key == raw else key
        assert store.uri(named) in refusal.what
        assert remedy in refusal.remedy


@pytest.mark.slow
def test_a_flipped_bit_of_a_released_part_is_refused_to_readers(store):
    (spells,) = read_release(store).keys("song_spells")
    flip_a_bit(store, spells)
    with open_released_tables(store, "500MB") as released, pytest.raises(Damaged) as caught:
        released.show(["song_spells"])
    assert store.uri(spells) in caught.value.what
    assert "publish_job" in caught.value.remedy

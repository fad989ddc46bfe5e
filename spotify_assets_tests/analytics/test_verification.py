"""Reading everything: what is damaged is named with what mends it, and nothing else is."""

from datetime import date

import pytest

from spotify_assets.analytics.releases import read_release
from spotify_assets.analytics.verification import find_damage
from spotify_assets.storage.layout import partition_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import CHARTS, DAYS, Publisher, entry, flip_a_bit

IN_DERIVED = ["chart_days/playlist=one/year=2026/part-0.parquet", "song_identity/part-0.parquet"]


@pytest.fixture
def store(tmp_path) -> LocalObjectStore:
    publisher = Publisher(LocalObjectStore(tmp_path / "lake"))
    RawLayer(publisher.store).append("one", [make_snapshot(map(entry, "ab"), date(2026, 1, 1), slug="one")])
    publisher.write("one", CHARTS)
    publisher.publish()
    return publisher.store


@pytest.mark.slow
def test_each_damaged_object_is_named_with_its_remedy(store):
    assert list(find_damage(store)) == []
    (raw,) = store.list_keys("raw_playlist/")
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

"""What a publish run asks of a bucket: that which is new, however long the history."""

from collections import Counter
from datetime import date, timedelta

import pytest

from spotify_assets.analytics.publishing import release_into_catalog
from spotify_assets.settings import load_settings
from spotify_assets.storage.daily_files import list_daily_files
from spotify_assets.storage.layout import PREPARED_KEY, RELEASE_KEY
from spotify_assets.storage.s3_object_store import S3ObjectStore
from spotify_assets_tests.helpers.publisher import Publisher

pytestmark = pytest.mark.slow

MOST = 120


def requests_for_a_new_day(aws, bucket: str, days: int) -> Counter[str]:
    """The requests of a publish run after one new day, by operation."""
    aws.create_bucket(bucket)
    client = aws.client("s3")
    publisher = Publisher(S3ObjectStore(client, bucket, "live"))
    settings = load_settings({"SPOTIFY_ASSETS_LAKE": f"s3://{bucket}/live"})

    def publish() -> None:
        publisher.publish()
        publisher.store.copy(RELEASE_KEY, PREPARED_KEY)
        release_into_catalog(settings, publisher.store, list_daily_files(publisher.store))

    first = date(2025, 3, 1)
    publisher.write("one", {first + timedelta(days=number): "abc" for number in range(days)})
    publish()
    publisher.write("one", {first + timedelta(days=days): "bcd"})
    counted: Counter[str] = Counter()

    def count(event_name: str, **_: object) -> None:
        counted.update([event_name.rpartition(".")[2]])

    client.meta.events.register("before-send.s3", count)
    publish()
    client.meta.events.unregister("before-send.s3", count)
    return counted


def test_requests_do_not_grow_with_the_history(aws):
    few, many = requests_for_a_new_day(aws, "few", 2), requests_for_a_new_day(aws, "many", 6)
    assert few == many
    assert 20 < many.total() <= MOST, many

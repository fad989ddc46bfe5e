"""A clock that was far ahead when sensors looked: when it is right again, what comes then is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spotify_assets.alerts.edition_message import edition_about
from spotify_assets.alerts.message import Message
from spotify_assets.alerts.sent_messages import SentMessages
from spotify_assets.partitions import today_in_japan
from spotify_assets.sensors.landing_watermark import Watermark
from spotify_assets.storage.object_store import LocalObjectStore, StoredObject

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AHEAD = NOW + timedelta(days=400)


class Target:
    digest = "digest"


def landed(name, at):
    return StoredObject(name, at + timedelta(microseconds=5), "version", 1)


def test_a_look_of_a_clock_that_was_ahead_is_forgotten():
    cursor = Watermark().after([landed("a", AHEAD)], [], AHEAD).cursor()
    assert Watermark.of(cursor, NOW).is_new(landed("b", NOW - timedelta(seconds=10)))
    assert not Watermark.of(cursor, AHEAD).is_new(landed("a", AHEAD))


def test_a_file_with_a_time_to_come_hides_no_other_and_is_looked_at_once():
    future = landed("a", AHEAD)
    watermark = Watermark.of(Watermark().after([future], [], NOW).cursor(), NOW)
    assert not watermark.is_new(future)
    assert watermark.is_new(landed("b", NOW + timedelta(seconds=10)))


def test_a_message_of_an_edition_to_come_holds_back_none_of_today(tmp_path):
    sent = SentMessages(LocalObjectStore(tmp_path))
    today = today_in_japan()
    for day in (today + timedelta(days=400), today - timedelta(days=1)):
        sent.record(Target(), Message(edition_about("chart", day), "title", "text"))
    assert sent.lacks(Target(), Message(edition_about("chart", today), "title", "text"))
    assert not sent.lacks(Target(), Message(edition_about("chart", today - timedelta(days=2)), "title", "text"))

"""What people are told: each edition once, each failure once, nothing of old days, and no address in any output."""

from __future__ import annotations

import itertools
import shutil
from datetime import UTC, datetime, timedelta

import apprise
import dagster as dg
import pytest
from click.testing import CliRunner

from spotify_assets.alerts.message import Message
from spotify_assets.alerts.sender import deliver
from spotify_assets.alerts.sent_messages import SentMessages, send
from spotify_assets.alerts.targets import targets
from spotify_assets.cli.main import main
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import Damaged, SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import PUBLISH_JOB
from spotify_assets.sensors.movement_alerts import build_movement_alerts, edition_messages, failure_messages
from spotify_assets.settings import load_settings
from spotify_assets.storage.lake import LocalLake
from spotify_assets.storage.layout import SENT_MESSAGES_KEY
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.publisher import Publisher, entry
from spotify_assets_tests.stand_ins.bad_way import BadWay, Spoiled
from spotify_assets_tests.stand_ins.chat_service import SECRET, ChatService

pytestmark = pytest.mark.slow

SLUG = "moving"
TODAY = today_in_japan()
YESTERDAY = TODAY - timedelta(days=1)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def chat():
    with ChatService() as service:
        yield service


@pytest.fixture
def environment(tmp_path, chat):
    (tmp_path / "playlists.yaml").write_text(
        f"start: 2020-01-01\nplaylists:\n  - {{slug: {SLUG}, title: A moving chart, source: demo}}\n", encoding="utf-8"
    )
    (tmp_path / "home").mkdir()
    return {
        "DAGSTER_HOME": str(tmp_path / "home"),
        "SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake"),
        "SPOTIFY_ASSETS_PLAYLISTS": str(tmp_path / "playlists.yaml"),
        "SPOTIFY_ASSETS_ALERT_URLS": chat.address,
    }


@pytest.fixture
def publisher(tmp_path):
    return Publisher(LocalObjectStore(tmp_path / "lake"))


@pytest.fixture
def tick(environment, instance, tmp_path):
    """Evaluates the sensor, as the daemon would, and gives what it records."""
    settings = load_settings(environment)
    sensor = build_movement_alerts(settings)
    cursors = [None]

    def evaluate():
        with dg.build_sensor_context(
            instance, cursor=cursors[-1], resources={"lake": LocalLake(folder=str(tmp_path / "lake"))}
        ) as context:
            evaluated = sensor.evaluate_tick(context)
        cursors.append(evaluated.cursor)
        return evaluated.skip_message

    return evaluate


def store_list(publisher, day):
    """A list of a day, so that it is not late."""
    RawLayer(publisher.store).append(SLUG, [make_snapshot([entry("a")], day, slug=SLUG, source="demo")])


def chart(day):
    """The list of a day: yesterday one song has left and another has come, today one climbs to the top."""
    listed = list(LETTERS[:14])
    if day >= YESTERDAY:
        listed.remove("d")
        listed.append("z")
    if day == TODAY:
        listed.remove("n")
        listed.insert(0, "n")
    return listed


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A lake with thirty-two days of one list, up to the day before yesterday."""
    folder = tmp_path_factory.mktemp("published")
    publisher = Publisher(LocalObjectStore(folder / "lake"))
    publisher.write(SLUG, {TODAY - timedelta(days=days): chart(TODAY - timedelta(days=days)) for days in range(2, 34)})
    publisher.publish()
    return folder / "lake"


@pytest.fixture(scope="module")
def published_today(published, tmp_path_factory):
    """That lake with today's list, which was published after it: yesterday's is missing."""
    lake = shutil.copytree(published, tmp_path_factory.mktemp("today") / "lake")
    publisher = Publisher(LocalObjectStore(lake))
    publisher.runs = iter(["run-of-today"])
    publisher.write(SLUG, {TODAY: chart(TODAY)})
    publisher.publish()
    return lake


@pytest.fixture
def history(published, publisher, tmp_path):
    """A copy of that lake, whose next runs have names of their own."""
    shutil.copytree(published, tmp_path / "lake")
    publisher.runs = (f"run-to-come-{number}" for number in itertools.count())


@pytest.fixture
def today(published_today, publisher, tmp_path):
    """A copy of the lake with today's list, whose day is not late."""
    shutil.copytree(published_today, tmp_path / "lake")
    publisher.runs = (f"run-to-come-{number}" for number in itertools.count())
    store_list(publisher, TODAY)


class TestEditions:
    @pytest.mark.usefixtures("history")
    def test_each_is_told_once(self, publisher, environment, chat, tick):
        store_list(publisher, TODAY)
        assert tick() == "There is nothing new to tell."
        for day in (YESTERDAY, TODAY):
            publisher.write(SLUG, {day: chart(day)})
            publisher.publish()
            assert "took it" in tick()
            assert tick() == "There is nothing new to tell."
        assert chat.messages == [
            (f"A moving chart, {YESTERDAY}", "New: z (The z) at 14\nGone: d (The d) after 32 days in a row"),
            (f"A moving chart, {TODAY}", "New number one: n (The n)\nUp: n (The n) from 13 to 1"),
        ]

    @pytest.mark.usefixtures("today")
    def test_a_rebuilt_edition_and_a_backfill_of_old_days_are_not_told(self, publisher, environment, chat, tick):
        tick()
        assert len(chat.messages) == 1
        assert f"Compared with {TODAY - timedelta(days=2)}: what is between is missing." in chat.messages[0][1]
        publisher.write(SLUG, {TODAY: chart(TODAY), TODAY - timedelta(days=100): list("xy")})
        publisher.publish()
        tick()
        publisher.write_nothing(SLUG, TODAY)
        publisher.publish()
        tick()
        assert len(chat.messages) == 1

    @pytest.mark.usefixtures("today")
    def test_what_no_service_took_is_told_again_to_that_one(self, publisher, environment, chat, instance, tmp_path):
        with ChatService() as broken:
            broken.status = 500
            both = environment | {"SPOTIFY_ASSETS_ALERT_URLS": f"{chat.address} {broken.address}"}
            run = CliRunner(env=both).invoke
            first = run(main, ["alerts"])
            assert first.exit_code == 1
            assert "target 1 (JSON) took it" in first.stdout
            assert "target 2 (JSON) did not take it" in first.stderr
            broken.status = 200
            second = run(main, ["alerts"])
            assert (second.exit_code, second.stdout.count("took it")) == (0, 1)
            assert run(main, ["alerts"]).stdout == "There is nothing new to tell.\n"
            assert len(chat.messages) == len(broken.messages) == 1
            assert SECRET not in first.output + second.output
        assert SECRET.encode() not in publisher.store.read(SENT_MESSAGES_KEY)

    @pytest.mark.usefixtures("today")
    def test_a_dry_run_prints_and_sends_nothing(self, publisher, environment, chat):
        printed = CliRunner(env=environment).invoke(main, ["alerts", "--dry-run"])
        assert printed.stdout.startswith(f"A moving chart, {TODAY}\nNew number one: n (The n)\n")
        assert chat.messages == []
        assert not (publisher.store.list_keys("alerts/"))

    @pytest.mark.usefixtures("today")
    def test_editions_of_last_year_are_no_news(self, publisher, environment):
        settings = load_settings(environment)
        now = datetime.now(UTC)
        assert len(list(edition_messages(settings, publisher.store, now))) == 1
        assert list(edition_messages(settings, publisher.store, now + timedelta(days=8))) == []

    @pytest.mark.usefixtures("history")
    def test_texts_are_short_whatever_songs_are_called(self, publisher, environment):
        songs = [{"track": {"name": letter * 20_000, "artists": [{"name": "A" * 20_000}]}} for letter in LETTERS]
        publisher.write(SLUG, {YESTERDAY: chart(YESTERDAY)})
        publisher.write_snapshots(SLUG, [make_snapshot(songs, TODAY, slug=SLUG, source="demo")])
        publisher.publish()
        (message,) = edition_messages(load_settings(environment), publisher.store, datetime.now(UTC))
        assert len(message.title) < 100
        assert len(message.text) < 1000
        assert "and 23 more" in message.text


class TestFailures:
    def test_a_day_that_did_not_come_is_told_at_noon_in_japan(self, publisher, environment, instance):
        settings = load_settings(environment)
        midnight = datetime(2026, 11, 24, 15, tzinfo=UTC)

        def told(hours):
            return [
                about
                for about, _, _ in failure_messages(
                    settings, publisher.store, instance, midnight + timedelta(hours=hours)
                )
            ]

        assert told(11.9) == []
        assert told(12) == told(23.9) == ["late/moving/2026-11-25"]
        day = (midnight + timedelta(hours=9)).date()
        store_list(publisher, day)
        assert told(23.9) == []

    def test_a_publish_run_that_gave_up_is_told_once(self, publisher, environment, instance, chat, tick):
        store_list(publisher, TODAY)
        definitions = build_definitions(load_settings(environment))
        failed = definitions.resolve_job_def(PUBLISH_JOB).execute_in_process(
            instance=instance,
            raise_on_error=False,
            # Nothing is prepared, so there is nothing to release.
            asset_selection=[dg.AssetKey(["release"])],
        )
        assert not failed.success
        tick()
        assert "There is nothing new to tell." in tick()
        assert [title for title, _ in chat.messages] == ["A publish run gave up"]
        assert failed.run_id in chat.messages[0][1]

    def test_a_consent_of_150_days_is_told(self, publisher, environment, instance):
        def told(days):
            since = {"SPOTIFY_REFRESH_TOKEN_SINCE": str(TODAY - timedelta(days=days))}
            found = failure_messages(load_settings(environment | since), publisher.store, instance, datetime.now(UTC))
            return [message.text for message in found if message.about.startswith("token/")]

        assert told(149) == []
        (text,) = told(150)
        assert f"ends about {TODAY + timedelta(days=30)}" in text


def test_without_a_target_there_is_no_sensor(environment):
    names = {sensor.name for sensor in build_definitions(load_settings(environment)).get_repository_def().sensor_defs}
    assert "movement_alerts" in names
    del environment["SPOTIFY_ASSETS_ALERT_URLS"]
    names = {sensor.name for sensor in build_definitions(load_settings(environment)).get_repository_def().sensor_defs}
    assert "movement_alerts" not in names
    refused = CliRunner(env=environment).invoke(main, ["alerts"])
    assert refused.exit_code == 1
    assert "There is nobody to tell." in refused.stderr


@pytest.mark.parametrize("address", ["nothing://secret-token", "https//secret-token", "discord://secret-token"])
def test_an_address_that_is_none_is_refused_and_not_quoted(environment, chat, address, caplog):
    environment["SPOTIFY_ASSETS_ALERT_URLS"] = f"{chat.address} {address}"
    with pytest.raises(SettingsError) as refusal:
        targets(load_settings(environment))
    assert "Address 2 of SPOTIFY_ASSETS_ALERT_URLS" in refusal.value.what
    assert "secret-token" not in str(refusal.value) + caplog.text


def test_two_that_send_keep_each_others_record(publisher, environment, chat):
    (target,) = targets(load_settings(environment))
    one, other = SentMessages(publisher.store), SentMessages(publisher.store)
    first, second = Message("late/a/1", "", ""), Message("late/b/1", "", "")
    one.record(target, first)
    other.record(target, second)
    assert not any(sent.lacks(target, message) for sent in (one, other) for message in (first, second))


def test_a_doubtful_song_is_marked(publisher, environment):
    """The song at the top has another title and another id than the one that leaves."""
    same = {"duration_ms": 180_000, "artists": [{"id": "artist", "name": "P"}]}
    others = [entry(letter) for letter in "abc"]
    for day, title in ((YESTERDAY, "雨"), (TODAY, "Rain, again")):
        song = {"track": {"id": title, "name": title, **same}}
        publisher.write_snapshots(SLUG, [make_snapshot([song, *others], day, slug=SLUG, source="demo")])
    publisher.publish()
    (message,) = edition_messages(load_settings(environment), publisher.store, datetime.now(UTC))
    assert "New: Rain, again (P, perhaps there before under another name) at 1" in message.text


def test_addresses_that_commas_separate_are_refused(environment, chat):
    environment["SPOTIFY_ASSETS_ALERT_URLS"] = f"{chat.address}, {chat.address}"
    with pytest.raises(SettingsError, match="separated by commas"):
        targets(load_settings(environment))


def test_names_are_text_for_services_that_take_html(monkeypatch):
    address = "tgram://123456789:abcdefg_hijklmnop/12315544/"
    told = []
    service = type(apprise.Apprise.instantiate(address))
    monkeypatch.setattr(service, "send", lambda _, body, **__: told.append(body) or True)
    assert deliver(address, "Top <50> & more", "New: <3 & you")
    assert "Top &lt;50&gt; &amp; more" in told[0]
    assert "New: &lt;3 &amp; you" in told[0]


@pytest.mark.parametrize("act", ["drip", "large"])
def test_a_service_whose_answer_does_not_end_is_left(environment, chat, monkeypatch, act):
    monkeypatch.setattr("spotify_assets.alerts.targets.LONGEST_SENDING", 3.0)
    with BadWay(chat.url) as way:
        environment["SPOTIFY_ASSETS_ALERT_URLS"] = chat.address.replace(chat.url[5:], way.url[5:])
        (target,) = targets(load_settings(environment))
        assert target.send(Message("late/a/1", "A", "late"))
        way.spoil(Spoiled(act))
        assert not target.send(Message("late/a/1", "A", "late"))
        assert len(way.lines) == 1
        assert way.outlasted == []


@pytest.mark.parametrize("record", [b"[1]", b'{"a": "xyz"}', b"{"])
def test_a_damaged_record_is_named(publisher, environment, record):
    publisher.store.write(SENT_MESSAGES_KEY, record)
    told = send([Message("late/a/1", "A", "late")], targets(load_settings(environment)), SentMessages(publisher.store))
    with pytest.raises(Damaged, match=r"alerts/sent\.json is damaged"):
        list(told)

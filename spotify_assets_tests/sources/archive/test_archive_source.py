"""Source `archive` against the stand-in of GitHub: which days it has, what it asks for, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from spotify_assets.errors import RateLimited, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import PlaylistSettings
from spotify_assets.settings.playlists import ARCHIVE_REPOSITORIES
from spotify_assets.sources.archive import github as github_module
from spotify_assets.sources.archive.archive_source import ArchiveSource
from spotify_assets.sources.archive.commit_history import CommitHistories
from spotify_assets.sources.archive.github import GithubClient
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.records import decode_record, encode_record
from spotify_assets_tests.helpers.archive import record_days
from spotify_assets_tests.stand_ins.github import FIRST_REPOSITORY, JAPAN_TOP_50, REPOSITORY, GithubServer, make_list

FIRST, LAST = date(2026, 7, 1), date(2026, 11, 17)
PLAYLIST = PlaylistSettings(
    slug="chart",
    title="Top 50 - Japan",
    cadence="daily",
    source="archive",
    playlist_id=JAPAN_TOP_50,
    repositories=ARCHIVE_REPOSITORIES,
)


@pytest.fixture
def github():
    with GithubServer() as server:
        server.repositories |= {FIRST_REPOSITORY: [], REPOSITORY: []}
        yield server


@pytest.fixture
def store(tmp_path):
    return LocalObjectStore(tmp_path)


class Desk:
    """A source of its own for each run, over one lake, and how long its client was told to wait."""

    def __init__(self, github, store):
        self.github = github
        self.store = store
        self.waits = []

    def source(self, token=None):
        addresses = self.github.environment()
        client = GithubClient(addresses["GITHUB_API_URL"], addresses["GITHUB_RAW_URL"], token, pause=self.waits.append)
        return ArchiveSource(self.store, client)

    def fetch(self, days, stored=None, **client):
        """The snapshots of those days that a new run gets, by day."""
        source = self.source(**client)
        offered = source.days_on_offer(PLAYLIST, days, stored or {})
        return {day: source.fetch(PLAYLIST, day, None, may_retry=False) for day in sorted(offered)}


@pytest.fixture
def desk(github, store):
    return Desk(github, store)


def days_from(first, last):
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@pytest.mark.slow
def test_140_days_cost_two_calls_besides_a_file_each(desk, github):
    record_days(github, FIRST, LAST)
    found = desk.fetch(days_from(FIRST, LAST))
    assert list(found) == days_from(FIRST, LAST)
    assert len(github.calls()) == 2
    assert len(github.calls("raw")) == 140
    assert [entry.position for entry in found[FIRST].entries] == list(range(1, 51))


def test_a_day_is_that_of_the_last_commit_in_japan(desk, github):
    github.record(REPOSITORY, "2026-11-16T14:59:59Z", make_list([1]))
    github.record(REPOSITORY, "2026-11-16T15:00:00Z", make_list([2]))
    github.record(REPOSITORY, "2026-11-17T14:59:59Z", make_list([3]))
    found = desk.fetch(days_from(date(2026, 11, 15), date(2026, 11, 18)))
    assert {day: snapshot.entries[0].payload["name"][-1] for day, snapshot in found.items()} == {
        date(2026, 11, 16): "1",
        date(2026, 11, 17): "3",
    }
    assert found[date(2026, 11, 17)].fetched_at == datetime(2026, 11, 17, 14, 59, 59, tzinfo=UTC)


@pytest.mark.slow
def test_past_days_are_asked_for_once(desk, github):
    record_days(github, FIRST, LAST)
    desk.fetch(days_from(FIRST, LAST))
    github.requests.clear()
    found = desk.fetch(days_from(FIRST, LAST))
    assert len(found) == 140
    assert github.calls() == []


def test_what_is_stored_is_not_fetched_but_a_newer_list_of_the_day_is(desk, github):
    github.record(REPOSITORY, "2026-11-16T01:00:00Z", make_list([1]))
    (snapshot,) = desk.fetch([date(2026, 11, 16)]).values()
    stored = {date(2026, 11, 16): snapshot.fetched_at}
    assert desk.fetch([date(2026, 11, 16)], stored) == {}
    github.record(REPOSITORY, "2026-11-17T01:00:00Z", make_list([2]))
    assert list(desk.fetch(days_from(date(2026, 11, 16), date(2026, 11, 17)), stored)) == [date(2026, 11, 17)]
    earlier = {date(2026, 11, 16): snapshot.fetched_at - timedelta(seconds=1)}
    assert list(desk.fetch([date(2026, 11, 16)], earlier)) == [date(2026, 11, 16)]


def test_older_days_come_from_the_repository_before(desk, github):
    record_days(github, date(2025, 12, 1), date(2026, 1, 14), FIRST_REPOSITORY)
    record_days(github, date(2026, 1, 15), date(2026, 3, 1), REPOSITORY)
    found = desk.fetch(days_from(date(2025, 12, 1), date(2026, 3, 1)))
    assert list(found) == days_from(date(2025, 12, 1), date(2026, 3, 1))
    assert found[date(2026, 1, 14)].playlist["archive"]["repository"] == FIRST_REPOSITORY
    assert found[date(2026, 1, 15)].playlist["archive"]["repository"] == REPOSITORY
    assert len(github.calls()) <= 5


def test_a_gap_asks_no_other_repository(desk, github):
    record_days(github, FIRST, date(2026, 8, 1))
    record_days(github, date(2026, 8, 5), LAST)
    found = desk.fetch(days_from(FIRST, LAST))
    assert set(days_from(FIRST, LAST)) - set(found) == set(days_from(date(2026, 8, 2), date(2026, 8, 4)))
    assert {request.path for request in github.calls()} == {f"/api/repos/{REPOSITORY}/commits"}


def test_the_oldest_lists_are_in_markdown_under_the_title(desk, github):
    path = "playlists/pretty/Top 50 - Japan.md"
    github.record(FIRST_REPOSITORY, "2021-03-27T10:00:00Z", make_list(range(50)), path=path)
    by_id = f"playlists/pretty/{JAPAN_TOP_50}.md"
    github.record(FIRST_REPOSITORY, "2021-12-01T10:00:00Z", make_list(range(50, 100)), path=by_id)
    github.record(FIRST_REPOSITORY, "2022-06-01T10:00:00Z", make_list(range(99)))
    found = desk.fetch(days_from(date(2021, 3, 1), date(2022, 6, 2)))
    assert {day: snapshot.playlist["archive"]["path"] for day, snapshot in found.items()} == {
        date(2021, 3, 27): path,
        date(2021, 12, 1): by_id,
        date(2022, 6, 1): f"playlists/pretty/{JAPAN_TOP_50}.json",
    }
    assert found[date(2021, 3, 27)].entries[49].payload["url"].startswith("https://open.spotify.com/track/")


def test_a_short_list_has_its_nominal_size_and_a_note(desk, github):
    github.record(REPOSITORY, "2026-11-16T01:00:00Z", make_list(range(48)))
    (snapshot,) = desk.fetch([date(2026, 11, 16)]).values()
    assert (len(snapshot.entries), snapshot.chart_size) == (48, 50)
    assert "48 of 50 entries" in snapshot.notes[0]


def test_an_absent_day_is_refused_with_the_days_that_there_are(desk, github):
    record_days(github, FIRST, LAST)
    source = desk.source()
    assert source.days_on_offer(PLAYLIST, [date(2026, 6, 1)], {}) == set()
    assert "it has none of that time" in source.absence.why
    assert source.days_on_offer(PLAYLIST, [date(2026, 6, 30), FIRST], {}) == {FIRST}
    assert f"known are lists from {FIRST} to" in source.absence.why


def test_a_new_list_costs_a_call_and_a_file(desk, github):
    today = datetime.now(UTC).astimezone().date()
    record_days(github, today - timedelta(days=20), today - timedelta(days=1))
    desk.fetch(days_from(today - timedelta(days=20), today))
    github.record(REPOSITORY, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", make_list([7]))
    github.requests.clear()
    day = max(desk.source().recorded(PLAYLIST, today, today + timedelta(days=1)))
    assert desk.fetch([day])[day].entries[0].payload["name"].endswith(" 7")
    assert (len(github.calls()), len(github.calls("raw"))) == (1, 1)


def test_the_same_question_is_asked_conditionally(desk, github):
    today = today_in_japan()
    record_days(github, today - timedelta(days=20), today - timedelta(days=2))
    source = desk.source(token="a-token")
    for _ in range(3):
        source.recorded(PLAYLIST, today, today)
    assert [request.status for request in github.calls()] == [200, 200, 304]
    assert {request.headers.get("Authorization") for request in github.calls()} == {"Bearer a-token"}


def test_a_damaged_record_of_commits_is_asked_for_anew(desk, github, store):
    record_days(github, FIRST, LAST)
    desk.fetch([LAST])
    (key,) = store.list_keys("archive/")
    store.write(key, b'{"commits": ')
    assert list(desk.fetch([LAST])) == [LAST]
    assert len(json.loads(store.read(key))["commits"]) == 31


def test_what_was_asked_by_a_clock_that_was_ahead_is_asked_for_anew(desk, github, store):
    record_days(github, FIRST, LAST)
    desk.fetch([LAST])
    (key,) = store.list_keys("archive/")
    ahead = decode_record(store.read(key)) | {"asked_to": (datetime.now(UTC) + timedelta(days=400)).isoformat()}
    store.write(key, encode_record(ahead))
    github.requests.clear()
    assert list(desk.fetch([LAST])) == [LAST]
    assert len(github.calls()) == 1


class TestRefusals:
    def fetch(self, desk):
        return desk.fetch([LAST])

    def test_a_short_wait_is_sat_out(self, desk, github):
        record_days(github, LAST, LAST)
        github.fail("^/api/", status=429, headers={"Retry-After": "20"})
        github.fail("^/raw/", status=403, headers={"Retry-After": "7"})
        assert list(self.fetch(desk)) == [LAST]
        assert desk.waits == [20, 7]

    @pytest.mark.parametrize("pattern", ["^/api/", "^/raw/"])
    def test_a_long_wait_ends_the_run_and_names_its_end(self, desk, github, pattern):
        record_days(github, LAST, LAST)
        github.fail(pattern, status=429, headers={"Retry-After": "3600"})
        with pytest.raises(RateLimited, match="asks to be left alone until") as refused:
            self.fetch(desk)
        assert not refused.value.short
        assert desk.waits == []

    def test_a_used_up_limit_names_the_moment_of_its_reset(self, desk, github):
        github.calls_left = 0
        with pytest.raises(RateLimited) as refused:
            self.fetch(desk)
        assert timedelta(minutes=29) < refused.value.retry_after <= timedelta(minutes=30)

    def test_after_a_limit_nothing_more_is_asked_for(self, desk, github):
        record_days(github, FIRST, LAST)
        github.files_left = 10
        with pytest.raises(RateLimited):
            desk.fetch(days_from(FIRST, LAST))
        assert len(github.calls("raw")) < 30

    @pytest.mark.parametrize(
        ("fault", "why"),
        [
            ({"status": 301, "headers": {"Location": "https://api.github.com/repositories/1"}}, "has moved to"),
            ({"status": 404}, "no such repository"),
            ({"status": 401}, "GITHUB_TOKEN"),
            ({"status": 403, "body": b'{"message": "Forbidden by rules"}'}, "403: Forbidden by rules"),
            ({"body": b"<html>"}, "not a list of commits"),
            ({"body": b'{"message": "ok"}'}, "not a list of commits"),
            ({"body": b'[{"sha": "1"}]'}, "not a list of commits"),
            ({"body": b"[" * 10**6}, "not a list of commits"),
        ],
    )
    def test_an_answer_that_is_no_list_of_commits_is_refused(self, desk, github, fault, why):
        record_days(github, LAST, LAST)
        github.fail("^/api/", **fault)
        with pytest.raises(SourceRefusal, match=why) as refused:
            self.fetch(desk)
        assert REPOSITORY in refused.value.what

    def test_a_file_that_is_gone_is_refused_by_name(self, desk, github):
        record_days(github, LAST, LAST)
        github.fail("^/raw/", status=404)
        with pytest.raises(SourceRefusal, match=rf"{JAPAN_TOP_50}.json of {REPOSITORY} at commit"):
            self.fetch(desk)

    def test_an_answer_without_end_is_not_read(self, desk, github, monkeypatch):
        record_days(github, LAST, LAST)
        monkeypatch.setattr(github_module, "LARGEST_ANSWER", 2**17)
        github.fail("^/raw/", body=b" " * 2**20)
        with pytest.raises(SourceRefusal, match="is not read"):
            self.fetch(desk)

    @pytest.mark.parametrize("fault", [{"cut": True}, {"status": 503}])
    def test_passing_trouble_is_tried_again(self, desk, github, fault, monkeypatch):
        record_days(github, LAST, LAST)
        github.fail("^/raw/", **fault)
        if "cut" in fault:
            with pytest.raises(SourceUnavailable, match="what was fetched is kept"):
                self.fetch(desk)
        assert list(self.fetch(desk)) == [LAST]

    def test_trouble_that_stays_is_named(self, desk, github, monkeypatch):
        record_days(github, LAST, LAST)
        monkeypatch.setattr(github_module.RETRIES, "backoff_factor", 0)
        github.fail("^/api/", times=9, status=502)
        with pytest.raises(SourceUnavailable, match="it answers 502"):
            self.fetch(desk)

    def test_without_a_network_the_demo_is_named(self, store):
        client = GithubClient("http://127.0.0.1:9/api", "http://127.0.0.1:9/raw")
        with pytest.raises(SourceUnavailable, match="make demo"):
            CommitHistories(store, client).covering(REPOSITORY, "x", LAST, LAST)

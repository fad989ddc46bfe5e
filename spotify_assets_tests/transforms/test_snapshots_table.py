"""The table snapshots: size, identity of content, renewal, coverage; and that a range is its days one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.schemas import ALBUMS, ARTISTS, SONGS, TABLES, coverage_column
from spotify_assets.snapshot import CatalogObject, PlaylistSnapshot
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets.transforms.snapshots import content_hash
from spotify_assets_tests.helpers.make_snapshot import DAY, make_snapshot
from spotify_assets_tests.stand_ins.spotify import (
    complete_album,
    complete_artist,
    make_album,
    make_artist,
    make_entries,
    make_entry,
    make_episode,
    make_id,
    make_local_track,
    make_track,
)

OLD, NEW, OTHER = make_entries(3), make_entries(3, first=10), make_entries(3, first=20)


def days_of(*contents: list[Any], first: date = DAY) -> list[PlaylistSnapshot]:
    """A snapshot per content, on consecutive days."""
    return [make_snapshot(content, first + timedelta(days=number)) for number, content in enumerate(contents)]


def rows_of(snapshots: Sequence[PlaylistSnapshot], cadence: str = "daily") -> list[dict[str, Any]]:
    return daily_tables(snapshots, cadence)["snapshots"].to_dict("records")


def row_of(payloads: list[Any], **changes: Any) -> dict[str, Any]:
    [row] = rows_of([make_snapshot(payloads, **changes)])
    return row


def test_half_of_a_surrogate_pair_in_a_version_is_replaced():
    assert row_of(make_entries(1), playlist_snapshot_id="v\ud800")["playlist_snapshot_id"] == "v\ufffd"


class TestSize:
    def test_entries_are_counted_by_what_became_of_them(self):
        row = row_of([*make_entries(3), None, make_entry(make_episode(1))])
        assert (row["listed"], row["accepted"], row["rejected"], row["chart_size"]) == (5, 3, 2, 5)

    def test_a_nominal_size_stands_whatever_is_listed(self):
        row = row_of(make_entries(3), chart_size=200)
        assert (row["chart_size"], row["listed"]) == (200, 3)

    def test_an_empty_list_is_a_day(self):
        row = row_of([])
        assert [row[name] for name in ("chart_size", "listed", "accepted", "rejected")] == [0, 0, 0, 0]


class TestCircumstances:
    def test_the_moment_is_utc_without_zone_in_milliseconds(self):
        japan = timezone(timedelta(hours=9))
        row = row_of([], fetched_at=datetime(2026, 11, 22, 8, 0, 0, 123_456, tzinfo=japan))
        assert row["fetched_at"].isoformat() == "2026-11-21T23:00:00.123000"

    def test_what_the_source_said_is_kept(self):
        said = {
            "source": "demo",
            "chart_date": date(2026, 11, 21),
            "api_shape": "item",
            "quota_mode": "development",
            "language": "ja",
            "playlist_snapshot_id": "abc",
        }
        row = row_of(make_entries(1), **said)
        assert {name: row[name] for name in said} == said

    def test_what_the_source_did_not_say_is_null(self):
        row = row_of(make_entries(1))
        unsaid = ("chart_date", "api_shape", "quota_mode", "language", "playlist_snapshot_id")
        assert [row[name] for name in unsaid] == [None] * 5

    def test_the_cadence_is_that_of_the_playlist(self):
        assert [row["cadence"] for row in rows_of(days_of(OLD, NEW), cadence="weekly")] == ["weekly", "weekly"]


class TestContentHash:
    @pytest.mark.parametrize(
        "changes",
        [
            {"popularity": 1},
            {"album": make_album(99)},
            {"name": "Renamed in another language"},
            {"preview_url": "x"},
        ],
    )
    def test_what_changes_without_the_chart_changing_does_not_count(self, changes):
        before, after = make_entry(make_track(1)), make_entry(make_track(1, **changes)) | {"added_at": None}
        assert content_hash(make_snapshot([before])) == content_hash(make_snapshot([after]))

    def test_the_key_that_holds_the_track_does_not_count(self):
        assert content_hash(make_snapshot([{"track": make_track(1)}])) == content_hash(
            make_snapshot([{"item": make_track(1)}])
        )

    @pytest.mark.parametrize(
        "payloads",
        [
            list(reversed(OLD)),
            OLD[:2],
            [*OLD, None],
            [OLD[0], None, OLD[2]],
            [*OLD[:2], make_entry(make_local_track(3))],
            [*OLD[:2], OLD[2] | {"streams": 5}],
        ],
    )
    def test_what_stands_at_each_position_counts(self, payloads):
        assert content_hash(make_snapshot(payloads)) != content_hash(make_snapshot(OLD))

    def test_without_ids_names_count(self):
        first, second = ({"track": {"name": name, "artists": [{"name": "Nora Quill"}]}} for name in ("Dawn", "Dusk"))
        assert content_hash(make_snapshot([first])) != content_hash(make_snapshot([second]))

    def test_streams_count_as_the_numbers_they_are(self):
        hashes = {content_hash(make_snapshot([OLD[0] | {"streams": streams}])) for streams in (5, 5.0)}
        assert len(hashes) == 1

    @pytest.mark.parametrize("streams", ["\ud800", 10**400, float("nan")], ids=["surrogate", "huge", "nan"])
    def test_streams_that_are_no_number_count_as_none(self, streams):
        assert content_hash(make_snapshot([OLD[0] | {"streams": streams}])) == content_hash(make_snapshot(OLD[:1]))


class TestRenewal:
    @staticmethod
    def added(*moments: Any) -> list[dict[str, Any]]:
        return [entry | {"added_at": moment} for entry, moment in zip(make_entries(len(moments)), moments, strict=True)]

    def test_it_is_the_newest_moment_at_which_an_entry_was_added(self):
        row = row_of(self.added("2026-11-20T07:00:00Z", "2026-11-22T08:00:00+09:00", "2026-11-21T07:00:00Z"))
        assert row["renewed_at"] == datetime(2026, 11, 21, 23)  # noqa: DTZ001 - the column is in UTC

    @pytest.mark.parametrize("moment", [None, "1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "yesterday", 7])
    def test_what_cannot_be_is_not_taken(self, moment):
        assert row_of(self.added(moment, moment))["renewed_at"] is None
        assert row_of(self.added(moment, "2026-11-21T07:00:00Z"))["renewed_at"].isoformat() == "2026-11-21T07:00:00"

    def test_a_source_may_say_it_by_itself(self):
        row = row_of(self.added("2026-11-20T07:00:00Z"), renewed_at=datetime(2026, 11, 21, 7, tzinfo=UTC))
        assert row["renewed_at"].isoformat() == "2026-11-21T07:00:00"

    def test_entries_of_other_sources_do_not_say_it(self):
        assert row_of(self.added("2026-11-20T07:00:00Z"), source="demo")["renewed_at"] is None

    def test_nothing_listed_says_nothing(self):
        assert row_of([None])["renewed_at"] is None


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.sampled_from([OLD, NEW, OTHER, []]), min_size=1, max_size=5))
def test_a_range_is_its_days_one_by_one(contents):
    snapshots = days_of(*contents)
    together = daily_tables(snapshots, "daily")
    alone = [daily_tables([snapshot], "daily") for snapshot in snapshots]
    for name in TABLES:
        expected = [row for frames in alone for row in frames[name].to_dict("records")]
        assert together[name].to_dict("records") == expected


class TestCoverage:
    def test_it_is_the_share_of_rows_that_have_a_value(self):
        entries = [make_entry(make_track(number, popularity=None if number < 4 else 0)) for number in range(1, 6)]
        row = row_of(entries)
        assert row["coverage_songs_popularity"] == pytest.approx(2 / 5)
        assert row["coverage_songs_song_id"] == 1.0
        assert row["coverage_songs_streams"] == 0.0

    def test_an_absent_field_counts_as_one_that_is_null(self):
        without = {name: value for name, value in make_track(1).items() if name != "popularity"}
        row = row_of([make_entry(without), *make_entries(1, first=2)])
        assert row["coverage_songs_popularity"] == 0.5

    def test_rejected_entries_do_not_count(self):
        assert row_of([None, *make_entries(1), make_entry(make_episode(1))])["coverage_songs_song_id"] == 1.0

    def test_an_empty_list_of_genres_is_given(self):
        artists = {
            make_id("artist", 1): CatalogObject(complete_artist(make_artist(1)) | {"genres": []}),
        }
        assert row_of(make_entries(2), artists=artists)["coverage_artists_genres"] == 0.5

    @pytest.mark.parametrize("payloads", [[], [None]])
    def test_a_table_without_rows_has_no_share(self, payloads):
        row = row_of(payloads)
        shares = [value for name, value in row.items() if name.startswith("coverage_")]
        assert set(shares) == {None}

    def test_each_day_has_its_own(self):
        without = [make_entry(make_track(1, popularity=None))]
        rows = rows_of(days_of(OLD, [], without))
        assert [row["coverage_songs_popularity"] for row in rows] == [1.0, None, 0.0]

    def test_every_optional_column_has_one(self):
        expected = {
            coverage_column(table, column)
            for table in (SONGS, ALBUMS, ARTISTS)
            for column in table.columns
            if column.nullable
        }
        row = row_of(OLD)
        assert {name for name in expected if row[name] is not None} == expected


class TestObjects:
    def test_the_share_of_listed_ids_that_were_fetched(self):
        row = row_of(
            make_entries(2),
            albums={make_id("album", 1): CatalogObject(complete_album(make_album(1)))},
            artists={make_id("artist", number): CatalogObject(make_artist(number)) for number in (1, 2, 99)},
        )
        assert (row["coverage_album_objects"], row["coverage_artist_objects"]) == (0.5, 1.0)

    def test_what_has_no_id_could_not_be_fetched_and_does_not_count(self):
        entries = [*make_entries(1), make_entry(make_local_track(2))]
        row = row_of(entries, artists={make_id("artist", 1): CatalogObject(make_artist(1))})
        assert (row["coverage_album_objects"], row["coverage_artist_objects"]) == (0.0, 1.0)

    def test_without_ids_there_is_no_share(self):
        row = row_of([make_entry(make_local_track(2))])
        assert (row["coverage_album_objects"], row["coverage_artist_objects"]) == (None, None)

    def test_objects_of_an_earlier_day_are_counted_as_carried_over(self):
        old = date(2026, 11, 1)
        row = row_of(
            make_entries(1),
            albums={make_id("album", 1): CatalogObject(make_album(1), carried_from=old)},
            artists={
                make_id("artist", 1): CatalogObject(make_artist(1), carried_from=old),
                make_id("artist", 2): CatalogObject(make_artist(2)),
            },
        )
        assert row["carried_over"] == 2

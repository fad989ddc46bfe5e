"""Each check passes on a real day and fails on a frame that was spoilt in the one way it looks for."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import pandas as pd
import pytest

from spotify_assets.analytics.analysis_checks import ANALYSIS_CHECKS, Counted
from spotify_assets.checks import (
    CHECKS,
    HISTORY_CHECKS,
    NAMED_DAYS,
    analysis_check_specs,
    analysis_results,
    check_specs,
    history_check_specs,
    history_results,
    identity_result,
    results,
)
from spotify_assets.schemas import TABLES
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.demo.demo_source import DemoSource
from spotify_assets.transforms.chart_days import chart_days
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.analyse import identified
from spotify_assets_tests.helpers.little_charts import by, little_chart

JAPAN = PlaylistSettings(slug="japan", title="Japan", cadence="daily", source="demo")
DAYS = [date(2026, 1, 6), date(2026, 1, 7)]
BAD_DAY = DAYS[1]
SELECTED = {dg.AssetCheckKey(dg.AssetKey(["japan", check.table]), check.name) for check in CHECKS}


@pytest.fixture(scope="module")
def tables():
    snapshots = [DemoSource().fetch(JAPAN, day, None, may_retry=False) for day in DAYS]
    return daily_tables(snapshots, JAPAN.cadence)


@pytest.fixture
def frames(tables):
    return {name: frame.copy() for name, frame in tables.items()}


def failed(frames):
    """The failed checks by table and name, with what they say of each day."""
    return {
        (result.asset_key.path[-1], result.check_name): result.metadata["findings"].value
        for result in results(JAPAN.slug, frames, DAYS, SELECTED)
        if not result.passed
    }


def rows_of_bad_day(frame):
    return frame.index[frame["snapshot_date"] == BAD_DAY]


def without_row(frame, number=0):
    return frame.drop(rows_of_bad_day(frame)[number])


def with_row_repeated(frame):
    return frame.loc[[*frame.index, rows_of_bad_day(frame)[0]]].reset_index(drop=True)


def test_a_good_day_passes_all_checks(frames):
    assert failed(frames) == {}


def test_every_check_is_declared_and_made(frames):
    declared = {(spec.key.asset_key, spec.name) for spec in check_specs("japan")}
    made = {(result.asset_key, result.check_name) for result in results(JAPAN.slug, frames, DAYS, SELECTED)}
    assert declared == made
    assert len(made) == len(CHECKS)


def test_only_selected_checks_are_made(frames):
    selected = dg.AssetCheckKey(dg.AssetKey(["japan", "snapshots"]), "keys_unique")
    (result,) = results(JAPAN.slug, frames, DAYS, {selected})
    assert (result.asset_key, result.check_name) == (selected.asset_key, selected.name)


class TestPositions:
    def test_a_lost_song_is_found_on_its_day(self, frames):
        frames["songs"] = without_row(frames["songs"])
        finding = failed(frames)["songs", "positions_complete"]
        assert f"{BAD_DAY}: listed 50, found " in finding
        assert "unexplained [1]" in finding
        assert str(DAYS[0]) not in finding

    def test_a_reject_that_is_a_song_too_is_found(self, frames):
        rejects = frames["rejects"]
        rejects.loc[len(rejects)] = {"position": 1, "kind": "malformed", "snapshot_date": BAD_DAY}
        assert "repeated positions" in failed(frames)["songs", "positions_complete"]

    def test_a_reject_explains_a_missing_song(self, frames):
        songs, rejects = frames["songs"], frames["rejects"]
        frames["songs"] = without_row(songs)
        position = songs.loc[rows_of_bad_day(songs)[0], "position"]
        rejects.loc[len(rejects)] = {"position": position, "kind": "malformed", "snapshot_date": BAD_DAY}
        assert ("songs", "positions_complete") not in failed(frames)

    def test_a_day_that_lost_everything_is_found(self, frames):
        for table in ("songs", "rejects"):
            frames[table] = frames[table].drop(rows_of_bad_day(frames[table]))
        assert f"{BAD_DAY}: listed 50, found 0" in failed(frames)["songs", "positions_complete"]


@pytest.mark.parametrize("table", list(TABLES))
def test_a_repeated_key_is_found_on_its_day(frames, table):
    if table == "rejects":
        reject = {"position": 7, "kind": "malformed", "reason": "x", "payload_sha256": "x", "snapshot_date": BAD_DAY}
        for place in (0, 1):
            frames[table].loc[len(frames[table]) + place] = reject
    else:
        frames[table] = with_row_repeated(frames[table])
    finding = failed(frames)["snapshots", "keys_unique"]
    assert f"{BAD_DAY}: " in finding
    assert f"{table}: 1 repeated values of {TABLES[table].key[0]}" in finding
    assert str(DAYS[0]) not in finding


def test_the_same_key_on_two_days_is_not_repeated(frames):
    assert set(frames["songs"]["position"]) == set(frames["songs"].loc[rows_of_bad_day(frames["songs"]), "position"])
    assert ("snapshots", "keys_unique") not in failed(frames)


class TestReferences:
    @pytest.mark.parametrize(
        ("table", "column"), [("songs", "album_key"), ("songs", "lead_artist_key"), ("song_artists", "artist_key")]
    )
    def test_a_key_that_points_at_nothing_is_found(self, frames, table, column):
        frame = frames[table]
        frame.loc[rows_of_bad_day(frame)[0], column] = "nowhere"
        finding = failed(frames)["song_artists", "references_whole"]
        assert finding.startswith(f"- {BAD_DAY}: {table}.{column} 'nowhere' is not in ")

    def test_a_credit_of_a_song_that_is_not_there_is_found(self, frames):
        frame = frames["song_artists"]
        frame.loc[rows_of_bad_day(frame)[0], "position"] = 999
        assert "song_artists.position 999" in failed(frames)["song_artists", "references_whole"]

    def test_a_key_of_another_day_does_not_count(self, frames):
        frames["albums"] = frames["albums"].drop(rows_of_bad_day(frames["albums"]))
        assert f"- {BAD_DAY}: songs.album_key" in failed(frames)["song_artists", "references_whole"]

    def test_a_missing_key_points_nowhere_and_that_is_right(self, frames):
        frames["songs"].loc[rows_of_bad_day(frames["songs"])[0], ["album_key", "lead_artist_key"]] = None
        assert ("song_artists", "references_whole") not in failed(frames)


class TestSnapshots:
    def spoil(self, frames, **values):
        snapshots = frames["snapshots"]
        for column, value in values.items():
            snapshots.loc[rows_of_bad_day(snapshots), column] = value
        return failed(frames)

    def test_an_empty_playlist_is_found(self, frames):
        for table in ("songs", "rejects"):
            frames[table] = frames[table].drop(rows_of_bad_day(frames[table]))
        findings = self.spoil(frames, listed=0)
        assert findings["songs", "positions_complete"] == f"- {BAD_DAY}: the playlist listed nothing"

    @pytest.mark.parametrize(
        ("shares", "said"),
        [
            ({"coverage_album_objects": 0.5}, "only 50% of the album objects"),
            ({"coverage_artist_objects": 0.0}, "only 0% of the artist objects"),
            (
                {"coverage_album_objects": 0.5, "coverage_artist_objects": 0.25},
                "only 50% of the album objects and 25% of the artist objects",
            ),
        ],
    )
    def test_thin_enrichment_is_found(self, frames, shares, said):
        assert said in self.spoil(frames, **shares)["snapshots", "enrichment_complete"]

    def test_nothing_to_enrich_is_not_thin(self, frames):
        shares = {"coverage_album_objects": None, "coverage_artist_objects": None}
        assert ("snapshots", "enrichment_complete") not in self.spoil(frames, **shares)


class TestHistory:
    @pytest.fixture
    def days(self, tables):
        return chart_days(tables)

    @staticmethod
    def found(**history):
        return {
            result.check_name: (result.severity, result.metadata["findings"].value)
            for result in history_results(history, {})
            if not result.passed
        }

    def test_every_check_is_declared_and_made(self, days):
        results = [*history_results({"japan": days}, {}), identity_result(identified(*little_chart({1: "a"}))[0])]
        made = {(result.asset_key, result.check_name) for result in results}
        assert made == {(spec.key.asset_key, spec.name) for spec in history_check_specs()}
        assert len(made) == len(HISTORY_CHECKS) + 1

    def test_a_good_history_passes(self, days):
        assert self.found(japan=days, other=days[:0]) == {}

    def test_stale_days_are_named_with_their_playlist_the_newest_first(self, days):
        stale = days.assign(stale=True, edition=date(2026, 1, 1), renewed_at=[pd.NaT, pd.Timestamp("2026-01-02 07:30")])
        severity, findings = self.found(japan=stale, other=days)["source_not_stale"]
        assert severity == dg.AssetCheckSeverity.WARN
        assert findings.split("\n") == [
            "- japan 2026-01-07: the same chart since 2026-01-01, last renewed on 2026-01-02 at 07:30 UTC",
            "- japan 2026-01-06: the same chart since 2026-01-01",
        ]

    def test_days_that_failed_are_named(self, days):
        failed = days.assign(failed_checks=[None, "keys_unique: x"])
        severity, findings = self.found(japan=days, other=failed)["days_whole"]
        assert (severity, findings) == (dg.AssetCheckSeverity.ERROR, f"- other {BAD_DAY}: keys_unique: x")


class TestResults:
    def test_what_a_person_must_look_at_is_an_error_and_what_the_source_lacks_a_warning(self):
        warnings = {check.name for check in CHECKS if check.severity == dg.AssetCheckSeverity.WARN}
        assert warnings == {"chart_complete", "enrichment_complete"}

    def test_days_checked_and_days_found_are_counted(self, frames):
        frames["songs"] = without_row(frames["songs"])
        (result,) = (
            result
            for result in results(JAPAN.slug, frames, DAYS, SELECTED)
            if result.check_name == "positions_complete"
        )
        assert result.metadata["days checked"].value == 2
        assert result.metadata["days with findings"].value == 1

    def test_a_bad_decade_does_not_fill_the_page(self, frames):
        days = [DAYS[0] + timedelta(days=number) for number in range(NAMED_DAYS + 7)]
        snapshot = frames["snapshots"].iloc[[0]]
        frames["snapshots"] = snapshot.loc[[snapshot.index[0]] * len(days)].reset_index(drop=True)
        frames["snapshots"]["snapshot_date"] = days
        frames["snapshots"]["listed"] = 0
        listed = failed(frames)["songs", "positions_complete"].split("\n")
        assert len(listed) == NAMED_DAYS + 1
        assert listed[-1] == "- and 7 more"


class TestAnalyses:
    def test_every_check_is_declared_and_made(self):
        made = analysis_results(dict.fromkeys(ANALYSIS_CHECKS, Counted({}, ())))
        assert {(result.asset_key, result.check_name) for result in made} == {
            (spec.key.asset_key, spec.name) for spec in analysis_check_specs()
        }

    def test_numbers_that_differ_are_an_error_and_all_numbers_are_shown(self):
        counted = Counted({"rows": 3, "different keys": 2, "distance": 0.5}, ("japan: rows 3, different keys 2: x",))
        (result,) = analysis_results({ANALYSIS_CHECKS[0]: counted})
        assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert {name: shown.value for name, shown in result.metadata.items()} == {
            "rows": 3,
            "different keys": 2,
            "distance": 0.5,
            "findings": "- japan: rows 3, different keys 2: x",
        }


class TestIdentity:
    """One warning names all that somebody should look at."""

    def result(self, chart, aliases=()):
        return identity_result(identified(chart.chart_days, chart.chart_entries, aliases)[0])

    def test_songs_that_are_told_apart_pass(self):
        result = self.result(little_chart({1: "a b", 2: "b a"}))
        assert result.passed
        assert "findings" not in result.metadata

    def test_every_kind_of_suspicion_is_named(self):
        same = {"duration_ms": 180_000, **by("artist-p")}
        facts = {"a": same, "b": same, "c": {"isrc": "JPAB12600001"}, "d": {"isrc": "JPAB12600001"}}
        result = self.result(little_chart({1: "a c d", 2: "c b d"}, facts), [("id-a", "nobody", None)])
        assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert result.metadata["findings"].value.split("\n") == [
            "- song_aliases.csv names nobody, which is no song",
            "- JPAB12600001 proves nothing: different titles have it in one edition: Song c, Song d",
            "- chart 2026-01-02: id-b (Song b) may be id-a (Song a), last seen on 2026-01-01",
        ]
        counts = ("unknown aliases", "ISRCs that prove nothing", "alias candidates")
        assert [result.metadata[name].value for name in counts] == [1, 1, 1]

"""Each check of the analyses passes on what was made, and finds a table that was spoilt in the way it looks for."""

from __future__ import annotations

import io
import shutil
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spotify_assets.analytics.analysis_checks import ANALYSIS_CHECKS, NAMED, count_all
from spotify_assets.analytics.compaction import recorded_years
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.released_tables import open_tables
from spotify_assets.analytics.releases import read_release
from spotify_assets.schemas import TABLES
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.settings import PlaylistSettings
from spotify_assets.sources.demo.demo_source import DemoSource
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import write_partitions
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.publisher import Publisher

pytestmark = pytest.mark.slow

SLUG = "japan"
DAYS = [date(2026, 1, 6) + timedelta(days=number) for number in range(4)]
LAST = DAYS[-1]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A lake with the demo's days, which know albums, credits and genres, and a little chart that knows none."""
    folder = tmp_path_factory.mktemp("published")
    store = LocalObjectStore(folder)
    playlist = PlaylistSettings(slug=SLUG, title="Japan", cadence="daily", source="demo")
    snapshots = [DemoSource().fetch(playlist, day, None, may_retry=False) for day in DAYS]
    frames = daily_tables(snapshots, "daily")
    for name, table in TABLES.items():
        write_partitions(store, table, SLUG, DAYS, frames[name])
    publisher = Publisher(store)
    publisher.write("little", {DAYS[0]: "abc", DAYS[2]: "bca"})
    publisher.publish()
    return folder


@pytest.fixture
def lake(published, tmp_path):
    return LocalObjectStore(shutil.copytree(published, tmp_path / "lake"))


def counted(store):
    # Without the digests of files: here the rows are wrong, and not the files.
    years = recorded_years(store)
    with open_lake_files(store) as files, open_tables(files, read_release(store), years, "500MB", {}) as tables:
        return {(check.table, check.name): found for check, found in count_all(tables).items()}


def failing(store):
    return {key: found.findings for key, found in counted(store).items() if found.findings}


def spoil(store, table, spoilt):
    """Put other rows in place of those of a released table: `spoilt` makes them of each file's."""
    for key in read_release(store).keys(table):
        rows = pq.read_table(io.BytesIO(store.read(key)))
        if SLUG in rows["playlist"].to_pylist():
            sink = io.BytesIO()
            pq.write_table(spoilt(rows).replace_schema_metadata(None), sink)
            store.write(key, sink.getvalue())


def without(column, value):
    return lambda rows: rows.filter(pc.not_equal(rows[column], pa.scalar(value, rows[column].type)))


def with_first_repeated(rows):
    return pa.concat_tables([rows, rows.slice(0, 1)])


def without_first(rows):
    return rows.slice(1)


def with_halves(column):
    def spoilt(rows):
        place = rows.column_names.index(column)
        return rows.set_column(place, rows.schema.field(place), pc.multiply(rows[column], 0.5))

    return spoilt


def test_what_was_made_passes(lake):
    found = counted(lake)
    assert {key: result.findings for key, result in found.items() if result.findings} == {}
    assert len(found) == len(ANALYSIS_CHECKS)


def test_numbers_are_summed_over_the_playlists(lake):
    found = counted(lake)
    assert found["chart_editions", "no_edition_lost"].numbers == {
        "editions stored": 6,
        "editions in the calendar": 6,
    }
    listed = found["song_history", "songs_counted"].numbers
    assert listed["song-editions in chart_entries"] == listed["song-editions in song_history"] > 150


def test_shares_are_asked_only_where_nothing_is_left_out_of_them(lake):
    """The demo has eight periods, the little chart six; no album of that is known."""
    periods = {table: found.numbers["periods"] for (table, name), found in counted(lake).items() if "shares" in name}
    assert periods == {"artist_analysis": 14, "album_analysis": 8, "genre_trends": 14, "chart_trends": 14}
    spoil(lake, "song_history", with_first_of_nobody)
    periods = {table: found.numbers["periods"] for (table, name), found in counted(lake).items() if "shares" in name}
    assert periods == {"artist_analysis": 6, "album_analysis": 0, "genre_trends": 14, "chart_trends": 14}


def with_first_of_nobody(rows):
    """The first song credits nobody, and its album is not known."""
    for column, value in (("artist_count", 0), ("album_key", None)):
        place = rows.column_names.index(column)
        values = pa.array([value, *rows[column].to_pylist()[1:]], rows.schema.field(place).type)
        rows = rows.set_column(place, rows.schema.field(place), values)
    return rows


def test_a_repeated_key_is_found_in_every_table(lake):
    for table in ANALYSES:
        spoil(lake, table, with_first_repeated)
    found = counted(lake)
    for table in ANALYSES:
        of_table = found[table, "keys_unique"]
        (finding,) = of_table.findings
        assert of_table.numbers["rows"] > of_table.numbers["different keys"]
        assert finding.startswith(f"{SLUG}: rows ")
        assert finding.split(": ", 2)[2].startswith(SLUG)


@pytest.mark.parametrize(
    ("table", "check", "spoilt", "named"),
    [
        ("chart_editions", "no_edition_lost", without("edition_date", LAST), f"{LAST}"),
        ("chart_periods", "no_edition_lost", without("edition_date", LAST), f"{LAST}"),
        ("song_history", "no_edition_lost", without("edition_date", LAST), f"{LAST}"),
        ("song_history", "songs_counted", without("position", 1), f"{LAST}"),
        ("song_popularity", "songs_counted", without_first, "songs in song_popularity"),
        ("song_spells", "songs_counted", without_first, "editions in spells"),
        ("artist_analysis", "shares_sum_to_one", with_halves("points_share_fractional"), f"day {LAST}"),
        ("album_analysis", "shares_sum_to_one", with_halves("share"), f"day {DAYS[0]}"),
        ("album_analysis", "shares_sum_to_one", with_halves("points_share"), f"day {DAYS[0]}"),
        ("genre_trends", "shares_sum_to_one", with_halves("share"), f"day {DAYS[0]}"),
        ("genre_trends", "shares_sum_to_one", with_halves("points_share"), f"day {DAYS[0]}"),
        ("chart_trends", "shares_sum_to_one", with_halves("catalogue_share"), f"day {DAYS[0]}"),
    ],
)
def test_what_does_not_agree_is_found_and_named(lake, table, check, spoilt, named):
    spoil(lake, table, spoilt)
    (finding,) = failing(lake)[table, check]
    assert finding.startswith(f"{SLUG}: ")
    assert named in finding


def test_a_song_that_was_never_listed_is_found(lake):
    def with_a_stranger(rows):
        place = rows.column_names.index("song_key")
        stranger = rows.slice(0, 1).set_column(place, rows.schema.field(place), pa.array(["stranger"]))
        return pa.concat_tables([rows, stranger])

    spoil(lake, "song_history", with_a_stranger)
    (finding,) = failing(lake)["song_history", "songs_counted"]
    assert finding.endswith("stranger")


def test_few_of_many_are_named(lake):
    spoil(lake, "song_history", lambda rows: rows.slice(0, 0))
    (finding,) = failing(lake)["song_history", "songs_counted"]
    assert len(finding.split(": ", 2)[2].split(", ")) == NAMED

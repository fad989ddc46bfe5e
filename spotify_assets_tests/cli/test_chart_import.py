"""Importing chart files: from a path that a person gives to rows in the tables, and what is refused on the way."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import shutil
import tracemalloc
import unicodedata
import zipfile
from collections import Counter
from contextlib import nullcontext
from datetime import date, timedelta

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spotify_assets.cli import runs
from spotify_assets.cli.chart_intake import judge, land
from spotify_assets.cli.found_files import FoundFile, find_files
from spotify_assets.cli.main import main
from spotify_assets.cli.runs import failures_of
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import SourceRefusal
from spotify_assets.partitions import RANGE_END_TAG, RANGE_START_TAG, today_in_japan
from spotify_assets.settings import load_settings
from spotify_assets.sources.charts.charts_source import ChartsSource
from spotify_assets.sources.charts.landing import Original
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.chart_csv import COUNTRIES, DAY, archive, chart
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data

CHARTS = REAL_DATA / "charts"
TWO = """
start: 2026-11-01
playlists:
  - {slug: daily, title: Daily, source: charts, chart: regional-jp-daily}
  - {slug: weekly, title: Weekly, cadence: weekly, source: charts, chart: regional-jp-weekly}
"""
NAME = "regional-jp-daily-2026-11-19.csv"


titles = st.lists(st.sampled_from(["Rain", "Sun"]), min_size=1, max_size=2)


class Desk:
    """A person's folder of downloads beside a project with two charts."""

    def __init__(self, folder, lake, instance):
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        (folder / "playlists.yaml").write_text(TWO, encoding="utf-8")
        self.environment = {"SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"), "SPOTIFY_ASSETS_LAKE": lake}
        self.platform = Platform(self.environment, instance)
        self.store = self.platform.store

    def put(self, name, data):
        path = self.downloads / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def judge(self, *paths, slug=None):
        return judge(find_files(paths or [self.downloads]), self.platform.settings, self.store, slug)

    def land(self, *paths, slug=None):
        return land(self.judge(*paths, slug=slug), self.store)

    def run(self, *arguments):
        return CliRunner().invoke(main, ["charts", "import", *map(str, arguments)], env=self.environment)

    def materialize(self, first, last=None, slug="daily", tables=("songs", "snapshots")):
        """Raw snapshot and tables of some days, as the UI or a backfill would."""
        return self.platform.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.platform.instance,
            asset_selection=[dg.AssetKey([slug, name]) for name in ("raw_playlist", *tables)],
            tags={RANGE_START_TAG: str(first), RANGE_END_TAG: str(last or first)},
            raise_on_error=False,
        )


@pytest.fixture
def desk(tmp_path, instance, monkeypatch):
    monkeypatch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
    return Desk(tmp_path, str(tmp_path / "lake"), instance)


def refusals(verdicts):
    return [str(verdict.refusal) for verdict in verdicts if verdict.refusal]


def weeks(days):
    """A file of a weekly chart of 2025."""
    return ("date,position,song,artist\n" + "".join(f"2025-{day},1,Rain,Hoshi\n" for day in days.split())).encode()


def in_memory(name, data):
    """A file to import that is in no folder."""
    return FoundFile(name, Original(name, hashlib.sha256(data).hexdigest(), lambda: io.BytesIO(data)))


def found(*paths):
    return [(file.original.name, content(file)) for file in find_files(paths)]


def content(file):
    with file.original.open() as opened:
        return opened.read()


class TestFinding:
    def test_folders_with_all_that_is_in_them(self, desk):
        for name in ("a.csv", "deep/down/b.CSV.GZ", "note.txt", "._a.csv", "c.csv.part"):
            desk.put(name, name.encode())
        (desk.downloads / "a folder.csv").mkdir()
        assert found(desk.downloads) == [("a.csv", b"a.csv"), ("b.CSV.GZ", b"deep/down/b.CSV.GZ")]

    def test_hidden_files_count_nowhere(self, desk):
        for name in (".a.csv", ".#b.csv", ".checkpoints/c.csv"):
            desk.put(name, chart("傘"))
        assert found(desk.downloads) == []
        (refusal,) = refusals(desk.judge(desk.downloads / ".#b.csv"))
        assert "hidden files count nowhere" in refusal

    def test_links_are_followed_and_those_that_lead_nowhere_are_skipped(self, desk, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "a.csv").write_bytes(b"a")
        (desk.downloads / "folder").symlink_to(elsewhere)
        (desk.downloads / "b.csv").symlink_to(elsewhere / "a.csv")
        (desk.downloads / "gone.csv").symlink_to(elsewhere / "nothing.csv")
        (elsewhere / "up").symlink_to(desk.downloads)
        assert found(desk.downloads) == [("b.csv", b"a"), ("a.csv", b"a")]
        (unreadable,) = find_files([desk.downloads / "gone.csv"])
        assert "No such file" in str(unreadable.original)

    def test_archives_with_folders_and_without_the_shadows_of_macos(self, desk):
        with zipfile.ZipFile(desk.downloads / "charts.ZIP", "w") as zipped:
            zipped.mkdir("2026.csv")
            for name in ("a.csv", "2026.csv/日本/b.csv", "__MACOSX/._a.csv", "x/__MACOSX/._b.csv", "readme.md"):
                zipped.writestr(name, name)
        assert found(desk.downloads) == [("b.csv", "2026.csv/日本/b.csv".encode()), ("a.csv", b"a.csv")]
        assert next(iter(find_files([desk.downloads]))).where.endswith("charts.ZIP/2026.csv/日本/b.csv")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_members_of_the_same_name_are_both_read(self, desk):
        with zipfile.ZipFile(desk.downloads / "charts.zip", "w") as zipped:
            for text in ("first", "second"):
                zipped.writestr("./a.csv", text)
        assert found(desk.downloads) == [("a.csv", b"first"), ("a.csv", b"second")]

    def test_a_path_that_is_not_there(self, desk):
        (file,) = find_files([desk.downloads / "nothing.csv"])
        assert "nothing.csv cannot be read.\nWhy: No such file or directory" in str(file.original)

    @pytest.mark.parametrize("name", [f"{NAME}.txt", "chart.txt", "chart.gz", "chart.csv.bz2", "chart"])
    def test_a_file_that_is_not_named_like_a_chart_file(self, desk, name):
        (file,) = find_files([desk.put(name, chart("Rain"))])
        assert f"{name} cannot be read.\nWhy: a chart file ends in .csv or .csv.gz;" in str(file.original)
        assert "rename it" in str(file.original)

    @pytest.mark.parametrize("name", ["charts.tar", "charts.TAR.GZ", "charts.tgz"])
    def test_a_tar_archive(self, desk, name):
        # Cut off as a download may be: nothing of it is read.
        (file,) = find_files([desk.put(name, gzip.compress(b"a.csv")[:12])])
        assert "Why: by its name it is a tar archive\nWhat to do: unpack it" in str(file.original)

    def test_an_archive_that_is_none(self, desk):
        (file,) = find_files([desk.put("charts.zip", b"PK and nothing")])
        assert "File is not a zip file" in str(file.original)

    def test_a_damaged_member_does_not_cost_the_others(self, desk):
        with zipfile.ZipFile(desk.downloads / "charts.zip", "w") as zipped:
            zipped.writestr("a.csv", b"damaged")
            zipped.writestr("b.csv", b"whole")
            zipped.writestr("c.zip", b"")
        path = desk.downloads / "charts.zip"
        path.write_bytes(path.read_bytes().replace(b"damaged", b"damagEd"))
        damaged, whole, inner = find_files([path])
        assert "Bad CRC-32" in str(damaged.original)
        assert content(whole) == b"whole"
        assert "an archive inside an archive" in str(inner.original)


class TestJudging:
    def test_what_may_be_imported(self, desk):
        desk.put(NAME, chart("傘", "Rain"))
        desk.put("regional-jp-weekly-2026-11-19.csv", chart("Rain", kind="weeks"))
        assert [(verdict.slug, verdict.days) for verdict in desk.judge()] == [
            ("daily", [date(2026, 11, 19)]),
            ("weekly", [date(2026, 11, 19)]),
        ]

    @pytest.mark.parametrize(
        ("days", "column", "slug"),
        [
            (["d01", "d02"], "", "daily"),  # days so near to each other are no weeks
            (["d05"], "days_on_chart", "daily"),
            (["d05"], "weeks_on_chart", "weekly"),
        ],
    )
    def test_an_archive_that_fits_one_playlist_needs_no_name(self, desk, days, column, slug):
        text = archive(**{day: ["Rain"] for day in days}).decode()
        if column:
            text = text.replace("artist", f"artist,{column}").replace("Hoshi", "Hoshi,1")
        (verdict,) = desk.judge(desk.put("history.csv", text.encode()))
        assert (verdict.slug, verdict.refusal) == (slug, None)

    @pytest.mark.parametrize("days", [["d05"], ["d05", "d12"]])
    def test_an_archive_that_fits_two_playlists_needs_one(self, desk, days):
        path = desk.put("history.csv", archive(**{day: ["Rain"] for day in days}))
        assert "it is not certain which playlist" in refusals(desk.judge(path))[0]
        assert [verdict.slug for verdict in desk.judge(path, slug="weekly")] == ["weekly"]

    def test_nothing_is_written(self, desk):
        desk.put(NAME, chart("Rain"))
        desk.judge()
        assert desk.store.list_keys("") == []

    def test_the_original_is_kept_byte_for_byte(self, desk):
        data = b"\xef\xbb\xbf" + chart("Rain").replace(b"\n", b"\r\n")
        desk.put(NAME, gzip.compress(data, mtime=7))
        assert desk.land() == {"daily": [date(2026, 11, 19)]}
        assert desk.platform.objects("") == {f"landing/charts/daily/{NAME}": gzip.compress(data, mtime=7)}

    def test_a_file_that_was_changed_since_it_was_judged_is_not_kept(self, desk):
        path = desk.put(NAME, chart("Rain"))
        verdicts = desk.judge(path)
        path.write_bytes(chart("Sun"))
        with pytest.raises(SourceRefusal, match=f"{NAME} is not imported"):
            land(verdicts, desk.store)
        assert desk.store.list_keys("") == []

    def test_a_member_of_an_archive_is_kept_byte_for_byte(self, desk):
        data = gzip.compress(chart("Rain"), mtime=7)
        with zipfile.ZipFile(desk.downloads / "charts.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(f"2026/{NAME}.gz", data)
        assert desk.land() == {"daily": [date(2026, 11, 19)]}
        assert desk.platform.objects("") == {f"landing/charts/daily/{NAME}.gz": data}

    def test_neither_bytes_nor_rows_are_kept_in_memory(self, desk):
        """Three files of 100 days, a megabyte each, that are read, compared and landed."""
        days = [date(2026, 11, 20) - timedelta(days=number) for number in range(100)]
        rows = (f"{day},{place},傘 {place},{'Hoshi ' * 350}\n" for day in days for place in range(1, 6))
        data = f"date,position,song,artist\n{''.join(rows)}".encode()
        for number in range(3):
            desk.put(f"archive {number}.csv", data)
        settings = desk.platform.settings.model_copy(update={"start": date(2026, 1, 1)})
        # What is imported on first use is not counted, whichever test is the first.
        first = desk.put("first.csv", archive(d19=["傘"]))
        another_lake = LocalObjectStore(desk.downloads.parent / "another lake")
        land(judge(find_files([first]), settings, another_lake, "daily"), another_lake)
        first.unlink()
        tracemalloc.start()
        verdicts = judge(find_files([desk.downloads]), settings, desk.store, "daily")
        land(verdicts, desk.store)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [len(verdict.days) for verdict in verdicts] == [100] * 3
        assert peak < len(data)

    def test_the_same_file_twice_is_once(self, desk):
        path = desk.put(NAME, chart("Rain"))
        assert desk.land(path, path) == {"daily": [date(2026, 11, 19)]}
        assert desk.land(path) == {"daily": [date(2026, 11, 19)]}
        assert desk.store.list_keys("") == [f"landing/charts/daily/{NAME}"]

    def test_a_day_may_be_in_two_files_that_agree(self, desk):
        paths = [desk.put(name, chart("Rain")) for name in (NAME, NAME.replace(".csv", " (1).csv"))]
        assert not refusals(desk.judge(*paths))

    @pytest.mark.parametrize("landed_before", [True, False])
    def test_a_day_in_two_files_that_differ(self, desk, landed_before):
        first, second = desk.put(NAME, chart("Rain")), desk.put("archive.csv", archive(d18=["a"], d19=["Sun"]))
        if landed_before:
            desk.land(first)
            (refused,) = refusals(desk.judge(second, slug="daily"))
            assert f"landing/charts/daily/{NAME} both hold 2026-11-19" in refused
        else:
            of_first, of_second = refusals(desk.judge(first, second, slug="daily"))
            assert f"{first} and {second} both hold 2026-11-19, and they differ." in of_first
            assert f"{second} and {first} both hold 2026-11-19, and they differ." in of_second

    @given(st.lists(st.dictionaries(st.sampled_from(["d17", "d18", "d19"]), titles, min_size=1), max_size=5), st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_files_that_differ_are_all_refused_in_whatever_order(self, desk, files, data):
        differs = {
            number: any(mine[day] != other[day] for other in files for day in mine.keys() & other.keys())
            for number, mine in enumerate(files)
        }
        order = data.draw(st.permutations(range(len(files))))
        given_files = [in_memory(f"{number}.csv", archive(**files[number])) for number in order]
        verdicts = judge(given_files, desk.platform.settings, desk.store, "daily")
        assert [verdict.refusal is not None for verdict in verdicts] == [differs[number] for number in order]

    def test_a_file_that_contradicts_a_landed_one_costs_no_other(self, desk):
        desk.land(desk.put(NAME, chart("Rain")))
        right, wrong = desk.put(f"again {NAME}", chart("Rain")), desk.put("wrong.csv", archive(d19=["Sun"]))
        assert [bool(verdict.refusal) for verdict in desk.judge(wrong, right, slug="daily")] == [True, False]

    @pytest.mark.parametrize("landed_before", [True, False])
    def test_a_name_stands_for_one_content(self, desk, landed_before):
        first = desk.put("a/data.csv", archive(d18=["a"]))
        second = desk.put("b/data.csv", archive(d19=["b"]))
        if landed_before:
            desk.land(first, slug="daily")
            (refused,) = refusals(desk.judge(second, slug="daily"))
            assert "is not kept as landing/charts/daily/data.csv: there is a file of that name" in refused
        else:
            of_first, of_second = refusals(desk.judge(first, second, slug="daily"))
            assert f"{first} and {second} both are called data.csv, and they differ." in of_first
            assert f"{second} and {first} both are called data.csv, and they differ." in of_second

    def test_a_landed_file_that_cannot_be_used_is_named(self, desk):
        desk.store.write("landing/charts/daily/bad.csv", b"no,chart\n1,2\n")
        path = desk.put(NAME, chart("Rain"))
        (refused,) = refusals(desk.judge(path))
        assert f"{path} cannot be compared with what has landed for daily.\n" in refused
        assert "Why: landing/charts/daily/bad.csv cannot be used: bad.csv, line 1: its header" in refused
        assert "What to do: remove that landed file, or put it right" in refused

    def test_a_day_before_the_partitions(self, desk):
        (refused,) = refusals(desk.judge(desk.put(NAME.replace("11-19", "10-31"), chart("Rain"))))
        assert "holds 2026-10-31, which is before the first partition, 2026-11-01" in refused
        assert "set `start` to 2026-10-31 or earlier" in refused

    def test_a_day_in_the_future(self, desk):
        today = today_in_japan()
        name = f"regional-jp-daily-{today + timedelta(days=1)}.csv"
        (refused,) = refusals(desk.judge(desk.put(name, chart("Rain"))))
        assert f"which is in the future.\nWhy: in Japan it is {today}" in refused

    def test_days_that_a_file_leaves_out(self, desk):
        data = archive(d02=["a"], d03=["a"], d05=["a"], d09=["a"])
        (verdict,) = desk.judge(desk.put("data.csv", data), slug="daily")
        assert verdict.missing_days == ["2026-11-04", "2026-11-06 to 2026-11-08"]

    def test_weeks_that_a_file_leaves_out(self, desk):
        file = in_memory("data.csv", weeks("01-02 01-09 01-15 01-23 02-06 02-27"))
        since_2025 = desk.platform.settings.model_copy(update={"start": date(2025, 1, 1)})
        (verdict,) = judge([file], since_2025, desk.store, "weekly")
        assert verdict.missing_days == ["2025-01-30", "2025-02-13 to 2025-02-20"]

    def test_weeks_that_do_not_end_on_a_thursday(self, desk):
        data = archive(d05=["a"], d11=["a"], d18=["a"])
        (verdict,) = desk.judge(desk.put("data.csv", data), slug="weekly")
        why = "the weeks of Spotify's charts end on a Thursday"
        assert verdict.notes == [f"2026-11-11 and 1 more: a Wednesday; {why}"]
        assert not any(why in note for note in desk.judge(slug="daily")[0].notes)
        (verdict,) = desk.judge(desk.put("regional-jp-weekly-2026-11-21.csv", chart("a", kind="weeks")))
        assert verdict.notes == [f"2026-11-21: a Saturday; {why}"]

    def test_one_week_under_two_conventions_is_one(self, desk):
        """charts.spotify.com dates a week by its Thursday, archives of the old site by the Friday after."""
        thursdays = desk.put("thursdays.csv", archive(d05=["a"], d12=["b"]))
        fridays = desk.put("fridays.csv", archive(d06=["a"], d13=["b"]))
        for paths in ([thursdays, fridays], [fridays, thursdays]):
            assert [verdict.days for verdict in desk.judge(*paths, slug="weekly")] == [
                [date(2026, 11, 5), date(2026, 11, 12)]
            ] * 2
        desk.land(fridays, slug="weekly")
        assert refusals(desk.judge(thursdays, slug="weekly")) == []
        other = desk.put("others.csv", archive(d06=["a"], d13=["c"]))
        for before in ([thursdays], []):
            refused = refusals(desk.judge(*before, other, slug="weekly"))
            assert refused
            assert all("both hold 2026-11-12, and they differ" in text for text in refused)

    def test_a_week_that_is_stored_under_another_day_is_refused(self, desk):
        desk.land(desk.put("wednesday.csv", archive(d11=["a"])), slug="weekly")
        assert desk.materialize("2026-11-11", slug="weekly").success
        (refusal,) = refusals(desk.judge(desk.put("thursday.csv", archive(d12=["a"])), slug="weekly"))
        assert "the week of weekly that ends on 2026-11-12, and 2026-11-11 is stored for it" in refusal
        assert "spotify-assets withdraw weekly 2026-11-11" in refusal
        assert refusals(desk.judge(desk.put("next.csv", archive(d18=["a"])), slug="weekly")) == []

    def test_a_chart_much_shorter_than_its_neighbours_is_noted(self, desk):
        whole = ["a", "b", "c", "d", "e"]
        desk.land(desk.put("before.csv", archive(d10=whole)), slug="daily")
        (cut_off, *others) = desk.judge(
            desk.put("11.csv", archive(d11=["a", "b"])), desk.put("12.csv", archive(d12=whole, d13=whole)), slug="daily"
        )
        assert cut_off.notes == ["2026-11-11: 2 rows, and the charts beside it have 5"]
        assert [verdict.notes for verdict in others] == [[]]
        (alone,) = desk.judge(desk.downloads / "11.csv", slug="daily")
        assert alone.notes == cut_off.notes

    def test_a_file_of_several_countries_is_shared_out_and_kept_once(self, tmp_path, instance):
        playlists = tmp_path / "countries.yaml"
        entries = [
            f"  - {{slug: {code}, title: T, source: charts, chart: regional-{code}-daily}}" for code in ("jp", "fr")
        ]
        playlists.write_text("\n".join(["start: 2026-11-01", "playlists:", *entries]), encoding="utf-8")
        environment = {"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}
        platform = Platform(environment, instance)
        path = tmp_path / "all.csv"
        path.write_text(COUNTRIES, encoding="utf-8")
        for _ in range(2):  # the second time it is there already
            verdicts = judge(find_files([path]), platform.settings, platform.store, None)
            assert {verdict.slug: verdict.days for verdict in verdicts} == {"jp": [DAY], "fr": [DAY]}
            assert land(verdicts, platform.store) == {"jp": [DAY], "fr": [DAY]}
            assert platform.store.list_keys("") == ["landing/charts/all.csv"]

    @pytest.mark.parametrize("landed_before", [True, False])
    def test_quotes_and_line_ends_make_no_other_file(self, desk, landed_before):
        data = chart("傘", "Rain")
        one = desk.put(f"a/{NAME}", data)
        other = desk.put(f"b/{NAME}", data.replace(b"\n", b"\r\n").replace("傘".encode(), '"傘"'.encode()))
        if landed_before:
            desk.land(one)
        paths = [other] if landed_before else [one, other]
        assert refusals(desk.judge(*paths)) == []
        desk.land(*paths)
        assert desk.store.read(f"landing/charts/daily/{NAME}") == data


@pytest.mark.slow
class TestCommand:
    def test_a_dry_run_shows_the_table_and_writes_nothing(self, desk):
        path = desk.put("data (1).csv", archive(d17=["a", "b"], d19=["傘"]))
        done = desk.run("--dry-run", "--playlist", "daily", path)
        assert done.exit_code == 0
        heading, _, row, gaps, counts = done.output.splitlines()
        assert heading.split() == ["file", "playlist", "format", "days", "number", "rows"]
        assert row.removeprefix(str(path)).split() == [
            "daily",
            "playlist",
            "archive",
            "2026-11-17",
            "to",
            "2026-11-19",
            "2",
            "3",
        ]
        assert gaps == f"{path}: no chart for 2026-11-18"
        assert counts == "Files: 1 would be imported, 0 refused, 0 unchanged"
        assert desk.store.list_keys("") == []

    def test_good_files_are_imported_beside_bad_ones(self, desk):
        desk.put(NAME, chart("傘", "Rain"))
        desk.put("broken.csv", b"no,chart\n1,2\n")
        done = desk.run(desk.downloads, desk.downloads / "nothing.zip")
        assert done.exit_code == 1
        assert "daily 2026-11-19 to 2026-11-19: done" in done.stdout
        assert f"REFUSED {desk.downloads}/broken.csv, line 1: its header" in done.stderr
        assert "nothing.zip cannot be read" in done.stderr
        songs = desk.platform.rows("songs", date(2026, 11, 19), "daily")
        assert [(song["position"], song["song_name"], song["streams"]) for song in songs] == [
            (1, "傘", 100),
            (2, "Rain", 100),
        ]
        with duckdb.connect(str(desk.downloads.parent / "lake/catalog.duckdb"), read_only=True) as catalog:
            assert catalog.execute("select count(*) from songs").fetchone() == (2,)
        assert {run.job_name for run in desk.platform.instance.get_runs()} == {"chart_files_job", "publish_job"}

    def test_the_last_line_counts_and_the_exit_code_says_whether_all_is_well(self, desk, without_publishing):
        desk.put(NAME, chart("傘"))
        first = desk.run(desk.downloads)
        desk.put(NAME.replace("19", "18"), chart("傘"))
        second = desk.run(desk.downloads)
        desk.put("broken.csv", b"no,chart\n1,2\n")
        third = desk.run(desk.downloads)
        assert first.exit_code == 0, first.output
        assert [(done.exit_code, done.stdout.splitlines()[-1]) for done in (first, second, third)] == [
            (0, "Files: 1 imported, 0 refused, 0 unchanged"),
            (0, "Files: 1 imported, 0 refused, 1 unchanged"),
            (1, "Files: 0 imported, 1 refused, 2 unchanged"),
        ]

    def test_a_run_that_fails_is_in_the_exit_code(self, desk, monkeypatch, without_publishing):
        desk.put(NAME, chart("傘"))
        monkeypatch.setattr(runs, "failures_of", lambda result: ["The lake is full."])
        done = desk.run(desk.downloads)
        assert done.exit_code == 1
        assert "daily 2026-11-19 to 2026-11-19: FAILED" in done.stdout
        assert "The lake is full." in done.stderr

    def test_a_day_that_stays_withdrawn_is_named(self, desk, without_publishing):
        desk.put(NAME, chart("傘"))
        assert desk.run(desk.downloads).exit_code == 0
        RawLayer(desk.store).withdraw("daily", date(2026, 11, 19), "wrong country")
        done = desk.run(desk.downloads)
        assert done.exit_code == 0, done.output
        assert "daily 2026-11-19: stays withdrawn (wrong country)" in done.stdout
        assert "`spotify-assets withdraw daily 2026-11-19 --restore --why REASON`" in done.stdout
        assert desk.platform.rows("songs", date(2026, 11, 19), "daily") == []

    def test_refusals_say_where_the_file_lies(self, desk):
        desk.put("a/broken.csv", b"no,chart\n1,2\n")
        with zipfile.ZipFile(desk.downloads / "b.zip", "w") as zipped:
            zipped.writestr("deep/broken.csv", b"")
        desk.put("c.csv", archive(d19=["Rain"]))
        desk.put(NAME.replace("11-19", "10-31"), chart("Rain"))
        refused = [line for line in desk.run("--dry-run", desk.downloads).stderr.splitlines() if "REFUSED" in line]
        there = f"REFUSED {desk.downloads}"
        assert refused == [
            f"{there}/a/broken.csv, line 1: its header is that of no known chart file.",
            f"{there}/b.zip/deep/broken.csv: it is empty.",
            f"{there}/c.csv: it is not certain which playlist this file is for.",
            f"{there}/regional-jp-daily-2026-10-31.csv holds 2026-10-31, which is before the first partition, "
            "2026-11-01.",
        ]

    def test_without_a_playlist_of_chart_files_the_way_to_one_is_told(self, desk):
        desk.put(NAME, chart("傘"))
        settings = load_settings({})
        (refusal,) = refusals(judge(find_files([desk.downloads]), settings, desk.store, None))
        assert "there is no playlist for it" in refusal
        assert "set SPOTIFY_ASSETS_PLAYLISTS to the path of that file" in refusal

    def test_a_folder_without_chart_files(self, desk):
        done = desk.run(desk.downloads)
        assert done.exit_code == 1
        assert "a chart file ends in .csv or .csv.gz" in done.stderr


@pytest.mark.slow
class TestMaterializing:
    def test_a_file_put_there_by_hand(self, desk):
        desk.store.write(f"landing/charts/{NAME}", chart("傘"))
        result = desk.materialize("2026-11-19")
        assert result.success, failures_of(result)
        (song,) = desk.platform.rows("songs", date(2026, 11, 19), "daily")
        assert song["song_name"] == "傘"
        (snapshot,) = desk.platform.rows("snapshots", date(2026, 11, 19), "daily")
        assert (snapshot["source"], snapshot["chart_date"], snapshot["listed"]) == ("charts", date(2026, 11, 19), 1)

    def test_stored_days_are_not_read_again_and_need_no_file(self, desk):
        desk.land(desk.put("data.csv", archive(d18=["a"], d19=["b"])), slug="daily")
        assert desk.materialize("2026-11-18", "2026-11-19").success
        before = desk.platform.objects("")
        (desk.downloads.parent / "lake/landing/charts/daily/data.csv").unlink()
        result = desk.materialize("2026-11-18", "2026-11-19")
        assert result.success, failures_of(result)
        assert {**desk.platform.objects(""), "landing/charts/daily/data.csv": archive(d18=["a"], d19=["b"])} == before

    def test_a_newer_file_wins_over_the_stored_snapshot(self, desk):
        desk.store.write(f"landing/charts/{NAME}", chart("Rain"))
        assert desk.materialize("2026-11-19").success
        desk.store.write(f"landing/charts/{NAME}", chart("Sun"))
        assert desk.materialize("2026-11-19").success
        assert desk.platform.rows("songs", date(2026, 11, 19), "daily")[0]["song_name"] == "Sun"
        assert len(desk.store.list_keys("raw_playlist/")) == 2

    def test_days_of_no_file_are_named_and_nothing_is_written(self, desk):
        desk.land(desk.put("data.csv", archive(d17=["a"], d19=["b"])), slug="daily")
        result = desk.materialize("2026-11-16", "2026-11-19")
        (message,) = failures_of(result)
        assert "There is no playlist for 2 of 4 days: 2026-11-16, 2026-11-18." in message
        assert "charts import" in message
        assert desk.store.list_keys("raw_playlist/") == []

    def test_a_bucket_holds_the_same_as_a_folder(self, desk, aws, instance, tmp_path):
        aws.create_bucket("lake")
        (tmp_path / "other").mkdir()
        on_s3 = Desk(tmp_path / "other", "s3://lake/charts", instance)
        tables = []
        with on_s3.platform:
            for place in (desk, on_s3):
                assert place.land(place.put(NAME, chart("傘", "Rain"))) == {"daily": [date(2026, 11, 19)]}
                result = place.materialize("2026-11-19", tables=("songs",))
                assert result.success, failures_of(result)
                tables.append(place.platform.objects("songs/"))
        assert tables[0] == tables[1]
        assert len(tables[0]) == 1


class TestProject:
    def test_a_project_of_charts_alone_loads_and_has_no_daily_job(self, desk):
        dg.Definitions.validate_loadable(desk.platform.definitions)
        repository = desk.platform.definitions.get_repository_def()
        assert "daily_playlist_job" not in repository.job_names
        assert repository.schedule_defs == []

    def test_the_daily_job_leaves_charts_to_their_files(self, tmp_path):
        playlists = tmp_path / "playlists.yaml"
        playlists.write_text(TWO + "  - {slug: demo, title: Demo, source: demo}\n", encoding="utf-8")
        lake = str(tmp_path / "lake")
        definitions = build_definitions(
            load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(playlists), "SPOTIFY_ASSETS_LAKE": lake})
        )
        dg.Definitions.validate_loadable(definitions)
        keys = definitions.resolve_job_def("daily_playlist_job").asset_layer.executable_asset_keys
        assert {key.path[0] for key in keys} == {"demo"}


REAL = """
start: 2017-03-01
playlists:
  - {slug: top_50, title: Top 50, source: charts, chart: regional-jp-daily}
  - {slug: top_200, title: Top 200, source: charts, chart: regional-jp-daily}
  - {slug: old_jp, title: Old, source: charts, chart: regional-jp-daily}
  - {slug: old_us, title: Old, source: charts, chart: regional-us-daily}
  - {slug: weekly_fr, title: Weekly, cadence: weekly, source: charts, chart: regional-fr-weekly}
"""
FILES = {
    "top_50": ["anxods_jp_top50_daily_2023-05_2024-11.csv.gz"],
    "top_200": ["anelas_jp_top200_daily_2026.csv.gz"],
    "old_jp": [
        "tanay_jp_top100_daily_2019H1.csv.gz",
        "regional-jp-daily-2017-03-01.csv",
        "regional-jp-daily-2019-12-17.csv",
    ],
    "old_us": ["tanay_us_top100_daily_2019H1.csv.gz"],
    "weekly_fr": ["regional-fr-weekly-2019-10-24.csv"],
}
RENAMED = {
    "regional-jp-daily-2017-03-01.csv": "regional-jp-daily-2017-03.csv",
    "regional-fr-weekly-2019-10-24.csv": "regional-fr-weekly-2019-10_note_row.csv",
}
COLUMNS = "snapshot_date, position, song_name, streams"
GAPS = ["2024-03-14", "2024-03-25", "2024-07-11", "2024-08-13"]
KEYS = {
    "day": ("date", "chart_date"),
    "position": ("position", "rank", "Position"),
    "title": ("song", "title", "Track Name"),
    "streams": ("streams", "Streams"),
}


IMPORTED = "top_200"
"""The playlist whose file the command imports."""


class Real:
    """All real files in one project: one imported by the command, the others judged, landed and read."""

    def __init__(self, folder, instance):
        self.folder = folder
        (folder / "playlists.yaml").write_text(REAL, encoding="utf-8")
        self.environment = {
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
            "SPOTIFY_ASSETS_LAKE": str(folder / "lake"),
        }
        self.platform = Platform(self.environment, instance)
        for slug, names in FILES.items():
            (folder / slug).mkdir()
            for name in names:
                shutil.copy(CHARTS / RENAMED.get(name, name), folder / slug / name)
        self.imported = self.import_by_command(IMPORTED)

    def import_by_command(self, slug, *options):
        arguments = ["charts", "import", *options, "--playlist", slug, str(self.folder / slug)]
        return CliRunner().invoke(main, arguments, env=self.environment)

    def songs(self, slug):
        """Day, position, title and streams of all rows of the table, of the playlist's own project."""
        if slug == IMPORTED:
            with duckdb.connect(str(self.folder / "lake/catalog.duckdb"), read_only=True) as catalog:
                return catalog.table("songs").order("snapshot_date, position").select(COLUMNS).fetchall()
        days = self.land(slug)
        (playlist,) = (found for found in self.platform.settings.playlists if found.slug == slug)
        source = ChartsSource(self.platform.store, [playlist])
        snapshots = [source.fetch(playlist, day, None, may_retry=False) for day in days]
        frame = daily_tables(snapshots, playlist.cadence)["songs"]
        return [tuple(row) for row in frame[COLUMNS.split(", ")].itertuples(index=False)]

    def judge(self, slug):
        verdicts = judge(find_files([self.folder / slug]), self.platform.settings, self.platform.store, slug)
        assert not refusals(verdicts)
        return verdicts

    def land(self, slug):
        """The days of the files of a playlist, which are in the landing folder afterwards."""
        return land(self.judge(slug), self.platform.store)[slug]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patch:
        patch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
        yield Real(tmp_path_factory.mktemp("real"), instance)


def composed(title):
    """A title as the tables have it: trimmed, and in composed letters."""
    return unicodedata.normalize("NFC", title).strip() if title else None


def rows_of(path):
    """The rows of a file as an independent reader sees them: day, position, title, streams."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    for row in csv.DictReader(io.StringIO("".join(lines[1:] if lines[0].startswith(",,,") else lines))):
        cells = {key: next((row[name] for name in names if name in row), None) for key, names in KEYS.items()}
        parts = [int(row[part]) for part in ("Year", "Month", "Day")] if "Year" in row else None
        day = date(*parts) if parts else date.fromisoformat(cells["day"] or path.name[-14:-4])
        yield day, int(cells["position"]), cells["title"] or None, int(cells["streams"]) if cells["streams"] else None


@pytest.mark.slow
@requires_real_data
class TestRealFiles:
    @pytest.mark.parametrize(
        ("slug", "days", "size"),
        [("top_50", 556, 50), ("top_200", 43, 200), ("old_jp", 183, None), ("old_us", 181, 100), ("weekly_fr", 1, 200)],
    )
    def test_every_row_of_every_file_is_in_the_tables(self, real, slug, days, size):
        rows = real.songs(slug)
        expected = sorted(
            (row for path in (real.folder / slug).iterdir() for row in rows_of(path)), key=lambda row: row[:2]
        )
        assert [row[:2] for row in rows] == [row[:2] for row in expected]
        assert [row[3] for row in rows] == [row[3] for row in expected]
        assert [composed(row[2]) for row in rows] == [composed(row[2]) for row in expected]
        counts = Counter(day for day, *_ in rows)
        assert len(counts) == days
        assert size is None or set(counts.values()) == {size}

    def test_the_36_incomplete_rows_are_reported_and_kept(self, real):
        rows = real.songs("top_200")
        incomplete = [row for row in rows if row[2] is None]
        assert (len(incomplete), len([row for row in incomplete if row[3] is not None])) == (36, 36)
        notes = [
            note
            for verdict in real.judge("top_200")
            for note in verdict.chart.notes
            if "neither title nor track id" in note
        ]
        assert sum(len(note.split(" at position")[1].split(",")) for note in notes) == 36

    def test_all_is_well(self, real):
        assert real.imported.exit_code == 0, real.imported.output

    def test_the_four_missing_days_are_named_by_the_import(self, real):
        shown = real.import_by_command("top_50", "--dry-run")
        assert shown.exit_code == 0, shown.output
        assert f"no chart for {', '.join(GAPS)}\n" in shown.output

    def test_the_four_missing_days_are_named_by_a_run(self, real):
        real.land("top_50")
        result = real.platform.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=real.platform.instance,
            asset_selection=[dg.AssetKey(["top_50", "raw_playlist"])],
            tags={RANGE_START_TAG: "2024-03-01", RANGE_END_TAG: "2024-08-31"},
            raise_on_error=False,
        )
        (message,) = failures_of(result)
        assert f"no playlist for 4 of 184 days: {', '.join(GAPS)}." in message

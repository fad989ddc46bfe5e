"""Importing a synthetic chart file of years, and the same runs with nothing to do. One piece of work per process.

    python -m benchmarks.chart_import write <file> <days> <gaps>     the chart file
    python -m benchmarks.chart_import judge <file>                   `charts import --dry-run`
    python -m benchmarks.chart_import import <file>                  `charts import`
    python -m benchmarks.chart_import tables <file>                  the same without the publish run at its end
    python -m benchmarks.chart_import nothing <file> <days> <gaps>   as many runs over the same days

The lake and the Dagster instance are new each time, on disk, and are removed afterwards.
"""

import csv
import gzip
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from spotify_assets import schemas
from spotify_assets.cli.chart_intake import judge, land
from spotify_assets.cli.found_files import find_files
from spotify_assets.cli.instance import open_instance
from spotify_assets.cli.main import main as command
from spotify_assets.cli.runs import run_range
from spotify_assets.definitions import build_definitions
from spotify_assets.jobs import CHART_FILES_JOB
from spotify_assets.partitions import consecutive
from spotify_assets.resources import build_lake
from spotify_assets.settings import load_settings

LAST_DAY = date(2026, 11, 20)
ROWS_PER_DAY = 50
SONGS = 4000
"""Different songs over all days: charts repeat themselves, and reading them may make use of that."""
HEADER = ("date", "position", "song", "artist", "popularity", "duration_ms", "release_date", "album_cover_url")
QUIET_INSTANCE = "telemetry: {enabled: false}\nnux: {enabled: false}\n"
PLAYLISTS = """
start: 2000-01-01
playlists:
  - {slug: chart, title: A chart, source: charts, chart: regional-jp-daily}
"""


def main(work: str, file: str, *numbers: str) -> None:
    """Do one piece of work."""
    if work == "write":
        write_archive(Path(file), days_with_gaps(*map(int, numbers)))
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "playlists.yaml").write_text(PLAYLISTS, encoding="utf-8")
        Path(folder, "dagster.yaml").write_text(QUIET_INSTANCE, encoding="utf-8")
        os.environ["SPOTIFY_ASSETS_PLAYLISTS"] = f"{folder}/playlists.yaml"
        os.environ["SPOTIFY_ASSETS_LAKE"] = f"{folder}/lake"
        os.environ["DAGSTER_HOME"] = folder
        if work == "nothing":
            do_nothing(days_with_gaps(*map(int, numbers)))
        elif work == "tables":
            make_tables(Path(file))
        else:
            command(["charts", "import", *(["--dry-run"] if work == "judge" else []), file])


def do_nothing(days: list[date]) -> None:
    """Run assets that do nothing in the runs that an import of these days is."""
    from benchmarks.do_nothing import build_nothing

    run_days(build_nothing(load_settings(), in_one_step=True), days)


def make_tables(file: Path) -> None:
    """Import a chart file and make its tables."""
    settings = load_settings()
    store = build_lake(settings.lake).store()
    (days,) = land(judge(find_files([file]), settings, store, None), store).values()
    run_days(build_definitions(settings), days)


def run_days(definitions: dg.Definitions, days: Sequence[date]) -> None:
    """Run all assets of the playlist for these days, as the command line does."""
    keys = [dg.AssetKey(["chart", name]) for name in ("raw_playlist", *schemas.TABLES)]
    with open_instance() as instance:
        job = definitions.resolve_job_def(CHART_FILES_JOB)
        chunks = [chunk for days in consecutive(days) for chunk in run_range(job, instance, keys, days)]
    failures = [failure for chunk in chunks for failure in chunk.failures]
    if failures:
        sys.exit("\n".join(failures))


def days_with_gaps(count: int, gaps: int) -> list[date]:
    """`count` days up to the last, with so many days missing at even distances between them."""
    span = [LAST_DAY - timedelta(days=number) for number in reversed(range(count + gaps))]
    missing = {span[(number + 1) * len(span) // (gaps + 1)] for number in range(gaps)}
    return [day for day in span if day not in missing]


def write_archive(path: Path, days: list[date]) -> None:
    """Write a playlist archive (gzip of CSV) of these days, newest first."""
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for day in reversed(days):
            writer.writerows(_row(day, place) for place in range(1, ROWS_PER_DAY + 1))


def _row(day: date, place: int) -> tuple[object, ...]:
    song = (day.toordinal() * 3 + place * place) % SONGS
    address = f"https://images.example/{song:040x}"
    return day, place, f"傘の歌 {song}", f"夜のバンド {song % 900}", song % 100, 180_000 + song, "2023-04-12", address


if __name__ == "__main__":
    main(*sys.argv[1:])

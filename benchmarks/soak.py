"""Many simulated days of `spotify-assets daily` with faults: is every day there at the end, and does anything grow?

    python -m benchmarks.soak                          400 days, some minutes; prints a table
    python -m benchmarks.soak --days 60 --seed 7       shorter, other faults

Each day at half past nine in Japan the command runs with the clock moved there: its schedule and sensors ask the
stand-in of the archive, find the day's chart file in the landing folder, and invent the demo chart. Of each kind of
fault every twentieth day has one: the process is killed at a write, the disk fills up at a write, the archive answers
404, 429, 500 or half a file, the chart file is damaged, the catalog fails. The archive itself has no list on every
fiftieth day. Once a month somebody tidies the instance and fills what is missing.
"""

import argparse
import errno
import os
import random
import re
import resource
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock

import duckdb
import time_machine
from click.testing import CliRunner

from spotify_assets.cli.deployment import fill, opened
from spotify_assets.cli.main import main as command_line
from spotify_assets.errors import CatalogUnavailable
from spotify_assets.settings import load_settings
from spotify_assets.storage import object_store
from spotify_assets.storage.layout import SENSOR_CURSORS_KEY
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.publish_runs import short_publish_runs
from spotify_assets_tests.stand_ins.github import JAPAN_TOP_50, REPOSITORY, GithubServer, make_list
from spotify_assets_tests.stand_ins.spotify import make_id

FIRST = date(2025, 10, 1)
"""Such that 400 days end before today: files whose time nobody sets must not look older than they are."""
MORNING = timedelta(minutes=30)
"""After midnight UTC: half past nine in Japan."""
SIZE = 50
ONE_IN = 20
ARCHIVE_GAP = 50
MONTH = 30
LAST_WRITE = 60
"""A morning of three sources writes about so often."""
KILLED = 137
PUBLISHED = re.compile(r"(?m)^(?:glue_crawler_sensor|a publish run).*: (?:done|FAILED)$")
PLAYLISTS = f"""
start: {FIRST}
playlists:
  - {{slug: archived, title: Top 50 - Japan, source: archive, playlist_id: {JAPAN_TOP_50}}}
  - {{slug: landed, title: Daily chart, source: charts, chart: regional-jp-daily}}
  - {{slug: invented, title: Invented, source: demo}}
"""
ANSWERS = {
    "404": {"status": 404, "body": b"404: Not Found"},
    "429": {"status": 429, "headers": {"Retry-After": "1800"}, "body": b"429: Too Many Requests"},
    "500": {"status": 500, "body": b"{}"},
    "cut": {"cut": True},
}


class Soak:
    """The simulated days, and what they leave.

    Attributes:
        faults: how often each kind of fault was made.
        counts: visits, those that failed, publish runs, and days that somebody had to fill.
        gaps: days without a list in the archive.
        released: days of each playlist that people see.
        problems: released days that were lost again, and errors that are no refusals.
    """

    def __init__(self, folder: Path, github: GithubServer, seed: int, *, report: bool = False) -> None:
        self.folder = folder
        self.lake = folder / "lake"
        self.home = folder / "home"
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.gaps: set[date] = set()
        self.released: set[tuple[str, date]] = set()
        self.problems: list[str] = []
        self._github = github
        self._report = report
        self._random = random.Random(seed)  # noqa: S311 - which faults there are is no secret
        self._landing = self.lake / "landing" / "charts"
        self._damaged: Path | None = None
        self._landing.mkdir(parents=True)
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (folder / "playlists.yaml").write_text(PLAYLISTS)
        os.environ |= {
            **github.environment(),
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
            "SPOTIFY_ASSETS_LAKE": str(self.lake),
            "DAGSTER_HOME": str(self.home),
        }

    def day(self, day: date, *, quiet: bool = False) -> None:
        """What happens on a day; a quiet one has no faults."""
        faults = {kind for kind in ("kill", "full disk", "answer", "landing", "catalog") if self._now_and_then()}
        self.faults.update(faults := set() if quiet else faults)
        self._record(day)
        self._land(day, damaged="landing" in faults)
        with ExitStack() as stack:
            if "answer" in faults:
                kind = self._random.choice(sorted(ANSWERS))
                self._github.fail(self._random.choice(["^/raw/", "^/api/"]), times=99, **ANSWERS[kind])
                stack.callback(self._github._faults.clear)
            if "catalog" in faults:
                refusal = CatalogUnavailable("The catalog fails.", why="a fault", remedy="wait")
                stack.enter_context(mock.patch("spotify_assets.analytics.publishing.refresh", side_effect=refusal))
            if "full disk" in faults:
                stack.enter_context(at_a_write(self._random.randint(1, LAST_WRITE), fill_the_disk))
            if "kill" in faults:
                kill_at = self._random.randint(1, LAST_WRITE)
                self._in_a_child(lambda: self.visit("daily"), kill_at)
            else:
                self.visit("daily")
        released = self.read("select distinct playlist, snapshot_date from snapshots")
        lost = self.released - set(released)
        self.problems += [f"{slug} {of} was released, and is not on {day}" for slug, of in sorted(lost)]
        self.released = set(released)

    def month(self, last: date) -> list[tuple[str, date]]:
        """Tidy the instance, and fill the days that are missing up to the last one; these days."""
        self.visit("tidy", "--keep", str(MONTH))
        missing = self.missing(last)
        settings = load_settings()
        with opened(settings) as deployment:
            for playlist in settings.playlists:
                for day in (day for slug, day in missing if slug == playlist.slug):
                    self.counts[f"filled {playlist.slug}"] += 1
                    fill(deployment, playlist, [day])
        return missing

    def missing(self, last: date) -> list[tuple[str, date]]:
        """The days that are not stored, and that their source has."""
        raw = RawLayer(object_store.LocalObjectStore(self.lake))
        days = [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]
        return [
            (slug, day)
            for slug in ("archived", "invented", "landed")
            for day in sorted(set(days) - set(raw.files(slug).by_day))
            if slug != "archived" or day not in self.gaps
        ]

    def read(self, query: str) -> list[tuple]:
        """Ask what people see."""
        catalog = self.lake / "catalog.duckdb"
        if not catalog.exists():
            return []
        with duckdb.connect(str(catalog), read_only=True) as connection:
            return connection.sql(query).fetchall()

    def wrong(self, last: date) -> list[str]:
        """The days that are not as their source had them."""
        days = [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]
        found = {
            (slug, day): songs
            for slug, day, songs in self.read(
                "select playlist, snapshot_date, list({'at': position, 'id': song_id} order by position) from"
                " (from songs select playlist, snapshot_date, position, song_id"
                " union all from rejects select playlist, snapshot_date, position, null) group by all"
            )
        }
        expected = {("archived", day): songs_of("archived", day) for day in days if day not in self.gaps}
        expected |= {("landed", day): songs_of("landed", day) for day in days}
        expected |= {("invented", day): None for day in days}
        wrong = [f"{slug} {day} is there, and should not be" for slug, day in found.keys() - expected.keys()]
        for (slug, day), songs in expected.items():
            got = found.get((slug, day))
            if got is None:
                wrong.append(f"{slug} {day} is missing")
            elif [row["at"] for row in got] != list(range(1, SIZE + 1)):
                wrong.append(f"{slug} {day} has other positions than 1 to {SIZE}")
            elif songs and [row["id"] for row in got] != [make_id("track", song) for song in songs]:
                wrong.append(f"{slug} {day} has other songs than its source")
        return wrong

    def _now_and_then(self) -> bool:
        return self._random.random() < 1 / ONE_IN

    def _record(self, day: date) -> None:
        if self._random.random() < 1 / ARCHIVE_GAP:
            self.gaps.add(day)
            return
        renewed = f"{day - timedelta(days=1)} 13:52:15"
        self._github.record(REPOSITORY, f"{day}T00:20:00Z", make_list(songs_of("archived", day), renewed=renewed))

    def _land(self, day: date, *, damaged: bool) -> None:
        """The day's chart file comes; whoever landed a damaged one the day before replaces it."""
        if self._damaged:
            land(self._damaged, chart_file(date.fromisoformat(self._damaged.stem[-10:])))
        path = self._landing / f"regional-jp-daily-{day}.csv"
        content = chart_file(day)
        land(path, content[: self._random.randint(0, len(content) - 2)] if damaged else content)
        self._damaged = path if damaged else None

    def visit(self, *arguments: str) -> None:
        """Run the command at this moment, in this process."""
        result = CliRunner().invoke(command_line, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            trace = "".join(traceback.format_exception(result.exception))
            self.problems.append(f"{datetime.now(UTC).date()}: {trace}")
        self.counts["visits"] += 1
        self.counts["failed"] += bool(result.exit_code)
        self.counts["published"] += len(
            re.findall(r"^(?:glue_crawler_sensor|a publish run).*: (?:done|FAILED)$", result.output, re.MULTILINE)
        )
        if result.exit_code and self._report:
            print(f"{datetime.now(UTC):%Y-%m-%d} {' '.join(arguments)}:\n{result.output}", flush=True)

    def _in_a_child(self, work: Callable[[], None], kill_at: int) -> None:
        """Do it in a process that is killed at a write, or does not write so often."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the stand-in's thread
            child = os.fork()
        if not child:
            try:
                with at_a_write(kill_at, lambda: os._exit(KILLED)):
                    work()
            finally:
                os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.counts["killed"] += status == KILLED


def songs_of(slug: str, day: date) -> range:
    """The songs of a day: another one each day."""
    first = (day - FIRST).days + (1000 if slug == "landed" else 0)
    return range(first, first + SIZE)


def chart_file(day: date) -> bytes:
    """The chart of a day as people download it."""
    rows = [
        f"{position},spotify:track:{make_id('track', song)},Hoshi {song % 30},Song {song},Label,1,1,9,{1000 - position}"
        for position, song in enumerate(songs_of("landed", day), 1)
    ]
    header = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams"
    return "\n".join([header, *rows, ""]).encode()


def land(path: Path, content: bytes) -> None:
    """Put a file there at this simulated moment."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    set_time(path)


def set_time(file: Path | int) -> None:
    """Give a file the simulated time, which the system does not know."""
    os.utime(file, (time.time(), time.time()))


@contextmanager
def simulated_clock() -> Iterator[time_machine.Traveller]:
    """A clock that moves on command: of this process, and of the files that the lake writes."""
    synchronise, stored = os.fsync, object_store._stored

    def synchronise_and_set_time(file: int) -> None:
        synchronise(file)
        set_time(file)

    def stored_when_written(key: str, entry: os.DirEntry) -> object_store.StoredObject | None:
        found = stored(key, entry)
        return found and replace(found, modified=datetime.fromtimestamp(entry.stat().st_mtime, UTC))

    with (
        mock.patch("os.fsync", synchronise_and_set_time),
        mock.patch.object(object_store, "_stored", stored_when_written),
        time_machine.travel(datetime.combine(FIRST, datetime.min.time(), UTC), tick=True) as traveller,
    ):
        yield traveller


@contextmanager
def at_a_write(number: int, fault: Callable[[], None]) -> Iterator[None]:
    """The n-th write of the lake, and all after it, meet a fault."""
    synchronise, writes = os.fsync, 0

    def meet_fault(file: int) -> None:
        nonlocal writes
        writes += 1
        if writes >= number:
            fault()
        synchronise(file)

    with mock.patch("os.fsync", meet_fault):
        yield


def fill_the_disk() -> None:
    """What a full disk answers."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def size_of(folder: Path) -> tuple[int, float]:
    """Number of files, and megabytes; of a file with several names once."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return len(found), sum({one.st_ino: one.st_size for one in found}.values()) / 1e6


def row_of(soak: Soak, number: int, processor: float) -> dict[str, str]:
    """What the table has of a moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    lake_files, lake_size = size_of(soak.lake)
    instance_files, instance_size = size_of(soak.home)
    cursors = soak.lake / SENSOR_CURSORS_KEY
    events = soak.home / "history" / "runs" / "index.db"
    return {
        "day": f"{number}",
        "failed": f"{soak.counts['failed'] + soak.counts['killed']}",
        "publish runs": f"{soak.counts['published']}",
        "filled": f"{sum(count for name, count in soak.counts.items() if name.startswith('filled'))}",
        "RSS MB": f"{pages * resource.getpagesize() / 1e6:.0f}",
        "lake files": f"{lake_files}",
        "lake MB": f"{lake_size:.1f}",
        "instance files": f"{instance_files}",
        "instance MB": f"{instance_size:.1f}",
        "events MB": f"{events.stat().st_size / 1e6 if events.exists() else 0:.1f}",
        "cursors B": f"{cursors.stat().st_size if cursors.exists() else 0}",
        "s a day": f"{processor:.2f}",
    }


def soak(folder: Path, days: int, seed: int, every: int = 50, *, report: bool = False) -> Soak:
    """Let days pass. Once a month, and at the end, somebody fills what no later run has healed."""
    with GithubServer() as github, simulated_clock() as clock:
        soaked = Soak(folder, github, seed, report=report)
        started = time.process_time()
        for number in range(1, days + 1):
            day = FIRST + timedelta(days=number - 1)
            clock.move_to(datetime.combine(day, datetime.min.time(), UTC) + MORNING, tick=True)
            with ExitStack() as stack:
                if number % every:
                    stack.enter_context(short_publish_runs())
                soaked.day(day, quiet=number == days)
                filled = soaked.month(day) if number % MONTH == 0 or number == days else []
                if filled:
                    print(f"{day}: somebody fills {', '.join(f'{slug} {of}' for slug, of in filled)}", flush=True)
                    soaked.visit("daily")
            if number % every == 0 or number == days:
                row = row_of(soaked, number, (time.process_time() - started) / (number % every or every))
                started = time.process_time()
                if number == min(every, days):
                    print(" | ".join(row))
                print(" | ".join(value.rjust(len(name)) for name, value in row.items()), flush=True)
        return soaked


def main() -> None:
    """Soak, and print what grew and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=50, help="days between two rows of the table")
    parser.add_argument("--report", action="store_true", help="print what failed visits print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked = soak(Path(folder), arguments.days, arguments.seed, arguments.every, report=arguments.report)
        print(f"faults: {dict(soaked.faults)}; {dict(soaked.counts)}; days without a list: {len(soaked.gaps)}")
        wrong = soaked.problems + soaked.wrong(FIRST + timedelta(days=arguments.days - 1))
    print("\n".join(wrong) or "every day is as its source had it")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()

"""Many simulated days of `spotify-assets daily` with faults: is every day there at the end, and does anything grow?

    python -m benchmarks.soak                          400 days, half an hour; prints a table
    python -m benchmarks.soak --days 60 --seed 7       shorter, other faults
    python -m benchmarks.soak --days 60 --bucket       in a bucket, with a crawler; counts the crawls

Each day at half past nine in Japan the command runs with the clock moved there: its schedule and sensors ask the
stand-ins of Spotify and of the archive, find the day's chart file in the landing folder, and invent the demo chart. Of
each kind of fault every twentieth day has one: the process is killed at a write, the disk fills up (or the bucket
refuses) from a write on, the archive answers 404, 429, 500 or half a file, Spotify answers 429, 500, half a page or
nothing, the chart file is damaged, the catalog fails. The archive itself has no list on every fiftieth day. Once a
month somebody tidies the instance and fills what is missing; Spotify's list of a day that is over is lost for ever.
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
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock

import time_machine
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner

from spotify_assets.analytics.released_tables import open_released_tables
from spotify_assets.cli.deployment import fill, opened
from spotify_assets.cli.main import main as command_line
from spotify_assets.errors import CatalogUnavailable, StorageError
from spotify_assets.resources import build_lake
from spotify_assets.schemas.analyses import COMPACTED
from spotify_assets.settings import load_settings
from spotify_assets.storage import object_store
from spotify_assets.storage.layout import SENSOR_CURSORS_KEY, landing_key
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.publish_runs import short_publish_runs
from spotify_assets_tests.stand_ins.aws import AwsStandIn
from spotify_assets_tests.stand_ins.github import JAPAN_TOP_50, REPOSITORY, GithubServer, make_list
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries, make_id

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
  - {{slug: streamed, title: Our list, source: spotify, playlist_id: {PLAYLIST_ID}}}
"""
FIRST_SONG = {"archived": 0, "landed": 1000, "streamed": 2000}
BUCKET, CRAWLER = "soak", "nightly"
FAULTS = ("kill", "full disk", "archive", "spotify", "landing", "catalog")
ROWS = "select snapshot_date, position, song_id from chart_entries order by all"
REJECTED = "select snapshot_date, rejected from chart_days"
ANSWERS = {
    "404": {"status": 404, "body": b"404: Not Found"},
    "429": {"status": 429, "headers": {"Retry-After": "1800"}, "body": b"429: Too Many Requests"},
    "500": {"status": 500, "body": b"{}"},
    "cut": {"cut": True},
}


class Soak:
    """The simulated days, and what they leave.

    Args:
        folder: for settings, the Dagster instance, and a lake that is no bucket.
        aws: where the bucket and the crawler are; None: the lake is a folder.

    Attributes:
        faults: how often each kind of fault was made.
        counts: visits, those that failed, publish runs, and days that somebody had to fill.
        gaps: days without a list in the archive.
        unlucky: days whose first visit failed, so that Spotify's list may be lost.
        released: days of each playlist that people see.
        problems: released days that were lost again, and errors that are no refusals.
    """

    def __init__(
        self,
        folder: Path,
        spotify: SpotifyServer,
        github: GithubServer,
        aws: AwsStandIn | None,
        seed: int,
        *,
        report: bool = False,
    ) -> None:
        self.home = folder / "home"
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.gaps: set[date] = set()
        self.unlucky: set[date] = set()
        self.released: set[tuple[str, date]] = set()
        self.problems: list[str] = []
        self._spotify = spotify
        self._github = github
        self._aws = aws
        self._report = report
        self._random = random.Random(seed)  # noqa: S311 - which faults there are is no secret
        self._damaged: date | None = None
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (folder / "playlists.yaml").write_text(PLAYLISTS)
        lake = f"s3://{BUCKET}/lake" if aws else str(folder / "lake")
        os.environ |= {
            **github.environment(),
            **spotify.environment(),
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
            "SPOTIFY_ASSETS_LAKE": lake,
            "DAGSTER_HOME": str(self.home),
        }
        if aws:
            os.environ |= {**aws.environment(), "GLUE_CRAWLER": CRAWLER}
            aws.create_bucket(BUCKET)
            aws.create_crawler(CRAWLER, "spotify_assets", lake)
        self.store = build_lake(lake).store()

    def day(self, day: date, *, quiet: bool = False) -> None:
        """What happens on a day; a quiet one has no faults."""
        faults = {kind for kind in FAULTS if self._now_and_then()}
        self.faults.update(faults := set() if quiet else faults)
        self._record(day)
        self._land(day, damaged="landing" in faults)
        with ExitStack() as stack:
            if "archive" in faults:
                kind = self._random.choice(sorted(ANSWERS))
                self._github.fail(self._random.choice(["^/raw/", "^/api/"]), times=99, **ANSWERS[kind])
                stack.callback(self._github._faults.clear)
            if "spotify" in faults:
                self._fail_spotify()
                stack.callback(self._spotify._faults.clear)
            if "catalog" in faults:
                refusal = CatalogUnavailable("The catalog fails.", why="a fault", remedy="wait")
                stack.enter_context(mock.patch("spotify_assets.analytics.publishing.refresh", side_effect=refusal))
            if "full disk" in faults:
                fault = refuse_an_object if self._aws else fill_the_disk
                stack.enter_context(at_a_write(self._random.randint(1, LAST_WRITE), fault))
            if "kill" in faults:
                kill_at = self._random.randint(1, LAST_WRITE)
                well = self._in_a_child(lambda: self.visit("daily"), kill_at)
            else:
                well = self.visit("daily")
        if not well:
            self.unlucky.add(day)
        self._look(day, well=well)

    def _look(self, day: date, *, well: bool) -> None:
        """What was released is still there, or a reader is refused until the next visit if this one failed."""
        try:
            released = set(self.read())
        except StorageError as refusal:
            self.counts["readers refused"] += 1
            self.problems += [f"{day}: {refusal}"] if well else []
            return
        self.problems += [
            f"{slug} {of} was released, and is not on {day}" for slug, of in sorted(self.released - released)
        ]
        self.released = released

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
        raw = RawLayer(self.store)
        days = days_until(last)
        return [
            (slug, day)
            for slug in ("archived", "invented", "landed")
            for day in sorted(set(days) - set(raw.files(slug).by_day))
            if slug != "archived" or day not in self.gaps
        ]

    def read(self) -> dict[tuple[str, date], list[tuple[int | None, str | None]]]:
        """What people see: position and song of each row, by playlist and day; of those that were rejected neither.

        Raises:
            StorageError: nothing is released, or a run that was killed has left what the next one makes anew.
        """
        found: dict[tuple[str, date], list[tuple[int | None, str | None]]] = {}
        with open_released_tables(self.store, "500MB", of_one_run=True) as released:
            for slug in sorted(released.playlists):
                released.show(list(COMPACTED), slug)
                for row in released.answer(ROWS).to_pylist():
                    found.setdefault((slug, row["snapshot_date"]), []).append((row["position"], row["song_id"]))
                for row in released.answer(REJECTED).to_pylist():
                    found[slug, row["snapshot_date"]] += [(None, None)] * row["rejected"]
        return found

    def crawls(self) -> int:
        """How often the crawler was started."""
        return len(self._aws.client("glue").list_crawls(CrawlerName=CRAWLER)["Crawls"]) if self._aws else 0

    def wrong(self, last: date) -> list[str]:
        """The days that are not as their source had them."""
        days = days_until(last)
        found = self.read()
        expected: dict[tuple[str, date], range | None] = {("invented", day): None for day in days}
        expected |= {("landed", day): songs_of("landed", day) for day in days}
        expected |= {("archived", day): songs_of("archived", day) for day in days if day not in self.gaps}
        expected |= {
            ("streamed", day): songs_of("streamed", day)
            for day in days
            if ("streamed", day) in found or day not in self.unlucky
        }
        wrong = [f"{slug} {day} is there, and should not be" for slug, day in found.keys() - expected.keys()]
        for (slug, day), songs in expected.items():
            got = found.get((slug, day))
            if got is None:
                wrong.append(f"{slug} {day} is missing")
            elif songs and got != [(place, make_id("track", song)) for place, song in enumerate(songs, 1)]:
                wrong.append(f"{slug} {day} has other songs or places than its source")
            elif len(got) != SIZE:
                wrong.append(f"{slug} {day} has {len(got)} rows and not {SIZE}")
        return wrong

    def _now_and_then(self) -> bool:
        return self._random.random() < 1 / ONE_IN

    def _record(self, day: date) -> None:
        songs = songs_of("streamed", day)
        self._spotify.add_playlist(PLAYLIST_ID, make_entries(SIZE, songs.start), snapshot_id=f"of-{day}")
        if self._random.random() < 1 / ARCHIVE_GAP:
            self.gaps.add(day)
            return
        renewed = f"{day - timedelta(days=1)} 13:52:15"
        self._github.record(REPOSITORY, f"{day}T00:20:00Z", make_list(songs_of("archived", day), renewed=renewed))

    def _fail_spotify(self) -> None:
        where = self._random.choice(["/api/token", "/playlists/", "/albums", "/artists"])
        kind = self._random.choice(["refuse", "limit", "drop", "cut"])
        if kind in ("drop", "cut"):
            {"drop": self._spotify.drop_next, "cut": self._spotify.cut_next}[kind](where, times=99)
        else:
            status, headers = (500, {}) if kind == "refuse" else (429, {"Retry-After": "80000"})
            self._spotify.answer_next(where, times=99, status=status, headers=headers, body={"error": {}})

    def _land(self, day: date, *, damaged: bool) -> None:
        """The day's chart file comes; whoever landed a damaged one the day before replaces it."""
        if self._damaged:
            self.store.write(landed_key(self._damaged), chart_file(self._damaged))
        content = chart_file(day)
        self.store.write(landed_key(day), content[: self._random.randint(0, len(content) - 2)] if damaged else content)
        self._damaged = day if damaged else None

    def visit(self, *arguments: str) -> bool:
        """Run the command at this moment, in this process; whether it ended well."""
        if self._aws:
            self._aws.order_crawl(polls=0)
        result = CliRunner().invoke(command_line, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            trace = "".join(traceback.format_exception(result.exception))
            self.problems.append(f"{datetime.now(UTC).date()}: {trace}")
        self.counts["visits"] += 1
        self.counts["failed"] += bool(result.exit_code)
        self.counts["published"] += len(PUBLISHED.findall(result.output))
        if result.exit_code and self._report:
            print(f"{datetime.now(UTC):%Y-%m-%d} {' '.join(arguments)}:\n{result.output}", flush=True)
        return not result.exit_code

    def _in_a_child(self, work: Callable[[], bool], kill_at: int) -> bool:
        """Do it in a process that is killed at a write, or does not write so often; whether it ended well."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the stand-in's thread
            child = os.fork()
        if not child:
            try:
                with at_a_write(kill_at, lambda: os._exit(KILLED)):
                    os._exit(not work())
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.counts["killed"] += status == KILLED
        return not status


def songs_of(slug: str, day: date) -> range:
    """The songs of a day: another one each day."""
    first = FIRST_SONG[slug] + (day - FIRST).days
    return range(first, first + SIZE)


def days_until(last: date) -> list[date]:
    """All simulated days up to this one."""
    return [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]


def landed_key(day: date) -> str:
    """Where the chart file of a day lands."""
    return landing_key(None, f"regional-jp-daily-{day}.csv")


def chart_file(day: date) -> bytes:
    """The chart of a day as people download it."""
    rows = [
        f"{position},spotify:track:{make_id('track', song)},Hoshi {song % 30},Song {song},Label,1,1,9,{1000 - position}"
        for position, song in enumerate(songs_of("landed", day), 1)
    ]
    header = "rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams"
    return "\n".join([header, *rows, ""]).encode()


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
    """The n-th write of the lake, and all after it, meet a fault: in a folder as in a bucket."""
    synchronise, call, writes = os.fsync, BaseClient._make_api_call, 0

    def count() -> None:
        nonlocal writes
        writes += 1
        if writes >= number:
            fault()

    def meet_fault(file: int) -> None:
        count()
        synchronise(file)

    def call_or_meet_fault(client: BaseClient, operation: str, request: dict) -> object:
        if operation in ("PutObject", "CopyObject", "UploadPart"):
            count()
        return call(client, operation, request)

    with mock.patch("os.fsync", meet_fault), mock.patch.object(BaseClient, "_make_api_call", call_or_meet_fault):
        yield


def fill_the_disk() -> None:
    """What a full disk answers."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refuse_an_object() -> None:
    """What a bucket answers that takes nothing more."""
    raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "Please try again."}}, "PutObject")


def size_of(folder: Path) -> tuple[int, float]:
    """Number of files, and megabytes; of a file with several names once."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return len(found), sum({one.st_ino: one.st_size for one in found}.values()) / 1e6


def row_of(soak: Soak, number: int, processor: float) -> dict[str, str]:
    """What the table has of a moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    lake = {stored.key: stored.size for stored in soak.store.list_objects("")}
    instance_files, instance_size = size_of(soak.home)
    events = soak.home / "history" / "runs" / "index.db"
    return {
        "day": f"{number}",
        "wrong": f"{len(soak.problems + soak.wrong(FIRST + timedelta(days=number - 1)))}",
        "failed": f"{soak.counts['failed'] + soak.counts['killed']}",
        "publish runs": f"{soak.counts['published']}",
        "crawls": f"{soak.crawls()}",
        "filled": f"{sum(count for name, count in soak.counts.items() if name.startswith('filled'))}",
        "RSS MB": f"{pages * resource.getpagesize() / 1e6:.0f}",
        "lake files": f"{len(lake)}",
        "lake MB": f"{sum(lake.values()) / 1e6:.1f}",
        "instance files": f"{instance_files}",
        "instance MB": f"{instance_size:.1f}",
        "events MB": f"{events.stat().st_size / 1e6 if events.exists() else 0:.1f}",
        "cursors B": f"{lake.get(SENSOR_CURSORS_KEY, 0)}",
        "s a day": f"{processor:.2f}",
    }


@contextmanager
def soak(
    folder: Path, days: int, seed: int, every: int = MONTH, *, bucket: bool = False, report: bool = False
) -> Iterator[Soak]:
    """Let days pass. Once a month, and at the end, somebody fills what no later run has healed."""
    with (
        SpotifyServer() as spotify,
        GithubServer() as github,
        AwsStandIn() if bucket else nullcontext() as aws,
        simulated_clock() as clock,
    ):
        soaked = Soak(folder, spotify, github, aws, seed, report=report)
        started = time.process_time()
        for number in range(1, days + 1):
            day = FIRST + timedelta(days=number - 1)
            clock.move_to(datetime.combine(day, datetime.min.time(), UTC) + MORNING, tick=True)
            with ExitStack() as stack:
                if number % every:
                    stack.enter_context(short_publish_runs())
                soaked.day(day, quiet=number == days)
                spotify.requests.clear()
                github.requests.clear()
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
        yield soaked


def main() -> None:
    """Soak, and print what grew and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=MONTH, help="days between two rows of the table")
    parser.add_argument("--bucket", action="store_true", help="the lake is a bucket, the catalog is Glue")
    parser.add_argument("--report", action="store_true", help="print what failed visits print")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        soak(
            Path(folder),
            arguments.days,
            arguments.seed,
            arguments.every,
            bucket=arguments.bucket,
            report=arguments.report,
        ) as soaked,
    ):
        wrong = soaked.problems + soaked.wrong(FIRST + timedelta(days=arguments.days - 1))
        print(f"faults: {dict(soaked.faults)}; {dict(soaked.counts)}; days without a list: {len(soaked.gaps)}")
        lost = [day for day in soaked.unlucky if ("streamed", day) not in soaked.released]
        print(f"days on which the first visit failed: {len(soaked.unlucky)}; of Spotify {len(lost)} are lost")
    print("\n".join(wrong) or "every day is as its source had it")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()

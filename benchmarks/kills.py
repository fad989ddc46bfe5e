"""Many kills: a process dies at a change of the lake, somebody reads, the next process heals. Is every byte there then?

    python -m benchmarks.kills --kills 1000          prints what was wrong, and a table of the operations
    python -m benchmarks.kills --kills 200 --seed 7  fewer, others

Each operation begins in a small published lake with something to do for it, in a process of its own, which ends without
a word (`os._exit`) at its n-th write, copy or removal; Dagster's instance is on the disk and keeps what the dead have
left. Every moment of every operation has its turn, in an order that the seed shuffles; every second lake meets several
deaths, some of them of who heals. After each death a reader may see what was released before or what is released
after, in all tables, or is refused by name; pages and star tables, which are written one by one, may be of two
releases, and are counted. Then `daily` heals and, where nothing is left of the operation, the
operation itself: the lake is then as if nobody had died.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from spotify_assets.analytics.releases import read_release
from spotify_assets.assets import publish_metadata
from spotify_assets.bi import pack  # noqa: F401 - imported before processes are forked, as is the report
from spotify_assets.cli import deployment
from spotify_assets.cli.main import main as command_line
from spotify_assets.partitions import today_in_japan
from spotify_assets.report import chart_report  # noqa: F401
from spotify_assets.resources import build_lake
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import landing_key
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers import preloaded  # noqa: F401
from spotify_assets_tests.helpers.chart_csv import chart
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.processes import Process
from spotify_assets_tests.matrix.disk import counted, dying_at
from spotify_assets_tests.matrix.lake import (
    DAYS,
    DEMO,
    LISTED,
    PLAYLISTS_FILE,
    catalog_of,
    content_of,
    differing,
    rows_of,
)
from spotify_assets_tests.stand_ins.spotify import make_entries

KILLED = 137
SHOWN_EVERY = 50
SEVERAL_IN = 2
MOST_DEATHS = 5
BEFORE, LAST = DAYS[0], DAYS[1]
NEWER, LAND = "newer list", "landed file"
"""What is stored of the last day: another list of the demo, a chart file."""
OF_LAST_DAY = [DEMO, str(LAST)]
OPERATIONS = {
    "publish": ["publish"],
    "daily": ["daily"],
    "rebuild": ["rebuild", *OF_LAST_DAY, str(LAST)],
    "import": ["charts", "import", f"regional-jp-daily-{LAST}.csv"],
    "withdraw": ["withdraw", *OF_LAST_DAY, "--why", "a wrong list"],
    "restore": ["withdraw", *OF_LAST_DAY, "--restore"],
    # Not of the chart: its landed file stays, and brings the day back when the sensor looks at all files again.
    "prune": ["prune", "--keep", "1", "--playlist", DEMO, "--yes"],
}
PUBLISHED = "published"
LAKES = {
    "daily": (PUBLISHED, LAND),
    "import": (PUBLISHED, "daily"),
    "prune": ("import", ""),
    "rebuild": ("import", NEWER),
    "publish": ("rebuild", "tables"),
    "withdraw": ("rebuild", "rebuild"),
    "restore": ("withdraw", "withdraw"),
}
"""For each operation the lake that it begins in: which one it was before, and what was done to that."""
OF_LISTED = f"playlist={LISTED}/"
WITH_TIMES = (
    "withdrawals/",
    f"raw_playlist/{OF_LISTED}",
    f"snapshots/{OF_LISTED}",
    f"report/playlists/{LISTED}.html",
    "report/.written.json",
)
"""Files that hold when somebody withdrew, or when a chart file came into the lake."""
MIXES = ("pages", "pack")
"""Files that people open one by one; and they are written so, after the release."""


class Ended(NamedTuple):
    """How an operation ended, and at how many changes of the lake."""

    exit_code: int | None
    output: str
    changes: int


class Seen(NamedTuple):
    """Digests of what people can read of a lake, by what they read it with; a refusal in its place is text."""

    query: Mapping[str, str] | str
    catalog: Mapping[str, str] | str
    pages: Mapping[str, str] | str
    pack: Mapping[str, str] | str


class Whole(NamedTuple):
    """A lake that nobody disturbed: its content, and what people see there."""

    content: Mapping[str, str]
    seen: Seen


class Kills:
    """A lake that is brought back before each operation, and what was seen.

    Attributes:
        counts: by operation and what was counted.
        problems: what must never be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake, self.home = folder / "lake", folder / "home"
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in OPERATIONS}
        self.problems: list[str] = []
        self._environment = {
            "SPOTIFY_ASSETS_PLAYLISTS": str(folder / "playlists.yaml"),
            "SPOTIFY_ASSETS_LAKE": str(self.lake),
            "DAGSTER_HOME": str(self.home),
            "TMPDIR": str(folder / "temporary"),  # the dead leave things there
        }
        self.home.mkdir()
        (folder / "temporary").mkdir()
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (folder / "playlists.yaml").write_text(PLAYLISTS_FILE)
        for day, titles in ((BEFORE, "abc"), (LAST, "cdb")):
            (folder / f"regional-jp-daily-{day}.csv").write_bytes(chart(*titles))
        self.store = build_lake(str(self.lake)).store()
        for arguments in (["fill", str(BEFORE), str(LAST)], ["charts", "import", f"regional-jp-daily-{BEFORE}.csv"]):
            self._well(arguments)
        self._keep(PUBLISHED)
        for name, (before, step) in LAKES.items():
            self._prepare(name, before, step)
        self.moments: dict[str, int] = {}
        self.whole = {name: self._undisturbed(name) for name in OPERATIONS}

    def _prepare(self, name: str, before: str, step: str) -> None:
        """Make the lake that an operation begins in."""
        self._bring_back(before)
        if step == LAND:
            file = f"regional-jp-daily-{LAST}.csv"
            self.store.write(landing_key(LISTED, file), (self.folder / file).read_bytes())
        elif step == NEWER:
            self._store_newer_list()
        elif step:
            self._well(["tables", str(LAST)] if step == "tables" else OPERATIONS[step])
        self._keep(name)

    def _store_newer_list(self) -> None:
        raw = RawLayer(self.store)
        (before,) = raw.read_days(DEMO, [LAST])
        moment = before.fetched_at + timedelta(hours=1)
        newer = make_snapshot(make_entries(20), LAST, slug=DEMO, source="demo", fetched_at=moment)
        raw.append(DEMO, [type(newer)(**{**vars(newer), "playlist_id": before.playlist_id})])

    def _undisturbed(self, name: str) -> tuple[Whole, Whole, Whole, Whole]:
        """The lake of before, and after a `daily`; that of after the operation, and after a `daily`."""
        self._bring_back(name)
        before = self._look()
        self._well(["daily"])
        before_later = self._look()
        self._bring_back(name)
        self.moments[name] = self._well(OPERATIONS[name]).changes
        after = self._look()
        self._well(["daily"])
        return before, before_later, after, self._look()

    def meet_deaths(self, name: str, moments: list[tuple[str, int]]) -> None:
        """Let an operation, and those that come after it, die at these moments; heal, and compare."""
        self._bring_back(name)
        what = f"{name}: " + ", then ".join(f"{operation} dies at change {number}" for operation, number in moments)
        known = self.whole[name]
        for operation, number in moments:
            ended = self._run(OPERATIONS[operation], number)
            if ended.exit_code == KILLED:
                self.counts[name]["kills"] += 1
            elif ended.exit_code:
                self._problem(name, "refused", f"{what}: {operation} was refused: {ended.output[-800:]}")
            self._read(name, what, known)
        ended = self._run(["daily"])
        if ended.exit_code:
            self._problem(name, "not healed", f"{what}: `daily` ended with {ended.exit_code}: {ended.output[-800:]}")
            return
        _, before, _, after = known
        healed = self._look()
        if healed.content != after.content and (name == "prune" or healed.content == before.content):
            self._run(OPERATIONS[name])
            ended = self._run(["daily"])
            self.counts[name]["done again"] += 1
            healed = self._look()
            what += ", done again"
        wrong = differing(after.content, healed.content)
        wrong += [field for field in Seen._fields if getattr(healed.seen, field) != getattr(after.seen, field)]
        if wrong or ended.exit_code:
            self._problem(name, "not healed", f"{what}: other {wrong}: {ended.output[-800:]}")

    def _read(self, name: str, what: str, known: tuple[Whole, ...]) -> None:
        """Look at the lake as people would: everything of one release."""
        seen = self._look_only()
        for reader in Seen._fields:
            found = getattr(seen, reader)
            releases = [getattr(whole.seen, reader) for whole in known]
            if isinstance(found, str):
                self.counts[name][f"{reader} refused"] += 1
                if "What to do:" not in found:
                    self._problem(name, "no remedy", f"{what}: {reader}: {found}")
            elif found not in releases and read_release(self.store).left_out:
                self.counts[name]["day left out"] += 1
            elif found not in releases and reader in MIXES:
                self.counts[name][f"{reader} of two releases"] += 1
            elif found not in releases:
                fewest = min((differing(release, found) for release in releases), key=len)
                self._problem(name, f"{reader} mixed", f"{what}: {reader}: beside the nearest release other {fewest}")

    def _problem(self, name: str, kind: str, text: str) -> None:
        self.counts[name][kind] += 1
        self.problems.append(text)
        print(text, flush=True)

    def _well(self, arguments: list[str]) -> Ended:
        ended = self._run(arguments)
        if ended.exit_code:
            raise SystemExit(f"{arguments} ended with {ended.exit_code} though nobody died: {ended.output}")
        return ended

    def _run(self, arguments: list[str], dies_at: int = 0) -> Ended:
        process = Process(self.folder, self._environment, operate, arguments, dies_at)
        exit_code, output, errors = process.end()
        for path in self.folder.parent.glob(f"{self.folder.name}-*.std*"):
            path.unlink()
        counted_changes = output.rpartition("changes: ")[2]
        return Ended(exit_code, output + errors, int(counted_changes) if counted_changes.strip().isdigit() else 0)

    def _keep(self, name: str) -> None:
        shutil.copytree(self.lake, self.folder / f"lake of {name}", copy_function=os.link)
        shutil.copytree(self.home, self.folder / f"home of {name}")

    def _bring_back(self, name: str) -> None:
        for path, copy in ((self.lake, os.link), (self.home, shutil.copy2)):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(self.folder / f"{path.name} of {name}", path, copy_function=copy)
        # Another name for a file makes it newer: what is newer than something else has to be so again.
        for path in sorted(filter(Path.is_file, self.lake.rglob("*")), key=lambda path: path.stat().st_mtime_ns):
            path.chmod(path.stat().st_mode)

    def _look(self) -> Whole:
        content = {key: digest for key, digest in content_of(self.store).items() if not key.startswith(WITH_TIMES)}
        return Whole(content, self._look_only())

    def _look_only(self) -> Seen:
        catalog = catalog_of(self.lake)
        of_release = catalog if isinstance(catalog, str) else {name: catalog[name] for name in ANALYSES}
        return Seen(rows_of(self.store), of_release, self._digests("report/**/*.html"), self._digests("bi/star/*/*"))

    def _digests(self, pattern: str) -> dict[str, str]:
        found = self.lake.glob(pattern)
        digests = {str(path.relative_to(self.lake)): sha256(path.read_bytes()).hexdigest() for path in found}
        return {key: digest for key, digest in digests.items() if not key.startswith(WITH_TIMES)}


def operate(arguments: list[str], dies_at: int) -> None:
    """In a process of its own: an operation, which dies at a change of the lake, or the number of its changes."""
    with ExitStack() as stack:
        # Pictures for Dagster's UI are half of a run's time, and not in the lake.
        nothing = {name: {} for name in ANALYSES}
        stack.enter_context(mock.patch.object(publish_metadata, "of_release", return_value={}))
        stack.enter_context(mock.patch.object(publish_metadata, "of_analyses", return_value=nothing))
        counter = stack.enter_context(dying_at(dies_at, lambda: os._exit(KILLED)) if dies_at else counted())
        if arguments[0] not in ("publish", "fill", "tables"):
            command_line(arguments, standalone_mode=False)
        else:
            settings = load_settings()
            with deployment.opened(settings) as opened:
                days = sorted(map(type(LAST).fromisoformat, arguments[1:]))
                do = {"fill": deployment.fill, "tables": deployment.make_tables}.get(arguments[0])
                well = do(opened, settings.playlists[0], days) if do else deployment.publish(opened)
                if not well:
                    raise SystemExit(1)
    if not dies_at:
        print(f"changes: {counter.changes}")


def plan(moments: Mapping[str, int], chance: random.Random) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Operations and at which of their changes they die, without an end: first all moments, each once."""
    single = [(name, number) for name, changes in moments.items() for number in range(1, changes + 1)]
    chance.shuffle(single)
    for lake in range(1, 10**9):
        if lake % SEVERAL_IN and single:
            name, number = single.pop()
            yield name, [(name, number)]
            continue
        name = chance.choice(list(moments))
        # Who withdraws twice withdraws another list.
        later = ["daily", "publish", *([name] if name in ("rebuild", "import", "prune") else [])]
        healing = [chance.choice(later) for _ in range(chance.randrange(1, MOST_DEATHS))]
        yield name, [(one, chance.randint(1, moments[one])) for one in [name, *healing]]


def main() -> None:
    """Kill, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # With all that publish runs import: that is much of what a process costs.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["__main__"])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kills").mkdir()
        kills = Kills(Path(folder) / "kills")
        print(f"changes of the lake: {kills.moments}", flush=True)
        chance = random.Random(arguments.seed)  # noqa: S311 - who dies when is no secret
        shown = 0
        for name, moments in plan(kills.moments, chance):
            started = time.monotonic()
            if today_in_japan() != DAYS[-1]:
                raise SystemExit("it is another day in Japan by now, which `daily` would fetch: begin anew")
            kills.meet_deaths(name, moments)
            print(f"{time.monotonic() - started:.0f} s: {name} {moments}", flush=True)
            done = sum(counts["kills"] for counts in kills.counts.values())
            if done // SHOWN_EVERY > shown or done >= arguments.kills:
                shown = done // SHOWN_EVERY
                print("\n".join(f"{name}: {dict(counts)}" for name, counts in kills.counts.items()), flush=True)
            if done >= arguments.kills:
                break
    raise SystemExit(bool(kills.problems))


if __name__ == "__main__":
    main()

"""Times the platform beside runs that do nothing, in turn, each in a process of its own, and prints ratios.

    python -m benchmarks.run                      load, daily and rebuild, three pairs each
    python -m benchmarks.run load daily           only these
    python -m benchmarks.run import --days 556    the import of a chart file of so many days, with four gaps
    python -m benchmarks.run --days 90            a shorter rebuild
    python -m benchmarks.run publish              publish runs at 90 days, one, five and ten years, one day changed

Single times say little on a shared machine; the ratio of two commands that ran in turn does. The peak is the most
memory that the process ever held (maximum resident set size).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

FIRST_DAY = date(2025, 1, 1)
GAPS = 4
"""Days that the imported file leaves out, each the end of a run: as many as a public archive of 556 days does."""
PUBLISHING = ("run", "release", "unchecked")
"""What is done of a publish run, see `publish`."""
HISTORIES = (90, 365, 1825, 3650)
"""Days of the histories that publish runs are timed with."""


class Cost(NamedTuple):
    """What a process took: wall and processor time in seconds, and its peak in megabytes."""

    wall: float
    processor: float
    peak: float


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=["load", "daily", "rebuild", "import", "publish", []])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--days", type=int, default=365)
    arguments = parser.parse_args()
    which = arguments.which or ["load", "daily", "rebuild"]
    with tempfile.TemporaryDirectory() as folder:
        if "load" in which:
            compare(
                "loading the definitions / import dagster",
                ["-m", "benchmarks.work", "load"],
                ["-c", "import dagster"],
                arguments.pairs,
            )
        if "daily" in which:
            run(["-m", "benchmarks.work", "daily", folder])
            compare(
                "daily job in process / import dagster, pandas, pyarrow",
                ["-m", "benchmarks.work", "daily", folder],
                ["-c", "import dagster, pandas, pyarrow"],
                arguments.pairs,
            )
        if "rebuild" in which:
            last = str(FIRST_DAY + timedelta(days=arguments.days - 1))
            run(["-m", "benchmarks.work", "fill", folder, str(FIRST_DAY), last])
            for title, work in (("one step", "nothing"), ("a step per table", "nothing-in-steps")):
                compare(
                    f"rebuild of {arguments.days} days / assets that do nothing, {title}",
                    ["-m", "benchmarks.work", "rebuild", folder, str(FIRST_DAY), last],
                    ["-m", "benchmarks.work", work, folder, str(FIRST_DAY), last],
                    arguments.pairs,
                )

        if "import" in which:
            compare_import(f"{folder}/archive.csv.gz", arguments.days, arguments.pairs)
        if "publish" in which:
            compare_publish(folder, arguments.pairs)


def compare_publish(folder: str, pairs: int) -> None:
    """Publish one changed day of a playlist of 50, at several lengths of the history, beside the shortest of them."""
    for days in HISTORIES:
        run(["-m", "benchmarks.publish", "fill", f"{folder}/{days}", str(days)])
        run(["-m", "benchmarks.publish", "run", f"{folder}/{days}"])
    costs: dict[tuple[int, str], list[Cost]] = {(days, work): [] for days in HISTORIES for work in PUBLISHING}
    for _ in range(pairs):
        for days, work in costs:
            run(["-m", "benchmarks.publish", "change", f"{folder}/{days}"])
            costs[days, work].append(run(["-m", "benchmarks.publish", work, f"{folder}/{days}"]))
    for days in HISTORIES:
        whole, release, unchecked = (costs[days, work] for work in PUBLISHING)
        cost = _medians(tuple(whole))
        print(
            f"publish run at {days} days: processor {_ratio(whole, costs[HISTORIES[0], 'run']):.2f} x that at "
            f"{HISTORIES[0]} days, {_ratio(whole, release):.2f} x without report and pack; without these, with digests "
            f"{_ratio(release, unchecked):.2f} x without   ({cost.wall:.1f} s, "
            f"processor {cost.processor:.1f} s, peak {cost.peak:.0f} MB, {pairs} pairs)",
            flush=True,
        )


def _ratio(costs: list[Cost], beside: list[Cost]) -> float:
    return statistics.median(one.processor / other.processor for one, other in zip(costs, beside, strict=True))


def compare_import(file: str, days: int, pairs: int) -> None:
    """Import a file beside as many runs that do nothing, and beside those that the same days without gaps would be."""
    work = ["-m", "benchmarks.chart_import"]
    run([*work, "write", file, str(days), str(GAPS)])
    judged = run([*work, "judge", file])
    print(f"reading and judging {days} days: {judged.wall:.1f} s, peak {judged.peak:.0f} MB", flush=True)
    made = run([*work, "tables", file])
    print(f"{days} days with all tables, not published: {made.wall:.1f} s, peak {made.peak:.0f} MB", flush=True)
    for title, gaps in (("the same runs", GAPS), ("no gaps", 0)):
        compare(
            f"import of {days} days / assets that do nothing, {title}",
            [*work, "import", file],
            [*work, "nothing", file, str(days), str(gaps)],
            pairs,
        )


def compare(title: str, work: list[str], beside: list[str], pairs: int) -> None:
    """Run both in turn and print the medians of the ratios."""
    costs = [(run(work), run(beside)) for _ in range(pairs)]
    wall = statistics.median(first.wall / second.wall for first, second in costs)
    processor = statistics.median(first.processor / second.processor for first, second in costs)
    first, second = (_medians(half) for half in zip(*costs, strict=True))
    print(
        f"{title}: {wall:.2f}, processor {processor:.2f}   ({first.wall:.1f} s / {second.wall:.1f} s, processor "
        f"{first.processor:.1f} s / {second.processor:.1f} s, peak {first.peak:.0f} MB / {second.peak:.0f} MB, "
        f"{pairs} pairs)",
        flush=True,
    )


def _medians(costs: tuple[Cost, ...]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def run(arguments: list[str]) -> Cost:
    """What one Python process takes. Ends the benchmark if the process fails."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}")
    # Linux counts in kibibytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    main()

"""Times the platform beside runs that do nothing, in turn, each in a process of its own, and prints ratios.

    python -m benchmarks.run              all three, three pairs each
    python -m benchmarks.run load daily   only these
    python -m benchmarks.run --days 90    a shorter rebuild

Single times say little on a shared machine; the ratio of two commands that ran in turn does.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2025, 1, 1)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=["load", "daily", "rebuild", []])
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


def compare(title: str, work: list[str], beside: list[str], pairs: int) -> None:
    """Run both in turn and print the median of the ratios."""
    times = [(run(work), run(beside)) for _ in range(pairs)]
    ratio = statistics.median(first / second for first, second in times)
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{title}: {ratio:.2f}   ({first:.1f} s / {second:.1f} s, {pairs} pairs)", flush=True)


def run(arguments: list[str]) -> float:
    """Wall time of one Python process, in seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

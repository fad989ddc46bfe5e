"""The analyses over a long history: all of them at once, and the refresh after one new day.

    python -m benchmarks.history                               one playlist of 200, one year
    python -m benchmarks.history --playlists 73 --years 10     53 million rows; needs 10 GB of disk

Prints seconds and peak memory of each stage, and after it the refresh, beside reading all compacted rows once. Charts
are synthetic: songs arrive, fade and are ranked anew each day, so that spells, re-entries and evergreens all occur.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from spotify_assets.analytics.compaction import Compaction
from spotify_assets.analytics.duckdb_engine import open_duckdb_engine
from spotify_assets.analytics.identity import identify
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.releases import Release, make_release, write_release
from spotify_assets.schemas import arrow_schema
from spotify_assets.schemas.analyses import CHART_DAYS, CHART_ENTRIES
from spotify_assets.storage.layout import RELEASE_KEY, Year, year_key
from spotify_assets.storage.object_store import LocalObjectStore
from spotify_assets.storage.parquet import encode

LAST_DAY = date(2026, 11, 22)
CHART_SIZE = 200
ARTISTS = 3000
GENRES = ["j-pop", "j-rock", "anime", "city pop", "k-pop", "idol", "j-rap", "vocaloid"]
DAYS_TO_FADE = 60


def main() -> None:
    """Fill a lake with a compacted history, make all analyses, add a day, make what has changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--playlists", type=int, default=1)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--memory-limit", default="512MB")
    arguments = parser.parse_args()
    days = [LAST_DAY - timedelta(days=number) for number in range(365 * arguments.years)][::-1]
    songs = Songs(len(days))
    with tempfile.TemporaryDirectory() as folder:
        store = LocalObjectStore(folder)
        digests: dict[Year, str] = {}
        with timed("writing the history"):
            for number in range(arguments.playlists):
                digests |= write_playlist(store, songs, f"chart_{number:02}", number, days[:-1])
        with timed("reading all compacted rows once"), duckdb.connect() as connection:
            rows = connection.read_parquet(str(Path(folder, CHART_ENTRIES.name, "*", "*", "*.parquet")))
            ((count, *_),) = rows.aggregate("count(*), bit_xor(hash(COLUMNS(*)))").fetchall()
            print(f"{count:,} rows in {len(digests)} files")
        release = make(store, "run-1", digests, arguments.memory_limit)
        write_release(store, release, RELEASE_KEY)
        year = LAST_DAY.year
        of_year = [day for day in days if day.year == year]
        for number in range(arguments.playlists):
            digests |= write_playlist(store, songs, f"chart_{number:02}", number, days, only=of_year)
        print("one new day:")
        make(store, "run-2", digests, arguments.memory_limit)


def make(store: LocalObjectStore, run: str, digests: dict[Year, str], memory_limit: str) -> Release:
    """Identify the songs and make the analyses that changed."""
    with timed("identifying songs"):
        identity = identify(store, digests)
    with (
        timed("all analyses"),
        open_lake_files(store) as files,
        open_duckdb_engine(files, digests, memory_limit) as engine,
    ):
        return make_release(files, engine, run, Compaction(digests, {}, {}), identity)


class Songs:
    """The songs of all playlists: when each one comes, how strong it is, and its facts as Arrow arrays."""

    def __init__(self, days: int) -> None:
        random = np.random.default_rng(0)
        count = CHART_SIZE + days * CHART_SIZE // 40
        self.arrival = np.sort(random.integers(-DAYS_TO_FADE, days, count))
        self.strength = random.gamma(2.0, 1.0, count)
        self.fading = DAYS_TO_FADE * random.lognormal(0, 0.7, count)
        leads = random.zipf(1.3, count) % ARTISTS
        others = random.integers(0, ARTISTS, (count, 2))
        credited = [
            [lead, *(other for other in pair if other % 3 == 0)]
            for lead, pair in zip(leads.tolist(), others.tolist(), strict=True)
        ]
        released = [LAST_DAY - timedelta(days=int(days - day + wait)) for day, wait in enumerate_waits(self.arrival)]
        keys = [[f"artist{artist:05}" for artist in dict.fromkeys(artists)] for artists in credited]
        self.columns = {
            "song_id": pa.array([f"song{number:018}" for number in range(count)]),
            "isrc": pa.array([f"JPX{number:09}" for number in range(count)]),
            "song_name": pa.array([f"Song {number}" for number in range(count)]),
            "lead_artist_key": pa.array([artists[0] for artists in keys]),
            "lead_artist_name": pa.array([f"The {artists[0]}" for artists in keys]),
            "artist_keys": pa.array(keys),
            "artist_names": pa.array([[f"The {artist}" for artist in artists] for artists in keys]),
            "album_key": pa.array([f"album{number // 3:017}" for number in range(count)]),
            "album_id": pa.array([f"album{number // 3:017}" for number in range(count)]),
            "album_name": pa.array([f"Album {number // 3}" for number in range(count)]),
            "album_total_tracks": pa.array([10] * count, pa.int32()),
            "release_date_from": pa.array(released),
            "release_date_to": pa.array(released),
            "duration_ms": pa.array(random.integers(150_000, 300_000, count), pa.int32()),
            "explicit": pa.array(random.random(count) < 0.1),
            "genres": pa.array(
                [GENRES[artists[0] % 8 : artists[0] % 8 + 1 + len(artists) % 2] for artists in credited]
            ),
        }

    def ranked(self, playlist: int, day: int) -> np.ndarray:
        """The songs of a playlist on a day, best first."""
        first, last = np.searchsorted(self.arrival, [day - 20 * DAYS_TO_FADE, day], side="right")
        age = day - self.arrival[first:last]
        noise = np.random.default_rng((playlist, day)).normal(0, 0.02, last - first)
        taste = np.random.default_rng(playlist).normal(0, 0.3, len(self.arrival))[first:last]
        score = self.strength[first:last] * np.exp(-age / self.fading[first:last]) + taste + noise
        return first + np.argsort(-score)[:CHART_SIZE]


def enumerate_waits(arrival: np.ndarray) -> Iterator[tuple[int, int]]:
    """The day of each arrival, and how many days after its release that was: most at once, some years later."""
    waits = np.random.default_rng(1).pareto(1.0, len(arrival)) * 5
    return zip(arrival.tolist(), np.minimum(waits, 20_000).astype(int).tolist(), strict=True)


def write_playlist(
    store: LocalObjectStore, songs: Songs, slug: str, number: int, days: list[date], only: list[date] | None = None
) -> dict[Year, str]:
    """Write the compacted history of a playlist, and give a digest of each year written."""
    digests: dict[Year, str] = {}
    for year in sorted({day.year for day in only or days}):
        of_year = [(place, day) for place, day in enumerate(days) if day.year == year]
        ranked = np.concatenate([songs.ranked(number, place) for place, _ in of_year])
        sizes = [len(songs.ranked(number, place)) for place, _ in of_year]
        store.write(year_key(CHART_ENTRIES.name, slug, year), encode(entry_rows(songs, ranked, sizes, of_year)))
        store.write(year_key(CHART_DAYS.name, slug, year), encode(day_rows(sizes, of_year)))
        digests[Year(slug, year)] = f"{len(ranked)} rows"
    return digests


def entry_rows(songs: Songs, ranked: np.ndarray, sizes: list[int], days: list[tuple[int, date]]) -> pa.Table:
    """Rows of chart_entries."""
    count = len(ranked)
    positions = np.concatenate([np.arange(1, size + 1) for size in sizes])
    columns = {name: values.take(pa.array(ranked)) for name, values in songs.columns.items()}
    columns |= {
        "snapshot_date": pa.array(np.repeat([day for _, day in days], sizes)),
        "position": pa.array(positions),
        "row_status": pa.array(["ok"] * count),
        "song_ref": columns["song_id"],
        "popularity": pa.array(np.maximum(0, 90 - positions // 4)),
        "streams": pa.array((800_000 / positions**0.6).astype(np.int64)),
    }
    schema = arrow_schema(CHART_ENTRIES)
    return pa.table(
        [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in schema
        ],
        schema=schema,
    )


def day_rows(sizes: list[int], days: list[tuple[int, date]]) -> pa.Table:
    """Rows of chart_days."""
    rows = [
        {
            "snapshot_date": day,
            "source": "demo",
            "cadence": "daily",
            "edition": day,
            "chart_size": CHART_SIZE,
            "listed": size,
            "accepted": size,
            "rejected": 0,
            "content_hash": "",
            "unchanged": False,
            "stale": False,
            "renewed_at": None,
            "failed_checks": None,
        }
        for size, (_, day) in zip(sizes, days, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(CHART_DAYS))


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took, and the most memory that the process has had until its end."""
    started, processor = time.perf_counter(), time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, busy = time.perf_counter() - started, time.process_time() - processor
    print(f"{what}: {seconds:.1f} s ({busy:.1f} s of processor), peak {peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()

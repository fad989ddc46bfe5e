"""Days of little charts written as the daily tables have them, and published; and damage to what is stored."""

from __future__ import annotations

import io
import itertools
from datetime import date, timedelta

import pyarrow.parquet as pq

from spotify_assets.analytics.compaction import compact
from spotify_assets.analytics.duckdb_engine import open_duckdb_engine
from spotify_assets.analytics.identity import identify
from spotify_assets.analytics.lake_files import open_lake_files
from spotify_assets.analytics.releases import make_release, read_release, write_release
from spotify_assets.schemas import TABLES
from spotify_assets.storage.daily_files import list_daily_files
from spotify_assets.storage.layout import RELEASE_KEY
from spotify_assets.storage.parquet import write_partitions
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import make_snapshot

FIRST = date(2025, 12, 30)
DAYS = [FIRST + timedelta(days=number) for number in range(5)]
"""Two years, so that a year can stay as it is."""
CHARTS = {day: [*"abcd"[number % 2 :], *"ef"[: number % 3]] for number, day in enumerate(DAYS)}


def isrc(title):
    """A code of the form of one, for a title of one letter."""
    return f"JPAB126{ord(title):05}"


def entry(title):
    """An entry of a playlist whose song and artist are called by one letter."""
    artist = {"id": f"artist-{title}", "name": f"The {title}"}
    return {"track": {"id": f"id-{title}", "name": title, "artists": [artist], "external_ids": {"isrc": isrc(title)}}}


class Publisher:
    """Writes days of charts as the daily tables have them, and publishes."""

    def __init__(self, store):
        self.store = store
        self.runs = (f"run-{number}" for number in itertools.count(1))

    def write(self, slug, charts):
        """Charts by day: the titles from the first position on."""
        self.write_snapshots(
            slug, [make_snapshot(map(entry, titles), day, slug=slug) for day, titles in sorted(charts.items())]
        )

    def write_snapshots(self, slug, snapshots, cadence="daily"):
        """The tables of days of a playlist as a source gave them."""
        days = [snapshot.snapshot_date for snapshot in snapshots]
        for name, frame in daily_tables(snapshots, cadence).items():
            write_partitions(self.store, TABLES[name], slug, days, frame)

    def write_nothing(self, slug, *days):
        """What days leave whose snapshot is withdrawn."""
        for name, frame in daily_tables([], "daily").items():
            write_partitions(self.store, TABLES[name], slug, days, frame)

    def compact(self, files=None):
        return compact(files or self.store, list_daily_files(self.store))

    def publish(self):
        with open_lake_files(self.store) as files:
            compaction = self.compact(files)
            identity = identify(files, compaction.years)
            with open_duckdb_engine(files, compaction.years, "500MB") as engine:
                release = make_release(files, engine, next(self.runs), compaction, identity)
        write_release(self.store, release, RELEASE_KEY)
        return release

    def content(self):
        """The bytes of every released part."""
        release = read_release(self.store)
        return {
            (name, part): [self.store.read(key) for key in stored.files]
            for name, parts in release.tables.items()
            for part, stored in parts.items()
        }

    def rows(self, table):
        release = read_release(self.store)
        return [
            row for key in release.keys(table) for row in pq.read_table(io.BytesIO(self.store.read(key))).to_pylist()
        ]


def truncate(store, key):
    data = store.read(key)
    store.write(key, data[: len(data) // 2])


def flip_a_bit(store, key, column=None):
    """Flip a bit in the values of a column, of the last one by default."""
    data = bytearray(store.read(key))
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    names = [metadata.schema.column(number).name for number in range(metadata.num_columns)]
    chunk = metadata.row_group(0).column(names.index(column) if column else len(names) - 1)
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    data[start + chunk.total_compressed_size - 2] ^= 1
    store.write(key, bytes(data))

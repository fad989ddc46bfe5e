"""A publish run after one changed day, for histories of several lengths: one piece of work per process.

    python -m benchmarks.publish fill FOLDER 365     daily tables of a playlist of 50 for so many days
    python -m benchmarks.publish change FOLDER       write the last day again, as another chart
    python -m benchmarks.publish run FOLDER          a publish run
    python -m benchmarks.publish pack FOLDER         a publish run without the chart report
    python -m benchmarks.publish release FOLDER      a publish run without the chart report and the pack for BI tools
    python -m benchmarks.publish unchecked FOLDER    the same, and without writing and comparing checksums and digests

The charts are those of `history`, written as daily files without a run of their own.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.history import LAST_DAY, Songs
from spotify_assets.analytics import compaction, releases
from spotify_assets.definitions import build_definitions
from spotify_assets.publication import BI_PACK_KEY, PUBLISH_KEYS, REPORT_KEY
from spotify_assets.schemas import TABLES, arrow_schema
from spotify_assets.settings import load_settings
from spotify_assets.storage.layout import partition_key
from spotify_assets.storage.parquet import encode

SLUG = "demo_japan"
SIZE = 50
LONGEST = 3650
EMPTY_VALUES = {pa.string(): "", pa.date32(): LAST_DAY, pa.bool_(): False}
"""What stands in columns that the analyses ask nothing of but that are never null; 0 where none is given."""


def main(work: str, folder: str, days: str = "1") -> None:
    """Do one piece of work in a lake and a Dagster instance below `folder`."""
    lake = Path(folder, "lake")
    if work == "fill":
        songs = Songs(LONGEST)
        for number in range(int(days)):
            write_day(lake, songs, LONGEST - 1 - number, LAST_DAY - timedelta(days=number), playlist=0)
    elif work == "change":
        write_day(lake, Songs(LONGEST), LONGEST - 1, LAST_DAY, playlist=os.getpid())
    else:
        home = Path(folder, "home")
        home.mkdir(exist_ok=True)
        definitions = build_definitions(load_settings({"SPOTIFY_ASSETS_LAKE": str(lake)}))
        with (
            dg.DagsterInstance.local_temp(str(home)) as instance,
            unchecked() if work == "unchecked" else nullcontext(),
        ):
            left_out = {"run": set(), "pack": {REPORT_KEY}}.get(work, {REPORT_KEY, BI_PACK_KEY})
            made = [key for key in PUBLISH_KEYS if key not in left_out]
            definitions.resolve_job_def("publish_job").execute_in_process(instance=instance, asset_selection=made)


@contextmanager
def unchecked() -> Iterator[None]:
    """Pages have no checksums, and nobody looks whether a file is what was written; new files still get a digest."""
    with (
        mock.patch.object(pq, "ParquetWriter", _with(pq.ParquetWriter, write_page_checksum=False)),
        mock.patch.object(pq, "ParquetFile", _with(pq.ParquetFile, page_checksum_verification=False)),
        mock.patch.object(releases, "damaged_files", return_value=set()),
        mock.patch.object(compaction, "_is_damaged", return_value=False),
    ):
        yield


def _with(function: Callable, **instead: object) -> Callable:
    return lambda *arguments, **named: function(*arguments, **{**named, **instead})


def write_day(lake: Path, songs: Songs, number: int, day: date, playlist: int) -> None:
    """Write the daily tables of a day, with all that the schemas ask for."""
    places = songs.ranked(playlist, number)[:SIZE]
    columns = {name: values.take(pa.array(places)) for name, values in songs.columns.items()}
    columns["position"] = pa.array(np.arange(1, SIZE + 1), pa.int32())
    of_song = pa.table(columns)
    keys = columns["artist_keys"]
    credits_of = pa.table(
        {
            "position": columns["position"].take(keys.value_parent_indices()),
            "credit_order": pa.array([order for of in keys.to_pylist() for order in range(1, len(of) + 1)], pa.int32()),
            "artist_key": keys.flatten(),
            "artist_name": columns["artist_names"].flatten(),
        }
    )
    rows = {
        "songs": of_song,
        "albums": first_of_each(of_song, "album_key"),
        "artists": first_of_each(credits_of, "artist_key"),
        "song_artists": credits_of,
        "snapshots": pa.table({"cadence": ["daily"], "source": ["demo"], "edition": [day]}),
        "rejects": pa.table({}),
    }
    for name, table in rows.items():
        path = lake / partition_key(name, SLUG, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(conformed(table, arrow_schema(TABLES[name]))))


def first_of_each(rows: pa.Table, key: str) -> pa.Table:
    """The first row of each key."""
    keys = rows[key].to_pylist()
    return rows.take(pa.array(sorted(dict(zip(keys[::-1], range(len(keys))[::-1], strict=True)).values())))


def conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the columns of a schema; what they lack is null, or empty where it has to be there."""
    columns = []
    for field in schema:
        if field.name in rows.column_names:
            columns.append(rows[field.name].cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(rows.num_rows, field.type))
        else:
            columns.append(pa.array([EMPTY_VALUES.get(field.type, 0)] * rows.num_rows, field.type))
    return pa.table(columns, schema=schema)


if __name__ == "__main__":
    main(*sys.argv[1:])

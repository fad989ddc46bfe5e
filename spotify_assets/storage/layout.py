"""The lake's layout: every key, built and parsed here and nowhere else. What the objects hold is not known here.

Partition folders are named as Hive names them (`playlist=japan`), which Glue, Athena and DuckDB understand.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import NamedTuple

MARKER_KEY = "lake_of_spotify_assets.txt"
"""By this object a lake is known, however empty it is."""
CATALOG_KEY = "catalog.duckdb"
ALIASES_KEY = "song_aliases.csv"
ANALYTICS_PREFIX = "analytics/"
RELEASE_KEY = f"{ANALYTICS_PREFIX}release.json"
PREPARED_KEY = f"{ANALYTICS_PREFIX}prepared.json"
LANDING_PREFIX = "landing/charts/"
RAW_PREFIX = "raw_playlist/"
REPORT_PREFIX = "report/"
SENSOR_CURSORS_KEY = "daily/sensor_cursors.json"
"""What the sensors have seen that `spotify-assets daily` evaluates."""
DAILY_LEASE_KEY = "daily/under_way.json"
"""Who runs `spotify-assets daily` on this lake."""
SENT_MESSAGES_KEY = "alerts/sent.json"
REPORT_INDEX_KEY = f"{REPORT_PREFIX}index.html"
BI_PREFIX = "bi/"
"""The pack for people's tools."""
BI_TEXTS_KEY = f"{BI_PREFIX}.projects.json"
"""What is recorded of the projects that were last written there."""
STAR_PREFIX = f"{BI_PREFIX}star/"
WRITTEN_KEYS = {REPORT_PREFIX: f"{REPORT_PREFIX}.written.json", STAR_PREFIX: f"{BI_PREFIX}.star.json"}
"""The records of what publish runs write for people, by where that is: see `written`."""
TEMPORARY_PREFIX = ".tmp/"
"""Objects on their way into place, and what an engine leaves to be moved; nothing of it belongs to the lake."""

_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_MOMENT_PATTERN = r"\d{8}T\d{6}\.\d{6}Z"
_RAW = re.compile(
    rf"{RAW_PREFIX}playlist=(?P<playlist>[^/]+)/snapshot_date=(?P<day>\d{{4}}-\d\d-\d\d)/"
    rf"(?P<moment>{_MOMENT_PATTERN})\.jsonl\.gz"
)
_WITHDRAWAL = re.compile(rf"withdrawals/playlist=[^/]+/{_MOMENT_PATTERN}\.json")
_PARTITION = re.compile(
    r"(?P<table>[^/]+)/playlist=(?P<playlist>[^/]+)/snapshot_date=(?P<day>\d{4}-\d\d-\d\d)/part-0\.parquet"
)
_YEAR = re.compile(r"(?P<table>[^/]+)/playlist=(?P<playlist>[^/]+)/year=(?P<year>\d+)/(?P<name>[^/]+)")
_RUN = re.compile(rf"{ANALYTICS_PREFIX}[^/]+/run=(?P<run>[^/]+)/")
_YEAR_STATE = "_days.json"  # Athena and Glue pass over names that begin with _


class RawKey(NamedTuple):
    """What the key of a raw file says; files of one day sort by the moment of their fetch."""

    playlist: str
    day: date
    fetched_at: datetime


class Partition(NamedTuple):
    """One day of a playlist in a daily table."""

    playlist: str
    day: date


class Year(NamedTuple):
    """One year of a playlist in the compacted history."""

    playlist: str
    year: int


def day_folder(playlist: str, day: date | str) -> str:
    """The folder of a day below that of a daily table or of the raw layer."""
    return f"playlist={playlist}/snapshot_date={day}/"


def year_folder(playlist: str, year: int) -> str:
    """The folder of a year below that of a table of the compacted history."""
    return f"playlist={playlist}/year={year}/"


def raw_prefix(playlist: str) -> str:
    """Where the raw files of a playlist are."""
    return f"{RAW_PREFIX}playlist={playlist}/"


def raw_key(playlist: str, day: date, fetched_at: datetime) -> str:
    """The key of one fetch."""
    return f"{RAW_PREFIX}{day_folder(playlist, day)}{fetched_at.astimezone(UTC):{_MOMENT}}.jsonl.gz"


def parse_raw_key(key: str) -> RawKey | None:
    """What a key of a raw file says; None for another key, and for one of a day that does not exist."""
    match = _RAW.fullmatch(key)
    try:
        return match and RawKey(
            match["playlist"],
            date.fromisoformat(match["day"]),
            datetime.strptime(match["moment"], _MOMENT).replace(tzinfo=UTC),
        )
    except ValueError:
        return None


def fetch_time(key: str) -> datetime:
    """When the raw file of this key was fetched.

    Raises:
        ValueError: it is no key of a raw file.
    """
    raw = parse_raw_key(key)
    if raw is None:
        raise ValueError(f"no key of a raw file: {key}")
    return raw.fetched_at


def withdrawals_prefix(playlist: str | None) -> str:
    """Where the withdrawals of a playlist are, or those of all."""
    return "withdrawals/" if playlist is None else f"withdrawals/playlist={playlist}/"


def withdrawal_key(playlist: str, at: datetime) -> str:
    """The key of a withdrawal's marker."""
    return f"{withdrawals_prefix(playlist)}{at.astimezone(UTC):{_MOMENT}}.json"


def is_withdrawal_key(key: str) -> bool:
    """Whether a key is that of a marker."""
    return _WITHDRAWAL.fullmatch(key) is not None


def archive_history_key(repository: str, path: str) -> str:
    """The key of the commits that are known of a file of the public archive."""
    return f"archive/{repository}/{path}.commits.json"


def landing_key(playlist: str | None, name: str) -> str:
    """The key of a chart file that landed for one playlist; None: for all that it says itself."""
    return f"{LANDING_PREFIX}{name}" if playlist is None else f"{LANDING_PREFIX}{playlist}/{name}"


def report_key(playlist: str) -> str:
    """The key of a playlist's page in the chart report."""
    return f"{REPORT_PREFIX}playlists/{playlist}.html"


def report_library_key(name: str) -> str:
    """The key of a library that the pages of the chart report carry with them."""
    return f"{REPORT_PREFIX}.libraries/{name}"


def star_prefix(table: str | None = None) -> str:
    """The folder of the star schema's Parquet files, or that of one table: Athena takes a folder for a table."""
    return STAR_PREFIX if table is None else f"{STAR_PREFIX}{table}/"


def star_key(table: str) -> str:
    """The key of a table of the star schema."""
    return f"{star_prefix(table)}{table}.parquet"


def star_csv_key(table: str) -> str:
    """The key of a table of the star schema as CSV."""
    return f"{BI_PREFIX}csv/{table}.csv"


def powerbi_key(path: str) -> str:
    """The key of a file of the Power BI project."""
    return f"{BI_PREFIX}powerbi/{path}"


def tableau_key(path: str) -> str:
    """The key of a file for Tableau."""
    return f"{BI_PREFIX}tableau/{path}"


def table_prefix(table: str, playlist: str | None = None) -> str:
    """Where a table is, or what it has of one playlist."""
    return f"{table}/" if playlist is None else f"{table}/playlist={playlist}/"


def partition_key(table: str, playlist: str, day: date | str) -> str:
    """The key of the one object of a day in a daily table."""
    return f"{table_prefix(table)}{day_folder(playlist, day)}part-0.parquet"


def parse_partition_key(key: str) -> Partition | None:
    """Which day of which playlist an object of a daily table is; None for any other key."""
    match = _PARTITION.fullmatch(key)
    try:
        return match and Partition(match["playlist"], date.fromisoformat(match["day"]))
    except ValueError:
        return None


def identity_key(table: str) -> str:
    """The key of a table that is made of the whole compacted history."""
    return f"{table_prefix(table)}part-0.parquet"


def year_key(table: str, playlist: str, year: int) -> str:
    """The key of one year of a playlist in a table of the compacted history."""
    return f"{table_prefix(table)}{year_folder(playlist, year)}part-0.parquet"


def year_state_key(table: str, playlist: str, year: int) -> str:
    """The key of what is recorded beside a year: of which days it was made."""
    return f"{table_prefix(table)}{year_folder(playlist, year)}{_YEAR_STATE}"


def parse_year_key(key: str) -> Year | None:
    """Which year of which playlist an object of the compacted history is; None for any other key."""
    return _parse_year(key, "part-0.parquet")


def parse_year_state_key(key: str) -> Year | None:
    """As `parse_year_key`, for what is recorded beside a year."""
    return _parse_year(key, _YEAR_STATE)


def partition_pattern(table: str, partitions: Collection[str]) -> str:
    """A glob pattern of all objects of a table with these partition columns."""
    return table_prefix(table) + "".join(f"{name}=*/" for name in partitions) + "part-0.parquet"


def partition_values(key: str) -> dict[str, str]:
    """The values of partition columns that a key's folders name."""
    return dict(folder.split("=", 1) for folder in key.split("/") if "=" in folder)


def run_prefix(table: str, run: str) -> str:
    """Where one run of an analysis is."""
    return f"{ANALYTICS_PREFIX}{table}/run={run}/"


def parse_run(key: str) -> str | None:
    """Which run of the analyses an object belongs to; None for any other key."""
    match = _RUN.match(key)
    return match and match["run"]


def _parse_year(key: str, name: str) -> Year | None:
    match = _YEAR.fullmatch(key)
    return Year(match["playlist"], int(match["year"])) if match and match["name"] == name else None

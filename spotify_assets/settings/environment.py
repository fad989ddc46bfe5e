"""Every environment variable and the playlists file, read and validated once. A wrong value is a `SettingsError`.

Nothing outside this module reads the environment, except AWS's own libraries, which read AWS's own variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from spotify_assets.errors import SettingsError
from spotify_assets.partitions import today_in_japan

DEMO_PLAYLISTS_FILE = Path(__file__).with_name("demo_playlists.yaml")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,62}")
PLAYLIST_ID = re.compile(r"[0-9A-Za-z]{22}")
MARKET = re.compile(r"[A-Z]{2}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
MEMORY = re.compile(r"[1-9][0-9]{0,6}(MB|GB)")
GLOB_CHARACTERS = re.compile(r"[*?\[\]\\]")
RESERVED_SLUGS = frozenset({"analyses", "catalog", "history", "release"})
"""Names of assets and groups that belong to no playlist."""
CADENCES = ("daily", "weekly")
ENGINES = ("duckdb", "athena")
# The API's pattern of WorkGroup names.
WORKGROUP = re.compile(r"[a-zA-Z0-9._-]{1,128}")
COMMON_KEYS = frozenset({"slug", "title", "cadence", "source"})
SOURCE_KEYS: Mapping[str, frozenset[str]] = {
    "demo": frozenset(),
    "charts": frozenset({"chart"}),
    "spotify": frozenset({"playlist_id", "market"}),
}
REQUIRED_KEYS: Mapping[str, frozenset[str]] = {"charts": frozenset({"chart"}), "spotify": frozenset({"playlist_id"})}
CHART = re.compile(r"[a-z]+-(?P<country>[a-z]{2}|global)-(?P<cadence>daily|weekly)")


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, the default as a reader should see it, and what it means."""

    name: str
    default: str
    meaning: str


VARIABLES = (
    Variable("SPOTIFY_ASSETS_PLAYLISTS", "the synthetic demo", "path of the playlists file (YAML)"),
    Variable(
        "SPOTIFY_ASSETS_LAKE",
        "`lake/demo`, or `lake/live` with real playlists",
        "where the lake is: a folder or `s3://bucket/prefix`",
    ),
    Variable(
        "SPOTIFY_CLIENT_ID",
        "",
        "client id of your Spotify app; needed by playlists with `source: spotify`; "
        "with it, tracks of chart files are looked up too",
    ),
    Variable("SPOTIFY_CLIENT_SECRET", "", "client secret of your Spotify app"),
    Variable(
        "SPOTIFY_REFRESH_TOKEN",
        "",
        "a user's refresh token (`spotify-assets auth` gets one); without it the app asks as itself",
    ),
    Variable("SPOTIFY_API_URL", "https://api.spotify.com/v1/", "address of the Web API; another one for tests"),
    Variable(
        "SPOTIFY_TOKEN_URL",
        "https://accounts.spotify.com/api/token",
        "address of the token endpoint; another one for tests",
    ),
    Variable("SPOTIFY_LANGUAGE", "ja", "language in which Spotify is asked for names"),
    Variable(
        "SPOTIFY_CALL_BUDGET",
        "300",
        "calls to Spotify per run after which enrichment stops; the playlist itself is always read",
    ),
    Variable(
        "GLUE_CRAWLER", "", "name of the Glue crawler; set: the catalog is Glue, unset: the file `catalog.duckdb`"
    ),
    Variable("GLUE_DATABASE", "spotify_assets", "Glue database that the crawler fills"),
    Variable(
        "SPOTIFY_ASSETS_ENGINE",
        "duckdb",
        "what runs the SQL of the analyses: `duckdb`, on this machine, or `athena`, for a lake on S3 with Glue",
    ),
    Variable("ATHENA_WORKGROUP", "primary", "workgroup in which Athena runs, with its limits and its costs"),
    Variable(
        "SPOTIFY_ASSETS_MEMORY_LIMIT",
        "512MB",
        "memory that DuckDB may take for the analyses, like `800MB` or `2GB`; beyond it spills to the disk",
    ),
    Variable(
        "AWS_ENDPOINT_URL", "AWS itself", "address of an AWS stand-in; this and AWS's other variables are read by boto3"
    ),
)


@dataclass(frozen=True)
class PlaylistSettings:
    """One playlist of the playlists file.

    Attributes:
        slug: its name here: asset key prefix, asset group and value of the `playlist` partition column.
        title: its name for people.
        cadence: `daily` or `weekly`: how often the chart is made anew.
        source: where a day comes from: `demo`, `spotify` or `charts`.
        playlist_id: Spotify's id of the playlist, for source `spotify`.
        market: two-letter country in whose catalogue tracks are looked up, for source `spotify`.
        chart: name of the chart as in its files' names, like `regional-jp-daily`, for source `charts`.
    """

    slug: str
    title: str
    cadence: str
    source: str
    playlist_id: str | None = None
    market: str | None = None
    chart: str | None = None

    @property
    def country(self) -> str | None:
        """The country that the name of a chart names: two letters, or `global`."""
        match = CHART.fullmatch(self.chart or "")
        return match["country"] if match else None


@dataclass(frozen=True)
class SpotifySettings:
    """How Spotify is reached. The secrets are in no repr.

    Attributes:
        call_budget: calls per run after which enrichment stops.
    """

    client_id: str | None
    client_secret: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    api_url: str
    token_url: str
    language: str
    call_budget: int


@dataclass(frozen=True)
class Settings:
    """All settings, validated.

    Attributes:
        start: first day of the partitions of all playlists.
        lake: absolute folder or `s3://bucket[/prefix]`, without a trailing slash.
        glue_crawler: None means that the catalog is a DuckDB file.
        engine: what runs the SQL of the analyses: `duckdb` or `athena`.
        memory_limit: what DuckDB may take for it, like `2GB`.
    """

    playlists_file: Path
    start: date
    playlists: tuple[PlaylistSettings, ...]
    lake: str
    spotify: SpotifySettings
    glue_crawler: str | None
    glue_database: str
    engine: str
    athena_workgroup: str
    memory_limit: str

    @property
    def lake_is_s3(self) -> bool:
        """Whether the lake is a bucket."""
        return self.lake.startswith("s3://")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate everything.

    Args:
        environment: the variables; default: this process's environment. An empty value counts as unset.

    Raises:
        SettingsError: naming the variable or the key of the playlists file, the reason and the remedy.
    """
    values = {
        name: value.strip()
        for name, value in (os.environ if environment is None else environment).items()
        if value.strip()
    }
    playlists_file = _path("SPOTIFY_ASSETS_PLAYLISTS", values.get("SPOTIFY_ASSETS_PLAYLISTS", str(DEMO_PLAYLISTS_FILE)))
    start, playlists = _read_playlists(playlists_file)
    lake = _lake(values.get("SPOTIFY_ASSETS_LAKE"), playlists)
    glue_crawler = values.get("GLUE_CRAWLER")
    if glue_crawler and not lake.startswith("s3://"):
        raise SettingsError(
            f"GLUE_CRAWLER is {glue_crawler!r} but the lake is the folder {lake}.",
            why="a Glue crawler reads S3 only",
            remedy="set SPOTIFY_ASSETS_LAKE to s3://bucket/prefix, or unset GLUE_CRAWLER to use catalog.duckdb",
        )
    return Settings(
        playlists_file=playlists_file,
        start=start,
        playlists=playlists,
        lake=lake,
        spotify=_spotify(values),
        glue_crawler=glue_crawler,
        glue_database=values.get("GLUE_DATABASE", "spotify_assets"),
        memory_limit=_matching(
            "SPOTIFY_ASSETS_MEMORY_LIMIT",
            values.get("SPOTIFY_ASSETS_MEMORY_LIMIT", "512MB"),
            MEMORY,
            "a number of megabytes or gigabytes, like 800MB or 2GB",
        ),
        engine=_engine(values.get("SPOTIFY_ASSETS_ENGINE", "duckdb"), glue_crawler),
        athena_workgroup=_matching(
            "ATHENA_WORKGROUP",
            values.get("ATHENA_WORKGROUP", "primary"),
            WORKGROUP,
            "the name of a workgroup: letters, digits, `.`, `_` and `-`",
        ),
    )


def _engine(value: str, glue_crawler: str | None) -> str:
    if value not in ENGINES:
        raise SettingsError(
            f"SPOTIFY_ASSETS_ENGINE is {value!r}.",
            why="there is no such engine",
            remedy=f"give one of {', '.join(ENGINES)}",
        )
    if value == "athena" and not glue_crawler:
        raise SettingsError(
            "SPOTIFY_ASSETS_ENGINE is 'athena' but GLUE_CRAWLER is not set.",
            why="Athena reads a lake on S3, by the tables that Glue has of it",
            remedy=(
                "set GLUE_CRAWLER, with SPOTIFY_ASSETS_LAKE at s3://bucket/prefix, or unset SPOTIFY_ASSETS_ENGINE to "
                "use DuckDB"
            ),
        )
    return value


def _spotify(values: Mapping[str, str]) -> SpotifySettings:
    for one, other in (("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"), ("SPOTIFY_CLIENT_SECRET", "SPOTIFY_CLIENT_ID")):
        if one in values and other not in values:
            raise SettingsError(
                f"{one} is set but {other} is not.",
                why="Spotify identifies an app by both",
                remedy="copy both from the app's page at developer.spotify.com/dashboard",
            )
    if "SPOTIFY_REFRESH_TOKEN" in values and "SPOTIFY_CLIENT_ID" not in values:
        raise SettingsError(
            "SPOTIFY_REFRESH_TOKEN is set but SPOTIFY_CLIENT_ID is not.",
            why="a refresh token only works together with the app that it was given to",
            remedy="set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET of that app",
        )
    return SpotifySettings(
        client_id=values.get("SPOTIFY_CLIENT_ID"),
        client_secret=values.get("SPOTIFY_CLIENT_SECRET"),
        refresh_token=values.get("SPOTIFY_REFRESH_TOKEN"),
        api_url=_url("SPOTIFY_API_URL", values.get("SPOTIFY_API_URL", "https://api.spotify.com/v1/")).rstrip("/") + "/",
        token_url=_url("SPOTIFY_TOKEN_URL", values.get("SPOTIFY_TOKEN_URL", "https://accounts.spotify.com/api/token")),
        language=_matching(
            "SPOTIFY_LANGUAGE", values.get("SPOTIFY_LANGUAGE", "ja"), LANGUAGE, "a language tag like ja or en-GB"
        ),
        call_budget=_positive("SPOTIFY_CALL_BUDGET", values.get("SPOTIFY_CALL_BUDGET", "300")),
    )


def _lake(value: str | None, playlists: tuple[PlaylistSettings, ...]) -> str:
    if value is None:
        kinds = {playlist.source == "demo" for playlist in playlists}
        if len(kinds) == 2:
            raise SettingsError(
                "The playlists file mixes demo and real playlists, and SPOTIFY_ASSETS_LAKE is not set.",
                why="synthetic and real data do not share a lake unless somebody decided it",
                remedy="set SPOTIFY_ASSETS_LAKE to the lake that may hold both, or split the playlists file",
            )
        value = "lake/demo" if kinds == {True} else "lake/live"
    if "://" not in value:
        return _lake_folder(value)
    return _matching("SPOTIFY_ASSETS_LAKE", value, S3_URI, "a folder or s3://bucket/prefix").rstrip("/")


def _lake_folder(value: str) -> str:
    path = _path("SPOTIFY_ASSETS_LAKE", value)
    if GLOB_CHARACTERS.search(path.as_posix()):
        raise SettingsError(
            f"SPOTIFY_ASSETS_LAKE is the folder {path}.",
            why="catalog.duckdb reads the lake by a pattern, in which * ? [ ] and \\ do not stand for themselves",
            remedy="set SPOTIFY_ASSETS_LAKE to a folder without these characters in its absolute path",
        )
    return str(path)


def _path(name: str, value: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise SettingsError(
            f"{name} is {value!r}.", why=str(error), remedy="write the path out instead of using ~"
        ) from error


def _url(name: str, value: str) -> str:
    remedy = f"unset {name} to use Spotify's own, or give an address like http://127.0.0.1:8080/v1/"
    if "@" in value:
        # Not quoted: what stands before the @ may be a password, and addresses appear in errors.
        raise SettingsError(f"{name} holds an @.", why="the address must not carry a user or a password", remedy=remedy)
    if not _is_address(value):
        raise SettingsError(f"{name} is {value!r}.", why="it is not an http or https address", remedy=remedy)
    return value


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port is what checks it.
        return bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0) and not (
            parts.query or parts.fragment
        )
    except ValueError:
        return False


def _matching(name: str, value: str, pattern: re.Pattern[str], expected: str) -> str:
    if not pattern.fullmatch(value):
        raise SettingsError(f"{name} is {value!r}.", why="it has another form", remedy=f"give {expected}")
    return value


def _positive(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) == 0:
        raise SettingsError(
            f"{name} is {value!r}.", why="it is not a whole number above 0", remedy="give one, like 300"
        )
    return int(value)


class _Loader(yaml.SafeLoader):
    """YAML whose mappings name a key once. PyYAML would silently keep the last value."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands there twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return node


# PyYAML lets the errors of int(), date() and the like pass when a value has the form of one but is none: 2026-02-30.
_YAML_ERRORS = (yaml.YAMLError, ValueError, ArithmeticError, AttributeError, LookupError, TypeError, RecursionError)


def _read_playlists(path: Path) -> tuple[date, tuple[PlaylistSettings, ...]]:
    try:
        # Safe: the loader is a SafeLoader.
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except OSError as error:
        raise SettingsError(
            f"The playlists file {path} cannot be read.",
            why=error.strerror or str(error),
            remedy="point SPOTIFY_ASSETS_PLAYLISTS at an existing file, or unset it to run the demo",
        ) from error
    except _YAML_ERRORS as error:
        raise SettingsError(
            f"The playlists file {path} is not valid YAML.",
            why=" ".join(str(error).split()),
            remedy="compare it with examples/japan.yaml",
        ) from error
    where = f"The playlists file {path}"
    _check_keys(where, document, allowed={"start", "playlists"}, required={"start", "playlists"})
    start = _start(where, document["start"])
    entries = document["playlists"]
    if not isinstance(entries, list) or not entries:
        raise _malformed(where, "`playlists` is not a list with at least one playlist")
    playlists = tuple(_playlist(f"{where}, playlist {number}", entry) for number, entry in enumerate(entries, 1))
    slugs = [playlist.slug for playlist in playlists]
    repeated = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if repeated:
        raise _malformed(where, f"these slugs stand there more than once: {', '.join(repeated)}")
    return start, playlists


def _start(where: str, value: Any) -> date:
    if type(value) is not date:
        raise _malformed(where, f"`start` is {value!r}, not a date like 2026-11-01")
    if value > today_in_japan():
        raise _malformed(where, f"`start` is {value}, which is in the future")
    return value


def _playlist(where: str, entry: Any) -> PlaylistSettings:
    source = entry.get("source") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and (not isinstance(source, str) or source not in SOURCE_KEYS):
        given = repr(source) if "source" in entry else "missing"
        raise _malformed(where, f"`source` is {given}; there are: {', '.join(SOURCE_KEYS)}")
    _check_keys(
        where,
        entry,
        allowed=COMMON_KEYS | SOURCE_KEYS.get(str(source), frozenset()),
        required={"slug", "title", "source"} | REQUIRED_KEYS.get(str(source), frozenset()),
    )
    playlist = PlaylistSettings(**{"cadence": "daily", **entry})
    if not SLUG.fullmatch(playlist.slug):
        raise _malformed(where, f"`slug` is {playlist.slug!r}; it takes a-z, 0-9 and _, and begins with a letter")
    if playlist.slug in RESERVED_SLUGS:
        raise _malformed(where, f"`slug` is {playlist.slug!r}; that name is taken by an asset or a group of its own")
    if playlist.cadence not in CADENCES:
        raise _malformed(where, f"`cadence` is {playlist.cadence!r}; it is daily or weekly")
    if playlist.playlist_id is not None and not PLAYLIST_ID.fullmatch(playlist.playlist_id):
        raise _malformed(
            where,
            f"`playlist_id` is {playlist.playlist_id!r}; it is the 22 characters after /playlist/ in the address",
        )
    match = CHART.fullmatch(playlist.chart or "")
    if playlist.chart is not None and (match is None or match["cadence"] != playlist.cadence):
        raise _malformed(
            where,
            f"`chart` is {playlist.chart!r} and `cadence` {playlist.cadence}; it is the beginning of the file names at "
            "charts.spotify.com, like regional-jp-daily, and its end is the cadence",
        )
    if playlist.market is not None and not MARKET.fullmatch(playlist.market):
        raise _malformed(where, f"`market` is {playlist.market!r}; it is a country in two capitals, like JP")
    return playlist


def _check_keys(where: str, mapping: Any, *, allowed: set[str] | frozenset[str], required: set[str]) -> None:
    if not isinstance(mapping, dict):
        raise _malformed(where, "a mapping of keys to values is missing")
    unknown = sorted(str(key) for key in mapping if key not in allowed)
    if unknown:
        raise _malformed(where, f"unknown keys {', '.join(unknown)}; known are {', '.join(sorted(allowed))}")
    missing = sorted(required - mapping.keys())
    if missing:
        raise _malformed(where, f"missing keys {', '.join(missing)}")
    not_text = sorted(
        key for key, value in mapping.items() if key not in ("start", "playlists") and not isinstance(value, str)
    )
    if not_text:
        raise _malformed(where, f"these values are not text (put them in quotes): {', '.join(not_text)}")


def _malformed(where: str, reason: str) -> SettingsError:
    return SettingsError(f"{where} cannot be used.", why=reason, remedy="compare it with examples/japan.yaml")

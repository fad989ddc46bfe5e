"""Every environment variable once: name, meaning, default and form. A wrong value is a `SettingsError`.

Nothing outside this module reads the settings' variables or the file `.env`; AWS's own libraries read AWS's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from spotify_assets.errors import SettingsError
from spotify_assets.settings.playlists import PlaylistSettings, read_playlists
from spotify_assets.settings.validation import matching, validate_variables

DEMO_PLAYLISTS_FILE = Path(__file__).with_name("demo_playlists.yaml")
ENV_FILE = Path(".env")
LAKE = "SPOTIFY_ASSETS_LAKE"
SECRET = "SPOTIFY_ASSETS_SECRET"  # noqa: S105 - the name of a variable
ALERT_URLS = "SPOTIFY_ASSETS_ALERT_URLS"


def _path(value: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"there is no such home: write the path out instead of using ~ ({error})") from error


def _lake(value: str) -> str:
    if "://" in value:
        bucket = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?"
        return matching(bucket, "it is neither a folder nor an address like s3://bucket/prefix")(value).rstrip("/")
    path = _path(value)
    if re.search(r"[*?\[\]\\]", path.as_posix()):
        raise SettingsError(
            f"{LAKE} is the folder {path}.",
            why="catalog.duckdb reads the lake by a pattern, in which * ? [ ] and \\ do not stand for themselves",
            remedy=f"set {LAKE} to a folder without these characters in its absolute path",
        )
    return str(path)


def _address(value: str) -> str:
    if "@" in value:
        raise ValueError("the address must not carry a user or a password")
    try:
        parts = urlsplit(value)
        # Reading the port is what checks it.
        well = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        well = False
    if not well or "?" in value or "#" in value:
        raise ValueError("it is not an http or https address, like http://127.0.0.1:8080/v1/")
    return value


Address = Annotated[str, AfterValidator(_address)]
Day = Annotated[date, BeforeValidator(matching("[0-9]{4}-[0-9]{2}-[0-9]{2}", "it is not a day like 2026-11-26"))]
Count = Annotated[int, BeforeValidator(matching("(?=.*[1-9])[0-9]{1,9}", "it is not a whole number above 0, like 300"))]
# Within what dates can say.
Days = Annotated[int, BeforeValidator(matching("(?=.*[1-9])[0-9]{1,5}", "it is not a number of days, like 365"))]
Language = Annotated[
    str, AfterValidator(matching("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "it is not a language tag like ja or en-GB"))
]
# The API's pattern of WorkGroup names.
Workgroup = Annotated[
    str,
    AfterValidator(matching("[a-zA-Z0-9._-]{1,128}", "a workgroup's name has letters, digits, `.`, `_` and `-` only")),
]
Memory = Annotated[
    str,
    AfterValidator(
        matching("[1-9][0-9]{0,6}(MB|GB)", "it is not a number of megabytes or gigabytes, like 800MB or 2GB")
    ),
]


def _variable(name: str, meaning: str, default: Any = None, *, shown: str | None = None) -> Any:
    """A field that is read from an environment variable; `shown` is the default in words."""
    return Field(default=default, alias=name, description=meaning, json_schema_extra={"shown": shown or default or ""})


class _Variables(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class SpotifySettings(_Variables):
    """How Spotify is reached. The secrets are in no repr."""

    client_id: str | None = _variable(
        "SPOTIFY_CLIENT_ID",
        "client id of your Spotify app; needed by playlists with `source: spotify`; "
        "with it, tracks of chart files are looked up too",
    )
    client_secret: SecretStr | None = _variable("SPOTIFY_CLIENT_SECRET", "client secret of your Spotify app")
    refresh_token: SecretStr | None = _variable(
        "SPOTIFY_REFRESH_TOKEN",
        "a user's refresh token (`spotify-assets auth` gets one); without it the app asks as itself",
    )
    refresh_token_since: Day | None = _variable(
        "SPOTIFY_REFRESH_TOKEN_SINCE",
        "day of the consent to that token (`spotify-assets auth` writes it); Spotify ends it six months later",
    )
    api_url: Annotated[Address, AfterValidator(lambda url: url.rstrip("/") + "/")] = _variable(
        "SPOTIFY_API_URL", "address of the Web API; another one for tests", "https://api.spotify.com/v1/"
    )
    token_url: Address = _variable(
        "SPOTIFY_TOKEN_URL",
        "address of the token endpoint; another one for tests",
        "https://accounts.spotify.com/api/token",
    )
    language: Language = _variable("SPOTIFY_LANGUAGE", "language in which Spotify is asked for names", "ja")
    call_budget: Count = _variable(
        "SPOTIFY_CALL_BUDGET",
        "calls to Spotify per run after which enrichment stops; the playlist itself is always read",
        300,
    )

    @model_validator(mode="after")
    def _is_a_whole_app(self) -> Self:
        names = ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET")
        missing = [name for name, value in zip(names, (self.client_id, self.client_secret), strict=True) if not value]
        if len(missing) == 1:
            (given,) = set(names) - set(missing)
            raise SettingsError(
                f"{given} is set but {missing[0]} is not.",
                why="Spotify identifies an app by both",
                remedy="copy both from the app's page at developer.spotify.com/dashboard",
            )
        if self.refresh_token and missing:
            raise SettingsError(
                "SPOTIFY_REFRESH_TOKEN is set but SPOTIFY_CLIENT_ID is not.",
                why="a refresh token only works together with the app that it was given to",
                remedy="set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET of that app",
            )
        return self


class GithubSettings(_Variables):
    """How GitHub is reached, where the public playlist archive is. The token is in no repr."""

    api_url: Address = _variable(
        "GITHUB_API_URL", "address of GitHub's API; another one for tests", "https://api.github.com"
    )
    raw_url: Address = _variable(
        "GITHUB_RAW_URL",
        "address of GitHub's host of files; another one for tests",
        "https://raw.githubusercontent.com",
    )
    token: SecretStr | None = _variable(
        "GITHUB_TOKEN",
        "a token for GitHub, without any right; it raises the limit from 60 calls an hour to 5,000",
    )


class _Chosen(_Variables):
    playlists_file: Annotated[Path, BeforeValidator(_path)] = _variable(
        "SPOTIFY_ASSETS_PLAYLISTS",
        "path of the playlists file (YAML)",
        DEMO_PLAYLISTS_FILE,
        shown="the synthetic demo",
    )


class Settings(_Chosen):
    """All settings, validated.

    Attributes:
        playlists_file: where `start` and `playlists` are from.
        start: first day of the partitions of all playlists.
        lake: absolute folder or `s3://bucket[/prefix]`, without a trailing slash.
        glue_crawler: None means that the catalog is a DuckDB file.
        secret: None means that all secrets are here; otherwise `secrets.with_secrets` has the others.
        memory_limit: what DuckDB may take for the analyses, like `2GB`.
    """

    start: date
    playlists: tuple[PlaylistSettings, ...]
    lake: Annotated[str, AfterValidator(_lake)] = _variable(
        LAKE,
        "where the lake is: a folder or `s3://bucket/prefix`",
        ...,
        shown="`lake/demo`, or `lake/live` with real playlists",
    )
    spotify: SpotifySettings
    github: GithubSettings
    glue_crawler: str | None = _variable(
        "GLUE_CRAWLER", "name of the Glue crawler; set: the catalog is Glue, unset: the file `catalog.duckdb`"
    )
    glue_crawl: Literal["always", "on_schema_change"] = _variable(
        "GLUE_CRAWL",
        "when the crawler is started: `always` when something is new, or `on_schema_change` when a table or a column "
        "is; new days are then registered without it",
        "always",
    )
    glue_database: str = _variable("GLUE_DATABASE", "Glue database that the crawler fills", "spotify_assets")
    engine: Literal["duckdb", "athena"] = _variable(
        "SPOTIFY_ASSETS_ENGINE",
        "what runs the SQL of the analyses: `duckdb`, on this machine, or `athena`, for a lake on S3 with Glue",
        "duckdb",
    )
    athena_workgroup: Workgroup = _variable(
        "ATHENA_WORKGROUP", "workgroup in which Athena runs, with its limits and its costs", "primary"
    )
    memory_limit: Memory = _variable(
        "SPOTIFY_ASSETS_MEMORY_LIMIT",
        "memory that DuckDB may take for the analyses, like `800MB` or `2GB`; beyond it spills to the disk",
        "512MB",
    )
    keep_days: Days | None = _variable(
        "SPOTIFY_ASSETS_KEEP_DAYS",
        "how many days before today stay; set: `prune_schedule` removes older ones once a week, unset: all stay",
    )
    keep_runs_days: Days | None = _variable(
        "SPOTIFY_ASSETS_KEEP_RUNS_DAYS",
        "how many days Dagster's records of runs stay; set: `tidy_schedule` removes older ones once a week",
    )
    secret: str | None = _variable(
        SECRET,
        "name or ARN of a secret of AWS Secrets Manager: a JSON object that has other secrets, by their names here",
    )
    alert_urls: SecretStr | None = _variable(
        ALERT_URLS,
        "whom to tell what moved and what failed: addresses of apprise, separated by spaces; they are secrets",
    )

    @property
    def lake_is_s3(self) -> bool:
        """Whether the lake is a bucket."""
        return self.lake.startswith("s3://")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.glue_crawler and not self.lake_is_s3:
            raise SettingsError(
                f"GLUE_CRAWLER is set but the lake is the folder {self.lake}.",
                why="a Glue crawler reads S3 only",
                remedy=f"set {LAKE} to s3://bucket/prefix, or unset GLUE_CRAWLER to use catalog.duckdb",
            )
        if self.engine == "athena" and not self.glue_crawler:
            raise SettingsError(
                "SPOTIFY_ASSETS_ENGINE is 'athena' but GLUE_CRAWLER is not set.",
                why="Athena reads a lake on S3, by the tables that Glue has of it",
                remedy=f"set GLUE_CRAWLER, with {LAKE} at s3://bucket/prefix, or unset SPOTIFY_ASSETS_ENGINE to use "
                "DuckDB",
            )
        return self


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, the default as a reader should see it, and what it means."""

    name: str
    default: str
    meaning: str


def _variables(model: type[BaseModel]) -> Iterator[Variable]:
    for field in model.model_fields.values():
        if field.alias and isinstance(field.json_schema_extra, dict):
            yield Variable(field.alias, str(field.json_schema_extra["shown"]), str(field.description))
        elif field.annotation in (SpotifySettings, GithubSettings):
            yield from _variables(field.annotation)


VARIABLES = (
    *_variables(Settings),
    Variable(
        "AWS_ENDPOINT_URL", "AWS itself", "address of an AWS stand-in; this and AWS's other variables are read by boto3"
    ),
)


def read_env_file(path: Path = ENV_FILE) -> list[str]:
    """Add what a `.env` file sets to the environment, which has precedence; the names of variables that differ in both.

    Raises:
        SettingsError: the file cannot be read.
    """
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The file {path.absolute()} cannot be read.",
            why=getattr(error, "strerror", None) or "it is not UTF-8 text",
            remedy="make it a readable text file of lines NAME=value, or remove it",
        ) from None
    given = {name: value for name, value in values.items() if value is not None}
    return [name for name, value in given.items() if os.environ.setdefault(name, value) != value]


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate everything.

    Args:
        environment: the variables; default: this process's environment. An empty value counts as unset.

    Raises:
        SettingsError: naming the variable or the key of the playlists file, the reason and the remedy.
    """
    given = (os.environ if environment is None else environment).items()
    values = {name: value.strip() for name, value in given if value.strip()}
    start, playlists = read_playlists(validate_variables(_Chosen, values).playlists_file)
    if LAKE not in values:
        values[LAKE] = _default_lake(playlists)
    return validate_variables(
        Settings, {**values, "spotify": values, "github": values, "start": start, "playlists": playlists}
    )


def _default_lake(playlists: tuple[PlaylistSettings, ...]) -> str:
    kinds = {playlist.source == "demo" for playlist in playlists}
    if len(kinds) == 2:
        raise SettingsError(
            f"The playlists file mixes demo and real playlists, and {LAKE} is not set.",
            why="synthetic and real data do not share a lake unless somebody decided it",
            remedy=f"set {LAKE} to the lake that may hold both, or split the playlists file",
        )
    return "lake/demo" if kinds == {True} else "lake/live"

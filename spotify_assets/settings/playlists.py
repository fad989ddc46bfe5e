"""The playlists file: what it may hold, by source, and how it is read. A new source is a model here, in `Entry`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from spotify_assets.errors import SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings.validation import matching, validate_document

RESERVED_SLUGS = frozenset({"analyses", "catalog", "history", "release"})
"""Names of assets and groups that belong to no playlist."""
CHART = re.compile(r"(?P<kind>[a-z0-9]+)-(?P<place>[a-z0-9]+(?:-[a-z0-9]+)*)-(?P<cadence>daily|weekly)")
OF_COUNTRIES = frozenset({"regional", "viral"})
"""Kinds of charts whose place is a country in two letters, or `global`; other kinds have cities or genres there."""
WITHOUT_SONGS = {"artist": "artists", "album": "albums"}
"""Kinds of charts on Spotify's site that list no songs, and what they list."""
ARCHIVE_REPOSITORIES = ("mackorone/spotify-playlist-archive", "mackorone/spotify-playlist-archive-2")
"""The public playlist archive: the first until January 2026, when it was over its quota, then its continuation."""


@dataclass(frozen=True)
class PlaylistSettings:
    """One playlist of the playlists file, whatever its source.

    Attributes:
        slug: its name here: asset key prefix, asset group and value of the `playlist` partition column.
        title: its name for people.
        cadence: `daily` or `weekly`: how often the chart changes.
        source: where a day comes from.
        playlist_id: Spotify's id of the playlist, where the source asks for one.
        market: two-letter country in whose catalogue tracks are looked up, for sources `spotify` and `archive`.
        chart: name of the chart as in its files' names, like `regional-jp-daily`, for source `charts`.
        repositories: of the archive, on GitHub, in the order in which they followed each other, for source `archive`.
        archived_title: what the playlist is called in the archive's oldest files; default: its title.
    """

    slug: str
    title: str
    cadence: str
    source: str
    playlist_id: str | None = None
    market: str | None = None
    chart: str | None = None
    repositories: tuple[str, ...] = ()
    archived_title: str | None = None

    @property
    def country(self) -> str | None:
        """The country that the name of a chart names: two letters, or `global`."""
        match = CHART.fullmatch(self.chart or "")
        return match["place"] if match and match["kind"] in OF_COUNTRIES else None

    @property
    def kind(self) -> str | None:
        """What the name of a chart begins with: `regional` (the top songs), `viral`, `citytoptrack`, ..."""
        match = CHART.fullmatch(self.chart or "")
        return match["kind"] if match else None


def _not_reserved(slug: str) -> str:
    if slug in RESERVED_SLUGS:
        raise ValueError("that name is taken by an asset or a group of its own")
    return slug


def _not_in_the_future(day: date) -> date:
    if day > today_in_japan():
        raise ValueError(f"it is in the future: in Japan it is {today_in_japan()}")
    return day


def _is_place(chart: re.Match[str]) -> bool:
    """Whether a chart of countries names one; charts of other kinds may name anything."""
    return chart["kind"] not in OF_COUNTRIES or re.fullmatch("global|[a-z]{2}", chart["place"]) is not None


def _of_the_cadence(chart: str, info: ValidationInfo) -> str:
    match = CHART.fullmatch(chart)
    cadence = info.data.get("cadence")
    if match is None or cadence not in (None, match["cadence"]) or not _is_place(match):
        raise ValueError(
            f"it is the beginning of the file names at charts.spotify.com, like regional-jp-daily, and ends in the "
            f"playlist's cadence, {cadence}"
        )
    if match["kind"] in WITHOUT_SONGS:
        raise ValueError(f"it is a chart of {WITHOUT_SONGS[match['kind']]}, which lists no songs")
    return chart


Slug = Annotated[
    str,
    AfterValidator(matching("[a-z][a-z0-9_]{0,62}", "it takes a-z, 0-9 and _ (at most 63), and begins with a letter")),
    AfterValidator(_not_reserved),
]
PlaylistId = Annotated[
    str, AfterValidator(matching("[0-9A-Za-z]{22}", "it is the 22 characters after /playlist/ in the address"))
]
Repository = Annotated[
    str,
    AfterValidator(matching(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "it is a repository on GitHub, like owner/name")),
]
Market = Annotated[str, AfterValidator(matching("[A-Z]{2}", "it is a country in two capitals, like JP"))]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class _Entry(_Model):
    slug: Slug
    title: str
    cadence: Literal["daily", "weekly"] = "daily"


class _DemoEntry(_Entry):
    source: Literal["demo"]


class _ChartsEntry(_Entry):
    source: Literal["charts"]
    chart: Annotated[str, AfterValidator(_of_the_cadence)]


class _ArchiveEntry(_Entry):
    source: Literal["archive"]
    playlist_id: PlaylistId
    repositories: Annotated[list[Repository], Field(min_length=1), AfterValidator(tuple)] = list(ARCHIVE_REPOSITORIES)
    # May be missing, but not be null.
    archived_title: str = None  # type: ignore[assignment]
    market: Market = None  # type: ignore[assignment]


class _SpotifyEntry(_Entry):
    source: Literal["spotify"]
    playlist_id: PlaylistId
    # May be missing, but not be null.
    market: Market = None  # type: ignore[assignment]


Entry = _ArchiveEntry | _DemoEntry | _ChartsEntry | _SpotifyEntry
BY_SOURCE = {get_args(model.model_fields["source"].annotation)[0]: model for model in get_args(Entry)}
"""The model of a playlist, by its source."""


def _different_slugs(entries: list[Entry]) -> list[Entry]:
    slugs = [entry.slug for entry in entries]
    repeated = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if repeated:
        raise ValueError(f"these slugs stand there more than once: {', '.join(repeated)}")
    return entries


class _PlaylistsFile(_Model):
    start: Annotated[date, AfterValidator(_not_in_the_future)]
    playlists: Annotated[
        list[Annotated[Entry, Field(discriminator="source")]], Field(min_length=1), AfterValidator(_different_slugs)
    ]


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


def read_playlists(path: Path) -> tuple[date, tuple[PlaylistSettings, ...]]:
    """The first day of the partitions, and the playlists.

    Raises:
        SettingsError: naming the file, the playlist and the key, the reason and the remedy.
    """
    compare = "compare it with examples/japan.yaml"
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
            f"The playlists file {path} is not valid YAML.", why=" ".join(str(error).split()), remedy=compare
        ) from error
    file = validate_document(
        _PlaylistsFile, document, f"The playlists file {path}", by_source=BY_SOURCE, remedy=compare
    )
    return file.start, tuple(PlaylistSettings(**dict(entry)) for entry in file.playlists)

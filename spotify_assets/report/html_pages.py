"""The pages of the report: what was read of a playlist, put into HTML that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from spotify_assets.report import chart_figures, song_figures
from spotify_assets.report.chart_in_text import arrow
from spotify_assets.report.chart_movement import Movement
from spotify_assets.report.completeness import Completeness
from spotify_assets.report.figures import Specification
from spotify_assets.report.libraries import Libraries
from spotify_assets.report.rankings import PERIODS, Rankings
from spotify_assets.report.sparklines import sparkline
from spotify_assets.report.today import SPARKLINE_EDITIONS, Today
from spotify_assets.settings import PlaylistSettings
from spotify_assets.snapshot import CHARTS

Row = Mapping[str, Any]
TEMPLATES = Path(__file__).with_name("templates")
SOURCES = {
    "spotify": "Spotify's Web API",
    "archive": "the public playlist archive",
    "charts": "chart files",
    "demo": "a synthetic chart: songs, artists and figures are invented",
}
ID_LETTERS = 22
"""Letters of an id of Spotify; a key of another form leads nowhere there."""


@dataclass(frozen=True)
class Contents:
    """All that a playlist's page shows.

    Attributes:
        fetched_at: when the newest day's list was read (UTC, without zone); None where it is not known.
        runs: the pickers' data, see `song_runs.read_runs`.
        left_out: stored days that wait until their tables are made again, and why.
    """

    fetched_at: datetime | None
    today: Today
    runs: Mapping[str, Any]
    rankings: Rankings
    movement: Movement
    completeness: Completeness
    left_out: Mapping[str, str]


def playlist_page(playlist: PlaylistSettings, contents: Contents | None, libraries: Libraries) -> str:
    """The page of a playlist; its contents are None where none of its days is published yet."""
    page = _environment().get_template("playlist.html.j2" if contents else "empty.html.j2")
    if contents is None:
        return page.render(title=playlist.title, playlist=playlist)
    return page.render(
        title=playlist.title,
        playlist=playlist,
        contents=contents,
        today=contents.today,
        # Unless an app of Spotify's completed them, chart files credit one artist, however many its name holds.
        artists_as_one_text=contents.today.day["source"] == CHARTS and not contents.movement.collaborations,
        unit="day" if contents.today.edition["cadence"] == "daily" else "week",
        source=SOURCES[contents.today.day["source"]],
        periods=PERIODS,
        figures={name: _json(figure) for name, figure in _figures(contents).items()},
        runs=_json(contents.runs),
        libraries=libraries,
    )


def index_page(playlists: Sequence[tuple[PlaylistSettings, Today | None]]) -> str:
    """The page that leads to those of all playlists, each with its newest edition, if it has one."""
    return _environment().get_template("index.html.j2").render(title="Charts", playlists=playlists, sources=SOURCES)


def _figures(contents: Contents) -> dict[str, Specification]:
    movement, rankings = contents.movement, contents.rankings
    drawn = {
        "runs": song_figures.runs(),
        "artist_runs": song_figures.runs_of_artist(),
        "artist_shares": song_figures.shares(),
    }
    if rankings.top_ten:
        drawn |= {"top_ten": song_figures.top_ten(rankings), "number_ones": song_figures.number_ones(rankings)}
    if len(movement.trends) > 1:
        drawn |= {
            "turnover": chart_figures.turnover(movement),
            "concentration": chart_figures.concentration(movement),
            "age": chart_figures.age(movement),
        }
    if len(movement.trends) > 1 and movement.genres:
        drawn["genres"] = chart_figures.genres(movement)
    if movement.collaborations:
        drawn["collaborations"] = chart_figures.collaborations(movement)
    if movement.survival:
        drawn["survival"] = chart_figures.survival(movement)
    return {**drawn, "calendar": chart_figures.calendar(contents.completeness.newest_months)}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _count,
        "percent": _percent,
        "arrow": arrow,
        "movement": _movement,
        "track": _track,
        "artist": _artist,
        "album": _album,
        "run": _run,
    }
    environment.globals["text"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704
    return environment


def _json(value: Any) -> Markup:
    """JSON as it may stand in a script element: nothing in it ends the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_date)
    return Markup(text.replace("<", r"\u003c"))  # noqa: S704


def _date(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1%}"


def _movement(song: Row) -> str:
    """A song's movement in words."""
    status = song["entry_status"]
    if status in ("UP", "DOWN"):
        return f"{status.lower()} {abs(song['movement'])} from {song['previous_position']}"
    doubt = ", but it may have been there under another name" if song["entry_status_basis"] == "doubtful" else ""
    return {"SAME": "same place as before", "NEW": "new", "RE_ENTRY": "back on the chart"}.get(
        status, "first seen: what was before is not known"
    ) + doubt


def _track(song: Row) -> str | None:
    return _address("track", song["song_id"])


def _artist(key: str | None) -> str | None:
    return _address("artist", key)


def _album(key: str | None) -> str | None:
    return _address("album", key)


def _address(kind: str, key: str | None) -> str | None:
    """Where Spotify has something; None where its id is not known."""
    return f"https://open.spotify.com/{kind}/{key}" if key and len(key) == ID_LETTERS and key.isalnum() else None


def _run(contents: Contents, song: Row) -> Markup:
    today = contents.today
    last = today.edition["edition_number"]
    first = max(1, last - SPARKLINE_EDITIONS + 1)
    run = today.runs.get(song["song_key"], ())
    return Markup(sparkline(run, first, last, today.edition["chart_size"], contents.runs["gaps"]))  # noqa: S704

"""Pictures for the Dagster UI: one small PNG per table, of the figures that the report has or of a simple kind.

They stand in Dagster's event log, three times in each publish run, so they are small: few colours, and a size that a
page of the UI has room for. Their ground is light, so that they can be read on the UI's light and dark pages.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise

import altair as alt
import vl_convert

from spotify_assets.analytics.released_tables import ReleasedTables
from spotify_assets.report import chart_figures, figures, song_figures
from spotify_assets.report.chart_movement import Movement, read_movement
from spotify_assets.report.rankings import Rankings, read_rankings
from spotify_assets.report.small_png import fewer_bytes
from spotify_assets.report.today import Today

Specification = figures.Specification
WIDTH = 330
HEIGHT = 120
BAR = 15
"""Height of a bar with the space below it."""
CONFIG = {
    "background": "#fbfbfb",
    "font": "sans-serif",
    "view": {"stroke": None},
    # Names are cut before: whether they have to be is asked of each, and that is most of what a picture costs.
    "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 0},
    "legend": {"labelLimit": 0},
}
WIDEST = 16.0
"""Width of a bar of a month, where there are few."""
PAIRS = 4
PLACES = 5
EDITIONS = 14
"""Editions that fit beside each other as dots."""
ROWS = "rows"
_MOVED = (("up", "#3a9a63"), ("down", "#c9476f"), ("same", "#9aa3ad"), ("entry", "#3d7fd9"))
_WORDS = {"UP": "up", "DOWN": "down", "SAME": "same"} | dict.fromkeys(("NEW", "RE_ENTRY", "FIRST_SEEN", None), "entry")

_EDITIONS = "SELECT edition_date AS day, songs AS value FROM chart_editions ORDER BY edition_date DESC LIMIT 120"
_MONTHS = """
SELECT DISTINCT period_start AS day, observed_editions AS value
FROM chart_periods WHERE period = 'month' ORDER BY day DESC LIMIT 60
"""
_SONGS = "SELECT song_name AS name, points AS value FROM song_popularity ORDER BY points DESC, song_key LIMIT 5"
_SPELLS = "SELECT song_name AS name, editions AS value FROM song_spells ORDER BY editions DESC, song_key LIMIT 5"
_ARTISTS = """
SELECT artist_name AS name, points AS value
FROM artist_analysis WHERE period = 'all' ORDER BY points DESC, artist_key LIMIT 5
"""
_ALBUMS = """
SELECT album_name AS name, points AS value
FROM album_analysis WHERE period = 'all' ORDER BY points DESC, album_key LIMIT 5
"""


class Pictures:
    """The pictures of the playlist whose tables are shown; what several of them draw is read once."""

    def __init__(self, tables: ReleasedTables) -> None:
        self.tables = tables

    def of(self, table: str) -> str | None:
        """The picture of a table as Markdown; None where there is nothing to draw.

        Raises:
            EngineError, StorageError: see `ReleasedTables.answer`.
        """
        specification = _DRAWN[table](self)
        return _markdown(specification) if specification else None

    @cached_property
    def movement(self) -> Movement:
        """See `read_movement`."""
        return read_movement(self.tables)

    @cached_property
    def rankings(self) -> Rankings:
        """See `read_rankings`."""
        return read_rankings(self.tables)


Draw = Callable[[Pictures], Specification | None]


def picture_of_today(today: Today) -> str:
    """Where the songs of the newest edition stood in the one before, and which are new in it, as Markdown."""
    rows = [
        {"edition": edition, "position": song[column], "song": song["song_key"], "moved": _WORDS[song["entry_status"]]}
        for song in today.chart
        for edition, column in (("before", "previous_position"), ("now", "position"))
        if song[column] is not None
    ]
    words, colours = zip(*_MOVED, strict=True)
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_line(point=alt.OverlayMarkDef(size=12))
        .encode(
            x=alt.X("edition:O", title=None, scale=alt.Scale(type="point"), axis=alt.Axis(labelAngle=0)),
            y=figures.position_axis(),
            color=alt.Color("moved:N", title=None, scale=alt.Scale(domain=words, range=colours)),
            detail=alt.Detail("song:N"),
        )
    )
    return _markdown(_small(figures.specification(chart, 180, {ROWS: rows})))


def _top_places(pictures: Pictures) -> Specification | None:
    days = sorted({row["edition_date"] for row in pictures.rankings.top_ten})[-EDITIONS:]
    newest = [row for row in pictures.rankings.top_ten if row["edition_date"] in days and row["position"] <= PLACES]
    return _small(song_figures.top_ten(replace(pictures.rankings, top_ten=newest)), HEIGHT) if newest else None


def _genres(pictures: Pictures) -> Specification | None:
    return _small(chart_figures.genres(pictures.movement), HEIGHT) if pictures.movement.genres else None


def _turnover(pictures: Pictures) -> Specification | None:
    return _small(chart_figures.turnover(pictures.movement), HEIGHT) if len(pictures.movement.trends) > 1 else None


def _collaborations(pictures: Pictures) -> Specification | None:
    few = pictures.movement.collaborations[:PAIRS]
    return _small(chart_figures.collaborations(replace(pictures.movement, collaborations=few))) if few else None


def _survival(pictures: Pictures) -> Specification | None:
    return _small(chart_figures.survival(pictures.movement), HEIGHT) if pictures.movement.survival else None


def _ranking(query: str, title: str) -> Draw:
    """Draws the first rows of a ranking, which have `name` and `value`; two of one name stay two bars."""

    def draw(pictures: Pictures) -> Specification | None:
        rows = pictures.tables.answer(query).to_pylist()
        names = json.dumps([figures.short(row["name"]) for row in rows], ensure_ascii=False)
        chart = (
            alt.Chart(alt.NamedData(ROWS))
            .mark_bar(color=figures.COLOURS[0])
            .encode(
                x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=4)),
                y=alt.Y("place:O", title=None, axis=alt.Axis(labelExpr=f"{names}[datum.value]")),
            )
        )
        placed = [{"place": place, "value": row["value"]} for place, row in enumerate(rows)]
        return _small(figures.specification(chart, BAR * len(rows), {ROWS: placed})) if rows else None

    return draw


def _over_time(query: str, title: str) -> Draw:
    """Draws `value` by `day`, the newest first, in bars that leave a gap where a day has none."""

    def draw(pictures: Pictures) -> Specification | None:
        rows = pictures.tables.answer(query).to_pylist()
        days = [row["day"] for row in rows]
        step = min((later - day for later, day in pairwise(days)), default=timedelta(days=1))
        width = min(WIDEST, max(1.0, WIDTH * step / (days[0] - days[-1] + step))) if days else 1.0
        chart = (
            alt.Chart(alt.NamedData(ROWS))
            .mark_bar(color=figures.COLOURS[0], width=width)
            .encode(
                x=alt.X("day:T", title=None, scale=figures.UTC, axis=alt.Axis(tickCount=5, grid=False)),
                y=alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=4)),
            )
        )
        return _small(figures.specification(chart, HEIGHT, {ROWS: rows})) if rows else None

    return draw


_DRAWN: Mapping[str, Draw] = {
    "chart_editions": _over_time(_EDITIONS, "Songs"),
    "chart_periods": _over_time(_MONTHS, "Editions a month"),
    "song_history": _top_places,
    "song_popularity": _ranking(_SONGS, "Points"),
    "song_spells": _ranking(_SPELLS, "Editions without a break"),
    "artist_analysis": _ranking(_ARTISTS, "Points"),
    "album_analysis": _ranking(_ALBUMS, "Points"),
    "genre_trends": _genres,
    "chart_trends": _turnover,
    "collaborations": _collaborations,
    "song_survival": _survival,
}


def _small(specification: Specification, height: int | None = None) -> Specification:
    """A figure in the size of a picture; with its own height where none is given."""
    return {**specification, "width": WIDTH, "height": height or specification["height"], "config": CONFIG}


def _markdown(specification: Specification) -> str:
    picture = fewer_bytes(vl_convert.vegalite_to_png(json.dumps(specification, default=str)))
    return f"![picture](data:image/png;base64,{base64.b64encode(picture).decode()})"

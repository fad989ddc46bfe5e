"""The figures of the report as Vega-Lite specifications, made with Altair. What they show is chosen elsewhere.

Times are UTC and dates are text in tooltips, so that a day is the same day wherever the page is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import altair as alt

from spotify_assets.report.chart_movement import Movement
from spotify_assets.report.rankings import Rankings

Row = Mapping[str, Any]
Specification = dict[str, Any]
COLOURS = (
    "#3d7fd9",
    "#d9772b",
    "#3a9a63",
    "#c9476f",
    "#8a6bd6",
    "#a98a1e",
    "#2f9fb0",
    "#a65f3f",
    "#7d8794",
    "#cc5fb4",
)
"""Told apart on white and on black."""
STATES = {
    "stored": "#3a9a63",
    "unchanged": "#8fc7a5",
    "stale": "#d9a12b",
    "failed a check": "#c9476f",
    "missing": "#9aa3ad",
}
PLACES = [1, 5, *range(10, 60, 10), *range(75, 1025, 25)]
"""Places that an axis names, as far as it reaches."""
LABEL_LETTERS = 26
MOST_STAYS = 25
WIDTH = "container"
BELOW = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=150)
"""A legend that a telephone has room for."""
_UTC = alt.Scale(type="utc")


def runs() -> Specification:
    """Runs of the songs that a reader picks; the page puts rows of `day`, `position`, `song`, `stretch` in."""
    return _runs(alt.Legend(orient="bottom", columns=1, labelLimit=500, title=None))


def runs_of_artist() -> Specification:
    """The same for the songs of the artists that a reader picks, which may be too many for a legend."""
    return _runs(None)


def _runs(legend: alt.Legend | None) -> Specification:
    base = alt.Chart(alt.NamedData("runs")).encode(
        x=_day("day"),
        y=_position(),
        color=alt.Color("song:N", legend=legend, scale=alt.Scale(range=COLOURS), sort=None),
        detail="stretch:N",
        tooltip=[_tip("song", "Song"), _tip("date", "Date"), _tip("position", "Position")],
    )
    return _specification(alt.layer(base.mark_line(strokeWidth=2), base.mark_circle(size=18)), 340, {"runs": []})


def shares() -> Specification:
    """Shares of the chart of the artists that a reader picks; the page puts `day`, `date`, `share`, `artist` in."""
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_day("day"),
            y=alt.Y("share:Q", title="Share of the chart", axis=alt.Axis(format="%")),
            color=alt.Color("artist:N", legend=BELOW, scale=alt.Scale(range=COLOURS)),
            detail="stretch:N",
            tooltip=[_tip("artist", "Artist"), _tip("date", "From"), _percent("share", "Share of the chart")],
        )
    )
    return _specification(chart, 220, {"shares": []})


def top_ten(rankings: Rankings) -> Specification:
    """How the ten first places changed hands."""
    rows = [
        {
            "day": row["edition_date"],
            "position": row["position"],
            "song": row["song_key"],
            "stretch": f"{row['song_key']} {row['stretch']}",
            "label": short(row["song_name"]),
            "artist": short(row["artist_names"]),
            "last": row["is_last"],
        }
        for row in rankings.top_ten
    ]
    base = alt.Chart(alt.NamedData("top_ten")).encode(
        x=_day("day"),
        y=_position(),
        color=alt.Color("song:N", legend=None, scale=alt.Scale(range=COLOURS)),
        detail="stretch:N",
        tooltip=[_tip("label", "Song"), _tip("artist", "Artists"), _tip("day", "Date"), _tip("position", "Position")],
    )
    names = base.mark_text(align="left", dx=8, limit=150, fontSize=11).encode(text="label:N")
    layers = alt.layer(
        base.mark_line(strokeWidth=2.5), base.mark_circle(size=40, opacity=1), names.transform_filter("datum.last")
    )
    return _specification(layers, 320, {"top_ten": rows}, padding={"right": 150, "left": 5, "top": 5, "bottom": 5})


def number_ones(rankings: Rankings) -> Specification:
    """The newest stays at number one, one below the other."""
    rows = [
        {
            "label": f"{short(row['song_name'])} · {short(row['artist_names'])}",
            "song": row["song_key"],
            "from": row["first_edition"],
            "to": row["last_edition"],
            "end": _after(row["last_edition"]),
            "editions": row["editions"],
        }
        for row in rankings.number_ones[:MOST_STAYS]
    ]
    chart = (
        alt.Chart(alt.NamedData("number_ones"))
        .mark_bar(height=12, cornerRadius=3, minBandSize=3)
        .encode(
            x=_day("from"),
            x2="end:T",
            y=alt.Y("label:N", title=None, sort=alt.EncodingSortField("from", op="max"), axis=alt.Axis(labelLimit=190)),
            color=alt.Color("song:N", legend=None, scale=alt.Scale(range=COLOURS)),
            tooltip=[_tip("label", "Song"), _tip("from", "From"), _tip("to", "To"), _tip("editions", "Editions")],
        )
    )
    return _specification(chart, 20 * len({row["label"] for row in rows}), {"number_ones": rows})


def turnover(movement: Movement) -> Specification:
    """Turnover and overlap by period."""
    names = {"turnover": "turnover", "overlap": "overlap"}
    return _shares_over_time(movement, names, "Share of songs")


def concentration(movement: Movement) -> Specification:
    """The effective number of artists by period."""
    rows = [
        {"day": row["period_start"], "artists": row["effective_artists"], "stretch": row["stretch"]}
        for row in movement.trends
    ]
    chart = (
        alt.Chart(alt.NamedData("concentration"))
        .mark_line(point=True, color=COLOURS[0])
        .encode(
            x=_day("day"),
            y=alt.Y("artists:Q", title="Effective number of artists", scale=alt.Scale(zero=True)),
            detail="stretch:N",
            tooltip=[_tip("day", "From"), alt.Tooltip("artists:Q", title="Effective number of artists", format=".1f")],
        )
    )
    return _specification(chart, 200, {"concentration": rows})


def age(movement: Movement) -> Specification:
    """Shares of new, recent and older songs by period, which add up to the whole chart."""
    names = {
        "new_share": "up to 30 days old",
        "recent_share": "31 to 548 days old",
        "catalogue_share": "older",
        "unknown_age_share": "age not known",
    }
    return _stacked(_long(movement, names), list(names.values()))


def genres(movement: Movement) -> Specification:
    """Shares of the genres that are largest over the whole history, which add up to the whole chart."""
    rows = [
        {"day": row["period_start"], "end": _after(row["period_end"]), "what": row["genre"], "share": row["share"]}
        for row in movement.genres
    ]
    names = sorted({row["what"] for row in rows} - {"other", "not known"})
    return _stacked(rows, [*names, "other", "not known"])


def survival(movement: Movement) -> Specification:
    """The share of runs that last longer than a number of editions."""
    rows = [
        {"editions": row["editions_on_chart"], "survival": row["survival"], "at_risk": row["at_risk"]}
        for row in [{"editions_on_chart": 0, "survival": 1.0, "at_risk": None}, *movement.survival]
    ]
    half_life = movement.survival[0]["half_life"] if movement.survival else None
    line = (
        alt.Chart(alt.NamedData("survival"))
        .mark_line(interpolate="step-after", color=COLOURS[0], strokeWidth=2)
        .encode(
            x=alt.X("editions:Q", title="Editions on the chart"),
            y=alt.Y("survival:Q", title="Share still on the chart", axis=alt.Axis(format="%")),
            tooltip=[
                _tip("editions", "Editions"),
                _percent("survival", "Still on the chart"),
                _tip("at_risk", "Runs that lasted so long"),
            ],
        )
    )
    half = (
        alt.Chart(alt.NamedData("half_life"))
        .mark_rule(strokeDash=[4, 4], color=COLOURS[1])
        .encode(x="editions:Q", tooltip=[_tip("editions", "Half of the runs have ended after")])
    )
    halves = [] if half_life is None else [{"editions": half_life}]
    return _specification(alt.layer(line, half), 220, {"survival": rows, "half_life": halves})


def collaborations(movement: Movement) -> Specification:
    """The pairs of artists with most songs together: the artists below each other, an arc for each pair."""
    names: dict[str, str] = {}
    for row in movement.collaborations:
        names[row["artist_key"]] = short(row["artist_name"])
        names[row["other_artist_key"]] = short(row["other_artist_name"])
    place = {key: number for number, key in enumerate(_in_groups(movement.collaborations))}
    arcs = []
    for line, row in enumerate(movement.collaborations):
        first, second = sorted((place[row["artist_key"]], place[row["other_artist_key"]]))
        pair = f"{names[row['artist_key']]} and {names[row['other_artist_key']]}"
        corners = ((0, first), (second - first, (first + second) / 2), (0, second))
        arcs += [{"across": x, "place": y, "line": line, "pair": pair, "songs": row["songs"]} for x, y in corners]
    down = alt.Y("place:Q", axis=None, scale=alt.Scale(reverse=True, nice=False, domain=[-0.5, len(place) - 0.5]))
    lines = (
        alt.Chart(alt.NamedData("pairs"))
        .mark_line(interpolate="basis", opacity=0.7, color=COLOURS[0])
        .encode(
            x=alt.X(
                "across:Q", axis=None, scale=alt.Scale(range=[{"expr": "min(width * 0.45, 200)"}, {"expr": "width"}])
            ),
            y=down,
            detail="line:N",
            order="place:Q",
            strokeWidth=alt.StrokeWidth("songs:Q", legend=None, scale=alt.Scale(range=[1.5, 5])),
            tooltip=[_tip("pair", "Artists"), _tip("songs", "Songs together")],
        )
    )
    artists = (
        alt.Chart(alt.NamedData("artists"))
        .mark_text(align="right", dx=-8, limit=190, fontSize=12)
        .encode(x=alt.value(alt.expr("min(width * 0.45, 200)")), y=down, text="artist:N")
    )
    rows = [{"artist": names[key], "place": number} for key, number in place.items()]
    return _specification(alt.layer(lines, artists), 18 * len(place), {"artists": rows, "pairs": arcs})


def calendar(days: Sequence[Row]) -> Specification:
    """What is stored of each day: a row a month, the newest first."""
    rows = [
        {
            "date": day["snapshot_date"],
            "month": f"{day['snapshot_date']:%Y-%m}",
            "day": day["snapshot_date"].day,
            "state": day["state"],
        }
        for day in days
    ]
    chart = (
        alt.Chart(alt.NamedData("calendar"))
        .mark_rect(cornerRadius=2, stroke="transparent", strokeWidth=2)
        .encode(
            x=alt.X("day:O", title="Day of the month", axis=alt.Axis(labelAngle=0, labelOverlap=True, domain=False)),
            y=alt.Y("month:O", title=None, sort="descending", axis=alt.Axis(domain=False)),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=list(STATES), range=list(STATES.values())),
                legend=BELOW,
            ),
            tooltip=[_tip("date", "Date"), _tip("state", "State")],
        )
    )
    return _specification(chart, 16 * len({row["month"] for row in rows}), {"calendar": rows})


def short(name: str | None) -> str:
    """A name as a label of a figure has it; the page shows it whole elsewhere."""
    name = " ".join((name or "without a name").split())
    return name if len(name) <= LABEL_LETTERS else f"{name[: LABEL_LETTERS - 1]}…"


def _shares_over_time(movement: Movement, names: Mapping[str, str], title: str) -> Specification:
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_line(point=True)
        .encode(
            x=_day("day"),
            y=alt.Y("share:Q", title=title, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=_legend(list(names.values())),
            detail="stretch:N",
            tooltip=[_tip("what", "Figure"), _tip("day", "From"), _percent("share", "Share")],
        )
    )
    return _specification(chart, 200, {"shares": _long(movement, names)})


def _stacked(rows: Sequence[Row], names: Sequence[str]) -> Specification:
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_bar()
        .encode(
            x=_day("day"),
            x2="end:T",
            y=alt.Y("share:Q", title="Share of the chart", axis=alt.Axis(format="%"), stack="zero"),
            color=_legend(names),
            order=alt.Order("place:Q"),
            tooltip=[_tip("what", "What"), _tip("day", "From"), _percent("share", "Share")],
        )
    )
    placed = [{**row, "place": names.index(row["what"])} for row in rows]
    return _specification(chart, 220, {"shares": placed})


def _long(movement: Movement, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns of the trends as rows; where a figure is not known there is none."""
    return [
        {
            "day": row["period_start"],
            "end": _after(row["period_end"]),
            "what": words,
            "share": row[name],
            "stretch": row["stretch"],
        }
        for row in movement.trends
        for name, words in names.items()
        if row[name] is not None
    ]


def _in_groups(pairs: Sequence[Row]) -> list[str]:
    """The artists of pairs, those that worked together beside each other."""
    partners: dict[str, list[str]] = {}
    for row in pairs:
        partners.setdefault(row["artist_key"], []).append(row["other_artist_key"])
        partners.setdefault(row["other_artist_key"], []).append(row["artist_key"])
    ordered: dict[str, None] = {}
    for first in partners:
        waiting = [first]
        while waiting:
            key = waiting.pop()
            if key not in ordered:
                ordered[key] = None
                waiting += partners[key]
    return list(ordered)


def _day(field: str) -> alt.X:
    return alt.X(f"{field}:T", title=None, scale=_UTC, axis=alt.Axis(labelOverlap=True, tickCount=6, grid=False))


def _position() -> alt.Y:
    return alt.Y(
        "position:Q",
        title="Position",
        scale=alt.Scale(reverse=True, nice=False, zero=False, padding=8),
        axis=alt.Axis(values=PLACES, format="d"),
    )


def _legend(names: Sequence[str]) -> alt.Color:
    return alt.Color(
        "what:N",
        scale=alt.Scale(domain=list(names), range=COLOURS),
        legend=BELOW,
    )


def _tip(field: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title=title)


def _percent(field: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:Q", title=title, format=".1%")


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _specification(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int, datasets: Mapping[str, Sequence[Row]], **more: Any
) -> Specification:
    # Against Vega-Lite's schema figures are checked by a test, not in every run: that takes as long as making them.
    specification = chart.properties(width=WIDTH, height=height, **more).to_dict(validate=False)
    return {**specification, "datasets": datasets, "config": _config()}


@cache
def _config() -> Specification:
    return {
        "background": "transparent",
        "view": {"stroke": None},
        "font": "system-ui, sans-serif",
        "axis": {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "gridOpacity": 0.5},
        "legend": {"labelFontSize": 12},
    }

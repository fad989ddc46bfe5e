"""Figures of a chart as a whole: how it moves, and of which days it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from spotify_assets.report.chart_movement import Movement
from spotify_assets.report.figures import (
    BELOW,
    COLOURS,
    Row,
    Specification,
    day_after,
    day_axis,
    percent,
    short,
    specification,
    tip,
)

STATES = {
    "stored": "#3a9a63",
    "unchanged": "#8fc7a5",
    "stale": "#d9a12b",
    "failed a check": "#c9476f",
    "missing": "#9aa3ad",
}


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
            x=day_axis("day"),
            y=alt.Y("artists:Q", title="Effective number of artists", scale=alt.Scale(zero=True)),
            detail=alt.Detail("stretch:N"),
            tooltip=[tip("day", "From"), alt.Tooltip("artists:Q", title="Effective number of artists", format=".1f")],
        )
    )
    return specification(chart, 200, {"concentration": rows})


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
        {"day": row["period_start"], "end": day_after(row["period_end"]), "what": row["genre"], "share": row["share"]}
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
                tip("editions", "Editions"),
                percent("survival", "Still on the chart"),
                tip("at_risk", "Runs that lasted so long"),
            ],
        )
    )
    half = (
        alt.Chart(alt.NamedData("half_life"))
        .mark_rule(strokeDash=[4, 4], color=COLOURS[1])
        .encode(x=alt.X("editions:Q"), tooltip=[tip("editions", "Half of the runs have ended after")])
    )
    halves = [] if half_life is None else [{"editions": half_life}]
    return specification(alt.layer(line, half), 220, {"survival": rows, "half_life": halves})


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
            detail=alt.Detail("line:N"),
            order=alt.Order("place:Q"),
            strokeWidth=alt.StrokeWidth("songs:Q", legend=None, scale=alt.Scale(range=[1.5, 5])),
            tooltip=[tip("pair", "Artists"), tip("songs", "Songs together")],
        )
    )
    artists = (
        alt.Chart(alt.NamedData("artists"))
        .mark_text(align="right", dx=-8, limit=190, fontSize=12)
        .encode(x=alt.value(alt.expr("min(width * 0.45, 200)")), y=down, text=alt.Text("artist:N"))
    )
    rows = [{"artist": names[key], "place": number} for key, number in place.items()]
    return specification(alt.layer(lines, artists), 18 * len(place), {"artists": rows, "pairs": arcs})


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
            tooltip=[tip("date", "Date"), tip("state", "State")],
        )
    )
    return specification(chart, 16 * len({row["month"] for row in rows}), {"calendar": rows})


def _shares_over_time(movement: Movement, names: Mapping[str, str], title: str) -> Specification:
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_line(point=True)
        .encode(
            x=day_axis("day"),
            y=alt.Y("share:Q", title=title, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=_legend(list(names.values())),
            detail=alt.Detail("stretch:N"),
            tooltip=[tip("what", "Figure"), tip("day", "From"), percent("share", "Share")],
        )
    )
    return specification(chart, 200, {"shares": _long(movement, names)})


def _stacked(rows: Sequence[Row], names: Sequence[str]) -> Specification:
    """Shares of periods, one above the other in the order of their names."""
    placed = []
    below: dict[Any, float] = {}
    for row in sorted(rows, key=lambda row: (row["day"], names.index(row["what"]))):
        bottom = below.get(row["day"], 0.0)
        below[row["day"]] = top = bottom + row["share"]
        placed.append({**row, "from": bottom, "to": top})
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_rect()
        .encode(
            x=day_axis("day"),
            x2=alt.X2("end:T"),
            y=alt.Y("from:Q", title="Share of the chart", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            y2=alt.Y2("to:Q"),
            color=_legend(names),
            tooltip=[tip("what", "What"), tip("day", "From"), percent("share", "Share")],
        )
    )
    return specification(chart, 220, {"shares": placed})


def _long(movement: Movement, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns of the trends as rows; where a figure is not known there is none."""
    return [
        {
            "day": row["period_start"],
            "end": day_after(row["period_end"]),
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


def _legend(names: Sequence[str]) -> alt.Color:
    return alt.Color(
        "what:N",
        scale=alt.Scale(domain=list(names), range=COLOURS),
        legend=BELOW,
    )

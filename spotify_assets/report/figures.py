"""What the figures of the report share: colours, axes, tooltips, and how a figure becomes a specification.

Times are UTC and dates are text in tooltips, so that a day is the same day wherever the page is read. Channels are
objects (`alt.Detail("line:N")`): for each that is only text, Altair looks through its whole schema, for eight
milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

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
PLACES = [1, 5, *range(10, 60, 10), *range(75, 1025, 25)]
"""Places that an axis names, as far as it reaches."""
LABEL_LETTERS = 26
WIDTH = "container"
BELOW = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=150)
"""A legend that a telephone has room for."""
UTC = alt.Scale(type="utc")
CONFIG: Specification = {
    "background": "transparent",
    "view": {"stroke": None},
    "font": "system-ui, sans-serif",
    "axis": {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "gridOpacity": 0.5},
    "legend": {"labelFontSize": 12},
}


def short(name: str | None) -> str:
    """A name as a label of a figure has it; the page shows it whole elsewhere."""
    name = " ".join((name or "without a name").split())
    return name if len(name) <= LABEL_LETTERS else f"{name[: LABEL_LETTERS - 1]}…"


def day_axis(field: str) -> alt.X:
    """A time axis that ends with its data."""
    return alt.X(f"{field}:T", title=None, scale=UTC, axis=alt.Axis(labelOverlap=True, tickCount=6, grid=False))


def position_axis() -> alt.Y:
    """Places, the first at the top."""
    return alt.Y(
        "position:Q",
        title="Position",
        scale=alt.Scale(reverse=True, nice=False, zero=False, padding=8),
        axis=alt.Axis(values=PLACES, format="d"),
    )


def tip(field: str, title: str) -> alt.Tooltip:
    """A line of a tooltip."""
    return alt.Tooltip(f"{field}:N", title=title)


def percent(field: str, title: str) -> alt.Tooltip:
    """A line of a tooltip that is a share."""
    return alt.Tooltip(f"{field}:Q", title=title, format=".1%")


def day_after(day: date) -> date:
    """The day after; where a bar of days ends."""
    return day + timedelta(days=1)


def specification(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int, datasets: Mapping[str, Sequence[Row]]
) -> Specification:
    """A figure as wide as its place, with its data."""
    # Against Vega-Lite's schema figures are checked by a test, not in every run: that takes as long as making them.
    made = chart.properties(width=WIDTH, height=height).to_dict(validate=False)
    return {**made, "datasets": datasets, "config": CONFIG}

"""Figures of songs and artists: their runs, the top ten, the number ones."""

from __future__ import annotations

import altair as alt

from spotify_assets.report.figures import (
    BELOW,
    COLOURS,
    Specification,
    day_after,
    day_axis,
    percent,
    position_axis,
    short,
    specification,
    tip,
)
from spotify_assets.report.rankings import Rankings

MOST_STAYS = 25
LABEL_WIDTH = "containerSize()[0] < 600 ? 90 : 170"
"""Pixels beside the lines of the top ten; on a telephone the lines need the room."""


def runs() -> Specification:
    """Runs of the songs that a reader picks; the page puts rows of `day`, `position`, `song`, `stretch` in."""
    return _runs(alt.Legend(orient="bottom", columns=1, labelLimit=500, title=None))


def runs_of_artist() -> Specification:
    """The same for the songs of the artists that a reader picks, which may be too many for a legend."""
    return _runs(None)


def _runs(legend: alt.Legend | None) -> Specification:
    base = alt.Chart(alt.NamedData("runs")).encode(
        x=day_axis("day"),
        y=position_axis(),
        color=alt.Color("song:N", legend=legend, scale=alt.Scale(range=COLOURS), sort=None),
        detail=alt.Detail("stretch:N"),
        tooltip=[tip("song", "Song"), tip("date", "Date"), tip("position", "Position")],
    )
    return specification(alt.layer(base.mark_line(strokeWidth=2), base.mark_circle(size=18)), 340, {"runs": []})


def shares() -> Specification:
    """Shares of the chart of the artists that a reader picks; the page puts `day`, `date`, `share`, `artist` in."""
    chart = (
        alt.Chart(alt.NamedData("shares"))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=day_axis("day"),
            y=alt.Y("share:Q", title="Share of the chart", axis=alt.Axis(format="%")),
            color=alt.Color("artist:N", legend=BELOW, scale=alt.Scale(range=COLOURS)),
            detail=alt.Detail("stretch:N"),
            tooltip=[tip("artist", "Artist"), tip("date", "From"), percent("share", "Share of the chart")],
        )
    )
    return specification(chart, 220, {"shares": []})


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
        x=day_axis("day"),
        y=position_axis(),
        color=alt.Color("song:N", legend=None, scale=alt.Scale(range=COLOURS)),
        detail=alt.Detail("stretch:N"),
        tooltip=[tip("label", "Song"), tip("artist", "Artists"), tip("day", "Date"), tip("position", "Position")],
    )
    names = base.mark_text(align="left", dx=8, limit=alt.expr(LABEL_WIDTH), fontSize=11).encode(
        text=alt.Text("label:N")
    )
    layers = alt.layer(
        base.mark_line(strokeWidth=2.5), base.mark_circle(size=40, opacity=1), names.transform_filter("datum.last")
    )
    return specification(layers, 320, {"top_ten": rows})


def number_ones(rankings: Rankings) -> Specification:
    """The newest stays at number one, one below the other."""
    rows = [
        {
            "label": f"{short(row['song_name'])} · {short(row['artist_names'])}",
            "song": row["song_key"],
            "from": row["first_edition"],
            "to": row["last_edition"],
            "end": day_after(row["last_edition"]),
            "editions": row["editions"],
        }
        for row in rankings.number_ones[:MOST_STAYS]
    ]
    chart = (
        alt.Chart(alt.NamedData("number_ones"))
        .mark_bar(height=12, cornerRadius=3, minBandSize=3)
        .encode(
            x=day_axis("from"),
            x2=alt.X2("end:T"),
            y=alt.Y("label:N", title=None, sort=alt.EncodingSortField("from", op="max"), axis=alt.Axis(labelLimit=190)),
            color=alt.Color("song:N", legend=None, scale=alt.Scale(range=COLOURS)),
            tooltip=[tip("label", "Song"), tip("from", "From"), tip("to", "To"), tip("editions", "Editions")],
        )
    )
    return specification(chart, 20 * len({row["label"] for row in rows}), {"number_ones": rows})

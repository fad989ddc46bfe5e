"""Chart files of a few rows, as people download them."""

from __future__ import annotations

from datetime import date

ID = "0aaaaaaaaaaaaaaaaaaaa1"
DAY = date(2026, 11, 19)
COUNTRIES = "spotify_id,name,artists,daily_rank,country,snapshot_date\n" + "".join(
    f"{ID},{title},Hoshi,1,{country},{DAY}\n" for title, country in (("傘", "JP"), ("Rain", ""), ("Vent", "FR"))
)
"""A file of three countries and one day."""


def chart(*titles, kind="days"):
    """A file in the present format: no day in its data."""
    rows = (f"{position},spotify:track:{ID},Hoshi,{title},1,1,9,100\n" for position, title in enumerate(titles, 1))
    return (
        f"rank,uri,artist_names,track_name,peak_rank,previous_rank,{kind}_on_chart,streams\n" + "".join(rows)
    ).encode()


def archive(**titles_by_day):
    """A file of several days that names neither chart nor country; days are given as d19=["title"]."""
    rows = (
        f"2026-11-{day[1:]},{position},{title},Hoshi\n"
        for day, titles in titles_by_day.items()
        for position, title in enumerate(titles, 1)
    )
    return ("date,position,song,artist\n" + "".join(rows)).encode()

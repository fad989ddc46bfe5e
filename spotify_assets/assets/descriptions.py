"""What each asset is for and which question it answers, in the order in which the lineage tells it.

What a row is, and what a column means, is said by the schemas; this comes before it.
"""

from __future__ import annotations

from spotify_assets.schemas import Table

PURPOSES = {
    "songs": "What was on the chart that day? The list itself: everything about songs begins here.",
    "albums": "Which albums did the chart of the day come from? Release dates, labels and sizes are here.",
    "artists": "Who was on the chart that day? Genres are known by artist, so those of songs come from here.",
    "song_artists": "Who is credited on which song? It joins `songs` and `artists`, where a song has several.",
    "snapshots": (
        "How complete is the day? When and from where the list came, how many entries it has, and how much of each "
        "column is filled. What changed since the stored day before is in `chart_days`, which knows the other days; "
        "this table is made of its own day alone."
    ),
    "rejects": "What was listed and is no song, and why? With `songs` it accounts for every position.",
    "chart_days": (
        "Which days are there, and what changed? The days of all playlists in order: which repeat the stored day "
        "before, which are older than they seem, and which are not whole. All that follows is made of the history."
    ),
    "chart_entries": (
        "What stood where, on every day? The daily tables joined into one history, so that a question about years "
        "reads a few files and not a thousand."
    ),
    "song_identity": (
        "Which rows are the same song? Ids, codes and titles of a song change; only when they are joined can anything "
        "be counted over days."
    ),
    "alias_candidates": (
        "Which songs may be one, without proof? A person settles it in `song_aliases.csv`; until then such a new "
        "entry is marked as doubtful."
    ),
    "chart_editions": (
        "Which editions of the chart are there, and which are missing? The calendar: no analysis fills a gap, so each "
        "one asks here what comes right before what."
    ),
    "chart_periods": (
        "Which editions make a week, a month, a year, and how many lack? All tables by period count over these."
    ),
    "song_history": (
        "How did each song move? Its place in every edition, up or down, new or back, and its record so far. Nearly "
        "all other analyses are made of it."
    ),
    "song_popularity": (
        "Which songs were the greatest? The whole story of a song in one line: when it came, its peak, its points, "
        "and whether it is still there."
    ),
    "song_spells": "How long do songs stay without a break, and do they come back? Each stay, with its two ends.",
    "artist_analysis": "Who rules the chart? Artists by period: songs, points, rank and how it changed.",
    "album_analysis": "Which albums rule the chart, and how many of their tracks charted? By period, like the artists.",
    "genre_trends": "Which genres grow and which shrink? The share of each genre of the chart, by period.",
    "chart_trends": (
        "Is the chart alive? By period, how much of it is new, how few artists hold it, and how old its songs are."
    ),
    "collaborations": "Who works with whom? The pairs of artists that songs on the chart credit together.",
    "song_survival": (
        "How long does a song last? The share of stays that go on longer than so many editions, with those that have "
        "not ended yet counted rightly."
    ),
}
"""By table."""


def described(table: Table, *more: str) -> str:
    """The description of a table's asset."""
    return "\n\n".join((PURPOSES[table.name], table.description, *more))

"""The measures of the Power BI model, in DAX: each with what it means and how it is shown.

Tables and columns are called as `labels` calls them.
"""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = "#,0"
DECIMAL = "#,0.0"
PERCENT = "0.0%"
DAY = "yyyy-mm-dd"


@dataclass(frozen=True)
class Measure:
    """One measure of the model, whose name is unique in it."""

    table: str
    name: str
    dax: str
    format: str
    description: str


_ENTRIES = "Chart entries"
_CREDITS = "Artist credits"
_EDITIONS = "Chart editions"

MEASURES: tuple[Measure, ...] = (
    Measure(_ENTRIES, "Song-editions", "COUNTROWS('Chart entries')", WHOLE, "Songs, counted once in each edition"),
    Measure(
        _ENTRIES,
        "Songs charted",
        "DISTINCTCOUNT('Chart entries'[Song surrogate key])",
        WHOLE,
        "Distinct songs",
    ),
    Measure(
        _ENTRIES,
        "Total points",
        "SUM('Chart entries'[Points])",
        WHOLE,
        "Sum of chart size + 1 - position over song-editions",
    ),
    Measure(
        _ENTRIES,
        "Total streams",
        "SUM('Chart entries'[Streams])",
        WHOLE,
        "Sum of the streams that the chart says; blank where it says none",
    ),
    Measure(_ENTRIES, "Best position", "MIN('Chart entries'[Position])", WHOLE, "Best position in what is picked"),
    Measure(_ENTRIES, "Mean position", "AVERAGE('Chart entries'[Position])", DECIMAL, "Mean over song-editions"),
    Measure(
        _ENTRIES,
        "Editions at number one",
        "CALCULATE(COUNTROWS('Chart entries'), KEEPFILTERS('Chart entries'[Position] = 1))",
        WHOLE,
        "Song-editions at position 1",
    ),
    Measure(
        _ENTRIES,
        "New and returning",
        "CALCULATE(COUNTROWS('Chart entries'), "
        'KEEPFILTERS(\'Chart entries\'[Entry status] IN {"NEW", "RE_ENTRY", "FIRST_SEEN"}))',
        WHOLE,
        "Song-editions that the edition before did not have: status NEW, RE_ENTRY or FIRST_SEEN",
    ),
    Measure(
        _ENTRIES,
        "Longest run",
        "MAX('Chart entries'[Streak])",
        WHOLE,
        "Most consecutive editions with a song, up to the last one that is picked",
    ),
    Measure(
        _ENTRIES,
        "Doubtful entries",
        "CALCULATE(COUNTROWS('Chart entries'), KEEPFILTERS('Chart entries'[Entry status basis] = \"doubtful\"))",
        WHOLE,
        "Song-editions whose song may have been on the chart before under another key",
    ),
    Measure(
        _CREDITS,
        "Credited song-editions",
        "COUNTROWS('Artist credits')",
        WHOLE,
        "Song-editions, once for each credited artist",
    ),
    Measure(
        _CREDITS,
        "Credited songs",
        "DISTINCTCOUNT('Artist credits'[Song surrogate key])",
        WHOLE,
        "Distinct songs that credit the artist",
    ),
    Measure(
        _CREDITS,
        "Shared points",
        "SUM('Artist credits'[Points fractional])",
        DECIMAL,
        "Points, those of a song shared equally by its credited artists; they may be summed over artists",
    ),
    Measure(
        _CREDITS,
        "Share of points",
        "DIVIDE([Shared points], CALCULATE([Total points], REMOVEFILTERS('Artist')))",
        PERCENT,
        "Shared points, of all points of the same time and playlist",
    ),
    Measure(
        _CREDITS,
        "Credited number ones",
        "CALCULATE(COUNTROWS('Artist credits'), KEEPFILTERS('Artist credits'[Position] = 1))",
        WHOLE,
        "Song-editions at position 1 that credit the artist",
    ),
    Measure(_EDITIONS, "Editions", "COUNTROWS('Chart editions')", WHOLE, "Editions that are there"),
    Measure(
        _EDITIONS,
        "Newest edition",
        "MAX('Chart editions'[Edition date])",
        DAY,
        "The newest edition in what is picked",
    ),
    Measure(
        _EDITIONS,
        "Missing editions",
        "SUM('Chart editions'[Missing before])",
        WHOLE,
        "Expected editions between the first and the last that are not there",
    ),
    Measure(
        _EDITIONS,
        "Completeness",
        "DIVIDE([Editions], [Editions] + [Missing editions])",
        PERCENT,
        "Editions that are there, of those expected between the first and the last",
    ),
    Measure(
        _EDITIONS,
        "Songs that came",
        "SUM('Chart editions'[Entries])",
        WHOLE,
        "Songs that the edition before did not have, summed over editions",
    ),
    Measure(
        _EDITIONS,
        "Songs that left",
        "SUM('Chart editions'[Exits])",
        WHOLE,
        "Songs of the edition before that an edition does not have, summed over editions",
    ),
    Measure(
        _EDITIONS,
        "Turnover",
        "DIVIDE([Songs that came], "
        "SUMX(FILTER('Chart editions', NOT ISBLANK('Chart editions'[Entries])), 'Chart editions'[Songs]))",
        PERCENT,
        "Share of songs that the edition before did not have; the first edition is left out",
    ),
    Measure(
        _EDITIONS,
        "Unidentified entries",
        "SUM('Chart editions'[Unidentified])",
        WHOLE,
        "Entries that name no song, summed over editions",
    ),
    Measure(
        _EDITIONS,
        "Editions with failed checks",
        "COUNTROWS(FILTER('Chart editions', NOT ISBLANK('Chart editions'[Failed checks])))",
        WHOLE,
        "Editions on whose day a check of severity ERROR found something",
    ),
)

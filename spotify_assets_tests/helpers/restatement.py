"""The analyses once more, in plain Python: slow, without SQL, one small function per definition.

It is what the SQL is compared to, so it shares nothing with it but the schemas. Rows are dictionaries; a history row
has two keys beside the columns of `song_history`: `credits`, the distinct keys of the artists credited, and `release`,
the interval of the song's earliest known release.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import pandas as pd

from spotify_assets.schemas import Table
from spotify_assets.schemas.analyses import ANALYSES, OFFICIAL_COLUMNS, PERIOD_COLUMNS
from spotify_assets_tests.helpers.little_charts import Alias

Row = dict[str, Any]
Interval = tuple[date, date]
Names = Collection[str]

ONE_DAY = timedelta(days=1)
STEP = {"daily": ONE_DAY, "weekly": timedelta(days=7)}
LATEST_WEEK = 8
PERIODS = {"daily": ("day", "week", "month", "year", "all"), "weekly": ("month", "year", "all")}
ENTRIES = ("NEW", "RE_ENTRY", "FIRST_SEEN")
NEW_DAYS, RECENT_DAYS = 30, 548
UNKNOWN_GENRE = "unknown"
OFFICIAL = [column.name for column in OFFICIAL_COLUMNS]
OF_PERIOD = [*(column.name for column in PERIOD_COLUMNS), "as_of"]


def restate(
    chart_days: pd.DataFrame, chart_entries: pd.DataFrame, aliases: Sequence[Alias] = ()
) -> dict[str, pd.DataFrame]:
    """Make all analyses.

    Args:
        chart_days: the columns of `CHART_DAYS` and `playlist`; a missing value is None.
        chart_entries: the columns of `CHART_ENTRIES` and `playlist`; lists are Python lists, a missing value is None.
        aliases: the rows of song_aliases.csv: a song, one that is the same or None, one that differs or None.

    Returns:
        By name, each table of `ANALYSES` with the schema's columns, sorted by its key, its cells Python objects.
    """
    days, entries = records(chart_days), records(chart_entries)
    songs = Songs(entries, days, aliases)
    rows: dict[str, list[Row]] = {name: [] for name in ANALYSES}
    for playlist in sorted({day["playlist"] for day in days}):
        mine = PlaylistHistory(
            [day for day in days if day["playlist"] == playlist],
            [entry for entry in entries if entry["playlist"] == playlist],
            songs,
        )
        for name, rows_of in TABLES.items():
            rows[name] += [{"playlist": playlist, "as_of": mine.as_of} | row for row in rows_of(mine)]
    return {name: frame(ANALYSES[name], rows[name]) for name in ANALYSES}


def records(table: pd.DataFrame) -> list[Row]:
    """The rows of a frame whose cells are Python objects."""
    return [dict(zip(table.columns, cells, strict=True)) for cells in table.itertuples(index=False, name=None)]


def frame(table: Table, rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a frame with the table's columns, sorted by its key."""
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in table.key))
    cells = [[plain(row[name]) for name in table.column_names] for row in ordered]
    return pd.DataFrame(cells, columns=table.column_names, dtype=object)


def plain(value: Any) -> Any:
    """A value as a cell: fractions are exact until here."""
    return float(value) if isinstance(value, Fraction) else value


# Song identity


@dataclass(frozen=True)
class Song:
    """A song under all its names, and the interval of its earliest known release."""

    key: str
    release: Interval | None


class Songs:
    """The songs of all references, and which of them may be another one.

    Attributes:
        ambiguous: ISRCs under which different titles stand in one edition.
        groups: by name - a reference, an ISRC, or what an alias says - all names of its song.
    """

    def __init__(self, entries: Sequence[Row], days: Sequence[Row], aliases: Sequence[Alias]) -> None:
        self._rows = [row for row in entries if row["song_ref"] is not None]
        self._editions = edition_numbers(days)
        self._by_ref = grouped(self._rows, lambda row: row["song_ref"])
        self.ambiguous = {isrc for isrc, refs in self._isrcs().items() if self._has_different_titles(refs)}
        self._ranks = self._ranked()
        self.groups: dict[str, frozenset[str]] = {}
        same = [(self._known(song), self._known(other)) for song, other, _ in aliases if other]
        self._different = [(self._known(song), self._known(other)) for song, _, other in aliases if other]
        for song, other in same:
            self._merge(song, other)
        for ref, isrc in sorted((ref, isrc) for isrc, refs in self._isrcs().items() for ref in refs):
            if isrc not in self.ambiguous and not self._apart(self.group(ref), self.group(isrc)):
                self._merge(ref, isrc)
        for title in sorted({fold(row["song_name"]) for row in self._rows if row["song_name"] is not None}):
            self._merge_of_title(title)

    def __getitem__(self, ref: str) -> Song:
        """The song of a reference."""
        group = self.group(ref)
        releases = [
            (row["release_date_from"], row["release_date_to"])
            for row in self._rows_of(group)
            if row["release_date_from"] is not None
        ]
        return Song(self.key(group), min(releases, default=None))

    def group(self, name: str) -> frozenset[str]:
        """All names of a song."""
        return self.groups.get(name, frozenset({name}))

    def key(self, group: Iterable[str]) -> str:
        """The smallest ISRC, else the smallest id, else the smallest hash. What no row says is no song's key."""
        return min(group, key=lambda name: (self._ranks.get(name, 3), name))

    def doubted(self, playlist: str) -> set[str]:
        """Keys of the songs of a playlist that may be one that was there before."""
        rows = [row for row in self._rows if row["playlist"] == playlist]
        by_group = grouped(rows, lambda row: self.group(row["song_ref"]))
        return {
            self.key(group)
            for group in by_group
            for earlier in by_group
            if group != earlier and self._may_follow(by_group[group], by_group[earlier], group, earlier)
        }

    def _may_follow(self, rows: Sequence[Row], earlier_rows: Sequence[Row], group: Names, earlier: Names) -> bool:
        numbers = [self._edition_of(row) for row in rows]
        earlier_numbers = [self._edition_of(row) for row in earlier_rows]
        all_rows, all_earlier = self._rows_of(group), self._rows_of(earlier)
        return (
            min(earlier_numbers) < min(numbers)
            and min(numbers) - max(earlier_numbers) <= 3
            and within(1000, all_rows, all_earlier)
            and any(
                likeness.startswith("title ") or max(earlier_numbers) - min(numbers) <= 3
                for row in all_rows
                for other in all_earlier
                for likeness in likenesses(row) & likenesses(other)
            )
            and listings_of(all_rows).isdisjoint(listings_of(all_earlier))
            and not self._apart(group, earlier)
        )

    def _edition_of(self, row: Row) -> int:
        return self._editions[row["playlist"], row["snapshot_date"]]

    def _isrcs(self) -> dict[str, set[str]]:
        """By ISRC, the references of rows that say it."""
        found: dict[str, set[str]] = {}
        for row in self._rows:
            isrc = isrc_of(row["isrc"])
            if isrc:
                found.setdefault(isrc, set()).add(row["song_ref"])
        return found

    def _has_different_titles(self, refs: Names) -> bool:
        rows = [row for ref in refs for row in self._by_ref[ref] if row["song_name"] is not None]
        editions = grouped(rows, lambda row: (row["playlist"], row["snapshot_date"]))
        return len(refs) > 1 and any(len({fold(row["song_name"]) for row in of}) > 1 for of in editions.values())

    def _ranked(self) -> dict[str, int]:
        ranks = {ref: 1 if rows[0]["song_id"] else 2 for ref, rows in self._by_ref.items()}
        return ranks | dict.fromkeys(self._isrcs().keys() - self.ambiguous, 0)

    def _known(self, name: str) -> str:
        return name if name in self._ranks else isrc_of(name) or name

    def _rows_of(self, group: Names) -> list[Row]:
        return [row for name in group for row in self._by_ref.get(name, ())]

    def _apart(self, group: Names, other: Names) -> bool:
        """Whether somebody said that these are different songs."""
        return any((a in group and b in other) or (b in group and a in other) for a, b in self._different)

    def _merge(self, name: str, other: str) -> None:
        merged = self.group(name) | self.group(other)
        self.groups |= dict.fromkeys(merged, merged)

    def _merge_of_title(self, title: str) -> None:
        """Merge the songs of a title by the same artist; see `song_identity`, rule 3."""
        groups = {self.group(row["song_ref"]) for row in self._rows if fold(row["song_name"] or "") == title}
        before: list[frozenset[str]] = []
        for group in sorted(groups, key=lambda group: (min(days_of(self._rows_of(group))), self.key(group))):
            latest = sorted(before, key=self.key)
            latest.sort(key=lambda other: max(days_of(self._rows_of(other))), reverse=True)
            found = next((other for other in latest if self._may_be_one(title, group, other)), None)
            if found is not None:
                before.remove(found)
                self._merge(min(group), min(found))
            before.append(self.group(min(group)))

    def _may_be_one(self, title: str, group: Names, other: Names) -> bool:
        rows, other_rows = self._rows_of(group), self._rows_of(other)
        return (
            artists_agree(
                *(lead_artists(row for row in of if fold(row["song_name"] or "") == title) for of in (rows, other_rows))
            )
            and (within(3000, rows, other_rows) or not all(known("duration_ms", of) for of in (rows, other_rows)))
            and listings_of(rows).isdisjoint(listings_of(other_rows))
            and not self._apart(group, other)
        )


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by what a function says of them."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def fold(name: str) -> str:
    """A name as rule 3 compares it: letters, digits and symbols only."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"[\W_]", "", plain) or "".join(plain.split())


def isrc_of(text: str | None) -> str | None:
    """An ISRC in its one form, if it has the form of one."""
    bare = re.sub(r"[\s-]", "", text or "").upper()
    return bare if re.fullmatch("[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", bare) else None


def lead_artists(rows: Iterable[Row]) -> tuple[set[str], set[str]]:
    """Ids and folded names of the lead artists of rows; where several are credited, also all names in one."""
    rows = list(rows)
    ids = {key for key in known("lead_artist_key", rows) if not key.startswith("name:")}
    names = {fold(name) for name in known("lead_artist_name", rows)}
    several = (row["artist_names"] for row in rows if len(row["artist_names"]) > 1 and None not in row["artist_names"])
    return ids, names | {fold("".join(credited)) for credited in several}


def artists_agree(artists: tuple[set[str], set[str]], others: tuple[set[str], set[str]]) -> bool:
    """Whether they are the same: by id where both have one, else by name."""
    (ids, names), (other_ids, other_names) = artists, others
    return bool(ids & other_ids if ids and other_ids else names & other_names)


def likenesses(row: Row) -> set[str]:
    """What a row's song may have in common with another one of which somebody should see whether it is the same."""
    if row["song_name"] is None:
        return set()
    ids, names = lead_artists([row])
    return {*ids, *(f"name {name}" for name in names), f"title {fold(row['song_name'])}"}


def within(milliseconds: int, rows: Iterable[Row], others: Sequence[Row]) -> bool:
    """Whether a length that one song is said to have is near one of the other."""
    lengths, other_lengths = known("duration_ms", rows), known("duration_ms", others)
    return any(abs(length - other) <= milliseconds for length in lengths for other in other_lengths)


def listings_of(rows: Iterable[Row]) -> set[tuple[str, date]]:
    """Where and when rows stand."""
    return {(row["playlist"], row["snapshot_date"]) for row in rows}


def days_of(rows: Iterable[Row]) -> list[date]:
    """When rows stand."""
    return [row["snapshot_date"] for row in rows]


def edition_numbers(days: Iterable[Row]) -> dict[tuple[str, date], int]:
    """By playlist and day, the place in D of its edition."""
    numbers = {}
    for playlist, of_playlist in grouped(days, lambda day: day["playlist"]).items():
        dates = sorted({edition_date_of(day) for day in of_playlist})
        numbers |= {(playlist, day["snapshot_date"]): dates.index(edition_date_of(day)) for day in of_playlist}
    return numbers


# Editions and periods


class PlaylistHistory:
    """A playlist's days and rows, and what all its tables are made of: D, the periods and the song history."""

    def __init__(self, days: Sequence[Row], entries: Sequence[Row], songs: Songs) -> None:
        self.days = days
        self.entries = entries
        self.as_of = max(day["snapshot_date"] for day in days)
        self.editions = editions_of(days, entries, songs)
        self.periods = periods_of(self.editions)
        self.song_rows = song_rows(self.editions, songs, days, songs.doubted(days[0]["playlist"]))
        self.rows = [row for rows in self.song_rows.values() for row in rows]
        self.artist_names = newest_artist_names(entries)

    def rows_of(self, period: Row) -> list[Row]:
        """The history rows of a period."""
        return [row for row in self.rows if row["edition_date"] in period["editions"]]

    def period_before(self, period: Row) -> Row | None:
        """The adjacent period before, if it has an edition."""
        for other in self.periods:
            if (other["period"], other["period_start"]) == (period["period"], period["previous_period_start"]):
                return other
        return None


def editions_of(days: Iterable[Row], entries: Iterable[Row], songs: Songs) -> list[Row]:
    """D in order: the columns of `chart_editions`, and `listing` (see `listing_of`)."""
    first_days: dict[date, Row] = {}
    for day in sorted(days, key=lambda day: day["snapshot_date"]):
        first_days.setdefault(edition_date_of(day), day)
    editions = []
    for number, (edition_date, day) in enumerate(sorted(first_days.items()), 1):
        before = editions[-1]["edition_date"] if editions else None
        missing = missing_between(before, edition_date, day["cadence"]) if before else 0
        rows = [row for row in entries if row["snapshot_date"] == day["snapshot_date"]]
        listing = listing_of(rows, songs)
        editions.append(
            {
                "edition_date": edition_date,
                "snapshot_date": day["snapshot_date"],
                "cadence": day["cadence"],
                "edition_number": number,
                "previous_edition_date": before,
                "missing_before": missing,
                "gap": missing > 0,
                "is_last": number == len(first_days),
                "chart_size": day["chart_size"],
                "listed": day["listed"],
                "songs": len(listing),
                "unidentified": sum(row["song_ref"] is None for row in rows),
                "listing": listing,
            }
        )
    for edition, following in pairwise(editions):
        edition["gap_after"] = following["gap"]
    editions[-1]["gap_after"] = False
    return editions


def edition_date_of(day: Row) -> date:
    """The edition that a stored day belongs to."""
    is_counted_by_content = day["cadence"] == "weekly" and day["source"] != "charts"
    edition_date: date = day["edition" if is_counted_by_content else "snapshot_date"]
    return edition_date


def missing_between(before: date, after: date, cadence: str) -> int:
    """How many editions are missing between two that are there; weeks, give or take a day, are rounded half up."""
    days_between = (after - before).days
    if cadence == "daily":
        return days_between - 1
    return max(1, (days_between + 3) // 7 - 1) if days_between > LATEST_WEEK else 0


def listing_of(rows: Iterable[Row], songs: Songs) -> dict[str, list[Row]]:
    """By song key, the rows of an edition that name the song, the best position first."""
    listing: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["position"]):
        if row["song_ref"] is not None:
            listing.setdefault(songs[row["song_ref"]].key, []).append(row)
    return listing


def periods_of(editions: Sequence[Row]) -> list[Row]:
    """The periods that have an edition: the columns of `chart_periods`, and in `editions` the dates of all of them."""
    cadence = editions[0]["cadence"]
    first, last = editions[0]["edition_date"], editions[-1]["edition_date"]
    expected = [edition["edition_date"] for edition in editions] + missing_dates(editions)
    periods: dict[tuple[str, date], Row] = {}
    for edition in editions:
        for period in PERIODS[cadence]:
            start, end = (first, last) if period == "all" else bounds(period, edition["edition_date"])
            found = periods.setdefault(
                (period, start), {"period": period, "period_start": start, "period_end": end, "editions": []}
            )
            found["editions"].append(edition["edition_date"])
            found["as_of"] = edition["snapshot_date"]
    for found in periods.values():
        start, end = found["period_start"], found["period_end"]
        found["expected_editions"] = sum(start <= day <= end for day in expected)
        found["observed_editions"] = len(found["editions"])
        found["previous_period_start"] = None
        if found["period"] != "all":
            start_before, _ = bounds(found["period"], start - ONE_DAY)
            if (found["period"], start_before) in periods:
                found["previous_period_start"] = start_before
    return list(periods.values())


def missing_dates(editions: Iterable[Row]) -> list[date]:
    """When the missing editions should have been."""
    return [
        edition["previous_edition_date"] + number * STEP[edition["cadence"]]
        for edition in editions
        for number in range(1, edition["missing_before"] + 1)
    ]


def bounds(period: str, day: date) -> tuple[date, date]:
    """First and last day of the calendar period that a day is in."""
    if period == "day":
        return day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if period == "month":
        next_month = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        return day.replace(day=1), next_month - ONE_DAY
    return date(day.year, 1, 1), date(day.year, 12, 31)


# Song history


def song_rows(
    editions: Sequence[Row], songs: Songs, days: Sequence[Row], doubted: Collection[str]
) -> dict[str, list[Row]]:
    """By song key, the song's history in order of editions."""
    history: dict[str, list[Row]] = {}
    for edition in editions:
        for key, listed in edition["listing"].items():
            earlier = history.setdefault(key, [])
            row = facts_of(listed, edition) | {"song_key": key, "release": songs[listed[0]["song_ref"]].release}
            row["as_of"] = newest_day_of_year(days, edition["edition_date"].year)
            row |= story_of(row, earlier, edition)
            if row["entry_status"] == "NEW" and row["entry_status_basis"] == "observed" and key in doubted:
                row["entry_status_basis"] = "doubtful"
            earlier.append(row)
    return history


def newest_day_of_year(days: Iterable[Row], year: int) -> date:
    """The newest stored day of a year."""
    newest: date = max(day["snapshot_date"] for day in days if day["snapshot_date"].year == year)
    return newest


def facts_of(listed: Sequence[Row], edition: Row) -> Row:
    """What an edition alone says of a song."""
    best = listed[0]
    copied = (
        *("song_id", "isrc", "song_name", "lead_artist_key", "lead_artist_name", "album_key", "album_name"),
        *("album_total_tracks", "explicit", "duration_ms", "popularity", "position", "streams", *OFFICIAL),
    )
    return {
        **{name: best[name] for name in copied},
        **{name: edition[name] for name in ("edition_date", "snapshot_date", "edition_number", "gap")},
        "artist_names": ", ".join(name for name in best["artist_names"] if name is not None) or None,
        "artist_keys": ";".join(best["artist_keys"]) or None,
        "artist_count": len(best["artist_keys"]),
        "credits": list(dict.fromkeys(best["artist_keys"])),
        "genres": None if best["genres"] is None else ";".join(best["genres"]),
        "occurrences": len(listed),
        "points": edition["chart_size"] + 1 - best["position"],
    }


def story_of(row: Row, earlier: Sequence[Row], edition: Row) -> Row:
    """What a row is in the light of the song's earlier ones."""
    so_far = [*earlier, row]
    before = earlier[-1] if earlier and earlier[-1]["edition_number"] == row["edition_number"] - 1 else None
    peak = min(seen["position"] for seen in so_far)
    status, basis = entry_status(row, earlier, before, edition)
    return {
        "genres": next((seen["genres"] for seen in reversed(so_far) if seen["genres"] is not None), None),
        "previous_position": before and before["position"],
        "movement": before and before["position"] - row["position"],
        "entry_status": status,
        "entry_status_basis": basis,
        "peak_position": peak,
        "peak_date": first_at(peak, so_far)["edition_date"],
        "editions_on_chart": len(so_far),
        "streak": before["streak"] + 1 if before else 1,
        "spell_number": spell_number(earlier, before),
        **{f"editions_in_top_{place}": editions_in_top(place, so_far) for place in (1, 3, 10)},
        "streams_change": streams_change(row, before),
        **streams_mean(row, so_far, edition["cadence"]),
    }


def entry_status(row: Row, earlier: Sequence[Row], before: Row | None, edition: Row) -> tuple[str | None, str | None]:
    """UP, DOWN, SAME, RE_ENTRY, NEW or FIRST_SEEN, and who says so: we (observed) or the publisher (official)."""
    if edition["edition_number"] == 1:
        return None, None
    if before:
        movement = before["position"] - row["position"]
        return "SAME" if movement == 0 else "UP" if movement > 0 else "DOWN", "observed"
    if earlier:
        return "RE_ENTRY", "observed"
    if officially_charted_before(row):
        return "RE_ENTRY", "official"
    if 1 in (row["official_days_on_chart"], row["official_weeks_on_chart"]):
        return "NEW", "official"
    return "FIRST_SEEN" if edition["gap"] else "NEW", "observed"


def officially_charted_before(row: Row) -> bool:
    """Whether the publisher's figures say that the song was on the chart before."""
    return (
        (row["official_days_on_chart"] or 0) > 1
        or (row["official_weeks_on_chart"] or 0) > 1
        or (row["official_peak_position"] is not None and row["official_peak_position"] < row["position"])
        or row["official_previous_position"] is not None
    )


def first_at(position: int, rows: Sequence[Row]) -> Row:
    """The earliest row at a position."""
    return next(row for row in rows if row["position"] == position)


def editions_in_top(place: int, rows: Iterable[Row]) -> int:
    """How many rows are at this place or a better one."""
    return sum(row["position"] <= place for row in rows)


def spell_number(earlier: Sequence[Row], before: Row | None) -> int:
    """Which of the song's runs of consecutive editions the row after `earlier` belongs to."""
    if before:
        return before["spell_number"]
    return earlier[-1]["spell_number"] + 1 if earlier else 1


def streams_change(row: Row, before: Row | None) -> int | None:
    """Streams more than in the edition before."""
    if before is None or before["streams"] is None or row["streams"] is None:
        return None
    return row["streams"] - before["streams"]


def streams_mean(row: Row, so_far: Iterable[Row], cadence: str) -> Row:
    """Mean of streams over the seven calendar days that end with the row, and how many of them say streams."""
    if cadence == "weekly":
        return {"streams_mean_7_days": None, "streams_mean_7_days_n": None}
    first = row["edition_date"] - timedelta(days=6)
    week = known("streams", (seen for seen in so_far if seen["edition_date"] >= first))
    return {"streams_mean_7_days": sum(week) / 7 if len(week) == 7 else None, "streams_mean_7_days_n": len(week)}


def known(name: str, rows: Iterable[Row]) -> list[Any]:
    """The values of a column where they are not missing."""
    return [row[name] for row in rows if row[name] is not None]


def sum_of_known(name: str, rows: Iterable[Row]) -> int | None:
    """Their sum; None where no row has one."""
    values = known(name, rows)
    return sum(values) if values else None


def mean_of_known(name: str, rows: Iterable[Row]) -> float | None:
    """Their mean; None where no row has one."""
    values = known(name, rows)
    return sum(values) / len(values) if values else None


# Songs


def song_popularity(history: PlaylistHistory) -> Iterator[Row]:
    """Every song's story in one row."""
    for rows in history.song_rows.values():
        first, last = rows[0], rows[-1]
        best = min(row["position"] for row in rows)
        peak = first_at(best, rows)
        left_censored = first["edition_number"] == 1
        dropped_out = last["edition_number"] < len(history.editions)
        newest = ("song_key", "song_id", "isrc", "song_name", "lead_artist_key", "lead_artist_name", "artist_names")
        release_from, release_to = first["release"] or (None, None)
        yield {
            **{name: last[name] for name in (*newest, "album_key", "album_name")},
            "release_date_from": release_from,
            "release_date_to": release_to,
            "first_seen": first["edition_date"],
            "last_seen": last["edition_date"],
            "left_censored": left_censored,
            "entry_position": None if left_censored else first["position"],
            "editions_to_peak": None if left_censored else peak["edition_number"] - first["edition_number"],
            "peak_position": best,
            "peak_date": peak["edition_date"],
            "editions_at_peak": sum(row["position"] == best for row in rows),
            "editions_on_chart": len(rows),
            **{f"editions_in_top_{place}": editions_in_top(place, rows) for place in (1, 3, 10)},
            "spells": last["spell_number"],
            "longest_streak": max(row["streak"] for row in rows),
            "mean_position": mean_of_known("position", rows),
            "points": sum(row["points"] for row in rows),
            "streams": sum_of_known("streams", rows),
            "streams_editions": len(known("streams", rows)),
            "popularity_mean": mean_of_known("popularity", rows),
            "popularity_last": next(iter(known("popularity", reversed(rows))), None),
            "status_now": "dropped_out" if dropped_out else "on_chart",
            "dropped_out_on": history.editions[last["edition_number"]]["edition_date"] if dropped_out else None,
            "dropped_out_from": last["position"] if dropped_out else None,
            "official_peak_position": min(known("official_peak_position", rows), default=None),
            "official_days_on_chart": max(known("official_days_on_chart", rows), default=None),
            "official_weeks_on_chart": max(known("official_weeks_on_chart", rows), default=None),
        }


def song_spells(history: PlaylistHistory) -> Iterator[Row]:
    """Every run of consecutive editions of a song."""
    for rows in history.song_rows.values():
        end_before = None
        for number in range(1, rows[-1]["spell_number"] + 1):
            spell = [row for row in rows if row["spell_number"] == number]
            first, last = spell[0], spell[-1]
            yield {
                **{name: last[name] for name in ("song_key", "spell_number", "song_name", "lead_artist_name")},
                "spell_start": first["edition_date"],
                "spell_end": last["edition_date"],
                "start_number": first["edition_number"],
                "end_number": last["edition_number"],
                "editions": len(spell),
                "best_position": min(row["position"] for row in spell),
                "entry_position": first["position"],
                "exit_position": last["position"],
                "points": sum(row["points"] for row in spell),
                "re_entry_gap": None if end_before is None else first["edition_number"] - end_before - 1,
                "left_censored": first["edition_number"] == 1 or first["gap"],
                "right_censored": ends_unseen(last["edition_number"], history.editions),
            }
            end_before = last["edition_number"]


def ends_unseen(end_number: int, editions: Sequence[Row]) -> bool:
    """Whether nothing is known of the edition after this one: none is there yet, or expected ones are missing."""
    edition = editions[end_number - 1]
    return edition["is_last"] or edition["gap_after"]


# Survival


@dataclass(frozen=True)
class Lifetime:
    """A spell as survival analysis sees it; the length is in editions with the song."""

    length: int
    left_truncated: bool
    right_censored: bool


def song_survival(history: PlaylistHistory) -> Iterator[Row]:
    """Kaplan-Meier estimates on every basis."""
    spells = list(song_spells(history))
    by_basis = {
        "spell": [lifetime(spell) for spell in spells],
        "first_spell": [lifetime(spell) for spell in spells if spell["spell_number"] == 1],
        "spell_tolerating_one_absence": [
            tolerant_lifetime(rows_of_run, history.editions)
            for rows in history.song_rows.values()
            for rows_of_run in tolerant_runs(rows)
        ],
    }
    for basis, lifetimes in by_basis.items():
        for row in kaplan_meier(lifetimes):
            yield {"basis": basis} | row


def lifetime(spell: Row) -> Lifetime:
    """The lifetime of a row of `song_spells`."""
    return Lifetime(spell["editions"], spell["left_censored"], spell["right_censored"])


def tolerant_runs(rows: Sequence[Row]) -> list[list[Row]]:
    """A song's rows in runs that an absence of one edition does not end."""
    runs = [[rows[0]]]
    for row in rows[1:]:
        if row["edition_number"] - runs[-1][-1]["edition_number"] > 2:
            runs.append([])
        runs[-1].append(row)
    return runs


def tolerant_lifetime(run: Sequence[Row], editions: Sequence[Row]) -> Lifetime:
    """The lifetime of a run. As one absence does not end it, two editions on either side must be known."""
    start, end = run[0]["edition_number"], run[-1]["edition_number"]
    around_start = [edition for edition in editions if start - 1 <= edition["edition_number"] <= start]
    after_end = [edition for edition in editions if end + 1 <= edition["edition_number"] <= end + 2]
    return Lifetime(
        length=len(run),
        left_truncated=start <= 2 or any(edition["gap"] for edition in around_start),
        right_censored=len(after_end) < 2 or any(edition["gap"] for edition in after_end),
    )


def kaplan_meier(lifetimes: Sequence[Lifetime]) -> list[Row]:
    """The estimate at each length that was seen; those whose beginning was not seen are left out."""
    used = [seen for seen in lifetimes if not seen.left_truncated]
    survival, rows = Fraction(1), []
    for length in sorted({seen.length for seen in used}):
        at_risk = sum(seen.length >= length for seen in used)
        exits = sum(seen.length == length and not seen.right_censored for seen in used)
        survival *= 1 - Fraction(exits, at_risk)
        rows.append(
            {
                "editions_on_chart": length,
                "at_risk": at_risk,
                "exits": exits,
                "censored": sum(seen.length == length and seen.right_censored for seen in used),
                "survival": round(float(survival), 9),
                "left_truncated": len(lifetimes) - len(used),
            }
        )
    half_life = next((row["editions_on_chart"] for row in rows if row["survival"] <= 0.5), None)
    return [row | {"half_life": half_life} for row in rows]


# Artists, albums and genres by period


def artist_analysis(history: PlaylistHistory) -> Iterator[Row]:
    """Every artist in every period."""
    yield from ranked(history, lambda period: artists_of(history, period))


def artists_of(history: PlaylistHistory, period: Row) -> dict[str, Row]:
    """By key, the artists of one period without their ranks."""
    rows = history.rows_of(period)
    songs = newest_rows_of_songs(rows)
    all_points = sum(row["points"] for row in rows)
    artists = {}
    for key in {key for row in rows for key in row["credits"]}:
        mine = [row for row in rows if key in row["credits"]]
        points = sum(Fraction(row["points"], len(row["credits"])) for row in mine)
        artists[key] = {
            "artist_key": key,
            "artist_name": history.artist_names[key],
            **counts_of(mine),
            "share": len(mine) / len(rows),
            "songs_fractional": sum(
                (Fraction(1, len(row["credits"])) for row in songs if key in row["credits"]), Fraction(0)
            ),
            "song_editions_fractional": sum(Fraction(1, len(row["credits"])) for row in mine),
            "points_fractional": points,
            "points_share_fractional": points / all_points,
        }
    return artists


def album_analysis(history: PlaylistHistory) -> Iterator[Row]:
    """Every album in every period."""
    yield from ranked(history, lambda period: albums_of(history.rows_of(period)))


def albums_of(rows: Sequence[Row]) -> dict[str, Row]:
    """By key, the albums of one period's rows without their ranks."""
    all_points = sum(row["points"] for row in rows)
    albums = {}
    for key in set(known("album_key", rows)):
        mine = [row for row in rows if row["album_key"] == key]
        newest = newest_row(mine, "edition_date")
        counts = counts_of(mine)
        albums[key] = {
            "album_key": key,
            "album_name": newest["album_name"],
            "lead_artist_name": newest["lead_artist_name"],
            **counts,
            "total_tracks": max(known("album_total_tracks", mine), default=None),
            "share": len(mine) / len(rows),
            "points_share": counts["points"] / all_points,
        }
    return albums


def counts_of(rows: Sequence[Row]) -> Row:
    """What artists and albums have in common."""
    by_edition: dict[date, set[str]] = {}
    for row in rows:
        by_edition.setdefault(row["edition_date"], set()).add(row["song_key"])
    return {
        "songs": distinct_songs(rows),
        "song_editions": len(rows),
        "points": sum(row["points"] for row in rows),
        "best_position": min(row["position"] for row in rows),
        "number_ones": editions_in_top(1, rows),
        "entries": sum(row["entry_status"] in ENTRIES for row in rows),
        "most_songs_at_once": max(len(songs) for songs in by_edition.values()),
        "streams": sum_of_known("streams", rows),
    }


def distinct_songs(rows: Iterable[Row]) -> int:
    """How many songs rows are of."""
    return len({row["song_key"] for row in rows})


def newest_row(rows: Iterable[Row], day: str) -> Row:
    """The row with the greatest date in the column `day`; of several, the one at the best position."""
    return max(rows, key=lambda row: (row[day], -row["position"]))


def newest_rows_of_songs(rows: Iterable[Row]) -> list[Row]:
    """The newest row of every song."""
    by_song: dict[str, list[Row]] = {}
    for row in rows:
        by_song.setdefault(row["song_key"], []).append(row)
    return [newest_row(those, "edition_date") for those in by_song.values()]


def newest_artist_names(entries: Iterable[Row]) -> dict[str, str | None]:
    """By key, the artist's name on the newest day that says it, the smallest of several; None where no day does."""
    named: dict[str, list[tuple[int, str]]] = {}
    for row in entries:
        for key, name in zip(row["artist_keys"], row["artist_names"], strict=True):
            named.setdefault(key, [])
            if name is not None:
                named[key].append((-row["snapshot_date"].toordinal(), name))
    return {key: min(names)[1] if names else None for key, names in named.items()}


def compared(
    history: PlaylistHistory, of_period: Callable[[Row], dict[str, Row]]
) -> Iterator[tuple[Row, dict[str, Row], dict[str, Row] | None]]:
    """Every period, its rows by key, and those of the adjacent period before, if it has an edition."""
    for period in history.periods:
        before = history.period_before(period)
        yield period, of_period(period), None if before is None else of_period(before)


def ranked(history: PlaylistHistory, of_period: Callable[[Row], dict[str, Row]]) -> Iterator[Row]:
    """The rows of all periods, with their ranks by points and what changed since the adjacent period before."""
    for period, now, before in compared(history, of_period):
        for key, row in now.items():
            rank = rank_by("points", row, now.values())
            previous_rank = rank_by("points", before[key], before.values()) if before and key in before else None
            yield {
                **{name: period[name] for name in OF_PERIOD},
                **row,
                "rank": rank,
                "previous_rank": previous_rank,
                "rank_change": None if previous_rank is None else previous_rank - rank,
                "points_change": change("points", row, key, before),
            }


def rank_by(name: str, row: Row, rows: Iterable[Row]) -> int:
    """One more than there are greater values; equal values rank equal."""
    return 1 + sum(other[name] > row[name] for other in rows)


def change(name: str, row: Row, key: str, before: Mapping[str, Row] | None) -> Any:
    """How much more than in the period before, where what was not there had 0; None where there is no such period."""
    if before is None:
        return None
    return row[name] - (before[key][name] if key in before else 0)


def genre_trends(history: PlaylistHistory) -> Iterator[Row]:
    """Every genre in every period."""
    for period, now, before in compared(history, lambda period: genres_of(history.rows_of(period))):
        for genre, row in now.items():
            yield {
                **{name: period[name] for name in OF_PERIOD},
                **row,
                "rank": rank_by("points_weighted", row, now.values()),
                "share_change": change("share", row, genre, before),
            }


def genres_of(rows: Sequence[Row]) -> dict[str, Row]:
    """The genres of one period's rows without what compares them to others."""
    all_points = sum(row["points"] for row in rows)
    genres = {}
    for genre in {genre for row in rows for genre in genres_of_row(row)}:
        mine = [row for row in rows if genre in genres_of_row(row)]
        weighted = sum(Fraction(1, len(genres_of_row(row))) for row in mine)
        points = sum(Fraction(row["points"], len(genres_of_row(row))) for row in mine)
        genres[genre] = {
            "genre": genre,
            "songs": distinct_songs(mine),
            "song_editions": len(mine),
            "song_editions_weighted": weighted,
            "share": weighted / len(rows),
            "points_weighted": points,
            "points_share": points / all_points,
            "best_position": min(row["position"] for row in mine),
        }
    return genres


def genres_of_row(row: Row) -> list[str]:
    """The genres that a row counts in."""
    return row["genres"].split(";") if row["genres"] else [UNKNOWN_GENRE]


# The chart as a whole


def chart_trends(history: PlaylistHistory) -> Iterator[Row]:
    """Every period of the chart."""
    for period in history.periods:
        rows = history.rows_of(period)
        previous = history.period_before(period)
        yield {
            **{name: period[name] for name in OF_PERIOD},
            "missing_editions": period["expected_editions"] - period["observed_editions"],
            "songs": distinct_songs(rows),
            "artists": len({key for row in rows for key in row["credits"]}),
            "song_editions": len(rows),
            "unidentified": sum(
                edition["unidentified"] for edition in history.editions if edition["edition_date"] in period["editions"]
            ),
            **turnover(rows, None if previous is None else history.rows_of(previous)),
            **concentration(rows),
            **ages(rows),
            "collaboration_share": share_of(len(row["credits"]) >= 2 for row in rows),
            "explicit_share": share_of(known("explicit", rows)),
            "mean_duration_ms": mean_of_known("duration_ms", rows),
            "streams": sum_of_known("streams", rows),
        }


def turnover(rows: Iterable[Row], rows_before: Iterable[Row] | None) -> Row:
    """What came and went since the adjacent period before."""
    if rows_before is None:
        return dict.fromkeys(("entries", "exits", "turnover", "overlap"))
    songs, before = ({row["song_key"] for row in those} for those in (rows, rows_before))
    return {
        "entries": len(songs - before),
        "exits": len(before - songs),
        "turnover": len(songs - before) / len(songs) if songs else None,
        "overlap": len(songs & before) / len(songs | before) if songs | before else None,
    }


def concentration(rows: Sequence[Row]) -> Row:
    """Herfindahl-Hirschman indices of artists, over songs, points and song-editions."""
    hhi = herfindahl(newest_rows_of_songs(rows), lambda _: 1)
    return {
        "hhi": hhi,
        "effective_artists": 1 / hhi if hhi else None,
        "hhi_points": herfindahl(rows, lambda row: row["points"]),
        "hhi_periods": herfindahl(rows, lambda _: 1),
    }


def herfindahl(rows: Iterable[Row], amount: Callable[[Row], int]) -> float | None:
    """Sum over artists of the square of their share, where a row's amount is divided equally among its credits."""
    credited = [row for row in rows if row["credits"]]
    by_artist: dict[str, Fraction] = {}
    for row in credited:
        for key in row["credits"]:
            by_artist[key] = by_artist.get(key, Fraction(0)) + Fraction(amount(row), len(row["credits"]))
    total = sum(amount(row) for row in credited)
    return float(sum((part / total) ** 2 for part in by_artist.values())) if total else None


def ages(rows: Sequence[Row]) -> Row:
    """How old songs are on the day of the chart."""
    days = [age_of(row) for row in rows]
    told = [age for age in days if age is not None]
    return {
        "new_share": share_of(age is not None and age <= NEW_DAYS for age in days),
        "recent_share": share_of(age is not None and NEW_DAYS < age <= RECENT_DAYS for age in days),
        "catalogue_share": share_of(age is not None and age > RECENT_DAYS for age in days),
        "unknown_age_share": share_of(age is None for age in days),
        "imprecise_age_share": share_of(row["release"] is not None and len(set(row["release"])) == 2 for row in rows),
        "mean_age_days": sum(told) / len(told) if told else None,
    }


def age_of(row: Row) -> int | None:
    """Days since the middle of the interval of the song's earliest known release, never negative."""
    if row["release"] is None:
        return None
    first, last = row["release"]
    middle = first + timedelta(days=(last - first).days // 2)
    return max(0, (row["snapshot_date"] - middle).days)


def share_of(answers: Iterable[bool]) -> float | None:
    """The share of true ones; None where there are none at all."""
    listed = list(answers)
    return sum(listed) / len(listed) if listed else None


def collaborations(history: PlaylistHistory) -> Iterator[Row]:
    """Every pair of artists that a song credits together."""
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in history.rows:
        for pair in combinations(sorted(row["credits"]), 2):
            pairs.setdefault(pair, []).append(row)
    for (key, other_key), rows in pairs.items():
        yield {
            "artist_key": key,
            "artist_name": history.artist_names[key],
            "other_artist_key": other_key,
            "other_artist_name": history.artist_names[other_key],
            "songs": distinct_songs(rows),
            "song_editions": len(rows),
            "points": sum(row["points"] for row in rows),
            "best_position": min(row["position"] for row in rows),
            "first_seen": min(row["edition_date"] for row in rows),
            "last_seen": max(row["edition_date"] for row in rows),
        }


def chart_periods(history: PlaylistHistory) -> Iterator[Row]:
    """Every edition in every period that it belongs to."""
    for period in history.periods:
        for edition_date in period["editions"]:
            yield period | {"edition_date": edition_date}


TABLES: Mapping[str, Callable[[PlaylistHistory], Iterable[Row]]] = {
    "chart_editions": lambda history: history.editions,
    "chart_periods": chart_periods,
    "song_history": lambda history: history.rows,
    "song_popularity": song_popularity,
    "song_spells": song_spells,
    "artist_analysis": artist_analysis,
    "album_analysis": album_analysis,
    "genre_trends": genre_trends,
    "chart_trends": chart_trends,
    "collaborations": collaborations,
    "song_survival": song_survival,
}

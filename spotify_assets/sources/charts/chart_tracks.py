"""The track objects of chart rows: what Spotify says of the ids in chart files, asked for once per run.

A track object brings what a file does not say: ISRC, album, and the credited artists one by one with their ids. Album
and artist objects are not fetched for charts: they would cost several times the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from spotify_assets.snapshot import CatalogObject, PlaylistSnapshot
from spotify_assets.sources.charts.cells import spotify_track_id
from spotify_assets.sources.charts.chart_formats import column_key
from spotify_assets.sources.spotify.enrichment import Collection, Enrichment, carried, conclusions

ID_COLUMNS = ("track_id", "spotify_id", "uri", "url", "track_url")
"""Columns of chart files that hold a track's id, by key (see `column_key`). The first that says one counts."""

DROPPED = frozenset({"available_markets", "popularity"})
"""What is not stored of a track object: the markets for their size; the popularity because it is of the moment of the
fetch, and a chart may be of any day."""


@dataclass(frozen=True)
class TracksOfADay:
    """What a chart's snapshot has of its track objects.

    Attributes:
        objects: the track objects, by id.
        without_answer: the ids that Spotify was asked for, now or before, and gave nothing.
        quota_mode: `extended` or `development` as far as the answers of this run showed.
        notes: what a reader must know.
    """

    objects: Mapping[str, CatalogObject]
    without_answer: tuple[str, ...]
    quota_mode: str | None
    notes: tuple[str, ...]


NO_TRACKS = TracksOfADay({}, (), None, ())
"""Where Spotify was not asked."""


class ChartTracks:
    """The track objects of all charts of a run: each id is asked for at most once, and known ones never.

    Nothing here stops a chart: what Spotify does not give is missing, and the notes say why.

    Args:
        enrichment: gives the run's enrichment; called when the first id is to be asked for.
        language: the Accept-Language that names are asked in.
    """

    def __init__(self, enrichment: Callable[[], Enrichment], language: str) -> None:
        self.language = language
        self._connect = enrichment
        self._enrichment: Enrichment | None = None
        self._collections: dict[str | None, Collection] = {}
        self._first_days: dict[tuple[str | None, str], date] = {}

    def of_day(
        self,
        day: date,
        rows: Iterable[Mapping[str, str]],
        *,
        ahead: Iterable[Mapping[str, str]],
        market: str | None,
        stored: Sequence[PlaylistSnapshot],
    ) -> TracksOfADay:
        """Give the track objects of one day's rows.

        Args:
            day: the day, which objects are said to be from when later days of the run use them too.
            rows: the day's rows, header name to text.
            ahead: rows of the days that will be asked for in the same run; they fill up the batches.
            market: the country that tracks are looked up in.
            stored: stored snapshots of the playlist; what they know is not asked for. The first that knows counts.
        """
        wanted = track_ids(rows)
        if not wanted:
            return NO_TRACKS
        named = list(dict.fromkeys((*wanted, *track_ids(ahead))))
        known = _known(named, stored)
        without_answer = {one for snapshot in stored for one in snapshot.tracks_without_answer}
        enrichment, collection = self._connected(market)
        collection.wanted = [
            one
            for one in named
            if not any(one in there for there in (known, without_answer, collection.objects, collection.unknown))
        ]
        # A short wait is not sat out: the chart is there, and the next run asks for what is missing.
        enrichment.run([collection], may_retry=False)
        objects = {}
        for one in wanted:
            # What is stored goes first: a day that is read again stays as it is, whatever others learnt meanwhile.
            if one in known:
                objects[one] = known[one]
            elif one in collection.objects:
                objects[one] = self._used(market, one, collection.objects[one], day)
        nothing = (collection.unknown | without_answer).intersection(wanted) - objects.keys()
        complete = len(objects) + len(nothing) == len(wanted)
        notes = (*(() if complete else enrichment.notes), *conclusions("tracks", wanted, objects, nothing))
        return TracksOfADay(objects, tuple(sorted(nothing)), enrichment.quota_mode if objects else None, notes)

    def _used(self, market: str | None, one: str, found: CatalogObject, day: date) -> CatalogObject:
        """An object that was fetched in this run; for each day but the first that uses it, it is carried over."""
        first = self._first_days.setdefault((market, one), day)
        return found if first == day else carried(found, first)

    def _connected(self, market: str | None) -> tuple[Enrichment, Collection]:
        from spotify_assets.sources.spotify.client import TRACKS_PER_CALL

        if self._enrichment is None:
            self._enrichment = self._connect()
        client = self._enrichment.client
        if market not in self._collections:
            self._collections[market] = Collection(
                name="tracks",
                per_call=TRACKS_PER_CALL,
                ask_many=lambda ids: [_slim(found) for found in client.tracks(ids, market)],
                ask_one=lambda one: _slim(client.track(one, market)),
            )
        return self._enrichment, self._collections[market]


def lacks_tracks(snapshot: PlaylistSnapshot) -> bool:
    """Whether a stored chart names tracks that Spotify was never asked for."""
    rows = (entry.payload for entry in snapshot.entries if entry.payload)
    return not {*snapshot.tracks, *snapshot.tracks_without_answer}.issuperset(track_ids(rows))


def track_ids(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """The ids in rows of chart files that Spotify can be asked for, each once, in order of appearance."""
    ids = (_track_id(row) for row in rows)
    return list(dict.fromkeys(one for one in ids if one is not None))


def _known(ids: Iterable[str], stored: Iterable[PlaylistSnapshot]) -> dict[str, CatalogObject]:
    """The track objects that stored snapshots have of these ids; the first that has one counts."""
    known: dict[str, CatalogObject] = {}
    unknown = set(ids)
    for snapshot in stored:
        found = unknown.intersection(snapshot.tracks)
        known |= {one: carried(snapshot.tracks[one], snapshot.snapshot_date) for one in found}
        unknown -= found
    return known


def _track_id(row: Mapping[str, str]) -> str | None:
    ids = (spotify_track_id(row[name]) for name in _id_columns(tuple(row)))
    return next(filter(None, ids), None)


@lru_cache(maxsize=64)  # the rows of a file all have the same header
def _id_columns(header: Sequence[str]) -> list[str]:
    named = {column_key(name): name for name in header}
    return [named[key] for key in ID_COLUMNS if key in named]


def _slim(found: Any) -> Any:
    """A track object without what is not stored, in its album neither."""
    if not isinstance(found, dict):
        return found
    kept = {key: value for key, value in found.items() if key not in DROPPED}
    return kept | {"album": _slim(kept["album"])} if isinstance(kept.get("album"), dict) else kept

"""Source `charts`: chart files in the landing folder. It has a past: the days that its files hold.

Whose a file is, is decided in `landing`; what it says, in `chart_files`; what Spotify says of its tracks, where it may
be asked, in `chart_tracks`. A day that is stored already is read again only when a file that is newer than the stored
snapshot holds it. Where Spotify may be asked, stored days that name tracks it was never asked for are completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.chart_files import ChartEdition
from spotify_assets.sources.chart_tracks import ChartTracks, lacks_tracks
from spotify_assets.sources.landing import LandedFile, assign, landed_files
from spotify_assets.sources.snapshot import CHARTS, Entry, PlaylistSnapshot
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore


class ChartsSource:
    """Chart files that a person downloaded. One object serves all playlists of a run and reads each file once.

    Args:
        store: the lake, for its landing folder.
        playlists: all playlists of source `charts`, among which files are shared out.
        tracks: where the rows' track objects come from; None if Spotify is not to be asked.
        read_stored: reads the stored days of a playlist; needed where Spotify may be asked.
    """

    has_past = True
    absence = Absence(
        why="no file in landing/charts holds these days, and nothing is stored for them",
        remedy=(
            "download the files by hand at charts.spotify.com and run `spotify-assets charts import FILE...`, or leave "
            "these days out"
        ),
    )

    def __init__(
        self,
        store: ObjectStore,
        playlists: Sequence[PlaylistSettings],
        tracks: ChartTracks | None = None,
        read_stored: Callable[[str, Iterable[date]], Sequence[PlaylistSnapshot]] = lambda *_: (),
    ) -> None:
        self.wants_previous = tracks is not None
        self._store = store
        self._playlists = playlists
        self._tracks = tracks
        self._read_stored = read_stored
        self._stored: dict[str, dict[date, PlaylistSnapshot]] = {}
        self._to_complete: dict[str, list[date]] = {}
        self._offered: dict[str, list[date]] = {}
        self._landed: dict[date | None, list[LandedFile]] | None = None
        self._read: dict[str, tuple[str, Mapping[date, ChartEdition]]] = {}

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """The days that a landed file holds, except those that are stored already from a file as new.

        Where Spotify may be asked, also the stored days that lack track objects that it was never asked for.

        Raises:
            SourceRefusal: a file that may hold one of the days cannot be read, or its playlist is not certain.
        """
        offered = [day for day in days if self.editions(playlist, day, stored.get(day))]
        self._offered[playlist.slug] = offered
        if self._tracks:
            found = self._read_stored(playlist.slug, [day for day in days if day in stored])
            self._stored[playlist.slug] = {snapshot.snapshot_date: snapshot for snapshot in found}
            to_complete = [one.snapshot_date for one in found if one.snapshot_date not in offered and lacks_tracks(one)]
            self._to_complete[playlist.slug] = to_complete
            self._offered[playlist.slug] = sorted([*offered, *to_complete])
        return set(self._offered[playlist.slug])

    def fetch(
        self,
        playlist: PlaylistSettings,
        day: date,
        previous: PlaylistSnapshot | None,
        *,
        may_retry: bool,  # noqa: ARG002 - nothing here passes by itself
    ) -> PlaylistSnapshot:
        """Give the chart of the day, with the track objects of its rows where Spotify may be asked for them.

        Track objects never cost the chart: what cannot be had is missing, and the notes say why. They are known for the
        rest of the run, whatever day they were asked for, and those that `previous` and the stored days have are not
        asked for.

        Raises:
            SourceRefusal: no file holds the day, or two files hold it and differ.
        """
        is_whole = day not in self._to_complete.get(playlist.slug, ())
        chart = self._from_files(playlist, day) if is_whole else self._stored[playlist.slug][day]
        return self._with_tracks(playlist, chart, self._tracks, previous) if self._tracks else chart

    def _from_files(self, playlist: PlaylistSettings, day: date) -> PlaylistSnapshot:
        found = self.editions(playlist, day)
        if not found:
            raise SourceRefusal(
                f"There is no chart of {playlist.slug} for {day}.", why=self.absence.why, remedy=self.absence.remedy
            )
        (key, edition), *others = found.items()
        for other_key, other in others:
            if other.rows != edition.rows:
                raise SourceRefusal(
                    f"Two files hold the chart of {playlist.slug} for {day}, and they differ: {key} and {other_key}.",
                    why="only one of them can be that day's chart",
                    remedy="remove the wrong one from the landing folder",
                )
        rows = {row.position: row.values for row in edition.rows}
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source=CHARTS,
            # The file's own time: whoever reads it, and how many at once, stores the same.
            fetched_at=max(landed.stored.modified for landed in self._landed_for(day) if landed.stored.key in found),
            entries=tuple(Entry(position, rows.get(position)) for position in range(1, max(rows) + 1)),
            playlist_id=playlist.chart,
            playlist={"files": sorted(found)},
            chart_date=edition.chart_date,
        )

    def _with_tracks(
        self,
        playlist: PlaylistSettings,
        chart: PlaylistSnapshot,
        tracks: ChartTracks,
        previous: PlaylistSnapshot | None,
    ) -> PlaylistSnapshot:
        of_run = self._stored.get(playlist.slug, {})
        known_to = [of_run.get(chart.snapshot_date), previous, *of_run.values()]
        found = tracks.of_day(
            chart.snapshot_date,
            _rows(chart),
            # The days that this run will ask for too: their songs fill up the batches.
            ahead=self._rows_ahead(playlist, self._offered.pop(playlist.slug, [])),
            market=_market(playlist),
            stored=[snapshot for snapshot in known_to if snapshot],
        )
        return replace(
            chart,
            fetched_at=datetime.now(tz=UTC),
            tracks=found.objects,
            tracks_without_answer=found.without_answer,
            quota_mode=found.quota_mode,
            language=tracks.language if found.objects else None,
            notes=found.notes,
        )

    def _rows_ahead(self, playlist: PlaylistSettings, days: Iterable[date]) -> Iterator[Mapping[str, str]]:
        for day in days:
            if day in self._to_complete.get(playlist.slug, ()):
                yield from _rows(self._stored[playlist.slug][day])
            else:
                yield from (row.values for held in self.editions(playlist, day).values() for row in held.rows)

    def editions(
        self, playlist: PlaylistSettings, day: date, stored_at: datetime | None = None
    ) -> dict[str, ChartEdition]:
        """The editions of a day that are newer than what is stored, by the file that holds them."""
        found = {}
        for landed in self._landed_for(day):
            is_old = stored_at is not None and landed.stored.modified <= stored_at
            if is_old or landed.slug not in (None, playlist.slug):
                continue
            slug, editions = self._read_file(landed)
            if slug == playlist.slug and day in editions:
                found[landed.stored.key] = editions[day]
        return found

    def _landed_for(self, day: date) -> list[LandedFile]:
        """The files whose name says this day, and those that may hold any."""
        if self._landed is None:
            self._landed = {}
            for landed in landed_files(self._store):
                self._landed.setdefault(landed.day, []).append(landed)
        return self._landed.get(None, []) + self._landed.get(day, [])

    def _read_file(self, landed: LandedFile) -> tuple[str, Mapping[date, ChartEdition]]:
        key = landed.stored.key
        if key not in self._read:
            playlist, chart_file = assign(landed.name, self._store.read(key), self._playlists, landed.slug)
            self._read[key] = (playlist.slug, {edition.chart_date: edition for edition in chart_file.editions})
        return self._read[key]


def _rows(chart: PlaylistSnapshot) -> Iterator[Mapping[str, str]]:
    """The rows of a chart, without the positions that its file skips."""
    return (entry.payload for entry in chart.entries if entry.payload is not None)


def _market(playlist: PlaylistSettings) -> str | None:
    country = playlist.country
    return None if country in (None, "global") else str(country).upper()

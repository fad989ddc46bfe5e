"""Source `charts`: chart files in the landing folder. It has a past: the days that its files hold.

Whose a file is, is decided in `landing`; what it says, in `chart_files`; what Spotify says of its tracks, where it may
be asked, in `chart_tracks`. A day that is stored already is read again only when a file that is newer than the stored
snapshot holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.chart_files import ChartEdition
from spotify_assets.sources.chart_tracks import NO_TRACKS, ChartTracks, TracksOfADay
from spotify_assets.sources.edition_rows import ChartRow
from spotify_assets.sources.landing import LandedFile, assign, landed_files
from spotify_assets.sources.snapshot import CHARTS, Entry, PlaylistSnapshot
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore


class ChartsSource:
    """Chart files that a person downloaded. One object serves all playlists of a run.

    It remembers of each file whose it is and which days it holds; rows are read when they are asked for.

    Args:
        store: the lake, for its landing folder.
        playlists: all playlists of source `charts`, among which files are shared out.
        tracks: where the rows' track objects come from; None if Spotify is not to be asked.
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
        self, store: ObjectStore, playlists: Sequence[PlaylistSettings], tracks: ChartTracks | None = None
    ) -> None:
        self.wants_previous = tracks is not None
        self._store = store
        self._playlists = playlists
        self._tracks = tracks
        self._offered: dict[str, list[date]] = {}
        self._landed: dict[date | None, list[LandedFile]] | None = None
        self._read: dict[str, tuple[str, Mapping[date, ChartEdition]]] = {}

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """The days that a landed file holds, except those that are stored already from a file as new.

        Raises:
            SourceRefusal: a file that may hold one of the days cannot be read, or its playlist is not certain.
        """
        offered = [day for day in days if self.editions(playlist, day, stored.get(day))]
        self._offered[playlist.slug] = offered
        return set(offered)

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
        rest of the run, whatever day they were asked for, and those that `previous` has are not asked for.

        Raises:
            SourceRefusal: no file holds the day, or two files hold it and differ.
        """
        found = self.editions(playlist, day)
        if not found:
            raise SourceRefusal(
                f"There is no chart of {playlist.slug} for {day}.", why=self.absence.why, remedy=self.absence.remedy
            )
        (key, edition), *others = found.items()
        for other_key, other in others:
            if other.digest != edition.digest:
                raise SourceRefusal(
                    f"Two files hold the chart of {playlist.slug} for {day}, and they differ: {key} and {other_key}.",
                    why="only one of them can be that day's chart",
                    remedy="remove the wrong one from the landing folder",
                )
        chart_rows = self._rows(key, day)
        tracks = self._tracks_of(playlist, day, chart_rows, previous)
        rows = {row.position: row.values for row in chart_rows}
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source=CHARTS,
            fetched_at=datetime.now(tz=UTC),
            entries=tuple(Entry(position, rows.get(position)) for position in range(1, max(rows) + 1)),
            playlist_id=playlist.chart,
            playlist={"files": sorted(found)},
            chart_date=edition.chart_date,
            tracks=tracks.objects,
            quota_mode=tracks.quota_mode,
            language=self._tracks.language if self._tracks and tracks.objects else None,
            notes=tracks.notes,
        )

    def _tracks_of(
        self, playlist: PlaylistSettings, day: date, rows: Sequence[ChartRow], previous: PlaylistSnapshot | None
    ) -> TracksOfADay:
        if self._tracks is None:
            return NO_TRACKS
        # The days that this run will ask for too: their songs fill up the batches.
        ahead = (
            row.values
            for other in self._offered.pop(playlist.slug, [])
            for key in self.editions(playlist, other)
            for row in self._rows(key, other)
        )
        return self._tracks.of_day(
            day, [row.values for row in rows], ahead=ahead, market=_market(playlist), previous=previous
        )

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
            playlist, chart_file, _ = assign(landed.original, self._playlists, landed.slug)
            self._read[key] = (playlist.slug, {edition.chart_date: edition for edition in chart_file.editions})
        return self._read[key]

    def _rows(self, key: str, day: date) -> tuple[ChartRow, ...]:
        """The rows of a day that the file at this key holds."""
        (landed,) = (landed for landed in self._landed_for(day) if landed.stored.key == key)
        _, _, rows = assign(landed.original, self._playlists, landed.slug)
        return rows.of(day)


def _market(playlist: PlaylistSettings) -> str | None:
    country = playlist.country
    return None if country in (None, "global") else str(country).upper()

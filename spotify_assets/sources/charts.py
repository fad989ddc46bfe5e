"""Source `charts`: chart files in the landing folder. It has a past: the days that its files hold.

Whose a file is, is decided in `landing`; what it says, in `chart_files`; what Spotify says of its tracks, where it may
be asked, in `chart_tracks`. A day that is stored already is read again only when a file that is newer than the stored
snapshot holds it. A file of which nobody can tell whose it is, or of which days, stops no day that another file holds:
it is left out, and what is made without it says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spotify_assets.errors import SourceRefusal
from spotify_assets.sources.chart_files import ChartEdition
from spotify_assets.sources.chart_tracks import NO_TRACKS, ChartTracks, TracksOfADay
from spotify_assets.sources.edition_rows import ChartRow
from spotify_assets.sources.landing import LandedFile, assign, landed_files, problem_with
from spotify_assets.sources.snapshot import CHARTS, Entry, PlaylistSnapshot
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore

NAMED = 5
"""How many left-out files a refusal names."""


class ChartsSource:
    """Chart files that a person downloaded. One object serves all playlists of a run.

    It remembers of each file whose it is and which days it holds; rows are read when they are asked for.

    Args:
        store: the lake, for its landing folder.
        playlists: all playlists of source `charts`, among which files are shared out.
        tracks: where the rows' track objects come from; None if Spotify is not to be asked.
    """

    has_past = True

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
        self._left_out: dict[str, SourceRefusal] = {}

    @property
    def absence(self) -> Absence:
        """What to say of a day that no file holds; files that were left out may be the reason."""
        why = "no file in landing/charts holds these days, and nothing is stored for them"
        remedy = (
            "download the files by hand at charts.spotify.com and run `spotify-assets charts import FILE...`, or leave "
            "these days out"
        )
        if self._left_out:
            problems = [problem_with(key, refusal) for key, refusal in self._left_out.items()]
            surplus = f" (and {len(problems) - NAMED} more)" if len(problems) > NAMED else ""
            why += f"; files that were left out may hold them: {' '.join(problems[:NAMED])}{surplus}"
        return Absence(why, remedy)

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """The days that a landed file holds, except those that are stored already from a file as new.

        Raises:
            SourceRefusal: a file that is surely this playlist's, and may hold one of the days, cannot be used.
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
        chart_rows = self._rows(playlist, day, key)
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
            notes=(*self._left_out_of(playlist, day), *tracks.notes),
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
            for row in self._rows(playlist, other, key)
        )
        return self._tracks.of_day(
            day, [row.values for row in rows], ahead=ahead, market=_market(playlist), previous=previous
        )

    def editions(
        self, playlist: PlaylistSettings, day: date, stored_at: datetime | None = None
    ) -> dict[str, ChartEdition]:
        """The editions of a day that are newer than what is stored, by the file that holds them.

        Raises:
            SourceRefusal: a file whose folder, or whose name with chart and day, says that it is meant cannot be used.
        """
        found = {}
        for landed in self._candidates(playlist, day):
            key = landed.stored.key
            is_old = stored_at is not None and landed.stored.modified <= stored_at
            if is_old or key in self._left_out:
                continue
            try:
                slug, editions = self._read_file(landed)
            except SourceRefusal as refusal:
                if landed.slug or (landed.day and landed.chart == playlist.chart):
                    raise
                self._left_out[key] = refusal
                continue
            if slug == playlist.slug and day in editions:
                found[key] = editions[day]
        return found

    def _candidates(self, playlist: PlaylistSettings, day: date) -> Iterator[LandedFile]:
        """The files that may hold a day of a playlist, going by folder and name.

        What names a chart that no playlist has is among them: the name may be wrong, and nobody else asks for it.
        """
        if self._landed is None:
            self._landed = {}
            for landed in landed_files(self._store):
                self._landed.setdefault(landed.day, []).append(landed)
        charts_of_others = {other.chart for other in self._playlists} - {playlist.chart}
        for landed in self._landed.get(None, []) + self._landed.get(day, []):
            if landed.slug == playlist.slug or (landed.slug is None and landed.chart not in charts_of_others):
                yield landed

    def _left_out_of(self, playlist: PlaylistSettings, day: date) -> list[str]:
        keys = (landed.stored.key for landed in self._candidates(playlist, day))
        return [f"left out: {problem_with(key, self._left_out[key])}" for key in keys if key in self._left_out]

    def _read_file(self, landed: LandedFile) -> tuple[str, Mapping[date, ChartEdition]]:
        key = landed.stored.key
        if key not in self._read:
            playlist, chart_file, _ = assign(landed.original, self._playlists, landed.slug)
            self._read[key] = (playlist.slug, {edition.chart_date: edition for edition in chart_file.editions})
        return self._read[key]

    def _rows(self, playlist: PlaylistSettings, day: date, key: str) -> tuple[ChartRow, ...]:
        """The rows of a day that the file at this key holds."""
        (landed,) = (landed for landed in self._candidates(playlist, day) if landed.stored.key == key)
        _, _, rows = assign(landed.original, self._playlists, landed.slug)
        return rows.of(day)


def _market(playlist: PlaylistSettings) -> str | None:
    country = playlist.country
    return None if country in (None, "global") else str(country).upper()

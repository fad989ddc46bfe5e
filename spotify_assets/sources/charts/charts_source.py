"""Source `charts`: chart files in the landing folder. It has a past: the days that its files hold.

Whose a file is, is decided in `landing`; what it says, in `chart_files`; what Spotify says of its tracks, where it may
be asked, in `chart_tracks`. A day that is stored already is read again only when a file that is newer than the stored
snapshot holds it. Where Spotify may be asked, stored days that name tracks it was never asked for are completed. A file
of which nobody can tell whose it is, or of which days, stops no day that another file holds: it is left out, and what
is made without it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spotify_assets.errors import SourceRefusal
from spotify_assets.snapshot import CHARTS, Entry, PlaylistSnapshot
from spotify_assets.sources.charts.chart_tracks import ChartTracks, lacks_tracks
from spotify_assets.sources.charts.edition_checks import ChartEdition
from spotify_assets.sources.charts.edition_rows import ChartRow, digest_of
from spotify_assets.sources.charts.landing import (
    LandedFile,
    Share,
    look_into_landing,
    other_day_of_week,
    problem_with,
    share_out,
)
from spotify_assets.sources.source import Absence
from spotify_assets.storage.raw_layer import RawLayer

if TYPE_CHECKING:
    from spotify_assets.settings import PlaylistSettings
    from spotify_assets.storage.object_store import ObjectStore

NAMED = 5
"""How many files of a kind a refusal names."""


class ChartsSource:
    """Chart files that a person downloaded. One object serves all playlists of a run.

    It remembers of each file whose it is and which days it holds; rows are read when they are asked for.

    Args:
        store: the lake, for its landing folder.
        playlists: all playlists of source `charts`, among which files are shared out.
        tracks: where the rows' track objects come from; None if Spotify is not to be asked.
        read_stored: reads the stored days of a playlist; needed where Spotify may be asked.
    """

    has_past = True
    comes_during_the_day = False

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
        self._read: dict[str, dict[str, Mapping[date, ChartEdition]]] = {}
        self._left_out: dict[str, SourceRefusal] = {}
        self._never_read: list[str] = []

    @property
    def absence(self) -> Absence:
        """What to say of a day that no file holds; files that are left out or never read may be the reason."""
        why = "no file in landing/charts holds these days, and nothing is stored for them"
        remedy = (
            "download the files by hand at charts.spotify.com and run `spotify-assets charts import FILE...`, or leave "
            "these days out"
        )
        if self._left_out:
            problems = [problem_with(key, refusal) for key, refusal in self._left_out.items()]
            why += f"; files that were left out may hold them: {_first_of(problems, ' ')}"
        if self._never_read:
            why += f"; files that are never read: {_first_of(self._never_read, ', ')}"
        return Absence(why, remedy)

    def days_on_offer(
        self, playlist: PlaylistSettings, days: Sequence[date], stored: Mapping[date, datetime]
    ) -> set[date]:
        """The days that a landed file holds, except those that are stored already from a file as new.

        Where Spotify may be asked, also the stored days that lack track objects that it was never asked for.

        Raises:
            SourceRefusal: a file that is surely this playlist's, and may hold one of the days, cannot be used; or a
                week is stored under another day.
        """
        offered = [day for day in days if self.editions(playlist, day, stored.get(day))]
        self._check_weeks(playlist, offered)
        self._offered[playlist.slug] = offered
        if self._tracks:
            found = self._read_stored(playlist.slug, [day for day in days if day in stored])
            self._stored[playlist.slug] = {snapshot.snapshot_date: snapshot for snapshot in found}
            to_complete = [one.snapshot_date for one in found if one.snapshot_date not in offered and lacks_tracks(one)]
            self._to_complete[playlist.slug] = to_complete
            self._offered[playlist.slug] = sorted([*offered, *to_complete])
        return set(self._offered[playlist.slug])

    def _check_weeks(self, playlist: PlaylistSettings, days: Sequence[date]) -> None:
        if playlist.cadence != "weekly" or not days:
            return
        stored = RawLayer(self._store).latest_keys(playlist.slug)
        for day in days:
            other = other_day_of_week(day, stored)
            if other:
                raise SourceRefusal(
                    f"The week of {playlist.slug} that ends on {day} is stored under {other}.",
                    why="weekly charts so near to each other are one week, and it would count twice",
                    remedy=f"withdraw the stored one (`spotify-assets withdraw {playlist.slug} {other}`), or remove "
                    "the file that holds this one",
                )

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
            if other.digest != edition.digest:
                raise SourceRefusal(
                    f"Two files hold the chart of {playlist.slug} for {day}, and they differ: {key} and {other_key}.",
                    why="only one of them can be that day's chart",
                    remedy="remove the wrong one from the landing folder",
                )
        rows = {row.position: row.values for row in self._rows(playlist, day, key)}
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source=CHARTS,
            # The file's own time: whoever reads it, and how many at once, stores the same.
            fetched_at=max(
                landed.stored.modified for landed in self._candidates(playlist, day) if landed.stored.key in found
            ),
            entries=tuple(Entry(position, rows.get(position)) for position in range(1, max(rows) + 1)),
            playlist_id=playlist.chart,
            playlist={"files": sorted(found)},
            chart_date=edition.chart_date,
            notes=tuple(self._left_out_of(playlist, day)),
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
            _stored_rows(chart),
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
            notes=(*self._left_out_of(playlist, chart.snapshot_date), *found.notes),
        )

    def _rows_ahead(self, playlist: PlaylistSettings, days: Iterable[date]) -> Iterator[Mapping[str, str]]:
        for day in days:
            if day in self._to_complete.get(playlist.slug, ()):
                yield from _stored_rows(self._stored[playlist.slug][day])
            else:
                held = self.editions(playlist, day)
                yield from (row.values for key in held for row in self._rows(playlist, day, key))

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
                editions = self._read_file(landed).get(playlist.slug, {})
            except SourceRefusal as refusal:
                if landed.slug or (landed.day and landed.chart == playlist.chart):
                    raise SourceRefusal(
                        f"{key} cannot be used: {refusal.what}", why=refusal.why, remedy=refusal.remedy
                    ) from refusal
                # A traceback would keep the rows of the file.
                self._left_out[key] = refusal.with_traceback(None)
                continue
            if day in editions:
                found[key] = editions[day]
        return found

    def _candidates(self, playlist: PlaylistSettings, day: date) -> Iterator[LandedFile]:
        """The files that may hold a day of a playlist, going by folder and name.

        What names a chart that no playlist has is among them: the name may be wrong, and nobody else asks for it.
        """
        if self._landed is None:
            self._landed = {}
            folder = look_into_landing(self._store)
            for landed in folder.files:
                self._landed.setdefault(landed.day, []).append(landed)
            self._never_read = [*self._of_nobody(folder.files), *folder.others]
        charts_of_others = {other.chart for other in self._playlists} - {playlist.chart}
        for landed in self._landed.get(None, []) + self._landed.get(day, []):
            if landed.slug == playlist.slug or (landed.slug is None and landed.chart not in charts_of_others):
                yield landed

    def _of_nobody(self, files: Iterable[LandedFile]) -> Iterator[str]:
        slugs = {None, *(playlist.slug for playlist in self._playlists)}
        for landed in files:
            if landed.slug not in slugs:
                yield f"{landed.stored.key} (there is no playlist {landed.slug!r} of source charts)"

    def _left_out_of(self, playlist: PlaylistSettings, day: date) -> list[str]:
        keys = (landed.stored.key for landed in self._candidates(playlist, day))
        return [f"left out: {problem_with(key, self._left_out[key])}" for key in keys if key in self._left_out]

    def _read_file(self, landed: LandedFile) -> Mapping[str, Mapping[date, ChartEdition]]:
        """The editions that a file holds for each playlist, by day."""
        key = landed.stored.key
        if key not in self._read:
            self._read[key] = {
                share.playlist.slug: {edition.chart_date: edition for edition in share.chart.editions}
                for share in self._shares(landed)
            }
        return self._read[key]

    def _rows(self, playlist: PlaylistSettings, day: date, key: str) -> tuple[ChartRow, ...]:
        """The rows of a day that the file at this key holds."""
        (landed,) = (landed for landed in self._candidates(playlist, day) if landed.stored.key == key)
        (share,) = (share for share in self._shares(landed) if share.playlist.slug == playlist.slug)
        return share.rows.of(share.chart.number, day)

    def _shares(self, landed: LandedFile) -> list[Share]:
        return share_out(landed.original, self._playlists, landed.slug)


def _first_of(texts: Sequence[str], separator: str) -> str:
    surplus = f" (and {len(texts) - NAMED} more)" if len(texts) > NAMED else ""
    return f"{separator.join(texts[:NAMED])}{surplus}"


def stored_digest(chart: PlaylistSnapshot) -> bytes:
    """What a stored chart says, in brief: as the digest of the edition that it was made of."""
    return digest_of([ChartRow(entry.position, entry.payload) for entry in chart.entries if entry.payload is not None])


def _stored_rows(chart: PlaylistSnapshot) -> Iterator[Mapping[str, str]]:
    """The rows of a chart, without the positions that its file skips."""
    return (entry.payload for entry in chart.entries if entry.payload is not None)


def _market(playlist: PlaylistSettings) -> str | None:
    country = playlist.country
    return None if country in (None, "global") else str(country).upper()

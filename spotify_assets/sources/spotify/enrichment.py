"""Fetching catalogue objects (albums, artists, tracks) by id, as far as Spotify and the call budget allow.

Batches where Spotify gives them, single calls where it does not, and a note for whatever stops it. Which ids are wanted
and what may be carried over is decided by the sources (`spotify`, `chart_tracks`). Importing this module is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from spotify_assets.errors import RateLimited, Refusal
from spotify_assets.snapshot import CatalogObject

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.client import SpotifyClient

STATUSES_OF_A_REMOVED_CALL = (403, 404, 410)


@dataclass
class Collection:
    """Catalogue objects of one kind.

    Attributes:
        name: what they are, in the plural.
        per_call: how many one call may ask for.
        ask_many, ask_one: the calls.
        known: what may be carried over.
        carry_date: the date of the snapshot that `known` is from.
        wanted: the ids to ask for.
        objects: what was fetched or carried over so far.
        unknown: ids that Spotify was asked for and gave nothing.
    """

    name: str
    per_call: int
    ask_many: Callable[[Sequence[str]], list[Any]]
    ask_one: Callable[[str], dict[str, Any]]
    known: Mapping[str, CatalogObject] = field(default_factory=dict)
    carry_date: date | None = None
    wanted: list[str] = field(default_factory=list)
    objects: dict[str, CatalogObject] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def take(self, asked: Sequence[str], answers: Iterable[Any]) -> None:
        """Keep what was asked for. An object counts under the id it answers, so a shuffled answer harms nothing."""
        by_id = {asked_id: found for found in answers if (asked_id := _asked_id(found)) is not None}
        self.objects |= {one: CatalogObject(by_id[one]) for one in asked if one in by_id}
        self.unknown |= {one for one in asked if one not in by_id}

    def carry_over(self) -> None:
        """Take from `known` what was not asked for."""
        self.objects |= {
            one: carried(self.known[one], self.carry_date)
            for one in self.wanted
            if one in self.known and one not in self.objects and one not in self.unknown
        }


def carried(found: CatalogObject, day: date | None) -> CatalogObject:
    """An object of another snapshot; the day on which it was really fetched stays with it."""
    return CatalogObject(found.payload, found.carried_from or day)


def conclusions(name: str, wanted: Sequence[str], objects: Mapping[str, CatalogObject], unknown: set[str]) -> list[str]:
    """Notes on what a snapshot has of the objects that its entries name.

    Args:
        name: what they are, in the plural.
        wanted: the ids that the entries name.
        objects: those that the snapshot has.
        unknown: those that Spotify was asked for and gave nothing.
    """
    carried_over = sum(found.carried_from is not None for found in objects.values())
    nothing = len(unknown)
    absent = len(wanted) - len(objects) - nothing
    of_all = f"of {len(wanted)} {name}"
    notes = {
        f"{carried_over} {of_all} were carried over from earlier snapshots.": carried_over,
        f"{nothing} {of_all} were asked for, but Spotify gave nothing.": nothing,
        f"{absent} {of_all} were not fetched.": absent,
    }
    return [note for note, count in notes.items() if count]


def _asked_id(found: Any) -> str | None:
    """The id that an object answers: of a track that Spotify replaced by another one, the id that was asked for."""
    if not isinstance(found, dict):
        return None
    replaced = found.get("linked_from")
    ids = (replaced.get("id") if isinstance(replaced, dict) else None, found.get("id"))
    return next((one for one in ids if isinstance(one, str)), None)


class _BudgetUsedError(Exception):
    """The run has made all the calls that enrichment may make."""


class Enrichment:
    """Fetches collections until Spotify or the call budget says no; from then on it asks nothing more.

    Args:
        client: shared by the run, so that its count of calls is the run's.
        call_budget: calls of the run after which nothing more is asked.
        what: what it fetches, for notes.

    Attributes:
        quota_mode: `extended` or `development`, once an answer showed it.
        notes: what happened so far that a reader must know of.
        stopped: whether it has given up.
    """

    def __init__(self, client: SpotifyClient, call_budget: int, what: str) -> None:
        self.client = client
        self.quota_mode: str | None = None
        self.notes: list[str] = []
        self.stopped = False
        self._call_budget = call_budget
        self._what = what

    def run(self, collections: Iterable[Collection], *, may_retry: bool) -> None:
        """Fetch what the collections want. Whatever stops it becomes a note.

        Raises:
            RateLimited: the wait is short and `may_retry` says that it may be sat out.
        """
        if self.stopped:
            return
        try:
            for collection in collections:
                self._fetch_or_note(collection)
        except _BudgetUsedError:
            self._stop(f"the call budget of {self._call_budget} calls per run is used up (SPOTIFY_CALL_BUDGET)")
        except RateLimited as limit:
            if limit.short and may_retry:
                raise
            self._stop(f"{limit.what} {limit.why}; {limit.remedy}")
        except Refusal as refusal:
            self._stop(f"{refusal.what} {refusal.why}")

    def _fetch_or_note(self, collection: Collection) -> None:
        """A refusal of one kind of objects says nothing about the others; whatever else goes wrong stops them all."""
        from spotify_assets.sources.spotify.client import RequestRefused

        try:
            self._fetch(collection)
        except RequestRefused as refusal:
            self.notes.append(f"Fetching {collection.name} stopped: {refusal.what} {refusal.why}.")

    def _stop(self, why: str) -> None:
        self.stopped = True
        self.notes.append(f"Fetching {self._what} stopped: {why}.")

    def _fetch(self, collection: Collection) -> None:
        if self.quota_mode != "development":
            self._fetch_batches(collection)
        if self.quota_mode == "development":
            self._fetch_singly(collection)

    def _fetch_batches(self, collection: Collection) -> None:
        from spotify_assets.sources.spotify.client import RequestRefused

        for start in range(0, len(collection.wanted), collection.per_call):
            asked = collection.wanted[start : start + collection.per_call]
            self._spend_call()
            try:
                answers = collection.ask_many(asked)
            except RequestRefused as refusal:
                if refusal.status not in STATUSES_OF_A_REMOVED_CALL:
                    raise
                self.quota_mode = "development"
                self.notes.append(
                    f"Spotify refused {collection.name} in batches (HTTP {refusal.status}), as it does in development "
                    "mode; only objects not seen before are asked for, one by one."
                )
                return
            self.quota_mode = "extended"
            collection.take(asked, answers)

    def _fetch_singly(self, collection: Collection) -> None:
        from spotify_assets.sources.spotify.client import RequestRefused

        for one in collection.wanted:
            if one in collection.known or one in collection.objects or one in collection.unknown:
                continue
            self._spend_call()
            try:
                answer = collection.ask_one(one)
            except RequestRefused as refusal:
                if refusal.status != 404:
                    raise
                answer = {}
            # Whatever its id: development mode does not say that a track was replaced by another one.
            if isinstance(answer.get("id"), str):
                collection.objects[one] = CatalogObject(answer)
            else:
                collection.unknown.add(one)

    def _spend_call(self) -> None:
        if self.client.calls >= self._call_budget:
            raise _BudgetUsedError

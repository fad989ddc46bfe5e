"""The refusals of this project: what happened, why, and what to do next.

Every error that a person is meant to read derives from `Refusal`. Errors of programming do not belong here.
"""

from __future__ import annotations

from datetime import timedelta


class Refusal(Exception):
    """Something that was asked for cannot be done.

    Args:
        what: what happened, naming the input.
        why: the cause, as far as it is known.
        remedy: what the reader can do next.

    Attributes:
        so_far: what could be had before: `PlaylistSnapshot`s that are worth keeping.
    """

    so_far: tuple[object, ...] = ()

    def __init__(self, what: str, *, why: str, remedy: str) -> None:
        super().__init__(f"{what}\nWhy: {why}\nWhat to do: {remedy}")
        self.what = what
        self.why = why
        self.remedy = remedy


class SettingsError(Refusal):
    """An environment variable or the playlists file has a value that cannot be used."""


class SourceRefusal(Refusal):
    """A source did not give a day's playlist, and asking again at once would not change that."""


class SourceUnavailable(Refusal):
    """A source could not be reached or kept failing; a later attempt may succeed."""


class RateLimited(Refusal):
    """Spotify asked to be left alone for a while.

    Attributes:
        retry_after: how long Spotify asked to wait; None where it did not say.
        short: whether the wait is worth sitting out inside a run.
    """

    def __init__(self, what: str, *, why: str, remedy: str, retry_after: timedelta | None, short: bool) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.retry_after = retry_after
        self.short = short


class StorageError(Refusal):
    """The lake does not hold what was asked for, or must not take what was given."""


class NotStored(StorageError):
    """The lake has no object of that name."""


class Damaged(StorageError):
    """An object of the lake is not what was written there."""


class SchemaViolation(Refusal):
    """A table does not have the columns, types or completeness that its schema promises."""


class CatalogError(Refusal):
    """The catalog could not be brought up to date, or disagrees with the schemas."""


class CatalogUnavailable(CatalogError):
    """The catalog did not answer, or refused; a later attempt may succeed, and costs nothing."""


class EngineError(Refusal):
    """DuckDB or Athena did not run a statement."""

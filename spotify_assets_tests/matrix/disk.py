"""Processes that die and disks that fail: at the n-th change of the lake, whichever it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from spotify_assets.storage.object_store import LocalObjectStore

CHANGES = ("write", "copy", "delete")


class Death(BaseException):
    """The process is gone: nothing that comes after changes the lake."""


class Counter:
    """How many changes of the lake there were."""

    def __init__(self) -> None:
        self.changes = 0


@contextmanager
def counted() -> Iterator[Counter]:
    """Count the changes of the lake."""
    counter = Counter()

    def count(change: Any, *arguments: Any) -> Any:
        counter.changes += 1
        return change(*arguments)

    with _changed(count):
        yield counter


def _end_in_a_death() -> None:
    raise Death


@contextmanager
def dying_at(number: int, die_so: Callable[[], None] = _end_in_a_death) -> Iterator[Counter]:
    """The process dies at the n-th change, with half of what it writes in the folder for that."""
    counter = Counter()

    def die(change: Any, store: LocalObjectStore, *arguments: Any) -> Any:
        counter.changes += 1
        if counter.changes < number:
            return change(store, *arguments)
        if counter.changes == number and change.__name__ == "write" and isinstance(arguments[1], bytes):
            change(store, ".tmp/half", arguments[1][: len(arguments[1]) // 2])
        return die_so()

    with _changed(die):
        yield counter


@contextmanager
def failing_from(number: int, error: int) -> Iterator[None]:
    """The disk refuses the n-th change and all after it, with this number of an error."""
    counter = Counter()
    changing = threading.local()

    def fail(change: Any, store: LocalObjectStore, *arguments: Any) -> Any:
        counter.changes += 1
        if counter.changes < number:
            return change(store, *arguments)
        changing.now = True
        try:
            return change(store, *arguments)
        finally:
            changing.now = False

    def refusing(call: Any) -> Any:
        def refuse(*arguments: Any, **named: Any) -> Any:
            if getattr(changing, "now", False):
                raise OSError(error, os.strerror(error))
            return call(*arguments, **named)

        return refuse

    # Once, and by thread: changes that several threads make at once would undo each other's patches out of order.
    with _changed(fail), pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "unlink", "link", "rmdir"):
            patch.setattr(os, name, refusing(getattr(os, name)))
        yield


@contextmanager
def _changed(around: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGES:
            change = getattr(LocalObjectStore, name)
            patch.setattr(LocalObjectStore, name, _wrapped(around, change))
        yield


def _wrapped(around: Any, change: Any) -> Any:
    def changed(store: LocalObjectStore, *arguments: Any) -> Any:
        return around(change, store, *arguments)

    return changed

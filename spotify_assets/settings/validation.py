"""From pydantic's errors to ours: each names where it is, what stands there, the reason and the remedy.

A value is repeated only where it is short: a long one may be a secret that was pasted into the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spotify_assets.errors import SettingsError

Model = TypeVar("Model", bound=BaseModel)
LONGEST_IN_VARIABLE = 24
LONGEST_IN_FILE = 80
_QUERY = re.compile(r"([?#]).+(?=['\"]$)")
_MAY_BE_SECRET = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{24,}")
"""Spotify's secrets have 32 letters and digits, GitHub's and AWS's 40; ids of playlists have 22."""
UNKNOWN = ("extra_forbidden", "invalid_key")
_REASONS = {
    "date_type": "it is not a date like 2026-11-01, without quotes and time of day",
    "list_type": "it is not a list of playlists",
    "string_type": "it is not text: put it in quotes",
    "too_short": "it is not a list with at least one playlist",
}


def matching(pattern: str, otherwise: str) -> Callable[[str], str]:
    """A validator of text that has a form as a whole; `otherwise` is the reason of a refusal."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(otherwise)
        return value

    return check


def validate_variables(model: type[Model], values: Mapping[str, Any]) -> Model:
    """A model whose fields have the names of environment variables as aliases.

    Raises:
        SettingsError: naming the first variable that cannot be used.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
    # Raised outside the handler: as its cause, pydantic's error would carry all values, secrets included.
    name = first["loc"][-1]
    raise SettingsError(
        f"{name} is {_shown(first['input'], LONGEST_IN_VARIABLE)}.",
        why=_reason(first),
        remedy=f"correct {name}, or unset it to use its default",
    )


def validate_document(
    model: type[Model], document: Any, where: str, *, by_source: Mapping[str, type[BaseModel]], remedy: str
) -> Model:
    """A model of a whole playlists file.

    Args:
        model: has a list `playlists`.
        document: what the file holds.
        where: what a person calls the file.
        by_source: the models of a playlist.
        remedy: what a reader can do.

    Raises:
        SettingsError: naming the file, the first playlist that cannot be used by number and slug, and all reasons.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        errors = error.errors()
    place = _place(errors[0])
    why = "; ".join(_reasons([error for error in errors if _place(error) == place], model, by_source))
    if place:
        entry = document["playlists"][place[1]]
        named = (
            f" ({_shown(entry['slug'], LONGEST_IN_VARIABLE)})" if isinstance(entry, dict) and "slug" in entry else ""
        )
        where += f", playlist {int(place[1]) + 1}{named}"
    raise SettingsError(f"{where} cannot be used.", why=why, remedy=remedy)


def _place(error: ErrorDetails) -> tuple[int | str, ...]:
    """Which playlist is meant: nothing, or `playlists` and its index."""
    return error["loc"][:2] if len(error["loc"]) > 1 else ()


def _reasons(
    errors: list[ErrorDetails], model: type[BaseModel], by_source: Mapping[str, type[BaseModel]]
) -> Iterator[str]:
    """What is wrong with one mapping: keys that are too many and too few first, each kind together."""
    unknown = [error["loc"] for error in errors if error["type"] in UNKNOWN]
    missing = [error["loc"] for error in errors if error["type"] == "missing"]
    if unknown:
        known = by_source[str(unknown[0][2])] if len(unknown[0]) > 2 else model
        yield f"unknown keys {_keys(unknown)}; known are {', '.join(sorted(known.model_fields))}"
    if missing:
        yield f"missing keys {_keys(missing)}"
    for error in errors:
        if error["type"].startswith("union_tag"):
            given = _shown(error["input"]["source"], LONGEST_IN_FILE) if "source" in error["input"] else "missing"
            yield f"`source` is {given}; there are: {', '.join(by_source)}"
        elif error["type"] in ("model_attributes_type", "model_type"):
            yield "a mapping of keys to values is missing"
        elif error["type"] not in (*UNKNOWN, "missing"):
            yield f"`{error['loc'][-1]}` is {_shown(error['input'], LONGEST_IN_FILE)}; {_reason(error)}"


def _keys(locations: list[tuple[int | str, ...]]) -> str:
    return ", ".join(str(location[-1]) for location in locations)


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _REASONS.get(error["type"]) or error["msg"].replace("Input", "it", 1)


def _shown(value: Any, longest: int) -> str:
    shown = repr(value)
    if len(shown) > longest + 2:
        return f"a value of {len(shown)} characters"
    # What stands before an @ may be a password, and so may what stands after a ?.
    if "@" in shown:
        return "a value with an @"
    if _MAY_BE_SECRET.search(shown):
        return f"a value of {len(shown)} characters"
    return _QUERY.sub(r"\1...", shown)

"""The cells of calls to the outside: a call goes wrong, the operation runs, and what is seen is what the table has.

Which of the calls of an operation goes wrong, `MATRIX_SEED` chooses: a passing fault spoils that one, a lasting one all
from there on. Of the cells `make test` runs few.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest

from spotify_assets_tests.matrix.calls import ALERTS, After, Place, open_place
from spotify_assets_tests.matrix.lake import differing, rows_of
from spotify_assets_tests.matrix.observe import Seen
from spotify_assets_tests.matrix.table import CALLS, HEALED, NAMED, NOTED, READING, Cell, Row, read_rows, run_cells
from spotify_assets_tests.stand_ins.bad_way import Spoiled

pytestmark = pytest.mark.slow

SEED = os.environ.get("MATRIX_SEED", "1")
CELLS = sorted((cell for cell in run_cells(read_rows()) if cell.row.kind == CALLS), key=lambda cell: cell.row.subject)
FEW = 2
"""How many cells `make test` runs: with their platforms, about half a minute of a processor."""
PAGE_OF_A_HOTEL = b"<html><head><title>Sign in</title></head><body>Your room number?<br></body></html>"
DEPTH = 100_000
JSON_OF_AWS = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "a-request"}
XML_OF_AWS = {"Content-Type": "application/xml", "x-amz-request-id": "a-request"}
BELIEVED = {"Content-Type": "application/json", "ETag": '"an-object"'}
"""With what an answer is read to its end, by whoever it comes to."""

ON_ANY_WAY: Mapping[str, Spoiled] = {
    "timeout": Spoiled("hang"),
    "reset": Spoiled("reset"),
    "truncated": Spoiled("cut"),
    "not JSON": Spoiled("answer", headers={"Content-Type": "text/html"}, body=PAGE_OF_A_HOTEL),
    "slow drip": Spoiled("drip", headers=BELIEVED),
    "too large": Spoiled("large", headers=BELIEVED),
}
"""Faults that have nothing to do with who is called."""


def _of_spotify(subject: str) -> dict[str, Spoiled]:
    def refused(status: int, *, times: int | None = None, reason: str = "", **headers: str) -> Spoiled:
        error = {"status": status, "message": "no", **({"reason": reason} if reason else {})}
        # The token endpoint has another form.
        body = {"error": reason or "invalid_client"} if subject == "token" else {"error": error}
        return _answer(body, status=status, times=times, **headers)

    return {
        "nested": Spoiled("answer", body=b"[" * DEPTH),
        "4xx": refused({"token": 400, "page of a playlist": 404}.get(subject, 400)),
        "429 short": refused(429, times=1, Retry_After="1"),
        "429 long": refused(429, Retry_After="7200"),
        "quota": refused(429, reason="QUOTA_EXCEEDED"),
        "5xx once": refused(503, times=1),
        "5xx for ever": refused(503),
    }


def _of_github(_: str) -> dict[str, Spoiled]:
    reset = str(int(time.time()) + 1800)
    return {
        "nested": Spoiled("answer", body=b"[" * DEPTH),
        "4xx": _answer({"message": "Not Found"}, status=404),
        "429 short": _answer({}, status=429, times=1, Retry_After="1"),
        "429 long": _answer({}, status=429, Retry_After="7200"),
        "quota": _answer({}, status=403, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset),
        "5xx once": _answer({}, status=502, times=1),
        "5xx for ever": _answer({}, status=502),
    }


def _of_aws(subject: str) -> dict[str, Spoiled]:
    def refused(status: int, code: str, times: int | None = None) -> Spoiled:
        if subject == "S3":
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            return Spoiled("answer", times=times, status=status, headers=XML_OF_AWS, body=body)
        body = json.dumps({"__type": code, "message": "no"}).encode()
        return Spoiled("answer", times=times, status=status, headers=JSON_OF_AWS, body=body)

    deep = b"<a>" * DEPTH + b"</a>" * DEPTH if subject == "S3" else b"[" * DEPTH
    throttled = (503, "SlowDown") if subject == "S3" else (400, "ThrottlingException")
    quotas = {
        "S3": (403, "QuotaExceeded"),
        "Glue": (400, "ResourceNumberLimitExceededException"),
        "Athena": (400, "TooManyRequestsException"),
        "Secrets Manager": (400, "LimitExceededException"),
    }
    return {
        "nested": Spoiled("answer", headers=XML_OF_AWS if subject == "S3" else JSON_OF_AWS, body=deep),
        "4xx": refused(403, "AccessDenied") if subject == "S3" else refused(400, "AccessDeniedException"),
        "429 short": refused(*throttled, times=2),
        "429 long": refused(*throttled),
        "quota": refused(*quotas[subject]),
        "5xx once": refused(500, "InternalError", times=1),
        "5xx for ever": refused(500, "InternalError"),
    }


def _answer(body: object, *, status: int, times: int | None = None, **headers: str) -> Spoiled:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Spoiled("answer", times=times, status=status, headers=named, body=json.dumps(body).encode())


FAULTS = {
    **dict.fromkeys(("token", "page of a playlist", "batch of albums or artists"), _of_spotify),
    **dict.fromkeys(("the archive at GitHub", ALERTS), _of_github),
    **dict.fromkeys(("S3", "Glue", "Athena", "Secrets Manager"), _of_aws),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[partial[Place]]:
    """One platform at a time: the stand-in of AWS has but one state."""
    with ExitStack() as closing:
        open_ones: dict[str, Place] = {}

        def place_of(subject: str) -> Place:
            if subject not in open_ones:
                closing.close()
                open_ones.clear()
                open_ones[subject] = closing.enter_context(open_place(subject, tmp_path_factory.mktemp("calls")))
            return open_ones[subject]

        yield partial(place_of)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All cells where the marker is asked for, else some of them."""
    if "cell" in metafunc.fixturenames:
        everything = "matrix" in metafunc.config.getoption("markexpr")
        cells = CELLS if everything else random.Random(SEED).sample(CELLS, min(FEW, len(CELLS)))
        metafunc.parametrize("cell", cells, ids=[cell.name for cell in cells])


@pytest.mark.matrix
def test_a_call_that_goes_wrong(places: partial[Place], cell: Cell) -> None:
    place = places(cell.row.subject)
    operation = cell.operation
    undisturbed = place.whole(operation)
    chance = random.Random(f"{SEED} {cell.name}")
    first = chance.randint(1, len(undisturbed.lines))
    place.restore(operation)
    before = rows_of(place.store)
    after = place.operate(operation, _spoiled(cell.row, first))
    seen = _seen(place, operation, undisturbed, after)
    where = f"at call {first} of {len(undisturbed.lines)}, {undisturbed.lines[first - 1]}"
    assert seen.word in cell.row.cells[operation].split(", "), f"{where}: {seen.word}: {seen.why}"
    # What a day lacks that is noted, its songs lack; who asks for a history that is not released yet is refused.
    refused = operation not in READING and isinstance(after.rows, str) and "What to do:" in after.rows
    assert seen.word == NOTED or refused or after.rows in (before, undisturbed.rows), where
    if operation in READING:
        assert differing(undisturbed.content, after.content) == []
    elif seen.word == NAMED:
        again = place.operate(operation)
        assert (again.ending.exit_code, again.rows) == (0, undisturbed.rows), again.ending.output
        assert differing(undisturbed.content, again.content) == []
    if cell.row.subject == ALERTS and seen.word == NOTED:
        assert "took it" in place.operate(operation).ending.output


def _spoiled(row: Row, first: int) -> Spoiled:
    spoiled = {**ON_ANY_WAY, **FAULTS[row.subject](row.subject)}[row.fault]
    return replace(spoiled, first=first)


def _seen(place: Place, operation: str, undisturbed: After, after: After) -> Seen:
    """Put what an operation did, and what readers have now, into a word."""
    output = after.ending.output
    why = f"exit code {after.ending.exit_code}; {output[-3000:]}; then {after.lines[-3:]}"
    if after.outlasted:
        return Seen(f"waited for without an end: {after.outlasted[0]}", why)
    is_named = place.called.search(output) and "What to do:" in output
    is_whole = differing(undisturbed.content, after.content) == [] and after.rows == undisturbed.rows
    if after.ending.exit_code:
        if not is_named:
            return Seen("the service or a remedy is not named", why)
        return Seen(NAMED, why)
    if not is_whole:
        noted = place.called.search(place.notes()) and after.entries == undisturbed.entries
        return Seen(NOTED if noted else "it ends well with other rows", why)
    if operation == "query" and output != undisturbed.ending.output:
        return Seen("another answer", why)
    if is_named and output.count("What to do:") > undisturbed.ending.output.count("What to do:"):
        return Seen(NOTED, why)
    return Seen(HEALED, why)

"""Answers that cannot be AWS's, though they end well or do not end: of a proxy, a sign-in page, or broken off.

boto3 takes any answer with a good status: it makes an empty list of a page of HTML, and takes an upload that nobody has
stored for done. What AWS answers to an operation is from its API references. It bounds the time between two bytes, and
neither the time of an answer nor its size.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any
from xml.parsers import expat

import urllib3
from botocore.exceptions import BotoCoreError, ConnectionClosedError, ReadTimeoutError

ROOTS = {"ListObjectsV2": "ListBucketResult", "CopyObject": "CopyObjectResult", "DeleteObjects": "DeleteResult"}
"""The root of what S3 answers."""
WITH_ETAG = ("GetObject", "PutObject")
LARGEST_ANSWER = 32 * 2**20
"""Bytes. A page of a listing has a thousand keys, a page of Glue a hundred tables: some millions."""
LARGEST_OBJECT = 5 * 2**30
"""Bytes: what S3 takes in one PUT, as this platform writes."""
LONGEST_ANSWER = 120.0
"""Seconds from the first byte to the last, objects apart."""
SLOWEST_OBJECT = 2**14
"""Bytes a second. An object may take `LONGEST_ANSWER`, and a second more for each so many that have come."""
MOST_PARTS_OF_AN_ERROR = 200
"""Brackets: an error of AWS has a dozen of them."""
AT_ONCE = 2**16


class UnusableAnswer(BotoCoreError):
    """An answer that AWS does not give."""

    fmt = "the answer to {operation} is not AWS's: {reason}; a proxy or a sign-in page on the way answers like that"


class EndlessAnswer(BotoCoreError):
    """An answer that has more bytes than any that AWS gives, or takes longer. It is not asked for again."""

    fmt = "the answer of {endpoint_url} {reason}; a proxy on the way, or a line that is too slow, answers like that"


def check_answers(client: Any) -> None:
    """Have a boto3 client raise a `BotoCoreError` where it would take what AWS has not answered, or wait without end.

    It is `UnusableAnswer` or `EndlessAnswer`; of an object the latter comes from where its bytes are read.
    """
    client.meta.events.register("before-parse", _check)
    # boto3 offers no other place between the head of an answer and its last byte.
    client.meta.events.register("before-send", partial(_send, client._endpoint.http_session))


def _send(session: Any, request: Any, **_: Any) -> Any:
    """Send a request as boto3 does, and read no answer beyond its bounds."""
    is_streamed, request.stream_output = request.stream_output, True
    response = session.send(request)
    is_object = is_streamed and response.status_code < HTTPStatus.MULTIPLE_CHOICES
    response.raw = _Bounded(response.raw, request.url, is_object=is_object)
    if not is_object:
        _ = response.content  # which is read at its first use
    return response


class _Bounded:
    """The body of an answer, as boto3 reads it: what has come, however little.

    Waiting for more of it would put off the look at the time.
    """

    def __init__(self, raw: urllib3.HTTPResponse, url: str, *, is_object: bool) -> None:
        self._raw = raw
        self._url = url
        self._largest = LARGEST_OBJECT if is_object else LARGEST_ANSWER
        self._slowest = SLOWEST_OBJECT if is_object else float("inf")
        self._begin = time.monotonic()
        self._size = 0

    def read(self, amt: int | None = None) -> bytes:
        """Not more than `amt` bytes; None: all that are left.

        Raises:
            EndlessAnswer, ConnectionClosedError, ReadTimeoutError: it is too large or too slow, broke off, or stopped.
        """
        return b"".join(self.stream()) if amt is None else self._part(amt)

    def stream(self) -> Iterator[bytes]:
        """All that is left, in parts."""
        while part := self._part(AT_ONCE):
            yield part

    def close(self) -> None:
        """Let the connection go."""
        self._raw.close()

    def _part(self, largest: int) -> bytes:
        try:
            part = self._raw.read1(largest)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from error
        self._size += len(part)
        if self._size > self._largest:
            raise self._endless(f"has more than {self._largest // 2**20} MB")
        seconds = time.monotonic() - self._begin
        if part and seconds > LONGEST_ANSWER + self._size / self._slowest:
            raise self._endless(f"was not complete after {seconds:.0f} s")
        return part

    def _endless(self, reason: str) -> EndlessAnswer:
        self.close()
        return EndlessAnswer(endpoint_url=self._url, reason=reason)


def _check(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    body = response_dict["body"]
    if response_dict["status_code"] >= HTTPStatus.MULTIPLE_CHOICES:
        # What is nested too deep for boto3 is no error of AWS: its status is left, by which it tries again or not.
        if sum(map(body.count, (b"<", b"[", b"{"))) > MOST_PARTS_OF_AN_ERROR:
            response_dict["body"] = b""
    else:
        reason = _what_is_wrong(operation_model, response_dict["headers"], body)
        if reason:
            if not isinstance(body, bytes):
                body.close()
            raise UnusableAnswer(operation=operation_model.name, reason=reason)


def _what_is_wrong(operation: Any, headers: Any, body: Any) -> str | None:
    if operation.name in WITH_ETAG and "ETag" not in headers:
        return "it has no ETag"
    if not isinstance(body, bytes):
        return None  # an object; whoever reads it sees whether it breaks off
    announced = headers.get("Content-Length")
    if announced is not None and int(announced) != len(body) and operation.http.get("method") != "HEAD":
        return f"it broke off after {len(body)} of {announced} bytes"
    if operation.service_model.protocol == "json":
        return _what_is_wrong_with_json(operation, body)
    if operation.name in ROOTS:
        root = _root(body)
        return None if root == ROOTS[operation.name] else f"it begins with {root or 'nothing that is XML'}"
    return "it is a page of HTML" if body and "html" in headers.get("Content-Type", "") else None


def _root(body: bytes) -> str | None:
    """The name of the root of XML; None where it is none."""
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name)
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the last part
    except expat.ExpatError:
        return None
    return names[0]


def _what_is_wrong_with_json(operation: Any, body: bytes) -> str | None:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        return f"it is no JSON ({type(error).__name__})"
    members = operation.output_shape.members
    if not isinstance(found, dict) or (found and members and not members.keys() & found.keys()):
        return f"it has none of {', '.join(members)}"
    return None

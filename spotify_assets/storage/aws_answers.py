"""Answers that cannot be AWS's, though they end well: of a proxy, of a sign-in page, or broken off on the way.

boto3 takes any answer with a good status: it makes an empty list of a page of HTML, and takes an upload that nobody has
stored for done. What AWS answers to an operation is from its API references.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from xml.parsers import expat

from botocore.exceptions import BotoCoreError

ROOTS = {"ListObjectsV2": "ListBucketResult", "CopyObject": "CopyObjectResult", "DeleteObjects": "DeleteResult"}
"""The root of what S3 answers."""
WITH_ETAG = ("GetObject", "PutObject")


class UnusableAnswer(BotoCoreError):
    """An answer that AWS does not give."""

    fmt = "the answer to {operation} is not AWS's: {reason}; a proxy or a sign-in page on the way answers like that"


def check_answers(client: Any) -> None:
    """Have a boto3 client raise `UnusableAnswer`, a `BotoCoreError`, where it would take what AWS has not answered."""
    client.meta.events.register("before-parse", _check)


def _check(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] < HTTPStatus.MULTIPLE_CHOICES:
        reason = _what_is_wrong(operation_model, response_dict["headers"], response_dict["body"])
        if reason:
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

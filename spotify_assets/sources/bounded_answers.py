"""Answers over HTTP that end: none is read beyond a size and a time, however much comes, however slowly."""

from __future__ import annotations

import io
import time
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

LARGEST_ANSWER = 32 * 2**20
"""Bytes, unpacked. Twenty albums with fifty tracks each, in all markets, have some millions."""
LONGEST_ANSWER = 120.0
"""Seconds from the request to the last byte."""
AT_ONCE = 2**16


class AnswerTooLarge(requests.RequestException):
    """An answer has more bytes than any that is meant."""


class BoundedAnswers(HTTPAdapter):
    """Reads an answer to its end before anybody looks at it.

    Raises:
        AnswerTooLarge: it has more than `LARGEST_ANSWER` bytes.
        requests.ReadTimeout: it was not complete after `LONGEST_ANSWER` seconds.
        requests.exceptions.ChunkedEncodingError: it broke off.
    """

    def send(self, request: requests.PreparedRequest, *how: Any, **named: Any) -> requests.Response:
        """See `HTTPAdapter`."""
        end = time.monotonic() + LONGEST_ANSWER
        response = super().send(request, *how, **{**named, "stream": True})
        whole = io.BytesIO()
        try:
            for part in response.raw.stream(AT_ONCE, decode_content=True):
                whole.write(part)
                if whole.tell() > LARGEST_ANSWER:
                    raise AnswerTooLarge(f"the answer has more than {LARGEST_ANSWER // 2**20} MB", request=request)
                if time.monotonic() > end:
                    raise requests.ReadTimeout(f"the answer was not complete after {LONGEST_ANSWER:g} s")
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error, request=request) from error
        finally:
            response.raw.close()
        whole.seek(0)
        response.raw = whole
        return response

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
MOST_VALUES = 4_000_000
"""Of JSON. The same albums have some hundred thousands. An empty list takes twenty times its bytes in memory."""
LONGEST_ANSWER = 120.0
"""Seconds from the request to the last byte. Its head alone may take longer, if each byte comes in time."""
AT_ONCE = 2**16


class AnswerTooLarge(requests.RequestException):
    """An answer has more bytes or more values than any that is meant."""


class BoundedAnswers(HTTPAdapter):
    """Reads an answer to its end before anybody looks at it.

    Args:
        largest: bytes that an answer may have; default: `LARGEST_ANSWER`.
        named: see `HTTPAdapter`.

    Raises:
        AnswerTooLarge: it has more bytes than that, or more than `MOST_VALUES` values.
        requests.ReadTimeout: it was not complete after `LONGEST_ANSWER` seconds.
        requests.exceptions.ChunkedEncodingError: it broke off.
    """

    def __init__(self, *, largest: int | None = None, **named: Any) -> None:
        super().__init__(**named)
        self._largest = largest or LARGEST_ANSWER

    def send(self, request: requests.PreparedRequest, *how: Any, **named: Any) -> requests.Response:
        """See `HTTPAdapter`."""
        end = time.monotonic() + LONGEST_ANSWER
        response = super().send(request, *how, **{**named, "stream": True})
        whole = io.BytesIO()
        try:
            # What has come, however little: waiting for more of it would put off the look at the time.
            while part := response.raw.read1(AT_ONCE, decode_content=True):
                whole.write(part)
                if whole.tell() > self._largest:
                    raise AnswerTooLarge(f"the answer has more than {self._largest // 2**20} MB", request=request)
                if time.monotonic() > end:
                    raise requests.ReadTimeout(f"the answer was not complete after {LONGEST_ANSWER:g} s")
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error, request=request) from error
        finally:
            response.raw.close()
        if sum(map(whole.getvalue().count, (b"[", b"{", b","))) > MOST_VALUES:
            raise AnswerTooLarge(f"the answer has more than {MOST_VALUES:,} values", request=request)
        whole.seek(0)
        response.raw = whole
        return response

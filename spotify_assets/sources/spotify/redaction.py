"""Secrets stay out of messages and logs: what of a text is hidden, and what spotipy may log."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote_plus

HIDDEN = "[hidden]"
LONGEST_TEXT = 300


class _QuietAboutSecrets(logging.Filter):
    """Drops what spotipy logs of its traffic.

    Its DEBUG records hold tokens and the client secret, its `client` ERROR records repeat the server's words, which
    may hold them too. Nothing is lost: each error is told by a refusal.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO and record.name != "spotipy.client"


_QUIET = _QuietAboutSecrets()
for _name in ("spotipy.client", "spotipy.oauth2", "spotipy.util"):
    # A filter on the logger itself holds whatever level or handler is set later, here or elsewhere.
    logging.getLogger(_name).addFilter(_QUIET)


class Redaction:
    """The secrets of one run."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def remember(self, *secrets: Any) -> None:
        """Hide these from now on; what is no text, or empty, is none."""
        for secret in secrets:
            if isinstance(secret, str) and secret:
                self._secrets |= {secret, quote_plus(secret)}

    def hidden(self, text: str) -> str:
        """A text on one line, shortened, with its secrets hidden."""
        # The longest first: a secret may be a part of another one.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        text = " ".join(text.split())
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."

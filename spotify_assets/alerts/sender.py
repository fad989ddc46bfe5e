"""Sends one message, in a process of its own: apprise bounds the time between two bytes, and neither time nor size.

Whatever a service answers, whoever started the process can end it.
"""

from __future__ import annotations

import json
import logging
import resource
import sys

import apprise

READ_TIMEOUT = 30.0
"""Seconds that a service may take to answer: one that takes a message late would otherwise be sent it again."""
MOST_MEMORY = 2**28
"""Bytes, of which an answer may fill half."""


def main() -> None:
    """Send what is on standard input; the exit code is 0 if the service took it."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    sys.exit(not deliver(**json.load(sys.stdin)))


def deliver(address: str, title: str, text: str) -> bool:
    """Whether the service at an address took a message."""
    # What it logs quotes addresses.
    logging.getLogger("apprise").disabled = True
    service = apprise.Apprise.instantiate(address)
    assert isinstance(service, apprise.NotifyBase)  # noqa: S101 - its address was looked at before
    service.socket_read_timeout = READ_TIMEOUT
    # As text: a service that takes HTML is to escape the names in it.
    return bool(service.notify(body=text, title=title, body_format="text"))


if __name__ == "__main__":
    main()

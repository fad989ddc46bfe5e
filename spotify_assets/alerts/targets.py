"""The services that messages go to, through apprise: mail, chat, telephones. Their addresses hold secrets."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import sys
from typing import NamedTuple

from pydantic import SecretStr

from spotify_assets.alerts.message import Message
from spotify_assets.errors import SettingsError
from spotify_assets.settings import Settings
from spotify_assets.settings.environment import ALERT_URLS

LONGEST_SENDING = 120.0
"""Seconds; a text that is too long for a service is sent in parts, some seconds apart."""
SEVERAL_BY_COMMA = re.compile(r",\s*[a-z]+://", re.IGNORECASE)


class Target(NamedTuple):
    """A service.

    Attributes:
        name: what it is called where people read it, without its address.
        digest: of its address, by which it is known what it was sent.
    """

    name: str
    digest: str
    address: SecretStr

    def send(self, message: Message) -> bool:
        """Send a message; whether the service took it, within `LONGEST_SENDING`."""
        order = {"address": self.address.get_secret_value(), "title": message.title, "text": message.text}
        command = [sys.executable, "-P", "-m", "spotify_assets.alerts.sender"]
        try:
            # What it prints is kept to itself: it may quote the address.
            sent = subprocess.run(  # noqa: S603 - this program's own interpreter
                command, input=json.dumps(order).encode(), capture_output=True, timeout=LONGEST_SENDING, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return sent.returncode == 0


def targets(settings: Settings) -> list[Target]:
    """The services of the settings.

    Raises:
        SettingsError: none is set, apprise is not installed, or it does not know an address; none is quoted.
    """
    if settings.alert_urls is None:
        raise SettingsError(
            "There is nobody to tell.",
            why=f"{ALERT_URLS} is not set",
            remedy="set it to one or several addresses of https://github.com/caronc/apprise/wiki, separated by spaces",
        )
    try:
        import apprise
    except ImportError:
        raise SettingsError(
            f"{ALERT_URLS} is set, and nothing here can send.",
            why="the extra `alerts` is not installed",
            remedy="install it (`make extra NAME=alerts`), or unset the variable",
        ) from None
    # What it logs quotes addresses.
    logging.getLogger("apprise").disabled = True
    found = []
    if SEVERAL_BY_COMMA.search(settings.alert_urls.get_secret_value()):
        raise SettingsError(
            f"The addresses of {ALERT_URLS} are separated by commas.",
            why="a comma may belong to an address",
            remedy="separate them by spaces",
        )
    for number, address in enumerate(settings.alert_urls.get_secret_value().split(), 1):
        service = apprise.Apprise.instantiate(address)
        if not isinstance(service, apprise.NotifyBase):
            raise SettingsError(
                f"Address {number} of {ALERT_URLS} is none that a message can be sent to.",
                why="apprise knows no such service, or the address lacks a part",
                remedy="write it as https://github.com/caronc/apprise/wiki has it, addresses separated by spaces",
            )
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        name = f"target {number} ({service.service_name or service.protocol})"
        found.append(Target(name, digest, SecretStr(address)))
    return found

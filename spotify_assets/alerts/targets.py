"""The services that messages go to, through apprise: mail, chat, telephones. Their addresses hold secrets."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from spotify_assets.alerts.message import Message
from spotify_assets.errors import SettingsError
from spotify_assets.settings import Settings
from spotify_assets.settings.environment import ALERT_URLS

if TYPE_CHECKING:
    import apprise

READ_TIMEOUT = 30.0
"""Seconds that a service may take to answer."""
SEVERAL_BY_COMMA = re.compile(r",\s*[a-z]+://", re.IGNORECASE)


class Target(NamedTuple):
    """A service.

    Attributes:
        name: what it is called where people read it, without its address.
        digest: of its address, by which it is known what it was sent.
    """

    name: str
    digest: str
    service: apprise.NotifyBase

    def send(self, message: Message) -> bool:
        """Send a message; whether the service took it."""
        # As text: a service that takes HTML is to escape the names in it.
        return bool(self.service.notify(body=message.text, title=message.title, body_format="text"))


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
        # A slow service that takes a message late would otherwise be sent it again.
        service.socket_read_timeout = READ_TIMEOUT
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        found.append(Target(f"target {number} ({service.service_name or service.protocol})", digest, service))
    return found

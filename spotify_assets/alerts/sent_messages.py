"""What was sent to whom: an object of the lake, so that no instance and no command sends it again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from spotify_assets.alerts.edition_message import edition_about
from spotify_assets.alerts.message import Message
from spotify_assets.alerts.targets import Target
from spotify_assets.errors import Damaged
from spotify_assets.storage.layout import SENT_MESSAGES_KEY
from spotify_assets.storage.object_store import ObjectStore, read_if_present

KEPT = 1000
"""What each target was sent last, as far as it is remembered."""


class SentMessages:
    """What each target was sent, by the digest of its address."""

    def __init__(self, store: ObjectStore) -> None:
        """Read it.

        Raises:
            Damaged: it cannot be understood.
            StorageError: it cannot be read.
        """
        self._store = store
        data = read_if_present(store, SENT_MESSAGES_KEY)
        try:
            self._sent: dict[str, list[str]] = json.loads(data) if data else {}
            self._seen = {digest: set(map(str, sent)) for digest, sent in self._sent.items()}
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise Damaged(
                f"{store.uri(SENT_MESSAGES_KEY)} is damaged.",
                why=f"it does not record which messages were sent ({error})",
                remedy="remove it; messages of the newest edition may then come twice",
            ) from error

    def lacks(self, target: Target, message: Message) -> bool:
        """Whether a target is to get a message: it did not get it, nor one of a later edition of the playlist."""
        seen = self._seen.get(target.digest, set())
        return message.about not in seen and not any(_later_edition(message.about, sent) for sent in seen)

    def record(self, target: Target, message: Message) -> None:
        """Record that a target was sent a message.

        Raises:
            StorageError: it cannot be written.
        """
        sent = [*self._sent.get(target.digest, []), message.about][-KEPT:]
        self._sent[target.digest] = sent
        self._seen[target.digest] = set(sent)
        self._store.write(SENT_MESSAGES_KEY, json.dumps(self._sent, indent=1).encode())


class Outcome(NamedTuple):
    """What became of a message to a target; in words it holds no address."""

    message: Message
    target: Target
    taken: bool

    def __str__(self) -> str:
        """For people."""
        return f"{self.message.about}: {self.target.name} {'took it' if self.taken else 'did not take it'}"


def send(messages: Iterable[Message], targets: Collection[Target], sent: SentMessages) -> Iterator[Outcome]:
    """Send what was not sent yet. A message that a service does not take is sent to it the next time.

    Raises:
        StorageError: what was sent cannot be recorded.
    """
    for message in messages:
        for target in targets:
            if sent.lacks(target, message):
                taken = target.send(message)
                if taken:
                    sent.record(target, message)
                yield Outcome(message, target, taken)


def _later_edition(about: str, other: str) -> bool:
    """Whether both are about editions of one playlist, and the other is later."""
    edition_of = edition_about(about.split("/")[1], "")
    return about.startswith(edition_of) and other.startswith(edition_of) and other > about

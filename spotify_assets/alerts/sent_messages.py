"""What was sent to whom: an object of the lake, so that no instance and no command sends it again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from spotify_assets.alerts.edition_message import edition_about
from spotify_assets.alerts.message import Message
from spotify_assets.alerts.targets import Target
from spotify_assets.errors import Damaged
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings.environment import ALERT_URLS
from spotify_assets.storage.layout import SENT_MESSAGES_KEY
from spotify_assets.storage.object_store import ObjectStore, read_if_present
from spotify_assets.storage.records import decode_record, encode_record

KEPT = 1000
"""What each target was sent last, as far as it is remembered."""


class SentMessages:
    """What each target was sent, by the digest of its address; read at each use, because another process may send."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def lacks(self, target: Target, message: Message) -> bool:
        """Whether a target is to get a message: it did not get it, nor one of a later edition of the playlist.

        Raises:
            Damaged: the record cannot be understood.
            StorageError: it cannot be read.
        """
        sent = self._read().get(target.digest, [])
        return message.about not in sent and not any(_later_edition(message.about, other) for other in sent)

    def record(self, target: Target, message: Message) -> None:
        """Record that a target was sent a message.

        Raises:
            Damaged, StorageError: as `lacks`, or the record cannot be written.
        """
        sent = self._read()
        sent[target.digest] = [*sent.get(target.digest, []), message.about][-KEPT:]
        self._store.write(SENT_MESSAGES_KEY, encode_record(sent))

    def verify(self) -> None:
        """Look whether the record can be understood.

        Raises:
            Damaged, StorageError: as `lacks`.
        """
        self._read()

    def _read(self) -> dict[str, list[str]]:
        data = read_if_present(self._store, SENT_MESSAGES_KEY)
        try:
            recorded = decode_record(data) if data is not None else {}
            # A text is no list of messages, although it can be gone through like one.
            return {digest: list.copy(sent) for digest, sent in recorded.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise Damaged(
                f"{self._store.uri(SENT_MESSAGES_KEY)} is damaged.",
                why=f"it does not record which messages were sent ({error})",
                remedy="remove it; messages of the newest edition may then come twice",
            ) from error


class Outcome(NamedTuple):
    """What became of a message to a target; in words it holds no address."""

    message: Message
    target: Target
    taken: bool

    def __str__(self) -> str:
        """For people."""
        if self.taken:
            return f"{self.message.about}: {self.target.name} took it"
        return (
            f"{self.message.about}: {self.target.name} did not take it.\n"
            "What to do: nothing where the service was away; "
            f"it is sent again the next time. Else compare the address in {ALERT_URLS} with what the service gave you"
        )


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
    """Whether both are about editions of one playlist, and the other is later, but not of a clock that was ahead."""
    edition_of = edition_about(about.split("/")[1], "")
    latest = f"{edition_of}{today_in_japan()}"
    return about.startswith(edition_of) and other.startswith(edition_of) and about < other <= latest

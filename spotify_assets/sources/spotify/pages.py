"""The entries of a playlist from its pages: what of them is trusted, and what does not add up.

Pages have been seen that lack an entry, repeat the last one of the page before, end although more follows, or say a
wrong total. A position is certain where each page begins at the offset at which the one before ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from spotify_assets.errors import SourceRefusal
from spotify_assets.snapshot import Entry, Payload

if TYPE_CHECKING:
    from spotify_assets.sources.spotify.client import SpotifyClient

PERSONAL_OF_ENTRY = frozenset({"added_by"})
MOST_ENTRIES = 20_000
"""Spotify allows 11,000 in a playlist; pages beyond this are pages without end."""


@dataclass(frozen=True)
class PageRead:
    """All entries that the pages of a playlist hold.

    Attributes:
        entries: in order, each at a position that is certain.
        total: how many entries the pages say that there are, where that is another number.
    """

    entries: tuple[Entry, ...]
    total: int | None


class ListMovedError(Exception):
    """Two pages give different totals: the list changed between them."""


class PagesDoubtfulError(Exception):
    """The pages do not fit together, so that positions may be shifted, doubled or lost; the message says where."""


@dataclass(frozen=True)
class _Page:
    payloads: list[Payload]
    total: int
    following: int | None
    """The offset at which the next page begins, if the page says that there is one."""
    is_last: bool
    """Whether the page says that there is none."""


def read_pages(client: SpotifyClient, playlist_id: str, market: str | None) -> PageRead:
    """Read all pages. One may hold fewer entries than were asked for, if the next one begins right after them.

    Raises:
        SourceRefusal: a page is malformed or contradicts what was asked.
        ListMovedError: the list changed meanwhile.
        PagesDoubtfulError: the pages do not fit together.
    """
    payloads: list[Payload] = []
    total: int | None = None
    said_to_end = False
    while True:
        offset = len(payloads)
        page = _page(client.playlist_page(playlist_id, offset, market), playlist_id, offset)
        if total is not None and page.total != total:
            raise ListMovedError
        total = page.total
        if page.following not in (None, offset + len(page.payloads)):
            raise PagesDoubtfulError(
                f"the page from offset {offset} holds {len(page.payloads)} entries, but the next one is said to begin "
                f"at offset {page.following}"
            )
        if payloads and page.payloads and _same(payloads[-1], page.payloads[0]):
            _check_listed_twice(client, playlist_id, offset, market)
        payloads += page.payloads
        if len(payloads) > MOST_ENTRIES:
            raise _contradiction(playlist_id, offset, f"there are more than {MOST_ENTRIES} entries")
        # A page that says it is the last may be wrong: the announced number ends the list, or an empty page after it.
        if page.following is None and len(payloads) == total:
            break
        if not page.payloads:
            if said_to_end:
                break
            raise PagesDoubtfulError(
                f"the page from offset {offset} is empty, but it says that there are {total} entries"
                if offset < total
                else f"entries go beyond the {total} that the pages say there are"
            )
        said_to_end = page.is_last
    entries = tuple(
        Entry(position, without(payload, PERSONAL_OF_ENTRY)) for position, payload in enumerate(payloads, 1)
    )
    return PageRead(entries, None if len(entries) == total else total)


def listed(entry: Entry) -> tuple[Any, ...]:
    """What tells whether two entries are the same one: what was added, and when."""
    payload = entry.payload
    if not isinstance(payload, dict):
        return (payload,)
    held: dict[str, Any] = next((payload[key] for key in ("item", "track") if isinstance(payload.get(key), dict)), {})
    return (payload.get("added_at"), held.get("uri"), held.get("id"), held.get("name"))


def _same(one: Payload, other: Payload) -> bool:
    return one is not None and listed(Entry(0, one)) == listed(Entry(0, other))


def _check_listed_twice(client: SpotifyClient, playlist_id: str, offset: int, market: str | None) -> None:
    """See, by a page across the seam, whether a song that ends one page and begins the next is listed twice."""
    across = _page(client.playlist_page(playlist_id, offset - 1, market), playlist_id, offset - 1).payloads
    if len(across) < 2 or not _same(across[0], across[1]):
        raise PagesDoubtfulError(f"the page from offset {offset} begins with the last entry of the page before")


def _page(page: Mapping[str, Any], playlist_id: str, offset: int) -> _Page:
    payloads, total = page.get("items"), page.get("total")
    if not isinstance(payloads, list):
        raise _contradiction(playlist_id, offset, "it has no list `items`")
    if isinstance(total, float) and total.is_integer():
        total = int(total)
    if type(total) is not int or total < 0:
        raise _contradiction(playlist_id, offset, f"its `total` is {total!r}, not a number of entries")
    if page.get("offset", offset) != offset:
        raise _contradiction(playlist_id, offset, f"it calls itself the page from offset {page['offset']!r}")
    following = _offset_in(page.get("next"))
    return _Page(payloads, total, following, is_last="next" in page and page["next"] is None)


def _offset_in(address: Any) -> int | None:
    """The offset that the address of a next page names; None without one, and where it names none."""
    if not isinstance(address, str):
        return None
    try:
        (offset,) = parse_qs(urlsplit(address).query).get("offset", [""])
    except ValueError:
        return None
    return int(offset) if offset.isascii() and offset.isdigit() else None


def _contradiction(playlist_id: str, offset: int, why: str) -> SourceRefusal:
    return SourceRefusal(
        f"The page of playlist {playlist_id} from offset {offset} cannot be used.",
        why=f"{why}; positions would be shifted, doubled or lost",
        remedy="try again later; if it stays, Spotify changed its answers (or SPOTIFY_API_URL is not Spotify) and this "
        "project needs an update",
    )


def without(payload: Payload, keys: frozenset[str]) -> Payload:
    """An object without some of its keys; anything else as it is."""
    if not isinstance(payload, dict):
        return payload
    return {key: value for key, value in payload.items() if key not in keys}

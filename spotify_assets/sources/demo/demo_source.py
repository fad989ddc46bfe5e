"""Source `demo`: a synthetic chart as the Web API would give it, for any day, without network or account.

Songs and artists are invented (`demo_names`); who charts when is decided in `demo_chart`. Here they become payloads
shaped like those an app with extended quota gets, plus `streams` beside each track, which the API never gives.
"""

from __future__ import annotations

import hashlib
import math
import string
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from spotify_assets.snapshot import CatalogObject, Entry, PlaylistSnapshot
from spotify_assets.sources.demo import demo_names as names
from spotify_assets.sources.demo.demo_chart import CHART_SIZE, ChartedSong, Release, Song, chart, draws
from spotify_assets.sources.source import Absence

if TYPE_CHECKING:  # settings need Dagster, and the demo is used without
    from spotify_assets.settings import PlaylistSettings

JAPAN = ZoneInfo("Asia/Tokyo")
FETCHED_AT = time(0, 5)
"""The same moment of every day, so that a day always has the same bytes."""
WITHDRAWN_EVERY, WITHDRAWN_OFFSET = 23, 7
"""One entry is withdrawn (null) on days whose ordinal leaves this remainder."""
LOCAL_FILE_EVERY, LOCAL_FILE_OFFSET = 29, 11
"""One entry is a local file on days whose ordinal leaves this remainder."""
SPARED_POSITIONS = 10
"""The top of the chart always has its songs."""
THURSDAY = 3
"""A weekly chart is made anew on Thursdays."""
EXAMPLE = "https://example.com/demo"
BASE62 = string.digits + string.ascii_lowercase + string.ascii_uppercase


class DemoSource:
    """Gives the synthetic chart; every day has one, past or future."""

    has_past = True
    comes_during_the_day = False
    wants_previous = False
    absence = Absence("the demo has every day", "report this as a defect")

    def days_on_offer(
        self,
        playlist: PlaylistSettings,  # noqa: ARG002
        days: Sequence[date],
        stored: Mapping[date, datetime],  # noqa: ARG002
    ) -> set[date]:
        """Every day."""
        return set(days)

    def fetch(
        self,
        playlist: PlaylistSettings,
        day: date,
        previous: PlaylistSnapshot | None,  # noqa: ARG002 - each day is complete in itself
        *,
        may_retry: bool,  # noqa: ARG002 - nothing here can fail
    ) -> PlaylistSnapshot:
        """Give the chart of the day; it depends on the playlist's slug and the day alone."""
        chart_day = day - timedelta(days=(day.weekday() - THURSDAY) % 7) if playlist.cadence == "weekly" else day
        charted = chart(playlist.slug, chart_day)
        payloads = _entry_payloads(charted, playlist.slug, chart_day)
        listed = [song for song, payload in zip(charted, payloads, strict=True) if "streams" in payload]
        playlist_id = _identifier("playlist", playlist.slug)
        return PlaylistSnapshot(
            slug=playlist.slug,
            snapshot_date=day,
            source="demo",
            fetched_at=datetime.combine(day, FETCHED_AT, JAPAN).astimezone(UTC),
            entries=tuple(Entry(position, payload) for position, payload in enumerate(payloads, 1)),
            albums={_album_id(song.song.release): CatalogObject(_full_album(song, chart_day)) for song in listed},
            artists={
                _artist_id(number): CatalogObject(_full_artist(number, chart_day))
                for number in _artist_numbers(song.song for song in listed)
            },
            playlist_id=playlist_id,
            playlist=_playlist_metadata(playlist, playlist_id),
            playlist_snapshot_id=_list_version(payloads),
            api_shape="track",
            language="ja",
            chart_size=CHART_SIZE,
        )


def _entry_payloads(charted: tuple[ChartedSong, ...], slug: str, day: date) -> list[dict[str, Any]]:
    added_at = f"{day - timedelta(days=1)}T11:00:00Z"
    payloads = [_entry(added_at, _track(song)) | {"streams": song.streams} for song in charted]
    withdrawn, local_file, *_ = draws("irregular", slug, day)
    replaceable = CHART_SIZE - SPARED_POSITIONS
    if day.toordinal() % LOCAL_FILE_EVERY == LOCAL_FILE_OFFSET:
        payloads[SPARED_POSITIONS + int(replaceable * local_file)] = _local_file(added_at, day)
    if day.toordinal() % WITHDRAWN_EVERY == WITHDRAWN_OFFSET:
        payloads[SPARED_POSITIONS + int(replaceable * withdrawn)] = _entry(added_at, None)
    return payloads


def _entry(added_at: str, track: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "added_at": added_at,
        "is_local": False,
        "primary_color": None,
        "track": track,
        "video_thumbnail": {"url": None},
    }


def _track(charted: ChartedSong) -> dict[str, Any]:
    song = charted.song
    duration, explicit, *_ = draws("track", song.key)
    return {
        "album": _album(song.release),
        "artists": [_artist(number) for number in song.artists],
        "disc_number": 1,
        "duration_ms": 125_000 + int(180_000 * duration),
        "episode": False,
        "explicit": explicit < 0.06,
        "external_ids": {"isrc": _isrc(song)},
        **_addresses("track", _identifier("track", song.key)),
        "is_local": False,
        "name": _song_title(song),
        "popularity": _popularity(charted),
        "preview_url": None,
        "track": True,
        "track_number": song.track_number,
    }


def _album(release: Release) -> dict[str, Any]:
    album_id = _album_id(release)
    digits = {"year": 4, "month": 7, "day": 10}[release.precision]
    return {
        "album_type": release.kind,
        "artists": [_artist(release.artist)],
        **_addresses("album", album_id),
        "images": _images("album", album_id, (640, 300, 64)),
        "name": _album_title(release),
        "release_date": release.released.isoformat()[:digits],
        "release_date_precision": release.precision,
        "total_tracks": release.total_tracks,
    }


def _full_album(charted: ChartedSong, day: date) -> dict[str, Any]:
    release = charted.song.release
    label, upc, *_ = draws("album", release.key)
    return _album(release) | {
        "external_ids": {"upc": f"2{int(10**12 * upc):012d}"},  # numbers from 2 on are for use inside a shop
        "genres": [],
        "label": names.pick(names.LABELS, label),
        "popularity": _slowly(35, 30, day, "album", release.key),
    }


def _artist(number: int | None) -> dict[str, Any]:
    name = names.VARIOUS_ARTISTS if number is None else names.artist_names()[number]
    return {**_addresses("artist", _artist_id(number)), "name": name}


def _full_artist(number: int | None, day: date) -> dict[str, Any]:
    artist_id = _artist_id(number)
    genre_count, first_genre, second_genre, fame, growth, *_ = draws("artist", number)
    followers = int(2_000 * math.exp(7 * fame) + 300 * growth * max(0, (day - date(2010, 1, 1)).days))
    payload = _artist(number) | {
        "followers": {"href": None, "total": followers},
        "genres": [],
        "images": _images("artist", artist_id, (640, 320, 160)),
        "popularity": _slowly(30, 50, day, "artist", number),
    }
    if genre_count < 0.08:
        del payload["genres"]  # newer answers of the API have none
    elif genre_count > 0.28 and number is not None:
        drawn = (names.pick(names.GENRES, first_genre), names.pick(names.GENRES, second_genre))
        payload["genres"] = list(dict.fromkeys(drawn))
    return payload


def _local_file(added_at: str, day: date) -> dict[str, Any]:
    artist, album, title = names.LOCAL_FILES[day.toordinal() // LOCAL_FILE_EVERY % len(names.LOCAL_FILES)]
    nobody: dict[str, Any] = {"external_urls": {}, "href": None, "id": None}
    track: dict[str, Any] = {
        "album": {
            "album_type": None,
            "artists": [],
            **nobody,
            "images": [],
            "name": album,
            "release_date": None,
            "release_date_precision": None,
            "type": "album",
            "uri": None,
        },
        "artists": [{**nobody, "name": artist, "type": "artist", "uri": None}],
        "disc_number": 0,
        "duration_ms": 214_000,
        "explicit": False,
        "external_ids": {},
        **nobody,
        "is_local": True,
        "name": title,
        "popularity": 0,
        "preview_url": None,
        "track_number": 0,
        "type": "track",
        "uri": f"spotify:local:{quote_plus(artist)}:{quote_plus(album)}:{quote_plus(title)}:214",
    }
    return _entry(added_at, track) | {"is_local": True}


def _playlist_metadata(playlist: PlaylistSettings, playlist_id: str) -> dict[str, Any]:
    return {
        "collaborative": False,
        "description": "Synthetic chart: invented songs and artists",
        **_addresses("playlist", playlist_id),
        "followers": {"href": None, "total": 0},
        "images": _images("playlist", playlist_id, (640,)),
        "name": playlist.title,
        "primary_color": None,
        "public": True,
    }


def _list_version(payloads: list[dict[str, Any]]) -> str:
    """Changes with the list: what is on it and since when, not how popular it is."""
    listed = [(payload["added_at"], payload["track"] and payload["track"]["uri"]) for payload in payloads]
    return hashlib.blake2b(repr(listed).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=4096)
def _song_title(song: Song) -> str:
    pattern, first, second, script, *_ = draws("title", song.key)
    return names.title(pattern, first, second, japanese=_in_japanese(song.artists[0], script))


@lru_cache(maxsize=4096)
def _album_title(release: Release) -> str:
    pattern, first, second, script, *_ = draws("title", f"{release.key}-1" if release.kind == "single" else release.key)
    if release.artist is None:
        return f"{release.released.year} 架空ヒット集 Vol. {1 + int(20 * pattern)}"
    return names.title(pattern, first, second, japanese=_in_japanese(release.artist, script))


def _in_japanese(artist: int, draw: float) -> bool:
    return draw < (0.1 if names.artist_names()[artist][0].isascii() else 0.8)


def _popularity(charted: ChartedSong) -> int:
    return max(0, min(100, int(60 + 12 * math.log(charted.streams / 40_000))))


def _slowly(least: int, spread: int, day: date, *key: object) -> int:
    """A popularity that changes by a point now and then."""
    base, days, *_ = draws("popularity", *key)
    return int(least + spread * base + 5 * (1 + math.sin(math.tau * day.toordinal() / (200 + 300 * days))))


def _artist_numbers(songs: Iterable[Song]) -> Iterable[int | None]:
    return dict.fromkeys(number for song in songs for number in (*song.artists, song.release.artist))


def _album_id(release: Release) -> str:
    return _identifier("album", release.key)


def _artist_id(number: int | None) -> str:
    return _identifier("artist", number)


@lru_cache(maxsize=16384)
def _identifier(kind: str, key: object) -> str:
    """22 letters and digits, like Spotify's ids."""
    value = int.from_bytes(hashlib.blake2b(f"{kind}/{key}".encode(), digest_size=16).digest())
    letters = []
    for _ in range(22):
        value, remainder = divmod(value, 62)
        letters.append(BASE62[remainder])
    return "".join(letters)


def _isrc(song: Song) -> str:
    """XX is no country, so no real recording has such a code."""
    release = song.release
    if release.key.startswith("catalogue"):
        return f"XXOLD{release.released:%y}{release.number:05d}"
    number_in_year = (release.released.timetuple().tm_yday - 1) * 270 + release.number * 30 + song.track_number
    return f"XXNEW{release.released:%y}{number_in_year:05d}"


def _addresses(kind: str, identifier: str) -> dict[str, Any]:
    return {
        "external_urls": {"spotify": f"{EXAMPLE}/{kind}/{identifier}"},
        "href": f"{EXAMPLE}/api/{kind}s/{identifier}",
        "id": identifier,
        "type": kind,
        "uri": f"spotify:{kind}:{identifier}",
    }


def _images(kind: str, identifier: str, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"height": size, "url": f"{EXAMPLE}/image/{kind}/{identifier}/{size}.png", "width": size} for size in sizes]

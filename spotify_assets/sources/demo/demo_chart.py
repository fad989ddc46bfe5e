"""The world behind the demo: which invented songs exist, how they fare, and who is on the chart of a day.

Everything is a function of its arguments alone, so days may be asked for in any order. Names are in `demo_names`,
payloads in `demo`; neither belongs here.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from spotify_assets.sources.demo.demo_names import ARTIST_COUNT

CHART_SIZE = 50
MEMORY_DAYS = 600
"""Releases older than this are off the chart, except for the catalogue."""
RELEASES_BY_WEEKDAY = (3, 2, 6, 2, 5, 2, 1)
"""Monday first. In Japan records come out on Wednesdays, and on Fridays as everywhere."""
CATALOGUE_SIZE = 90
CATALOGUE_YEARS = range(1978, 2010)
NOISE = 0.06
"""By how much (as a logarithm) a song's streams vary from one day to the next for no reason."""
TASTE = 0.3
"""By how much (as a logarithm) two playlists differ about the same song."""
NOT_WORTH_LOOKING = 10.3
"""Logarithm of the streams below which no song has come near a chart."""
REVIVED_SHARE = 0.06
"""Of all songs, those that are rediscovered months after their release."""
REVIVAL_DAYS = 12.0
"""How long it takes from the best day of a rediscovered song until it has lost two thirds of its streams."""


@dataclass(frozen=True, slots=True)
class Release:
    """A single, an album or a compilation.

    Attributes:
        key: names it among all releases, for draws and ids.
        number: of the releases of its day, from 0.
        precision: how exactly the date is known: `day`, `month` or `year`.
        artist: number of the artist; None for a compilation by various artists.
    """

    key: str
    number: int
    kind: str
    released: date
    precision: str
    artist: int | None
    total_tracks: int


@dataclass(frozen=True, slots=True)
class Song:
    """A song that may chart; `_log_streams` makes its daily streams of the numbers below.

    Attributes:
        artists: numbers of the credited artists, in order of credit.
        strength: logarithm of the daily streams it could have.
        decay: what it loses every day.
        gap: how far below its strength it starts.
        climb_days: how long it needs to close most of the gap.
        revival: logarithm of the daily streams when it is rediscovered; 0 for most, which never are.
        revival_age: days after the release when that happens.
        swing: how much it slowly rises and falls.
        swing_days: how long one such rise and fall lasts.
        last_age: days after the release when it is surely forgotten.
    """

    key: str
    release: Release
    track_number: int
    artists: tuple[int, ...]
    strength: float
    decay: float
    gap: float
    climb_days: float
    revival: float
    revival_age: int
    swing: float
    swing_days: float
    last_age: int


@dataclass(frozen=True, slots=True)
class ChartedSong:
    """A song on the chart of a day, with its streams of the day before."""

    song: Song
    streams: int


def draws(*key: object) -> tuple[float, ...]:
    """Sixteen numbers in [0, 1) that look random and depend on the key alone, on every machine and Python version."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode()).digest()
    return tuple(number / 2**32 for number in struct.unpack(">16I", digest))


def chart(slug: str, day: date) -> tuple[ChartedSong, ...]:
    """The chart of a playlist on a day, best first: what was streamed most on the day before."""
    today = day.toordinal()
    heard = []
    for song in _songs_alive(today):
        expected = _log_streams(song, today) + _taste(slug, song.key)
        if expected > NOT_WORTH_LOOKING:
            noise = NOISE * (2 * draws("noise", slug, song.key, today)[0] - 1)
            heard.append((expected + noise, song.key, song))
    heard.sort(reverse=True)
    weekend = 1.05 if day.weekday() in (0, 6) else 1.0
    return tuple(ChartedSong(song, int(weekend * math.exp(log_streams))) for log_streams, _, song in heard[:CHART_SIZE])


def _songs_alive(today: int) -> list[Song]:
    alive = [song for song in _catalogue() if song.release.released.toordinal() < today]
    for released in range(today - MEMORY_DAYS, today):
        age = today - released
        alive.extend(song for song in _songs_released(released) if age <= song.last_age)
    return alive


def _log_streams(song: Song, today: int) -> float:
    age = today - song.release.released.toordinal()
    expected = song.strength - song.decay * age + song.swing * math.sin(math.tau * today / song.swing_days)
    if song.gap:
        expected -= song.gap * math.exp(-age / song.climb_days)
    if song.revival:
        expected = max(expected, song.revival - ((age - song.revival_age) / REVIVAL_DAYS) ** 2)
    return expected


@lru_cache(maxsize=8192)
def _taste(slug: str, song_key: str) -> float:
    return TASTE * (2 * draws("taste", slug, song_key)[0] - 1)


@lru_cache(maxsize=4096)
def _songs_released(ordinal: int) -> tuple[Song, ...]:
    released = date.fromordinal(ordinal)
    return tuple(
        song
        for number in range(RELEASES_BY_WEEKDAY[released.weekday()])
        for song in _songs_of_release(released, number)
    )


def _songs_of_release(released: date, number: int) -> list[Song]:
    key = f"{released.toordinal()}-{number}"
    kind_draw, artist_draw, size_draw, songs_draw, *_ = draws("release", key)
    if kind_draw < 0.80:
        kind, total_tracks, song_count = "single", 1 + int(3 * size_draw**2), 1
    elif kind_draw < 0.94:
        kind, total_tracks, song_count = "album", 8 + int(8 * size_draw), 2 + int(4 * songs_draw)
    else:
        kind, total_tracks, song_count = "compilation", 12 + int(10 * size_draw), 1 + int(2 * songs_draw)
    artist = None if kind == "compilation" else _artist(artist_draw)
    release = Release(key, number, kind, released, "day", artist, total_tracks)
    return [_new_song(release, track_number) for track_number in range(1, song_count + 1)]


def _new_song(release: Release, track_number: int) -> Song:
    key = f"{release.key}-{track_number}"
    kind, strength, decay, gap, climb, revival, revival_age, swing, swing_days, *_ = draws("curve", key)
    revived = 10.7 + 0.9 * revival / REVIVED_SHARE if revival < REVIVED_SHARE else 0.0
    if kind < 0.065:  # a hit: stays for months, and every second one needs weeks to be found
        values = (11.3 + 1.2 * strength, 0.004 + 0.012 * decay, max(0.0, 3.0 * gap - 1.2), 4 + 20 * climb)
    elif kind < 0.40:  # an ordinary song: stays for weeks
        values = (10.5 + 0.9 * strength, 0.02 + 0.06 * decay, max(0.0, 2.0 * gap - 1.0), 2 + 6 * climb)
    else:  # carried by its fans: high on the first day, gone soon
        values = (10.7 + 1.6 * strength, 0.15 + 0.9 * decay, 0.0, 1.0)
    forgotten = int((values[0] + 0.5 - NOT_WORTH_LOOKING) / values[1])
    age_of_revival = 150 + int(350 * revival_age)
    return Song(
        key=key,
        release=release,
        track_number=track_number,
        artists=_credits(release.artist, key),
        strength=values[0],
        decay=values[1],
        gap=values[2],
        climb_days=values[3],
        revival=revived,
        revival_age=age_of_revival,
        swing=0.12 * swing,
        swing_days=20 + 60 * swing_days,
        last_age=max(forgotten, age_of_revival + 30) if revived else forgotten,
    )


@lru_cache(maxsize=1)
def _catalogue() -> tuple[Song, ...]:
    return tuple(_catalogue_song(number) for number in range(CATALOGUE_SIZE))


def _catalogue_song(number: int) -> Song:
    key = f"catalogue-{number}"
    year, month, day, artist, tracks, track, strength, swing, swing_days, *_ = draws("catalogue", key)
    released = date(CATALOGUE_YEARS.start + int(len(CATALOGUE_YEARS) * year), 1 + int(12 * month), 1 + int(28 * day))
    total_tracks = 1 + int(14 * tracks)
    release = Release(
        key=key,
        number=number,
        kind="album" if total_tracks > 4 else "single",
        released=released,
        precision=("year", "month", "day", "day")[number % 4],
        artist=_artist(artist),
        total_tracks=total_tracks,
    )
    return Song(
        key=key,
        release=release,
        track_number=1 + int(total_tracks * track),
        artists=_credits(release.artist, key),
        strength=9.6 + 1.1 * strength,
        decay=0.0,
        gap=0.0,
        climb_days=1.0,
        revival=0.0,
        revival_age=0,
        swing=0.2 + 0.6 * swing,
        swing_days=60 + 400 * swing_days,
        last_age=MEMORY_DAYS,
    )


def _artist(draw: float) -> int:
    return int(ARTIST_COUNT * draw**1.7)  # the first of the list release more than the last


def _credits(artist: int | None, key: str) -> tuple[int, ...]:
    count, first, *others = draws("credits", key)
    lead = _artist(first) if artist is None else artist
    guests = 2 if count < 0.03 else 1 if count < 0.17 else 0
    return tuple(dict.fromkeys((lead, *(_artist(other) for other in others[:guests]))))

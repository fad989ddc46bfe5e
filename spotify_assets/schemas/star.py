"""The star schema of the pack for people's tools: facts, dimensions, and by which columns they join.

From here come the Parquet and CSV files, the columns of the Power BI model, of the Tableau data sources and of the
tables in Glue. Every column is one scalar; dates are dates.

A fact joins a dimension by the column that is called like the dimension's key, and finds exactly one row there: what is
not known joins the row whose key is `UNKNOWN_KEY`. Facts of the same dimensions can be set beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spotify_assets.schemas.table import Column, Table, optional, required

UNKNOWN_KEY = 0
"""Surrogate key of the row of a dimension that stands for what is not known."""
KEY_LIMIT = 10**15
"""Surrogate keys are below it: Excel keeps fifteen digits of a number, and JavaScript not many more."""

_NEWEST = required("is_newest_edition", "bool", "Whether it is the newest edition of its playlist")
_PLAYLIST = required("playlist_surrogate_key", "int64", "Leads to dim_playlist")
_SONG = required("song_surrogate_key", "int64", "Leads to dim_song")
_ALBUM = required(
    "album_surrogate_key", "int64", "Leads to dim_album: the album on the day of the edition; 0 where none is known"
)
_EDITION = required("edition_date", "date", "The edition. Leads to dim_date")
_EDITION_NUMBER = required("edition_number", "int32", "1-based place of the edition among the playlist's editions")
_STREAMS = optional("streams", "int64", "Streams counted by the chart, where it says them")

FACT_CHART_ENTRIES = Table(
    name="fact_chart_entries",
    description="One row per playlist, edition and song of it: where it stood, how it moved, its streams.",
    key=("playlist_surrogate_key", "edition_date", "song_surrogate_key"),
    columns=(
        _PLAYLIST,
        _SONG,
        required(
            "artist_surrogate_key",
            "int64",
            "Leads to dim_artist: the first credited artist; 0 where nobody is credited",
        ),
        _ALBUM,
        _EDITION,
        _EDITION_NUMBER,
        _NEWEST,
        required("position", "int32", "Place in the chart; of a song listed twice, the best one"),
        optional("previous_position", "int32", "Position in the edition before; null if it was not on it"),
        optional("movement", "int32", "previous_position - position: positive is up; null for entries"),
        optional(
            "entry_status", "string", "UP, DOWN, SAME, RE_ENTRY, NEW or FIRST_SEEN; null in the first edition of all"
        ),
        optional("entry_status_basis", "string", "observed, official or doubtful; null with entry_status"),
        required("points", "int32", "chart size + 1 - position"),
        required("occurrences", "int32", "How often the edition lists the song"),
        required("peak_position", "int32", "Best position up to this edition"),
        required("editions_on_chart", "int32", "Editions with the song up to this one"),
        required("streak", "int32", "Consecutive editions with the song, up to this one"),
        required("spell_number", "int32", "1-based number of the streak that the edition belongs to"),
        _STREAMS,
        optional("streams_change", "int64", "streams minus those in the edition before"),
        optional("popularity", "int32", "Spotify's popularity 0-100 at the fetch"),
    ),
)

FACT_ARTIST_CREDITS = Table(
    name="fact_artist_credits",
    description=(
        "One row per playlist, edition, song and artist whom it credits. Songs that credit nobody have none. points "
        "and streams are in full with every artist: do not sum them over artists; the fractional ones are shared out."
    ),
    key=("playlist_surrogate_key", "edition_date", "song_surrogate_key", "artist_surrogate_key"),
    columns=(
        _PLAYLIST,
        _SONG,
        required("artist_surrogate_key", "int64", "Leads to dim_artist: a credited artist"),
        _ALBUM,
        _EDITION,
        _EDITION_NUMBER,
        _NEWEST,
        required("credit_order", "int32", "1-based place among the song's credits"),
        required("credits", "int32", "Number of artists whom the song credits"),
        required("position", "int32", "Place of the song in the chart"),
        required("points", "int32", "chart size + 1 - position, in full for every artist"),
        required("points_fractional", "float64", "points / credits"),
        required("song_edition_fraction", "float64", "1 / credits"),
        _STREAMS,
    ),
)

FACT_CHART_EDITIONS = Table(
    name="fact_chart_editions",
    description="One row per playlist and edition: how large it was, what came and went, and what is missing or wrong.",
    key=("playlist_surrogate_key", "edition_date"),
    columns=(
        _PLAYLIST,
        _EDITION,
        _EDITION_NUMBER,
        _NEWEST,
        required("snapshot_date", "date", "The stored day whose rows stand for the edition"),
        required("source", "string", "Where that day came from: spotify, archive, charts or demo"),
        required("chart_size", "int32", "Size of the chart in this edition"),
        required("listed", "int32", "Entries listed"),
        required("songs", "int32", "Distinct songs"),
        required("unidentified", "int32", "Entries that name no song"),
        required("missing_before", "int32", "Expected editions that are missing right before it"),
        required("gap", "bool", "Whether expected editions are missing right before it"),
        optional("entries", "int32", "Songs that the edition before did not have; null in the first edition"),
        optional("exits", "int32", "Songs of the edition before that this one does not have; null likewise"),
        optional(
            "failed_checks", "string", "What the checks of severity ERROR found on that day; null where all passed"
        ),
    ),
)

DIM_PLAYLIST = Table(
    name="dim_playlist",
    description="One row per playlist that has a released edition.",
    key=("playlist_surrogate_key",),
    columns=(
        required("playlist_surrogate_key", "int64", "Derived from the slug alone"),
        required("playlist", "string", "The playlist's slug in the playlists file"),
        required("playlist_title", "string", "Its name for people; the slug where the playlists file has it no more"),
        required("cadence", "string", "daily or weekly"),
        required("first_edition", "date", "Its first edition"),
        required("newest_edition", "date", "Its newest edition"),
    ),
)

DIM_SONG = Table(
    name="dim_song",
    description="One row per song over all playlists, with what its newest edition says of it.",
    key=("song_surrogate_key",),
    columns=(
        required("song_surrogate_key", "int64", "Derived from song_key alone"),
        required("song_key", "string", "The song, see song_identity"),
        required("song_label", "string", "Title and first artist, for axes: not every title is of one song only"),
        optional("song_name", "string", "Title"),
        optional("lead_artist_name", "string", "Name of the first credited artist"),
        optional("artist_names", "string", "Names of all credited artists, joined by `, `"),
        optional("song_id", "string", "Spotify's id of the track"),
        optional("isrc", "string", "International Standard Recording Code"),
        optional("genres", "string", "Genres joined by `;`, the newest that are known; empty text = known to be none"),
        optional("explicit", "bool", "Explicit lyrics, as last known"),
        optional("duration_ms", "int32", "Length in milliseconds, as last known"),
        optional("release_date_from", "date", "First day that the song's earliest known release can mean"),
        optional("release_date_to", "date", "Last day that it can mean"),
        required("first_seen", "date", "First edition with the song, in any playlist"),
        required("last_seen", "date", "Newest edition with it, in any playlist"),
    ),
)

DIM_ARTIST = Table(
    name="dim_artist",
    description="One row per credited artist over all playlists, and one for `nobody is credited`.",
    key=("artist_surrogate_key",),
    columns=(
        required("artist_surrogate_key", "int64", "Derived from artist_key alone; 0: nobody is credited"),
        optional(
            "artist_key", "string", "The artist's id, else a hash of the normalised name; null: nobody is credited"
        ),
        optional("artist_name", "string", "Name, when last seen; (nobody credited) where nobody is"),
    ),
)

DIM_ALBUM = Table(
    name="dim_album",
    description="One row per album over all playlists, and one for `not known`.",
    key=("album_surrogate_key",),
    columns=(
        required("album_surrogate_key", "int64", "Derived from album_key alone; 0: no album is known"),
        optional("album_key", "string", "The album's id, else a hash of its normalised name and lead artist"),
        optional("album_name", "string", "Name, when last seen; (album not known) where none is known"),
        optional("album_total_tracks", "int32", "Number of tracks, largest known"),
    ),
)

DIM_DATE = Table(
    name="dim_date",
    description="One row per day of every year that has an edition, without gaps. Weeks are those of ISO 8601.",
    key=("calendar_date",),
    columns=(
        required("calendar_date", "date", "The day"),
        required("date_number", "int32", "The day as a number: 20261126"),
        required("year", "int32", "Calendar year"),
        required("quarter", "string", "2026-Q4"),
        required("month", "string", "2026-11"),
        required("month_number", "int32", "1 to 12"),
        required("month_name", "string", "November"),
        required("week", "string", "ISO week: 2026-W48; its year can differ from the calendar's"),
        required("day_of_month", "int32", "1 to 31"),
        required("day_of_week", "int32", "1 Monday to 7 Sunday"),
        required("day_name", "string", "Thursday"),
    ),
)

FACTS: Mapping[str, Table] = {
    table.name: table for table in (FACT_CHART_ENTRIES, FACT_ARTIST_CREDITS, FACT_CHART_EDITIONS)
}
DIMENSIONS: Mapping[str, Table] = {
    table.name: table for table in (DIM_PLAYLIST, DIM_SONG, DIM_ARTIST, DIM_ALBUM, DIM_DATE)
}
STAR: Mapping[str, Table] = {**FACTS, **DIMENSIONS}

_DIMENSION_OF: Mapping[str, Table] = {
    "edition_date": DIM_DATE,
    **{dimension.key[0]: dimension for dimension in DIMENSIONS.values() if dimension is not DIM_DATE},
}


@dataclass(frozen=True)
class Join:
    """By which column a fact joins a dimension, whose key it finds there."""

    fact: Table
    column: str
    dimension: Table


def joins(fact: Table) -> list[Join]:
    """How a fact joins its dimensions, in the order of its columns."""
    return [Join(fact, column, _DIMENSION_OF[column]) for column in fact.column_names if column in _DIMENSION_OF]


def is_surrogate_key(column: Column) -> bool:
    """Whether a column is there to join by, and has no meaning to people."""
    return column.name.endswith("_surrogate_key")

"""The daily tables. The partition columns `playlist` and `snapshot_date` are in every path and in no file.

A column's `sources` name parts of the raw snapshot; `RAW_RECORDS` says what their first parts stand for.
"""

from __future__ import annotations

from collections.abc import Mapping

from spotify_assets.schemas.table import Column, Table, optional, required

RAW_RECORDS: Mapping[str, str] = {
    "header": "Of the snapshot's header record: the circumstances of the fetch",
    "entry": "Of an entry of the playlist, with its position",
    "track": "Of an entry's track object (`item` or `track`, whichever the API sent)",
    "album": "Of the album object that was fetched to complete the entries",
    "artist": "Of the artist object that was fetched to complete the entries",
}
"""What the first parts of a column's `sources` stand for."""

PARTITION_COLUMNS = ("playlist", "snapshot_date")

RELEASE_DATE_COLUMNS = (
    optional(
        "release_date_text",
        "string",
        "Release date as the source gave it: a day, a month or only a year",
        "track.album.release_date",
        "album.release_date",
    ),
    optional(
        "release_date_precision",
        "string",
        "Precision as the source gave it: day, month or year",
        "track.album.release_date_precision",
        "album.release_date_precision",
    ),
    optional(
        "release_date_from",
        "date",
        "First day that the release date can mean; null where it is unknown (0000 included)",
        "track.album.release_date",
        "album.release_date",
    ),
    optional(
        "release_date_to",
        "date",
        "Last day that the release date can mean, not after the snapshot date unless even the first one is",
        "track.album.release_date",
        "album.release_date",
        "header.snapshot_date",
    ),
)

SONGS = Table(
    name="songs",
    description="One row per listed entry that is a track, at its position.",
    key=("position",),
    preview=("position", "song_name", "artist_names", "album_name", "release_date_text", "popularity", "streams"),
    columns=(
        required("position", "int32", "1-based place in the chart, as listed", "entry.position"),
        required(
            "row_status",
            "string",
            "ok; untitled (the entry has no title); local (a local file of the playlist's owner)",
            "track.name",
            "entry.is_local",
        ),
        optional("song_id", "string", "Spotify's id of the track; the same song can change it", "track.id"),
        optional("song_name", "string", "Title, trimmed and NFC-normalised, in the language asked for", "track.name"),
        optional("isrc", "string", "International Standard Recording Code", "track.external_ids.isrc"),
        optional("duration_ms", "int32", "Length in milliseconds", "track.duration_ms"),
        optional(
            "explicit", "bool", "Explicit lyrics according to Spotify; false also means unknown", "track.explicit"
        ),
        optional(
            "popularity",
            "int32",
            "Spotify's popularity 0-100 at the fetch; not given in development mode",
            "track.popularity",
        ),
        optional("streams", "int64", "Streams counted by the chart; only where the source says them", "entry.streams"),
        optional("added_at", "timestamp", "When the entry was added to the playlist (UTC)", "entry.added_at"),
        optional("track_number", "int32", "Place on its disc", "track.track_number"),
        optional("disc_number", "int32", "Disc of the album", "track.disc_number"),
        optional("url", "string", "Page of the track", "track.external_urls.spotify"),
        optional(
            "preview_url", "string", "Address of a 30-second preview; rarely given since 2024", "track.preview_url"
        ),
        optional("album_id", "string", "Spotify's id of the album", "track.album.id"),
        optional(
            "album_key",
            "string",
            "Key into albums: the id, else a hash of the normalised names; null where nothing is known of the album",
            "track.album.id",
            "track.album.name",
            "track.album.artists",
        ),
        optional("album_name", "string", "Name of the album", "track.album.name"),
        *RELEASE_DATE_COLUMNS,
        optional("label", "string", "Label of the album; not given in development mode", "album.label"),
        optional("lead_artist_id", "string", "Spotify's id of the first credited artist", "track.artists.id"),
        optional(
            "lead_artist_key",
            "string",
            "Key into artists of the first credited artist; null where nobody is credited",
            "track.artists.id",
            "track.artists.name",
        ),
        optional("lead_artist_name", "string", "Name of the first credited artist", "track.artists.name"),
        required(
            "artist_names", "list<string>", "Names of all credited artists, in order of credit", "track.artists.name"
        ),
        required("artist_count", "int32", "Number of credited artists", "track.artists"),
        optional("official_peak_position", "int32", "Best position ever, according to the chart's publisher"),
        optional("official_previous_position", "int32", "Position in the edition before, according to the publisher"),
        optional(
            "official_days_on_chart", "int32", "Days on the chart so far, according to the publisher (daily charts)"
        ),
        optional(
            "official_weeks_on_chart", "int32", "Weeks on the chart so far, according to the publisher (weekly charts)"
        ),
    ),
)

ALBUMS = Table(
    name="albums",
    description="One row per distinct album on the chart that day.",
    key=("album_key",),
    preview=(
        "best_position",
        "album_name",
        "artist_names",
        "album_type",
        "release_date_text",
        "label",
        "songs_on_chart",
    ),
    columns=(
        required(
            "album_key",
            "string",
            "The album's id, else a hash of its normalised name and lead artist",
            "track.album.id",
            "track.album.name",
            "track.album.artists",
        ),
        optional("album_id", "string", "Spotify's id of the album", "track.album.id"),
        optional("album_name", "string", "Name, trimmed and NFC-normalised", "track.album.name", "album.name"),
        optional("album_type", "string", "album, single or compilation", "track.album.album_type", "album.album_type"),
        *RELEASE_DATE_COLUMNS,
        optional("total_tracks", "int32", "Number of tracks", "track.album.total_tracks", "album.total_tracks"),
        optional("label", "string", "Label; not given in development mode", "album.label"),
        optional("upc", "string", "Universal Product Code", "album.external_ids.upc"),
        optional(
            "popularity", "int32", "Spotify's popularity 0-100; not given in development mode", "album.popularity"
        ),
        optional("lead_artist_id", "string", "Spotify's id of the album's first artist", "track.album.artists.id"),
        optional("lead_artist_name", "string", "Name of the album's first artist", "track.album.artists.name"),
        required("artist_names", "list<string>", "Names of the album's artists, in order", "track.album.artists.name"),
        optional("image_url", "string", "Address of the widest cover image", "track.album.images", "album.images"),
        optional("url", "string", "Page of the album", "track.album.external_urls.spotify"),
        required("songs_on_chart", "int32", "Rows of songs that are from this album", "track.album"),
        required("best_position", "int32", "Best position among them", "entry.position"),
    ),
)

ARTISTS = Table(
    name="artists",
    description="One row per distinct artist credited on a track that day, and, marked, on an album only.",
    key=("artist_key",),
    preview=("best_position", "artist_name", "genres", "popularity", "followers", "songs_on_chart"),
    columns=(
        required(
            "artist_key",
            "string",
            "The artist's id, else a hash of the normalised name",
            "track.artists.id",
            "track.artists.name",
            "track.album.artists.id",
        ),
        optional("artist_id", "string", "Spotify's id of the artist", "track.artists.id", "track.album.artists.id"),
        optional(
            "artist_name",
            "string",
            "Name, trimmed and NFC-normalised",
            "track.artists.name",
            "track.album.artists.name",
        ),
        optional("genres", "list<string>", "Genres; null = not given, [] = given and empty", "artist.genres"),
        optional(
            "popularity", "int32", "Spotify's popularity 0-100; not given in development mode", "artist.popularity"
        ),
        optional("followers", "int64", "Followers; not given in development mode", "artist.followers.total"),
        optional("image_url", "string", "Address of the widest image", "artist.images"),
        optional("url", "string", "Page of the artist", "track.artists.external_urls.spotify"),
        required("songs_on_chart", "int32", "Positions of songs that credit this artist", "track.artists"),
        optional(
            "best_position", "int32", "Best position among them; null when credited on albums only", "entry.position"
        ),
        required("credited_on_track", "bool", "false when the artist is credited on an album only", "track.artists"),
    ),
)

SONG_ARTISTS = Table(
    name="song_artists",
    description="One row per position and credit: which artists a charted track credits, in which order.",
    key=("position", "credit_order"),
    preview=("position", "artist_name", "credit_order", "credit_count"),
    columns=(
        required("position", "int32", "Position of the song", "entry.position"),
        optional("song_id", "string", "Spotify's id of the track", "track.id"),
        required("artist_key", "string", "Key into artists", "track.artists.id", "track.artists.name"),
        optional("artist_id", "string", "Spotify's id of the artist", "track.artists.id"),
        optional("artist_name", "string", "Name, trimmed and NFC-normalised", "track.artists.name"),
        required("credit_order", "int32", "1-based place among the credits", "track.artists"),
        required("credit_count", "int32", "Number of credits of the song", "track.artists"),
    ),
)

REJECTS = Table(
    name="rejects",
    description="One row per listed entry that is not in songs, with the reason.",
    key=("position",),
    preview=("position", "kind", "reason"),
    columns=(
        required("position", "int32", "1-based place in the chart, as listed", "entry.position"),
        required("kind", "string", "null (withdrawn), episode or malformed", "entry"),
        required("reason", "string", "Why the entry is not a song", "entry"),
        required("payload_sha256", "string", "SHA-256 of the entry's JSON, to find it in the raw layer", "entry"),
    ),
)


def coverage_column(table: Table, column: Column) -> str:
    """Name of the column of `snapshots` with the share of rows in which an optional column is filled."""
    return f"coverage_{table.name}_{column.name}"


SNAPSHOTS = Table(
    name="snapshots",
    description=(
        "One row: what is known of this day's snapshot by itself. The only source of which days exist and of the "
        "chart's size. What other days say of it (unchanged, edition, stale) is in chart_days."
    ),
    key=("fetched_at",),
    preview=("source", "cadence", "fetched_at", "renewed_at", "listed", "accepted", "rejected"),
    columns=(
        required("source", "string", "Where the day came from: spotify, archive, charts or demo", "header.source"),
        required("cadence", "string", "How often the chart changes: daily or weekly"),
        optional("chart_date", "date", "The chart's own day, where the source says it", "header.chart_date"),
        optional(
            "renewed_at",
            "timestamp",
            "When the list was last renewed (UTC), where the source says it: the newest added_at of a playlist",
            "header.renewed_at",
            "entry.added_at",
        ),
        required(
            "fetched_at",
            "timestamp",
            "When the snapshot was taken (UTC); of a chart file alone, when it was put there",
            "header.fetched_at",
        ),
        required(
            "chart_size", "int32", "Nominal size where the source has one, else entries listed", "header.chart_size"
        ),
        required("listed", "int32", "Entries listed", "entry"),
        optional(
            "announced",
            "int32",
            "Entries that there are according to the source, where that is another number than listed",
            "header.announced",
        ),
        required("accepted", "int32", "Entries in songs", "entry"),
        required("rejected", "int32", "Entries in rejects", "entry"),
        required("content_hash", "string", "SHA-256 over what stands at each position", "entry"),
        optional("api_shape", "string", "Which key held the tracks: track, item or both", "header.api_shape"),
        optional("quota_mode", "string", "extended or development, as the answers showed", "header.quota_mode"),
        optional("language", "string", "Language that names were asked in", "header.language"),
        optional("playlist_snapshot_id", "string", "Spotify's version id of the list", "header.playlist_snapshot_id"),
        optional(
            "coverage_album_objects",
            "float64",
            "Share of the listed album ids whose object was fetched or carried over; it gives label, UPC, popularity",
            "album",
        ),
        optional(
            "coverage_artist_objects",
            "float64",
            "Share of the listed artist ids whose object was fetched or carried over; it gives genres and followers",
            "artist",
        ),
        required("carried_over", "int32", "Album and artist objects that were carried over from an earlier snapshot"),
        *(
            optional(coverage_column(table, column), "float64", f"Share of {table.name} that have {column.name}")
            for table in (SONGS, ALBUMS, ARTISTS)
            for column in table.columns
            if column.nullable
        ),
    ),
)

TABLES: Mapping[str, Table] = {
    table.name: table for table in (SONGS, ALBUMS, ARTISTS, SONG_ARTISTS, SNAPSHOTS, REJECTS)
}

"""What is made of the daily tables: the compacted history and the analyses.

The compacted history (`COMPACTED`) is stored by playlist and year, which are in the path and not in the file. The
analyses (`ANALYSES`) have `playlist` as a real column, so that one location holds a whole table. Definitions are in the
descriptions and in the SQL file of each table, and in prose in docs/analyses.md.

Words: an *edition* is a chart as its publisher made it: one a day of a daily chart, one a week of a weekly chart,
however often it was fetched.
"""

from __future__ import annotations

from collections.abc import Mapping

from spotify_assets.schemas.table import Table, optional, required

OFFICIAL_COLUMNS = (
    optional("official_peak_position", "int32", "Best position ever, according to the chart's publisher"),
    optional("official_previous_position", "int32", "Position in the edition before, according to the publisher"),
    optional("official_days_on_chart", "int32", "Days on the chart so far, according to the publisher (daily charts)"),
    optional(
        "official_weeks_on_chart", "int32", "Weeks on the chart so far, according to the publisher (weekly charts)"
    ),
)

CHART_DAYS = Table(
    name="chart_days",
    description=(
        "One row per stored day of a playlist: what `snapshots` has of it, and what the days before say of it, "
        "compacted by year."
    ),
    key=("snapshot_date",),
    columns=(
        required("snapshot_date", "date", "The day of the snapshot"),
        required("source", "string", "Where the day came from: spotify, archive, charts or demo"),
        required("cadence", "string", "daily or weekly"),
        required("edition", "date", "First day on which this content was seen without a change since"),
        required("chart_size", "int32", "Nominal size where the source has one, else entries listed"),
        required("listed", "int32", "Entries listed"),
        required("accepted", "int32", "Entries in songs"),
        required("rejected", "int32", "Entries in rejects"),
        required("content_hash", "string", "SHA-256 over what stands at each position"),
        optional("renewed_at", "timestamp", "When the list was last renewed (UTC), where the source says it"),
        required("unchanged", "bool", "Same content as the stored day before it"),
        required("stale", "bool", "Unchanged, or not renewed, for longer than the cadence allows: older than its day"),
        optional(
            "failed_checks", "string", "What the checks of severity ERROR found on this day; null where all passed"
        ),
    ),
)

CHART_ENTRIES = Table(
    name="chart_entries",
    description="One row per row of `songs`, with the credits, genres and album facts of its day, compacted by year.",
    key=("snapshot_date", "position"),
    columns=(
        required("snapshot_date", "date", "The day of the snapshot"),
        required("position", "int32", "1-based place in the chart, as listed"),
        required("row_status", "string", "ok, untitled or local"),
        optional(
            "song_ref",
            "string",
            "What the row says its song is: the song's id, else a hash of ISRC, title and artists; null where it says "
            "neither id, ISRC nor title. `song_identity` leads from it to the song",
        ),
        optional("song_id", "string", "Spotify's id of the track"),
        optional("isrc", "string", "International Standard Recording Code"),
        optional("song_name", "string", "Title"),
        optional("lead_artist_key", "string", "Key of the first credited artist"),
        optional("lead_artist_name", "string", "Name of the first credited artist"),
        required("artist_keys", "list<string>", "Keys of all credited artists, in order of credit"),
        required("artist_names", "list<string>", "Names of all credited artists, in order of credit"),
        optional("album_key", "string", "Key of the album"),
        optional("album_id", "string", "Spotify's id of the album"),
        optional("album_name", "string", "Name of the album"),
        optional("album_total_tracks", "int32", "Number of tracks of the album"),
        optional("release_date_from", "date", "First day that the release date can mean"),
        optional("release_date_to", "date", "Last day that the release date can mean"),
        optional("duration_ms", "int32", "Length in milliseconds"),
        optional("explicit", "bool", "Explicit lyrics"),
        optional("popularity", "int32", "Spotify's popularity 0-100 at the fetch"),
        optional("streams", "int64", "Streams counted by the chart"),
        optional(
            "genres",
            "list<string>",
            "Genres of all credited artists, sorted, each once; null = given for none of them, [] = given and empty",
        ),
        *OFFICIAL_COLUMNS,
    ),
)

SONG_IDENTITY = Table(
    name="song_identity",
    description=(
        "One row per way in which rows name a song, over all playlists. Names are joined by evidence, the strongest "
        "first: the lines of song_aliases.csv; the same ISRC, in one form; the same title and lead artist with lengths "
        "within three seconds, unless both stand in one edition."
    ),
    key=("song_ref",),
    columns=(
        required("song_ref", "string", "As in chart_entries"),
        required(
            "song_key",
            "string",
            "The song: the smallest ISRC of its component, else the smallest id, else the smallest hash. An ISRC under "
            "which different titles stand in one edition is none",
        ),
        required(
            "basis",
            "string",
            "How song_ref leads to song_key, by the weakest evidence on the way: song_id (it is the key), isrc, title "
            "(the same title and lead artist) or alias (song_aliases.csv)",
        ),
        optional("release_date_from", "date", "First day that the song's earliest known release can mean"),
        optional("release_date_to", "date", "Last day that it can mean"),
    ),
)

ALIAS_CANDIDATES = Table(
    name="alias_candidates",
    description=(
        "One row per playlist and pair of songs that may be one: the same lead artist or title, lengths within a "
        "second, one leaving within three editions of the other's coming, and never in one edition. A person decides, "
        "by a line in song_aliases.csv."
    ),
    key=("playlist", "song_key", "earlier_song_key"),
    columns=(
        required("playlist", "string", "The playlist's slug in the playlists file"),
        required("song_key", "string", "The song that came, see song_identity"),
        required("earlier_song_key", "string", "The song that was there before"),
        required("editions_apart", "int32", "Editions from the last one of the earlier song to the first of the other"),
        required("came_on", "date", "First day of the song that came"),
        required("left_on", "date", "Last day of the earlier song"),
        required("position", "int32", "Position on that first day"),
        required("earlier_position", "int32", "Position on that last day"),
        optional("song_name", "string", "Title on that first day"),
        optional("earlier_song_name", "string", "Title on that last day"),
        optional("lead_artist_name", "string", "Name of the first credited artist on that first day"),
        optional("earlier_lead_artist_name", "string", "Name of the first credited artist on that last day"),
        optional("duration_ms", "int32", "Length in milliseconds on that first day"),
        optional("earlier_duration_ms", "int32", "Length in milliseconds on that last day"),
    ),
)

IDENTITY: Mapping[str, Table] = {table.name: table for table in (SONG_IDENTITY, ALIAS_CANDIDATES)}
"""Made of the whole compacted history, each one file over all playlists."""

COMPACTED: Mapping[str, Table] = {table.name: table for table in (CHART_DAYS, CHART_ENTRIES)}
"""Stored by playlist and year."""

PLAYLIST = required("playlist", "string", "The playlist's slug in the playlists file")
AS_OF = required("as_of", "date", "Newest snapshot that the row's file was made from")

CHART_EDITIONS = Table(
    name="chart_editions",
    description="One row per edition of a playlist, in order, with the gaps between them.",
    key=("playlist", "edition_date"),
    columns=(
        PLAYLIST,
        required(
            "edition_date",
            "date",
            "Daily charts and chart files: the day. Weekly charts of the API: the first day the content was seen",
        ),
        required("snapshot_date", "date", "The first stored day with this edition; its rows stand for the edition"),
        required("cadence", "string", "daily or weekly"),
        required("edition_number", "int32", "1-based place among the playlist's editions"),
        optional("previous_edition_date", "date", "The edition before; null for the first"),
        required(
            "missing_before",
            "int32",
            "Expected editions that are missing right before it: days; for weekly charts, weeks (give or take a day)",
        ),
        required("gap", "bool", "Whether expected editions are missing right before it; false for the first"),
        required("is_last", "bool", "Whether it is the newest edition"),
        required("gap_after", "bool", "Whether expected editions are missing right after it"),
        required("chart_size", "int32", "Size of the chart in this edition"),
        required("listed", "int32", "Entries listed"),
        required("songs", "int32", "Distinct songs; rows without title and id name none"),
        required("unidentified", "int32", "Rows that name no song: neither id, ISRC nor title"),
        AS_OF,
    ),
)

CHART_PERIODS = Table(
    name="chart_periods",
    description="One row per edition and period that it belongs to.",
    key=("playlist", "period", "edition_date"),
    columns=(
        PLAYLIST,
        required(
            "period", "string", "day and week (ISO, Monday to Sunday; both daily charts only), month, year or all"
        ),
        required("edition_date", "date", "The edition"),
        required("period_start", "date", "First day of the period; of `all`, the first edition"),
        required("period_end", "date", "Last day of the period; of `all`, the last edition"),
        required(
            "expected_editions",
            "int32",
            "Editions that should be there, between the first and the last: the observed and the missing",
        ),
        required("observed_editions", "int32", "Editions that are there"),
        optional("previous_period_start", "date", "The adjacent period before, if it has an edition; else null"),
        AS_OF,
    ),
)

SONG_FACTS = (
    optional("song_id", "string", "Spotify's id of the track"),
    optional("isrc", "string", "International Standard Recording Code"),
    optional("song_name", "string", "Title"),
    optional("lead_artist_key", "string", "Key of the first credited artist"),
    optional("lead_artist_name", "string", "Name of the first credited artist"),
    optional("artist_names", "string", "Names of all credited artists, joined by `, `; null where nobody is credited"),
)

SONG_HISTORY = Table(
    name="song_history",
    description="One row per song and edition: where it stood, how it moved, and everything so far.",
    key=("playlist", "song_key", "edition_date"),
    columns=(
        PLAYLIST,
        required("song_key", "string", "The song, see song_identity"),
        required("edition_date", "date", "The edition"),
        required("snapshot_date", "date", "The day whose rows stand for the edition"),
        *SONG_FACTS,
        optional("artist_keys", "string", "Keys of all credited artists in order of credit, joined by `;`"),
        required("artist_count", "int32", "Number of credited artists"),
        optional("album_key", "string", "Key of the album"),
        optional("album_name", "string", "Name of the album"),
        optional("album_total_tracks", "int32", "Number of tracks of the album"),
        optional(
            "genres",
            "string",
            "Genres joined by `;`: those of this day, else the nearest earlier ones known of the song in this "
            "playlist; empty text = given and empty; null = never given",
        ),
        optional("explicit", "bool", "Explicit lyrics"),
        optional("duration_ms", "int32", "Length in milliseconds"),
        optional("popularity", "int32", "Spotify's popularity 0-100 at the fetch"),
        required("position", "int32", "Place in the chart; of a song listed twice, the best one"),
        required("occurrences", "int32", "How often the edition lists the song"),
        required("points", "int32", "chart size + 1 - position"),
        optional("previous_position", "int32", "Position in the edition before; null if it was not on it"),
        optional("movement", "int32", "previous_position - position: positive is up; null for entries"),
        optional(
            "entry_status",
            "string",
            "UP, DOWN, SAME; RE_ENTRY: charted before, not in the edition before; NEW: known not to have charted "
            "before; FIRST_SEEN: not known; null in the first edition",
        ),
        optional(
            "entry_status_basis",
            "string",
            "observed; official: the publisher's figures decided; doubtful: observed, but the song may be one that was "
            "on the chart before under another key, see alias_candidates; null with it",
        ),
        required("peak_position", "int32", "Best position so far"),
        required("peak_date", "date", "First edition at that position"),
        required("editions_on_chart", "int32", "Editions with the song so far"),
        required("streak", "int32", "Consecutive editions with the song, up to this one"),
        required("spell_number", "int32", "1-based number of the streak that this edition belongs to"),
        required("editions_in_top_1", "int32", "Editions at position 1 so far"),
        required("editions_in_top_3", "int32", "Editions in the top 3 so far"),
        required("editions_in_top_10", "int32", "Editions in the top 10 so far"),
        optional("streams", "int64", "Streams counted by the chart, of the best position"),
        optional("streams_change", "int64", "streams minus those in the edition before"),
        optional(
            "streams_mean_7_days",
            "float64",
            "Mean of streams over the last seven calendar days; null unless all seven are there; daily charts only",
        ),
        optional("streams_mean_7_days_n", "int32", "How many of the seven days have streams; daily charts only"),
        required("gap", "bool", "Whether expected editions are missing right before this one"),
        required("edition_number", "int32", "1-based place of the edition among the playlist's editions"),
        *OFFICIAL_COLUMNS,
        AS_OF,
    ),
)

SONG_POPULARITY = Table(
    name="song_popularity",
    description="One row per song: its whole story on the chart in one line.",
    key=("playlist", "song_key"),
    columns=(
        PLAYLIST,
        required("song_key", "string", "The song, see song_identity"),
        *SONG_FACTS,
        optional("album_key", "string", "Key of the album, when last seen"),
        optional("album_name", "string", "Name of the album, when last seen"),
        optional("release_date_from", "date", "First day that the song's earliest known release can mean"),
        optional("release_date_to", "date", "Last day that it can mean"),
        required("first_seen", "date", "First edition with the song"),
        required("last_seen", "date", "Newest edition with the song"),
        required("left_censored", "bool", "On the first edition of all: when it really entered is not known"),
        optional("entry_position", "int32", "Position in its first edition; null if left-censored"),
        optional("editions_to_peak", "int32", "Editions from its first to its peak; null if left-censored"),
        required("peak_position", "int32", "Best position"),
        required("peak_date", "date", "First edition at that position"),
        required("editions_at_peak", "int32", "Editions at that position"),
        required("editions_on_chart", "int32", "Editions with the song"),
        required("editions_in_top_1", "int32", "Editions at position 1"),
        required("editions_in_top_3", "int32", "Editions in the top 3"),
        required("editions_in_top_10", "int32", "Editions in the top 10"),
        required("spells", "int32", "Times that it came (back) to the chart"),
        required("longest_streak", "int32", "Most consecutive editions with the song"),
        required("mean_position", "float64", "Mean position over the editions with the song"),
        required("points", "int64", "Sum of chart size + 1 - position"),
        optional("streams", "int64", "Sum of the streams of the editions that say them"),
        required("streams_editions", "int32", "Editions that say them"),
        optional("popularity_mean", "float64", "Mean of Spotify's popularity over the editions that say it"),
        optional("popularity_last", "int32", "The newest known popularity"),
        required("status_now", "string", "on_chart: in the newest edition; dropped_out: not"),
        optional("dropped_out_on", "date", "First edition without it, after its last one; null while on the chart"),
        optional("dropped_out_from", "int32", "Its position in its last edition; null while on the chart"),
        optional("official_peak_position", "int32", "Best of the publisher's peaks"),
        optional("official_days_on_chart", "int32", "Largest of the publisher's counts of days"),
        optional("official_weeks_on_chart", "int32", "Largest of the publisher's counts of weeks"),
        AS_OF,
    ),
)

SONG_SPELLS = Table(
    name="song_spells",
    description="One row per song and spell: a run of consecutive editions with the song.",
    key=("playlist", "song_key", "spell_number"),
    columns=(
        PLAYLIST,
        required("song_key", "string", "The song, see song_identity"),
        required("spell_number", "int32", "1-based"),
        optional("song_name", "string", "Title, when last seen in the spell"),
        optional("lead_artist_name", "string", "Name of the first credited artist, when last seen in the spell"),
        required("spell_start", "date", "Its first edition"),
        required("spell_end", "date", "Its last edition"),
        required("start_number", "int32", "Place of its first edition among the playlist's editions"),
        required("end_number", "int32", "Place of its last edition among the playlist's editions"),
        required("editions", "int32", "Length in editions"),
        required("best_position", "int32", "Best position"),
        required("entry_position", "int32", "Position in its first edition"),
        required("exit_position", "int32", "Position in its last edition"),
        required("points", "int64", "Sum of chart size + 1 - position"),
        optional("re_entry_gap", "int32", "Editions since the spell before, without the song; null for the first"),
        required("left_censored", "bool", "Running on the first edition, or starting right after a gap"),
        required("right_censored", "bool", "Running on the newest edition, or ending right before a gap"),
        AS_OF,
    ),
)

PERIOD_COLUMNS = (
    required("period", "string", "day, week (daily charts only), month, year or all"),
    required("period_start", "date", "First day of the period; of `all`, the first edition"),
    required("period_end", "date", "Last day of the period; of `all`, the last edition"),
    required("expected_editions", "int32", "Editions that should be there, between the first and the last"),
    required("observed_editions", "int32", "Editions that are there"),
)
RANK_COLUMNS = (
    required("rank", "int32", "Rank by points within the period; ties rank equal"),
    optional(
        "previous_rank", "int32", "Rank in the adjacent period before; null where that has no edition, or not this row"
    ),
    optional("rank_change", "int32", "previous_rank - rank: positive is up"),
    optional(
        "points_change",
        "int64",
        "points minus those of the adjacent period before (0 where it was not on that chart); null where that has no "
        "edition",
    ),
)

ARTIST_ANALYSIS = Table(
    name="artist_analysis",
    description="One row per artist and period. Songs that credit nobody count in the totals of shares only.",
    key=("playlist", "period", "period_start", "artist_key"),
    columns=(
        PLAYLIST,
        *PERIOD_COLUMNS,
        required("artist_key", "string", "The artist's id, else a hash of the normalised name"),
        optional("artist_name", "string", "Name, when last seen in this playlist"),
        required("songs", "int32", "Distinct songs that credit the artist"),
        required(
            "songs_fractional",
            "float64",
            "The songs whose newest row in the period credits the artist, each divided by its number of credits",
        ),
        required("song_editions", "int32", "Sum over editions of the songs that credit the artist"),
        required("share", "float64", "song_editions / all song-editions of the period; shares need not sum to 1"),
        required("song_editions_fractional", "float64", "The same, each divided by the song's number of credits"),
        required("points", "int64", "Full credit: sum of chart size + 1 - position over song-editions"),
        required("points_fractional", "float64", "The same, each divided by the song's number of credits"),
        required(
            "points_share_fractional",
            "float64",
            "points_fractional / all points of the period; sums to 1 where every song credits somebody",
        ),
        required("best_position", "int32", "Best position"),
        required("number_ones", "int32", "Song-editions at position 1"),
        required("entries", "int32", "Song-editions with status NEW, RE_ENTRY or FIRST_SEEN"),
        required("most_songs_at_once", "int32", "Most songs in one edition"),
        optional("streams", "int64", "Sum of streams, full credit, where given"),
        *RANK_COLUMNS,
        AS_OF,
    ),
)

ALBUM_ANALYSIS = Table(
    name="album_analysis",
    description="One row per album and period. Songs of which no album is known count in the totals of shares only.",
    key=("playlist", "period", "period_start", "album_key"),
    columns=(
        PLAYLIST,
        *PERIOD_COLUMNS,
        required("album_key", "string", "The album's id, else a hash of its normalised name and lead artist"),
        optional("album_name", "string", "Name, when last seen in the period"),
        optional("lead_artist_name", "string", "First credited artist of the song that was last seen best"),
        required("songs", "int32", "The album's tracks that charted: distinct songs"),
        optional("total_tracks", "int32", "Number of tracks of the album, largest known"),
        required("song_editions", "int32", "Sum over editions of the album's songs"),
        required("share", "float64", "song_editions / all song-editions of the period"),
        required("points", "int64", "Sum of chart size + 1 - position over song-editions"),
        required("points_share", "float64", "points / all points of the period"),
        required("best_position", "int32", "Best position"),
        required("number_ones", "int32", "Song-editions at position 1"),
        required("entries", "int32", "Song-editions with status NEW, RE_ENTRY or FIRST_SEEN"),
        required("most_songs_at_once", "int32", "Most songs in one edition"),
        optional("streams", "int64", "Sum of streams where given"),
        *RANK_COLUMNS,
        AS_OF,
    ),
)

GENRE_TRENDS = Table(
    name="genre_trends",
    description=(
        "One row per genre and period. A song of several genres counts with 1 / their number in each; one whose genres "
        "are not known, or known to be none, is of the genre `unknown`."
    ),
    key=("playlist", "period", "period_start", "genre"),
    columns=(
        PLAYLIST,
        *PERIOD_COLUMNS,
        required("genre", "string", "As Spotify gives it, or `unknown`"),
        required("songs", "int32", "Distinct songs of the genre"),
        required("song_editions", "int32", "Sum over editions of the songs of the genre, each counted whole"),
        required("song_editions_weighted", "float64", "The same, each counted with 1 / number of its genres"),
        required("share", "float64", "song_editions_weighted / all song-editions of the period; sums to 1"),
        required("points_weighted", "float64", "Sum of (chart size + 1 - position) / number of genres"),
        required("points_share", "float64", "points_weighted / all points of the period; sums to 1"),
        required("best_position", "int32", "Best position"),
        required("rank", "int32", "Rank by points_weighted within the period; ties rank equal"),
        optional(
            "share_change",
            "float64",
            "share minus that of the adjacent period before (0 where it was not on that chart); null where that has "
            "no edition",
        ),
        AS_OF,
    ),
)

CHART_TRENDS = Table(
    name="chart_trends",
    description="One row per period: how alive, how concentrated, how fresh the chart is.",
    key=("playlist", "period", "period_start"),
    columns=(
        PLAYLIST,
        *PERIOD_COLUMNS,
        required("missing_editions", "int32", "expected_editions - observed_editions"),
        required("songs", "int32", "Distinct songs"),
        required("artists", "int32", "Distinct credited artists"),
        required("song_editions", "int32", "Sum over editions of distinct songs"),
        required("unidentified", "int32", "Rows that name no song; they count nowhere else"),
        optional(
            "entries", "int32", "Songs that the adjacent period before did not have; null where it has no edition"
        ),
        optional("exits", "int32", "Songs of the adjacent period before that this one does not have; null likewise"),
        optional("turnover", "float64", "entries / songs"),
        optional("overlap", "float64", "Songs of both periods / songs of either"),
        optional(
            "hhi",
            "float64",
            "Sum of squared fractional shares of songs over artists; songs credited to nobody left out",
        ),
        optional("effective_artists", "float64", "1 / hhi"),
        optional("hhi_points", "float64", "The same over points"),
        optional("hhi_periods", "float64", "The same over song-editions"),
        optional("new_share", "float64", "Share of song-editions whose song is at most 30 days old"),
        optional("recent_share", "float64", "Share of song-editions whose song is 31 to 548 days old"),
        optional("catalogue_share", "float64", "Share of song-editions whose song is older than 548 days"),
        optional("unknown_age_share", "float64", "Share of song-editions whose song's release is not known"),
        optional("imprecise_age_share", "float64", "Share of song-editions with only month or year of release known"),
        optional("mean_age_days", "float64", "Mean age over song-editions with a known release"),
        optional("collaboration_share", "float64", "Share of song-editions with two or more credits"),
        optional("explicit_share", "float64", "Share of those that say whether they are explicit"),
        optional("mean_duration_ms", "float64", "Mean length over song-editions that say it"),
        optional("streams", "int64", "Sum of streams where given"),
        AS_OF,
    ),
)

COLLABORATIONS = Table(
    name="collaborations",
    description="One row per pair of artists that a song credits together, the smaller key first.",
    key=("playlist", "artist_key", "other_artist_key"),
    columns=(
        PLAYLIST,
        required("artist_key", "string", "The artist with the smaller key"),
        optional("artist_name", "string", "Name, when last seen in this playlist"),
        required("other_artist_key", "string", "The other artist"),
        optional("other_artist_name", "string", "Name, when last seen in this playlist"),
        required("songs", "int32", "Distinct songs that credit both"),
        required("song_editions", "int32", "Sum over editions of these songs"),
        required("points", "int64", "Sum of chart size + 1 - position over them"),
        required("best_position", "int32", "Best position"),
        required("first_seen", "date", "First edition with such a song"),
        required("last_seen", "date", "Newest edition with such a song"),
        AS_OF,
    ),
)

SONG_SURVIVAL = Table(
    name="song_survival",
    description="One row per basis and length: Kaplan-Meier estimate of the share of spells that last longer.",
    key=("playlist", "basis", "editions_on_chart"),
    columns=(
        PLAYLIST,
        required(
            "basis",
            "string",
            "spell; first_spell: only the first of each song; spell_tolerating_one_absence: an absence of one edition "
            "does not end a spell",
        ),
        required("editions_on_chart", "int32", "Each length of a spell that was seen, in editions with the song"),
        required("at_risk", "int32", "Spells that lasted at least so many editions"),
        required("exits", "int32", "Spells that ended after so many editions"),
        required("censored", "int32", "Spells of so many editions whose end was not seen"),
        required(
            "survival",
            "float64",
            "Share of spells that last longer: product over lengths up to this one of (1 - exits / at_risk)",
        ),
        optional(
            "half_life",
            "int32",
            "Smallest length with a survival of 0.5 or less; null if there is none. The same in all rows of a basis",
        ),
        required(
            "left_truncated", "int32", "Spells left out because their beginning was not seen. The same in all rows"
        ),
        AS_OF,
    ),
)

ANALYSES: Mapping[str, Table] = {
    table.name: table
    for table in (
        CHART_EDITIONS,
        CHART_PERIODS,
        SONG_HISTORY,
        SONG_POPULARITY,
        SONG_SPELLS,
        ARTIST_ANALYSIS,
        ALBUM_ANALYSIS,
        GENRE_TRENDS,
        CHART_TRENDS,
        COLLABORATIONS,
        SONG_SURVIVAL,
    )
}
"""Made by SQL and released together, in this order. The first two are the calendar that the nine others use."""

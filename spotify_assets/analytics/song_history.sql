-- song_history: where each song stood in each edition, how it moved, and everything so far.
--
-- Grain: playlist x song x edition. A song listed twice in an edition has its best position, that row's facts and
-- streams, and `occurrences`.
-- The edition before is the one before it that is stored, whether or not expected ones are missing between (`gap`).
-- movement = position in the edition before - position, null for entries.
-- peak: best position so far, on its earliest date.
-- streak: consecutive editions up to this one; spell_number counts them.
-- entry_status: UP, DOWN, SAME by movement. RE_ENTRY: seen before but not in the edition before, or the publisher's
-- figures have it as charted before. NEW: the publisher has it on its first day (or week), or the edition follows its
-- predecessor without a gap. FIRST_SEEN otherwise. Null in the first edition, where nothing is known.
-- entry_status_basis: official where the publisher's figures decided; doubtful where a song is NEW by what was seen,
-- but alias_candidates has one that was there before and may be the same; observed otherwise.
-- points = chart size + 1 - position. genres: of the day, else the song's nearest earlier known ones.
-- streams_mean_7_days: over the last seven calendar days, null unless all seven have streams; daily charts only.

-- Only what the windows need: what the row says besides is joined at the end.
with listed as (
    select
        entry.playlist,
        identity.song_key,
        edition.edition_date,
        edition.snapshot_date,
        edition.edition_number,
        edition.cadence,
        edition.gap,
        edition.chart_size,
        entry.position,
        entry.streams,
        case when cardinality(entry.genres) > 0 then array_join(entry.genres, ';')
            when entry.genres is not null then ''
        end as genres,
        row_number() over (
            partition by entry.playlist, identity.song_key, edition.edition_number order by entry.position
        ) as occurrence,
        count(*) over (partition by entry.playlist, identity.song_key, edition.edition_number) as occurrences
    from chart_entries as entry
    join chart_editions as edition
        on edition.playlist = entry.playlist and edition.snapshot_date = cast(entry.snapshot_date as date)
    join song_identity as identity on identity.song_ref = entry.song_ref
),

-- What the edition before says, and the best position until then.
compared as (
    select
        *,
        lag(edition_number) over song = edition_number - 1 as follows,
        lag(position) over song as earlier_position,
        lag(streams) over song as earlier_streams,
        min(position) over (
            partition by playlist, song_key order by edition_number rows between unbounded preceding and 1 preceding
        ) as earlier_peak
    from listed
    where occurrence = 1
    window song as (partition by playlist, song_key order by edition_number)
),

so_far as (
    select
        *,
        case when follows then earlier_position end as previous_position,
        case when follows then streams - earlier_streams end as streams_change,
        least(position, coalesce(earlier_peak, position)) as peak_position,
        max(case when position < coalesce(earlier_peak, position + 1) then edition_date end) over song as peak_date,
        count(*) over song as editions_on_chart,
        edition_number + 1 - max(case when not coalesce(follows, false) then edition_number end) over song as streak,
        count(case when not coalesce(follows, false) then 1 end) over song as spell_number,
        count(case when position = 1 then 1 end) over song as editions_in_top_1,
        count(case when position <= 3 then 1 end) over song as editions_in_top_3,
        count(case when position <= 10 then 1 end) over song as editions_in_top_10,
        last_value(genres) ignore nulls over song as known_genres,
        sum(streams) over seven_days as streams_7_days,
        count(streams) over seven_days as streams_7_days_n
    from compared
    window
        song as (
            partition by playlist, song_key order by edition_number rows between unbounded preceding and current row
        ),
        seven_days as (
            partition by playlist, song_key
            order by date_diff('day', date '2000-01-01', edition_date)
            range between 6 preceding and current row
        )
),

newest as (
    select playlist, year(cast(snapshot_date as date)) as of_year, max(cast(snapshot_date as date)) as as_of
    from chart_days
    group by playlist, year(cast(snapshot_date as date))
),

doubted as (
    select distinct playlist, song_key
    from alias_candidates
),

facts as (
    select
        playlist,
        cast(snapshot_date as date) as snapshot_date,
        position,
        song_id,
        isrc,
        song_name,
        lead_artist_key,
        lead_artist_name,
        nullif(array_join(artist_names, ', '), '') as artist_names,
        case when cardinality(artist_keys) > 0 then array_join(artist_keys, ';') end as artist_keys,
        cardinality(artist_keys) as artist_count,
        album_key,
        album_name,
        album_total_tracks,
        explicit,
        duration_ms,
        popularity,
        official_peak_position,
        official_previous_position,
        official_days_on_chart,
        official_weeks_on_chart,
        coalesce(official_days_on_chart > 1, false)
        or coalesce(official_weeks_on_chart > 1, false)
        or coalesce(official_peak_position < position, false)
        or official_previous_position is not null as officially_charted_before,
        coalesce(official_days_on_chart = 1, false) or coalesce(official_weeks_on_chart = 1, false) as officially_new
    from chart_entries
)

select
    so_far.playlist,
    so_far.song_key,
    so_far.edition_date,
    so_far.snapshot_date,
    facts.song_id,
    facts.isrc,
    facts.song_name,
    facts.lead_artist_key,
    facts.lead_artist_name,
    facts.artist_names,
    facts.artist_keys,
    facts.artist_count,
    facts.album_key,
    facts.album_name,
    facts.album_total_tracks,
    so_far.known_genres as genres,
    facts.explicit,
    facts.duration_ms,
    facts.popularity,
    so_far.position,
    so_far.occurrences,
    so_far.chart_size + 1 - so_far.position as points,
    so_far.previous_position,
    so_far.previous_position - so_far.position as movement,
    case
        when so_far.edition_number = 1 then null
        when so_far.previous_position > so_far.position then 'UP'
        when so_far.previous_position < so_far.position then 'DOWN'
        when so_far.previous_position = so_far.position then 'SAME'
        when so_far.editions_on_chart > 1 then 'RE_ENTRY'
        when facts.officially_charted_before then 'RE_ENTRY'
        when facts.officially_new or not so_far.gap then 'NEW'
        else 'FIRST_SEEN'
    end as entry_status,
    case
        when so_far.edition_number = 1 then null
        when so_far.editions_on_chart > 1 then 'observed'
        when facts.officially_charted_before or facts.officially_new then 'official'
        when doubted.song_key is not null and not so_far.gap then 'doubtful'
        else 'observed'
    end as entry_status_basis,
    so_far.peak_position,
    so_far.peak_date,
    so_far.editions_on_chart,
    so_far.streak,
    so_far.spell_number,
    so_far.editions_in_top_1,
    so_far.editions_in_top_3,
    so_far.editions_in_top_10,
    so_far.streams,
    so_far.streams_change,
    case
        when so_far.cadence = 'daily' and so_far.streams_7_days_n = 7 then cast(so_far.streams_7_days as double) / 7
    end as streams_mean_7_days,
    case when so_far.cadence = 'daily' then so_far.streams_7_days_n end as streams_mean_7_days_n,
    so_far.gap,
    so_far.edition_number,
    facts.official_peak_position,
    facts.official_previous_position,
    facts.official_days_on_chart,
    facts.official_weeks_on_chart,
    newest.as_of
from so_far
join facts
    on facts.playlist = so_far.playlist
    and facts.snapshot_date = so_far.snapshot_date
    and facts.position = so_far.position
join newest on newest.playlist = so_far.playlist and newest.of_year = year(so_far.snapshot_date)
left join doubted on doubted.playlist = so_far.playlist and doubted.song_key = so_far.song_key

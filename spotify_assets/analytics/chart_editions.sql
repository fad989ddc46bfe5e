-- chart_editions: the editions of a playlist in order, with their gaps.
--
-- Grain: playlist x edition. A daily chart has one edition a day, and so has a chart file. A weekly chart that the API
-- gives has one edition a week, however often it was fetched: it begins on the first day its content was seen.
-- gap: an expected edition before this one is missing (daily: the day before; weekly: seven days, give or take one).
-- missing_before: how many; a stretch of weeks counts as the nearest whole number of them.
-- songs, unidentified: distinct songs listed, and rows that name no song (neither id, ISRC nor title).

with days as (
    select
        playlist,
        cast(snapshot_date as date) as snapshot_date,
        case
            when cadence = 'weekly' and source <> 'charts' then cast(edition as date)
            else cast(snapshot_date as date)
        end as edition_date,
        cadence,
        chart_size,
        listed
    from chart_days
),

editions as (
    select
        playlist,
        edition_date,
        min(snapshot_date) as snapshot_date,
        min_by(cadence, snapshot_date) as cadence,
        min_by(chart_size, snapshot_date) as chart_size,
        min_by(listed, snapshot_date) as listed
    from days
    group by playlist, edition_date
),

numbered as (
    select
        playlist,
        edition_date,
        snapshot_date,
        cadence,
        chart_size,
        listed,
        row_number() over (partition by playlist order by edition_date) as edition_number,
        lag(edition_date) over (partition by playlist order by edition_date) as previous_edition_date,
        date_diff('day', lag(edition_date) over (partition by playlist order by edition_date), edition_date) as distance
    from editions
),

spaced as (
    select
        playlist,
        edition_date,
        snapshot_date,
        cadence,
        chart_size,
        listed,
        edition_number,
        previous_edition_date,
        case
            when distance is null then 0
            when cadence = 'daily' then distance - 1
            when distance <= 8 then 0
            else greatest((distance + 3) / 7 - 1, 1)
        end as missing_before
    from numbered
),

listed_songs as (
    select
        entry.playlist,
        cast(entry.snapshot_date as date) as snapshot_date,
        count(distinct identity.song_key) as songs,
        count(case when identity.song_key is null then 1 end) as unidentified
    from chart_entries as entry
    left join song_identity as identity on identity.song_ref = entry.song_ref
    group by entry.playlist, cast(entry.snapshot_date as date)
),

newest as (
    select playlist, max(snapshot_date) as as_of
    from days
    group by playlist
)

select
    spaced.playlist,
    spaced.edition_date,
    spaced.snapshot_date,
    spaced.cadence,
    spaced.edition_number,
    spaced.previous_edition_date,
    spaced.missing_before,
    spaced.missing_before > 0 as gap,
    lead(spaced.edition_date) over (partition by spaced.playlist order by spaced.edition_date) is null as is_last,
    coalesce(
        lead(spaced.missing_before) over (partition by spaced.playlist order by spaced.edition_date) > 0, false
    ) as gap_after,
    spaced.chart_size,
    spaced.listed,
    coalesce(listed_songs.songs, 0) as songs,
    coalesce(listed_songs.unidentified, 0) as unidentified,
    newest.as_of
from spaced
join newest on newest.playlist = spaced.playlist
left join listed_songs
    on listed_songs.playlist = spaced.playlist and listed_songs.snapshot_date = spaced.snapshot_date

-- album_analysis: what each album had on the chart in each period.
--
-- Grain: playlist x period x album. songs: how many of the album's tracks charted. Shares are of all song-editions and
-- points of the period, those of songs of which no album is known included. Names are those of the album's newest
-- song-edition in the period, of several the best placed.
-- entries: song-editions with status NEW, RE_ENTRY or FIRST_SEEN. most_songs_at_once: in one edition.
-- rank by points; its change, and that of points, compares with the adjacent period before only.

with by_edition as (
    select
        playlist,
        edition_date,
        album_key,
        count(*) as songs,
        max(album_total_tracks) as total_tracks,
        sum(points) as points,
        min(position) as best_position,
        count(case when position = 1 then 1 end) as number_ones,
        count(case when entry_status in ('NEW', 'RE_ENTRY', 'FIRST_SEEN') then 1 end) as entries,
        sum(streams) as streams
    from song_history
    group by playlist, edition_date, album_key
),

totals as (
    select
        by_edition.playlist,
        period.period,
        period.period_start,
        sum(by_edition.songs) as song_editions,
        sum(by_edition.points) as points
    from by_edition
    join chart_periods as period
        on period.playlist = by_edition.playlist and period.edition_date = by_edition.edition_date
    group by by_edition.playlist, period.period, period.period_start
),

albums as (
    select
        by_edition.playlist,
        period.period,
        period.period_start,
        by_edition.album_key,
        max(by_edition.total_tracks) as total_tracks,
        sum(by_edition.songs) as song_editions,
        sum(by_edition.points) as points,
        min(by_edition.best_position) as best_position,
        sum(by_edition.number_ones) as number_ones,
        sum(by_edition.entries) as entries,
        max(by_edition.songs) as most_songs_at_once,
        sum(by_edition.streams) as streams,
        max(by_edition.edition_date) as last_edition,
        max_by(by_edition.best_position, by_edition.edition_date) as last_position
    from by_edition
    join chart_periods as period
        on period.playlist = by_edition.playlist and period.edition_date = by_edition.edition_date
    where by_edition.album_key is not null
    group by by_edition.playlist, period.period, period.period_start, by_edition.album_key
),

-- On a day each song is there once; for longer periods different songs are counted.
tracks as (
    select by_edition.playlist, period.period, period.period_start, by_edition.album_key, by_edition.songs
    from by_edition
    join chart_periods as period
        on period.playlist = by_edition.playlist and period.edition_date = by_edition.edition_date
    where period.period = 'day' and by_edition.album_key is not null
    union all
    select
        history.playlist, period.period, period.period_start, history.album_key, count(distinct history.song_key)
    from song_history as history
    join chart_periods as period
        on period.playlist = history.playlist and period.edition_date = history.edition_date
    where period.period <> 'day' and history.album_key is not null
    group by history.playlist, period.period, period.period_start, history.album_key
),

periods as (
    select distinct
        playlist,
        period,
        period_start,
        period_end,
        expected_editions,
        observed_editions,
        previous_period_start,
        as_of
    from chart_periods
),

ranked as (
    select
        albums.*,
        rank() over (
            partition by albums.playlist, albums.period, albums.period_start order by albums.points desc
        ) as rank
    from albums
)

select
    ranked.playlist,
    ranked.period,
    ranked.period_start,
    periods.period_end,
    periods.expected_editions,
    periods.observed_editions,
    ranked.album_key,
    latest.album_name,
    latest.lead_artist_name,
    tracks.songs,
    ranked.total_tracks,
    ranked.song_editions,
    cast(ranked.song_editions as double) / totals.song_editions as share,
    ranked.points,
    cast(ranked.points as double) / totals.points as points_share,
    ranked.best_position,
    ranked.number_ones,
    ranked.entries,
    ranked.most_songs_at_once,
    ranked.streams,
    ranked.rank,
    previous.rank as previous_rank,
    previous.rank - ranked.rank as rank_change,
    case
        when periods.previous_period_start is not null then ranked.points - coalesce(previous.points, 0)
    end as points_change,
    periods.as_of
from ranked
join periods
    on periods.playlist = ranked.playlist
    and periods.period = ranked.period
    and periods.period_start = ranked.period_start
join totals
    on totals.playlist = ranked.playlist
    and totals.period = ranked.period
    and totals.period_start = ranked.period_start
join tracks
    on tracks.playlist = ranked.playlist
    and tracks.period = ranked.period
    and tracks.period_start = ranked.period_start
    and tracks.album_key = ranked.album_key
join song_history as latest
    on latest.playlist = ranked.playlist
    and latest.edition_date = ranked.last_edition
    and latest.position = ranked.last_position
left join ranked as previous
    on previous.playlist = ranked.playlist
    and previous.period = ranked.period
    and previous.album_key = ranked.album_key
    and previous.period_start = periods.previous_period_start

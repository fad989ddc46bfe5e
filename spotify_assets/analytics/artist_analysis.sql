-- artist_analysis: what each artist had on the chart in each period.
--
-- Grain: playlist x period x artist. Every credited artist counts; one credited twice on a song counts once.
-- points: full credit, every credited artist gets all points of the song. points_fractional: each gets the points
-- divided by the song's number of credits. Fractions are summed as decimals, so that no order of summing shows.
-- Shares are of all song-editions and points of the period, those of songs credited to nobody included.
-- entries: song-editions with status NEW, RE_ENTRY or FIRST_SEEN. most_songs_at_once: in one edition.
-- rank by points; its change, and that of points, compares with the adjacent period before only.

-- For periods longer than a day, the editions of a song are summed up first.
with summed as (
    select
        history.playlist,
        period.period,
        period.period_start,
        history.song_key,
        history.artist_keys,
        count(*) as song_editions,
        sum(history.points) as points,
        min(history.position) as best_position,
        count(case when history.position = 1 then 1 end) as number_ones,
        count(case when history.entry_status in ('NEW', 'RE_ENTRY', 'FIRST_SEEN') then 1 end) as entries,
        sum(history.streams) as streams,
        max(history.edition_number) as last_number
    from song_history as history
    join chart_periods as period
        on period.playlist = history.playlist and period.edition_date = history.edition_date
    where period.period <> 'day'
    group by history.playlist, period.period, period.period_start, history.song_key, history.artist_keys
),

-- A song's credits can change within a period: the newest ones are those by which songs are shared out.
songs as (
    select
        playlist,
        period,
        period_start,
        song_key,
        artist_keys,
        song_editions,
        points,
        best_position,
        number_ones,
        entries,
        streams,
        row_number() over (
            partition by playlist, period, period_start, song_key order by last_number desc
        ) = 1 as is_newest
    from summed
    union all
    select
        history.playlist,
        period.period,
        period.period_start,
        history.song_key,
        history.artist_keys,
        1,
        history.points,
        history.position,
        case when history.position = 1 then 1 else 0 end,
        case when history.entry_status in ('NEW', 'RE_ENTRY', 'FIRST_SEEN') then 1 else 0 end,
        history.streams,
        true
    from song_history as history
    join chart_periods as period
        on period.playlist = history.playlist and period.edition_date = history.edition_date
    where period.period = 'day'
),

credits as (
    select
        songs.playlist,
        songs.period,
        songs.period_start,
        songs.song_key,
        songs.is_newest,
        songs.song_editions,
        songs.points,
        songs.best_position,
        songs.number_ones,
        songs.entries,
        songs.streams,
        credit.artist_key,
        cardinality(array_distinct(split(songs.artist_keys, ';'))) as credits
    from songs
    cross join unnest(array_distinct(split(songs.artist_keys, ';'))) as credit (artist_key)
    where songs.artist_keys is not null
),

artists as (
    select
        playlist,
        period,
        period_start,
        artist_key,
        count(distinct song_key) as songs,
        sum(case when is_newest then cast(1e0 / credits as decimal(18, 9)) else 0 end) as songs_fractional,
        sum(song_editions) as song_editions,
        sum(cast(cast(song_editions as double) / credits as decimal(18, 9))) as song_editions_fractional,
        sum(points) as points,
        sum(cast(cast(points as double) / credits as decimal(18, 9))) as points_fractional,
        min(best_position) as best_position,
        sum(number_ones) as number_ones,
        sum(entries) as entries,
        sum(streams) as streams
    from credits
    group by playlist, period, period_start, artist_key
),

at_once as (
    select history.playlist, history.edition_date, credit.artist_key, count(*) as songs
    from song_history as history
    cross join unnest(array_distinct(split(history.artist_keys, ';'))) as credit (artist_key)
    where history.artist_keys is not null
    group by history.playlist, history.edition_date, credit.artist_key
),

-- Of a day, the songs are those at once.
most_at_once as (
    select
        at_once.playlist,
        period.period,
        period.period_start,
        at_once.artist_key,
        max(at_once.songs) as most_songs_at_once
    from at_once
    join chart_periods as period
        on period.playlist = at_once.playlist and period.edition_date = at_once.edition_date
    where period.period <> 'day'
    group by at_once.playlist, period.period, period.period_start, at_once.artist_key
),

totals as (
    select playlist, period, period_start, sum(song_editions) as song_editions, sum(points) as points
    from songs
    group by playlist, period, period_start
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

-- Lists repeat from day to day: each is taken apart once, with the last day that it had.
lists as (
    select playlist, artist_keys, artist_names, max(cast(snapshot_date as date)) as last_day
    from chart_entries
    where cardinality(artist_keys) > 0
    group by playlist, artist_keys, artist_names
),

named as (
    select
        lists.playlist,
        lists.last_day,
        element_at(lists.artist_keys, credit.number) as artist_key,
        element_at(lists.artist_names, credit.number) as artist_name
    from lists
    cross join unnest(sequence(1, cardinality(lists.artist_keys))) as credit (number)
),

newest_names as (
    select playlist, artist_key, max(last_day) as last_day
    from named
    where artist_name is not null
    group by playlist, artist_key
),

-- Of several names on the same day, the smallest.
names as (
    select named.playlist, named.artist_key, min(named.artist_name) as artist_name
    from named
    join newest_names
        on newest_names.playlist = named.playlist
        and newest_names.artist_key = named.artist_key
        and newest_names.last_day = named.last_day
    group by named.playlist, named.artist_key
),

ranked as (
    select
        artists.*,
        rank() over (
            partition by artists.playlist, artists.period, artists.period_start order by artists.points desc
        ) as rank
    from artists
)

select
    ranked.playlist,
    ranked.period,
    ranked.period_start,
    periods.period_end,
    periods.expected_editions,
    periods.observed_editions,
    ranked.artist_key,
    names.artist_name,
    ranked.songs,
    cast(ranked.songs_fractional as double) as songs_fractional,
    ranked.song_editions,
    cast(ranked.song_editions as double) / totals.song_editions as share,
    cast(ranked.song_editions_fractional as double) as song_editions_fractional,
    ranked.points,
    cast(ranked.points_fractional as double) as points_fractional,
    cast(ranked.points_fractional as double) / totals.points as points_share_fractional,
    ranked.best_position,
    ranked.number_ones,
    ranked.entries,
    coalesce(most_at_once.most_songs_at_once, ranked.songs) as most_songs_at_once,
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
left join most_at_once
    on most_at_once.playlist = ranked.playlist
    and most_at_once.period = ranked.period
    and most_at_once.period_start = ranked.period_start
    and most_at_once.artist_key = ranked.artist_key
left join names on names.playlist = ranked.playlist and names.artist_key = ranked.artist_key
left join ranked as previous
    on previous.playlist = ranked.playlist
    and previous.period = ranked.period
    and previous.artist_key = ranked.artist_key
    and previous.period_start = periods.previous_period_start

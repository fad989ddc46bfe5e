-- genre_trends: what each genre had on the chart in each period.
--
-- Grain: playlist x period x genre. The genres of a song are those of all its credits; with several, it counts with
-- 1 / their number in each. One whose genres are not known, or known to be none, is of the genre `unknown`.
-- share: weighted song-editions of the genre / all song-editions; points_share likewise; both sum to 1.
-- Fractions are summed as decimals of nine digits, and ranked by six of them: 4/3 + 1/3 and 5/3 rank equal.
-- Change of the share compares with the adjacent period before only.

with songs as (
    select
        history.playlist,
        period.period,
        period.period_start,
        history.song_key,
        coalesce(nullif(history.genres, ''), 'unknown') as genres,
        count(*) as song_editions,
        sum(history.points) as points,
        min(history.position) as best_position
    from song_history as history
    join chart_periods as period
        on period.playlist = history.playlist and period.edition_date = history.edition_date
    group by
        history.playlist,
        period.period,
        period.period_start,
        history.song_key,
        coalesce(nullif(history.genres, ''), 'unknown')
),

weighted as (
    select
        songs.playlist,
        songs.period,
        songs.period_start,
        songs.song_key,
        songs.song_editions,
        songs.points,
        songs.best_position,
        one.genre,
        cardinality(split(songs.genres, ';')) as genres
    from songs
    cross join unnest(split(songs.genres, ';')) as one (genre)
),

genres as (
    select
        playlist,
        period,
        period_start,
        genre,
        count(distinct song_key) as songs,
        sum(song_editions) as song_editions,
        sum(cast(cast(song_editions as double) / genres as decimal(18, 9))) as song_editions_weighted,
        sum(cast(cast(points as double) / genres as decimal(18, 9))) as points_weighted,
        min(best_position) as best_position
    from weighted
    group by playlist, period, period_start, genre
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

shares as (
    select
        genres.*,
        cast(genres.song_editions_weighted as double) / totals.song_editions as share,
        cast(genres.points_weighted as double) / totals.points as points_share,
        rank() over (
            partition by genres.playlist, genres.period, genres.period_start
            order by round(genres.points_weighted, 6) desc
        ) as rank
    from genres
    join totals
        on totals.playlist = genres.playlist
        and totals.period = genres.period
        and totals.period_start = genres.period_start
)

select
    shares.playlist,
    shares.period,
    shares.period_start,
    periods.period_end,
    periods.expected_editions,
    periods.observed_editions,
    shares.genre,
    shares.songs,
    shares.song_editions,
    cast(shares.song_editions_weighted as double) as song_editions_weighted,
    shares.share,
    cast(shares.points_weighted as double) as points_weighted,
    shares.points_share,
    shares.best_position,
    shares.rank,
    case when periods.previous_period_start is not null then shares.share - coalesce(previous.share, 0e0) end
        as share_change,
    periods.as_of
from shares
join periods
    on periods.playlist = shares.playlist
    and periods.period = shares.period
    and periods.period_start = shares.period_start
left join shares as previous
    on previous.playlist = shares.playlist
    and previous.period = shares.period
    and previous.genre = shares.genre
    and previous.period_start = periods.previous_period_start

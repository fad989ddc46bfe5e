-- The artists that gained most points from one month to the next.
-- Default: each playlist's newest month; --from alone and --to alone mean that day's one month.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

newest as (
    select playlist, max(period_start) as period_start
    from artist_analysis
    where period = 'month'
    group by playlist
)

select
    artist.playlist,
    artist.period_start as month,
    artist.artist_name,
    artist.points_change,
    artist.points,
    artist.rank,
    artist.previous_rank,
    artist.songs,
    artist.best_position
from artist_analysis as artist
join newest on newest.playlist = artist.playlist
cross join asked
where artist.period = 'month'
    and artist.points_change > 0
    and artist.playlist = coalesce(asked.playlist, artist.playlist)
    and artist.period_end >= coalesce(asked.first_day, asked.last_day, newest.period_start)
    and artist.period_start <= coalesce(asked.last_day, asked.first_day, newest.period_start)
order by artist.points_change desc, artist.playlist, artist.period_start, artist.artist_key
limit 100

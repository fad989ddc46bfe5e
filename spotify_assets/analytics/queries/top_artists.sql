-- The artists with most points in a month, with their rank in the month before.
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
    artist.rank,
    artist.previous_rank,
    artist.artist_name,
    artist.points,
    artist.songs,
    artist.song_editions,
    artist.best_position,
    artist.most_songs_at_once,
    artist.streams
from artist_analysis as artist
join newest on newest.playlist = artist.playlist
cross join asked
where artist.period = 'month'
    and artist.rank <= 20
    and artist.playlist = coalesce(asked.playlist, artist.playlist)
    and artist.period_end >= coalesce(asked.first_day, asked.last_day, newest.period_start)
    and artist.period_start <= coalesce(asked.last_day, asked.first_day, newest.period_start)
order by artist.playlist, artist.period_start, artist.rank, artist.artist_key

-- The ten albums with most points of each year.
-- The years are those that the span touches. Default: all years; --from alone means from that day's year on, --to
-- alone up to that day's year.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    album.playlist,
    year(album.period_start) as year,
    album.rank,
    album.previous_rank,
    album.album_name,
    album.lead_artist_name,
    album.points,
    album.songs,
    album.total_tracks,
    album.song_editions,
    album.best_position,
    album.number_ones
from album_analysis as album
cross join asked
where album.period = 'year'
    and album.rank <= 10
    and album.playlist = coalesce(asked.playlist, album.playlist)
    and album.period_end >= coalesce(asked.first_day, album.period_end)
    and album.period_start <= coalesce(asked.last_day, album.period_start)
order by album.playlist, album.period_start, album.rank, album.album_key

-- The artists with most songs on one edition.
-- Default: over each whole playlist. A span chooses its months instead: --from alone and --to alone mean that day's
-- one month.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    artist.playlist,
    artist.period,
    artist.period_start,
    artist.artist_name,
    artist.most_songs_at_once,
    artist.songs,
    artist.points,
    artist.best_position
from artist_analysis as artist
cross join asked
where artist.playlist = coalesce(asked.playlist, artist.playlist)
    and (
        (asked.first_day is null and asked.last_day is null and artist.period = 'all')
        or (
            artist.period = 'month'
            and artist.period_end >= coalesce(asked.first_day, asked.last_day)
            and artist.period_start <= coalesce(asked.last_day, asked.first_day)
        )
    )
order by artist.most_songs_at_once desc, artist.points desc, artist.playlist, artist.period_start, artist.artist_key
limit 100

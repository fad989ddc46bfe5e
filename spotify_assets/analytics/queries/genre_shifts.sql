-- How the share of each genre changed from month to month, the largest changes first.
-- Default: all months; --from alone means from that day's month on, --to alone up to that day's month.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    genre.playlist,
    genre.period_start as month,
    genre.genre,
    genre.share,
    genre.share_change,
    genre.songs,
    genre.rank
from genre_trends as genre
cross join asked
where genre.period = 'month'
    and genre.share_change is not null
    and genre.playlist = coalesce(asked.playlist, genre.playlist)
    and genre.period_end >= coalesce(asked.first_day, genre.period_end)
    and genre.period_start <= coalesce(asked.last_day, genre.period_start)
order by abs(genre.share_change) desc, genre.playlist, genre.period_start, genre.genre
limit 100

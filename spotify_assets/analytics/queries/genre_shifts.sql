-- How the share of each genre changed from month to month, the largest changes first.
-- Default: all months; --from alone means from that day's month on, --to alone up to that day's month.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    shift.playlist,
    shift.period_start as month,
    shift.genre,
    shift.share,
    shift.share_change,
    shift.songs,
    shift.rank
from genre_trends as shift
cross join asked
where shift.period = 'month'
    and shift.share_change is not null
    and shift.playlist = coalesce(asked.playlist, shift.playlist)
    and shift.period_end >= coalesce(asked.first_day, shift.period_end)
    and shift.period_start <= coalesce(asked.last_day, shift.period_start)
order by abs(shift.share_change) desc, shift.playlist, shift.period_start, shift.genre
limit 100

-- How lively a chart is from week to week: new songs, exits, turnover, overlap.
-- Weekly charts go from month to month. Default: all periods; --from alone means from that day's period on, --to alone up to that day's period.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    trend.playlist,
    trend.period,
    trend.period_start,
    trend.songs,
    trend.entries,
    trend.exits,
    trend.turnover,
    trend.overlap,
    trend.effective_artists,
    trend.missing_editions
from chart_trends as trend
cross join asked
where trend.playlist = coalesce(asked.playlist, trend.playlist)
    and trend.period_end >= coalesce(asked.first_day, trend.period_end)
    and trend.period_start <= coalesce(asked.last_day, trend.period_start)
    and (
        trend.period = 'week'
        or (trend.period = 'month' and not exists (
            select 1 from chart_trends as weekly where weekly.playlist = trend.playlist and weekly.period = 'week'
        ))
    )
order by trend.playlist, trend.period_start

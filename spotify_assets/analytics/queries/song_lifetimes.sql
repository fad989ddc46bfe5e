-- How long songs stay: the share of stays that last longer than so many editions.
-- The half-life is the smallest number that at most half of them outlast. Stays are unbroken; those that
-- still go on count as long as they were seen. It covers the whole history and takes no span.
with asked as (
    select cast(null as varchar) as playlist
)

select
    survival.playlist,
    survival.editions_on_chart,
    survival.survival as share_that_lasts_longer,
    survival.at_risk,
    survival.exits,
    survival.censored,
    survival.half_life
from song_survival as survival
cross join asked
where survival.basis = 'spell'
    and survival.playlist = coalesce(asked.playlist, survival.playlist)
order by survival.playlist, survival.editions_on_chart

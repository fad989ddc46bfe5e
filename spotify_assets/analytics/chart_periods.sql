-- chart_periods: which periods an edition belongs to, and which editions each period should have and has.
--
-- Grain: playlist x edition x period. Periods: day and ISO week (daily charts only), month, year, all.
-- expected_editions: the observed ones, and those missing between the first and the last edition: a missing one
-- is expected a day (or, weekly, a week) after the one before.
-- A missing edition has no snapshot. as_of is the newest snapshot of the period.
-- previous_period_start: the adjacent period before, where it has an edition. Changes compare with no other.

with editions as (
    select
        playlist,
        cast(edition_date as date) as edition_date,
        cast(previous_edition_date as date) as previous_edition_date,
        cast(snapshot_date as date) as snapshot_date,
        cadence,
        missing_before
    from chart_editions
),

expected as (
    select playlist, cadence, edition_date, snapshot_date
    from editions
    union all
    select
        edition.playlist,
        edition.cadence,
        cast(
            date_add(
                'day',
                missing.number * case edition.cadence when 'weekly' then 7 else 1 end,
                edition.previous_edition_date
            ) as date
        ),
        cast(null as date)
    from editions as edition
    cross join unnest(sequence(1, edition.missing_before)) as missing (number)
    where edition.missing_before > 0
),

whole as (
    select playlist, min(edition_date) as first_edition, max(edition_date) as last_edition
    from editions
    group by playlist
),

placed as (
    select
        playlist,
        edition_date,
        snapshot_date,
        'day' as period,
        edition_date as period_start,
        edition_date as period_end
    from expected
    where cadence = 'daily'
    union all
    select
        playlist,
        edition_date,
        snapshot_date,
        'week',
        cast(date_trunc('week', edition_date) as date),
        cast(date_add('day', 6, date_trunc('week', edition_date)) as date)
    from expected
    where cadence = 'daily'
    union all
    select
        playlist,
        edition_date,
        snapshot_date,
        'month',
        cast(date_trunc('month', edition_date) as date),
        cast(date_add('day', -1, date_add('month', 1, date_trunc('month', edition_date))) as date)
    from expected
    union all
    select
        playlist,
        edition_date,
        snapshot_date,
        'year',
        cast(date_trunc('year', edition_date) as date),
        cast(date_add('day', -1, date_add('year', 1, date_trunc('year', edition_date))) as date)
    from expected
    union all
    select
        expected.playlist,
        expected.edition_date,
        expected.snapshot_date,
        'all',
        whole.first_edition,
        whole.last_edition
    from expected
    join whole on whole.playlist = expected.playlist
),

periods as (
    select
        playlist,
        period,
        period_start,
        min(period_end) as period_end,
        count(*) as expected_editions,
        count(snapshot_date) as observed_editions,
        max(snapshot_date) as as_of
    from placed
    group by playlist, period, period_start
    having count(snapshot_date) > 0
),

neighbours as (
    select
        playlist,
        period,
        period_start,
        period_end,
        expected_editions,
        observed_editions,
        as_of,
        lag(period_start) over (partition by playlist, period order by period_start) as observed_before,
        case period
            when 'day' then date_add('day', -1, period_start)
            when 'week' then date_add('day', -7, period_start)
            when 'month' then date_add('month', -1, period_start)
            when 'year' then date_add('year', -1, period_start)
        end as adjacent_before
    from periods
)

select
    placed.playlist,
    placed.period,
    placed.edition_date,
    neighbours.period_start,
    neighbours.period_end,
    neighbours.expected_editions,
    neighbours.observed_editions,
    case when neighbours.observed_before = neighbours.adjacent_before then neighbours.observed_before end
        as previous_period_start,
    neighbours.as_of
from placed
join neighbours
    on neighbours.playlist = placed.playlist
    and neighbours.period = placed.period
    and neighbours.period_start = placed.period_start
where placed.snapshot_date is not null

-- dim_date: every day from the first of January of the first edition's year to the end of the newest edition's year.
--
-- Grain: day. Whole years, without gaps: what Power BI asks of a date table.

with days as (
    select cast(unnest(generate_series(
        date_trunc('year', min(edition_date)),
        date_trunc('year', max(edition_date)) + interval 1 year - interval 1 day,
        interval 1 day
    )) as date) as calendar_date
    from chart_editions
)

select
    calendar_date,
    cast(strftime(calendar_date, '%Y%m%d') as integer) as date_number,
    cast(year(calendar_date) as integer) as year,
    strftime(calendar_date, '%Y') || '-Q' || quarter(calendar_date) as quarter,
    strftime(calendar_date, '%Y-%m') as month,
    cast(month(calendar_date) as integer) as month_number,
    monthname(calendar_date) as month_name,
    strftime(calendar_date, '%G-W%V') as week,
    cast(day(calendar_date) as integer) as day_of_month,
    cast(isodow(calendar_date) as integer) as day_of_week,
    dayname(calendar_date) as day_name
from days

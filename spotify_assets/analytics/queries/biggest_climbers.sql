-- The songs that gained most places within a week, or within a span.
-- The first and the last edition of the span are compared. Default: from seven days before each playlist's newest
-- edition (eight for a weekly chart, whose weeks may come a day late) up to it; --from alone means from that day up to
-- the newest edition, --to alone the newest edition up to that day, and the same seven or eight days before it.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

newest as (
    select edition.playlist, max(edition.edition_date) as edition_date
    from chart_editions as edition
    cross join asked
    where edition.playlist = coalesce(asked.playlist, edition.playlist)
        and edition.edition_date <= coalesce(asked.last_day, edition.edition_date)
    group by edition.playlist
),

span as (
    select newest.playlist, min(edition.edition_date) as first_edition, newest.edition_date as last_edition
    from newest
    join chart_editions as edition
        on edition.playlist = newest.playlist and edition.edition_date <= newest.edition_date
    cross join asked
    where edition.edition_date >= coalesce(
        asked.first_day,
        cast(date_add('day', case when edition.cadence = 'weekly' then -8 else -7 end, newest.edition_date) as date)
    )
    group by newest.playlist, newest.edition_date
)

select
    later.playlist,
    span.first_edition,
    span.last_edition,
    later.song_name,
    later.artist_names,
    earlier.position as position_then,
    later.position as position_now,
    earlier.position - later.position as places_gained
from span
join song_history as later on later.playlist = span.playlist and later.edition_date = span.last_edition
join song_history as earlier
    on earlier.playlist = span.playlist
    and earlier.edition_date = span.first_edition
    and earlier.song_key = later.song_key
where earlier.position > later.position
order by later.playlist, earlier.position - later.position desc, later.position
limit 100

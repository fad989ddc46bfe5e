-- Biggest climbers of a week: songs on the first and on the last edition of a span, by places gained. Default: the
-- seven days up to the newest edition.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

span as (
    select edition.playlist, min(edition.edition_date) as first_edition, max(edition.edition_date) as last_edition
    from chart_editions as edition
    cross join asked
    where edition.playlist = coalesce(asked.playlist, edition.playlist)
        and edition.edition_date <= coalesce(asked.last_day, edition.as_of)
        and edition.edition_date >= coalesce(
            asked.first_day, cast(date_add('day', -7, coalesce(asked.last_day, edition.as_of)) as date)
        )
    group by edition.playlist
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

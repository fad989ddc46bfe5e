-- The most streams that a song had in one edition, where the source counts streams.
-- Default: all editions; --from alone means from that day on, --to alone up to that day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

best as (
    select
        history.playlist,
        history.song_key,
        history.song_name,
        history.artist_names,
        history.edition_date,
        history.position,
        history.streams,
        row_number() over (
            partition by history.playlist, history.song_key order by history.streams desc, history.edition_date
        ) as place
    from song_history as history
    cross join asked
    where history.streams is not null
        and history.playlist = coalesce(asked.playlist, history.playlist)
        and history.edition_date >= coalesce(asked.first_day, history.edition_date)
        and history.edition_date <= coalesce(asked.last_day, history.edition_date)
)

select playlist, song_name, artist_names, streams, edition_date, position
from best
where place = 1
order by streams desc, playlist, edition_date, song_key
limit 100

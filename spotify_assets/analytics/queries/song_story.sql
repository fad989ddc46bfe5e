-- A song's whole story: every edition that it was on, under whichever id or title.
-- The song is named by key, Spotify id or title; a title may name several songs, which are all given, a key only its
-- own. Default: all editions; --from alone means from that day on, --to alone up to that day.
with asked as (
    select
        cast(null as varchar) as playlist,
        cast(null as date) as first_day,
        cast(null as date) as last_day,
        cast(null as varchar) as song
),

named as (
    select distinct
        history.song_key,
        case when history.song_key = asked.song then 1 else 2 end as choice
    from song_history as history
    cross join asked
    where history.song_key = asked.song
        or history.song_id = asked.song
        or lower(history.song_name) = lower(asked.song)
),

songs as (
    select song_key
    from named
    where choice = (select min(choice) from named)
)

select
    history.playlist,
    history.edition_date,
    history.song_name,
    history.artist_names,
    history.position,
    history.movement,
    history.entry_status,
    history.peak_position,
    history.editions_on_chart,
    history.streak,
    history.streams,
    history.gap
from song_history as history
join songs on songs.song_key = history.song_key
cross join asked
where history.playlist = coalesce(asked.playlist, history.playlist)
    and history.edition_date >= coalesce(asked.first_day, history.edition_date)
    and history.edition_date <= coalesce(asked.last_day, history.edition_date)
order by history.playlist, history.song_key, history.edition_date

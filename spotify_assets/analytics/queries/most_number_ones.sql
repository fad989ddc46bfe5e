-- The artists with most songs that were at number one, every credited artist of a song counted.
-- Default: all editions; --from alone means from that day on, --to alone up to that day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

at_the_top as (
    select history.playlist, history.song_key, history.edition_date, credit.artist_key
    from song_history as history
    cross join asked
    cross join unnest(split(history.artist_keys, ';')) as credit (artist_key)
    where history.position = 1
        and history.playlist = coalesce(asked.playlist, history.playlist)
        and history.edition_date >= coalesce(asked.first_day, history.edition_date)
        and history.edition_date <= coalesce(asked.last_day, history.edition_date)
),

names as (
    select playlist, artist_key, artist_name
    from artist_analysis
    where period = 'all'
)

select
    at_the_top.playlist,
    max(names.artist_name) as artist_name,
    count(distinct at_the_top.song_key) as songs_at_number_one,
    count(*) as editions_at_number_one,
    min(at_the_top.edition_date) as first_time,
    max(at_the_top.edition_date) as last_time
from at_the_top
join names on names.playlist = at_the_top.playlist and names.artist_key = at_the_top.artist_key
group by at_the_top.playlist, at_the_top.artist_key
order by count(distinct at_the_top.song_key) desc, count(*) desc, at_the_top.playlist, at_the_top.artist_key
limit 100

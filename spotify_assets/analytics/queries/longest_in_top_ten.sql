-- The songs with most editions (days, or weeks) among the first ten.
-- Default: all editions; --from alone means from that day on, --to alone up to that day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    history.playlist,
    max_by(history.song_name, history.edition_number) filter (where history.song_name is not null) as song_name,
    max_by(history.artist_names, history.edition_number) filter (where history.artist_names is not null) as artist_names,
    count(*) as editions_in_top_ten,
    min(history.position) as best_position,
    min(history.edition_date) as first_time,
    max(history.edition_date) as last_time
from song_history as history
cross join asked
where history.position <= 10
    and history.playlist = coalesce(asked.playlist, history.playlist)
    and history.edition_date >= coalesce(asked.first_day, history.edition_date)
    and history.edition_date <= coalesce(asked.last_day, history.edition_date)
group by history.playlist, history.song_key
order by count(*) desc, history.playlist, min(history.edition_date), history.song_key
limit 100

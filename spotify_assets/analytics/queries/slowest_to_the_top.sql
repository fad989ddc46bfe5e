-- The songs that took most editions from their entry to a best place in the top ten.
-- Songs that stood on the first edition of all are left out: when they entered is not known. Default: all; --from alone
-- means songs that entered on that day or later, --to alone on that day or before.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    song.playlist,
    song.song_name,
    song.artist_names,
    song.editions_to_peak,
    song.entry_position,
    song.peak_position,
    song.first_seen,
    song.peak_date
from song_popularity as song
cross join asked
where song.peak_position <= 10
    and song.editions_to_peak is not null
    and song.playlist = coalesce(asked.playlist, song.playlist)
    and song.first_seen >= coalesce(asked.first_day, song.first_seen)
    and song.first_seen <= coalesce(asked.last_day, song.first_seen)
order by song.editions_to_peak desc, song.playlist, song.first_seen, song.song_key
limit 100

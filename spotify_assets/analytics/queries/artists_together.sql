-- The artists that most songs credit together.
-- Default: all; --from alone means pairs that were seen on that day or later, --to alone on that day or before.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    pair.playlist,
    pair.artist_name,
    pair.other_artist_name,
    pair.songs,
    pair.song_editions,
    pair.best_position,
    pair.first_seen,
    pair.last_seen
from collaborations as pair
cross join asked
where pair.playlist = coalesce(asked.playlist, pair.playlist)
    and pair.last_seen >= coalesce(asked.first_day, pair.last_seen)
    and pair.first_seen <= coalesce(asked.last_day, pair.first_seen)
order by pair.songs desc, pair.song_editions desc, pair.playlist, pair.artist_key, pair.other_artist_key
limit 100

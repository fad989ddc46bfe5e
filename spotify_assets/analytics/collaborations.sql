-- collaborations: which artists are credited together, on how many songs, and when.
--
-- Grain: playlist x pair of artists; the smaller key comes first. A song with four credits makes six pairs.

with songs as (
    select
        playlist,
        song_key,
        artist_keys,
        count(*) as song_editions,
        sum(points) as points,
        min(position) as best_position,
        min(edition_date) as first_seen,
        max(edition_date) as last_seen
    from song_history
    where artist_count > 1
    group by playlist, song_key, artist_keys
),

pairs as (
    select
        songs.playlist,
        songs.song_key,
        one.artist_key,
        other.artist_key as other_artist_key,
        songs.song_editions,
        songs.points,
        songs.best_position,
        songs.first_seen,
        songs.last_seen
    from songs
    cross join unnest(array_distinct(split(songs.artist_keys, ';'))) as one (artist_key)
    cross join unnest(array_distinct(split(songs.artist_keys, ';'))) as other (artist_key)
    where one.artist_key < other.artist_key
),

together as (
    select
        playlist,
        artist_key,
        other_artist_key,
        count(distinct song_key) as songs,
        sum(song_editions) as song_editions,
        sum(points) as points,
        min(best_position) as best_position,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from pairs
    group by playlist, artist_key, other_artist_key
),

names as (
    select playlist, artist_key, artist_name
    from artist_analysis
    where period = 'all'
),

newest as (
    select playlist, max(as_of) as as_of
    from chart_editions
    group by playlist
)

select
    together.playlist,
    together.artist_key,
    names.artist_name,
    together.other_artist_key,
    others.artist_name as other_artist_name,
    together.songs,
    together.song_editions,
    together.points,
    together.best_position,
    together.first_seen,
    together.last_seen,
    newest.as_of
from together
join newest on newest.playlist = together.playlist
left join names on names.playlist = together.playlist and names.artist_key = together.artist_key
left join names as others
    on others.playlist = together.playlist and others.artist_key = together.other_artist_key

-- dim_song: what the newest edition says of each song; genres, explicit and length are the newest that are known.
--
-- Grain: song, over all playlists. Of editions of one day, that of the last playlist by slug counts.

with newest as (
    select
        song_key,
        max((edition_date, playlist)) as place,
        min(edition_date) as first_seen,
        max_by(genres, (edition_date, playlist)) as genres,
        max_by(explicit, (edition_date, playlist)) as explicit,
        max_by(duration_ms, (edition_date, playlist)) as duration_ms
    from song_history
    group by song_key
)

select
    surrogate_key(newest.song_key) as song_surrogate_key,
    newest.song_key,
    coalesce(popularity.song_name, '(untitled)') || coalesce(' – ' || popularity.lead_artist_name, '') as song_label,
    popularity.song_name,
    popularity.lead_artist_name,
    popularity.artist_names,
    popularity.song_id,
    popularity.isrc,
    newest.genres,
    newest.explicit,
    newest.duration_ms,
    popularity.release_date_from,
    popularity.release_date_to,
    newest.first_seen,
    popularity.last_seen
from newest
join song_popularity as popularity
    on popularity.song_key = newest.song_key
    and (popularity.last_seen, popularity.playlist) = newest.place

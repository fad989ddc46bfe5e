-- dim_album: the albums of song_history.
--
-- Grain: album, over all playlists. Of editions of one day, that of the last playlist by slug counts.

select
    surrogate_key(album_key) as album_surrogate_key,
    album_key,
    max_by(album_name, (edition_date, playlist)) as album_name,
    max(album_total_tracks) as album_total_tracks
from song_history
where album_key is not null
group by album_key
union all
select surrogate_key(null), null, '(album not known)', null

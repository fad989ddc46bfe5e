-- dim_artist: the artists of artist_analysis, each with the name of the playlist with the newest snapshot.
--
-- Grain: artist, over all playlists. Of playlists of one day, the last one by slug counts.

select
    surrogate_key(artist_key) as artist_surrogate_key,
    artist_key,
    max_by(artist_name, (as_of, playlist)) as artist_name
from artist_analysis
where period = 'all'
group by artist_key
union all
select surrogate_key(null), null, '(nobody credited)'

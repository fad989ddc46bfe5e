-- dim_playlist: the playlists of chart_editions, with their titles of the playlists file.
--
-- Grain: playlist.

with playlists as (
    select
        playlist,
        max_by(cadence, edition_number) as cadence,
        min(edition_date) as first_edition,
        max(edition_date) as newest_edition
    from chart_editions
    group by playlist
)

select
    surrogate_key(playlists.playlist) as playlist_surrogate_key,
    playlists.playlist,
    coalesce(titled.title, playlists.playlist) as playlist_title,
    playlists.cadence,
    playlists.first_edition,
    playlists.newest_edition
from playlists
left join playlist_titles as titled on titled.playlist = playlists.playlist

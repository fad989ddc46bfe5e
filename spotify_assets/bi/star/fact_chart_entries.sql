-- fact_chart_entries: song_history with surrogate keys.
--
-- Grain: playlist x edition x song.

select
    surrogate_key(history.playlist) as playlist_surrogate_key,
    surrogate_key(history.song_key) as song_surrogate_key,
    surrogate_key(history.lead_artist_key) as artist_surrogate_key,
    surrogate_key(history.album_key) as album_surrogate_key,
    history.edition_date,
    history.edition_number,
    edition.is_last as is_newest_edition,
    history.position,
    history.previous_position,
    history.movement,
    history.entry_status,
    history.entry_status_basis,
    history.points,
    history.occurrences,
    history.peak_position,
    history.editions_on_chart,
    history.streak,
    history.spell_number,
    history.streams,
    history.streams_change,
    history.popularity
from song_history as history
join chart_editions as edition
    on edition.playlist = history.playlist and edition.edition_date = history.edition_date

-- fact_artist_credits: song_history by credited artist, as artist_analysis counts them.
--
-- Grain: playlist x edition x song x artist. An artist credited twice on a song counts once.

-- Many editions have the same credits: they are taken apart once.
with credited as (
    select
        artist_keys,
        string_split(artist_keys, ';') as listed,
        list_distinct(string_split(artist_keys, ';')) as artists
    from (select distinct artist_keys from song_history where artist_keys is not null)
),

single as (
    select artist_keys, listed, len(artists) as credits, unnest(artists) as artist_key
    from credited
),

credit as (
    select
        artist_keys,
        surrogate_key(artist_key) as artist_surrogate_key,
        list_position(listed, artist_key) as credit_order,
        credits,
        1e0 / credits as fraction
    from single
)

select
    surrogate_key(history.playlist) as playlist_surrogate_key,
    surrogate_key(history.song_key) as song_surrogate_key,
    credit.artist_surrogate_key,
    surrogate_key(history.album_key) as album_surrogate_key,
    history.edition_date,
    history.edition_number,
    edition.is_last as is_newest_edition,
    credit.credit_order,
    credit.credits,
    history.position,
    history.points,
    history.points * credit.fraction as points_fractional,
    credit.fraction as song_edition_fraction,
    history.streams
from song_history as history
join credit on credit.artist_keys = history.artist_keys
join chart_editions as edition
    on edition.playlist = history.playlist and edition.edition_date = history.edition_date

-- Every stay at number one, the newest first: which song, from when to when.
-- A stay ends when another song is at number one; editions that are missing do not end it. Default: all; --from alone
-- means stays that end on that day or later, --to alone those that begin on that day or before.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

at_the_top as (
    select
        playlist,
        song_key,
        song_name,
        artist_names,
        edition_date,
        edition_number,
        edition_number - row_number() over (partition by playlist, song_key order by edition_number) as stay
    from song_history
    where position = 1
),

stays as (
    select
        playlist,
        song_key,
        max_by(song_name, edition_number) filter (where song_name is not null) as song_name,
        max_by(artist_names, edition_number) filter (where artist_names is not null) as artist_names,
        min(edition_date) as first_edition,
        max(edition_date) as last_edition,
        count(*) as editions
    from at_the_top
    group by playlist, song_key, stay
)

select
    stays.playlist,
    stays.first_edition,
    stays.last_edition,
    stays.song_name,
    stays.artist_names,
    stays.editions
from stays
cross join asked
where stays.playlist = coalesce(asked.playlist, stays.playlist)
    and stays.last_edition >= coalesce(asked.first_day, stays.last_edition)
    and stays.first_edition <= coalesce(asked.last_day, stays.first_edition)
order by stays.first_edition desc, stays.playlist, stays.song_key
limit 100

-- The songs of the edition before that an edition no longer has.
-- Default: the newest edition; --from alone and --to alone mean the edition of that one day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

editions as (
    select edition.playlist, edition.edition_date, edition.edition_number, edition.gap
    from chart_editions as edition
    cross join asked
    where edition.playlist = coalesce(asked.playlist, edition.playlist)
        and (
            (asked.first_day is null and asked.last_day is null and edition.is_last)
            or (
                edition.edition_date >= coalesce(asked.first_day, asked.last_day)
                and edition.edition_date <= coalesce(asked.last_day, asked.first_day)
            )
        )
)

select
    editions.playlist,
    editions.edition_date,
    before.song_name,
    before.artist_names,
    before.position as last_position,
    before.peak_position,
    before.editions_on_chart,
    before.edition_date as last_seen,
    editions.gap
from editions
join song_history as before
    on before.playlist = editions.playlist and before.edition_number = editions.edition_number - 1
left join song_history as still
    on still.playlist = editions.playlist
    and still.edition_date = editions.edition_date
    and still.song_key = before.song_key
where still.song_key is null
order by editions.playlist, editions.edition_date, before.position

-- The whole chart of an edition: places, movements, best places and time on the chart.
-- Default: the newest edition; --from alone and --to alone mean the edition of that one day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

editions as (
    select edition.playlist, edition.edition_date
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
    history.playlist,
    history.edition_date,
    history.position,
    history.previous_position,
    history.entry_status,
    history.song_name,
    history.artist_names,
    history.peak_position,
    history.editions_on_chart,
    history.streak,
    history.streams,
    history.streams_change
from song_history as history
join editions on editions.playlist = history.playlist and editions.edition_date = history.edition_date
order by history.playlist, history.edition_date, history.position, history.song_key

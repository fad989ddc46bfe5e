-- The songs that charted for the first time, by their first position.
-- Only songs that are known not to have charted before; those that may be a song under another key (see alias_lines)
-- come last. Default: all; --from alone means from that day on, --to alone up to that day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    history.playlist,
    history.edition_date,
    history.position,
    history.song_name,
    history.artist_names,
    history.entry_status_basis
from song_history as history
cross join asked
where history.entry_status = 'NEW'
    and history.playlist = coalesce(asked.playlist, history.playlist)
    and history.edition_date >= coalesce(asked.first_day, history.edition_date)
    and history.edition_date <= coalesce(asked.last_day, history.edition_date)
order by
    case when history.entry_status_basis = 'doubtful' then 2 else 1 end,
    history.position,
    history.playlist,
    history.edition_date,
    history.song_key
limit 100

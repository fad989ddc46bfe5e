-- Two playlists compared by date: where each song of either stands in both.
-- The other playlist's edition is its newest up to that date, so a daily chart can be held beside a weekly one, and
-- the API's list beside the official file. Default: the newest edition; --from alone and --to alone mean the edition
-- of that one day.
with asked as (
    select
        cast(null as varchar) as playlist,
        cast(null as varchar) as other_playlist,
        cast(null as date) as first_day,
        cast(null as date) as last_day
),

dates as (
    select edition.playlist, edition.edition_date, asked.other_playlist, max(other.edition_date) as other_date
    from chart_editions as edition
    cross join asked
    join chart_editions as other
        on other.playlist = asked.other_playlist and other.edition_date <= edition.edition_date
    where edition.playlist = asked.playlist
        and (
            (asked.first_day is null and asked.last_day is null and edition.is_last)
            or (
                edition.edition_date >= coalesce(asked.first_day, asked.last_day)
                and edition.edition_date <= coalesce(asked.last_day, asked.first_day)
            )
        )
    group by edition.playlist, edition.edition_date, asked.other_playlist
),

listed as (
    select dates.edition_date, dates.other_date, history.song_key, history.song_name, history.artist_names,
        history.position, cast(null as integer) as other_position
    from dates
    join song_history as history
        on history.playlist = dates.playlist and history.edition_date = dates.edition_date
    union all
    select dates.edition_date, dates.other_date, history.song_key, history.song_name, history.artist_names,
        cast(null as integer), history.position
    from dates
    join song_history as history
        on history.playlist = dates.other_playlist and history.edition_date = dates.other_date
)

select
    edition_date,
    other_date,
    max(listed.song_name) as song_name,
    max(listed.artist_names) as artist_names,
    max(listed.position) as position,
    max(listed.other_position) as other_position,
    max(listed.other_position) - max(listed.position) as difference
from listed
group by edition_date, other_date, song_key
order by edition_date, coalesce(max(listed.position), 100000 + max(listed.other_position)), song_key

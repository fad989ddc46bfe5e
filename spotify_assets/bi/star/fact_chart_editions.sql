-- fact_chart_editions: chart_editions with what came and went, and what the checks found.
--
-- Grain: playlist x edition.
-- entries and exits compare with the edition before, whether editions are missing between them or not.

with stayed as (
    select history.playlist, history.edition_date, count(history.previous_position) as songs
    from song_history as history
    group by history.playlist, history.edition_date
)

select
    surrogate_key(edition.playlist) as playlist_surrogate_key,
    edition.edition_date,
    edition.edition_number,
    edition.is_last as is_newest_edition,
    edition.snapshot_date,
    day.source,
    edition.chart_size,
    edition.listed,
    edition.songs,
    edition.unidentified,
    edition.missing_before,
    edition.gap,
    case when edition.edition_number > 1
        then cast(edition.songs - coalesce(stayed.songs, 0) as integer)
    end as entries,
    cast(
        lag(edition.songs) over (partition by edition.playlist order by edition.edition_number)
        - coalesce(stayed.songs, 0) as integer
    ) as exits,
    day.failed_checks
from chart_editions as edition
join days_of_playlists as day
    on day.playlist = edition.playlist and day.snapshot_date = edition.snapshot_date
left join stayed
    on stayed.playlist = edition.playlist and stayed.edition_date = edition.edition_date

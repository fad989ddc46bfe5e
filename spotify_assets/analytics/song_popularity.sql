-- song_popularity: the whole story of each song in one row.
--
-- Grain: playlist x song. Names, ids and album are those of its newest edition.
-- left_censored: it was on the first edition of all, so when it entered and how long it took to its peak is not known.
-- editions_to_peak: editions from its first one to its peak. points: sum of chart size + 1 - position.
-- dropped_out_on: the edition after its last one; dropped_out_from: its position in the last one.

with totals as (
    select
        playlist,
        song_key,
        min(edition_date) as first_seen,
        max(edition_date) as last_seen,
        min(edition_number) as first_number,
        max(edition_number) as last_number,
        min(position) as peak_position,
        max(peak_date) as peak_date,
        count(*) as editions_on_chart,
        max(editions_in_top_1) as editions_in_top_1,
        max(editions_in_top_3) as editions_in_top_3,
        max(editions_in_top_10) as editions_in_top_10,
        max(spell_number) as spells,
        max(streak) as longest_streak,
        cast(sum(position) as double) / count(*) as mean_position,
        sum(points) as points,
        sum(streams) as streams,
        count(streams) as streams_editions,
        cast(sum(popularity) as double) / nullif(count(popularity), 0) as popularity_mean,
        max_by(popularity, edition_number) filter (where popularity is not null) as popularity_last,
        min(official_peak_position) as official_peak_position,
        max(official_days_on_chart) as official_days_on_chart,
        max(official_weeks_on_chart) as official_weeks_on_chart
    from song_history
    group by playlist, song_key
),

at_peak as (
    select history.playlist, history.song_key, count(*) as editions_at_peak, min(history.edition_number) as peak_number
    from song_history as history
    join totals on totals.playlist = history.playlist and totals.song_key = history.song_key
    where history.position = totals.peak_position
    group by history.playlist, history.song_key
),

releases as (
    select song_key, min(release_date_from) as release_date_from, min(release_date_to) as release_date_to
    from song_identity
    group by song_key
)

select
    totals.playlist,
    totals.song_key,
    latest.song_id,
    latest.isrc,
    latest.song_name,
    latest.lead_artist_key,
    latest.lead_artist_name,
    latest.artist_names,
    latest.album_key,
    latest.album_name,
    releases.release_date_from,
    releases.release_date_to,
    totals.first_seen,
    totals.last_seen,
    totals.first_number = 1 as left_censored,
    case when totals.first_number > 1 then entry.position end as entry_position,
    case when totals.first_number > 1 then at_peak.peak_number - totals.first_number end as editions_to_peak,
    totals.peak_position,
    totals.peak_date,
    at_peak.editions_at_peak,
    totals.editions_on_chart,
    totals.editions_in_top_1,
    totals.editions_in_top_3,
    totals.editions_in_top_10,
    totals.spells,
    totals.longest_streak,
    totals.mean_position,
    totals.points,
    totals.streams,
    totals.streams_editions,
    totals.popularity_mean,
    totals.popularity_last,
    case when dropped.edition_date is null then 'on_chart' else 'dropped_out' end as status_now,
    dropped.edition_date as dropped_out_on,
    case when dropped.edition_date is not null then latest.position end as dropped_out_from,
    totals.official_peak_position,
    totals.official_days_on_chart,
    totals.official_weeks_on_chart,
    last_edition.as_of
from totals
join at_peak on at_peak.playlist = totals.playlist and at_peak.song_key = totals.song_key
join song_history as entry
    on entry.playlist = totals.playlist
    and entry.song_key = totals.song_key
    and entry.edition_number = totals.first_number
join song_history as latest
    on latest.playlist = totals.playlist
    and latest.song_key = totals.song_key
    and latest.edition_number = totals.last_number
join chart_editions as last_edition on last_edition.playlist = totals.playlist and last_edition.is_last
left join chart_editions as dropped
    on dropped.playlist = totals.playlist and dropped.edition_number = totals.last_number + 1
left join releases on releases.song_key = totals.song_key

-- chart_trends: how alive, how concentrated and how fresh the chart was in each period.
--
-- Grain: playlist x period. entries, exits, turnover and overlap compare the songs of the period with those of the
-- adjacent period before; null where that has no edition. turnover = entries / songs; overlap = songs of both / songs
-- of either.
-- hhi: sum over artists of their squared shares, a song being shared out among its credits. One artist with 4 of 10
-- songs and six with one each: 0.16 + 6 * 0.01 = 0.22. Of songs; hhi_points of points; hhi_periods of song-editions.
-- Age of a song: snapshot_date - release date of its earliest known release, the middle of the interval where only
-- month or year is known (imprecise), never negative. New: up to 30 days; recent: up to 548; catalogue: above.

with releases as (
    select
        song_key,
        min(release_date_from) as release_date_from,
        min(release_date_to) as release_date_to
    from song_identity
    group by song_key
),

aged as (
    select
        history.playlist,
        history.edition_date,
        history.artist_keys,
        history.explicit,
        history.duration_ms,
        history.streams,
        greatest(
            date_diff(
                'day',
                date_add(
                    'day',
                    date_diff('day', release.release_date_from, release.release_date_to) / 2,
                    release.release_date_from
                ),
                history.snapshot_date
            ),
            0
        ) as age,
        release.release_date_from < release.release_date_to as imprecise
    from song_history as history
    left join releases as release on release.song_key = history.song_key
),

by_edition as (
    select
        playlist,
        edition_date,
        count(*) as song_editions,
        count(case when age <= 30 then 1 end) as new_songs,
        count(case when age > 30 and age <= 548 then 1 end) as recent_songs,
        count(case when age > 548 then 1 end) as catalogue_songs,
        count(case when age is null then 1 end) as unknown_age,
        count(case when imprecise then 1 end) as imprecise_age,
        sum(age) as age,
        count(case when cardinality(array_distinct(split(artist_keys, ';'))) > 1 then 1 end) as collaborations,
        count(case when explicit then 1 end) as explicit_songs,
        count(explicit) as explicit_known,
        sum(cast(duration_ms as bigint)) as duration_ms,
        count(duration_ms) as duration_known,
        sum(streams) as streams
    from aged
    group by playlist, edition_date
),

periods as (
    select
        period.playlist,
        period.period,
        period.period_start,
        period.period_end,
        period.expected_editions,
        period.observed_editions,
        period.previous_period_start,
        period.as_of,
        sum(edition.unidentified) as unidentified,
        coalesce(sum(by_edition.song_editions), 0) as song_editions,
        sum(by_edition.new_songs) as new_songs,
        sum(by_edition.recent_songs) as recent_songs,
        sum(by_edition.catalogue_songs) as catalogue_songs,
        sum(by_edition.unknown_age) as unknown_age,
        sum(by_edition.imprecise_age) as imprecise_age,
        sum(by_edition.age) as age,
        sum(by_edition.collaborations) as collaborations,
        sum(by_edition.explicit_songs) as explicit_songs,
        sum(by_edition.explicit_known) as explicit_known,
        sum(by_edition.duration_ms) as duration_ms,
        sum(by_edition.duration_known) as duration_known,
        sum(by_edition.streams) as streams
    from chart_periods as period
    join chart_editions as edition
        on edition.playlist = period.playlist and edition.edition_date = period.edition_date
    left join by_edition
        on by_edition.playlist = period.playlist and by_edition.edition_date = period.edition_date
    group by
        period.playlist,
        period.period,
        period.period_start,
        period.period_end,
        period.expected_editions,
        period.observed_editions,
        period.previous_period_start,
        period.as_of
),

songs as (
    select distinct history.playlist, period.period, period.period_start, history.song_key
    from song_history as history
    join chart_periods as period
        on period.playlist = history.playlist and period.edition_date = history.edition_date
),

counts as (
    select playlist, period, period_start, count(*) as songs
    from songs
    group by playlist, period, period_start
),

common as (
    select periods.playlist, periods.period, periods.period_start, count(*) as songs
    from periods
    join songs
        on songs.playlist = periods.playlist
        and songs.period = periods.period
        and songs.period_start = periods.period_start
    join songs as earlier
        on earlier.playlist = periods.playlist
        and earlier.period = periods.period
        and earlier.period_start = periods.previous_period_start
        and earlier.song_key = songs.song_key
    group by periods.playlist, periods.period, periods.period_start
),

compared as (
    select
        periods.*,
        coalesce(counts.songs, 0) as songs,
        case when periods.previous_period_start is not null then coalesce(common.songs, 0) end as common_songs,
        case when periods.previous_period_start is not null then coalesce(earlier.songs, 0) end as earlier_songs
    from periods
    left join counts
        on counts.playlist = periods.playlist
        and counts.period = periods.period
        and counts.period_start = periods.period_start
    left join counts as earlier
        on earlier.playlist = periods.playlist
        and earlier.period = periods.period
        and earlier.period_start = periods.previous_period_start
    left join common
        on common.playlist = periods.playlist
        and common.period = periods.period
        and common.period_start = periods.period_start
),

credited as (
    select
        playlist,
        period,
        period_start,
        sum(cast(songs_fractional as decimal(28, 9))) as songs,
        sum(cast(points_fractional as decimal(28, 9))) as points,
        sum(cast(song_editions_fractional as decimal(28, 9))) as song_editions
    from artist_analysis
    group by playlist, period, period_start
),

shares as (
    select
        artist.playlist,
        artist.period,
        artist.period_start,
        artist.songs_fractional / nullif(cast(credited.songs as double), 0e0) as of_songs,
        artist.points_fractional / nullif(cast(credited.points as double), 0e0) as of_points,
        artist.song_editions_fractional / nullif(cast(credited.song_editions as double), 0e0) as of_song_editions
    from artist_analysis as artist
    join credited
        on credited.playlist = artist.playlist
        and credited.period = artist.period
        and credited.period_start = artist.period_start
),

concentration as (
    select
        playlist,
        period,
        period_start,
        count(*) as artists,
        cast(sum(cast(of_songs * of_songs as decimal(18, 12))) as double) as hhi,
        cast(sum(cast(of_points * of_points as decimal(18, 12))) as double) as hhi_points,
        cast(sum(cast(of_song_editions * of_song_editions as decimal(18, 12))) as double) as hhi_periods
    from shares
    group by playlist, period, period_start
)

select
    compared.playlist,
    compared.period,
    compared.period_start,
    compared.period_end,
    compared.expected_editions,
    compared.observed_editions,
    compared.expected_editions - compared.observed_editions as missing_editions,
    compared.songs,
    coalesce(concentration.artists, 0) as artists,
    compared.song_editions,
    compared.unidentified,
    compared.songs - compared.common_songs as entries,
    compared.earlier_songs - compared.common_songs as exits,
    cast(compared.songs - compared.common_songs as double) / nullif(compared.songs, 0) as turnover,
    cast(compared.common_songs as double)
    / nullif(compared.songs + compared.earlier_songs - compared.common_songs, 0) as overlap,
    concentration.hhi,
    1e0 / nullif(concentration.hhi, 0e0) as effective_artists,
    concentration.hhi_points,
    concentration.hhi_periods,
    cast(compared.new_songs as double) / nullif(compared.song_editions, 0) as new_share,
    cast(compared.recent_songs as double) / nullif(compared.song_editions, 0) as recent_share,
    cast(compared.catalogue_songs as double) / nullif(compared.song_editions, 0) as catalogue_share,
    cast(compared.unknown_age as double) / nullif(compared.song_editions, 0) as unknown_age_share,
    cast(compared.imprecise_age as double) / nullif(compared.song_editions, 0) as imprecise_age_share,
    cast(compared.age as double) / nullif(compared.song_editions - compared.unknown_age, 0) as mean_age_days,
    cast(compared.collaborations as double) / nullif(compared.song_editions, 0) as collaboration_share,
    cast(compared.explicit_songs as double) / nullif(compared.explicit_known, 0) as explicit_share,
    cast(compared.duration_ms as double) / nullif(compared.duration_known, 0) as mean_duration_ms,
    compared.streams,
    compared.as_of
from compared
left join concentration
    on concentration.playlist = compared.playlist
    and concentration.period = compared.period
    and concentration.period_start = compared.period_start

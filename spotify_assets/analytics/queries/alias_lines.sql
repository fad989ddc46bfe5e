-- Songs that may be one under two keys, as lines for song_aliases.csv.
-- One left when the other came; the best placed first. With --format csv the answer is such a file: keep the lines that
-- are right, and move what is in same_as to differs_from in those that are wrong. Default: all; --from alone means songs
-- that came on that day or later, --to alone up to that day.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
),

pairs as (
    select
        candidate.song_key,
        candidate.earlier_song_key,
        min(candidate.position) as position,
        min_by(
            concat(
                coalesce(candidate.song_name, '?'),
                ' / ',
                coalesce(candidate.earlier_song_name, '?'),
                ', ',
                coalesce(candidate.lead_artist_name, '?'),
                ' / ',
                coalesce(candidate.earlier_lead_artist_name, '?'),
                ', ',
                candidate.playlist,
                ': left ',
                cast(candidate.left_on as varchar),
                ' at ',
                cast(candidate.earlier_position as varchar),
                ', came ',
                cast(candidate.came_on as varchar),
                ' at ',
                cast(candidate.position as varchar)
            ),
            concat(cast(candidate.came_on as varchar), candidate.playlist)
        ) as note
    from alias_candidates as candidate
    cross join asked
    where candidate.playlist = coalesce(asked.playlist, candidate.playlist)
        and candidate.came_on >= coalesce(asked.first_day, candidate.came_on)
        and candidate.came_on <= coalesce(asked.last_day, candidate.came_on)
    group by candidate.song_key, candidate.earlier_song_key
)

select song_key as song, earlier_song_key as same_as, cast(null as varchar) as differs_from, note
from pairs
order by position, note, song_key, earlier_song_key
limit 1000

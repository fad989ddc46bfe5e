-- song_spells: the runs of consecutive editions that each song had.
--
-- Grain: playlist x song x spell. A missing edition does not end a spell, because only editions that exist are counted;
-- but a spell that starts right after a gap, or runs on the first edition, may have begun before (left_censored), and
-- one that ends right before a gap, or runs on the newest edition, may go on (right_censored).
-- re_entry_gap: editions without the song between the spell before and this one.

with spells as (
    select
        playlist,
        song_key,
        spell_number,
        min(edition_date) as spell_start,
        max(edition_date) as spell_end,
        min(edition_number) as start_number,
        max(edition_number) as end_number,
        count(*) as editions,
        min(position) as best_position,
        sum(points) as points
    from song_history
    group by playlist, song_key, spell_number
)

select
    spells.playlist,
    spells.song_key,
    spells.spell_number,
    latest.song_name,
    latest.lead_artist_name,
    spells.spell_start,
    spells.spell_end,
    spells.start_number,
    spells.end_number,
    spells.editions,
    spells.best_position,
    entry.position as entry_position,
    latest.position as exit_position,
    spells.points,
    spells.start_number - 1 - lag(spells.end_number) over (
        partition by spells.playlist, spells.song_key order by spells.spell_number
    ) as re_entry_gap,
    first_edition.edition_number = 1 or first_edition.gap as left_censored,
    last_edition.is_last or last_edition.gap_after as right_censored,
    last_edition.as_of
from spells
join song_history as entry
    on entry.playlist = spells.playlist
    and entry.song_key = spells.song_key
    and entry.edition_number = spells.start_number
join song_history as latest
    on latest.playlist = spells.playlist
    and latest.song_key = spells.song_key
    and latest.edition_number = spells.end_number
join chart_editions as first_edition
    on first_edition.playlist = spells.playlist and first_edition.edition_number = spells.start_number
join chart_editions as last_edition
    on last_edition.playlist = spells.playlist and last_edition.edition_number = spells.end_number

-- The songs that stayed longest without a break: spells with most consecutive editions.
-- Consecutive are stored editions: those that are missing do not end a spell. The spells are those that touch the span.
-- Default: all; --from alone means those that end on that day or later, --to alone those that begin on that day or
-- before.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    spell.playlist,
    spell.song_name,
    spell.lead_artist_name,
    spell.editions,
    spell.spell_start,
    spell.spell_end,
    spell.best_position,
    spell.left_censored,
    spell.right_censored
from song_spells as spell
cross join asked
where spell.playlist = coalesce(asked.playlist, spell.playlist)
    and spell.spell_end >= coalesce(asked.first_day, spell.spell_end)
    and spell.spell_start <= coalesce(asked.last_day, spell.spell_start)
order by spell.editions desc, spell.playlist, spell.spell_start, spell.song_key
limit 100

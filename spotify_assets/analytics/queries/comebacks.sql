-- The songs that came back after the longest absence.
-- The absence is in editions. Default: all; --from alone means comebacks on that day or later, --to alone on that day or
-- before.
with asked as (
    select cast(null as varchar) as playlist, cast(null as date) as first_day, cast(null as date) as last_day
)

select
    spell.playlist,
    spell.spell_start as came_back_on,
    spell.song_name,
    spell.lead_artist_name,
    spell.re_entry_gap as editions_away,
    spell.spell_number,
    spell.entry_position,
    spell.best_position,
    spell.editions
from song_spells as spell
cross join asked
where spell.re_entry_gap is not null
    and spell.playlist = coalesce(asked.playlist, spell.playlist)
    and spell.spell_start >= coalesce(asked.first_day, spell.spell_start)
    and spell.spell_start <= coalesce(asked.last_day, spell.spell_start)
order by spell.re_entry_gap desc, spell.playlist, spell.spell_start, spell.song_key
limit 100

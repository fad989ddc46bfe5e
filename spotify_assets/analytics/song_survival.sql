-- song_survival: how long songs stay, by the Kaplan-Meier estimate.
--
-- Grain: playlist x basis x length of spell in editions with the song. survival is the product over lengths up to this
-- one of (1 - exits / at_risk): the share of spells that last longer. An exit is a spell whose end was seen; one that
-- runs on the newest edition, or ends right before a gap, is censored; one that runs on the first edition, or
-- starts right after a gap, is left out and counted in left_truncated.
-- basis spell: every spell; first_spell: the first of each song; spell_tolerating_one_absence: an absence of a single
-- edition does not end a spell, so a beginning or end within one edition of the edge or of a gap was not seen.
-- half_life: the smallest length with a survival of 0.5 or less. Rounded to nine digits, so that no order of
-- multiplying shows.

with grouped as (
    select
        playlist,
        song_key,
        start_number,
        end_number,
        editions,
        count(case when re_entry_gap is null or re_entry_gap > 1 then 1 end) over (
            partition by playlist, song_key order by spell_number rows between unbounded preceding and current row
        ) as joined_number
    from song_spells
),

joined as (
    select
        playlist,
        song_key,
        joined_number,
        min(start_number) as start_number,
        max(end_number) as end_number,
        sum(editions) as editions
    from grouped
    group by playlist, song_key, joined_number
),

spells as (
    select playlist, 'spell' as basis, editions, left_censored, right_censored
    from song_spells
    union all
    select playlist, 'first_spell', editions, left_censored, right_censored
    from song_spells
    where spell_number = 1
    union all
    select
        joined.playlist,
        'spell_tolerating_one_absence',
        joined.editions,
        joined.start_number <= 2 or first_edition.gap or before.gap,
        last_edition.is_last or last_edition.gap_after or after.is_last or after.gap_after
    from joined
    join chart_editions as first_edition
        on first_edition.playlist = joined.playlist and first_edition.edition_number = joined.start_number
    join chart_editions as last_edition
        on last_edition.playlist = joined.playlist and last_edition.edition_number = joined.end_number
    left join chart_editions as before
        on before.playlist = joined.playlist and before.edition_number = joined.start_number - 1
    left join chart_editions as after
        on after.playlist = joined.playlist and after.edition_number = joined.end_number + 1
),

lengths as (
    select
        playlist,
        basis,
        editions,
        count(case when not right_censored then 1 end) as exits,
        count(case when right_censored then 1 end) as censored,
        sum(count(*)) over (partition by playlist, basis order by editions desc) as at_risk
    from spells
    where not left_censored
    group by playlist, basis, editions
),

truncated as (
    select playlist, basis, count(case when left_censored then 1 end) as left_truncated
    from spells
    group by playlist, basis
),

estimated as (
    select
        *,
        case
            when min(at_risk - exits) over longer = 0 then 0e0
            else round(
                exp(
                    sum(case when at_risk > exits then ln(cast(at_risk - exits as double) / at_risk) else 0e0 end)
                        over longer
                ),
                9
            )
        end as survival
    from lengths
    window longer as (
        partition by playlist, basis order by editions rows between unbounded preceding and current row
    )
),

newest as (
    select playlist, max(as_of) as as_of
    from chart_editions
    group by playlist
)

select
    estimated.playlist,
    estimated.basis,
    estimated.editions as editions_on_chart,
    estimated.at_risk,
    estimated.exits,
    estimated.censored,
    estimated.survival,
    min(case when estimated.survival <= 5e-1 then estimated.editions end) over (
        partition by estimated.playlist, estimated.basis
    ) as half_life,
    truncated.left_truncated,
    newest.as_of
from estimated
join truncated on truncated.playlist = estimated.playlist and truncated.basis = estimated.basis
join newest on newest.playlist = estimated.playlist

"""What a publish run records of what it made, for people to see in the UI: numbers, first rows, pictures and links.

All of it is read from the tables that were made. All playlists share an asset, so rows are counted over all of them,
and the rest is of one: the first of the playlists file that has days. Its slug is in the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets.schemas.analyses import ANALYSES, CHART_DAYS, CHART_ENTRIES, COMPACTED
from spotify_assets.settings import Settings
from spotify_assets.storage.layout import REPORT_INDEX_KEY
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from pandas import DataFrame

    from spotify_assets.analytics.released_tables import ReleasedTables
    from spotify_assets.report.today import Today

Metadata = dict[str, Any]
STATES = ("unchanged", "stale")


def of_history(history: Mapping[str, DataFrame]) -> dict[str, Metadata]:
    """What is shown of the two tables of the compacted history.

    Args:
        history: the rows of `chart_days` of each playlist.
    """
    stored = {slug: days for slug, days in history.items() if len(days)}
    counts = {f"days {state}": int(sum(days[state].sum() for days in stored.values())) for state in STATES}
    newest = {"newest days": dg.MetadataValue.md(_newest_days(stored))} if stored else {}
    entries = int(sum(days["accepted"].sum() for days in stored.values()))
    return {
        CHART_DAYS.name: {"dagster/row_count": sum(map(len, stored.values())), **counts, **newest},
        CHART_ENTRIES.name: {"dagster/row_count": entries},
    }


def of_analyses(settings: Settings, tables: ReleasedTables) -> dict[str, Metadata]:
    """What is shown of each analysis.

    Raises:
        EngineError, StorageError: see `ReleasedTables.answer`.
    """
    from spotify_assets.report.pictures import Pictures
    from spotify_assets.report.summaries import count_rows, numbers_of, preview_of

    shown: dict[str, Metadata] = {name: {"dagster/row_count": rows} for name, rows in count_rows(tables).items()}
    slug = _shown(settings, tables.with_editions())
    if slug:
        tables.show([*COMPACTED, *ANALYSES], slug)
        pictures = Pictures(tables)
        for name, metadata in shown.items():
            metadata |= {f"{slug}: {label}": number for label, number in numbers_of(name, tables).items()}
            metadata |= _picture(f"{slug}: picture", pictures.of(name))
            metadata[f"{slug}: first rows"] = dg.MetadataValue.md(preview_of(name, tables))
    return shown


def of_release(settings: Settings, store: ObjectStore) -> Metadata:
    """What is shown of the release: the chart of today, and where to read more.

    Raises:
        EngineError, StorageError: see `open_released_tables`.
    """
    from spotify_assets.analytics.released_tables import RELEASED, open_released_tables
    from spotify_assets.report.today import read_today

    shown: Metadata = {}
    with open_released_tables(store, settings.memory_limit) as tables:
        slug = _shown(settings, tables.with_editions())
        if slug:
            tables.show(list(RELEASED), slug)
            shown = {f"{slug}: {label}": value for label, value in _of_today(read_today(tables, slug))}
    return {**shown, "report": dg.MetadataValue.path(store.uri(REPORT_INDEX_KEY)), **_console(settings)}


def _of_today(today: Today) -> Iterator[tuple[str, Any]]:
    from spotify_assets.report.chart_in_text import chart_table, comings_and_goings
    from spotify_assets.report.pictures import picture_of_today

    yield "edition", str(today.edition["edition_date"])
    yield "songs", len(today.chart)
    yield "new entries", len(today.of_status("NEW", "FIRST_SEEN"))
    yield "songs that came back", len(today.of_status("RE_ENTRY"))
    yield "drop-outs", len(today.drop_outs)
    if today.chart:
        yield "chart", dg.MetadataValue.md(chart_table(today))
        yield "movements", dg.MetadataValue.md(picture_of_today(today))
    yield "who came and left", dg.MetadataValue.md(comings_and_goings(today))
    if today.doubts:
        yield "what is doubtful", dg.MetadataValue.md("\n".join(f"- {doubt}" for doubt in today.doubts))


def _console(settings: Settings) -> Metadata:
    from spotify_assets.catalog.athena_console import athena_console

    address = athena_console() if settings.glue_crawler else None
    return {"Athena": dg.MetadataValue.url(address)} if address else {}


def _shown(settings: Settings, having_days: Mapping[str, Any] | set[str]) -> str | None:
    """The playlist of which rows and pictures are shown; None where none of the playlists file has days."""
    return next((playlist.slug for playlist in settings.playlists if playlist.slug in having_days), None)


def _picture(label: str, picture: str | None) -> Metadata:
    return {label: dg.MetadataValue.md(picture)} if picture else {}


def _newest_days(stored: Mapping[str, DataFrame]) -> str:
    """Of each playlist its newest day, and what changed since the stored day before it."""
    from spotify_assets.report.markdown import markdown_table

    newest = {slug: days.iloc[-1] for slug, days in stored.items()}
    rows = (
        [slug, day["snapshot_date"], _change(day, stored[slug]), day["listed"], day["rejected"], day["failed_checks"]]
        for slug, day in newest.items()
    )
    return markdown_table(
        ["playlist", "newest day", "since the stored day before", "listed", "rejected", "failed"], rows
    )


def _change(day: Any, days: DataFrame) -> str:
    if len(days) == 1:
        return "the first day"
    return f"unchanged since {day['edition']}" if day["unchanged"] else "changed"

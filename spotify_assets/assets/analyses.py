"""What follows the catalog in a publish run: the compacted history, the analyses in SQL, and their release.

They are made together and released together. Nothing is gained by choosing some of them: those whose inputs are the
same as before are not computed again.
"""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from spotify_assets import checks
from spotify_assets.analytics.lineage import column_lineage
from spotify_assets.analytics.statements import Statement, statements
from spotify_assets.assets import publish_metadata
from spotify_assets.assets.common import OWNERS, column_schema, without_useless_retries
from spotify_assets.assets.descriptions import described
from spotify_assets.publication import (
    CATALOG_KEY,
    LEFT_OUT,
    NONE_LEFT_OUT,
    PUBLISHED_UP_TO,
    RELEASE_KEY,
    published_up_to,
)
from spotify_assets.schemas import Table
from spotify_assets.schemas.analyses import ANALYSES, COMPACTED, IDENTITY
from spotify_assets.settings import Settings
from spotify_assets.storage.lake import Lake
from spotify_assets.storage.layout import PREPARED_KEY

if TYPE_CHECKING:
    from spotify_assets.analytics.compaction import Compaction
    from spotify_assets.analytics.releases import Release

MOST_SOURCES_NAMED = 3
"""Columns that a description names as what a column is made of; of more it names the tables."""


def build_analyses(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of the history and the analyses, which one step makes, and of their release."""
    return [_build_analyses(settings), _build_release(settings)]


def _build_analyses(settings: Settings) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="analyses",
        specs=[
            *(_spec(table, [CATALOG_KEY], "history", "pandas") for table in COMPACTED.values()),
            *(
                _spec(table, [dg.AssetKey([name]) for name in COMPACTED], "history", "pandas")
                for table in IDENTITY.values()
            ),
            *(_analysis_spec(statement, settings.engine) for statement in statements()),
        ],
        check_specs=[*checks.history_check_specs(), *checks.analysis_check_specs()],
    )
    def analyses(context: dg.AssetExecutionContext, lake: Lake) -> Iterator[Any]:
        from spotify_assets.analytics.analysis_checks import count_all
        from spotify_assets.analytics.compaction import compact, read_days
        from spotify_assets.analytics.engines import open_engine
        from spotify_assets.analytics.identity import identify
        from spotify_assets.analytics.lake_files import open_lake_files
        from spotify_assets.analytics.released_tables import open_tables
        from spotify_assets.analytics.releases import make_release, write_release

        seen = {PUBLISHED_UP_TO: published_up_to(context.instance, CATALOG_KEY)}
        daily = lake.daily_files(anew=context.retry_number > 0)
        with open_lake_files(lake.store()) as files:
            compaction = compact(files, daily)
            left_out = {
                slug: {str(day): why for day, why in sorted(days.items())} for slug, days in compaction.left_out.items()
            }
            for slug, days in left_out.items():
                for day, why in days.items():
                    context.log.warning("Left out until it is made again: %s %s, %s", slug, day, why)
            _warn(context, compaction.damaged)
            history = read_days(files, compaction.years)
            for name, of_table in publish_metadata.of_history(history).items():
                yield dg.MaterializeResult(asset_key=[name], metadata={**of_table, **_changes(compaction), **seen})
            yield from checks.history_results(history, left_out)
            identity = identify(files, compaction.years)
            counts = {"songs": identity.songs, "alias candidates": len(identity.candidates)}
            for name in IDENTITY:
                yield dg.MaterializeResult(asset_key=[name], metadata={**seen, **counts})
            yield checks.identity_result(identity)
            with open_engine(settings, files, compaction.years) as engine:
                release = make_release(files, engine, _run_name(context.run.run_id), compaction, identity)
            found = {slug: [str(day) for day in checks.failed_days(days)] for slug, days in history.items()}
            failed = {slug: days for slug, days in found.items() if days}
            release = replace(release, failed_days=failed, left_out=left_out)
            write_release(files, release, PREPARED_KEY)
            with open_tables(files, release, compaction.years, settings.memory_limit, release.digests()) as tables:
                shown = publish_metadata.of_analyses(settings, tables)
                counted = count_all(tables)
        _warn(context, release.damaged)
        for name, of_table in shown.items():
            yield dg.MaterializeResult(asset_key=[name], metadata={**of_table, **_of_run(name, release), **seen})
        yield from checks.analysis_results(counted)

    return analyses


def _build_release(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=RELEASE_KEY,
        deps=[dg.AssetKey([name]) for name in ANALYSES],
        group_name="release",
        description=(
            "What is on the chart today? The newest run of all analyses becomes the one that people see: at once, "
            "never half of it. Its page has the chart with what moved, came and left, and leads to the report and to "
            "the place for queries. Runs before it are kept a while."
        ),
        kinds={"glue" if settings.glue_crawler else "duckdb"},
        owners=OWNERS,
        tags={"layer": "release"},
    )
    @without_useless_retries
    def release(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from spotify_assets.analytics.publishing import release_into_catalog

        seen = published_up_to(context.instance, dg.AssetKey([next(iter(ANALYSES))]))
        daily = lake.daily_files(anew=context.retry_number > 0)
        released, removed = release_into_catalog(settings, lake.store(), daily)
        failed = [f"{slug} {day}" for slug, days in released.failed_days.items() for day in days]
        return dg.MaterializeResult(
            metadata={
                **publish_metadata.of_release(settings, lake.store()),
                "days that failed checks": ", ".join(failed) or "none",
                LEFT_OUT: released.left_out_days() or NONE_LEFT_OUT,
                "old runs removed": ", ".join(removed) or "none",
                "run": released.run,
                PUBLISHED_UP_TO: seen,
            }
        )

    return release


def _analysis_spec(statement: Statement, engine: str) -> dg.AssetSpec:
    """An analysis as the UI has it, with its definition: the SQL, where it stands, and where it is put in words."""
    table = statement.table
    lineage = column_lineage()[table.name]
    deps = [dg.AssetKey([name]) for name in statement.inputs]
    columns = tuple(replace(column, sources=_sources(lineage[column.name])) for column in table.columns)
    return _spec(
        replace(table, columns=columns),
        deps,
        "analyses",
        engine,
        f"Defined in `{statement.file.name}`; in words in `docs/analyses.md`.",
        {
            "SQL": dg.MetadataValue.md(f"```sql\n{statement.text}\n```"),
            "dagster/code_references": dg.CodeReferencesMetadataValue(
                code_references=[dg.LocalFileCodeReference(file_path=str(statement.file), label=statement.file.name)]
            ),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column: [
                        dg.TableColumnDep(asset_key=[table], column_name=of_table)
                        for table, of_table in (source.split(".") for source in sources)
                    ]
                    for column, sources in lineage.items()
                }
            ),
        },
    )


def _sources(columns: Sequence[str]) -> tuple[str, ...]:
    """What a column is made of, in few words: the columns, or of many only their tables."""
    if len(columns) <= MOST_SOURCES_NAMED:
        return tuple(columns)
    return tuple(dict.fromkeys(column.split(".")[0] for column in columns))


def _spec(
    table: Table,
    deps: Sequence[dg.AssetKey],
    group: str,
    kind: str,
    definition: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        [table.name],
        deps=deps,
        description=described(table, *filter(None, [definition])),
        group_name=group,
        kinds={kind, "parquet"},
        owners=OWNERS,
        tags={"layer": group},
        metadata={
            "dagster/column_schema": column_schema(table, key_within="the table"),
            "dagster/table_name": table.name,
            **(metadata or {}),
        },
    )


def _warn(context: dg.AssetExecutionContext, damaged: Sequence[str]) -> None:
    for key in damaged:
        context.log.warning("Damaged or gone, and made again: %s", key)


def _run_name(run_id: str) -> str:
    """A name for a run's folder; a later run's name sorts after it."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{run_id[:8]}"


def _changes(compaction: "Compaction") -> dict[str, Any]:
    days = [f"{playlist} {day}" for (playlist, _), of_year in compaction.changed.items() for day in of_year]
    return {
        "days that changed": len(days),
        "the first and the last of them": " to ".join(dict.fromkeys([min(days), max(days)])) if days else "none",
        "years rewritten": len(compaction.changed),
        "days left out": sum(map(len, compaction.left_out.values())),
        "damaged and made again": ", ".join(compaction.damaged) or "none",
    }


def _of_run(name: str, release: "Release") -> dict[str, Any]:
    made = release.made.get(name, ())
    return {
        "run": release.run,
        "parts made": len(made),
        "parts kept": len(release.tables[name]) - len(made),
        "damaged and made again": ", ".join(key for key in release.damaged if f"/{name}/" in key) or "none",
    }

"""The semantic model as TMDL: tables, columns, hierarchies, measures, relationships, and where the rows come from.

TMDL is indented by tabs. A line that begins with `///` describes the object below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spotify_assets.bi.labels import MODEL, column_label, labelled, table_label
from spotify_assets.bi.powerbi.measures import MEASURES, Measure
from spotify_assets.schemas.star import DIM_DATE, FACTS, is_surrogate_key, joins
from spotify_assets.schemas.table import Column, Table

FOLDER = "Folder"
ATHENA = "Athena"


@dataclass(frozen=True)
class Source:
    """Where the model's rows come from. Each of these is a parameter of the model, which Power BI can change.

    Attributes:
        kind: `FOLDER` or `ATHENA`.
        folder: the folder with the Parquet files of the star schema, or above it.
        dsn: name of the ODBC data source (DSN) of Athena.
        database: Glue database with the tables of the star schema.
    """

    kind: str
    folder: str
    dsn: str
    database: str


@dataclass(frozen=True)
class _Type:
    model: str
    m: str
    format: str = ""


_TYPES: Mapping[str, _Type] = {
    "string": _Type("string", "type text"),
    "int32": _Type("int64", "Int64.Type", "#,0"),
    "int64": _Type("int64", "Int64.Type", "#,0"),
    "float64": _Type("double", "type number", "#,0.00"),
    "bool": _Type("boolean", "type logical"),
    "date": _Type("dateTime", "type date", "yyyy-mm-dd"),
}
_WITHOUT_SEPARATORS = ("date_number", "year")
_SORTED_BY = {"month_name": "month_number", "day_name": "day_of_week"}
HIERARCHIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dim_date": {
        "Calendar": ("year", "quarter", "month", "calendar_date"),
        "ISO weeks": ("week", "calendar_date"),
    },
    "dim_song": {"Artist and song": ("lead_artist_name", "song_label")},
}
"""By table and name, the columns from the widest level to the narrowest."""

_STAR_TABLE = """
(name as text) as table =>
let
    // Found by name, below the folder: so it does not matter how the folder's address is written.
    FromFolder = Table.SelectRows(Folder.Files(StarFolder), each [Name] = name & ".parquet"){0}[Content],
    FromAthena = AmazonAthena.Databases(AthenaDsn, null, [])
        {[Name = "AwsDataCatalog", Kind = "Database"]}[Data]
        {[Name = AthenaDatabase, Kind = "Schema"]}[Data]
        {[Name = name, Kind = "Table"]}[Data]
in
    if SourceKind = "Athena" then FromAthena else Parquet.Document(FromFolder)
"""


def model_files(source: Source) -> dict[str, str]:
    """The files of the model's definition, by their paths in it."""
    return {
        "database.tmdl": _text([f"database {MODEL}", *_in("compatibilityLevel: 1600")]),
        "model.tmdl": _text(_model()),
        "expressions.tmdl": _text(_expressions(source)),
        "relationships.tmdl": _text(line for fact in FACTS.values() for line in _relationships(fact)),
        **{f"tables/{label}.tmdl": _text(_table(table)) for label, table in labelled().items()},
    }


def _model() -> list[str]:
    return [
        "model Model",
        *_in(
            "culture: en-US",
            "defaultPowerBIDataSourceVersion: powerBI_V3",
            "discourageImplicitMeasures",
            "sourceQueryCulture: en-US",
            "dataAccessOptions",
            *_in("legacyRedirects", "returnErrorValuesAsNull"),
        ),
        "",
        # Otherwise Power BI makes a hidden date table for every date column.
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        *(f"ref table {_name(label)}" for label in labelled()),
    ]


def _expressions(source: Source) -> list[str]:
    return [
        *_parameter("SourceKind", source.kind, "Where rows come from: Folder or Athena", (FOLDER, ATHENA)),
        *_parameter("StarFolder", source.folder, "The folder of the Parquet files; used where SourceKind is Folder"),
        *_parameter("AthenaDsn", source.dsn, "The name of the ODBC data source; used where SourceKind is Athena"),
        *_parameter("AthenaDatabase", source.database, "The Glue database; used where SourceKind is Athena"),
        "/// The rows of a table of the star schema, from where the parameters say",
        "expression StarTable =",
        *_in(*_in(*_STAR_TABLE.strip().splitlines())),
        "",
        *_in("annotation PBI_ResultType = Function"),
    ]


def _parameter(name: str, value: str, description: str, allowed: Iterable[str] = ()) -> list[str]:
    choices = ", ".join(map(m_text, allowed))
    listed = f"List={{{choices}}}, DefaultValue={m_text(value)}, " if choices else ""
    meta = f'meta [IsParameterQuery=true, {listed}Type="Text", IsParameterQueryRequired=true]'
    return [
        f"/// {description}",
        f"expression {name} = {m_text(value)} {meta}",
        "",
        *_in("annotation PBI_ResultType = Text"),
        "",
    ]


def _relationships(fact: Table) -> list[str]:
    return [
        line
        for join in joins(fact)
        for line in [
            f"relationship {fact.name}_{join.column}",
            *_in(
                f"fromColumn: {_name(table_label(fact))}.{_name(column_label(join.column))}",
                f"toColumn: {_name(table_label(join.dimension))}.{_name(column_label(join.dimension.key[0]))}",
            ),
            "",
        ]
    ]


def _table(table: Table) -> list[str]:
    label = table_label(table)
    measures = [measure for measure in MEASURES if measure.table == label]
    return [
        f"/// {table.description}",
        f"table {_name(label)}",
        # With the key below, this is what marks a date table.
        *_in(*(["dataCategory: Time"] if table is DIM_DATE else [])),
        "",
        *_in(
            *(line for measure in measures for line in _measure(measure)),
            *(line for column in table.columns for line in _column(table, column)),
            *(line for name, levels in HIERARCHIES.get(table.name, {}).items() for line in _hierarchy(name, levels)),
            f"partition {_name(label)} = m",
            *_in("mode: import", "source =", *_in(*_in(*_query(table)))),
            "",
            "annotation PBI_ResultType = Table",
        ),
    ]


def _measure(measure: Measure) -> list[str]:
    return [
        f"/// {measure.description}",
        f"measure {_name(measure.name)} = {measure.dax}",
        *_in(f"formatString: {measure.format}"),
        "",
    ]


def _column(table: Table, column: Column) -> list[str]:
    type_ = _TYPES[column.type]
    format_ = "0" if column.name in _WITHOUT_SEPARATORS or is_surrogate_key(column) else type_.format
    return [
        f"/// {column.description}",
        f"column {_name(column_label(column.name))}",
        *_in(
            f"dataType: {type_.model}",
            *(["isHidden"] if is_surrogate_key(column) else []),
            *(["isKey"] if (column.name,) == table.key else []),
            *([f"formatString: {format_}"] if format_ else []),
            "summarizeBy: none",
            f"sourceColumn: {column.name}",
            *([f"sortByColumn: {_name(column_label(_SORTED_BY[column.name]))}"] if column.name in _SORTED_BY else []),
        ),
        "",
    ]


def _hierarchy(name: str, levels: Iterable[str]) -> list[str]:
    return [
        f"hierarchy {_name(name)}",
        "",
        *_in(
            *(
                line
                for level in levels
                for line in [
                    f"level {_name(column_label(level))}",
                    *_in(f"column: {_name(column_label(level))}"),
                    "",
                ]
            )
        ),
    ]


def _query(table: Table) -> list[str]:
    names = ", ".join(m_text(name) for name in table.column_names)
    types = ", ".join(f"{{{m_text(column.name)}, {_TYPES[column.type].m}}}" for column in table.columns)
    return [
        "let",
        f"    Source = StarTable({m_text(table.name)}),",
        f"    Columns = Table.SelectColumns(Source, {{{names}}}),",
        f"    Typed = Table.TransformColumnTypes(Columns, {{{types}}})",
        "in",
        "    Typed",
    ]


def m_text(value: str) -> str:
    """A text in Power Query's language."""
    escaped = value.replace("#(", "#(#)(").replace('"', '""')
    return f'"{escaped}"'


def _name(name: str) -> str:
    """A name as TMDL has it: in quotes where it is not one word."""
    return name if re.fullmatch(r"\w+", name) else f"'{name}'"


def _in(*lines: str) -> list[str]:
    """Lines one level further in."""
    return [f"\t{line}" if line else "" for line in lines]


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"

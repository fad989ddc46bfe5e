"""Tableau's data sources on the star schema: one per fact, joined with its dimensions.

Every fact row finds one row of each dimension, so that inner joins neither lose nor repeat rows. The tables are those
of an extract (`.hyper`) or of Athena; fields are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree as ET

from spotify_assets.bi.labels import MODEL, column_label, table_label
from spotify_assets.bi.tableau.xml_text import VERSION, document, element, identifier
from spotify_assets.schemas.star import FACTS, is_surrogate_key, joins
from spotify_assets.schemas.table import Column, Table

EXTRACT = f"Data/Extracts/{MODEL}.hyper"
"""Where the extract is, beside a workbook and in a packaged one."""
HYPER_SCHEMA = "public"


@dataclass(frozen=True)
class Connection:
    """Where the tables are: what Tableau records of a connection, and the schema that they are in."""

    kind: str
    schema: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class _Type:
    name: str
    remote: str
    aggregation: str


_TYPES: Mapping[str, _Type] = {
    "string": _Type("string", "129", "Count"),
    "int32": _Type("integer", "20", "Sum"),
    "int64": _Type("integer", "20", "Sum"),
    "float64": _Type("real", "5", "Sum"),
    "bool": _Type("boolean", "11", "Count"),
    "date": _Type("date", "133", "Year"),
}
_NUMBERS = ("int32", "int64", "float64")


def extract_connection() -> Connection:
    """To the extract that lies beside the workbook."""
    return Connection(
        "hyper",
        HYPER_SCHEMA,
        {
            "authentication": "auth-none",
            "author-locale": "en_US",
            "dbname": EXTRACT,
            "default-settings": "yes",
            "schema": HYPER_SCHEMA,
            "sslmode": "",
            "username": "tableau_internal_user",
        },
    )


def athena_connection(region: str, database: str) -> Connection:
    """To Athena. Tableau asks for the rest, which is secret or of the person: keys, and the folder for results."""
    return Connection(
        "athena",
        database,
        {
            "dbname": "AwsDataCatalog",
            "port": "443",
            "schema": database,
            "server": f"athena.{region}.amazonaws.com",
            "username": "",
        },
    )


@dataclass(frozen=True)
class DataField:
    """A field of a data source: a column of the fact, or of a dimension that it joins."""

    table: Table
    column: Column

    @property
    def datatype(self) -> str:
        """Tableau's name of its type."""
        return _TYPES[self.column.type].name

    @property
    def is_measure(self) -> bool:
        """Whether Tableau offers it to be summed: numbers of facts that are no keys."""
        return self.table.name in FACTS and self.column.type in _NUMBERS and not is_surrogate_key(self.column)

    @property
    def kind(self) -> str:
        """Quantitative, ordinal or nominal."""
        if self.is_measure:
            return "quantitative"
        return "ordinal" if self.column.type in ("date", *_NUMBERS) else "nominal"


@dataclass(frozen=True)
class DataSource:
    """The data source of a fact."""

    fact: Table

    @property
    def name(self) -> str:
        """Its name in the XML."""
        return f"federated.{self.fact.name}"

    @property
    def caption(self) -> str:
        """Its name for people."""
        return table_label(self.fact)

    @cached_property
    def fields(self) -> dict[str, DataField]:
        """Its fields by name. Keys of dimensions are left out: the fact has them."""
        found = {column.name: DataField(self.fact, column) for column in self.fact.columns}
        for join in joins(self.fact):
            for column in join.dimension.columns:
                if column.name not in join.dimension.key:
                    found[column.name] = DataField(join.dimension, column)
        return found

    @property
    def _object(self) -> str:
        return f"{self.fact.name}_{identifier(self.name).replace('-', '')}"

    def columns(self, names: list[str] | None = None) -> list[ET.Element]:
        """The elements that say what its fields are, or those of these names."""
        return [
            element(
                "column",
                {
                    "caption": column_label(name),
                    "datatype": field.datatype,
                    **({"hidden": "true"} if is_surrogate_key(field.column) else {}),
                    "name": f"[{name}]",
                    "role": "measure" if field.is_measure else "dimension",
                    "type": field.kind,
                },
                element("desc", None, element("formatted-text", None, element("run", None, field.column.description))),
            )
            for name, field in self.fields.items()
            if names is None or name in names
        ]

    def content(self, connection: Connection) -> list[ET.Element]:
        """What the element of the data source holds."""
        named = f"{connection.kind}.{MODEL}"
        record = element(
            "connection",
            {"class": "federated"},
            element(
                "named-connections",
                None,
                element(
                    "named-connection",
                    {"caption": MODEL, "name": named},
                    element("connection", {"class": connection.kind, **connection.attributes}),
                ),
            ),
            self._relation(connection, named),
            element(
                "cols",
                None,
                *(
                    element("map", {"key": f"[{name}]", "value": f"[{field.table.name}].[{name}]"})
                    for name, field in self.fields.items()
                ),
            ),
            element("metadata-records", None, *(self._metadata(place, name) for place, name in enumerate(self.fields))),
        )
        return [
            record,
            element("aliases", {"enabled": "yes"}),
            *self.columns(),
            element(
                "column",
                {
                    "caption": self.caption,
                    "datatype": "table",
                    "name": f"[__tableau_internal_object_id__].[{self._object}]",
                    "role": "measure",
                    "type": "quantitative",
                },
            ),
            element("date-options", {"start-of-week": "monday"}),
            element(
                "object-graph",
                None,
                element(
                    "objects",
                    None,
                    element(
                        "object",
                        {"caption": self.caption, "id": self._object},
                        element("properties", {"context": ""}, self._relation(connection, named)),
                    ),
                ),
            ),
        ]

    def _relation(self, connection: Connection, named: str) -> ET.Element:
        """The fact joined with one dimension, the result with the next one, and so on."""
        joined = _table_relation(self.fact, connection, named)
        for join in joins(self.fact):
            clause = element(
                "clause",
                {"type": "join"},
                element(
                    "expression",
                    {"op": "="},
                    element("expression", {"op": f"[{self.fact.name}].[{join.column}]"}),
                    element("expression", {"op": f"[{join.dimension.name}].[{join.dimension.key[0]}]"}),
                ),
            )
            other = _table_relation(join.dimension, connection, named)
            joined = element("relation", {"join": "inner", "type": "join"}, clause, joined, other)
        return joined

    def _metadata(self, place: int, name: str) -> ET.Element:
        field = self.fields[name]
        type_ = _TYPES[field.column.type]
        values = {
            "remote-name": name,
            "remote-type": type_.remote,
            "local-name": f"[{name}]",
            "parent-name": f"[{field.table.name}]",
            "remote-alias": name,
            "ordinal": str(place),
            "local-type": type_.name,
            "aggregation": type_.aggregation,
            "contains-null": str(field.column.nullable).lower(),
            "object-id": f"[{self._object}]",
        }
        return element(
            "metadata-record", {"class": "column"}, *(element(tag, None, text) for tag, text in values.items())
        )


DATA_SOURCES: Mapping[str, DataSource] = {name: DataSource(fact) for name, fact in FACTS.items()}


def athena_files(region: str, database: str) -> dict[str, str]:
    """A data source (`.tds`) in Athena for each fact, by the names of the files."""
    connection = athena_connection(region, database)
    return {
        f"{source.caption} in Athena.tds": document(
            element(
                "datasource",
                {"formatted-name": source.name, "inline": "true", "version": VERSION},
                element("document-format-change-manifest", None, element("ManifestByVersion")),
                *source.content(connection),
            )
        )
        for source in DATA_SOURCES.values()
    }


def _table_relation(table: Table, connection: Connection, named: str) -> ET.Element:
    return element(
        "relation",
        {
            "connection": named,
            "name": table.name,
            "table": f"[{connection.schema}].[{table.name}]",
            "type": "table",
        },
    )

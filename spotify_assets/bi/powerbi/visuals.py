"""Visuals of a Power BI report as PBIR: what is shown in which role, how it is sorted, and what is filtered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/visualContainer/2.9.0/schema.json"
Json = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A column or a measure of the model, by the names that the model gives them."""

    table: str
    name: str
    is_measure: bool = False

    @property
    def reference(self) -> str:
        """How a visual refers to it."""
        return f"{self.table}.{self.name}"

    def expression(self, source: Json | None = None) -> Json:
        """The field as an expression, of the model or of a source of a query."""
        kind = "Measure" if self.is_measure else "Column"
        return {kind: {"Expression": {"SourceRef": source or {"Entity": self.table}}, "Property": self.name}}


@dataclass(frozen=True)
class Top:
    """Only so many values of a column, those with the most of a measure."""

    count: int
    of: Field
    by: Field


@dataclass(frozen=True)
class Place:
    """Where a visual is on its page, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Visual:
    """One visual.

    Attributes:
        name: unique on its page.
        kind: Power BI's name of the type of visual.
        title: what stands above it.
        description: what those hear or read who do not see it.
        place: where it is.
        roles: the fields of each role (`Values`, `Category`, `Y`, ...) of its type.
        sort: by what it is sorted, downwards or upwards.
        top: what is left out of it.
        objects: how it is drawn, by object of its type: values of properties.
    """

    name: str
    kind: str
    title: str
    description: str
    place: Place
    roles: Mapping[str, tuple[Field, ...]]
    sort: tuple[Field, str] | None = None
    top: Top | None = None
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def visual_file(visual: Visual, order: int) -> Json:
    """The file of a visual, the `order`-th of its page."""
    query: Json = {
        "queryState": {
            role: {"projections": [_projection(shown) for shown in fields]} for role, fields in visual.roles.items()
        }
    }
    if visual.sort:
        sorted_by, direction = visual.sort
        query["sortDefinition"] = {"sort": [{"field": sorted_by.expression(), "direction": direction}]}
    content: Json = {
        "visualType": visual.kind,
        "query": query,
        "objects": {name: [{"properties": _properties(values)}] for name, values in visual.objects.items()},
        "visualContainerObjects": {
            "title": [{"properties": _properties({"show": "true", "text": _quoted(visual.title)})}],
            "general": [{"properties": _properties({"altText": _quoted(visual.description)})}],
        },
        "drillFilterOtherVisuals": True,
    }
    place = visual.place
    return {
        "$schema": SCHEMA,
        "name": visual.name,
        "position": {
            "x": place.x,
            "y": place.y,
            "z": order * 1000,
            "width": place.width,
            "height": place.height,
            "tabOrder": order * 1000,
        },
        "visual": content,
        **({"filterConfig": {"filters": [top_filter(f"top_{visual.name}", visual.top)]}} if visual.top else {}),
    }


def equals_filter(name: str, column: Field, literal: str) -> Json:
    """A filter of rows by the value of a column."""
    return {
        "name": name,
        "field": column.expression(),
        "type": "Categorical",
        "filter": {
            "Version": 2,
            "From": [{"Name": "t", "Entity": column.table, "Type": 0}],
            "Where": [
                {
                    "Condition": {
                        "In": {
                            "Expressions": [column.expression({"Source": "t"})],
                            "Values": [[{"Literal": {"Value": literal}}]],
                        }
                    }
                }
            ],
        },
    }


def top_filter(name: str, top: Top) -> Json:
    """A filter for the values of a column with the most of a measure."""
    of, by = top.of, top.by
    ranked = {
        "Version": 2,
        "From": [{"Name": "o", "Entity": of.table, "Type": 0}, {"Name": "b", "Entity": by.table, "Type": 0}],
        "Select": [{**of.expression({"Source": "o"}), "Name": "field"}],
        "OrderBy": [{"Direction": 2, "Expression": by.expression({"Source": "b"})}],
        "Top": top.count,
    }
    return {
        "name": name,
        "field": of.expression(),
        "type": "TopN",
        "filter": {
            "Version": 2,
            "From": [
                {"Name": "ranked", "Expression": {"Subquery": {"Query": ranked}}, "Type": 2},
                {"Name": "o", "Entity": of.table, "Type": 0},
            ],
            "Where": [
                {
                    "Condition": {
                        "In": {
                            "Expressions": [of.expression({"Source": "o"})],
                            "Table": {"SourceRef": {"Source": "ranked"}},
                        }
                    }
                }
            ],
        },
    }


def _projection(shown: Field) -> Json:
    return {"field": shown.expression(), "queryRef": shown.reference, "nativeQueryRef": shown.name}


def _properties(values: Mapping[str, str]) -> Json:
    return {name: {"expr": {"Literal": {"Value": value}}} for name, value in values.items()}


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"

"""Which columns each column of an analysis is made of.

sqlglot reads it from the SQL, which takes seconds; so it is read once, into column_lineage.json, by
`.venv/bin/python -m spotify_assets.analytics.lineage` after a change of the SQL. A test compares them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.analytics.statements import INPUTS, Statement, statements
from spotify_assets.schemas.types import TYPES

if TYPE_CHECKING:
    from sqlglot.lineage import Node

FILE = Path(__file__).parent / "column_lineage.json"
Lineage = Mapping[str, Mapping[str, list[str]]]
"""By table and column, the columns that it is made of, as `table.column`; none for a constant or a count of rows."""


@cache
def column_lineage() -> Lineage:
    """The lineage of all analyses."""
    lineage: Lineage = json.loads(FILE.read_text(encoding="utf-8"))
    return lineage


def lineage_in_sql(statement: Statement) -> dict[str, list[str]]:
    """The lineage of the columns of one analysis, read from its SQL."""
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    schema: dict[str, object] = {name: _column_types(name) for name in statement.inputs}
    query = qualify(statement.query(), schema=schema, dialect="athena", quote_identifiers=False, identify=False)
    scope = build_scope(query)
    return {
        column: _sources(lineage(column, query, schema=schema, dialect="athena", scope=scope, copy=False))
        for column in statement.table.column_names
    }


def _column_types(name: str) -> Mapping[str, str]:
    types = {column.name: TYPES[column.type].trino for column in INPUTS[name].columns}
    return types | {"playlist": "varchar"}


def _sources(root: Node) -> list[str]:
    from sqlglot import exp

    leaves = (node for node in root.walk() if isinstance(node.expression, exp.Table))
    return sorted({f"{leaf.expression.name}.{leaf.name.rpartition('.')[2]}" for leaf in leaves})


if __name__ == "__main__":
    found = {statement.table.name: lineage_in_sql(statement) for statement in statements()}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

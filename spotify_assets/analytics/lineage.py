"""Which columns each column of an analysis is made of, read from its SQL by sqlglot."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from spotify_assets.analytics.statements import INPUTS, TRINO_TYPES, Statement

ColumnSource = tuple[str, str]
"""A table and one of its columns."""


def column_lineage(statement: Statement) -> dict[str, list[ColumnSource]]:
    """The columns that each column is made of; none for a constant, and for a count of rows."""
    schema: dict[str, object] = {name: _column_types(name) for name in statement.inputs}
    query = qualify(statement.query(), schema=schema, dialect="athena", quote_identifiers=False, identify=False)
    scope = build_scope(query)
    return {
        column: _sources(lineage(column, query, schema=schema, dialect="athena", scope=scope, copy=False))
        for column in statement.table.column_names
    }


def _column_types(name: str) -> Mapping[str, str]:
    types = {column.name: TRINO_TYPES.get(column.type, "array(varchar)") for column in INPUTS[name].columns}
    return types | {"playlist": "varchar"}


def _sources(root: Node) -> list[ColumnSource]:
    leaves = (node for node in root.walk() if isinstance(node.expression, exp.Table))
    return sorted({(leaf.expression.name, leaf.name.rpartition(".")[2]) for leaf in leaves})

"""What people's tools call the tables and columns of the star schema.

`fact_chart_entries.edition_date` is the `Edition date` of `Chart entries`.
"""

from __future__ import annotations

from spotify_assets.schemas.star import DIMENSIONS, FACTS
from spotify_assets.schemas.table import Table

MODEL = "spotify_charts"
"""What files, projects and data sources of the pack are called."""


def table_label(table: Table) -> str:
    """The name of a table for people."""
    return column_label(table.name.removeprefix("fact_").removeprefix("dim_"))


def column_label(name: str) -> str:
    """The name of a column for people."""
    return name.replace("_", " ").capitalize()


def labelled() -> dict[str, Table]:
    """The tables of the star schema by their names for people, facts first."""
    return {table_label(table): table for table in (*FACTS.values(), *DIMENSIONS.values())}

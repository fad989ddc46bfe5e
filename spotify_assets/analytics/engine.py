"""What an engine does: run a statement and put its rows into the lake. Engines are `duckdb_engine` and `athena_engine`.

Every run writes to a folder of its own, `analytics/<table>/run=<run>/`, which nobody reads before the release.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from spotify_assets.analytics.statements import Part, Statement
from spotify_assets.schemas.table import Table


class Engine(Protocol):
    """Runs statements.

    What they read is named as in the SQL files: the compacted history with its columns `playlist` (text) and `year`
    (whole number), `song_identity`, and the analyses that the same run has made before.
    """

    def write(self, statement: Statement, parts: Collection[Part], run: str) -> Mapping[Part, Mapping[str, str]]:
        """Make some parts of an analysis.

        Returns:
            By part, the keys of the Parquet files written, below `run_prefix`, each with the SHA-256 of its bytes. A
            part without rows may have none.

        Raises:
            EngineError: the engine refuses the statement, fails, or runs into a limit; what was written is in the
                run's folder only.
            SchemaViolation: the rows are not those that the schema promises.
        """
        ...

    def ready(self, table: Table, files: Mapping[Part, Sequence[str]], run: str) -> None:
        """Take note of an analysis that is complete in the run's folder, so that statements can read it.

        Args:
            table: the analysis.
            files: the keys of all its Parquet files by part, those that were kept from an earlier run included.
            run: the run.

        Raises:
            CatalogError: Glue does not take it.
            EngineError: Athena could not look at it.
            SchemaViolation: several rows have the same key.
        """
        ...

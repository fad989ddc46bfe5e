"""The saved queries: files in `queries/`, in Athena's dialect, each of which answers one question as it stands.

A file opens with a comment: a line with what it answers, then how, and what its options mean. Its first named query,
`asked`, has one row with what may be asked for: null means that nothing was. `spotify-assets query` puts the answers of
the command line there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.analytics.statements import parse
from spotify_assets.errors import SettingsError

if TYPE_CHECKING:
    from sqlglot import exp

FOLDER = Path(__file__).with_name("queries")
ASKED = "asked"
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "compare_playlists": ("playlist", "other_playlist"),
    "song_story": ("song",),
}
"""What a query cannot be asked without, by its name; all else has a default."""


@dataclass(frozen=True)
class SavedQuery:
    """One saved query."""

    name: str
    text: str

    @property
    def answers(self) -> str:
        """What it answers, in a line."""
        return self._comment[0]

    @property
    def details(self) -> str:
        """How it answers, and what its options mean, in prose."""
        return " ".join(self._comment[1:])

    @property
    def takes(self) -> list[str]:
        """What it may be asked for."""
        return list(_places(parse(self.text)))

    @property
    def needs(self) -> tuple[str, ...]:
        """What it cannot be asked without; all else has a default."""
        return REQUIRED.get(self.name, ())

    @property
    def _comment(self) -> list[str]:
        lines = self.text.split("\nwith ", 1)[0].splitlines()
        return [line.removeprefix("--").strip() for line in lines]

    def asking(self, values: Mapping[str, str | date | None]) -> exp.Query:
        """The query with values put in; None leaves the default.

        Raises:
            SettingsError: the query has no place for a value, or cannot do without one that is not given.
        """
        from sqlglot import exp

        query = parse(self.text)
        places = _places(query)
        for name, value in values.items():
            if value is None:
                continue
            if name not in places:
                raise SettingsError(
                    f"The query {self.name} takes no {name}.",
                    why=f"it may be asked for {', '.join(places)}",
                    remedy="leave it out, or choose another query",
                )
            kind = "date" if isinstance(value, date) else "varchar"
            places[name].set("this", exp.cast(exp.Literal.string(str(value)), kind))
        lacking = [name for name in self.needs if values.get(name) is None]
        if lacking:
            raise SettingsError(
                f"The query {self.name} was not told everything.",
                why=f"without {' and '.join(lacking)} it has no answer",
                remedy=f"give {' and '.join('--' + name.replace('_', '-') for name in lacking)}",
            )
        return query


def _places(query: exp.Query) -> dict[str, exp.Expression]:
    """The places of a query for what it is asked for, by name."""
    from sqlglot import exp

    asked = next(cte for cte in query.find_all(exp.CTE) if cte.alias == ASKED).this
    return {place.alias: place for place in asked.expressions}


def saved_queries() -> dict[str, SavedQuery]:
    """All saved queries by name."""
    return {path.stem: SavedQuery(path.stem, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.sql"))}


def saved_query(name: str) -> SavedQuery:
    """The saved query of a name.

    Raises:
        SettingsError: there is none; those that there are, are named.
    """
    queries = saved_queries()
    if name not in queries:
        raise SettingsError(
            f"There is no saved query {name!r}.", why=f"there are {', '.join(queries)}", remedy="give one of these"
        )
    return queries[name]

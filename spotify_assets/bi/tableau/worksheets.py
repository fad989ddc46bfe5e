"""The worksheets of the Tableau workbook: which fields are on which shelf, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from spotify_assets.bi.tableau.data_sources import DATA_SOURCES, DataSource
from spotify_assets.bi.tableau.xml_text import element, simple_id

_PREFIXES = {"None": "none", "Sum": "sum", "Avg": "avg", "Min": "min", "Count": "cnt"}
_SUFFIXES = {"nominal": "nk", "ordinal": "ok", "quantitative": "qk"}


@dataclass(frozen=True)
class Pill:
    """A field as a shelf uses it.

    Attributes:
        column: its name.
        derivation: `None`, or how it is aggregated.
        kind: `nominal`, `ordinal` or `quantitative`; a continuous date is quantitative.
    """

    column: str
    derivation: str = "None"
    kind: str = "nominal"

    @property
    def name(self) -> str:
        """The name of this use of the field."""
        return f"[{_PREFIXES[self.derivation]}:{self.column}:{_SUFFIXES[self.kind]}]"


def _sum(column: str) -> Pill:
    return Pill(column, "Sum", "quantitative")


def _ordered(column: str) -> Pill:
    return Pill(column, kind="ordinal")


@dataclass(frozen=True)
class Sheet:
    """One worksheet.

    Attributes:
        name: unique in the workbook.
        fact: the fact of its data source.
        description: what those hear or read who do not see it.
        mark: how a mark is drawn: Text, Bar or Line.
        rows, columns: what is on these shelves.
        encodings: what marks carry, by name: color, text.
        true_only: a column of truth values; other rows are left out.
        top: a column, how many of its values are shown, and the column by whose sum they are chosen.
        upside_down: whether the axis of the rows runs downwards: number one stands above.
    """

    name: str
    fact: str
    description: str
    mark: str
    rows: tuple[Pill, ...]
    columns: tuple[Pill, ...] = ()
    encodings: Mapping[str, Pill] = field(default_factory=dict)
    true_only: str | None = None
    top: tuple[str, int, str] | None = None
    upside_down: bool = False

    @property
    def source(self) -> DataSource:
        """Its data source."""
        return DATA_SOURCES[self.fact]

    @property
    def pills(self) -> tuple[Pill, ...]:
        """Every field that it uses, each once."""
        filtered = [PLAYLIST, *([Pill(self.true_only)] if self.true_only else [])]
        topped = [Pill(self.top[0]), _sum(self.top[2])] if self.top else []
        return tuple(dict.fromkeys([*self.rows, *self.columns, *self.encodings.values(), *filtered, *topped]))


PLAYLIST = Pill("playlist_title")
"""By which every worksheet can be filtered."""

SHEETS = (
    Sheet(
        name="The newest edition",
        fact="fact_chart_entries",
        description="Every song of the newest edition, with its place, its movement and its run",
        mark="Text",
        rows=(
            PLAYLIST,
            _ordered("position"),
            Pill("song_label"),
            _ordered("movement"),
            Pill("entry_status"),
            _ordered("peak_position"),
            _ordered("editions_on_chart"),
        ),
        encodings={"text": _sum("streams")},
        true_only="is_newest_edition",
    ),
    Sheet(
        name="What moved",
        fact="fact_chart_entries",
        description="Songs of the newest edition by what they did: up, down, the same, new or back",
        mark="Bar",
        rows=(Pill("entry_status"),),
        columns=(Pill("song_key", "Count", "quantitative"),),
        true_only="is_newest_edition",
    ),
    Sheet(
        name="Songs with the most points",
        fact="fact_chart_entries",
        description="Points of the twenty-five songs with the most",
        mark="Bar",
        rows=(Pill("song_label"),),
        columns=(_sum("points"),),
        top=("song_label", 25, "points"),
    ),
    Sheet(
        name="Runs of songs",
        fact="fact_chart_entries",
        description="Position by day of the ten songs with the most points",
        mark="Line",
        rows=(Pill("position", "Min", "quantitative"),),
        columns=(Pill("edition_date", kind="quantitative"),),
        encodings={"color": Pill("song_label")},
        top=("song_label", 10, "points"),
        upside_down=True,
    ),
    Sheet(
        name="Artists with the most points",
        fact="fact_artist_credits",
        description="Points of the twenty-five artists with the most; a song's points are shared by its artists",
        mark="Bar",
        rows=(Pill("artist_name"),),
        columns=(_sum("points_fractional"),),
        top=("artist_name", 25, "points_fractional"),
    ),
    Sheet(
        name="Artists by month",
        fact="fact_artist_credits",
        description="Points by month of the five artists with the most; a song's points are shared by its artists",
        mark="Line",
        rows=(_sum("points_fractional"),),
        columns=(Pill("month"),),
        encodings={"color": Pill("artist_name")},
        top=("artist_name", 5, "points_fractional"),
    ),
    Sheet(
        name="Songs that came and left",
        fact="fact_chart_editions",
        description="How many songs came to the chart in each month, and how many left it",
        mark="Bar",
        rows=(_sum("entries"), _sum("exits")),
        columns=(Pill("month"),),
    ),
    Sheet(
        name="Editions",
        fact="fact_chart_editions",
        description="Every edition, with what is missing before it, and what the checks found",
        mark="Text",
        rows=(
            PLAYLIST,
            _ordered("edition_date"),
            Pill("source"),
            _ordered("missing_before"),
            _ordered("unidentified"),
            Pill("failed_checks"),
        ),
        encodings={"text": _sum("songs")},
    ),
)


def worksheet(sheet: Sheet) -> ET.Element:
    """The element of a worksheet."""
    source = sheet.source
    names = [pill.column for pill in sheet.pills]
    filters = [PLAYLIST, *([Pill(sheet.true_only)] if sheet.true_only else [])]
    if sheet.top:
        filters.append(Pill(sheet.top[0]))
    view = element(
        "view",
        None,
        element("datasources", None, element("datasource", {"caption": source.caption, "name": source.name})),
        element(
            "datasource-dependencies",
            {"datasource": source.name},
            *source.columns(names),
            *(_instance(pill) for pill in sheet.pills),
        ),
        *_filters(sheet),
        *_sorts(sheet),
        element("slices", None, *(element("column", None, _reference(source, pill)) for pill in filters)),
        element("aggregation", {"value": "true"}),
    )
    pane = element(
        "pane",
        {"selection-relaxation-option": "selection-relaxation-allow"},
        element("view", None, element("breakdown", {"value": "auto"})),
        element("mark", {"class": sheet.mark}),
    )
    if sheet.encodings:
        carried = (element(name, {"column": _reference(source, pill)}) for name, pill in sheet.encodings.items())
        pane.append(element("encodings", None, *carried))
    return element(
        "worksheet",
        {"name": sheet.name},
        element(
            "layout-options",
            None,
            element("title", None, _formatted(sheet.name)),
            element("alt-text", None, _formatted(sheet.description)),
        ),
        element(
            "table",
            None,
            view,
            _style(sheet),
            element("panes", None, pane),
            element("rows", None, _shelf(source, sheet.rows)),
            element("cols", None, _shelf(source, sheet.columns)),
        ),
        simple_id(f"worksheet {sheet.name}"),
    )


def _filters(sheet: Sheet) -> list[ET.Element]:
    made = [_filter(sheet.source, PLAYLIST, _members(PLAYLIST))]
    if sheet.true_only:
        pill = Pill(sheet.true_only)
        chosen = {
            "function": "member",
            "level": pill.name,
            "member": "true",
            "user:ui-domain": "database",
            "user:ui-enumeration": "inclusive",
            "user:ui-marker": "enumerate",
        }
        made.append(_filter(sheet.source, pill, element("groupfilter", chosen)))
    if sheet.top:
        column, count, by = sheet.top
        ranked = element(
            "groupfilter",
            {
                "direction": "DESC",
                "expression": f"SUM([{by}])",
                "function": "order",
                "user:ui-marker": "order",
            },
            _members(Pill(column)),
        )
        end = element(
            "groupfilter",
            {
                "count": str(count),
                "end": "top",
                "function": "end",
                "units": "records",
                "user:ui-marker": "end",
                "user:ui-top-by-field": "true",
            },
            ranked,
        )
        made.append(_filter(sheet.source, Pill(column), end))
    return made


def _sorts(sheet: Sheet) -> list[ET.Element]:
    """Bars are sorted by their length."""
    if sheet.mark != "Bar" or not sheet.columns or sheet.columns[0].kind != "quantitative":
        return []
    sort = element(
        "shelf-sort-v2",
        {
            "dimension-to-sort": _reference(sheet.source, sheet.rows[0]),
            "direction": "DESC",
            "is-on-innermost-dimension": "true",
            "measure-to-sort-by": _reference(sheet.source, sheet.columns[0]),
            "shelf": "rows",
        },
    )
    return [element("shelf-sorts", None, sort)]


def _style(sheet: Sheet) -> ET.Element:
    if not sheet.upside_down:
        return element("style")
    encoding = {
        "attr": "space",
        "class": "0",
        "field": _reference(sheet.source, sheet.rows[0]),
        "field-type": "quantitative",
        "reverse": "true",
        "scope": "rows",
        "type": "space",
    }
    return element("style", None, element("style-rule", {"element": "axis"}, element("encoding", encoding)))


def _filter(source: DataSource, pill: Pill, kept: ET.Element) -> ET.Element:
    return element("filter", {"class": "categorical", "column": _reference(source, pill)}, kept)


def _members(pill: Pill) -> ET.Element:
    return element(
        "groupfilter",
        {
            "function": "level-members",
            "level": pill.name,
            "user:ui-enumeration": "all",
            "user:ui-marker": "enumerate",
        },
    )


def _instance(pill: Pill) -> ET.Element:
    return element(
        "column-instance",
        {
            "column": f"[{pill.column}]",
            "derivation": pill.derivation,
            "name": pill.name,
            "pivot": "key",
            "type": pill.kind,
        },
    )


def _reference(source: DataSource, pill: Pill) -> str:
    return f"[{source.name}].{pill.name}"


def _shelf(source: DataSource, pills: tuple[Pill, ...]) -> str:
    """Figures are set beside each other; other fields are nested, the first one outermost."""
    references = [_reference(source, pill) for pill in pills]
    if not references:
        return ""
    between = " + " if all(pill.kind == "quantitative" for pill in pills) else " / "
    *outer, text = references
    for reference in reversed(outer):
        text = f"({reference}{between}{text})"
    return text


def _formatted(text: str) -> ET.Element:
    return element("formatted-text", None, element("run", None, text))

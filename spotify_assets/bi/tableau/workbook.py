"""The Tableau workbook (`.twb`): four dashboards on the extract that lies beside it, and the same packed (`.twbx`)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from spotify_assets.bi.labels import MODEL
from spotify_assets.bi.tableau.data_sources import DATA_SOURCES, EXTRACT, extract_connection
from spotify_assets.bi.tableau.worksheets import PLAYLIST, SHEETS, Sheet, worksheet
from spotify_assets.bi.tableau.xml_text import VERSION, document, element, simple_id

WORKBOOK = f"{MODEL}.twb"
_WHOLE = 100_000
"""Places on a dashboard are in such parts of its width and height."""
_FILTER = 8_000
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The date of files in a packed workbook, so that the same content gives the same bytes."""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: its worksheets beside each other, below a filter of the playlist."""

    name: str
    sheets: tuple[Sheet, ...]


_BY_NAME = {sheet.name: sheet for sheet in SHEETS}
DASHBOARDS = tuple(
    Dashboard(name, tuple(_BY_NAME[sheet] for sheet in sheets))
    for name, sheets in (
        ("Today", ("The newest edition", "What moved")),
        ("Songs", ("Songs with the most points", "Runs of songs")),
        ("Artists", ("Artists with the most points", "Artists by month")),
        ("Chart health", ("Songs that came and left", "Editions")),
    )
)


def workbook_text() -> str:
    """The workbook."""
    connection = extract_connection()
    return document(
        element(
            "workbook",
            {
                "original-version": VERSION,
                "source-build": "2026.2.0 (20262.26.0528.2205)",
                "source-platform": "win",
                "version": VERSION,
            },
            element("document-format-change-manifest", None, element("ManifestByVersion")),
            element(
                "datasources",
                None,
                *(
                    element(
                        "datasource",
                        {"caption": source.caption, "inline": "true", "name": source.name, "version": VERSION},
                        *source.content(connection),
                    )
                    for source in DATA_SOURCES.values()
                ),
            ),
            element("worksheets", None, *map(worksheet, SHEETS)),
            element("dashboards", None, *map(_dashboard, DASHBOARDS)),
            element("windows", None, *map(_sheet_window, SHEETS), *map(_dashboard_window, DASHBOARDS)),
            # The schema asks for it.
            element(
                "explain-data",
                {"enabled-for-viewer": "false", "extreme-values-enabled-for-all": "false"},
                element("explanation-types"),
            ),
        )
    )


def pack(extract: Path, target: IO[bytes]) -> None:
    """Write the packed workbook: the workbook and its extract in one file."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(_entry(WORKBOOK), workbook_text())
        with extract.open("rb") as data, packed.open(_entry(EXTRACT), "w") as entry:
            while block := data.read(1 << 20):
                entry.write(block)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ALWAYS)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _dashboard(dashboard: Dashboard) -> ET.Element:
    first = dashboard.sheets[0]
    width = _WHOLE // len(dashboard.sheets)
    shown = [
        element(
            "zone",
            {
                "alt-text": sheet.description,
                "h": str(_WHOLE - _FILTER),
                "id": str(number + 3),
                "name": sheet.name,
                "w": str(width),
                "x": str(number * width),
                "y": str(_FILTER),
            },
        )
        for number, sheet in enumerate(dashboard.sheets)
    ]
    playlist = element(
        "zone",
        {
            "h": str(_FILTER),
            "id": "2",
            "mode": "checkdropdown",
            "name": first.name,
            "param": f"[{first.source.name}].{PLAYLIST.name}",
            "type-v2": "filter",
            "w": str(_WHOLE),
            "x": "0",
            "y": "0",
        },
    )
    whole = {"h": str(_WHOLE), "id": "1", "type-v2": "layout-basic", "w": str(_WHOLE), "x": "0", "y": "0"}
    return element(
        "dashboard",
        {"name": dashboard.name},
        element("style"),
        element("size", {"maxheight": "800", "maxwidth": "1200", "minheight": "800", "minwidth": "1200"}),
        element("zones", None, element("zone", whole, playlist, *shown)),
        simple_id(f"dashboard {dashboard.name}"),
    )


def _sheet_window(sheet: Sheet) -> ET.Element:
    left = element(
        "strip", {"size": "160"}, *(element("card", {"type": kind}) for kind in ("pages", "filters", "marks"))
    )
    top = (
        element("strip", {"size": "2147483647"}, element("card", {"type": kind}))
        for kind in ("columns", "rows", "title")
    )
    return element(
        "window",
        {"class": "worksheet", "name": sheet.name},
        element("cards", None, element("edge", {"name": "left"}, left), element("edge", {"name": "top"}, *top)),
        simple_id(f"window {sheet.name}"),
    )


def _dashboard_window(dashboard: Dashboard) -> ET.Element:
    return element(
        "window",
        {
            "class": "dashboard",
            **({"maximized": "true"} if dashboard is DASHBOARDS[0] else {}),
            "name": dashboard.name,
        },
        element(
            "viewpoints",
            None,
            *(
                element("viewpoint", {"name": sheet.name}, element("zoom", {"type": "entire-view"}))
                for sheet in dashboard.sheets
            ),
        ),
        element("active", {"id": "-1"}),
        simple_id(f"window of dashboard {dashboard.name}"),
    )

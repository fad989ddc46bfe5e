"""The Power BI Project as files: what opens it, the model, the report, and a `.pbids` for the folder alone."""

from __future__ import annotations

import json
import uuid
from typing import Any

from spotify_assets.bi.labels import MODEL
from spotify_assets.bi.powerbi.report_pages import HEIGHT, PAGES, WIDTH, Page
from spotify_assets.bi.powerbi.semantic_model import Source, model_files
from spotify_assets.bi.powerbi.visuals import equals_filter, visual_file

TITLE = "Spotify charts"
_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
_REPORT = f"{_SCHEMAS}/item/report/definition"
_NAMESPACE = uuid.UUID("6f0c3e5e-6f0f-4c53-9d5c-1a1f6b1a6f3d")
"""Of the identifiers that Fabric gives to items, so that they are the same wherever the project is made."""


def project_files(source: Source) -> dict[str, str]:
    """The text of each file of the project, by its path below the project's folder."""
    model, report = f"{MODEL}.SemanticModel", f"{MODEL}.Report"
    return {
        f"{MODEL}.pbip": _json(
            {
                "$schema": f"{_SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
                "version": "1.0",
                "artifacts": [{"report": {"path": report}}],
                "settings": {"enableAutoRecovery": True},
            }
        ),
        f"{MODEL}.pbids": _json(_connection(source)),
        f"{model}/.platform": _json(_platform("SemanticModel")),
        f"{model}/definition.pbism": _json(
            {
                "$schema": f"{_SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
                "version": "4.2",
                "settings": {},
            }
        ),
        **{f"{model}/definition/{path}": text for path, text in model_files(source).items()},
        f"{report}/.platform": _json(_platform("Report")),
        f"{report}/definition.pbir": _json(
            {
                "$schema": f"{_SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
                "version": "4.0",
                "datasetReference": {"byPath": {"path": f"../{model}"}},
            }
        ),
        **{f"{report}/definition/{path}": _json(content) for path, content in _report_files().items()},
    }


def _connection(source: Source) -> dict[str, Any]:
    """For whoever wants the tables without the project. Of Athena, no such file is documented."""
    return {
        "version": "0.1",
        "connections": [
            {"details": {"protocol": "folder", "address": {"path": source.folder}}, "options": {}, "mode": "Import"}
        ],
    }


def _platform(kind: str) -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": TITLE},
        "config": {"version": "2.0", "logicalId": str(uuid.uuid5(_NAMESPACE, kind))},
    }


def _report_files() -> dict[str, dict[str, Any]]:
    files: dict[str, dict[str, Any]] = {
        "version.json": {"$schema": f"{_REPORT}/versionMetadata/1.0.0/schema.json", "version": "2.0.0"},
        "report.json": {
            "$schema": f"{_REPORT}/report/3.3.0/schema.json",
            "themeCollection": {},
            "settings": {"useEnhancedTooltips": True, "exportDataMode": "AllowSummarized"},
        },
        "pages/pages.json": {
            "$schema": f"{_REPORT}/pagesMetadata/1.1.0/schema.json",
            "pageOrder": [page.name for page in PAGES],
            "activePageName": PAGES[0].name,
        },
    }
    for page in PAGES:
        files[f"pages/{page.name}/page.json"] = _page(page)
        for order, visual in enumerate(page.visuals, 1):
            files[f"pages/{page.name}/visuals/{visual.name}/visual.json"] = visual_file(visual, order)
    return files


def _page(page: Page) -> dict[str, Any]:
    shown = {"filterConfig": {"filters": [equals_filter(f"only_{page.name}", page.only, "true")]}} if page.only else {}
    return {
        "$schema": f"{_REPORT}/page/2.1.0/schema.json",
        "name": page.name,
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": HEIGHT,
        "width": WIDTH,
        **shown,
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

"""The package uses what Dagster and others offer in public: no private module, no underscored name, no storage."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spotify_assets

PACKAGE = Path(spotify_assets.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
INTERNAL = {
    "event_log_storage",
    "run_storage",
    "schedule_storage",
    "resolve_implicit_global_asset_job_def",
    "resolve_implicit_job_def_def_for_assets",
}
"""Attributes of Dagster's public objects that lead inside it."""
# A pool gets its limit before its first run in no other way than by the storage that Dagster's own command asks.
# And which file has the log of a run is for the storage to say. boto3 reads an answer to its end before it lets anybody
# look at it: who is to bound what it reads has to send as it does.
WITHOUT_A_PUBLIC_WAY = {
    "aws/answers.py": ["_endpoint"],
    "cli/upkeep.py": ["event_log_storage"],
    "tidying.py": ["event_log_storage"],
}


def private_uses(source: str) -> list[str]:
    """What a module imports from private modules of other packages, and the private attributes it reaches for."""
    return [found for node in ast.walk(ast.parse(source)) for found in _private(node)]


def _private(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        return [node.attr] if node.attr in INTERNAL or (_is_private(node.attr) and not own) else []
    else:
        return []
    return [name for name in names if any(map(_is_private, name.split(".")))]


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_module_stays_outside(module):
    known = WITHOUT_A_PUBLIC_WAY.get(module.relative_to(PACKAGE).as_posix(), [])
    assert private_uses(module.read_text(encoding="utf-8")) == known


@pytest.mark.parametrize(
    "source",
    [
        "import dagster._core.instance",
        "from dagster._core.events import DagsterEvent",
        "from dagster_aws._private import thing",
        "instance._run_storage",
        "definitions.resolve_implicit_global_asset_job_def()",
        "context.instance.event_log_storage.get_records()",
    ],
)
def test_what_leads_inside_is_found(source):
    assert private_uses(source)


def test_what_is_public_is_left_alone():
    assert private_uses("import dagster as dg\nself._own\ncls._own\ndg.__version__\ndg.AssetKey") == []

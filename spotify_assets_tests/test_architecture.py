"""The rooms of the package: their order, their size, their names, and what is written in one of them only."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import spotify_assets
from spotify_assets.storage import layout

PACKAGE = Path(spotify_assets.__file__).parent
# Each may import those before it. A module stands here by itself only where it is at the top of the package.
ROOMS = [
    "errors",
    "partitions",
    "aws",
    "schemas",
    "settings",
    "snapshot",
    "storage",
    "sources",
    "transforms",
    "catalog",
    "analytics",
    "report",
    "bi",
    "alerts",
    "publication",
    "checks",
    "resources",
    "assets",
    "tidying",
    "jobs",
    "schedules",
    "sensors",
    "definitions",
    "cli",
]
MODULES_AT_THE_TOP = 10
LINES = 400
HIVE_FOLDER = re.compile(r"\b(playlist|snapshot_date|year|run)=")
FIRST_FOLDERS = (
    layout.ANALYTICS_PREFIX,
    layout.BI_PREFIX,
    layout.LANDING_PREFIX,
    layout.RAW_PREFIX,
    layout.TEMPORARY_PREFIX,
    layout.withdrawals_prefix(None),
)
FILES = (layout.ALIASES_KEY, layout.CATALOG_KEY, layout.identity_key("song_identity"))


def name_of(path: Path) -> str:
    """A module's dotted name below the package; a folder's own module is called like the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported_names(name: str) -> set[str]:
    """What a module imports, wherever in it, and for types only as well."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import; the whole name is easier to follow"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports(name: str) -> set[str]:
    """The package's modules that a module imports."""
    prefix = "spotify_assets."
    ours = [imported.removeprefix(prefix) for imported in imported_names(name) if imported.startswith(prefix)]
    return {imported if imported in MODULES else imported.rpartition(".")[0] for imported in ours} - {""}


def room(name: str) -> str:
    return name.partition(".")[0]


def strings(name: str) -> list[tuple[int, str]]:
    """The strings of a module and their lines, without those that stand alone, which are documentation."""
    tree = TREES[name]
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


def spells_a_key(text: str) -> bool:
    """Whether a string is a key of the lake or a part of one, and no sentence that names one."""
    return text in FILES or HIVE_FOLDER.search(text) is not None or (" " not in text and text.startswith(FIRST_FOLDERS))


def test_every_module_is_in_a_room_of_the_order():
    assert {room(name) for name in MODULES} - {""} <= set(ROOMS)


def test_imports_follow_the_order_of_the_rooms():
    place = {name: ROOMS.index(room(name)) for name in MODULES if name}
    arrows = [(name, imported) for name in place for imported in imports(name)]
    assert len(arrows) > len(MODULES)
    assert [f"{name} imports {imported}" for name, imported in arrows if place[imported] > place[name]] == []


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter({name: imports(name) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_transforms_know_nothing_of_dagster():
    imported = {module for name in MODULES if room(name) == "transforms" for module in imported_names(name)}
    assert "pandas" in imported
    assert {module for module in imported if module.startswith("dagster")} == set()


def test_the_top_of_the_package_is_seen_at_a_glance():
    at_the_top = [path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    assert len(at_the_top) <= MODULES_AT_THE_TOP


def test_no_module_is_long():
    lines = {name: path.read_text(encoding="utf-8").count("\n") for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > LINES and room(name) != "schemas"} == {}


def test_no_two_modules_have_one_name():
    """Assets and schemas are called after what they are the assets and the schemas of."""
    names = Counter(name.rpartition(".")[2] for name in MODULES if room(name) not in ("assets", "schemas"))
    assert [name for name, count in names.items() if count > 1] == []


def test_keys_of_the_lake_are_spelt_in_the_layout_alone():
    spelt = [(name, line, text) for name in MODULES for line, text in strings(name) if spells_a_key(text)]
    assert "storage.layout" in {name for name, _, _ in spelt}
    assert [place for place in spelt if place[0] != "storage.layout"] == []


def test_no_test_module_is_imported_by_another():
    """What several test modules need stands in the helpers."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py")}
    importing = {name for name, text in texts.items() if re.search(r"^from spotify_assets_tests.*\.test_", text, re.M)}
    assert importing == set()

"""What README and docs state, compared with the code: commands, settings, columns, files, queries and refusals."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
from datetime import date
from pathlib import Path

import click
import dagster as dg
import duckdb
import pytest
import yaml

from spotify_assets.assets.raw_playlist import plan_days
from spotify_assets.cli.main import main
from spotify_assets.definitions import build_definitions
from spotify_assets.errors import SettingsError, SourceRefusal
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import environment as settings
from spotify_assets.settings.playlists import BY_SOURCE
from spotify_assets.sources.charts.chart_formats import FORMATS
from spotify_assets.sources.spotify.consent import REDIRECT_URI
from spotify_assets.sources.spotify.spotify_source import SpotifySource
from spotify_assets_tests.helpers.platform import Platform

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")),
]
TOP_50 = "37i9dQZEVXbKXQ4mDTEBXq"
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(language, pages=PAGES):
    """The code of a language on these pages, without the indentation of lists."""
    found = [match for page in pages for match in FENCE.finditer(text_of(page)) if match["language"] == language]
    return [re.sub(f"^{match['indent']}", "", match["body"], flags=re.MULTILINE) for match in found]


def table_rows(page, heading):
    """Cells of the rows of the table of a page whose first column has this heading."""
    after = text_of(page).split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in after[2:]]


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_named_exists_and_has_a_help(page):
    named = set(re.findall(r"`make ([a-z-]+)", text_of(page))) | set(
        re.findall(r"^ *make ([a-z-]+)", text_of(page), re.MULTILINE)
    )
    assert named <= set(re.findall(r"^([a-z-]+):.*## .", text_of("Makefile"), re.MULTILINE))


def test_every_make_target_is_named():
    assert set(re.findall(r"^([a-z-]+):.*## .", text_of("Makefile"), re.MULTILINE)) <= set(
        re.findall(r"make ([a-z-]+)", text_of("README.md"))
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_exists(page):
    assert set(re.findall(r"spotify-assets ([a-z]+)", text_of(page))) <= set(main.commands)


def test_every_command_and_its_options_are_as_the_table_of_commands_says():
    named = dict(table_rows("docs/settings.md", "Command"))
    assert set(named) == {f"`spotify-assets {command}`" for command in main.commands}
    for cell, meaning in named.items():
        command = main.commands[cell.strip("`").split()[1]]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", meaning)) <= options


def test_command_lines_are_understood():
    lines = [line for block in blocks("sh") for line in block.splitlines() if "bin/spotify-assets" in line]
    assert lines
    for line in lines:
        _, *arguments = shlex.split(line)
        command = main
        while isinstance(command, click.Group):
            name, *arguments = arguments
            command = command.commands[name]
        command.parse_args(click.Context(command), arguments)


def test_the_settings_table_is_that_of_the_code():
    assert table_rows("docs/settings.md", "Variable") == [
        [f"`{variable.name}`", variable.default or "not set", variable.meaning] for variable in settings.VARIABLES
    ]


def test_every_variable_that_is_read_is_in_the_settings_table():
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    read = {name for name in names if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name)}
    assert read == {variable.name for variable in settings.VARIABLES}


def test_defaults_are_those_of_the_code(tmp_path):
    defaults = {variable.name: variable.default for variable in settings.VARIABLES}
    assert settings.load_settings(defaults_only(defaults)) == settings.load_settings({})


def defaults_only(defaults):
    """Defaults that are values, not words."""
    return {name: value for name, value in defaults.items() if value and " " not in value}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_picture_linked_exists(page):
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page))
    for target in targets:
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index():
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text_of("docs/README.md"))}
    assert {Path(page).name for page in PAGES if page.startswith("docs/")} - {"README.md"} <= linked


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= 220


@pytest.mark.parametrize("page", PAGES)
def test_what_a_program_does_is_not_told(page):
    """Programs record, report, omit and lack; only people tell and are told."""
    telling = r"\b(?:is|are|was|were|be) told (?:of|anew|against|by|in)\b|\btold (?:anew|against|by)\b|\btells? of\b"
    assert re.findall(telling, text_of(page)) == []


def test_every_picture_is_shown_and_small():
    pictures = sorted((ROOT / "docs/images").iterdir())
    shown = {name for page in PAGES for name in re.findall(r"\((?:docs/)?images/([^)]+)\)", text_of(page))}
    assert {picture.name for picture in pictures} == shown
    assert max(picture.stat().st_size for picture in pictures) < 250_000


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_code_type_is_a_name_in_the_code(page):
    files = [path for path in (ROOT / "spotify_assets").rglob("*") if path.suffix in (".py", ".sql", ".yaml")]
    code = "".join(path.read_text(encoding="utf-8") + path.stem for path in files) + "dagster_home"
    names = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text_of(page)))
    # The flat views are named after their tables.
    assert {name for name in names if name.removesuffix("_flat") not in code} == set()


@pytest.mark.parametrize(
    ("page", "function"),
    [
        ("docs/tables.md", "page"),
        ("docs/analysis_tables.md", "analyses_page"),
        ("docs/dictionary.md", "dictionary"),
        ("docs/recipes.md", "recipes"),
    ],
)
def test_the_pages_of_tables_are_those_of_the_schemas(page, function):
    written = runpy.run_path(str(ROOT / "docs/write_tables.py"))[function]()
    assert text_of(page) == written, "run .venv/bin/python docs/write_tables.py"


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_everything_in_the_layout_exists(page):
    (tree,) = [match["body"] for match in FENCE.finditer(text_of(page)) if match["body"].startswith("spotify_assets/")]
    folder = Path()
    for line in tree.splitlines():
        names = line.split("  ", 1)[0] if line[0] != " " else line.strip().split("  ", 1)[0]
        for name in names.split():
            path = Path(name) if line[0] != " " else folder / name
            assert (ROOT / path).exists(), path
        if line[0] != " ":
            folder = Path(names.split()[0])


def test_the_playlists_files_shown_are_valid(tmp_path):
    sources = set()
    for number, shown in enumerate(block for block in blocks("yaml") if "playlists:" in block):
        start = yaml.safe_load(shown)["start"]
        path = tmp_path / f"{number}.yaml"
        path.write_text(shown.replace(str(start), str(today_in_japan())), encoding="utf-8")
        playlists = settings.load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(path)}).playlists
        sources |= {playlist.source for playlist in playlists}
    assert sources == {"spotify", "charts", "archive"}


def test_every_key_of_the_playlists_file_is_explained():
    explained = {key for row in table_rows("docs/playlists.md", "Key") for key in re.findall(r"`(\w+)`", row[0])}
    assert explained == {"start"} | {key for model in BY_SOURCE.values() for key in model.model_fields}


def test_the_retention_that_is_shipped_is_one_that_dagster_takes(tmp_path):
    (tmp_path / "dagster.yaml").write_text(text_of("dagster_home/dagster.yaml"), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_settings("retention")["schedule"] == {"purge_after_days": 90}
    assert "for 90 days, and others for seven" in text_of("docs/running.md")


def shipped(name, **environment):
    return settings.load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(ROOT / "examples" / name), **environment})


def described(read):
    return [
        (playlist.slug, playlist.source, playlist.cadence, playlist.playlist_id or playlist.chart)
        for playlist in read.playlists
    ]


def test_the_shipped_playlists_files_are_valid():
    archived, from_spotify = shipped("japan.yaml"), shipped("japan_spotify.yaml")
    assert described(archived) == [("top_50_japan", "archive", "daily", TOP_50)]
    assert described(from_spotify) == [
        ("top_songs_japan", "spotify", "weekly", "37i9dQZEVXbKqiTGXuCOsB"),
        ("top_50_japan", "spotify", "daily", TOP_50),
    ]
    assert archived.lake == from_spotify.lake == str(Path("lake/live").absolute())


def test_the_example_of_five_wants_a_lake_that_may_hold_all(tmp_path):
    with pytest.raises(SettingsError, match="mixes demo and real playlists"):
        shipped("five_playlists.yaml")
    read = shipped("five_playlists.yaml", SPOTIFY_ASSETS_LAKE=str(tmp_path))
    assert described(read) == [
        ("top_50_japan", "archive", "daily", TOP_50),
        ("top_50_japan_api", "spotify", "daily", TOP_50),
        ("japan_daily_chart", "charts", "daily", "regional-jp-daily"),
        ("japan_weekly_chart", "charts", "weekly", "regional-jp-weekly"),
        ("demo_japan", "demo", "daily", None),
    ]
    dg.Definitions.validate_loadable(build_definitions(read))


def test_playlists_that_are_compared_are_those_of_the_example(tmp_path):
    lines = [line for block in blocks("sh") for line in block.splitlines() if "compare_playlists" in line]
    read = shipped("five_playlists.yaml", SPOTIFY_ASSETS_LAKE=str(tmp_path))
    compared = {slug for line in lines for slug in re.findall(r"--(?:other-)?playlist (\w+)", line)}
    assert len(compared) > 1
    assert compared <= {playlist.slug for playlist in read.playlists}


def test_the_formats_of_chart_files_are_those_of_the_code():
    assert {row[0] for row in table_rows("docs/chart_files.md", "Format")} == {known.name for known in FORMATS}


def test_the_schedule_and_the_sensors_are_those_of_the_code(tmp_path):
    environment = {"SPOTIFY_ASSETS_LAKE": str(tmp_path), "SPOTIFY_ASSETS_KEEP_DAYS": "90"}
    definitions = build_definitions(shipped("five_playlists.yaml", **environment))
    running = {
        **{one.name: one.default_status.value for one in definitions.schedules},
        **{one.name: one.default_status.value for one in definitions.sensors},
    }
    at_first = {"RUNNING": "on", "STOPPED": "off"}
    assert {row[0].strip("`"): row[2] for row in table_rows("docs/running.md", "What")} == {
        name: at_first[status] for name, status in running.items()
    }


def test_the_redirect_uri_is_that_of_the_code():
    assert f"`{REDIRECT_URI}`" in text_of("docs/spotify.md")


@pytest.mark.parametrize("page", ["docs/spotify.md", "docs/archive.md"])
def test_refusals_are_quoted_as_the_code_words_them(page):
    package = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "spotify_assets").rglob("*.py"))
    # Long texts are written as several literals, one per line.
    said = re.sub(r'"\s*(?:\+ )?\n\s*f?"', "", package)
    for when, quoted, _ in table_rows(page, "When"):
        for fragment in re.split(r" ?\.\.\. ?|; ", quoted):
            assert fragment in said, (when, fragment)


def test_the_refusal_shown_is_the_real_one():
    (shown,) = [block for block in blocks("text") if "What to do:" in block]
    with pytest.raises(SourceRefusal) as refusal:
        plan_days([date(2026, 11, 22)], today=date(2026, 11, 23), offered=[], stored={}, absence=SpotifySource.absence)
    assert shown.split() == str(refusal.value).split()


@pytest.mark.slow
def test_queries_and_python_run_on_the_demo(instance, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    platform = Platform({}, instance)
    assert platform.settings.lake == str(tmp_path / "lake/demo")
    # On the second day the demo has an entry that is not a song.
    assert platform.run_daily(date(2026, 11, 19), date(2026, 11, 20)).success
    assert platform.publish().success
    with duckdb.connect("lake/demo/catalog.duckdb", read_only=True) as catalog:
        # The recipes are the saved queries, in Athena's dialect, and are run as those.
        pages = [page for page in PAGES if page != "docs/recipes.md"]
        results = [catalog.sql(query).fetchall() for query in blocks("sql", pages)]
    assert [len(rows) for rows in results] == [10, 10, 1, 6]
    for snippet in blocks("python"):
        exec(compile(snippet, "README.md", "exec"), {})  # noqa: S102 - the README's own code
    assert "2026-11-20" in capfd.readouterr().out

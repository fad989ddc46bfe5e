"""Every command on a terminal that lacks letters: it works, writes what the terminal knows, and escapes the rest."""

from __future__ import annotations

import dagster as dg
import pytest

from spotify_assets.partitions import today_in_japan
from spotify_assets_tests.helpers.command_line import run_command

pytestmark = pytest.mark.slow

NAME = "傘 Café"
LANDING = "lake/landing/charts"
TODAY = today_in_japan()
PLAYLISTS = f"""
start: {TODAY}
playlists:
  - {{slug: invented, title: {NAME}, source: demo}}
  - {{slug: listed, title: 雨の歌, source: charts, chart: regional-jp-daily}}
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A folder for a lake, and a chart file that is none, with letters that few terminals know."""
    folder = tmp_path_factory.mktemp("terminals") / NAME
    (folder / LANDING).mkdir(parents=True)
    (folder / "playlists.yaml").write_text(PLAYLISTS, encoding="utf-8")
    (folder / f"{NAME}.csv").write_bytes(b"rank\n")
    with dg.DagsterInstance.ephemeral() as instance:
        yield folder, instance


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["daily"], 0),
        (["doctor", "--offline"], 1),
        (["query", NAME], 1),
        (["rebuild", NAME, str(TODAY), str(TODAY)], 1),
        (["charts", "import", f"{NAME}.csv"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_on_a_terminal_that_lacks_letters(ground, encoding, arguments, exit_code):
    # A landed file is named once.
    (ground[0] / LANDING / f"{NAME} {encoding}.csv").write_bytes(b"rank\n")
    variables = {"SPOTIFY_ASSETS_PLAYLISTS": "playlists.yaml", "SPOTIFY_ASSETS_LAKE": "lake"}
    ended = run_command(*ground, *arguments, encoding=encoding, **variables)
    assert ended.exit_code == exit_code
    assert NAME.encode(encoding, "backslashreplace") in ended.stdout_bytes + ended.stderr_bytes

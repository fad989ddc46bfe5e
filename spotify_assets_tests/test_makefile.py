"""The Makefile's way of setting up: once, however many are started at the same time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALL = """#!/bin/sh
mkdir busy || exit 1
echo "$2" >> installed
sleep 0.3
rmdir busy
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_two_that_set_up_at_once_wait_for_each_other(tmp_path):
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "install").write_text(INSTALL)
    (tmp_path / "install").chmod(0o755)
    command = [
        "make",
        f"PYTHON={sys.executable}",
        "CREATE_VENV=mkdir -p .venv/bin && touch .venv/bin/python",
        "INSTALL=./install",
    ]
    targets = (".venv/base", ".venv/base", ".venv/ui")
    processes = [
        subprocess.Popen([*command, target], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for target in targets
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert len((tmp_path / "installed").read_text().splitlines()) in (1, 2)
    assert not (tmp_path / "busy").exists()

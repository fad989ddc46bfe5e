"""Where real answers and chart files lie when they are at hand. They are other people's, never part of this project."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"
requires_real_data = pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data in {REAL_DATA}")

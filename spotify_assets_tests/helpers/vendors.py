"""Where Microsoft's and Tableau's schemas lie when they are at hand: `VENDOR_SCHEMAS`, or beside this project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REFERENCE = Path(os.environ.get("VENDOR_SCHEMAS", Path(__file__).parents[3] / "shared" / "reference"))
requires_vendor_schemas = pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no schemas in {REFERENCE}")

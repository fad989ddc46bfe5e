"""Some simulated days with faults: each is there at the end as its source had it (`python -m benchmarks.soak`: 400)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks import soak

pytestmark = pytest.mark.slow

DAYS = 4
SEED = 1444
"""In these days each kind of fault happens, and heals by itself."""


def test_every_day_is_there_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "ONE_IN", 2)
    with soak.soak(tmp_path, DAYS, SEED, every=DAYS + 1) as soaked:
        wrong = soaked.wrong(soak.FIRST + timedelta(days=DAYS - 1))
    assert set(soaked.faults) == set(soak.FAULTS)
    assert soaked.problems == wrong == []
    assert soaked.counts["filled archived"] == soaked.counts["filled landed"] == 0
    assert soaked.counts["published"] <= soaked.counts["visits"]

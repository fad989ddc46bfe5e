"""The checks of a publish run: stale days, and days whose tables are not whole, are named and not passed over."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest

from spotify_assets.cli.runs import failures_of
from spotify_assets.partitions import today_in_japan
from spotify_assets.publication import RELEASE_KEY
from spotify_assets.schemas import TABLES
from spotify_assets.storage.layout import RELEASE_KEY as RELEASE_FILE
from spotify_assets.storage.parquet import write_partitions
from spotify_assets.transforms.daily_tables import daily_tables
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.stand_ins.spotify import make_entries

pytestmark = pytest.mark.slow

SLUG = "demo_japan"
DAYS = [today_in_japan() - timedelta(days=number) for number in (4, 3, 1, 0)]


class Published:
    """A lake whose tables no run of this instance made, and what a publish run reports of it."""

    def __init__(self, platform):
        self.platform = platform

    def write(self, contents):
        snapshots = [make_snapshot(content, day, slug=SLUG, source="demo") for day, content in contents.items()]
        frames = daily_tables(snapshots, "daily")
        for name, table in TABLES.items():
            write_partitions(self.platform.store, table, SLUG, list(contents), frames[name])

    def checks(self):
        result = self.platform.publish()
        assert result.success, failures_of(result)
        return {
            found.check_name: (found.passed, found.severity, found.metadata.get("findings"))
            for found in result.get_asset_check_evaluations()
        }

    def release(self):
        event = self.platform.instance.get_latest_materialization_event(RELEASE_KEY)
        shown = event.asset_materialization.metadata["days that failed checks"].value
        return shown, json.loads(self.platform.store.read(RELEASE_FILE))["failed_days"]


@pytest.fixture
def published(tmp_path, instance):
    with Platform({"SPOTIFY_ASSETS_LAKE": str(tmp_path / "lake")}, instance) as platform:
        yield Published(platform)


def test_a_good_history_passes(published):
    published.write({day: make_entries(2, first=1 + number) for number, day in enumerate(DAYS)})
    passed = {name: found[0] for name, found in published.checks().items()}
    assert passed == dict.fromkeys(
        (
            "source_not_stale",
            "days_whole",
            "songs_told_apart",
            "keys_unique",
            "no_edition_lost",
            "songs_counted",
            "shares_sum_to_one",
        ),
        True,
    )
    assert published.release() == ("none", {})


def test_stale_days_and_days_that_are_not_whole_are_named_until_they_are_mended(published):
    published.write({DAYS[0]: make_entries(2), DAYS[1]: [], DAYS[2]: make_entries(3), DAYS[3]: make_entries(3)})
    songs = TABLES["songs"]
    spoilt = daily_tables([make_snapshot(make_entries(3), DAYS[2], slug=SLUG, source="demo")], "daily")["songs"][1:]
    write_partitions(published.platform.store, songs, SLUG, [DAYS[2]], spoilt)
    passed, severity, findings = published.checks()["days_whole"]
    assert (passed, severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert findings.value.splitlines()[1] == f"- {SLUG} {DAYS[1]}: positions_complete: the playlist listed nothing"
    assert findings.value.startswith(f"- {SLUG} {DAYS[2]}: positions_complete: listed 3, found 2, unexplained [1]")
    bad = [str(DAYS[1]), str(DAYS[2])]
    assert published.release() == (", ".join(f"{SLUG} {day}" for day in bad), {SLUG: bad})

    published.write(dict.fromkeys(DAYS, make_entries(2)))
    checks = published.checks()
    assert checks["days_whole"][0]
    assert published.release() == ("none", {})
    passed, severity, findings = checks["source_not_stale"]
    assert (passed, severity) == (False, dg.AssetCheckSeverity.WARN)
    assert findings.value.splitlines() == [
        f"- {SLUG} {day}: the same chart since {DAYS[0]}" for day in (DAYS[3], DAYS[2])
    ]

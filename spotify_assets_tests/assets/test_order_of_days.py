"""Days are stored in any order, replaced and withdrawn: the tables are the same as if they had come in order."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import pytest

from spotify_assets.publication import find_news, newest_materialization, table_keys
from spotify_assets.schemas import TABLES
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.cli.test_chart_import import Desk
from spotify_assets_tests.sources.charts.test_charts_source import archive

TITLES = {2: "a", 3: "a", 4: "b", 5: "b", 7: "b", 8: "a"}
"""Editions of several days, over a gap as well."""


@pytest.fixture(scope="module")
def desk_in(tmp_path_factory):
    """Makes desks: each with a lake and a Dagster instance of its own. The command goes to the newest."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())

        def make():
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            patch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
            folder = tmp_path_factory.mktemp("desk")
            return Desk(folder, str(folder / "lake"), instance)

        yield make


def import_days(desk, titles):
    name = "-".join(map(str, titles))
    path = desk.put(f"days-{name}.csv", archive(**{f"d{day:02d}": [title] for day, title in titles.items()}))
    done = desk.run("--playlist", "daily", path)
    assert done.exit_code == 0, done.output


def tables(desk):
    """All there is in the tables, except when it was fetched."""
    snapshots = [row for day in TITLES for row in desk.platform.rows("snapshots", november(day), "daily")]
    for row in snapshots:
        del row["fetched_at"]
    others = {
        key: data for table in TABLES if table != "snapshots" for key, data in desk.platform.objects(table).items()
    }
    return snapshots, others


def november(day):
    return date(2026, 11, day)


@pytest.fixture(scope="module")
def in_order(desk_in):
    desk = desk_in()
    import_days(desk, TITLES)
    return tables(desk)


@pytest.mark.parametrize(
    "imports",
    [[[8], [7], [5, 4, 3, 2]], [[3, 5, 8], [2, 4, 7]], [[2, 7], [4, 8], [3, 5]]],
)
def test_days_imported_in_any_order(imports, desk_in, in_order):
    desk = desk_in()
    for days in imports:
        import_days(desk, {day: TITLES[day] for day in days})
    assert tables(desk) == in_order


def test_a_day_that_is_replaced(desk_in, in_order):
    desk = desk_in()
    import_days(desk, TITLES | {3: "b", 7: "c"})
    assert tables(desk) != in_order
    for key in desk.store.list_keys("landing/"):
        desk.store.write(key, archive(**{f"d{day:02d}": [title] for day, title in TITLES.items()}))
    assert desk.materialize("2026-11-03", tables=TABLES).success
    assert desk.materialize("2026-11-07", tables=TABLES).success
    assert tables(desk) == in_order


class TestTellingAnew:
    @pytest.fixture
    def desk(self, desk_in):
        desk = desk_in()
        import_days(desk, {3: "a", 4: "a", 5: "b", 6: "b"})
        return desk

    def stored(self, desk):
        return desk.platform.objects("snapshots/")

    def test_touches_only_days_whose_edition_is_another(self, desk):
        before = self.stored(desk)
        import_days(desk, {2: "a"})
        after = self.stored(desk)
        changed = sorted(key for key in before if after[key] != before[key])
        assert [key.split("/")[2] for key in changed] == ["snapshot_date=2026-11-03", "snapshot_date=2026-11-04"]
        (row,) = desk.platform.rows("snapshots", november(4), "daily")
        assert (row["unchanged"], row["edition"]) == (True, november(2))

    def test_is_recorded_so_that_it_is_published(self, desk):
        published = newest_materialization(desk.platform.instance, table_keys("daily"))
        import_days(desk, {2: "a"})
        news = find_news(desk.platform.instance, ["daily"], published)
        assert news.complete == {"daily": ["2026-11-02", "2026-11-03", "2026-11-04"]}
        snapshots = dg.AssetRecordsFilter(dg.AssetKey(["daily", "snapshots"]))
        newest = desk.platform.instance.fetch_materializations(snapshots, limit=1).records[0].asset_materialization
        assert newest.partition == "2026-11-04"
        assert "told anew" in newest.metadata["origin"].value

    def test_leaves_a_day_without_tables_to_its_own_run(self, desk):
        key = next(key for key in self.stored(desk) if "2026-11-03" in key)
        (desk.downloads.parent / "lake" / key).unlink()
        import_days(desk, {2: "a"})
        assert key not in self.stored(desk)
        assert desk.platform.rows("snapshots", november(4), "daily")[0]["edition"] == november(2)

    def test_leaves_a_day_whose_tables_are_older_than_its_snapshot_to_its_own_run(self, desk):
        raw = RawLayer(desk.store)
        (stored,) = raw.read_days("daily", [november(3)])
        newer = replace(stored, fetched_at=stored.fetched_at + timedelta(hours=1), entries=stored.entries * 0)
        raw.append("daily", [newer])
        before = self.stored(desk)
        import_days(desk, {2: "a"})
        after = self.stored(desk)
        assert {key: after[key] for key in before} == before

"""Days whose raw file is damaged: a range names all of them, leaves the other runs alone, and can do without them."""

from __future__ import annotations

import gzip
import re
import shlex
from contextlib import nullcontext
from datetime import date, timedelta

import dagster as dg
import pytest
from click.testing import CliRunner

from spotify_assets.cli import runs
from spotify_assets.cli.main import main
from spotify_assets.errors import StorageError
from spotify_assets.schemas import TABLES
from spotify_assets.storage.raw_layer import RawLayer
from spotify_assets_tests.helpers.make_snapshot import make_snapshot
from spotify_assets_tests.helpers.platform import Platform
from spotify_assets_tests.stand_ins.spotify import make_entries

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_publishing")]

SLUG = "demo_japan"
DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(12)]
DAMAGED = [DAYS[1], DAYS[2], DAYS[9]]


def truncated(data):
    return data[: len(data) // 2]


def garbage(data):
    return bytes(reversed(data))


def broken_json(data):
    return gzip.compress(gzip.decompress(data)[:-9])


@pytest.fixture
def platform(lake_folder, instance, monkeypatch):
    """Twelve stored days, three of them damaged, and runs of four days."""
    monkeypatch.setattr("spotify_assets.cli.instance.open_instance", lambda: nullcontext(instance))
    monkeypatch.setattr(runs, "PARTITIONS_PER_RUN", 4)
    with Platform({"SPOTIFY_ASSETS_LAKE": str(lake_folder)}, instance) as platform:
        raw = RawLayer(platform.store)
        raw.append(SLUG, [make_snapshot(make_entries(2), day, slug=SLUG, source="demo") for day in DAYS])
        for day, damage in zip(DAMAGED, (truncated, garbage, broken_json), strict=True):
            key = raw.latest_keys(SLUG)[day]
            platform.store.write(key, damage(platform.store.read(key)))
        yield platform


def rebuild(platform, *arguments):
    lake = {"SPOTIFY_ASSETS_LAKE": platform.settings.lake}
    return CliRunner().invoke(main, ["rebuild", SLUG, *map(str, arguments)], env=lake)


def days_with_tables(platform):
    """The days that each table has: in the lake, and as Dagster recorded them."""
    found = set()
    for table in TABLES:
        keys = platform.store.list_keys(f"{table}/")
        found.add(tuple(date.fromisoformat(key.split("snapshot_date=")[1][:10]) for key in keys))
        recorded = platform.instance.get_materialized_partitions(dg.AssetKey([SLUG, table]))
        found.add(tuple(date.fromisoformat(key) for key in sorted(recorded)))
    (days,) = found
    return list(days)


def test_a_range_names_all_of_them_and_leaves_the_other_runs_alone(platform):
    done = rebuild(platform, DAYS[0], DAYS[-1])
    assert done.exit_code == 1
    assert [line for line in done.stdout.splitlines() if "done" in line] == [f"{SLUG} {DAYS[4]} to {DAYS[7]}: done"]
    assert f"2 of 4 days of {SLUG} have no usable raw snapshot: {DAMAGED[0]}, {DAMAGED[1]}." in done.stderr
    assert f"1 of 4 days of {SLUG} have no usable raw snapshot: {DAMAGED[2]}." in done.stderr
    assert days_with_tables(platform) == DAYS[4:8]


def test_the_commands_that_the_messages_name_make_the_other_days(platform):
    said = rebuild(platform, DAYS[0], DAYS[-1]).stderr
    commands = re.findall(r"`spotify-assets rebuild (.*?)`", said)
    assert len(commands) == 2
    for command in commands:
        slug, *arguments = shlex.split(command)
        assert slug == SLUG
        done = rebuild(platform, *arguments)
        assert done.exit_code == 0, done.output
    assert days_with_tables(platform) == [day for day in DAYS if day not in DAMAGED]


def test_all_that_a_source_would_store_again_are_named(platform):
    """The demo gives every day again, under the moment of the damaged file, which is not written over."""
    fetched = [make_snapshot(make_entries(2), day, slug=SLUG, source="demo") for day in DAYS]
    before = platform.objects("raw_playlist/")
    with pytest.raises(StorageError) as caught:
        RawLayer(platform.store).append(SLUG, fetched)
    assert f"3 of 12 days of {SLUG} cannot be stored." in str(caught.value)
    assert [day for day in DAYS if f"snapshot_date={day}" in str(caught.value)] == DAMAGED
    assert platform.objects("raw_playlist/") == before


def test_days_that_were_never_stored_are_named_and_left_out(platform):
    done = rebuild(platform, "2025-12-30", DAYS[0])
    assert done.exit_code == 0
    assert f"{SLUG}: nothing is stored for 2025-12-30 to 2025-12-31\n" in done.stdout
    assert days_with_tables(platform) == [DAYS[0]]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("2025-12-30", "2025-12-31"), "nothing is stored for 2025-12-30 to 2025-12-31"),
        ((DAYS[0], DAYS[0], "--except", DAYS[0]), "all days are left out"),
    ],
)
def test_a_range_without_any_day_is_refused(platform, arguments, why):
    done = rebuild(platform, *arguments)
    assert done.exit_code == 1
    assert why in done.stderr
    assert f"give days between {DAYS[0]} and {DAYS[-1]}" in done.stderr


def test_a_withdrawn_day_is_rebuilt_as_an_empty_one(platform):
    RawLayer(platform.store).withdraw(SLUG, DAMAGED[2], "damaged")
    done = rebuild(platform, DAYS[8], DAYS[11])
    assert done.exit_code == 0, done.output
    assert platform.rows("songs", DAMAGED[2], SLUG) == []

"""The lake is not where it was: a file is there, nothing is there, or it was copied to another folder."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from spotify_assets.storage.layout import day_folder
from spotify_assets_tests.matrix.lake import DAYS, DEMO, MatrixLake
from spotify_assets_tests.matrix.table import OPERATIONS, READING

pytestmark = pytest.mark.slow
WRITING = [operation for operation in OPERATIONS if operation not in READING]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return MatrixLake(tmp_path_factory.mktemp("place"))


@pytest.fixture
def sound(lake):
    yield lake
    lake.as_it_was()


@pytest.fixture
def elsewhere(sound, tmp_path):
    """The lake as a copy with all its times; at the place of before a day is lost later."""
    place = tmp_path / "elsewhere"
    shutil.copytree(sound.path, place)
    shutil.rmtree(sound.path / "songs" / day_folder(DEMO, DAYS[0]))
    return sound.at(place)


@pytest.fixture(scope="module")
def knowing(lake):
    """A Dagster instance that knows of days in the lake."""
    home = lake.folder / "dagster_home"
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert lake.operate("rebuild", instance=instance).exit_code == 0
        assert lake.operate("import", instance=instance).exit_code == 0
        yield instance
        lake.as_it_was()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_file_in_its_place_is_refused_by_name(sound, operation):
    shutil.rmtree(sound.path)
    sound.path.write_text("no lake")
    ending = sound.operate(operation)
    sound.path.unlink()
    assert ending.exit_code == 1
    assert str(sound.path) in ending.output
    assert "What to do:" in ending.output


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_empty_folder_in_its_place_is_refused_by_name(sound, knowing, operation):
    shutil.rmtree(sound.path)
    sound.path.mkdir()
    ending = sound.operate(operation, instance=knowing)
    assert ending.exit_code == 1
    assert str(sound.path) in ending.output
    assert "What to do:" in ending.output
    assert not [path for path in sound.path.rglob("*") if path.suffix in (".parquet", ".csv")]


@pytest.mark.parametrize("operation", WRITING)
def test_a_copy_is_released_by_itself(elsewhere, operation):
    assert elsewhere.operate(operation).exit_code == 0
    assert (elsewhere.read_rows(), elsewhere.read_catalog()) == (elsewhere.rows, elsewhere.catalog)


def test_a_copy_is_asked_by_itself(elsewhere):
    assert elsewhere.operate("query").exit_code == 0
    assert elsewhere.read_rows() == elsewhere.rows


def test_a_copy_that_is_not_released_is_seen(elsewhere):
    assert "What is stored is not what people see." in elsewhere.operate("doctor").output
    assert "RunRequest" in elsewhere.operate("tick").output

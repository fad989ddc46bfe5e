"""Fixtures for all tests: an environment without anybody's settings, and ephemeral Dagster instances."""

from __future__ import annotations

import base64
import gc
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
import vl_convert
from hypothesis import settings

from spotify_assets_tests.helpers import publish_runs
from spotify_assets_tests.helpers.cheap_instances import cheap_instances
from spotify_assets_tests.helpers.make_snapshot import examples

if TYPE_CHECKING:
    from spotify_assets_tests.stand_ins.aws import AwsStandIn

# Machines are shared and slow at times. Where CI is set, the same examples are tried each time.
settings.register_profile("spotify_assets", deadline=None, derandomize="CI" in os.environ, max_examples=examples(30))
settings.load_profile("spotify_assets")

RARELY = (50_000, 20, 50)
"""How many new objects Python makes before it looks for those that nobody has any more."""
COMPARED = pytest.StashKey[Counter[str]]()
PREFIXES = ("SPOTIFY_", "SPOTIPY_", "GLUE_", "ATHENA_", "AWS_", "DAGSTER_")


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """No test sees the settings, the credentials or the Dagster instance of whoever runs it, or of another test.

    The command adds what a `.env` file sets to the environment of its process.
    """
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            del os.environ[name]
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def _cheap_instances() -> Iterator[None]:
    """No run of Dagster does again for each event what can be done once."""
    with cheap_instances():
        yield


class _OnePixel:
    """Stands in for vl-convert where nobody looks at a picture."""

    PNG = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
    )

    def vegalite_to_png(self, specification: str) -> bytes:
        """A picture of one pixel, whatever is to be drawn."""
        assert specification.startswith("{")
        return self.PNG


@pytest.fixture(scope="session", autouse=True)
def _pictures_of_one_pixel() -> Iterator[None]:
    """Publish runs draw no pictures: that is half of their time. `drawn_pictures` draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spotify_assets.report.pictures.vl_convert", _OnePixel())
        yield


@pytest.fixture(scope="module")
def drawn_pictures() -> Iterator[None]:
    """Pictures as they are, for the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spotify_assets.report.pictures.vl_convert", vl_convert)
        yield


@pytest.fixture(scope="session", autouse=True)
def _publish_runs_that_end_with_the_release() -> Iterator[None]:
    """Publish runs end with the release. `whole` has them as they are, for a module."""
    with publish_runs.short_publish_runs():
        yield


@pytest.fixture(scope="module")
def whole() -> Iterator[None]:
    """Publish runs with pages, pack and what the UI shows, for the tests of a module."""
    with publish_runs.whole_publish_runs():
        yield


@pytest.fixture
def without_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that publish at their end take it for done."""
    monkeypatch.setattr("spotify_assets.cli.runs.publish", lambda *_: [])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance that ends with the test."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def lake_folder(tmp_path: Path) -> Path:
    """A folder for a lake; it does not exist yet."""
    return tmp_path / "lake"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStandIn]:
    """S3 and Glue on this machine, with the environment that leads every boto3 client there."""
    from spotify_assets_tests.stand_ins.aws import AwsStandIn  # half of what all tests would import

    with AwsStandIn() as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        yield stand_in


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Counter[str]:
    """Counts the rows that engines were compared by, for the summary of the session."""
    return request.config.stash.setdefault(COMPARED, Counter())


def pytest_collection_finish() -> None:
    """What was imported stays: to look through it again and again for what may go is a tenth of what all tests take."""
    gc.freeze()
    gc.set_threshold(*RARELY)


def pytest_unconfigure() -> None:
    """At its end Python removes everything, or libraries report what they have lost."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report how many rows of Trino and DuckDB were compared."""
    for what, rows in sorted(config.stash.get(COMPARED, Counter()).items()):
        terminalreporter.write_line(f"{rows:,} rows of Trino and DuckDB are the same: {what}")

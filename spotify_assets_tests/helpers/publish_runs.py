"""How much of a publish run is made: pages, pack and what the UI shows are half of its time; few tests look there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from spotify_assets.assets import publish_metadata
from spotify_assets.publication import BI_PACK_KEY, PUBLISH_KEYS, REPORT_KEY
from spotify_assets.schemas.analyses import ANALYSES
from spotify_assets.storage.written import missing_written

UP_TO_THE_RELEASE = tuple(key for key in PUBLISH_KEYS if key not in (REPORT_KEY, BI_PACK_KEY))
OF_ANALYSES, OF_RELEASE = publish_metadata.of_analyses, publish_metadata.of_release
MISSING_WRITTEN = missing_written
WRITTEN_ASKED_FOR = ("spotify_assets.analytics.releases", "spotify_assets.storage.written")


@contextmanager
def short_publish_runs() -> Iterator[None]:
    """Definitions that are built meanwhile publish up to the release, and show nothing of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spotify_assets.jobs.PUBLISH_KEYS", UP_TO_THE_RELEASE)
        patch.setattr(publish_metadata, "of_analyses", lambda *_: {name: {} for name in ANALYSES})
        patch.setattr(publish_metadata, "of_release", lambda *_: {})
        for module in WRITTEN_ASKED_FOR:
            patch.setattr(f"{module}.missing_written", lambda _: [])
        yield


@contextmanager
def whole_publish_runs() -> Iterator[None]:
    """Publish runs as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spotify_assets.jobs.PUBLISH_KEYS", PUBLISH_KEYS)
        patch.setattr(publish_metadata, "of_analyses", OF_ANALYSES)
        patch.setattr(publish_metadata, "of_release", OF_RELEASE)
        for module in WRITTEN_ASKED_FOR:
            patch.setattr(f"{module}.missing_written", MISSING_WRITTEN)
        yield

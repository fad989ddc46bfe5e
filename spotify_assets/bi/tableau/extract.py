"""The star schema as an extract of Tableau (`.hyper`), written by pantab, which the extra `tableau` installs."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from spotify_assets.errors import SettingsError


def can_write_extracts() -> bool:
    """Whether pantab is installed."""
    return importlib.util.find_spec("pantab") is not None


def write_extract(star: Mapping[str, Path], target: Path) -> None:
    """Write the tables of the star schema into one extract.

    Args:
        star: the Parquet file of each table.
        target: the extract.

    Raises:
        SettingsError: pantab is not installed.
    """
    if not can_write_extracts():
        raise SettingsError(
            "The Tableau extract is not written.",
            why="pantab is not installed",
            remedy="run `make extra NAME=tableau`, or leave out --hyper",
        )
    import pantab

    pantab.frames_to_hyper({name: pq.read_table(path) for name, path in star.items()}, target)

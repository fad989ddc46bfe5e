"""The command around the pack for people's tools."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from spotify_assets.cli.console import print_line
from spotify_assets.errors import SettingsError
from spotify_assets.settings import load_settings


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder to write to; default: the lake. The projects then read the files there.",
)
@click.option("--athena", is_flag=True, help="Let the projects read Athena instead of the Parquet files.")
@click.option(
    "--hyper/--no-hyper",
    default=None,
    help="With the Tableau extract or without; default: with, if pantab is installed.",
)
def bi(out: Path | None, *, athena: bool, hyper: bool | None) -> None:
    """Write what Power BI, Tableau and spreadsheets open, from what is released, and print where it is."""
    from spotify_assets.bi.pack import write_pack
    from spotify_assets.bi.tableau.extract import can_write_extracts
    from spotify_assets.resources import build_lake
    from spotify_assets.storage.object_store import LocalObjectStore

    settings = load_settings()
    store = build_lake(settings.lake).store()
    target = LocalObjectStore(_made(out)) if out else store
    with_extract = can_write_extracts() if hyper is None else hyper
    for key in write_pack(settings, store, target, athena=athena, hyper=with_extract):
        print_line(target.uri(key))
    if hyper is None and not with_extract:
        print_line("Without the Tableau extract: pantab is not installed (make extra NAME=tableau).")


def _made(folder: Path) -> Path:
    """The folder, which is there now and can be written to.

    Raises:
        SettingsError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise SettingsError(
            f"The folder {folder} cannot be written.",
            why=error.strerror or str(error),
            remedy="give --out a folder that you can write to, on a disk that has space",
        ) from error
    return folder

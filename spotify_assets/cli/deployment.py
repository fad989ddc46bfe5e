"""The definitions and the Dagster instance that a command works on, and its runs there with what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import click

from spotify_assets.partitions import consecutive
from spotify_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


class Deployment(NamedTuple):
    """The definitions of some settings, and the Dagster instance that they run on."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance


@contextmanager
def opened(settings: Settings) -> Iterator[Deployment]:
    """The deployment of these settings, its instance in order and open as long as the context lasts."""
    from spotify_assets.cli.instance import open_instance
    from spotify_assets.definitions import build_definitions

    with open_instance() as instance:
        yield Deployment(build_definitions(settings), instance)


def materialize(deployment: Deployment, slug: str, assets: Sequence[str], days: Sequence[date]) -> bool:
    """Materialize a playlist's assets for sorted days, in stretches without a gap; whether everything went well."""
    import dagster as dg

    from spotify_assets.cli.runs import run_range

    keys = [dg.AssetKey([slug, asset]) for asset in assets]
    well = True
    for stretch in consecutive(days):
        for chunk in run_range(deployment.definitions, deployment.instance, keys, stretch):
            click.echo(f"{slug} {chunk.first} to {chunk.last}: {'FAILED' if chunk.failures else 'done'}")
            for failure in chunk.failures:
                click.echo(failure, err=True)
            well = well and not chunk.failures
    return well


def publish(deployment: Deployment) -> bool:
    """Make what is new queryable and release the analyses; whether everything went well."""
    from spotify_assets.cli import runs

    failures = runs.publish(deployment.definitions, deployment.instance)
    for failure in failures:
        click.echo(failure, err=True)
    return not failures


def table_names() -> list[str]:
    """Names of the daily tables."""
    from spotify_assets.schemas import TABLES

    return list(TABLES)

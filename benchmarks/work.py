"""The work that `benchmarks.run` times: one piece per process."""

import sys
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from spotify_assets import schemas
from spotify_assets.cli.runs import run_range
from spotify_assets.definitions import build_definitions
from spotify_assets.jobs import DAILY_PLAYLIST_JOB
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import Settings, load_settings

RAW = ["raw_playlist"]
TABLES = list(schemas.TABLES)


def main(work: str, folder: str = "", *days: str) -> None:
    """Do one piece of work in a lake and a Dagster instance below `folder`."""
    settings = load_settings({"SPOTIFY_ASSETS_LAKE": f"{folder}/lake"})
    if work == "load":
        build_definitions(settings).resolve_implicit_global_asset_job_def()
        return
    home = Path(folder, work)
    home.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        if work == "daily":
            materialize(settings, build_definitions(settings), instance, RAW + TABLES, today_in_japan())
        elif work == "fill":
            materialize(settings, build_definitions(settings), instance, RAW, *map(date.fromisoformat, days))
        elif work == "rebuild":
            materialize(settings, build_definitions(settings), instance, TABLES, *map(date.fromisoformat, days))
        else:
            from benchmarks.do_nothing import build_nothing

            nothing = build_nothing(settings, in_one_step=work == "nothing")
            materialize(settings, nothing, instance, TABLES, *map(date.fromisoformat, days))


def materialize(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    assets: list[str],
    first: date,
    last: date | None = None,
) -> None:
    """Materialize assets of the first playlist for one day or a range, and fail loudly."""
    days = [first + timedelta(days=number) for number in range(((last or first) - first).days + 1)]
    keys = [dg.AssetKey([settings.playlists[0].slug, asset]) for asset in assets]
    job = definitions.resolve_job_def(DAILY_PLAYLIST_JOB)
    failures = [failure for chunk in run_range(job, instance, keys, days) for failure in chunk.failures]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])

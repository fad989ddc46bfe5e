"""The jobs: one makes today's tables, one those of landed chart files, one publishes, one removes old days."""

# Without `from __future__ import annotations`: Dagster does not resolve a string annotation of the context.
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from spotify_assets.publication import PUBLISH_JOB, PUBLISH_KEYS, daily_keys
from spotify_assets.settings import PlaylistSettings, Settings
from spotify_assets.snapshot import CHARTS

CHART_FILES_JOB = "chart_files_job"
DAILY_PLAYLIST_JOB = "daily_playlist_job"
PRUNE_JOB = "prune_job"
TIDY_JOB = "tidy_job"
HOST_TAG = "spotify_assets/host"
PUBLISH_RETRIES = dg.RetryPolicy(max_retries=5, delay=60, backoff=dg.Backoff.EXPONENTIAL)
"""Half an hour in all, for what passes by itself: a network, AWS, a file that another program holds."""
# The namespace of a machine's own processes (PROC_PID_INIT_INO of Linux); a container has one of its own.
MACHINES_NAMESPACE = 0xEFFFFFFC


def build_daily_playlist_job(playlists: Sequence[PlaylistSettings]) -> Any:
    """The job that fills one day of every playlist whose source can be asked for today, in one process."""
    return dg.define_asset_job(
        DAILY_PLAYLIST_JOB,
        selection=_selection(playlists),
        description="One day of all playlists: raw snapshot and daily tables. One that fails leaves the others alone.",
        run_tags=host_tags(),
    )


def build_chart_files_job(playlists: Sequence[PlaylistSettings]) -> Any:
    """The job that fills days of playlists of source `charts`; `chart_landing_sensor` starts it."""
    return dg.define_asset_job(
        CHART_FILES_JOB,
        selection=_selection(playlists),
        description="Days that chart files hold: raw snapshots and daily tables, for one or many days in a run.",
        run_tags=host_tags(),
    )


def job_of(playlist: PlaylistSettings) -> str:
    """Name of the job that fills days of a playlist."""
    return CHART_FILES_JOB if playlist.source == CHARTS else DAILY_PLAYLIST_JOB


def build_publish_job(retries: dg.RetryPolicy | None) -> Any:
    """The job that makes new partitions queryable and makes the analyses; `glue_crawler_sensor` starts it.

    Args:
        retries: how its steps are tried again when they fail; None where a person waits for the run.
    """
    return dg.define_asset_job(
        PUBLISH_JOB,
        selection=dg.AssetSelection.assets(*PUBLISH_KEYS),
        description=(
            "Bring the catalog up to date with the lake (Glue crawler, or catalog.duckdb), make the analyses that "
            "changed, and release them together."
        ),
        op_retry_policy=retries,
        run_tags=host_tags(),
    )


def build_prune_job(settings: Settings, keep: int) -> dg.JobDefinition:
    """The job that removes the days before the `keep` newest; `prune_schedule` starts it."""

    @dg.op(required_resource_keys={"lake"})
    def prune(context: dg.OpExecutionContext) -> None:
        from spotify_assets.catalog.pruning import find_old, first_kept, open_glue, remove

        store, database = context.resources.lake.store(), settings.glue_database
        slugs = [playlist.slug for playlist in settings.playlists]
        with open_glue(settings) as glue:
            for slug, days in find_old(store, glue, database, slugs, first_kept(keep)).items():
                remove(store, glue, database, slug, days)
                context.log.info("%s: %s days removed; the next publish run leaves them out", slug, len(days))

    @dg.job(
        name=PRUNE_JOB,
        description=f"Removes the days that lie more than {keep} before today. The analyses follow with the next "
        "publish run.",
        tags=host_tags(),
    )
    def prune_job() -> None:
        prune()

    return prune_job


def build_tidy_job(keep: int) -> dg.JobDefinition:
    """The job that removes records of runs that ended more than `keep` days ago; `tidy_schedule` starts it."""

    @dg.op
    def tidy(context: dg.OpExecutionContext) -> None:
        from spotify_assets.tidying import tidy as remove

        tidied = remove(context.instance, datetime.now(UTC) - timedelta(days=keep))
        context.log.info("%s runs are gone, and the logs of %s others", *tidied)

    @dg.job(
        name=TIDY_JOB,
        description=f"Removes what nothing needs of Dagster's records of runs that ended more than {keep} days ago.",
        tags=host_tags(),
    )
    def tidy_job() -> None:
        tidy()

    return tidy_job


def host_tags() -> dict[str, str]:
    """The tag by which a run is known to be one of this machine, whose processes can be looked at."""
    return {HOST_TAG: " ".join([socket.gethostname(), *_container()])}


def _container() -> list[str]:
    """What distinguishes containers that have the same host name: their kernel's boot and their process namespace."""
    namespace, boot = Path("/proc/self/ns/pid"), Path("/proc/sys/kernel/random/boot_id")
    try:
        number = namespace.stat().st_ino
        return [] if number == MACHINES_NAMESPACE else [boot.read_text(encoding="ascii").strip(), str(number)]
    except OSError:
        # Not Linux, or not for us to see.
        return []


def _selection(playlists: Sequence[PlaylistSettings]) -> dg.AssetSelection:
    # By key and not by group: a playlist may be called like the group of the catalog.
    return dg.AssetSelection.assets(*(key for playlist in playlists for key in daily_keys(playlist.slug)))

"""Runs whose process was killed end; runs that live, or live elsewhere, are left alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from spotify_assets.assets.raw_playlist import SPOTIFY_POOL
from spotify_assets.cli.upkeep import HOST_TAG, PROCESS_TAG, process_tags, put_in_order

STATUS = dg.DagsterRunStatus
SLEEPER = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def dead_process():
    """The id of a process that was killed."""
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    return process.pid


def add_run(instance, run_id, status, **tags):
    instance.add_run(dg.DagsterRun(job_name="job", run_id=run_id, status=status, tags=tags))
    return run_id


def status_of(instance, run_id):
    return instance.get_run_by_id(run_id).status


@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED])
def test_a_run_of_a_killed_command_ends_as_failed(instance, dead_process, status):
    run_id = add_run(instance, "dead", status, **{**process_tags(), PROCESS_TAG: str(dead_process)})
    assert put_in_order(instance) == [run_id]
    assert status_of(instance, run_id) == STATUS.FAILURE
    assert put_in_order(instance) == []


def test_a_run_of_a_killed_worker_ends_as_failed(instance, dead_process):
    run_id = add_run(instance, "dead", STATUS.STARTED)
    run = instance.get_run_by_id(run_id)
    data = EngineEventData.in_process(dead_process, ["step"])
    instance.report_engine_event("Executing steps in process", run, data)
    assert put_in_order(instance) == [run_id]


@pytest.mark.parametrize(
    "tags",
    [
        {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(os.getpid())},
        {HOST_TAG: "another-machine", PROCESS_TAG: "1"},
        {},
    ],
    ids=["alive", "elsewhere", "unknown"],
)
def test_other_runs_are_left_alone(instance, tags):
    run_id = add_run(instance, "other", STATUS.STARTED, **tags)
    assert put_in_order(instance) == []
    assert status_of(instance, run_id) == STATUS.STARTED


def test_the_pool_has_its_limit_before_the_first_run(tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1, granularity: run}}\n", encoding="utf-8"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as on_disk:
        put_in_order(on_disk)
        assert on_disk.event_log_storage.get_concurrency_info(SPOTIFY_POOL).slot_count == 1

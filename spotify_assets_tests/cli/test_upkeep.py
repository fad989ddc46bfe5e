"""Runs whose process was killed end; runs that live, or live elsewhere, are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from spotify_assets.assets.raw_playlist import SPOTIFY_POOL
from spotify_assets.cli.upkeep import PROCESS_TAG, process_tags, put_in_order
from spotify_assets.jobs import HOST_TAG, host_tags

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


def record_process(instance, run_id, process):
    """What Dagster records when a worker begins."""
    data = EngineEventData.in_process(process, ["step"])
    instance.report_engine_event("Executing steps in process", instance.get_run_by_id(run_id), data)


def test_a_run_of_a_killed_worker_ends_as_failed(instance, dead_process):
    run_id = add_run(instance, "dead", STATUS.STARTED, **host_tags())
    record_process(instance, run_id, dead_process)
    assert put_in_order(instance) == [run_id]
    assert status_of(instance, run_id) == STATUS.FAILURE


@pytest.mark.parametrize(
    "tags", [{HOST_TAG: "another-machine"}, {}], ids=["in another container", "on a machine that is not known"]
)
def test_a_worker_elsewhere_is_left_alone_although_no_process_here_has_its_number(instance, dead_process, tags):
    run_id = add_run(instance, "elsewhere", STATUS.STARTED, **tags)
    record_process(instance, run_id, dead_process)
    assert put_in_order(instance) == []
    assert status_of(instance, run_id) == STATUS.STARTED


def test_a_run_that_was_started_again_is_not_judged_by_the_tags_of_the_first(instance, dead_process):
    tags = {**process_tags(), PROCESS_TAG: str(dead_process)}
    first = add_run(instance, "first", STATUS.FAILURE, **tags)
    again = dg.DagsterRun(
        job_name="job", run_id="again", status=STATUS.STARTED, tags=tags, parent_run_id=first, root_run_id=first
    )
    instance.add_run(again)
    assert put_in_order(instance) == []


@pytest.mark.parametrize(
    "tags",
    [{**host_tags(), PROCESS_TAG: str(os.getpid())}, {HOST_TAG: "another-machine", PROCESS_TAG: "1"}, host_tags(), {}],
    ids=["alive", "elsewhere", "not yet started", "unknown"],
)
def test_other_runs_are_left_alone(instance, tags):
    run_id = add_run(instance, "other", STATUS.STARTED, **tags)
    assert put_in_order(instance) == []
    assert status_of(instance, run_id) == STATUS.STARTED


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="the namespaces of Linux")
def test_containers_of_one_name_are_told_apart(monkeypatch):
    monkeypatch.setattr("spotify_assets.jobs.MACHINES_NAMESPACE", Path("/proc/self/ns/pid").stat().st_ino)
    on_the_machine = host_tags()
    monkeypatch.setattr("spotify_assets.jobs.MACHINES_NAMESPACE", 0)
    in_a_container = host_tags()
    assert on_the_machine != in_a_container == host_tags()


def test_the_pool_has_its_limit_before_the_first_run(tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1, granularity: run}}\n", encoding="utf-8"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as on_disk:
        put_in_order(on_disk)
        assert on_disk.event_log_storage.get_concurrency_info(SPOTIFY_POOL).slot_count == 1

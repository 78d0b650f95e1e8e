"""A worker process that dies ends the pipeline; nothing else is taken for one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pixelbake.errors import RunError
from pixelbake.job.local_runner import LocalRunner
from pixelbake.job.pipeline import run_pipeline

PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def pipeline_of(function):
    def build(pipeline):
        numbers = pipeline | beam.Create(range(4)) | beam.Reshuffle()
        _ = numbers | beam.Map(function) | beam.GroupBy(lambda n: n)

    return build


def test_workers_that_cannot_start_fail_the_pipeline(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RunError, match=r"worker process \d+ exited \(1\) before its work was done"):
        run_pipeline(pipeline_of(abs), PROCESSES)


@pytest.mark.slow
def test_a_worker_that_is_killed_fails_the_pipeline_and_the_next_one_runs():
    threads = set(threading.enumerate())
    with pytest.raises(RunError, match=r"worker process \d+ was ended by SIGKILL"):
        run_pipeline(
            pipeline_of(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == 3 else n), PROCESSES
        )
    left = {thread for thread in set(threading.enumerate()) - threads if not thread.daemon}
    for thread in left:  # gRPC's own gives calls that are open a moment of grace
        thread.join(10)
    # The interpreter would wait for them at its end.
    assert not {thread for thread in left if thread.is_alive()}
    run_pipeline(pipeline_of(abs), PROCESSES)


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_others_at_once():
    def build(pipeline):
        numbers = pipeline | beam.Create(range(2), reshuffle=False) | beam.Reshuffle()
        _ = numbers | beam.Map(kill_or_sleep)

    def kill_or_sleep(n):
        import time

        if n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(1_000)

    with pytest.raises(RunError, match="SIGKILL"):
        run_pipeline(build, PROCESSES)


@pytest.mark.slow
def test_another_child_that_dies_is_no_worker():
    other = subprocess.Popen(["sleep", "1000"])
    runner = LocalRunner()
    options = PipelineOptions([*PROCESSES])

    def kill_it(n):
        if n == 3:
            os.kill(other_pid, signal.SIGKILL)
        return n

    other_pid = other.pid
    with beam.Pipeline(runner, options=options) as pipeline:
        pipeline_of(kill_it)(pipeline)
    assert other.wait() == -signal.SIGKILL
    assert not runner.lost

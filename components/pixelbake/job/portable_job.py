"""A job on a portable runner: its workers are processes of a pool or a cluster, out of sight.

Beam's job services go on waiting for a worker that was killed, or that could not start. So the job
is watched from here, and given up when no worker has work in hand for too long.
"""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.portability.api import beam_job_api_pb2

from pixelbake.errors import ConfigError, RunError
from pixelbake.files import delete_below, is_remote
from pixelbake.job.counters import watch_metrics
from pixelbake.job.heartbeat import BEAT_SECONDS, Heartbeats
from pixelbake.job.progress import OnProgress

__all__ = ["check_worker_timeout", "heartbeat_folder", "is_portable", "run_portable"]

#: How long a job may be without a worker at work, in seconds. A pool starts its workers at once,
#: and each then imports TensorFlow; a cluster may have to find room for them first.
_TIMEOUTS = {"portable": 300, "prism": 300, "flink": 1800, "spark": 1800}
#: Beats come from a thread that a busy machine may keep waiting.
_SHORTEST = 4 * int(BEAT_SECONDS)
_POLL_SECONDS = 0.5
_CANCEL_SECONDS = 10.0

_DETAILS = re.compile(r'details = "(.*)"')
_RESUME = (
    "Finished files are not done again if it was started, and is started again, with --resume "
    "(in Python: resume=True)."
)


class WorkerTimeoutOptions(PipelineOptions):
    """Our one flag among Beam's own."""

    @classmethod
    def _add_argparse_args(cls, parser: Any) -> None:
        parser.add_argument(
            "--worker_timeout",
            type=int,
            default=None,
            help="Seconds without any worker at work after which a job on a portable runner is "
            "cancelled; 0 for never. Default: 300, on Flink and Spark 1800.",
        )


def is_portable(beam_args: Sequence[str]) -> bool:
    """Whether Beam's flags name a runner that sends the job to a job service."""
    return _runner(PipelineOptions(list(beam_args))) in _TIMEOUTS


def check_worker_timeout(beam_args: Sequence[str]) -> None:
    """Checks the flag `--worker_timeout`.

    Raises:
        ConfigError: It is too short to be told from a pause, or of no effect.
    """
    options = PipelineOptions(list(beam_args))
    given = options.view_as(WorkerTimeoutOptions).worker_timeout
    if given is not None and _runner(options) not in _TIMEOUTS:
        raise ConfigError(
            "--worker_timeout is for PortableRunner, FlinkRunner and SparkRunner; other runners "
            f"notice lost workers by themselves. Received: {given}."
        )
    if given is not None and given != 0 and given < _SHORTEST:
        raise ConfigError(
            f"--worker_timeout must be {_SHORTEST} seconds or more, or 0 for no limit: workers "
            f"are heard of every {BEAT_SECONDS:g} seconds. Received: {given}."
        )


@contextmanager
def heartbeat_folder(parent: str, beam_args: Sequence[str]) -> Iterator[str]:
    """Gives a folder for workers to beat in; `""` for runners that need none.

    Args:
        parent: The run's folder, on any file system; workers have to see it too.
        beam_args: Beam's own flags.
    """
    if not is_portable(beam_args):
        yield ""
        return
    folder = f"{parent}/at-work-{uuid.uuid4().hex[:8]}"
    if not is_remote(folder):
        os.makedirs(folder)
    try:
        yield folder
    finally:
        delete_below(folder)


def run_portable(pipeline: Any, at_work: str, on_progress: OnProgress | None = None) -> None:
    """Runs a pipeline to its end, or until no worker has work in hand any more.

    Args:
        pipeline: A pipeline for a portable runner.
        at_work: The folder in which its workers beat.
        on_progress: See `run_pipeline`.

    Raises:
        RunError: The job service or the worker pool is out of reach, or the job was given up and
            cancelled.
        Exception: The pipeline failed; Beam's own error.
    """
    options = pipeline.options
    service = options.view_as(PortableOptions).job_endpoint or "its default address"
    patience = _Patience(options, at_work)
    try:
        result = pipeline.run()
    except (grpc.FutureTimeoutError, grpc.RpcError) as error:
        raise RunError(
            f"no job service answers at {service} (--job_endpoint): {_in_short(error)}"
        ) from error
    _follow_without_deadline(result)
    with watch_metrics(lambda: result, on_progress):
        _wait(result, patience, options, service)


def _wait(result: Any, patience: _Patience, options: PipelineOptions, service: str) -> None:
    over = threading.Event()
    failures: list[Exception] = []

    def wait() -> None:
        try:
            result.wait_until_finish()
        except Exception as error:
            failures.append(error)
        finally:
            over.set()

    threading.Thread(target=wait, name="wait-for-job", daemon=True).start()
    try:
        while not over.wait(_POLL_SECONDS):
            patience.check()
    except BaseException:
        _cancel(result)
        raise
    if not failures:
        return
    (failure,) = failures
    if isinstance(failure, grpc.RpcError):
        raise RunError(
            f"the job service at {service} is out of reach: {_in_short(failure)}. {_RESUME}"
        ) from failure
    raise _pool_error(failure, options) or failure


class _Patience:
    """How long to wait for workers, and what to say when it is at an end."""

    def __init__(self, options: PipelineOptions, at_work: str) -> None:
        given = options.view_as(WorkerTimeoutOptions).worker_timeout
        self._runner = _runner(options)
        self._seconds = _TIMEOUTS[self._runner] if given is None else given
        self._pool = _pool(options)
        self._folder = os.path.dirname(at_work)
        self._heartbeats = Heartbeats(at_work)
        # An object store need not be asked more often than its answer can matter.
        self._pause = max(BEAT_SECONDS, self._seconds / 20 if is_remote(at_work) else 0.0)
        self._worked = False
        self._since = self._asked = time.monotonic()

    def check(self) -> None:
        now = time.monotonic()
        if not self._seconds or now < self._asked + self._pause:
            return
        self._asked = now
        with suppress(OSError):
            if self._heartbeats.any_new():
                self._since, self._worked = now, True
        if now < self._since + self._seconds:
            return
        limit = f"(--worker_timeout={self._seconds})"
        if self._worked:
            raise RunError(
                f"no worker has had work in hand for {self._seconds} s {limit} and the job has not "
                "ended, so it was given up: a worker was lost (the kernel kills processes when "
                f"memory runs out). {_RESUME}"
            )
        raise RunError(
            f"no worker has taken up work for {self._seconds} s {limit}, so the job was given up. "
            f"{self._look()}"
        )

    def _look(self) -> str:
        needs = (
            "with the packages that are installed here, pixelbake among them, and has to see the "
            f"folder {self._folder}."
        )
        if self._pool:
            return (
                f"The log of the worker pool at {self._pool} says why none started: the pool runs "
                f"`python` from its PATH {needs}"
            )
        return f"The logs of the runner's workers say why none started: each needs a Python {needs}"


def _follow_without_deadline(result: Any) -> None:
    """Follows the job by streams that don't end before it does.

    Beam asks for them with the deadline of a request (`--job_server_timeout`), and so fails every
    job that takes longer, on job services that have but one number for a job.
    """
    service, job = result._job_service, result._job_id
    result._state_stream = service.GetStateStream(beam_job_api_pb2.GetJobStateRequest(job_id=job))
    result._message_stream = service.GetMessageStream(
        beam_job_api_pb2.JobMessagesRequest(job_id=job)
    )


def _cancel(result: Any) -> None:
    """Cancels a job; a job service that does not answer is not waited for."""

    def cancel() -> None:
        with suppress(Exception):
            result.cancel()

    thread = threading.Thread(target=cancel, name="cancel-job", daemon=True)
    thread.start()
    thread.join(_CANCEL_SECONDS)


def _pool_error(error: Exception, options: PipelineOptions) -> RunError | None:
    """Returns what a job service's trace says of a worker pool that could not be used."""
    pool, text = _pool(options), str(error)
    if not pool:
        return None
    if "StatusCode.UNAVAILABLE" in text and "StartWorker" in text:
        return RunError(
            f"no worker pool answers at {pool} (--environment_config): {_in_short(error)}"
        )
    if "Error starting worker" in text:
        last = text.strip().splitlines()[-1]
        return RunError(
            f"the worker pool at {pool} can't start a worker: {last}. It runs `python` from its "
            "PATH: start it with the environment's bin folder on it."
        )
    return None


def _pool(options: PipelineOptions) -> str:
    portable = options.view_as(PortableOptions)
    if portable.environment_type != "EXTERNAL":
        return ""
    address = portable.lookup_environment_option("external_service_address")
    return str(portable.environment_config or address or "")


def _in_short(error: Exception) -> str:
    """Returns gRPC's own words, of an error that fills a page."""
    details = _DETAILS.search(str(error))
    if isinstance(error, grpc.FutureTimeoutError):
        return "not within --job_server_timeout"
    return details[1] if details else type(error).__name__


def _runner(options: PipelineOptions) -> str:
    """Returns a runner's name as Beam compares it: `--runner=flink` is FlinkRunner."""
    name = str(options.view_as(StandardOptions).runner or "")
    return name.rpartition(".")[2].lower().removesuffix("runner")

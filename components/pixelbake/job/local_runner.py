"""Beam's local runner, but for one thing: it does not wait for a worker process that has died.

Beam's own goes on waiting for the answer of a process that was killed, for ever. Here each worker
process is watched; when one is lost, the others are ended and all that Beam waits for is answered
with an error, so that Beam itself gives the pipeline up and closes what it has opened.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import uuid
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    SUBPROCESS_LOCK,
    GrpcWorkerHandler,
    WorkerHandler,
)
from google.protobuf import json_format, text_format

__all__ = ["LocalRunner"]

#: An environment of our own: pipelines of others in this process keep Beam's.
_WATCHED = "pixelbake:env:watched_processes:v1"

#: A worker that was told to end has nothing more to do than to tear its DoFn down.
_SECONDS_TO_END = 30.0


class LocalRunner(FnApiRunner):
    """Runs a pipeline in this process, its threads, or worker processes that are watched.

    Attributes:
        lost: What became of the first worker process that ended too early, or an empty string.
    """

    def __init__(self) -> None:
        super().__init__()
        self._crew = _Crew()

    @property
    def lost(self) -> str:  # noqa: D102 (see above)
        return self._crew.lost

    def run_via_runner_api(self, pipeline_proto: Any, options: Any) -> Any:
        """Runs a pipeline (Beam's own method), its worker processes under our watch."""
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                self._crew.command = shlex.split(environment.payload.decode())
                environment.urn = _WATCHED
                environment.payload = self._crew.name.encode()
        _crews[self._crew.name] = self._crew
        try:
            return super().run_via_runner_api(pipeline_proto, options)
        finally:
            del _crews[self._crew.name]


class _Crew:
    """The worker processes of one pipeline: when one is lost, none goes on."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.command: list[str] = []
        self.workers: list[_WatchedWorker] = []
        self.lost = ""
        self._lock = threading.Lock()

    def lose(self, what: str) -> None:
        with self._lock:
            if self.lost:
                return
            self.lost = what
        for worker in self.workers:
            worker.give_up(what)


_crews: dict[str, _Crew] = {}


class _Connection:
    """A worker's control connection; after `lose`, all that was and will be asked has failed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._asked: list[Any] = []
        self._lost = ""
        self._lock = threading.Lock()

    def push(self, request: Any) -> Any:
        answer = self._connection.push(request)
        with self._lock:
            self._asked = [one for one in self._asked if not one.is_done()]
            if answer is not None:
                self._asked.append(answer)
                self._answer()
        return answer

    def lose(self, what: str) -> None:
        with self._lock:
            self._lost = what
            self._answer()

    def _answer(self) -> None:
        for one in self._asked if self._lost else []:
            if not one.is_done():
                one.set(
                    beam_fn_api_pb2.InstructionResponse(
                        instruction_id=one.instruction_id, error=self._lost
                    )
                )

    def close(self) -> None:
        self._connection.close()


@WorkerHandler.register_environment(_WATCHED, bytes)
class _WatchedWorker(GrpcWorkerHandler):
    """Starts one worker process, and notices when it ends before it was told to."""

    control_conn: Any

    def __init__(self, crew: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._crew = _crews[crew.decode()]
        self.control_conn = _Connection(self.control_conn)
        self._told_to_end = False
        self._process: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> None:
        options = self.provision_info.provision_info.pipeline_options
        control = self.control_api_service_descriptor()
        logs = self.logging_api_service_descriptor()
        environment = {
            **os.environ,
            "WORKER_ID": self.worker_id,
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(logs),
        }
        with SUBPROCESS_LOCK:  # gRPC does not bear a fork at any moment
            self._process = subprocess.Popen(self._crew.command, env=environment)
        self._crew.workers.append(self)
        threading.Thread(target=self._watch, name="watch-worker", daemon=True).start()
        if self._crew.lost:
            self.give_up(self._crew.lost)

    def _watch(self) -> None:
        assert self._process is not None
        code = self._process.wait()
        if not self._told_to_end:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited ({code})"
            self._crew.lose(f"worker process {self._process.pid} {how}")

    def give_up(self, what: str) -> None:
        """Ends the process and fails whatever Beam waits for."""
        if self._process is not None:
            self._process.kill()
        self.control_conn.lose(what)

    def close(self) -> None:
        self._told_to_end = True
        try:
            super().close()
        finally:  # after a lost connection Beam does not come so far
            self.stop_worker()

    def stop_worker(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

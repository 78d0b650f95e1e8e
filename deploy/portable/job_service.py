"""Beam's local job service, with as many workers as a job's `--sdk_worker_parallelism` says.

Beam's own, `python -m apache_beam.runners.portability.local_job_service_main`, gives each job one.
"""

import argparse
import signal

from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.local_job_service import BeamJob, LocalJobServicer


class _Job(BeamJob):
    def _invoke_runner(self) -> object:
        self.set_state(beam_job_api_pb2.JobState.RUNNING)
        options = self.pipeline_options()
        runner = FnApiRunner(provision_info=self._provision_info)
        runner._num_workers = int(options.view_as(PortableOptions).sdk_worker_parallelism)
        return runner.run_via_runner_api(self._pipeline_proto, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    service = LocalJobServicer(beam_job_type=_Job)
    port = service.start_grpc_server(parser.parse_args().port)
    print(f"job service at localhost:{port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    service.stop()

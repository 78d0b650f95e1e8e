#!/usr/bin/env bash
# Starts a job service and a worker pool, and ends both, workers included, when it is ended.
#
#   deploy/portable/serve.sh ENVIRONMENT [JOB_PORT [POOL_PORT]]
#
# ENVIRONMENT  a virtual environment with pixelbake, the same packages as where jobs are started
# JOB_PORT     what jobs name as --job_endpoint=localhost:JOB_PORT (default 8091)
# POOL_PORT    what they name as --environment_config=localhost:POOL_PORT (default 50000)
set -euo pipefail
set -m # each of the two leads a process group, with which its workers are ended
here=$(cd "$(dirname "$0")" && pwd)
environment=$(cd "$1" && pwd)
job_port=${2:-8091}
pool_port=${3:-50000}

# The pool starts `python`, whichever it finds.
export PATH="$environment/bin:$PATH"

end() {
  trap - EXIT
  for pid in $(jobs -p); do kill -- "-$pid" 2>/dev/null || true; done
  wait
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python "$here/job_service.py" --port="$job_port" &
python -m apache_beam.runners.worker.worker_pool_main --service_port="$pool_port" &
wait -n # if one ends, so does the other

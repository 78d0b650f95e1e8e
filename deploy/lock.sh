#!/usr/bin/env bash
# Resolves all stacks anew, with hashes and without naming any index.
#
#   deploy/lock.sh [--upgrade]    without --upgrade, pins that still fit stay as they are
set -euo pipefail
cd "$(dirname "$0")/.."
uv=.uv/bin/uv
[ -x "$uv" ] || uv=uv
upgrade=("$@")

compile() { # OUTPUT, then what to resolve and where it has to install
  local output=$1
  shift
  "$uv" pip compile --output-file "$output" --quiet ${upgrade[@]+"${upgrade[@]}"} \
    --prerelease if-necessary --generate-hashes --no-emit-index-url --no-header "$@"
}

# What tests and developers work in.
stack() { # LINE, then where it has to install
  local line=$1
  shift
  compile "deploy/locks/$line.txt" pyproject.toml --extra "$line" --group dev "$@"
}
stack tfx116 --python-version 3.10 --python-platform x86_64-manylinux2014
stack tfx121 --python-version 3.11 --universal
stack tft121 --python-version 3.10 --universal

# What is shipped in the image: the same versions, without the tools of development.
compile deploy/locks/image.txt pyproject.toml --extra tft121 --constraint deploy/locks/tft121.txt \
  --python-version 3.13 --python-platform x86_64-manylinux_2_28

# What checks deploy/ and writes the licence list; never in the environment of the library.
compile deploy/locks/tools.txt deploy/tools.in --python-version 3.11 --universal
compile deploy/locks/airflow.txt deploy/airflow/airflow.in --python-version 3.11 --universal

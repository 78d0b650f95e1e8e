#!/usr/bin/env bash
# Resolves the three stacks anew, with hashes and without naming any index.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=.uv/bin/uv
[ -x "$uv" ] || uv=uv

lock() { # LINE, then where it has to install
  local line=$1
  shift
  "$uv" pip compile pyproject.toml --extra "$line" --group dev --output-file "deploy/locks/$line.txt" \
    --quiet --upgrade --prerelease if-necessary --generate-hashes --no-emit-index-url --no-header "$@"
}

lock tfx116 --python-version 3.10 --python-platform x86_64-manylinux2014
lock tfx121 --python-version 3.11 --universal
lock tft121 --python-version 3.10 --universal

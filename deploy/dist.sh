#!/usr/bin/env bash
# Builds sdist and wheel into a folder (default dist), byte for byte the same each time.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-dist}
uv=.uv/bin/uv
[ -x "$uv" ] || uv=uv
# The time of the files inside: that of the last commit, or a fixed one outside a checkout.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}
build() {
  "$uv" build --quiet --build-constraints deploy/locks/tools.txt --require-hashes --out-dir "$out" "$@"
}
build --sdist
# The wheel is made from the sdist, so that the sdist is known to be whole.
build --wheel "$out"/pixelbake-*.tar.gz

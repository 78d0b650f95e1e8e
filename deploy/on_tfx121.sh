#!/usr/bin/env bash
# Runs make targets on TFX 1.21: here if this machine's glibc is new enough, else in a Debian 13.
#
#   deploy/on_tfx121.sh TARGET... [VARIABLE=VALUE...]
set -euo pipefail
cd "$(dirname "$0")/.."
needed=2.39
have=$(getconf GNU_LIBC_VERSION | awk '{print $2}')
stack=(LINE=tfx121 VENV=.venv-tfx121)
if [ "$(printf '%s\n' "$needed" "$have" | sort -V | head -n 1)" = "$needed" ]; then
  exec make --no-print-directory "$@" "${stack[@]}"
fi
root=${DEBIAN_ROOT:-.venv-debian}
deploy/debian_root.sh "$root" "$@" "${stack[@]}"
# What the run wrote about itself.
cp "$root/src/docs/compatibility.md" docs/compatibility.md

#!/usr/bin/env bash
# Asks the vulnerability service about every package of a lock.
#
#   deploy/audit.sh [LOCK]    default deploy/locks/image.txt
#
# Ends with an error if there is a known vulnerability, and if any package could not be asked about:
# pip-audit by itself skips such packages, all of them without a network, and calls it a success.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=${1:-deploy/locks/image.txt}
deploy/tool_env.sh tools
report=$(mktemp)
trap 'rm -f "$report"' EXIT

.venv-tools/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off \
  --requirement "$lock" --format=json --output="$report" || {
  printf 'pixelbake: %s is NOT audited, or has known vulnerabilities (see above).\n' "$lock" >&2
  exit 1
}
pinned=$(grep -c '^[A-Za-z0-9].*==' "$lock")
audited=$(.venv-tools/bin/python -c '
import json, sys
found = json.load(open(sys.argv[1]))["dependencies"]
print(sum("skip_reason" not in one for one in found))' "$report")
if [ "$audited" -ne "$pinned" ]; then
  printf 'pixelbake: only %s of %s packages of %s were audited.\n' "$audited" "$pinned" "$lock" >&2
  exit 1
fi
printf 'pixelbake: %s packages of %s, no known vulnerability\n' "$audited" "$lock"

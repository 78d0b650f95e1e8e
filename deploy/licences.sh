#!/usr/bin/env bash
# Writes the licence of every package that the image brings, as its own metadata says.
#
#   deploy/licences.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/tool_env.sh tools
deploy/tool_env.sh image
{
  printf '# Licences of what pixelbake is shipped with\n\n'
  printf 'The packages of `deploy/locks/image.txt`. Written by `make licences`.\n\n'
  .venv-tools/bin/pip-licenses --python=.venv-image/bin/python --from=mixed --with-system --order=name \
    --format=markdown
} >"$1"

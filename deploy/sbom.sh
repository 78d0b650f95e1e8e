#!/usr/bin/env bash
# Writes a CycloneDX bill of materials of the image's packages, hashes included, from their lock.
#
#   deploy/sbom.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/tool_env.sh tools
mkdir -p "$(dirname "$1")"
.venv-tools/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type library \
  --output-reproducible --validate --output-file "$1" deploy/locks/image.txt

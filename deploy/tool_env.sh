#!/usr/bin/env bash
# Builds an environment beside the library's from a lock: .venv-NAME from deploy/locks/NAME.txt.
#
#   deploy/tool_env.sh tools|airflow|image
#
# A second call with nothing changed does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
venv=.venv-$name
lock=deploy/locks/$name.txt

for bin in "$HOME"/.pyenv/versions/3.1[0-3]*/bin; do
  [ -d "$bin" ] && PATH="$PATH:$bin"
done
export PATH
uv=.uv/bin/uv
[ -x "$uv" ] || uv=uv
case $name in
  image) python=3.13 ;;
  *) python='>=3.11,<3.14' ;;
esac

wanted=$(cat deploy/tool_env.sh "$lock" | cksum)
[ "$(cat "$venv/.pixelbake" 2>/dev/null)" = "$wanted" ] && exit 0
"$uv" venv --quiet --clear --python "$python" "$venv"
VIRTUAL_ENV=$venv "$uv" pip sync --quiet --require-hashes "$lock"
printf '%s\n' "$wanted" >"$venv/.pixelbake"

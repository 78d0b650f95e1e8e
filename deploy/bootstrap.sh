#!/usr/bin/env bash
# Builds the environment that `make` works in: uv, a Python, one of the three locked stacks.
#
#   deploy/bootstrap.sh [LINE] [VENV]
#
# LINE  tfx121 | tfx116 | tft121 | auto (default): the newest one that this machine can install
# VENV  the environment's folder (default .venv)
#
# A second call with nothing changed does nothing but say what stands.
set -euo pipefail
cd "$(dirname "$0")/.."
line=${1:-auto}
venv=${2:-.venv}

say() { printf 'pixelbake: %s\n' "$*"; }
fail() { printf 'pixelbake: %s\n' "$@" >&2; exit 1; }

# Pythons that pyenv keeps off the PATH are seen by uv only when they are on it.
for bin in "$HOME"/.pyenv/versions/3.1[0-3]*/bin; do
  [ -d "$bin" ] && PATH="$PATH:$bin"
done
export PATH

glibc_at_least() { # MAJOR.MINOR
  local have
  have=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{print $2}')
  [ -n "$have" ] && [ "$(printf '%s\n' "$1" "$have" | sort -V | head -n 1)" = "$1" ]
}

get_uv() {
  if [ -x .uv/bin/uv ]; then uv=.uv/bin/uv; return; fi
  if command -v uv >/dev/null; then uv=uv; return; fi
  command -v python3 >/dev/null ||
    fail "no python3 on this machine. On Debian or Ubuntu: apt-get install python3 python3-venv"
  say "installing uv into .uv"
  rm -rf .uv
  python3 -m venv .uv 2>/dev/null && .uv/bin/pip install --quiet --disable-pip-version-check uv || {
    rm -rf .uv
    fail "could not make a virtual environment with uv in it." \
      "On Debian or Ubuntu: apt-get install python3-venv"
  }
  uv=.uv/bin/uv
}

python_for() { # prints the interpreter of the first version that is here or can be had
  local version
  for version in "$@"; do
    "$uv" python find --system "$version" 2>/dev/null && return
  done
  for version in "$@"; do
    "$uv" python install --quiet "$version" 2>/dev/null &&
      "$uv" python find --system "$version" 2>/dev/null && return
  done
  return 1
}

pythons_of() {
  case $1 in
    tfx116) echo 3.10 ;;
    tfx121) echo 3.13 3.12 3.11 ;;
    tft121) echo 3.13 3.12 3.11 3.10 ;;
    *) fail "LINE is tfx121, tfx116, tft121 or auto. Received: LINE=$1" ;;
  esac
}

wanted=$(printf '%s\n' "$line"; cat pyproject.toml deploy/bootstrap.sh deploy/locks/tf*.txt | cksum)
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.pixelbake" 2>/dev/null)" = "$wanted" ]; then
  say "$(cat "$venv/.pixelbake-line")"
  exit 0
fi

get_uv
if [ "$line" = auto ]; then
  # TFX 1.21 needs wheels built against glibc 2.39: ml-metadata and tensorflow-data-validation.
  if glibc_at_least 2.39 && python=$(python_for $(pythons_of tfx121)); then
    chosen=tfx121
  elif python=$(python_for $(pythons_of tfx116)); then
    chosen=tfx116
  elif python=$(python_for $(pythons_of tft121)); then
    chosen=tft121
  else
    fail "no Python 3.10 to 3.13 here, and none could be downloaded." \
      "Install one; Python 3.10 brings TFX 1.16, and with glibc 2.39 a newer one TFX 1.21."
  fi
else
  chosen=$line
  python=$(python_for $(pythons_of "$chosen")) ||
    fail "the line $chosen needs Python $(pythons_of "$chosen"): none here, none to download."
  if [ "$chosen" = tfx121 ] && ! glibc_at_least 2.39; then
    fail "TFX 1.21 needs glibc 2.39 (Ubuntu 24.04, Debian 13). Received: $(getconf GNU_LIBC_VERSION)." \
      "LINE=tfx116 installs here, and so does LINE=tft121, which is all but the TFX components."
  fi
fi

version_of() { sed -n "s/^$1==\([^ ;]*\).*/\1/p" "deploy/locks/$chosen.txt" | sort -V | tail -n 1; }
case $chosen in
  tft121) stack="TFT $(version_of tensorflow-transform) without TFX" ;;
  *) stack="TFX $(version_of tfx)" ;;
esac
said="line $chosen: $stack, TensorFlow $(version_of tensorflow), $("$python" --version), in $venv"
say "picked $said"

# Where Python may keep no bytecode, as in many containers, each process would parse TensorFlow's
# and Beam's source anew, for some ten seconds.
compile=${PYTHONDONTWRITEBYTECODE:+--compile-bytecode}

rm -f "$venv/.pixelbake"
"$uv" venv --quiet --clear --python "$python" "$venv"
VIRTUAL_ENV=$venv "$uv" pip sync --quiet ${compile:+"$compile"} --require-hashes \
  "deploy/locks/$chosen.txt" || fail \
  "the packages of $chosen could not be installed (see above)." \
  "If one had to be compiled, on Debian or Ubuntu: apt-get install g++ python3-dev"
VIRTUAL_ENV=$venv "$uv" pip install --quiet --no-deps --editable .
printf '%s\n' "$said" >"$venv/.pixelbake-line"
printf '%s\n' "$wanted" >"$venv/.pixelbake"

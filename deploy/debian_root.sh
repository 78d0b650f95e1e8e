#!/usr/bin/env bash
# Runs a make target in a Debian 13 of its own, for stacks that need a newer glibc than this machine
# has: TFX 1.21 needs 2.39.
#
#   deploy/debian_root.sh ROOT TARGET [VARIABLE=VALUE ...]
#
# ROOT is made by debootstrap, once, from the mirror that this machine's own apt uses. The checkout's
# files, committed or not, are copied to ROOT/src each time; caches and environments stay there.
# Needs root, for chroot, and debootstrap: on Debian or Ubuntu, apt-get install debootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$1
shift
suite=trixie
packages=ca-certificates,g++,git,make,python3,python3-dev,python3-venv

fail() { printf 'pixelbake: %s\n' "$@" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "a Debian root needs chroot: run this as root."
command -v debootstrap >/dev/null || PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null ||
  fail "no debootstrap on this machine. On Debian or Ubuntu: apt-get install debootstrap"

# The first address that apt fetches Debian's packages from; none is named here.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  grep -v security | head -n 1)

if [ ! -e "$root/.pixelbake" ]; then
  printf 'pixelbake: making a Debian root in %s\n' "$root"
  rm -rf "$root"
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" \
    >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; fail "debootstrap failed: $root.log"; }
  touch "$root/.pixelbake"
fi

# Package clients in there reach what they reach here: same settings, same certificates.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/xdg/pip/* "$HOME"/.config/pip/* \
  "$HOME"/.config/uv/* "${SSL_CERT_FILE:-}" "${PIP_CERT:-}"; do
  if [ -n "$file" ] && [ -f "$file" ]; then
    copy=$file
    case $file in "$HOME"/*) copy=/root/${file#"$HOME"/} ;; esac
    install -D -m 644 "$file" "$root$copy"
  fi
done

mkdir -p "$root/src" "$root/proc"
git ls-files --cached --others --exclude-standard -z | grep -zv '^\.git/' |
  xargs -0 -n 200 sh -c 'for f; do [ -e "$f" ] && printf "%s\0" "$f"; done' _ |
  tar --null --files-from=- --create | tar --extract --directory "$root/src"

# A namespace of its own, so that what is mounted is gone when the command ends, however it ends.
exec unshare --mount --fork sh -c '
  mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && root=$1 && shift &&
  exec chroot "$root" env HOME=/root make --no-print-directory -C /src "$@"' _ "$root" "$@"

#!/usr/bin/env bash
# Runs a command of this checkout on the newest stack: here if this machine's glibc allows it, else in a Debian trixie
# chroot in .tools/newest, on a copy of the checkout. Python is 3.13, or what NEWEST_PYTHON says.
#
# Everything is mounted in a mount namespace of its own, which ends with its last process, however that ends: nothing is
# left mounted, and no other process, `make clean` among them, ever sees through a mount.
set -euo pipefail
cd "$(dirname "$0")/.."

CHROOT=$PWD/.tools/newest/trixie
PYTHON_WANTED=${NEWEST_PYTHON:-3.13}
PACKAGES=(g++ git make procps python3-dev python3-venv) # a few wheels are compiled: C++ and Python's headers

say() { printf 'newest: %s\n' "$*" >&2; }

# The machine's own mirror of Debian, so that a company's mirror is used where there is one.
mirror() {
  [ -z "${NEWEST_MIRROR:-}" ] || { printf '%s\n' "$NEWEST_MIRROR"; return; }
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    sed -E 's/^[[:space:]]*#.*//' | grep -oE '(https?|file)://[^[:space:]]+/debian/?([[:space:]]|$)' | head -n 1 |
    grep . || printf 'http://deb.debian.org/debian\n'
}

make_chroot() {
  [ ! -d "$CHROOT" ] || return 0
  local mirror
  mirror=$(mirror | tr -d '[:space:]')
  say "making a Debian trixie chroot from $mirror in ${CHROOT#"$PWD/"} (with all in it 5 GB; some minutes the first time)"
  mkdir -p "$(dirname "$CHROOT")"
  rm -rf "$CHROOT.partial"
  debootstrap --variant=minbase --include=ca-certificates trixie "$CHROOT.partial" "$mirror" >"$CHROOT.log" 2>&1 ||
    { say "debootstrap failed; the end of ${CHROOT#"$PWD/"}.log: $(tail -n 1 "$CHROOT.log")"; exit 1; }
  mv "$CHROOT.partial" "$CHROOT"
}

# How this machine reaches package indexes is how the chroot does: configuration, certificates, proxies.
configuration_files() {
  compgen -G '/etc/pip.conf' || true
  compgen -G '/etc/xdg/pip/*' || true
  compgen -G '/etc/xdg/uv/*' || true
  compgen -G '/etc/uv/*' || true
  compgen -G '/etc/npmrc' || true
  compgen -G '/etc/apt/auth.conf' || true
  compgen -G '/etc/apt/auth.conf.d/*' || true
  compgen -G "$HOME/.config/pip/*" || true
  compgen -G "$HOME/.config/uv/*" || true
  compgen -G "$HOME/.pip/*" || true
  compgen -G "$HOME/.npmrc" || true
  compgen -G "$HOME/.netrc" || true
}

carried_variables() {
  compgen -e |
    grep -E '^(PIP|UV|SSL|CURL|NPM|npm)_|_(proxy|PROXY|CA_BUNDLE|CA_CERTS|CAINFO)$|^(TERM|RATCHET_NIGHTLY)$' |
    grep -vE '^(PIP|UV)_(.*_DIR|PYTHON.*|PROJECT.*|TARGET|PREFIX)$' || true
}

# Files and directories of this machine that the configuration speaks of, such as wheels in a directory.
named_paths() {
  local name
  { for name in $(carried_variables); do printf '%s\n' "${!name}"; done; configuration_files | xargs -r -d '\n' cat; } |
    grep -oE '(^|[[:space:]=:,"]|file://)/[A-Za-z0-9_.+/-]+' | grep -oE '/[A-Za-z0-9_.+-].*' | sort -u || true
}

carry_configuration() {
  local file
  while read -r file; do
    install -D -m 600 "$file" "$CHROOT$file"
  done < <(configuration_files)
  for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || install -D -m 644 "$(readlink -f "$file")" "$CHROOT$file"
  done
  apt-config dump | grep -E '^Acquire::' >"$CHROOT/etc/apt/apt.conf.d/90machine" || true
  while read -r file; do
    [ ! -e "$file" ] || [ -e "$CHROOT$file" ] || bind_read_only "$file"
  done < <(named_paths)
}

bind_read_only() {
  if [ -d "$1" ]; then mkdir -p "$CHROOT$1"; else install -D /dev/null "$CHROOT$1"; fi
  mount --bind "$1" "$CHROOT$1"
  mount -o remount,bind,ro "$CHROOT$1"
}

# Files of the checkout as they are, ignored ones not; what an earlier call installed and made stays.
copy_checkout() {
  local target=$CHROOT/ratchet
  mkdir -p "$target"
  find "$target" -mindepth 1 -maxdepth 1 ! -name .venv ! -name .tools ! -name build -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard -- ':!.venv' ':!.tools' |
    while IFS= read -r -d '' file; do if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --no-recursion --files-from=- | tar --extract --directory "$target" --no-same-owner
}

mount_all() {
  mount --rbind /dev "$CHROOT/dev"
  mount --rbind /sys "$CHROOT/sys"
  mount -t proc proc "$CHROOT/proc"
  mkdir -p "$CHROOT$HOME"
  # Pythons that Debian does not have. The cache of uv is the chroot's own: a wheel that is compiled there (pyfarmhash)
  # needs a newer libstdc++ than this machine has, and would be installed here from a cache that both share.
  [ ! -d "$HOME/.pyenv" ] || bind_read_only "$HOME/.pyenv"
}

install_packages() {
  [ "$(cat "$CHROOT/ratchet.packages" 2>/dev/null)" != "${PACKAGES[*]}" ] || return 0
  say "installing ${PACKAGES[*]} in the chroot"
  inside apt-get update -qq >/dev/null
  inside apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" >"$CHROOT.log" 2>&1 ||
    { say "apt-get failed; the end of ${CHROOT#"$PWD/"}.log: $(tail -n 1 "$CHROOT.log")"; exit 1; }
  printf '%s\n' "${PACKAGES[*]}" >"$CHROOT/ratchet.packages"
}

inside() {
  local name variables=()
  for name in $(carried_variables); do variables+=("$name=${!name}"); done
  chroot "$CHROOT" /usr/bin/env -i "${variables[@]}" HOME="$HOME" LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive PYTHON="$PYTHON_WANTED" "$@"
}

run_inside() {
  make_chroot
  copy_checkout
  mount_all
  carry_configuration
  install_packages
  inside /bin/bash -c 'cd /ratchet && "$@"' newest "$@"
}

if [ "${1:-}" = --in-namespace ]; then
  shift
  run_inside "$@"
  exit
fi
[ $# -gt 0 ] || { say 'which command? For example: requirements/newest.sh make demo'; exit 2; }
if PYTHON=$PYTHON_WANTED requirements/choose-python.sh >/dev/null 2>&1; then
  say "this machine can run Python $PYTHON_WANTED itself"
  PYTHON=$PYTHON_WANTED exec "$@"
fi
[ "$(id -u)" = 0 ] || { say 'this machine needs a chroot for that, which only root can make: sudo make newest'; exit 2; }
command -v debootstrap >/dev/null || { say 'debootstrap is missing: apt-get install debootstrap'; exit 2; }
mkdir -p .tools
exec 9>>.tools/newest.lock
flock --nonblock 9 || { say 'another one is running'; exit 1; }
# In a process group of its own, so that it does not ignore Ctrl-C as what a script starts in the background would.
# It dies with this script.
set -m
setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
  requirements/newest.sh --in-namespace "$@" </dev/null &
child=$!
trap 'kill -KILL "$child" 2>/dev/null; exit 130' INT TERM HUP
wait "$child"

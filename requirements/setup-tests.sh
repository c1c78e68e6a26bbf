#!/usr/bin/env bash
# What tests want that pip cannot bring: Debian's chromium for the pages, for the wheel a Python that can make environments,
# which Debian parts from Python itself, the servers that may keep ML Metadata, and what checks units of systemd.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
.venv/bin/python -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
[ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null || missing+=(mariadb-server)
command -v systemd-analyze >/dev/null || missing+=(systemd)
[ ${#missing[@]} -gt 0 ] || exit 0
printf 'setup: installing %s with apt-get, for the tests\n' "${missing[*]}" >&2
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
if command -v apt-get >/dev/null && "${as_root[@]}" apt-get update -qq >/dev/null &&
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null; then
  exit 0
fi
printf 'setup: %s could not be installed; install it and call make again\n' "${missing[*]}" >&2
exit 1

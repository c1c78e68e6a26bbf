#!/usr/bin/env bash
# A browser for the tests of the pages: Debian's chromium, which pip cannot bring.
set -euo pipefail
command -v chromium >/dev/null && exit 0
printf 'setup: installing chromium with apt-get, for the tests of the pages\n' >&2
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
if command -v apt-get >/dev/null && "${as_root[@]}" apt-get update -qq >/dev/null &&
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core >/dev/null; then
  exit 0
fi
printf 'setup: chromium could not be installed; install it and call make again\n' >&2
exit 1

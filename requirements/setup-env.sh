#!/usr/bin/env bash
# Makes .venv from requirements/lock.txt; everything it downloads as a tool stays inside this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

find_uv() {
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    UV=uv
    return
  fi
  UV=.tools/uv/bin/uv
  if [ ! -x "$UV" ]; then
    say "installing uv into .tools/uv"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv 'uv>=0.5'
  fi
}

find_python() {
  local candidate
  for candidate in "$(command -v python3.10 || true)" "$HOME"/.pyenv/versions/3.10*/bin/python; do
    if [ -x "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; then
      PYTHON=$candidate
      return
    fi
  done
  say "no Python 3.10 on PATH or in ~/.pyenv; trying to download one into .tools/python"
  export UV_PYTHON_INSTALL_DIR=$PWD/.tools/python
  if "$UV" python install --quiet --no-bin 3.10 2>/dev/null && PYTHON=$("$UV" python find --managed-python 3.10 2>/dev/null); then
    return
  fi
  say "no Python 3.10 was found and none could be downloaded: install it (for example 'pyenv install 3.10', or put a python3.10 on PATH) and call make again."
  exit 1
}

find_uv
find_python
say "making .venv with $("$PYTHON" --version) from requirements/lock.txt (about 3 GB on disk; a few minutes the first time)"
"$UV" venv --quiet --clear --python "$PYTHON" .venv
# On a terminal uv draws its own progress; in a log it would print a line a package.
quiet=--quiet
[ -t 2 ] && quiet=
VIRTUAL_ENV=$PWD/.venv "$UV" pip sync $quiet --require-hashes requirements/lock.txt
VIRTUAL_ENV=$PWD/.venv "$UV" pip install --quiet --no-deps --no-build-isolation \
  --config-setting editable_mode=compat --editable .
touch .venv/ready
say "ready"

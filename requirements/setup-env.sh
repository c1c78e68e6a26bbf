#!/usr/bin/env bash
# Makes .venv (or the environment that is named) from the lock of the Python that choose-python.sh chooses, unless it is
# that already; everything that is downloaded as a tool stays inside this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

ENVIRONMENT=${1:-.venv}

say() { printf 'setup: %s\n' "$*" >&2; }

is_ready() {
  local file
  [ "$(cat "$ENVIRONMENT/ready" 2>/dev/null)" = "${version_and_stack}" ] || return 1
  "$ENVIRONMENT/bin/python" -c '' 2>/dev/null || return 1
  # A minor version is enough, but who names a program or a patch level means it.
  [[ ${PYTHON:-} =~ ^(3\.[0-9]+)?$ ]] || [ "$(readlink -f "$ENVIRONMENT/bin/python")" = "$program" ] || return 1
  for file in "$lock" setup.py requirements/setup-env.sh; do
    [ ! "$file" -nt "$ENVIRONMENT/ready" ] || return 1
  done
}

find_uv() {
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    UV=uv
    return
  fi
  UV=.tools/uv/bin/uv
  if [ ! -x "$UV" ]; then
    say "installing uv into .tools/uv"
    mkdir -p .tools
    install_uv 2>.tools/uv.log || { say "uv could not be installed: $(tail -n 1 .tools/uv.log)"; exit 1; }
  fi
}

# By a Python that has pip, or that can make an environment with it: Debian's has neither without python3-venv.
install_uv() {
  local python
  for python in $(type -ap python3) $program; do
    if "$python" -m pip --version >/dev/null; then
      "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv \
        'uv>=0.5'
      return
    fi
  done
  for python in $(type -ap python3) $program; do
    if "$python" -m venv .tools/uv; then
      .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
      return
    fi
  done
  return 1
}

download_python() {
  say "no Python $version on PATH or in ~/.pyenv; trying to download one into .tools/python"
  export UV_PYTHON_INSTALL_DIR=$PWD/.tools/python
  if "$UV" python install --quiet --no-bin "$version" 2>/dev/null &&
    program=$("$UV" python find --managed-python "$version" 2>/dev/null); then
    return
  fi
  say "no Python $version was found and none could be downloaded: install it" \
    "(for example 'pyenv install $version', or put a python$version on PATH) and call make again."
  exit 1
}

chosen=$(requirements/choose-python.sh)
{ read -r program && read -r version && read -r stack && read -r why; } <<<"$chosen"
version_and_stack="$(cut -d. -f1,2 <<<"$version") $stack"
lock=requirements/lock-$stack.txt
if is_ready; then exit 0; fi

find_uv
[ -n "$program" ] || download_python
say "Python $version ($program) with ${stack/tfx/TFX }: $why"
say "making $ENVIRONMENT from $lock (3 to 4 GB on disk; a few minutes the first time)"
"$UV" venv --quiet --clear --python "$program" "$ENVIRONMENT"
# On a terminal uv draws its own progress; in a log it would print a line a package.
quiet=--quiet
[ -t 2 ] && quiet=
export VIRTUAL_ENV=$PWD/$ENVIRONMENT
# Compiled once, a minute: else, where PYTHONDONTWRITEBYTECODE is set, TensorFlow and TFX would be compiled at each start.
"$UV" pip sync $quiet --compile-bytecode --require-hashes "$lock" || {
  say "if pyfarmhash could not be built: that takes g++ and Python's headers (apt-get install g++ python3-dev)"
  exit 1
}
"$UV" pip install --quiet --no-deps --no-build-isolation --editable .
printf '%s\n' "$version_and_stack" >"$ENVIRONMENT/ready"
say "ready"

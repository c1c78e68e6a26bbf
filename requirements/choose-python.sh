#!/usr/bin/env bash
# Which Python is .venv made of, and with which lock? Prints four lines, program (empty: none found), version, stack, why.
# The newest that this machine's glibc allows, or what PYTHON says: a version or a program. Exit code 2 and one line on
# stderr if that cannot be. Markers of packages know Python but not glibc, so it is asked for here.
set -euo pipefail
cd "$(dirname "$0")/.."

OLD_VERSIONS=(3.10)           # TFX 1.16
NEW_VERSIONS=(3.13 3.12 3.11) # TFX 1.21, newest first
NEW_GLIBC=2.38                # of the symbols in the wheels of tensorflow-data-validation 1.21

refuse() {
  printf 'setup: %s\n' "$*" >&2
  exit 2
}

glibc_version() {
  local line
  line=$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>/dev/null | head -n 1 || true)
  [[ ${line##* } =~ ^[0-9]+\.[0-9]+ ]] || refuse "no glibc found on this machine, and TensorFlow's wheels need one"
  printf '%s\n' "${BASH_REMATCH[0]}"
}

allows_new() { [ "$(printf '%s\n' "$NEW_GLIBC" "$GLIBC" | sort -V | head -n 1)" = "$NEW_GLIBC" ]; }

# Prints "VERSION PROGRAM" of a CPython. That of an environment counts as the one it was made of, for .venv, activated or
# not, is removed before it is made again. Builds without the global lock have wheels of their own, which are not locked.
probe() {
  "$1" -c 'import os, sys
if sys.implementation.name != "cpython" or "t" in sys.abiflags: sys.exit(1)
print("%d.%d.%d" % sys.version_info[:3], os.path.realpath(sys._base_executable))' 2>/dev/null
}

# Prints every program that could be Python VERSION, the first choice first.
candidates() {
  local name
  for name in "python$1" python3 python; do
    type -ap "$name" || true
  done
  compgen -G "$HOME/.pyenv/versions/$1.*/bin/python" | sort -rV || true
  compgen -G "$PWD/.tools/python/cpython-$1.*/bin/python$1" | sort -rV || true
}

# Sets FOUND to the program of VERSION, such as 3.12 or 3.12.1.
find_python() {
  local candidate version program
  FOUND=
  while read -r candidate; do
    read -r version program <<<"$(probe "$candidate" || true)"
    if [[ $version. == "$1".* ]]; then
      FOUND=$program
      return 0
    fi
  done < <(candidates "$(minor "$1")")
  return 1
}

minor() { printf '%s\n' "$1" | cut -d. -f1,2; }
is_one_of() { [[ " ${*:2} " == *" $1 "* ]]; }

# Sets STACK to the one of a version; says what would work if there is none here.
set_stack() {
  local wanted=$1 version=$2
  if is_one_of "$(minor "$version")" "${OLD_VERSIONS[@]}"; then
    STACK=tfx1.16
  elif ! is_one_of "$(minor "$version")" "${NEW_VERSIONS[@]}"; then
    refuse "$wanted: the pipeline runs on Python 3.10, and with glibc $NEW_GLIBC or newer on 3.11 to 3.13;" \
      "this machine has glibc $GLIBC: $(what_works)"
  elif ! allows_new; then
    refuse "$wanted: TFX 1.21, the one for Python $(minor "$version"), needs glibc $NEW_GLIBC or newer, and this machine" \
      "has $GLIBC: $(what_works), or run 'make newest', which uses a chroot"
  else
    STACK=tfx1.21
  fi
}

what_works() { if allows_new; then echo 'PYTHON=3.13, 3.12, 3.11 or 3.10 works'; else echo 'PYTHON=3.10 works'; fi; }

answer() {
  printf '%s\n' "$FOUND" "$1" "$STACK" "$2"
  exit 0
}

[ "$(uname -m)" = x86_64 ] || refuse "TFX is made for x86-64 alone, and this machine is $(uname -m)"
GLIBC=$(glibc_version)

if [[ ${PYTHON:-} =~ ^3\.[0-9]+(\.[0-9]+)?$ ]]; then
  set_stack "PYTHON=$PYTHON" "$PYTHON"
  find_python "$PYTHON" || true
  answer "$PYTHON" "PYTHON=$PYTHON says so"
elif [ -n "${PYTHON:-}" ]; then
  read -r version FOUND <<<"$(probe "$PYTHON" || true)"
  [ -n "$version" ] || refuse "PYTHON=$PYTHON: no program of a CPython 3; give a version such as 3.10, or the path of one"
  set_stack "PYTHON=$PYTHON (Python $version)" "$version"
  answer "$(minor "$version")" "PYTHON=$PYTHON says so"
fi

if allows_new; then
  versions=("${NEW_VERSIONS[@]}" "${OLD_VERSIONS[@]}")
  why="the newest that was found and that the pipeline runs on with glibc $GLIBC"
else
  versions=("${OLD_VERSIONS[@]}")
  why="glibc $GLIBC is older than the $NEW_GLIBC that Python 3.11 to 3.13 would need here (TFX 1.21)"
fi
for version in "${versions[@]}"; do
  set_stack '' "$version"
  if find_python "$version"; then answer "$version" "$why"; fi
done
set_stack '' "${versions[0]}"
answer "${versions[0]}" "${why/ was found and that/}, and none was found"

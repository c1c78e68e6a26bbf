#!/usr/bin/env bash
# Makes .tools/docs from requirements/docs-lock.txt: what `make docs` and `make cast` need, apart from the product, which is
# not needed for the site; or with an argument, as `airflow`, another tool in the same way. Any Python from 3.10 on will do,
# by uv where it is there, else by venv and pip.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/uv/bin:$PATH"
NAME=${1:-docs}
LOCK=requirements/$NAME-lock.txt

say() { printf 'setup: %s\n' "$*" >&2; }

# The first Python that is new enough; PYTHON names another one.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON" "python$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 \
    "$HOME"/.pyenv/versions/3.1[0-9]*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  say "no Python 3.10 or newer on PATH: install one (apt-get install python3), or name it with PYTHON="
  return 1
}

python=$(find_python)
say "making .tools/$NAME from $LOCK with $python"
mkdir -p .tools
if uv --version >/dev/null 2>&1; then
  uv venv --quiet --clear --python "$python" ".tools/$NAME"
  VIRTUAL_ENV="$PWD/.tools/$NAME" uv pip sync --quiet --require-hashes "$LOCK"
elif "$python" -c 'import ensurepip' 2>/dev/null; then
  "$python" -m venv --clear ".tools/$NAME"
  ".tools/$NAME/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$LOCK"
else
  say "$python cannot make environments, and uv is not there: apt-get install python3-venv"
  exit 1
fi
touch ".tools/$NAME/ready"

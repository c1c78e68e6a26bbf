#!/usr/bin/env bash
# Resolves setup.py again into a lock a stack (docs/decisions/0022-two-stacks.md), and audit.in into audit-lock.txt.
# Versions already locked stay unless --upgrade is given.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/uv/bin:$PATH"

resolve() { uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header "$@"; }

resolve_stack() {
  local stack=$1
  shift
  resolve --extra pipeline --extra kubeflow --extra dev --extra bench --constraint requirements/constraints.txt \
    --override "requirements/overrides-$stack.txt" --output-file "requirements/lock-$stack.txt" setup.py "$@"
}

resolve_stack tfx1.16 --python-version 3.10 --python-platform x86_64-manylinux_2_28 "$@"
# Three Pythons in a file, with markers where they differ; what all of pyproject.toml's environments have in common goes.
resolve_stack tfx1.21 --python-version 3.11 --universal "$@"
sed -i -E -e "s/ and implementation_name == 'cpython'.* and sys_platform == 'linux'//" \
  -e "s/( ;| and) python_full_version < '3\.14'//" requirements/lock-tfx1.21.txt
resolve --python-version 3.10 --python-platform x86_64-manylinux_2_28 \
  --output-file requirements/audit-lock.txt requirements/audit.in "$@"

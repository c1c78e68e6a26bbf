#!/usr/bin/env bash
# Resolves setup.py again into requirements/lock.txt, and audit.in into audit-lock.txt. Versions already locked stay
# unless --upgrade is given.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/uv/bin:$PATH"
resolve() {
  uv pip compile --quiet --python-version 3.10 --python-platform x86_64-manylinux_2_28 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header "$@"
}
resolve --extra pipeline --extra kubeflow --extra dev --extra bench \
  --override requirements/overrides.txt --constraint requirements/constraints.txt \
  --output-file requirements/lock.txt setup.py "$@"
resolve --output-file requirements/audit-lock.txt requirements/audit.in "$@"

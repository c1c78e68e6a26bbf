#!/usr/bin/env bash
# Makes .tools/audit from requirements/audit-lock.txt: the tools of `make audit` and `make sbom`, apart from the product.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/uv/bin:$PATH"
printf 'setup: making .tools/audit from requirements/audit-lock.txt\n' >&2
# The product's Python, so that the tools read the lock as the installer does.
uv venv --quiet --clear --python .venv/bin/python .tools/audit
VIRTUAL_ENV=$PWD/.tools/audit uv pip sync --quiet --require-hashes requirements/audit-lock.txt
touch .tools/audit/ready

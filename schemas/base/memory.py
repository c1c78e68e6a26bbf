"""What the interpreter and the C library do with memory while much of it is taken and given back."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import numpy as np

_LARGEST_KEPT = 30 << 20  # bytes; glibc's DEFAULT_MMAP_THRESHOLD_MAX is 32 MB


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Inside, no cycles are looked for: each search goes through all objects that there are."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def keep_freed_memory() -> None:
    """From now on, arrays of up to 30 MB that are given up stay with the process, and the next ones are made of them.

    glibc asks the kernel anew for anything beyond 128 KB, until a larger piece was freed once (mallopt(3),
    M_MMAP_THRESHOLD). Fresh pages cost more than most of what is computed in them.
    """
    np.empty(_LARGEST_KEPT, np.uint8)

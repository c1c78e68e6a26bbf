"""By which names the worker processes of Beam's DirectRunner are known; nothing of Beam is imported."""

from __future__ import annotations

from collections.abc import Sequence

_THREAD = "run_worker"  # of apache_beam.runners.portability.fn_api_runner.worker_handlers
_MODULE = "apache_beam.runners.worker.sdk_worker_main"


def waits_for_a_worker(thread: str) -> bool:
    """Whether a thread of this name is the one in which Beam waits for a worker process."""
    return thread == _THREAD


def is_worker(command: Sequence[str]) -> bool:
    """Whether this command line is a worker's own; a shell around it has it inside a longer argument."""
    return _MODULE in command

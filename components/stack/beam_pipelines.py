"""The one way to a Beam pipeline, for steps of a run and for `ratchet check`: with the options given, and watched."""

from __future__ import annotations

import contextlib
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions

from ratchet.components.stack.beam_limits import parted
from ratchet.components.stack.beam_options import options_of, pool_address
from ratchet.components.stack.beam_pools import PoolWatch, answers
from ratchet.components.stack.beam_watch import StepTimeError, Watch, WorkerDiedError, run_watched
from ratchet.schemas.base.errors import RatchetError

_JOB_SERVER_S = 60.0  # in which a job server must answer
_EVER_S = 10**8  # of a job: Beam's own timeout of 60 s would end its reports, and with them the wait
_FAILED = " failed in state "  # of apache_beam.runners.portability.portable_runner.PipelineResult


class BeamJobError(RatchetError):
    """A job on another runner failed, or its runner is gone."""


class WatchedPipeline(beam.Pipeline):
    """A pipeline that is given up when a worker dies or its time is over; to be used as a context manager.

    Args:
        args: Beam's options, maybe with the time limit of `beam_limits.with_limit`.
        step: what it belongs to, for messages.
    """

    def __init__(self, args: Sequence[str], step: str) -> None:
        self._step = step
        own, self._limit = parted(args)
        self._known = options_of(own)
        super().__init__(options=PipelineOptions(_with_timeout(own, self._known)))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            super().__exit__(exc_type, exc_val, exc_tb)
            return
        run = super().__exit__
        _run(lambda: run(None, None, None), self._step, self._limit, self._known, self._cancel)

    def _cancel(self) -> None:
        """Ends a job that was sent elsewhere; one on this machine has ended with its workers."""
        with contextlib.suppress(
            Exception
        ):  # a runner that is gone, or cannot: the step's own error is the one to show
            self.result.cancel()


def run_as_step(action: Callable[[], None], args: Sequence[str], step: str) -> None:
    """Runs a library's function that makes a pipeline of its own, watched as a `WatchedPipeline` is.

    Args:
        action: calls the function.
        args: as of a `WatchedPipeline`.
        step: the same.
    """
    own, limit = parted(args)
    _run(action, step, limit, options_of(own), lambda: None)


def plain_options(args: Sequence[str]) -> PipelineOptions:
    """Beam's options of a step, for a library's function that makes a pipeline of its own."""
    own = parted(args)[0]
    return PipelineOptions(_with_timeout(own, options_of(own)))


def _run(
    action: Callable[[], Any], step: str, limit: int | None, options: Namespace, cancel: Callable[[], None]
) -> None:
    endpoint = options.job_endpoint
    if endpoint and endpoint != "embed":
        _wait_for(endpoint, step)
    pool = _pool_of(options)
    looks = [] if pool is None else [pool]

    def give_up() -> None:
        cancel()
        if pool is not None:
            pool.end_workers()

    try:
        run_watched(action, Watch(step, limit, looks, give_up))
    except (StepTimeError, WorkerDiedError):
        raise
    except grpc.RpcError as error:
        raise BeamJobError(f"{step}: Beam's job server at {endpoint} is gone ({_reason(error)}); start it again") from (
            error
        )
    except RuntimeError as error:
        if _FAILED not in str(error):
            raise
        raise BeamJobError(f"{step}: Beam's job failed: {_last_line(str(error))}") from error


def _with_timeout(args: Sequence[str], options: Namespace) -> list[str]:
    """With a job server's timeout that no job outlasts, unless one is given."""
    given = any(arg.partition("=")[0] in ("--job_server_timeout", "--job-server-timeout") for arg in args)
    return [*args] if given or not options.job_endpoint else [*args, f"--job_server_timeout={_EVER_S}"]


def _pool_of(options: Namespace) -> PoolWatch | None:
    if options.environment_type != "EXTERNAL":
        return None
    address = pool_address(options)
    return PoolWatch(address) if address else None


def _wait_for(endpoint: str, step: str) -> None:
    begun = time.monotonic()
    while not answers(endpoint):
        if time.monotonic() - begun > _JOB_SERVER_S:
            raise BeamJobError(f"{step}: no job server answers at beam.args' --job_endpoint={endpoint}; start it")
        time.sleep(0.5)


def _reason(error: grpc.RpcError) -> str:
    code = getattr(error, "code", lambda: None)()
    return code.name if code is not None else type(error).__name__


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith(("^", "~"))), text)[:500]

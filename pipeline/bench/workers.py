"""Cases that run one after the other, or in several processes at once.

One run keeps about one core busy, for most of its steps are Python: two processes run nearly twice as many cases.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ratchet.pipeline.bench.case_result import CaseResult
from ratchet.pipeline.bench.cases import Case
from ratchet.schemas.base.errors import StateError

AttemptAt = Callable[[Case, int], CaseResult]  # runs a case, as the attempt of that number
RunAll = Callable[[Sequence[tuple[Case, int]]], Iterator[CaseResult]]  # the same of several, in any order
StartWorker = Callable[[int], AttemptAt]  # of the number of a process

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_of_this_process: list[AttemptAt] = []


def one_by_one(attempt_at: AttemptAt) -> RunAll:
    """Runs cases in their order, in this process."""
    return lambda todo: (attempt_at(case, attempt) for case, attempt in todo)


def in_workers(jobs: int, start: StartWorker, todo: Sequence[tuple[Case, int]]) -> Iterator[CaseResult]:
    """Runs cases in processes of their own; results come as they are done.

    The first case runs alone, and controls before all others: what is measured of the baseline, and of the control that
    a case is compared with, is then there.

    Args:
        jobs: how many processes.
        start: called in each of them, with its number.
        todo: cases and the numbers of their attempts.

    Raises:
        StateError: a process was killed, by the system where memory is short.
    """
    if not todo:
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    numbers = context.Value("i", 0)
    pool = ProcessPoolExecutor(min(jobs, len(todo)), context, _begin, (start, numbers))
    controls = [each for each in todo[1:] if not each[0].planted]
    others = [each for each in todo[1:] if each[0].planted]
    try:
        for together in (todo[:1], controls, others):
            for done in as_completed([pool.submit(_attempt, case, attempt) for case, attempt in together]):
                yield done.result()
        pool.shutdown()
    except BrokenProcessPool as error:
        raise StateError(
            "a process that ran a case was killed, as the system does where memory is short; what is done is kept: "
            "give the command again, with --jobs 1"
        ) from error
    finally:
        for process in multiprocessing.active_children():  # with runs that nobody waits for any more
            process.kill()
        pool.shutdown(cancel_futures=True)


def _begin(start: StartWorker, numbers: Any) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # ends with the process that it works for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is that one's
    with numbers.get_lock():
        numbers.value += 1
        number = numbers.value
    _of_this_process.append(start(number))


def _attempt(case: Case, attempt: int) -> CaseResult:
    return _of_this_process[0](case, attempt)

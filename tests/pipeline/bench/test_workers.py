"""Cases run in processes of their own: controls first, results as they come, and nothing is left behind."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path

import pytest

from ratchet.pipeline.bench.case_result import CaseResult
from ratchet.pipeline.bench.cases import Case, Split, plan, read_entries
from ratchet.pipeline.bench.workers import AttemptAt, in_workers
from ratchet.schemas.base.errors import StateError
from tests.pipeline.bench.cases import planned

CASES = plan(read_entries(), Split.SCORE, 0, blind=False)
TODO = [(case, 1) for case in CASES[:7]]


def noting(directory: Path, number: int) -> AttemptAt:
    """A worker that notes when it began and ended what."""
    (directory / f"{os.getpid()}.pid").touch()

    def attempt_at(case: Case, attempt: int) -> CaseResult:
        with (directory / "order").open("a") as file:
            file.write(f"{case.number}\n")
        return planned(case, {}, attempt, code=f"worker {number}")

    return attempt_at


def dying(directory: Path, number: int) -> AttemptAt:
    def attempt_at(case: Case, attempt: int) -> CaseResult:
        if case.planted:
            os.kill(os.getpid(), signal.SIGKILL)
        return planned(case, {}, attempt, code=f"worker {number}")

    return attempt_at


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_cases_run_the_first_alone_and_controls_before_the_others(tmp_path: Path) -> None:
    results = list(in_workers(2, functools.partial(noting, tmp_path), TODO))
    assert sorted(result.number for result in results) == [case.number for case, _ in TODO]
    assert {result.code for result in results} <= {"worker 1", "worker 2"}
    order = (tmp_path / "order").read_text().split()
    assert (order[0], set(order[1:3])) == ("001", {"002", "003"})
    assert [pid for pid in tmp_path.glob("*.pid") if is_alive(int(pid.stem))] == []


def test_a_worker_that_was_killed_is_told_and_what_was_done_is_kept(tmp_path: Path) -> None:
    results = in_workers(2, functools.partial(dying, tmp_path), TODO)
    assert sorted(next(results).number for _ in range(3)) == ["001", "002", "003"]
    with pytest.raises(StateError, match=r"was killed.*--jobs 1"):
        next(results)


def test_nothing_is_started_for_nothing(tmp_path: Path) -> None:
    assert list(in_workers(2, functools.partial(noting, tmp_path), [])) == []
    assert list(tmp_path.iterdir()) == []

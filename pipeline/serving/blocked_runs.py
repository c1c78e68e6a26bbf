"""The run that an approval is for, and why it may not be approved; pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from schemas.artifacts.decisions import Verdict
from schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from schemas.base.errors import InputError

_APPROVABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value)
_LISTED = 5


def find_decision(run: str, root: Path, decisions: Sequence[RecordedDecision], hint: str) -> RecordedDecision:
    """The decision on a run.

    Args:
        run: its id, or the beginning of it if no other run begins so.
        root: pipeline root.
        decisions: all there are, the oldest first.
        hint: `approvable`, for errors.

    Raises:
        InputError: there is no such run, there are several, or it never came to a decision.
    """
    run_id = _run_id(run, root, decisions, hint)
    found = [decision for decision in decisions if decision.run_id == run_id]
    return found[-1] if found else _undecided(run_id, root, hint)


def check_blocked(decision: RecordedDecision, hint: str) -> None:
    """Whether a decision was a no that a person may overrule.

    Args:
        decision: on the run.
        hint: `approvable`, for errors.

    Raises:
        InputError: it was a yes.
    """
    if decision.verdict not in _APPROVABLE:
        raise InputError(
            f"run {decision.run_id} was {decision.verdict}: its model went into service without an approval{hint}"
        )


def approvable(decisions: Sequence[RecordedDecision], served: ServedModel | None) -> str:
    """The end of a sentence that names the runs that could be approved, the newest first.

    Args:
        decisions: all there are, the oldest first.
        served: what the candidates must have been compared with.
    """
    baseline = served.digest if served else None
    runs = [
        f"{made.run_id} ({made.verdict})"
        for made in decisions
        if made.verdict in _APPROVABLE and made.baseline_digest == baseline
    ]
    if not runs:
        return ". No run could be approved now: none has a blocked candidate that was compared with the served model"
    more = f", and {len(runs) - _LISTED} older" if len(runs) > _LISTED else ""
    return f". Runs that could be approved: {', '.join(reversed(runs[-_LISTED:]))}{more}"


def _run_id(run: str, root: Path, decisions: Sequence[RecordedDecision], hint: str) -> str:
    directories = [path.name for path in root.glob("runs/*") if path.is_dir()]
    known = sorted({*directories, *(decision.run_id for decision in decisions)})
    if run in known:
        return run
    found = [run_id for run_id in known if run and run_id.startswith(run)]
    if len(found) > 1:
        more = ", ..." if len(found) > _LISTED else ""
        raise InputError(f"run {run!r} could be {', '.join(found[:_LISTED])}{more}: give more of its id")
    if not found:
        raise InputError(f"run {run!r}: no run of {root} begins so{hint}")
    return found[0]


def _undecided(run_id: str, root: Path, hint: str) -> NoReturn:
    result = root / "runs" / run_id / RESULT_FILE
    if not result.is_file():
        raise InputError(
            f"run {run_id} did not end, so there is no candidate to approve: give its `ratchet run` again, which goes "
            f"on where it stopped; its log is {result.parent / 'log.txt'}{hint}"
        )
    verdict = RUN_RESULT_FORMAT.read(result.read_bytes(), str(result)).verdict
    if verdict is Verdict.DATA_REJECTED:
        raise InputError(
            f"run {run_id} was rejected by the data gate, so no candidate was trained: give its `ratchet run` again "
            f"with --set data_gate.mode=observe, then approve that run if it is blocked{hint}"
        )
    raise InputError(f"run {run_id} ended as {verdict.value}, but the registry has no decision on it; run again{hint}")

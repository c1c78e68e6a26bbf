"""The result of a run, from the decision on it and its evaluation."""

from __future__ import annotations

from pathlib import Path

from pipeline.doctor.patient import Patient
from schemas.artifacts.decisions import Decision, Reason, Verdict
from schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from schemas.artifacts.registry_entries import RecordedDecision
from schemas.artifacts.review import REVIEW_FILE
from schemas.artifacts.run_result import RunResult
from schemas.base.errors import StateError


def rebuilt_result(patient: Patient, run_id: str) -> RunResult | None:
    """What `result.json` of a run held, without the seconds and what the data gate only observed.

    Args:
        patient: the root.
        run_id: the run's id.

    Returns:
        None where no decision is recorded.
    """
    made = next((one for one in reversed(patient.decisions()) if one.run_id == run_id), None)
    if made is None:
        return None
    verdict = Verdict(made.verdict)
    page = patient.root / "runs" / run_id / REVIEW_FILE
    return RunResult(
        verdict=verdict,
        reasons=_reasons(made),
        map=made.map,
        baseline_map=made.baseline_map,
        delta=made.delta,
        delta_ci=made.delta_ci,
        model=made.model,
        pushed_version=_version(patient, run_id) if verdict.pushes else None,
        report=str(page if page.is_file() else made.evaluation),
        run_id=run_id,
        span=made.span,
        seconds={},
        ended_at=made.decided_at,
    )


def _reasons(made: RecordedDecision) -> tuple[Reason, ...]:
    """The evaluator's; where it was blocked for something else, that."""
    try:
        text = Path(made.evaluation, EVALUATION_FILE).read_text(encoding="utf-8")
        measured: Decision | None = EVALUATION_FORMAT.read(text, EVALUATION_FILE).decision
    except (OSError, ValueError, StateError):
        measured = None
    if measured is not None and measured.verdict.value == made.verdict:
        return measured.explaining
    return (Reason(made.rule or "decision", "a better model", made.reason),) if made.reason else ()


def _version(patient: Patient, run_id: str) -> str | None:
    entries = patient.versions().values()
    return next((one.version for one in entries if one.run_id == run_id and one.restores is None), None)

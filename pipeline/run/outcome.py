"""How a run ended, from what its steps wrote; the same on every runner."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.object_store.files import read_text
from ratchet.pipeline.root.step_result import StepResult
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE
from ratchet.schemas.artifacts.decisions import DataDecision, Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, REGISTRATION_STEP
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.errors import RatchetError


class NotActedOnError(RatchetError):
    """Pusher has done something else than what the verdict says."""


def rejected(steps: Mapping[str, StepResult], span: int, run_id: str, page: str) -> RunResult:
    """The result of a run whose data were rejected.

    Args:
        steps: of the run, by node id.
        span: its number.
        run_id: names the run.
        page: the run's page.
    """
    return RunResult.untrained(
        verdict=Verdict.DATA_REJECTED,
        reasons=_data_decision(steps).remarkable,
        report=page,
        run_id=run_id,
        span=span,
        seconds=_seconds(steps),
    )


def evaluated(steps: Mapping[str, StepResult], span: int, run_id: str, page: str) -> RunResult:
    """The result of a run that has trained a candidate; see `rejected`.

    Raises:
        NotActedOnError: the verdict says to push and nothing was pushed, or the other way round.
    """
    measured = f"{steps['MapEvaluator'].outputs['evaluation']}/{EVALUATION_FILE}"
    evaluation = EVALUATION_FORMAT.read(read_text(measured), measured)
    pushed = _publication_file(steps)
    publication = PUBLICATION_FORMAT.read(read_text(pushed), pushed)
    decision = publication.final(evaluation.decision)
    if (publication.version is not None) != decision.verdict.pushes:
        raise NotActedOnError(f"the verdict is {decision.verdict.value}, but Pusher did not act on it")
    observed = _data_decision(steps).remarkable
    golden_scores, deltas = evaluation.golden.compared, evaluation.golden.deltas
    return RunResult(
        verdict=decision.verdict,
        reasons=decision.explaining + observed,
        map=golden_scores.candidate.coco["AP"],
        baseline_map=golden_scores.baseline.coco["AP"] if golden_scores.baseline else None,
        delta=deltas.overall.value if deltas else None,
        delta_ci=deltas.overall.interval if deltas else None,
        model=steps["DetectorTrainer"].outputs["model"],
        pushed_version=publication.version,
        report=page,
        run_id=run_id,
        span=span,
        seconds=_seconds(steps),
        observed=tuple(reason.rule for reason in observed),
    )


def _publication_file(steps: Mapping[str, StepResult]) -> str:
    """What the Pusher wrote, with what came of a registration where there was one."""
    registered = steps.get(REGISTRATION_STEP)
    if registered is not None and registered.done:
        return f"{registered.outputs['registration']}/{PUBLICATION_FILE}"
    return f"{steps['Pusher'].outputs['pushed_model']}/{PUBLICATION_FILE}"


def _data_decision(steps: Mapping[str, StepResult]) -> DataDecision:
    path = f"{steps['DataGate'].outputs['decision']}/{DECISION_FILE}"
    return DATA_DECISION_FORMAT.read(read_text(path), path)


def _seconds(steps: Mapping[str, StepResult]) -> dict[str, float]:
    return {step: result.seconds for step, result in steps.items()}

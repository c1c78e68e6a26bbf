"""From the evaluator's decision to a served model, or to the rule that kept the candidate out; pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from ratchet.components.registry.publication import (
    BaselineChangedError,
    Publication,
    decision_key,
    publish,
    settle,
    staged_model,
)
from ratchet.components.registry.registry import Registry
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.decisions import Decision, Reason
from ratchet.schemas.artifacts.evaluation import Evaluation
from ratchet.schemas.artifacts.publication import (
    BASELINE_CHANGED,
    CANDIDATE_CHANGED,
    EVALUATION_CHANGED,
    PublicationResult,
)
from ratchet.schemas.artifacts.registry_entries import APPROVED, RecordedDecision, ServedModel
from ratchet.schemas.artifacts.training_record import TrainedData

Accept = Callable[[str], Reason]  # of the staged directory


@dataclass(frozen=True)
class EvaluatedCandidate:
    """What a decision says of a candidate.

    Attributes:
        run_id: the run it belongs to.
        model: URI of its Model artifact.
        trained_on: the new span.
        evaluation_uri: of the ModelEvaluation artifact.
        evaluation: what was measured, and the decision.
        blessing: what was measured, as the evaluator said it.
    """

    run_id: str
    model: str
    trained_on: TrainedData
    evaluation_uri: str
    evaluation: Evaluation
    blessing: Blessing


@dataclass(frozen=True)
class Candidate(EvaluatedCandidate):
    """A candidate whose files are there.

    Attributes:
        directory: its SavedModel.
        digest: `model_digest` of what lies there now.
        evaluation_digest: sha256 of the file that the evaluation was read from.
    """

    directory: str
    digest: str
    evaluation_digest: str


def push(registry: Registry, candidate: Candidate, accept: Accept, now: datetime.datetime) -> PublicationResult:
    """Serves the candidate if it was accepted, and records what was decided; the same again changes nothing.

    Args:
        registry: of the root.
        candidate: with the evaluator's decision.
        accept: looks at the staged copy, just before it is served.
        now: the present, UTC.

    Returns:
        The version that it is served as, or the rules that kept it out.

    Raises:
        StateError: the registry contradicts what is served.
    """
    settle(registry)
    now = _after_all(registry, now)
    if not candidate.evaluation.decision.verdict.pushes:
        return _kept_out(registry, candidate, (), now)
    done = _pushed_before(registry, candidate)
    if done is not None:
        return PublicationResult(done.version)
    changed = _changed(candidate)
    if changed is not None:
        return _kept_out(registry, candidate, (changed,), now)
    with staged_model(registry, candidate.directory, candidate.blessing.model_digest) as staged:
        accepted = accept(f"{registry.serving_directory}/{staged}")
        if not accepted.passed:
            return _kept_out(registry, candidate, (accepted,), now)
        try:
            served = publish(registry, _publication(candidate, accepted, now), staged, int(now.timestamp()))
        except BaselineChangedError as error:
            reasons = (accepted, _baseline_changed(registry, candidate, error.served))
            return _kept_out(registry, candidate, reasons, now)
    return PublicationResult(served.version, (accepted,))


def _after_all(registry: Registry, now: datetime.datetime) -> datetime.datetime:
    """The present, or a moment after the newest decision where the clock is behind it: decisions have an order."""
    made = registry.decisions()
    try:
        newest = datetime.datetime.fromisoformat(made[-1].decided_at)
        return max(now, newest + datetime.timedelta(seconds=1))
    except (LookupError, ValueError, TypeError):  # none yet, or no time that can be compared
        return now


def _pushed_before(registry: Registry, candidate: Candidate) -> ServedModel | None:
    """The version that this very run put into service before it was killed."""
    own = (candidate.run_id, candidate.blessing.model_digest)
    made = [model for model in registry.versions() if (model.run_id, model.digest) == own]
    return next((model for model in made if model.restores is None and model.verdict != APPROVED), None)


def _kept_out(
    registry: Registry, candidate: Candidate, reasons: tuple[Reason, ...], now: datetime.datetime
) -> PublicationResult:
    result = PublicationResult(None, reasons)
    decision = decision_on(candidate, result.final(candidate.evaluation.decision), now)
    registry.record_decision(decision_key(decision), decision)
    return result


def _changed(candidate: Candidate) -> Reason | None:
    measured, said = candidate.blessing.model_digest, candidate.blessing.evaluation_digest
    if candidate.evaluation_digest != said:
        return Reason(
            EVALUATION_CHANGED,
            f"the evaluation as it was written (sha256 {said[:12]})",
            f"another in {candidate.evaluation_uri} ({candidate.evaluation_digest[:12]}); run again on this span",
        )
    if candidate.digest == measured:
        return None
    return Reason(
        CANDIDATE_CHANGED,
        f"the bytes that were measured (content digest {measured[:12]})",
        f"others in {candidate.directory} ({candidate.digest[:12]}); nobody measured those: run again on this span",
    )


def _baseline_changed(registry: Registry, candidate: Candidate, served: ServedModel | None) -> Reason:
    compared, version = candidate.blessing.baseline_digest[:12], candidate.blessing.baseline_version
    was = f"version {version} ({compared})" if version else "no model"
    override = registry.current_override()
    by = f", by the {override.kind.value.lower().replace('_', ' ')} of {override.by}" if override else ""
    now = f"version {served.version} ({served.digest[:12]}){by}" if served else "no model"
    return Reason(
        BASELINE_CHANGED,
        f"what the candidate was compared with is still served: {was}",
        f"{now}, with which it was never compared; run again on this span",
    )


def _publication(candidate: Candidate, accepted: Reason, now: datetime.datetime) -> Publication:
    evaluation, blessing = candidate.evaluation, candidate.blessing
    decision = decision_on(candidate, PublicationResult("", (accepted,)).final(evaluation.decision), now)
    model = ServedModel(
        version="",
        path="",
        digest=blessing.model_digest,
        span=decision.span,
        golden_digest=decision.golden_digest,
        map=evaluation.golden.candidate.coco["AP"],
        verdict=decision.verdict,
        run_id=decision.run_id,
        pushed_at=decision.decided_at,
        blessed=True,
    )
    over = (blessing.baseline_version, blessing.baseline_digest) if blessing.baseline_version else None
    return Publication(model, candidate.directory, over, decision=decision)


def decision_on(candidate: EvaluatedCandidate, final: Decision, now: datetime.datetime) -> RecordedDecision:
    """What is recorded of a candidate.

    Args:
        candidate: with what was measured.
        final: the evaluator's decision, and what was said at the door.
        now: when it was made, UTC.
    """
    compared, blessing = candidate.evaluation.golden.compared, candidate.blessing
    deltas, failures = candidate.evaluation.golden.deltas, final.failures
    return RecordedDecision(
        run_id=candidate.run_id,
        span=candidate.trained_on.span,
        span_version=candidate.trained_on.version,
        data_digest=candidate.trained_on.digest,
        golden_digest=candidate.evaluation.golden_digest,
        verdict=final.verdict.value,
        map=compared.candidate.coco["AP"],
        baseline_map=compared.baseline.coco["AP"] if compared.baseline else None,
        decided_at=now.isoformat(timespec="seconds"),
        model=candidate.model,
        model_digest=blessing.model_digest,
        baseline_version=blessing.baseline_version or None,
        baseline_digest=blessing.baseline_digest or None,
        evaluation=candidate.evaluation_uri,
        delta=deltas.overall.value if deltas else None,
        delta_ci=deltas.overall.interval if deltas else None,
        reason=failures[0].sentence if failures else None,
        evaluation_broken=final.evaluation_broken,
        rule=failures[0].rule if failures else None,
        evaluation_digest=blessing.evaluation_digest,
    )

"""Why mAP fell from an adopted model: by what its toolkit's configuration says of its training; pure.

Of the adopted model there is no record, so both trainings are compared as those of any toolkit are. What would settle a
cause, as that model's log, Ratchet does not have: who has it can give it to `ratchet explain`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.dataset_shift import COMPARE
from ratchet.components.diagnosis.other_records import training_of
from ratchet.components.diagnosis.plans.alone import (
    NEED_CONFIGS,
    NEED_DATA,
    NEED_LABELS,
    NEED_LOGS,
    NEED_RESULTS,
)
from ratchet.components.diagnosis.plans.pair import OtherTraining, PlanPair
from ratchet.components.diagnosis.plans.rate import still_rising
from ratchet.components.diagnosis.shared_symptoms import span_not_learned
from ratchet.components.diagnosis.signals import Limit, Told, found, suspect
from ratchet.components.diagnosis.trainings import ratio
from ratchet.components.diagnosis.weighing import NAMED
from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.components.toolkits.ratchet_plans import plan_of_record
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.diagnosis import (
    AUGMENTATION,
    FORGETTING,
    PIPELINE,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    CauseFinding,
    CauseState,
    Diagnosis,
    Role,
    Signal,
)
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.training_plan import Augmentation, Kind, TrainingPlan

_FEWER = Limit(0.5, is_most=True)  # as of passes between two retrainings
_SETTINGS = {
    "starts_from": "training.init_checkpoint",
    "rate.peak": "training.bootstrap.peak_learning_rate",
    "steps": "training.bootstrap.steps",
    "batch_size": "training.batch_size",
    "optimizer": "training.optimizer",
    "weight_decay": "training.weight_decay",
    "augmentations": "augmentation",
}
_COMPARED = (RATE_TOO_LOW, AUGMENTATION, PIPELINE)  # causes that nothing but a comparison of both trainings shows
_NOT_FORGOTTEN = "The candidate did not start from the served model, so it had nothing of it to forget."
_NOT_KNOWN = "The served model was adopted, and how it was trained is not known."
_TO_KNOW = f"To test it give {NEED_CONFIGS}."
_NEEDS = (NEED_CONFIGS, NEED_LOGS, NEED_RESULTS, NEED_LABELS, NEED_DATA)
# In their order: what an earlier one makes, a later one may change. Words of causes -> words of an adopted baseline.
_WORDS = (
    (
        COMPARE,
        "Train longer, or on more images: the first model is trained on the newest span alone. It keeps its training "
        "data's figures, and later spans are compared with them.",
    ),
    *((need, f"{need}, to `ratchet explain`") for need in _NEEDS),
    ("the training before's", "the adopted model's training's"),
    ("the training before", "the adopted model's training"),
    ("The training before", "The adopted model's training"),
)


def adopted_pair(adoption: Adoption, candidate: TrainingRecord) -> PlanPair:
    """An adopted model's training and its would-be successor's.

    Args:
        adoption: the record of the served model.
        candidate: the training record of the candidate.
    """
    before, after = OtherTraining(adoption.plan), training_of(candidate)
    if not candidate.trainer:  # whose settings have names of their own
        after = replace(after, plan=_of_first_training(plan_of_record(candidate), adoption.plan))
    if candidate.diverged and after.curves:
        after = replace(after, curves=replace(after.curves, diverged_at=float(candidate.diverged.step)))
    changes = None
    if before.plan and after.plan:
        changes = plan_changes(before.plan, after.plan, before.count, after.count)
    return PlanPair(before, after, changes)


def _of_first_training(plan: TrainingPlan, before: TrainingPlan | None) -> TrainingPlan:
    """With the settings by the names that a configuration has for them, and a scale that crops as a crop."""
    there = {each.kind for each in before.augmentations or ()} if before else set()
    as_there = tuple(Augmentation(each.name, kind) for each in plan.augmentations or () for kind in _kinds(each, there))
    augmentations = None if plan.augmentations is None else as_there
    return replace(plan, augmentations=augmentations, named={**plan.named, **_SETTINGS})


def _kinds(augmentation: Augmentation, there: Collection[Kind]) -> Sequence[Kind]:
    """What a random scale is beside another toolkit's policies: above 1 it crops, and a crop is enlarged."""
    alike = (Kind.SCALE, Kind.CROP)
    if augmentation.kind not in alike:
        return (augmentation.kind,)
    return [kind for kind in alike if kind in there] or (augmentation.kind,)


def as_after_adoption(finding: CauseFinding, bundle: Bundle, pair: PlanPair) -> CauseFinding:
    """A finding as it is where the candidate did not start from the served model, and little is known of that one.

    Args:
        finding: of two trainings.
        bundle: the records of the run.
        pair: the trainings.
    """
    if finding.cause == RATE_TOO_LOW and finding.state is not CauseState.SUPPORTED:
        finding = _too_short(bundle, pair) or finding
    if finding.cause == PIPELINE and finding.state is CauseState.SUPPORTED:
        changed = next(signal.sentence for signal in finding.signals if signal.role is Role.SUSPECT)
        told = f"{changed} Toolkit and code are others as well, so that it was this does not show."
        return replace(finding, state=CauseState.OPEN, probability=NAMED, sentence=told)
    if finding.cause == FORGETTING:
        return replace(_without(finding, CauseState.REFUTED), sentence=_NOT_FORGOTTEN)
    is_shown = any(signal.supports for signal in finding.signals)
    is_compared = finding.cause in _COMPARED or (finding.cause == RATE_TOO_HIGH and not is_shown)
    if pair.before.plan is None and is_compared:
        return replace(_without(finding, CauseState.NOT_TESTABLE), sentence=_NOT_KNOWN, action=_TO_KNOW)
    return finding


def _too_short(bundle: Bundle, pair: PlanPair) -> CauseFinding | None:
    """Whether it saw far fewer images than the adopted model's training did, whose data nobody counted.

    None where it did not, or where that is not known.
    """
    plans = [each.plan for each in (pair.before, pair.after)]
    then, now = ((plan.steps or 0) * (plan.batch_size or 0) if plan else 0.0 for plan in plans)
    value = ratio(now, then)
    if value is None or not _FEWER.supports(value):
        return None
    what = f"It was trained on {now:,.0f} images, each time counted, and the adopted model on {then:,.0f}"
    signals = [
        suspect("images_seen_ratio", value, _FEWER, f"{what}.", ""),
        still_rising(pair),
        span_not_learned(bundle),
    ]
    steps = pair.after.plan.steps if pair.after.plan and pair.after.plan.steps else 0.0
    told = Told(
        supported=f"{what}: it ended before it had learned.",
        open=f"{what}; whether it ended before it had learned does not show.",
        refuted="",
        action=f"training.bootstrap.steps: {steps:.0f} -> {steps / value:.0f}",
    )
    return found(RATE_TOO_LOW, "steps", signals, told)


def _without(finding: CauseFinding, state: CauseState) -> CauseFinding:
    return replace(finding, detail="", state=state, probability=0.0, action="", share=None, std_error=None, images=())


def in_words_of_adoption(diagnosis: Diagnosis) -> Diagnosis:
    """A diagnosis of two trainings in words of a run whose baseline was adopted.

    Args:
        diagnosis: as the causes say it.
    """
    cause = diagnosis.cause
    told = replace(
        cause,
        sentence=_reworded(cause.sentence),
        evidence=tuple(map(_reworded, cause.evidence)),
        action=_reworded(cause.action),
    )
    return replace(diagnosis, cause=told, findings=tuple(map(_finding, diagnosis.findings)))


def _finding(finding: CauseFinding) -> CauseFinding:
    signals = tuple(map(_signal, finding.signals))
    return replace(finding, sentence=_reworded(finding.sentence), action=_reworded(finding.action), signals=signals)


def _signal(signal: Signal) -> Signal:
    return replace(signal, sentence=_reworded(signal.sentence))


def _reworded(text: str) -> str:
    for words, others in _WORDS:
        text = text.replace(words, others)
    return text

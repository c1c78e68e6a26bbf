"""Training records of a trainer of one's own, as the two trainings of any toolkit that they are; pure.

What Ratchet's own training records (rates of every step, distances of weights, what was asked for) such a trainer does
not say. What it does say is compared as the configurations and logs of other toolkits are.
"""

from __future__ import annotations

from ratchet.components.diagnosis.plans.pair import OtherTraining, PlanPair
from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.components.toolkits.ratchet_plans import plan_of_record
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.training_plan import TrainingCurves


def pair_of_records(candidate: TrainingRecord | None, baseline: TrainingRecord | None) -> PlanPair | None:
    """Both trainings, where one of them was not Ratchet's own.

    Args:
        candidate: the record of the second; None if none was trained.
        baseline: the record of the first; None before there was a model.

    Returns:
        None where the records say more: both are of Ratchet's own trainings, or there is no candidate.
    """
    if candidate is None or not any(record.trainer for record in (candidate, baseline) if record):
        return None
    before, after = training_of(baseline), training_of(candidate)
    changes = plan_changes(before.plan, after.plan) if before.plan and after.plan else None
    is_first = baseline is not None and baseline.mode == "bootstrap" and candidate.mode == "retrain"
    return PlanPair(before, after, changes, after_first=is_first)


def training_of(record: TrainingRecord | None) -> OtherTraining:
    """What a record says, of whatever trainer; nothing where there is none."""
    if record is None:
        return OtherTraining()
    source = record.trainer or "training record"
    curves = TrainingCurves(
        source,
        "step",
        loss=tuple((float(step), loss) for step, loss in record.loss_curve),
        validation_map=tuple((float(point.step), point.map) for point in record.validation),
    )
    return OtherTraining(plan_of_record(record, source), curves, record.images)

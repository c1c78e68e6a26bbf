"""Two trainings from their configurations and logs: records where both are of this pipeline, else plans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ratchet.components.diagnosis.plans.pair import OtherTraining, PlanPair
from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.components.toolkits.ratchet_plans import plan_of_record
from ratchet.components.toolkits.read_curves import read_curves
from ratchet.components.toolkits.read_plan import read_plan, read_record
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.training_data import DataFacts
from ratchet.schemas.data.training_plan import TrainingCurves, TrainingPlan

_LOST = 0.01  # mAP: boxes by chance reach less


@dataclass(frozen=True)
class ReadTrainings:
    """What configurations and logs say.

    Attributes:
        before: record of the first training, if both have one.
        after: record of the second.
        plans: both as plans.
        curves: both logs.
    """

    before: TrainingRecord | None
    after: TrainingRecord | None
    plans: tuple[TrainingPlan | None, TrainingPlan | None]
    curves: tuple[TrainingCurves | None, TrainingCurves | None]

    @property
    def are_records(self) -> bool:
        """Whether both are records of this pipeline, which say more than any configuration."""
        return self.before is not None and self.after is not None

    @property
    def lost(self) -> tuple[str, ...]:
        """Models whose logs end at no mAP on validation images."""
        return tuple(model for model, curves in zip((BASELINE, CANDIDATE), self.curves) if curves and _is_lost(curves))

    def pair(self, facts: DataFacts) -> PlanPair:
        """Both as they are compared where there are no records.

        Args:
            facts: what was counted in their data.
        """
        counts = [each.images if each else None for each in (facts.before, facts.after)]
        before, after = (
            OtherTraining(plan, curves, images) for plan, curves, images in zip(self.plans, self.curves, counts)
        )
        changes = None
        if before.plan and after.plan:
            changes = plan_changes(before.plan, after.plan, before.count, after.count)
        return PlanPair(before, after, changes, facts)


def _is_lost(curves: TrainingCurves) -> bool:
    return bool(curves.map) and curves.map[-1][1] < _LOST


def read_trainings(request: ExplainRequest) -> ReadTrainings:
    """Reads what there is of configurations and logs.

    Raises:
        InputError: a file is of no toolkit that is known, or damaged; says which, and where.
    """
    configs = (request.config_before, request.config_after)
    records = [_record(path) for path in configs]
    plans = [_plan(path, record) for path, record in zip(configs, records)]
    curves = [read_curves(path) if path else None for path in (request.logs_before, request.logs_after)]
    curves = [own or _own_curves(path, record) for own, path, record in zip(curves, configs, records)]
    both = all(record is not None and not record.trainer for record in records)
    return ReadTrainings(
        before=records[0] if both else None,
        after=records[1] if both else None,
        plans=(plans[0], plans[1]),
        curves=(curves[0], curves[1]),
    )


def _record(path: Path | None) -> TrainingRecord | None:
    return read_record(path) if path else None


def _plan(path: Path | None, record: TrainingRecord | None) -> TrainingPlan | None:
    if record is not None:
        return plan_of_record(record, str(path))
    return read_plan(path) if path else None


def _own_curves(path: Path | None, record: TrainingRecord | None) -> TrainingCurves | None:
    """A record has its log in it."""
    return read_curves(path) if path and record else None

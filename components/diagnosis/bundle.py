"""Everything that a diagnosis may look at: records that earlier steps wrote, and the boxes of golden images; pure."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.schemas.artifacts.data_evidence import DataEvidence
from ratchet.schemas.artifacts.decisions import DataDecision, Verdict
from ratchet.schemas.artifacts.evaluation import Delta, Evaluation
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.artifacts.training_record import TrainingRecord

__all__ = ["Bundle", "GoldenBoxes"]


@dataclass(frozen=True, eq=False)
class Bundle:
    """The records of a run, or what somebody has of two trainings of any toolkit.

    Attributes:
        verdict: how it ended, or would end.
        data: the data gate's decision.
        evidence: what it rests on.
        candidate: its training record; None if no candidate was trained.
        baseline: its training record; None before the first model, and of an adopted one.
        evaluation: None if no candidate was trained.
        golden: None if no candidate was trained.
        plans: both trainings where there are no records of them; then `candidate` and `baseline` are None.
        is_adopted: whether the baseline was adopted, so that there is no record of its training.
    """

    verdict: Verdict
    data: DataDecision
    evidence: DataEvidence
    candidate: TrainingRecord | None
    baseline: TrainingRecord | None
    evaluation: Evaluation | None
    golden: GoldenBoxes | None
    plans: PlanPair | None = None
    is_adopted: bool = False

    @property
    def was_trained(self) -> bool:
        """Whether there is a candidate at all."""
        return self.candidate is not None or self.plans is not None

    @property
    def delta(self) -> Delta | None:
        """Candidate minus baseline on the golden set, over the classes that both know; None without one of them."""
        deltas = self.evaluation.golden.compared.deltas if self.evaluation else None
        return deltas.overall if deltas else None

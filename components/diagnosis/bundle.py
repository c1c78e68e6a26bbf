"""Everything that a diagnosis may look at: records that earlier steps wrote, and the boxes of golden images; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.artifacts.data_evidence import DataEvidence
from schemas.artifacts.decisions import DataDecision, Verdict
from schemas.artifacts.evaluation import Delta, Evaluation
from schemas.artifacts.training_record import TrainingRecord
from schemas.data.columns import DetectionColumns, TruthColumns


@dataclass(frozen=True, eq=False)
class GoldenBoxes:
    """Objects and detections of golden images, or of a fixed sample of them.

    Attributes:
        image_ids: [i] int64.
        file_names: of the images; their places are the positions that the columns speak of.
        sizes_px: [i, 2] float64, width and height.
        class_names: in label order.
        truth: the objects.
        found: by model (`candidate`, `baseline`), all that was kept of its detections.
        max_detections: of each image and class the best so many count.
        of: how many golden images there are in all.
    """

    image_ids: np.ndarray
    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    class_names: tuple[str, ...]
    truth: TruthColumns
    found: Mapping[str, DetectionColumns]
    max_detections: int
    of: int


@dataclass(frozen=True, eq=False)
class Bundle:
    """The records of a run.

    Attributes:
        verdict: how it ended, or would end.
        data: the data gate's decision.
        evidence: what it rests on.
        candidate: its training record; None if no candidate was trained.
        baseline: its training record; None before the first model.
        evaluation: None if no candidate was trained.
        golden: None if no candidate was trained.
    """

    verdict: Verdict
    data: DataDecision
    evidence: DataEvidence
    candidate: TrainingRecord | None
    baseline: TrainingRecord | None
    evaluation: Evaluation | None
    golden: GoldenBoxes | None

    @property
    def delta(self) -> Delta | None:
        """Candidate minus baseline on the golden set, over the classes that both know; None without one of them."""
        deltas = self.evaluation.golden.compared.deltas if self.evaluation else None
        return deltas.overall if deltas else None

    @property
    def is_retraining(self) -> bool:
        """Whether a candidate was trained from a baseline, so that two trainings can be compared."""
        return self.candidate is not None and self.baseline is not None

"""What the MapEvaluator measured: `evaluation.json` in the ModelEvaluation artifact."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from schemas.decisions import Decision

EVALUATION_FILE = "evaluation.json"
GROUND_TRUTH_FILE = "ground_truth.json"  # COCO annotations of the golden set
CANDIDATE_FILE = "candidate_detections.json"  # COCO results
BASELINE_FILE = "baseline_detections.json"  # COCO results; missing without a baseline


@dataclass(frozen=True)
class ModelScores:
    """One model on the golden set.

    Attributes:
        coco: the 12 COCO figures, `AP` to `ARl`; -1 where one is undefined.
        per_class: AP of each class name; -1 for a class without ground truth.
    """

    coco: dict[str, float]
    per_class: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Candidate and baseline on the golden set, and what was decided from that.

    Attributes:
        decision: verdict and reasons.
        candidate: its scores.
        baseline: its scores; None before the first model.
        delta: candidate mAP minus baseline mAP.
        delta_ci: its 95 % interval.
        images: golden images.
        golden_digest: digest of the golden set.
    """

    decision: Decision
    candidate: ModelScores
    baseline: ModelScores | None
    delta: float | None
    delta_ci: tuple[float, float] | None
    images: int
    golden_digest: str

    def to_json(self) -> str:
        """JSON text."""
        values = dataclasses.asdict(self)
        values["decision"] = self.decision.to_json()
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """The inverse of `to_json`."""
        values = json.loads(text)
        values["decision"] = Decision.from_json(values["decision"])
        values["candidate"] = ModelScores(**values["candidate"])
        values["baseline"] = ModelScores(**values["baseline"]) if values["baseline"] else None
        values["delta_ci"] = tuple(values["delta_ci"]) if values["delta_ci"] else None
        return cls(**values)

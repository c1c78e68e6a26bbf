"""What can be said of the data and the result files that a person brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ratchet.schemas.artifacts.data_evidence import DataEvidence
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.data.training_data import DataFacts

if TYPE_CHECKING:
    from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles
    from ratchet.schemas.artifacts.evaluation import Evaluation
    from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes


@dataclass(frozen=True)
class DataFound:
    """What can be said of it.

    Attributes:
        decision: what the data gate would have said, of the rules that could be asked.
        evidence: what that rests on.
        facts: what was counted besides.
        notes: what a person should know of the reading.
    """

    decision: DataDecision
    evidence: DataEvidence
    facts: DataFacts
    notes: tuple[str, ...] = field(default=())


NOTHING_FOUND = DataFound(DataDecision(True, ()), DataEvidence(()), DataFacts())


@dataclass(frozen=True, eq=False)
class Found:
    """What is in data and result files.

    Attributes:
        data: of the data.
        evaluated: the golden set with both models; None without result files.
        evaluation: of it and of further sets.
        golden: its boxes.
    """

    data: DataFound
    evaluated: EvaluatedFiles | None = None
    evaluation: Evaluation | None = None
    golden: GoldenBoxes | None = None

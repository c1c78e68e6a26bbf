"""How far a training is: all of its state that is not in weights; pure."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field

from schemas.artifacts.training_record import ValidationPoint


@dataclass
class TrainingState:
    """How far a training is.

    Attributes:
        step: optimizer steps taken.
        curve: (step, total loss) pairs.
        validation: mAP so far.
        best_step: the step of the best validation; 0 before the first.
        best_map: its mAP.
        recent: loss of the last steps.
        first_loss: mean loss of the first steps; what a diverging one is compared with.
    """

    step: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    validation: list[ValidationPoint] = field(default_factory=list)
    best_step: int = 0
    best_map: float = -1.0
    recent: list[float] = field(default_factory=list)
    first_loss: float | None = None

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(dataclasses.asdict(self))

    def read(self, text: str) -> None:
        """Takes on what `to_json` wrote."""
        values = json.loads(text)
        values["curve"] = [(int(step), float(loss)) for step, loss in values["curve"]]
        values["validation"] = [ValidationPoint(**point) for point in values["validation"]]
        for name, value in values.items():
            setattr(self, name, value)

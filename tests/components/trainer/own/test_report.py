"""What a trainer says of itself becomes its record, and what it does not say is not made up."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.trainer.own.plan import OwnPlan
from ratchet.components.trainer.own.report import Known, Report, record_of
from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT, TrainingRecord
from ratchet.schemas.base.errors import OwnTrainerError
from ratchet.schemas.data.training_plan import Kind
from tests.builders import trained_data

OWN = "mine.train.run_fn"


def record(baseline_digest: str | None = None, **said: Any) -> TrainingRecord:
    mode = "retrain" if baseline_digest else "bootstrap"
    plan = OwnPlan(OWN, mode, ("cat", "dog"), (trained_data(),))
    return record_of(Report(**said), Known(plan, {"depth": [1, 2]}, (3, 7), baseline_digest, 20))


def test_a_trainer_that_says_nothing_has_a_record_without_figures() -> None:
    made = record()
    assert made.plan is not None
    said = (made.plan.steps, made.plan.rate, made.plan.optimizer, made.plan.augmentations, made.plan.starts_from)
    assert said == (None, None, None, None, None)
    assert (made.loss_curve, made.validation, made.asked, made.dynamics) == ((), (), None, None)
    assert (made.trainer, made.label_map, made.category_ids) == (OWN, ("cat", "dog"), (3, 7))
    assert made.plan.settings == {"training.options.depth": "[1, 2]"}


def test_what_it_says_is_kept_and_read_again() -> None:
    made = record(
        "d" * 64,
        steps=90,
        batch_size=4,
        learning_rate=[(0, 0.1), (45, 0.05), (90, 0.0)],
        optimizer="sgd",
        augmentations=["random_flip"],
        input_size=(128, 96),
        loss=[(10, 3.0), (20, 2.0)],
        validation=[(90, 0.4)],
        settings={"note": "x"},
    )
    assert made.plan is not None
    assert made.plan.rate is not None
    assert (made.plan.rate.peak, made.plan.rate.points[1]) == (0.1, (0.5, 0.05))
    assert [(each.name, each.kind) for each in made.plan.augmentations or ()] == [("random_flip", Kind.MIRROR)]
    assert made.plan.starts_from == f"the served model {'d' * 12}"
    assert (made.plan.input_size, made.model) == ("96x128", {"max_detections": 20, "input_size": [128, 96]})
    assert made.plan.settings["report.note"] == "x"
    assert made.validation[0].map == 0.4
    assert TRAINING_RECORD_FORMAT.read(TRAINING_RECORD_FORMAT.write(made), "a record") == made


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    made = record(loss=[(step, 1.0) for step in range(1, 5001)])
    assert len(made.loss_curve) <= 502
    assert made.loss_curve[-1][0] == 5000


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"steps": 1.5}, "steps = 1.5; it must be a whole number"),
        ({"steps": True}, "steps = True"),
        ({"batch_size": -1}, "batch_size = -1"),
        ({"peak_learning_rate": float("nan")}, "peak_learning_rate = nan; it must be a finite number"),
        ({"input_size": (0, 4)}, "input_size"),
        ({"input_size": 128}, "input_size = 128; it must be height and width"),
        ({"optimizer": object}, "optimizer = .*; it must be a text"),
        ({"augmentations": "random_flip"}, "augmentations = 'random_flip'; it must be a list of names"),
        ({"frozen": ["stem", 3]}, "frozen = .*; it must be a list of names"),
        ({"settings": [("note", "x")]}, "settings = .*; it must be a mapping"),
        ({"loss": {1: 3.0}}, "loss is of the type dict; it must be a list of points"),
        ({"loss": [(1, float("inf"))]}, "loss: .* both finite numbers"),
        ({"loss": [3.0]}, "each point must be"),
        ({"loss": [(2, 1.0), (1, 1.0)]}, "the steps must rise"),
        ({"validation": [(1, 40.0)]}, "mAP lies in there"),
    ],
)
def test_a_figure_that_cannot_be_is_refused_with_the_trainers_name(said: dict[str, Any], told: str) -> None:
    with pytest.raises(OwnTrainerError, match=told) as caught:
        record(**said)
    assert str(caught.value).startswith(f"training.run_fn = '{OWN}': its report says ")

"""Two plans with their logs and data, any part of which a test can replace."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.components.diagnosis.plans.pair import OtherTraining, PlanPair
from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.schemas.artifacts.data_evidence import DataEvidence
from ratchet.schemas.artifacts.decisions import DataDecision, Verdict
from ratchet.schemas.artifacts.diagnosis import CauseFinding, Diagnosis
from ratchet.schemas.data.training_data import DataFacts, SetFacts, Share
from ratchet.schemas.data.training_plan import Augmentation, Kind, Point, RateSchedule, TrainingCurves, TrainingPlan
from tests.components.diagnosis.bundles import bundle

MIRROR = Augmentation("random_horizontal_flip", Kind.MIRROR)
CROP = Augmentation("random_crop_image", Kind.CROP)
STEPS = 1000
PRETRAINED = "ssd_mobilenet_v2_coco/checkpoint/ckpt-0"
RESULT = "runs/first/ckpt-25"


def plan(peak: float = 0.04, final: float = 0.0004, **fields: Any) -> TrainingPlan:
    """A training with a decaying rate, from pretrained weights."""
    given: dict[str, Any] = {
        "toolkit": "TF Object Detection API",
        "source": "pipeline.config",
        "starts_from": PRETRAINED,
        "rate": RateSchedule("cosine", ((0.0, peak), (1.0, final)), 0),
        "batch_size": 16.0,
        "steps": float(STEPS),
        "images": 2000,
        "augmentations": (MIRROR, CROP),
        "train_data": ("train.record",),
        "eval_data": ("val.record",),
        "named": {
            "rate.peak": "learning_rate_base",
            "steps": "num_steps",
            "augmentations": "data_augmentation_options",
        },
    }
    return TrainingPlan(**{**given, **fields})


def falling(start: float, end: float, points: int = 50) -> tuple[Point, ...]:
    """A loss that goes down evenly."""
    return tuple((place * STEPS / points, start + (end - start) * place / points) for place in range(points + 1))


def curves(loss: tuple[Point, ...] = falling(2.0, 0.5), **fields: Any) -> TrainingCurves:
    """A log of a sound training: the loss falls, mAP rises to its end."""
    given: dict[str, Any] = {
        "validation_map": ((250.0, 0.30), (500.0, 0.415), (750.0, 0.4911), (1000.0, 0.4919)),
    }
    return TrainingCurves("log", "step", loss=loss, **{**given, **fields})


def set_facts(images: int = 2000, **objects: int) -> SetFacts:
    """A data set with so many objects of each class."""
    counts = objects or {"cat": images, "dog": images}
    return SetFacts("data", images, sum(counts.values()), 0, counts, {}, 0, images)


def share(count: int, of: int) -> Share:
    """Some of so many images."""
    return Share(count, of, tuple(f"{number}.jpg" for number in range(count)), count)


def pair(
    before: TrainingPlan | None = None,
    after: TrainingPlan | None = None,
    logs: tuple[TrainingCurves | None, TrainingCurves | None] = (None, None),
    data: DataFacts | None = None,
) -> PlanPair:
    """Both trainings, compared where both have a plan."""
    counts = [each.images if each else None for each in ((data.before, data.after) if data else (None, None))]
    one, two = OtherTraining(before, logs[0], counts[0]), OtherTraining(after, logs[1], counts[1])
    changes = plan_changes(before, after, one.count, two.count) if before and after else None
    return PlanPair(one, two, changes, data)


def results(of: PlanPair, golden: float | None = -0.09, data_known: bool = False, **fields: Any) -> Bundle:
    """Both with result files that show a fall on the golden set, and the comparison of the data if it is known."""
    deltas = {"golden": golden} if golden is not None else {}
    made = bundle(deltas=deltas, **fields)
    evaluation = made.evaluation
    if evaluation is not None:
        golden_only = {"golden": evaluation.data_sets["golden"]}
        evaluation = dataclasses.replace(evaluation, data_sets=golden_only)
    evidence = made.evidence if data_known else DataEvidence(())
    return dataclasses.replace(
        made,
        candidate=None,
        baseline=None,
        plans=of,
        evaluation=evaluation,
        evidence=evidence,
        data=DataDecision(True, ()) if not data_known else made.data,
    )


def no_results(of: PlanPair) -> Bundle:
    """Neither result files nor data."""
    return Bundle(Verdict.INCONCLUSIVE, DataDecision(True, ()), DataEvidence(()), None, None, None, None, of)


def finding_of(found: Diagnosis, cause: str, detail: str | None = None) -> CauseFinding:
    """The finding of a cause."""
    return next(each for each in found.findings if each.cause == cause and detail in (None, each.detail))


def diagnosed(of: Bundle) -> Diagnosis:
    """The diagnosis, which must not have failed."""
    found = diagnose(of)
    assert found.cause.state.value != "failed", found.cause.sentence
    return found

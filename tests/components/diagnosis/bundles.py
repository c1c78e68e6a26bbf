"""The records of a clean retraining, any part of which a test can replace.

Its figures are those of a converged model that was retrained before and is retrained once more on images of the same
world. A test replaces the parts that its case is about, as a table of cases does:

    bundle(
        deltas={"golden": -0.09, "held_out": -0.1},
        candidate=retrained(peak=0.024, new=(0.73, 0.08, 0.4), dynamics=dynamics(distance=0.63, rise=1.9)),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ratchet.components.diagnosis.bundle import Bundle, GoldenBoxes
from ratchet.schemas.artifacts.data_evidence import (
    DRIFT,
    EMBEDDING,
    GOLDEN,
    Comparison,
    DataEvidence,
    Distribution,
    LabelEvidence,
    LabelMeasure,
)
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import CauseFinding, Signal
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    COCO_NAMES,
    EARLIER_SPANS,
    HELD_OUT,
    TRAIN_SAMPLE,
    DataSetEvaluation,
    Delta,
    Deltas,
    Evaluation,
    ModelScores,
    Support,
)
from ratchet.schemas.artifacts.evaluation import GOLDEN as GOLDEN_SET
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.features import BOX_CLASS, QA_BOX_LOG_AREA, QA_BRIGHTNESS, QA_CONTRAST, QA_SHARPNESS
from tests.components.diagnosis.trainings import (
    BOOTSTRAP_PEAK,
    CLASSES,
    IMAGES,
    PEAK,
    STEPS,
    batch_figures,
    bootstrapped,
    dynamics,
    environment_of,
    retrained,
    retrained_before,
    with_data,
)

__all__ = [
    "BOOTSTRAP_PEAK", "CLASSES", "IMAGES", "PEAK", "STEPS", "batch_figures", "bootstrapped", "bundle", "comparison",
    "data_set", "delta", "dynamics", "environment_of", "evaluation_of", "golden_boxes", "label_evidence",
    "label_measure", "loose", "retrained", "retrained_before", "signal_of", "with_data",
]  # fmt: skip

Clean = Literal["clean"]  # the part of a clean run
AP = 0.73  # of the baseline on every data set of a clean run
STD_ERROR = 0.006  # of every difference
# Candidate minus baseline on the data sets of a clean run; what is trained on rises a little.
DELTAS = {GOLDEN_SET: 0.008, HELD_OUT: 0.008, EARLIER_SPANS: 0.004, TRAIN_SAMPLE: 0.02}
_SUPPORT = {GOLDEN_SET: 200, HELD_OUT: 40, EARLIER_SPANS: 80, TRAIN_SAMPLE: 100}  # images of the data sets


def bundle(
    *,
    verdict: Verdict = Verdict.BLOCKED,
    deltas: Mapping[str, float | Delta | None] | None = None,
    candidate: TrainingRecord | str | None = "clean",
    baseline: TrainingRecord | str | None = "clean",
    labels: LabelEvidence | str | None = "clean",
    comparisons: Iterable[Comparison] | None = None,
    reasons: Sequence[Reason] = (),
    evaluation: Evaluation | str | None = "clean",
    golden: GoldenBoxes | str | None = "clean",
) -> Bundle:
    """The bundle of a clean retraining, with these parts in the place of its own.

    Args:
        verdict: how the run ended.
        deltas: candidate minus baseline by data set, beside DELTAS; None leaves the data set out.
        candidate: its training record.
        baseline: its training record.
        labels: the labels in numbers.
        comparisons: features of the span beside others; of a clean run, each within its noise.
        reasons: of the data gate's rules.
        evaluation: in the place of one with `deltas`.
        golden: boxes of golden images.
    """
    return Bundle(
        verdict=verdict,
        data=DataDecision(all(reason.passed for reason in reasons), tuple(reasons)),
        evidence=DataEvidence(
            tuple(clean_comparisons() if comparisons is None else comparisons),
            label_evidence() if isinstance(labels, str) else labels,
        ),
        candidate=retrained() if isinstance(candidate, str) else candidate,
        baseline=retrained_before() if isinstance(baseline, str) else baseline,
        evaluation=evaluation_of(deltas or {}, verdict) if isinstance(evaluation, str) else evaluation,
        golden=golden_boxes() if isinstance(golden, str) else golden,
    )


def delta(value: float | None, std_error: float | None = STD_ERROR) -> Delta:
    """A difference with its 95 % interval; without one where there is no standard error."""
    if value is None or std_error is None:
        return Delta(value, None, None, None)
    return Delta(value, value - 1.96 * std_error, value + 1.96 * std_error, std_error, 40.0)


def data_set(
    change: float | Delta,
    *,
    baseline: float = AP,
    images: int = 200,
    classes: Mapping[str, float] | None = None,
    slices: Mapping[str, float] | None = None,
    support: Mapping[str, int] | None = None,
    slice_support: Mapping[str, int] | None = None,
) -> DataSetEvaluation:
    """Both models on a data set.

    Args:
        change: candidate minus baseline.
        baseline: mAP of the baseline.
        images: its images.
        classes: candidate minus baseline by class; else each like `change`.
        slices: the same by slice.
        support: objects by class.
        slice_support: objects by slice.
    """
    overall = change if isinstance(change, Delta) else delta(change)
    value = overall.value or 0.0
    of_classes = dict(classes) if classes is not None else dict.fromkeys(CLASSES, value)
    of_slices = dict(slices) if slices is not None else {"object_size=small": value, "object_size=large": value}
    objects = support or dict.fromkeys(of_classes, images)
    of_each = slice_support or dict.fromkeys(of_slices, images)
    return DataSetEvaluation(
        images=images,
        candidate=_scores(baseline + value, {name: AP + moved for name, moved in of_classes.items()}),
        baseline=_scores(baseline, dict.fromkeys(of_classes, baseline)),
        deltas=Deltas(
            overall,
            {name: delta(moved, 2 * STD_ERROR) for name, moved in of_classes.items()},
            {name: delta(moved, 2 * STD_ERROR) for name, moved in of_slices.items()},
        ),
        class_support={name: Support(count, min(count, images)) for name, count in objects.items()},
        slice_support={name: Support(count, min(count, images)) for name, count in of_each.items()},
    )


def _scores(value: float, classes: dict[str, float]) -> ModelScores:
    return ModelScores(dict.fromkeys(COCO_NAMES, value), classes)


def evaluation_of(
    deltas: Mapping[str, float | Delta | None],
    verdict: Verdict = Verdict.BLOCKED,
    reasons: Sequence[Reason] = (),
    **data_sets: DataSetEvaluation,
) -> Evaluation:
    """Both models on all data sets.

    Args:
        deltas: candidate minus baseline by data set, beside DELTAS; None leaves the data set out.
        verdict: of the evaluator.
        reasons: its rules.
        data_sets: in the place of those.
    """
    changes = {name: change for name, change in {**DELTAS, **deltas}.items() if change is not None}
    sets = {name: data_set(change, images=_SUPPORT[name]) for name, change in changes.items()}
    return Evaluation(Decision(verdict, tuple(reasons)), sets | data_sets, "golden-digest", "candidate", "baseline")


def label_measure(name: str, value: float = 0.0, rule: str = "", **fields: Any) -> LabelMeasure:
    """One figure of the labels; its rule is that of the name."""
    whole: dict[str, Any] = {
        "rule": rule or _rule_of(name),
        "name": name,
        "value": value,
        "std_error": 0.01,
        "limit": 0.1,
        "images": 100,
        "by_class": {},
    }
    return LabelMeasure(**whole | fields)


def _rule_of(name: str) -> str:
    kind = name.partition(":")[0]
    rules = {
        "log_width": "size",
        "log_height": "size",
        "offset_x": "offset",
        "offset_y": "offset",
        "swapped": "classes",
    }
    return f"labels:{rules.get(kind, kind)}"


def label_evidence(
    span_recall: float = 0.97, golden_recall: float = 0.97, **values: float | LabelMeasure
) -> LabelEvidence:
    """Labels as the golden set's, beside the figures that are given: `label_evidence(log_width=0.22)`."""
    clean = dict.fromkeys(("offset_x", "offset_y", "log_width", "log_height", "jitter", "noise", "missing"), 0.0)
    found = {**clean, **values}
    measures = [each if isinstance(each, LabelMeasure) else label_measure(name, each) for name, each in found.items()]
    return LabelEvidence(tuple(measures), span_recall, golden_recall, objects=300, judged=1.0)


def comparison(feature: str = QA_BRIGHTNESS, distance: float = 0.03, kind: str = DRIFT, **fields: Any) -> Comparison:
    """A feature of the span beside the same of the baseline's training data; within its noise unless said otherwise."""
    even = Distribution((0.5, 0.5), edges=(0.0, 0.5, 1.0), values=400, median=0.5)
    whole: dict[str, Any] = {
        "kind": kind,
        "feature": feature,
        "measure": "jensen shannon divergence",
        "distance": distance,
        "limit": 0.1,
        "noise": 0.05,
        "other": even,
        "span": even,
        "effect_size": 0.0 if distance <= 0.05 else distance,
        "moved_before": (0.01,),
    }
    return Comparison(**whole | fields)


def clean_comparisons() -> list[Comparison]:
    """Features of the span and of the golden set, each within its noise."""
    features = (QA_BRIGHTNESS, QA_CONTRAST, QA_SHARPNESS, QA_BOX_LOG_AREA, BOX_CLASS, EMBEDDING)
    return [comparison(feature, kind=kind) for kind in (DRIFT, GOLDEN) for feature in features]


Edit = Callable[[np.ndarray], np.ndarray]  # [n, 4] boxes xywh in px to the like


def golden_boxes(
    *, images: int = 40, seed: int = 0, candidate: Edit | None = None, baseline: Edit | None = None
) -> GoldenBoxes:
    """Three objects in each image, found by both models with boxes that are off by some 3 % of their size.

    Args:
        images: how many.
        seed: of places, sizes and errors.
        candidate: what becomes of the boxes that the candidate finds: `lambda boxes: loose(boxes, 1.25)`.
        baseline: the same of the baseline.
    """
    draw = np.random.default_rng(seed)
    objects = 3 * images
    sizes = draw.uniform(20, 60, (objects, 2))
    truth_xywh = np.hstack([draw.uniform(0, 200 - 60, (objects, 2)), sizes])
    image, labels = np.repeat(np.arange(images), 3), np.tile([1, 2, 1], images)
    scores = draw.uniform(0.5, 1.0, objects)

    def found(edit: Edit | None) -> DetectionColumns:
        seen = truth_xywh + 0.03 * draw.standard_normal((objects, 4)) * np.hstack([sizes, sizes])
        return DetectionColumns(image, edit(seen) if edit else seen, labels, scores)

    return GoldenBoxes(
        image_ids=np.arange(1, images + 1),
        file_names=tuple(f"golden-{number:03}.jpg" for number in range(images)),
        sizes_px=np.full((images, 2), 200.0),
        class_names=CLASSES,
        truth=TruthColumns(image, truth_xywh, labels, truth_xywh[:, 2] * truth_xywh[:, 3], np.zeros(objects, np.bool_)),
        found={CANDIDATE: found(candidate), BASELINE: found(baseline)},
        max_detections=100,
        of=images,
    )


def loose(boxes_xywh_px: np.ndarray, factor: float) -> np.ndarray:
    """Boxes with the same centre and sides that are `factor` times as long."""
    grown = boxes_xywh_px[:, 2:] * factor
    return np.hstack([boxes_xywh_px[:, :2] - (grown - boxes_xywh_px[:, 2:]) / 2, grown])


def signal_of(finding: CauseFinding, name: str) -> Signal:
    """One of a finding's signals."""
    return next(signal for signal in finding.signals if signal.name == name)

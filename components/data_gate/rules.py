"""The rules a span must keep before it is trained on; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.data_gate.settings import DataGateSettings
from schemas.dataset import EVAL_SPLIT, TRAIN_SPLIT, DataSetInfo
from schemas.decisions import DataDecision, Reason


@dataclass(frozen=True)
class Anomaly:
    """A feature that breaks the schema."""

    feature: str
    description: str


@dataclass(frozen=True)
class Drift:
    """The distance of one feature's distribution from the baseline's training data."""

    feature: str
    measure: str
    distance: float
    threshold: float


@dataclass(frozen=True)
class Baseline:
    """What is known of the served model.

    Attributes:
        class_names: in label order.
        golden_digest: of the golden set it was accepted on.
        images: its training images.
    """

    class_names: tuple[str, ...]
    golden_digest: str
    images: int


def decide(
    span: DataSetInfo,
    golden: DataSetInfo,
    baseline: Baseline | None,
    anomalies: Sequence[Anomaly],
    drifts: Sequence[Drift],
    settings: DataGateSettings,
) -> DataDecision:
    """Judges a span.

    Args:
        span: the new span.
        golden: the golden set.
        baseline: None before the first model.
        anomalies: what breaks the schema.
        drifts: distances from the baseline's training data; empty without a baseline.
        settings: mode and limits.
    """
    reasons = [_same_classes(span, golden.class_names, "golden set"), *_schema(anomalies)]
    reasons.append(_golden_has_boxes(golden))
    if baseline is not None:
        reasons.append(_same_classes(span, baseline.class_names, "served model"))
        reasons.append(_golden_unchanged(golden, baseline, settings))
        reasons.extend(_drift(span, baseline, drifts, settings))
    broken = any(not reason.passed for reason in reasons)
    return DataDecision(passed=not broken or settings.mode == "observe", reasons=tuple(reasons))


def _same_classes(span: DataSetInfo, names: tuple[str, ...], of: str) -> Reason:
    return Reason(
        rule=f"classes:{of.replace(' ', '_')}",
        expected=f"the classes of the {of}: {', '.join(names)}",
        actual=", ".join(span.class_names),
        passed=span.class_names == names,
    )


def _golden_has_boxes(golden: DataSetInfo) -> Reason:
    boxes = golden.boxes[EVAL_SPLIT]
    return Reason("golden_boxes", "at least one labelled box in the golden set", str(boxes), passed=boxes > 0)


def _schema(anomalies: Sequence[Anomaly]) -> list[Reason]:
    if not anomalies:
        return [Reason("schema", "no anomaly", "no anomaly", passed=True)]
    return [Reason(f"schema:{a.feature}", "what schemas/detection.pbtxt allows", a.description) for a in anomalies]


def _golden_unchanged(golden: DataSetInfo, baseline: Baseline, settings: DataGateSettings) -> Reason:
    same = golden.digest == baseline.golden_digest
    return Reason(
        rule="golden_unchanged",
        expected=f"the golden set the served model was accepted on ({baseline.golden_digest[:12]}), "
        "or data_gate.accept_new_golden=true",
        actual=golden.digest[:12] + (" (accepted)" if not same and settings.accept_new_golden else ""),
        passed=same or settings.accept_new_golden,
    )


def _drift(span: DataSetInfo, baseline: Baseline, drifts: Sequence[Drift], settings: DataGateSettings) -> list[Reason]:
    fewest = min(span.images[TRAIN_SPLIT], baseline.images)
    if fewest < settings.min_examples:
        return [
            Reason(
                "drift",
                f"at least {settings.min_examples} training images on both sides to tell drift from chance",
                f"{span.images[TRAIN_SPLIT]} here, {baseline.images} behind the served model: not tested",
                passed=True,
            )
        ]
    return [
        Reason(
            rule=f"drift:{drift.feature}",
            expected=f"{drift.measure} at most {drift.threshold:g} from the served model's training data",
            actual=f"{drift.distance:.3f}",
            passed=drift.distance <= drift.threshold,
        )
        for drift in drifts
    ]

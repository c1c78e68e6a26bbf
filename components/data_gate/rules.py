"""The rules a span must keep before it is trained on; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ratchet.components.data_gate.copies import Copies
from ratchet.components.data_gate.copy_rules import no_leak, no_repeats
from ratchet.components.data_gate.delivered_before import TrainedBefore, not_delivered_before
from ratchet.components.data_gate.explanation import in_order_of_explanation
from ratchet.components.data_gate.new_classes import NewClasses
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.formatting import listed, many, percent
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import EVAL_SPLIT, DataSetInfo
from ratchet.schemas.data.facts import CROWDS

_LISTED, _SHOWN_CLASSES = 5, 30
_SMALLEST_SHARE = 1e-3  # of the boxes; a limit of none is not endlessly exceeded


@dataclass(frozen=True)
class Anomaly:
    """A feature that breaks the schema."""

    feature: str
    description: str


@dataclass(frozen=True)
class Baseline:
    """What is known of the served model.

    Attributes:
        class_names: in label order.
        golden_digest: of the golden set it was accepted on.
        images: its training images; None of an adopted model.
    """

    class_names: tuple[str, ...]
    golden_digest: str
    images: int | None


@dataclass(frozen=True)
class Findings:
    """What was found out about a span.

    Attributes:
        anomalies: what breaks the schema.
        schema_classes: the classes that the schema allows, in label order; None if it does not say.
        leaked: copies of golden images in the span.
        repeated: copies of the span's own images.
        labels: what the label audit says; empty without a served model.
        drift: rules of distances from the training data and from served traffic; empty without either.
        image_names: file names by image id, of the images that are copies.
        history: what was decided before.
        facts: of `fact_reasons`.
        copies: whether copies were looked for, and if not, why.
        lineage: the spans that the served model and its ancestors were trained on.
        trained_before: images of theirs in this span.
    """

    anomalies: Sequence[Anomaly]
    schema_classes: tuple[str, ...] | None
    leaked: Copies
    repeated: Copies
    labels: Sequence[Reason]
    drift: Sequence[Reason]
    image_names: dict[int, str]
    history: History
    facts: Sequence[Reason] = ()
    copies: CopySettings = field(default_factory=CopySettings)
    lineage: Sequence[TrainedData] = ()
    trained_before: TrainedBefore = field(default_factory=TrainedBefore)


def decide(
    span: DataSetInfo,
    golden: DataSetInfo | None,
    baseline: Baseline | None,
    findings: Findings,
    settings: DataGateSettings,
) -> DataDecision:
    """Judges a span.

    Args:
        span: the new span.
        golden: the golden set; None: there is none to hold the span against.
        baseline: None before the first model.
        findings: what was found out about the span.
        settings: mode and limits.

    Returns:
        The decision; its rules in the order in which a person should read them, see `in_order_of_explanation`.
    """
    reasons: list[Reason] = []
    if golden is not None:
        reasons += [_same_classes(span, golden.class_names, "golden set"), _golden_has_boxes(golden)]
    if findings.schema_classes is not None:
        reasons.append(_same_classes(span, findings.schema_classes, "schema"))
    if baseline is not None:
        reasons.append(_known_classes(span, baseline.class_names))
    if baseline is not None and golden is not None:
        reasons.append(_golden_unchanged(golden, baseline, settings))
    reasons.append(not_delivered_before(span, findings.history, findings.lineage, findings.trained_before))
    if golden is not None:
        reasons.append(no_leak(findings.leaked, findings.image_names, findings.copies))
    reasons += [_sound_boxes(span, settings), *findings.facts, *findings.labels, *findings.drift]
    reasons.extend(_sound_areas(span))
    reasons.extend(_whole_delivery(span))
    reasons.extend(_schema(findings.anomalies))
    reasons.append(no_repeats(findings.repeated, findings.image_names, findings.copies))
    reasons = in_order_of_explanation(reasons)
    judged = DataDecision(passed=all(reason.passed for reason in reasons), reasons=tuple(reasons))
    return replace(judged, passed=judged.passed or (settings.mode == "observe" and judged.observable))


def _same_classes(span: DataSetInfo, names: tuple[str, ...], of: str) -> Reason:
    """Labels are translated by name wherever two sources meet, so the order of the classes means nothing."""
    lacking = [name for name in names if name not in span.class_names]
    others = [name for name in span.class_names if name not in names]
    actual = listed(span.class_names, _SHOWN_CLASSES)
    if lacking or others:
        actual += f"; missing: {', '.join(lacking)}" if lacking else ""
        actual += f"; not in the {of}: {', '.join(others)}" if others else ""
        actual += _spelling(lacking, others)
    elif span.class_names != names:
        actual += " (in another order: classes are told apart by name)"
    return Reason(
        rule=f"classes:{of.replace(' ', '_')}",
        expected=f"the classes of the {of}: {listed(names, _SHOWN_CLASSES)}; in any order",
        actual=actual,
        passed=not lacking and not others,
    )


def _spelling(lacking: Sequence[str], others: Sequence[str]) -> str:
    """Names that are one class, written in two ways."""
    alike = {_plain(name): name for name in lacking}
    pairs = [f"{name!r} and {alike[_plain(name)]!r}" for name in others if _plain(name) in alike]
    return f"; written in two ways: {listed(pairs, _LISTED)}" if pairs else ""


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum()) or name


def _known_classes(span: DataSetInfo, names: tuple[str, ...]) -> Reason:
    """A span may add classes: training keeps what the model knows of the old ones, by name."""
    classes = NewClasses.of(span.class_names, names)
    if not classes.new and not classes.lost and span.class_names == names:
        return _same_classes(span, names, "served model")
    words = [f"missing: {', '.join(classes.lost)}"] if classes.lost else []
    words += [f"new: {', '.join(classes.new)}"] if classes.new else []
    words += [text[2:]] if (text := _spelling(classes.lost, classes.new)) else []
    if classes.lost and classes.new:
        words.append("a class that was only renamed needs its old name")
    elif classes.new:
        words.append("the served model cannot judge labels of a new class")
    return Reason(
        rule="classes:served_model",
        expected=f"the classes of the served model: {listed(names, _SHOWN_CLASSES)}; in any order, and new ones too",
        actual="; ".join(words) or listed(span.class_names, _SHOWN_CLASSES),
        passed=not classes.lost,
        warning=bool(classes.new) and not classes.lost,
    )


def _golden_has_boxes(golden: DataSetInfo) -> Reason:
    boxes, crowds = golden.boxes[EVAL_SPLIT], golden.facts.of(CROWDS).count
    return Reason(
        "golden_boxes",
        "at least one labelled box in the golden set, and not of crowds alone, which are not measured",
        many(boxes, "box") + (", all of crowds (iscrowd 1)" if boxes and crowds == boxes else ""),
        passed=boxes > crowds,
    )


def _golden_unchanged(golden: DataSetInfo, baseline: Baseline, settings: DataGateSettings) -> Reason:
    same = golden.digest == baseline.golden_digest
    accepted = ", accepted by data_gate.accept_new_golden" if settings.accept_new_golden else ""
    return Reason(
        rule="golden_unchanged",
        expected="the golden set that the served model was accepted on, or data_gate.accept_new_golden=true",
        actual="it is the same" if same else f"it is another golden set{accepted}{_oriented(golden)}",
        passed=same or settings.accept_new_golden,
        measure=f"digest {golden.digest[:12]}, of the one accepted {baseline.golden_digest[:12]}",
    )


def _oriented(golden: DataSetInfo) -> str:
    """How its images with an EXIF orientation were taken: another way makes another data set of the same files."""
    if not golden.oriented:
        return ""
    return f", {many(golden.oriented, 'image')} with an EXIF orientation taken by data.exif: {golden.exif}"


def _sound_boxes(span: DataSetInfo, settings: DataGateSettings) -> Reason:
    bad = span.bad_boxes
    expected = f"at most {percent(settings.bad_boxes)} of the boxes outside of their image or without an area"
    share = bad.count / max(1, bad.of)
    strength = share / max(settings.bad_boxes, _SMALLEST_SHARE)
    if not bad.count:
        return Reason("boxes:sound", expected, "every box lies in its image", passed=True, strength=strength)
    actual = f"{bad.count:,} of {many(bad.of, 'box')} ({percent(share)}) are outside of their image or have no area"
    if bad.guessed_format:
        actual += f"; they make sense as {bad.guessed_format}: convert them, or have them exported anew"
    actual += "; they are left out"
    passed = bad.count <= settings.bad_boxes * bad.of
    return Reason(
        "boxes:sound",
        expected,
        actual,
        passed=passed,
        warning=passed,
        images=bad.images,
        strength=strength,
        measure=f"for example {bad.examples[0]}" if bad.examples else "",
    )


def _sound_areas(span: DataSetInfo) -> list[Reason]:
    if not span.mended_areas:
        return []
    expected = "areas of objects that fit their boxes"
    return [Reason("boxes:areas", expected, span.mended_areas, passed=True, warning=True)]


def _whole_delivery(span: DataSetInfo) -> list[Reason]:
    """Whether the delivery held what is no part of the data set; what was only spelled otherwise is no warning."""
    told = "; ".join((*span.left_out, *span.told))
    if not told:
        return []
    expected = "nothing but pictures and their labels"
    return [Reason("delivery:left_out", expected, told, passed=True, warning=bool(span.left_out))]


def _schema(anomalies: Sequence[Anomaly]) -> list[Reason]:
    if not anomalies:
        return [Reason("schema", "what the schema allows", "every feature keeps the schema", passed=True)]
    return [Reason(f"schema:{a.feature}", "what the schema allows", a.description) for a in anomalies]

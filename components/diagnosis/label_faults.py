"""The ways in which labels can be wrong, how the data gate measures each, and what a person does about it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.evidence_signals import SURE, reasons_of, said_by, speaks, strength_of
from ratchet.components.diagnosis.learned import LOG_HEIGHT, LOG_WIDTH, OFFSET_X, OFFSET_Y
from ratchet.schemas.artifacts.data_evidence import LabelMeasure
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.artifacts.diagnosis import Role, Signal
from ratchet.schemas.base.formatting import percent

COLUMNS = {"offset_x": OFFSET_X, "offset_y": OFFSET_Y, "log_width": LOG_WIDTH, "log_height": LOG_HEIGHT}
SWAPPED, MISSING_OF_CLASS, _READING = "swapped:", "missing:", "reading:"
_MOST_NAMED = 4  # figures in one action
WORTH_A_LOOK = 0.5  # of the gate's limit: from there on it warns. What is less and sure is left to the symptoms


@dataclass(frozen=True)
class Fault:
    """One way in which labels can be wrong.

    Attributes:
        detail: of the finding; of a drawing fault `size` and the like, until its sign says which.
        rules: beginnings of the gate's rules about it.
        measures: beginnings of its LabelMeasures.
        signed: whether a negative value is a fault as much as a positive one.
    """

    detail: str
    rules: tuple[str, ...]
    measures: tuple[str, ...]
    signed: bool = False

    def owns_rule(self, rule: str) -> bool:
        """Whether a rule is about it."""
        return rule.startswith(self.rules)

    def measured(self, bundle: Bundle) -> tuple[LabelMeasure, ...]:
        """Its figures, the largest against its limit first; empty where labels were not measured."""
        labels = bundle.evidence.labels
        own = [each for each in labels.measures if each.name.startswith(self.measures)] if labels else []
        return tuple(sorted(own, key=lambda each: -self.size(each) / max(each.limit, 1e-9)))

    def size(self, measure: LabelMeasure) -> float:
        """How far a figure is on the side that is a fault."""
        return abs(measure.value) if self.signed else measure.value


OFFSET = Fault("shifted_boxes", ("labels:offset",), ("offset_x", "offset_y"), signed=True)
SIZE = Fault("loose_boxes", ("labels:size",), ("log_width", "log_height"), signed=True)
JITTER = Fault("jittered_boxes", ("labels:jitter",), ("jitter",))
CLASSES = Fault("swapped_classes", ("labels:classes",), (SWAPPED,))
NOISE = Fault("label_noise", ("labels:noise", "facts:two_classes"), ("noise",))
MISSING = Fault(
    "missing_labels", ("labels:missing", "facts:class_ends", "facts:missing_classes"), ("missing", "emptied")
)
UNLABELLED = Fault("unlabelled_images", ("facts:unlabelled_end", "facts:without_objects"), ())
FORMAT = Fault("box_format", ("labels:reading", "boxes:sound"), ("reading:",))
MISPLACED = Fault("misplaced_labels", ("labels:found", "facts:outside_content"), ("found",))
REPEATED = Fault("repeated_labels", ("labels:duplicates",), ())
FAULTS = (SIZE, OFFSET, JITTER, CLASSES, NOISE, MISSING, UNLABELLED, FORMAT, MISPLACED, REPEATED)
DRAWING = (SIZE, OFFSET, JITTER)
_FIXES = {
    "loose_boxes": "Draw the boxes of {span} in the size of the golden set's{how}",
    "shifted_boxes": "Move the boxes of {span} to where the golden set has them{how}: look for an offset in the export",
    "jittered_boxes": "Have the boxes of {span} drawn as carefully as the golden set's",
    "swapped_classes": "Correct the classes in the labels of {span}{how}: look at its category ids and names",
    "label_noise": "Have the classes of {span} labelled again, the named images first",
    "missing_labels": "Label the objects that were left out in {span}{how}, or leave these images out",
    "unlabelled_images": "Label all images of {span}, or leave those without labels out",
    "box_format": "Write the boxes of {span} as [x, y, width, height] in pixels of the image as delivered{how}",
    "misplaced_labels": "Correct which image each label of {span} belongs to",
    "repeated_labels": "Leave the second label of each object out of {span}",
}


def suspects(fault: Fault, bundle: Bundle) -> tuple[Signal, ...]:
    """Whether the labels changed so: the figures of the whole span, the gate's rules where there are none, and parts.

    Args:
        fault: the way.
        bundle: the run.
    """
    name = f"labels_{fault.detail}"
    measures, reasons = fault.measured(bundle), reasons_of(bundle, fault.owns_rule)
    whole = [reason for reason in reasons if not reason.rule.startswith("part:")]
    parts = [reason for reason in reasons if reason.rule.startswith("part:") and reason.state is State.FAILED]
    # A rule that no figure stands behind, as those that count, adds to the figures what it found.
    counted = [reason for reason in whole if not reason.rule.startswith("labels:") and reason.state is State.FAILED]
    can_judge = bundle.evidence.labels is not None and bundle.evidence.labels.judged > 0
    signal = _of_measures(name, fault, measures, can_judge) if measures else _of_rules(name, whole)
    further = [_of_rules(f"gate_{fault.detail}", [reason]) for reason in [*parts, *(counted if measures else [])][:1]]
    return (signal, *further)


def action_of(fault: Fault, bundle: Bundle) -> str:
    """What to change in the labels, with the figures that undo it where they were measured."""
    span = f"span {bundle.candidate.span}" if bundle.candidate else "the new span"
    told = [step for each in _changed(fault, bundle)[:_MOST_NAMED] if (step := _undone(each))]
    fix = _FIXES[fault.detail].format(span=span, how=f" ({', '.join(told)})" if told else "")
    if fault in (SIZE, OFFSET):
        fix += "; if the new way is meant, relabel the golden set and the earlier spans so, too"
    return f"{fix}; then run again."


def _changed(fault: Fault, bundle: Bundle) -> list[LabelMeasure]:
    return [
        each for each in fault.measured(bundle) if speaks(fault.size(each), each.std_error, WORTH_A_LOOK * each.limit)
    ]


def _undone(measure: LabelMeasure) -> str:
    """What takes a figure back to the golden set's: `width x 0.80`; empty where there is no such number."""
    side = {"log_width": "width", "log_height": "height"}.get(measure.name)
    if side:
        return f"{side} x {np.exp(-measure.value):.2f}"
    if measure.name.startswith("offset_"):
        back = ("left", "right") if measure.name == "offset_x" else ("up", "down")
        along = "width" if measure.name == "offset_x" else "height"
        return f"{back[measure.value < 0]} by {percent(abs(measure.value))} of their {along}"
    if measure.name.startswith(SWAPPED):
        looks_like, _, labelled = measure.name.removeprefix(SWAPPED).partition(">")
        return f"{labelled} -> {looks_like} where it looks like {looks_like}"
    if measure.name.startswith(_READING):
        return f"now they fit only if {measure.name.removeprefix(_READING)}"
    return measure.name.removeprefix(MISSING_OF_CLASS) if measure.name.startswith(MISSING_OF_CLASS) else ""


def _of_measures(name: str, fault: Fault, measures: Sequence[LabelMeasure], can_judge: bool) -> Signal:
    judged = [speaks(fault.size(each), each.std_error, WORTH_A_LOOK * each.limit) for each in measures]
    supports = True if True in judged else (False if all(each is False for each in judged) else None)
    told = measures[judged.index(True)] if supports else measures[0]
    if not can_judge:
        supports = None  # what it does not know the model may draw, confuse or overlook, whatever the labels are
    sentence = f"{in_words(told)} in the span's labels as in the golden set's, {_within(told)}."
    return Signal(
        name,
        Role.SUSPECT,
        told.value,
        WORTH_A_LOOK * told.limit,
        unit_of(told.name),
        supports,
        sentence[0].upper() + sentence[1:] if supports is False else f"The span's labels: {in_words(told)}.",
        told.std_error,
    )


def _within(measure: LabelMeasure) -> str:
    return "within the noise" if abs(measure.value) < SURE * measure.std_error else "or nearly so"


def _of_rules(name: str, reasons: Sequence[Reason]) -> Signal:
    supports = said_by(reasons)
    telling = next((reason for reason in reasons if reason.state is State.FAILED), reasons[0] if reasons else None)
    sentence = (
        f"The data gate's {telling.rule}: {telling.actual}."
        if telling
        else "The span's labels were not measured; the next run of the data gate measures them."
    )
    strength = strength_of(telling) if telling and telling.tested else None
    return Signal(name, Role.SUSPECT, strength, 1.0, "ratio to the limit", supports, sentence)


def unit_of(measure: str) -> str:
    """Unit of a LabelMeasure."""
    if measure in COLUMNS or measure == "jitter":
        return "ln of the factor" if measure.startswith("log_") else "fraction of box size"
    return "share of the objects"


def in_words(measure: LabelMeasure) -> str:
    """A figure with its error: `boxes 25 % wider (± 0.6 %)`."""
    value, error = measure.value, f"± {percent(measure.std_error)}"
    if measure.name.startswith("log_"):
        side = ("wider", "narrower") if measure.name == "log_width" else ("taller", "shorter")
        return f"boxes {percent(abs(np.expm1(value)))} {side[value < 0]} ({error})"
    if measure.name.startswith("offset_"):
        way = ("to the right", "to the left") if measure.name == "offset_x" else ("down", "up")
        return f"boxes {percent(abs(value))} of their size {way[value < 0]} ({error})"
    if measure.name.startswith(SWAPPED):
        looks_like, _, labelled = measure.name.removeprefix(SWAPPED).partition(">")
        return f"{percent(value)} of class {looks_like} labelled {labelled} ({error})"
    if measure.name.startswith(MISSING_OF_CLASS):
        of_class = measure.name.removeprefix(MISSING_OF_CLASS)
        return f"{percent(max(0.0, value))} of class {of_class} without a label ({error})"
    what = {
        "jitter": "boxes scattered by {share} of their size",
        "noise": "{share} of the objects with a wrong class",
        "missing": "{share} of the objects without a label",
        "emptied": "{share} of the images surely without any of their labels",
        "found": "{share} of the labels on nothing that the served model sees",
    }.get(measure.name, "{share} of the boxes that fit only if " + measure.name.partition(":")[2])
    return f"{what.format(share=f'{percent(max(0.0, value))}')} ({error})"


def detail_of(fault: Fault, value: float | None) -> str:
    """The finding's detail: that of boxes drawn larger or smaller follows from the sign."""
    return "tight_boxes" if fault is SIZE and value is not None and value < 0 else fault.detail

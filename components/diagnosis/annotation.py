"""Annotation: labels of the new span that are drawn or named otherwise than the golden set's; pure.

The suspects are the data gate's figures of the labels. The symptom that no other cause has is that the candidate
learned exactly what changed in the labels, by its golden detections beside the baseline's; the proof is the part of the
fall that comes back when this is undone on kept detections.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ratchet.components.diagnosis import label_faults as faults
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.evidence_signals import (
    SEEN,
    SURE,
    failed_of,
    falls_early,
    held_out_rises,
    rejected_signals,
    speaks,
)
from ratchet.components.diagnosis.label_faults import (
    COLUMNS,
    DRAWING,
    FAULTS,
    SWAPPED,
    WORTH_A_LOOK,
    Fault,
    action_of,
    detail_of,
    in_words,
    suspects,
)
from ratchet.components.diagnosis.learned import Habit, habit_of, match_both
from ratchet.components.diagnosis.rescoring import OFFSET, SIZE, Rescoring, Share, Undo, undo_confusions, undo_drawing
from ratchet.components.diagnosis.shared_symptoms import bears_the_fall
from ratchet.components.diagnosis.weighing import weighed
from ratchet.components.labels.findings import Estimate
from ratchet.schemas.artifacts.data_evidence import LabelMeasure
from ratchet.schemas.artifacts.diagnosis import ANNOTATION, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.base.formatting import percent

# Learned over labelled: a batch of which half is replayed teaches half a habit, and no candidate exaggerates much. On
# the demo's loose boxes it was 1.05 without replay.
_LEAST_LEARNED, _MOST_LEARNED = 0.2, 2.0
_HABIT = 0.025  # fraction of the box: half of what the gate accepts; IoU .95 with where it belongs
_LOST = 0.02  # of the objects
_LESS_SURE = 0.1  # ln of the odds
_BACK = 0.25  # of the fall; what gives back less is a part of it at most
_UNDO: dict[str, Undo] = {
    faults.SIZE.detail: undo_drawing(SIZE),
    faults.OFFSET.detail: undo_drawing(OFFSET),
    faults.CLASSES.detail: undo_confusions,
}
_HABITS = ("learned_loose_boxes", "learned_shifted_boxes", "learned_confusion")
_AS_THE_GOLDEN_SET = "The span's labels are drawn and named as the golden set's, as far as the served model can tell."
_NOT_MEASURED = "Whether the span's labels are drawn and named as the golden set's was not measured."
_NOT_JUDGED = "The served model does not know such images, so the span's labels could not be judged by what it sees."
_LABEL_AGAIN = "Have some 50 images of the span labelled again as the golden set was, and compare the two."
_MEASURE = (
    "Let the data gate judge the labels (data_gate.labels, which needs a served model and at least "
    "data_gate.labels.min_objects labelled objects), then run again."
)


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """One finding for each fault that is supported; else the likeliest that is open; else one for all together."""
    matched = match_both(bundle.golden) if bundle.golden is not None else None
    habit = habit_of(bundle.golden, matched) if bundle.golden is not None and matched is not None else None
    rescoring = Rescoring.of(bundle, matched)
    findings = [_finding(fault, bundle, habit, rescoring) for fault in FAULTS]
    supported = [each for each in findings if each.state is CauseState.SUPPORTED]
    accused = [each for each in findings if each.state is CauseState.OPEN and any(s.supports for s in each.signals)]
    accused.sort(key=lambda each: -each.probability)
    return supported or accused[:1] or [_together(findings, bundle)]


def _together(findings: Sequence[CauseFinding], bundle: Bundle) -> CauseFinding:
    """Nothing speaks for any fault: what clears them all, or what would."""
    labels = bundle.evidence.labels
    if labels is not None and labels.measures and labels.judged <= 0:  # what can be counted clears no box and no class
        unjudged = Signal("labels", Role.SUSPECT, None, 1.0, "ratio to the limit", None, _NOT_JUDGED)
        return weighed(_blank("", _NOT_JUDGED, _LABEL_AGAIN), [unjudged])
    signals = [signal for finding in findings for signal in finding.signals]
    suspected = [signal for signal in signals if signal.role is Role.SUSPECT and signal.supports is not None]
    if suspected:
        return weighed(_blank("", _AS_THE_GOLDEN_SET, ""), suspected)
    unmeasured = Signal("labels", Role.SUSPECT, None, 1.0, "ratio to the limit", None, _NOT_MEASURED)
    habits = [signal for signal in signals if signal.name in _HABITS and signal.supports is not None]
    return weighed(_blank("", _NOT_MEASURED, _MEASURE), [unmeasured, *habits])


def _blank(detail: str, sentence: str, action: str) -> CauseFinding:
    return CauseFinding(ANNOTATION, detail, CauseState.OPEN, 0.0, sentence, action)


def _finding(fault: Fault, bundle: Bundle, habit: Habit | None, rescoring: Rescoring | None) -> CauseFinding:
    suspected = suspects(fault, bundle)
    rejected = rejected_signals(bundle, fault.owns_rule)
    signals: list[Signal] = [*suspected, *rejected]
    share = None
    if bundle.was_trained and _is_asked(fault, suspected):
        mixed = habit is not None and _learned_in_two_ways(fault, bundle, habit) is not None
        share, proof = _proof(fault, rescoring, is_part=fault is faults.CLASSES or mixed)
        signals += [*_learned(fault, bundle, habit), *proof]
        if any(signal.supports for signal in signals):  # else what other causes do as well would speak alone
            signals += [held_out_rises(bundle), *([falls_early(bundle)] if fault in DRAWING else [])]
    value = next((signal.value for signal in suspected if signal.supports), None)
    if value is None and fault is faults.SIZE and habit is not None:
        value = _larger(habit)
    detail = detail_of(fault, value)
    images = _images(fault, bundle, habit)
    finding = weighed(_blank(detail, _sentence(fault, bundle, signals, share), action_of(fault, bundle)), signals)
    back = None if share is None else min(1.0, max(0.0, share.value))
    return CauseFinding(
        **{**vars(finding), "share": back, "std_error": share.std_error if share else None, "images": images}
    )


def _is_asked(fault: Fault, suspected: Sequence[Signal]) -> bool:
    """Whether the candidate's habits say anything of a fault: any bad candidate finds less and is less sure, so that
    this only counts where the labels are known to be at fault; a box drawn otherwise is drawn so by nothing else."""
    if fault.detail in _UNDO:
        return any(signal.supports is not False for signal in suspected)
    return any(signal.supports for signal in suspected)


def _learned(fault: Fault, bundle: Bundle, habit: Habit | None) -> list[Signal]:
    if habit is None:
        return [_unmeasured(f"learned_{fault.detail}", "Both models find too few golden objects to compare them on.")]
    if fault in (faults.SIZE, faults.OFFSET):
        return [_learned_in_two_ways(fault, bundle, habit) or _learned_drawing(fault, fault.measured(bundle), habit)]
    if fault is faults.JITTER:
        worst = max(habit.place_jitter, habit.size_jitter, key=lambda each: each.value)
        words = "On golden objects the candidate's boxes scatter by {} of their size more than the baseline's."
        return [_habit("learned_jitter", worst, _HABIT, "fraction of box size", words)]
    if fault is faults.CLASSES:
        return [_learned_confusion(bundle, habit), _swapped_fall(bundle)]
    less_sure = _habit("less_sure", _minus(habit.score), _LESS_SURE, "ln of the odds", _LESS_SURE_WORDS)
    if fault is faults.NOISE:
        return [_habit("names_worse", _minus(habit.named_right), _LOST, "share of the objects", _WORSE), less_sure]
    if fault is faults.REPEATED:
        return [_habit("finds_twice", habit.duplicates, _LOST, "per object", _TWICE)]
    return [_habit("finds_less", _minus(habit.recall), _LOST, "share of the objects", _LESS), less_sure]


_WORSE = "Of the golden objects that both models find the candidate names {} more wrongly."
_LESS = "At the baseline's precision the candidate finds {} fewer of the golden objects."
_TWICE = "The candidate finds {} more of the golden objects twice than the baseline does."
_LESS_SURE_WORDS = "The candidate's scores of golden objects are lower, by {} of the odds."


def _minus(estimate: Estimate) -> Estimate:
    return estimate._replace(value=-estimate.value)


def _habit(name: str, estimate: Estimate, threshold: float, unit: str, words: str) -> Signal:
    return Signal(
        name,
        Role.SYMPTOM,
        estimate.value,
        threshold,
        unit,
        speaks(estimate.value, estimate.std_error, threshold),
        words.format(f"{percent(estimate.value)} ± {percent(estimate.std_error)}"),
        estimate.std_error,
    )


def _learned_in_two_ways(fault: Fault, bundle: Bundle, habit: Habit) -> Signal | None:
    """Where replayed images taught one way of drawing and the span another, boxes scatter more than they moved: the
    median of such a mixture says little of what was learned. None where the habit is one, or labels did not change."""
    if fault not in (faults.SIZE, faults.OFFSET):
        return None
    changed = any(speaks(fault.size(of), of.std_error, WORTH_A_LOOK * of.limit) for of in fault.measured(bundle))
    scatter = habit.place_jitter if fault is faults.OFFSET else habit.size_jitter
    if not changed or scatter.value <= _moved(fault, habit) or not speaks(scatter.value, scatter.std_error, _HABIT):
        return None
    words = "The candidate draws boxes in two ways: on golden objects they scatter by {} of their size more."
    return _habit(f"learned_{fault.detail}", scatter, _HABIT, "fraction of box size", words)


def _moved(fault: Fault, habit: Habit) -> float:
    columns = [column for measure, column in COLUMNS.items() if measure.startswith(fault.measures)]
    return max(abs(habit.drawn[column].value) for column in columns)


def _learned_drawing(fault: Fault, measures: Sequence[LabelMeasure], habit: Habit) -> Signal:
    """The match: what changed in the labels is what the candidate learned, both sides' figures together."""
    name = f"learned_{fault.detail}"
    changed = [each for each in measures if abs(each.value) >= SURE * each.std_error]
    if not changed:
        columns = [column for measure, column in COLUMNS.items() if measure.startswith(fault.measures)]
        worst = max((habit.drawn[column] for column in columns), key=lambda each: abs(each.value))
        words = "On golden objects the candidate's boxes differ from the baseline's by {} of their size."
        return _habit(name, worst._replace(value=abs(worst.value)), _HABIT, "fraction of box size", words)
    labelled = np.array([each.value for each in changed])
    learned = [habit.drawn[COLUMNS[each.name]] for each in changed]
    of_all = np.square(labelled).sum()
    ratio = float(labelled @ [each.value for each in learned] / of_all)
    own = np.array([each.std_error for each in learned])
    errors = np.square(own) + np.square(ratio * np.array([each.std_error for each in changed]))
    error = float(np.sqrt(np.square(labelled) @ errors) / of_all)
    sentence = (
        f"The candidate learned {percent(ratio)} ± {percent(error)} of it: by so much of the labels' change its "
        "boxes on golden objects differ from the baseline's."
    )
    matches = speaks(ratio, error, _LEAST_LEARNED)
    if matches and ratio - SEEN * error > _MOST_LEARNED:
        matches = False
    return Signal(name, Role.SYMPTOM, ratio, _LEAST_LEARNED, "ratio learned to labelled", matches, sentence, error)


def _learned_confusion(bundle: Bundle, habit: Habit) -> Signal:
    names = bundle.golden.class_names if bundle.golden else ()
    wanted = {each.name.removeprefix(SWAPPED) for each in faults.CLASSES.measured(bundle)}
    found = {f"{names[each.truth - 1]}>{names[each.named - 1]}": each.share for each in habit.confusions}
    alike = {pair: share for pair, share in found.items() if not wanted or pair in wanted}
    if not alike:
        words = "The candidate confuses no two classes of the golden set more than the baseline{}."
        none = bool(wanted) or None
        also = " that the labels confuse" if wanted else ""
        return Signal("learned_confusion", Role.SYMPTOM, 0.0, _LOST, "share", none and False, words.format(also))
    pair, share = max(alike.items(), key=lambda item: item[1].value / item[1].std_error)
    truth, _, named = pair.partition(">")
    words = f"The candidate names {{}} more of the golden set's {truth} as {named} than the baseline does."
    return _habit("learned_confusion", share, _LOST, "share of the objects", words)


def _swapped_fall(bundle: Bundle) -> Signal:
    """Whether the classes that the labels confuse bear the fall: a candidate that learned both names of a class is
    less sure of either, which undoing the names gives back only where it chose the wrong one."""
    swapped = [each for each in faults.CLASSES.measured(bundle) if each.value >= WORTH_A_LOOK * each.limit]
    names = list(dict.fromkeys(name for each in swapped for name in each.name.removeprefix(SWAPPED).split(">")))
    deltas = bundle.evaluation.golden.compared.deltas if bundle.evaluation else None
    otherwise = "No classes of the span's labels are confused, or the golden set does not measure them."
    per_class = deltas.per_class if deltas else {}
    return bears_the_fall("swapped_bear_the_fall", names, per_class, "which the labels confuse", otherwise, True)


def _proof(fault: Fault, rescoring: Rescoring | None, is_part: bool) -> tuple[Share | None, list[Signal]]:
    """What undoing gives back; of some faults it is a part of what they cost, so that a small one says nothing: names
    give back only what was named wrongly, and a mixture of two ways of drawing has no one way to undo."""
    undo = _UNDO.get(fault.detail)
    if undo is None:
        return None, []
    name = f"undone_{fault.detail}"
    share = rescoring.share(undo) if rescoring else None
    if share is None:
        sentence = (
            "Nothing could be undone: both models find too little, or do not differ clearly on the golden sample."
        )
        return None, [Signal(name, Role.PROOF, None, _BACK, "share of the fall", None, sentence)]
    sentence = (
        f"Undone on the kept golden detections this gives back {percent(share.value)} ± {percent(share.std_error)} of "
        f"the fall of {-share.fall:.4f}, without any training."
    )
    supports = True if share.value >= _BACK and share.value >= SURE * share.std_error else None
    if share.value + SEEN * share.std_error < _BACK:
        supports = None if is_part else False
    return (share if supports or not is_part else None), [
        Signal(name, Role.PROOF, share.value, _BACK, "share of the fall", supports, sentence, share.std_error)
    ]


def _unmeasured(name: str, sentence: str) -> Signal:
    return Signal(name, Role.SYMPTOM, None, _HABIT, "fraction of box size", None, sentence)


def _larger(habit: Habit) -> float:
    return habit.drawn[COLUMNS["log_width"]].value + habit.drawn[COLUMNS["log_height"]].value


def _images(fault: Fault, bundle: Bundle, habit: Habit | None) -> tuple[str, ...]:
    if habit is None:
        return next((reason.images for reason in failed_of(bundle, fault.owns_rule) if reason.images), ())
    if fault in DRAWING:
        return habit.images
    return habit.lost_images if fault in (faults.MISSING, faults.UNLABELLED) else habit.confused_images


def _sentence(fault: Fault, bundle: Bundle, signals: Sequence[Signal], share: Share | None) -> str:
    measures = fault.measured(bundle)
    if measures:
        beyond = (
            [each for each in measures if fault.size(each) >= WORTH_A_LOOK * each.limit] if fault in DRAWING else []
        )
        shown = " and ".join(in_words(each) for each in (beyond or measures[:1]))
        told = f"The span's labels differ from the golden set's: {shown}"
    else:
        failed = failed_of(bundle, fault.owns_rule)
        told = f"The span's labels are at fault: {failed[0].actual}" if failed else _WHAT[fault.detail]
    if measures and any(signal.name.startswith("learned_") and signal.supports for signal in signals):
        told += ", and the candidate learned it"
    if share is not None and share.value >= _BACK:
        told += f"; undoing it on kept detections gives back {percent(min(1.0, share.value))} of the fall"
    return f"{told}."


_WHAT = {
    "loose_boxes": "The candidate's boxes are drawn in another size than the baseline's",
    "shifted_boxes": "The candidate's boxes lie elsewhere than the baseline's",
    "jittered_boxes": "The candidate's boxes scatter more than the baseline's",
    "swapped_classes": "The candidate confuses classes that the baseline tells apart",
    "label_noise": "The candidate names objects less reliably than the baseline",
    "missing_labels": "The candidate finds fewer objects than the baseline at the same precision",
    "unlabelled_images": "Images of the span have objects that nobody labelled",
    "box_format": "Boxes of the span may be written in another format",
    "misplaced_labels": "Labels of the span may belong to other images",
    "repeated_labels": "Objects of the span are labelled more than once",
}

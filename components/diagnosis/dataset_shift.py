"""Dataset shift: images of the new span that look otherwise than those the baseline was trained on; pure.

Which property it is follows from the data gate's order: less light takes contrast and sharpness away, not the other way
round, so that what the gate says follows from another finding names nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.evidence_signals import (
    earlier_falls,
    falls_early,
    held_out_rises,
    plain_rule,
    rejected_signals,
    speaks,
)
from ratchet.components.diagnosis.label_faults import FAULTS, WORTH_A_LOOK, suspects
from ratchet.components.diagnosis.trainings import more_replay
from ratchet.components.diagnosis.weighing import NAMED, weighed
from ratchet.components.pages.feature_words import as_before, difference
from ratchet.components.pages.features import short_title
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison
from ratchet.schemas.artifacts.decisions import NEVER_OBSERVED, Reason, State
from ratchet.schemas.artifacts.diagnosis import DATASET_SHIFT, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.artifacts.evaluation import HELD_OUT
from ratchet.schemas.base.formatting import capital
from ratchet.schemas.data import features

LIGHTING, DISTANCE, BLUR, COLOUR, NOISE, CAMERA, CLASSES = (
    "lighting",
    "distance",
    "blur",
    "colour",
    "noise",
    "camera",
    "classes",
)
_PROPERTY = {
    features.QA_BRIGHTNESS: LIGHTING,
    features.QA_CONTRAST: LIGHTING,
    features.QA_BOX_LOG_AREA: DISTANCE,
    features.QA_SHARPNESS: BLUR,
    features.QA_RED_CAST: COLOUR,
    features.QA_BLUE_CAST: COLOUR,
    features.QA_HUE: COLOUR,
    features.QA_NOISE: NOISE,
    features.BOX_CLASS: CLASSES,
    EMBEDDING: CAMERA,
    features.IMAGE_HEIGHT: CAMERA,
    features.IMAGE_WIDTH: CAMERA,
    features.QA_BOX_LOG_ASPECT: CAMERA,
    features.QA_BOX_CENTER_X: CAMERA,
    features.QA_BOX_CENTER_Y: CAMERA,
}
PROPERTIES = frozenset(_PROPERTY.values())
# Times what passes. A nearer move goes with what nothing is measured of: images that were compressed or scaled
# otherwise move pixel noise and sharpness 1.2 and 1.4 times as far, and cost far more than such a move does alone.
_FAR = 2.0
_COMPARABLE = 2.0  # strengths of which the smaller is still named beside the larger, as in the gate's explanation
_MOSTLY = 0.5  # of a move; what explains so much of it is what moved
_LOWER = 0.1  # of the golden mAP that the baseline lacks on the span
_AP_SPREAD = 0.5  # standard deviation of what an image adds to mAP, at most: that of a share of one half
_TITLE = {
    LIGHTING: "The span's images are lit otherwise",
    DISTANCE: "The span's objects are of another size in the image",
    BLUR: "The span's images are sharper or more blurred",
    COLOUR: "The span's colours are others",
    NOISE: "The span's images have more or less pixel noise",
    CAMERA: "The span's images look otherwise, as from another camera or place,",
    CLASSES: "The span's classes are mixed otherwise",
}
_AS_BEFORE = "The span's images look like those that the baseline was trained on: no feature moved beyond its noise."
_NOT_MEASURED = "The span's labels were not measured."
_NOT_COMPARED = "The span's images were not compared with those that the baseline was trained on."
COMPARE = "Serve a model of this version, which keeps its training data's figures, and run the data gate again."


@dataclass(frozen=True)
class _Moved:
    """A feature that may have moved: what the gate compared, its rule, and whether no run but the gate's judges it."""

    feature: str
    comparison: Comparison | None
    reason: Reason | None
    rejected: bool

    @property
    def detail(self) -> str:
        return CAMERA if self.feature.startswith(features.SOURCE_PREFIX) else _PROPERTY[self.feature]

    @property
    def strength(self) -> float:
        """How far beyond what passes, above 1 beyond it; 0 where that is not known."""
        strength = self.reason.strength if self.reason is not None else None
        if strength is None and self.comparison is not None and self.comparison.limit > 0:
            strength = self.comparison.distance / self.comparison.limit
        return max(0.0, strength) if strength is not None and math.isfinite(strength) else 0.0

    @property
    def moved(self) -> bool | None:
        """Whether it moved beyond what passes and the lineage's own moves, surely not, or neither can be said."""
        if _failed(self):
            return True if self.strength >= _FAR or self.rejected else None
        each = self.comparison
        if each is None:
            return None
        usual = max(each.moved_before, default=0.0)
        is_usual = each.effect_size is not None and bool(each.moved_before) and each.effect_size <= usual
        if each.distance <= each.noise or self.strength < WORTH_A_LOOK or (each.passed and is_usual):
            return False
        return True if self.strength >= _FAR and not is_usual else None


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """The properties that moved farthest, or one finding for all where none did."""
    moved = _candidates(bundle)
    if not moved:
        unmeasured = Signal("drift", Role.SUSPECT, None, 1.0, "ratio to the limit", None, _NOT_COMPARED)
        return [weighed(_blank("", _NOT_COMPARED, COMPARE), [unmeasured])]
    sure = [each for each in moved if each.moved]
    if not sure and all(each.moved is False for each in moved):
        return [weighed(_blank("", _AS_BEFORE, ""), [_suspect(each) for each in moved])]
    chosen = sure or [max((each for each in moved if each.moved is None), key=lambda each: each.strength)]
    strongest = max(each.strength for each in chosen)
    by_property: dict[str, _Moved] = {}
    for each in sorted(chosen, key=lambda each: (not _failed(each), -each.strength)):
        if each.strength * _COMPARABLE >= strongest or _failed(each):
            by_property.setdefault(each.detail, each)
    return [_finding(each, bundle) for each in by_property.values()]


def _failed(moved: _Moved) -> bool:
    return moved.reason is not None and moved.reason.state is State.FAILED


def _candidates(bundle: Bundle) -> list[_Moved]:
    """One for each feature with a property; without those that follow from another finding."""
    compared = {each.feature: each for each in bundle.evidence.comparisons if each.kind == DRIFT}
    rules: dict[str, Reason] = {}
    for reason in bundle.data.reasons:
        feature = _feature_of(reason.rule)
        if feature and (feature not in rules or (reason.state is State.FAILED and rules[feature].passed)):
            rules[feature] = reason
    known = [feature for feature in dict.fromkeys([*compared, *rules]) if _is_property(feature)]
    rejected = not bundle.was_trained and bool(bundle.data.failures)
    moved = [_Moved(feature, compared.get(feature), rules.get(feature), rejected) for feature in known]
    own = [each for each in moved if each.reason is None or each.reason.state is not State.FOLLOWS]
    return [each for each in own if not _is_drawn(each, bundle)]


def _is_drawn(moved: _Moved, bundle: Bundle) -> bool:
    """Whether boxes cover another area because they are drawn otherwise, not because objects are nearer or farther."""
    labels = bundle.evidence.labels
    if moved.feature != features.QA_BOX_LOG_AREA or labels is None or moved.comparison is None:
        return False
    sides = [each for each in labels.measures if each.name in ("log_width", "log_height")]
    drawn = abs(sum(each.value for each in sides if speaks(abs(each.value), each.std_error, 0.0)))
    return drawn > 0 and drawn >= _MOSTLY * (moved.comparison.effect_size or 0.0)


def _feature_of(rule: str) -> str:
    kind, _, feature = plain_rule(rule).partition(":")
    return feature if kind == DRIFT else ""


def _is_property(feature: str) -> bool:
    return feature in _PROPERTY or feature.startswith(features.SOURCE_PREFIX)


def _suspect(moved: _Moved) -> Signal:
    feature = "classes" if moved.feature == features.BOX_CLASS else moved.feature.rpartition("/")[2]
    name, unit = f"drift_{feature}", "ratio to the limit"
    return Signal(name, Role.SUSPECT, moved.strength, 1.0, unit, moved.moved, f"{_told(moved)}.")


def _told(moved: _Moved) -> str:
    """A feature's move: `The images are 67 % darker: median ...; 5.6 times what passes`."""
    each = moved.comparison
    if each is None:
        title = short_title(moved.feature)
        return f"{title}: {moved.reason.actual if moved.reason else 'moved'}"
    if moved.moved is False:
        return capital(as_before(each))
    usual, effect = max(each.moved_before, default=0.0), each.effect_size or 0.0
    before = f", {effect / usual:.1f} times its moves between earlier spans" if usual > 0 and effect > 0 else ""
    return f"{capital(difference(each))}; {moved.strength:.1f} times what passes{before}"


def _finding(moved: _Moved, bundle: Bundle) -> CauseFinding:
    signals = [_suspect(moved), *rejected_signals(bundle, lambda rule: _feature_of(rule) == moved.feature)]
    if bundle.was_trained:
        labels = _labels_equal(bundle)
        signals += [labels, earlier_falls(bundle), _late(bundle)]
        if labels.supports is None:  # else other labels are enough for what these two show
            signals += [_baseline_lower(bundle), held_out_rises(bundle)]
    sentence = f"{_TITLE[moved.detail]} than in the served model's training data ({_told(moved)})."
    finding = weighed(_blank(moved.detail, sentence, _action(bundle)), signals)
    images = moved.reason.images if moved.reason else ()
    if not moved.moved and finding.state is CauseState.SUPPORTED:  # other images, but by what is not known
        finding = replace(finding, state=CauseState.OPEN, probability=NAMED)
    return replace(finding, images=images)


def _blank(detail: str, sentence: str, action: str) -> CauseFinding:
    return CauseFinding(DATASET_SHIFT, detail, CauseState.OPEN, 0.0, sentence, action)


def _baseline_lower(bundle: Bundle) -> Signal:
    """Whether the baseline itself, which nobody changed, finds less in the new span than on the golden set."""
    name, unit = "baseline_lower_on_span", "share of its golden mAP"
    golden = bundle.evaluation.golden.compared if bundle.evaluation else None
    own = golden.baseline.coco.get("AP", -1.0) if golden and golden.baseline else -1.0
    span, images = _baseline_on_span(bundle)
    if golden is None or own <= 0 or span is None or images < 1:
        missing = "The baseline was not measured on images of the new span."
        return Signal(name, Role.SYMPTOM, None, _LOWER, unit, None, missing)
    error = _AP_SPREAD * math.hypot(1 / math.sqrt(images), 1 / math.sqrt(max(1, golden.images))) / own
    gap = (own - span) / own
    sentence = f"The baseline itself scores {span:.3f} on held-out images of the new span, {own:.3f} on the golden set."
    return Signal(name, Role.SYMPTOM, gap, _LOWER, unit, speaks(gap, error, _LOWER), sentence, error)


def _baseline_on_span(bundle: Bundle) -> tuple[float | None, int]:
    held_out = bundle.evaluation.data_sets.get(HELD_OUT) if bundle.evaluation else None
    if held_out is not None and held_out.compared.baseline is not None:
        ap = held_out.compared.baseline.coco.get("AP", -1.0)
        if ap >= 0:
            return ap, held_out.images
    record = bundle.candidate
    start = next((point.new for point in record.validation if point.step == 0), None) if record else None
    return start, record.validation_images.new if record and record.validation_images else 0


def _labels_equal(bundle: Bundle) -> Signal:
    """Whether the labels are not as the golden set's, which lowers the same figures as other images do; that they are
    speaks for no cause in particular."""
    name, unit = "labels_equal", "ratio to the limit"
    found = [signal for fault in FAULTS for signal in suspects(fault, bundle)]
    changed = [signal for signal in found if signal.supports]
    if not changed:
        measured = any(signal.supports is False for signal in found)
        words = "The span's labels are as the golden set's." if measured else _NOT_MEASURED
        return Signal(name, Role.SYMPTOM, 0.0 if measured else None, 1.0, unit, None, words)
    worst = max(changed, key=_beyond)
    words = f"The span's labels are not as the golden set's. {worst.sentence}"
    return Signal(name, Role.SYMPTOM, _beyond(worst), 1.0, unit, False, words)


def _beyond(suspect: Signal) -> float:
    return abs(suspect.value or 0.0) / max(suspect.threshold, 1e-9)


def _late(bundle: Bundle) -> Signal:
    """Another world costs little at first, where another habit of drawing costs at once."""
    early = falls_early(bundle)
    supports = None if early.supports is None else not early.supports
    return Signal("falls_late", early.role, early.value, early.threshold, early.unit, supports, early.sentence)


def _action(bundle: Bundle) -> str:
    if bundle.plans is not None:
        return (
            "Mix images of the earlier data into the training, so that more of each batch looks as before; if the "
            "model will see such images from now on, add some to the golden set, which does not ask for them."
        )
    if bundle.candidate is not None:
        return (
            f"{more_replay(bundle.candidate)}, so that more of each batch looks as before; if the served model will "
            "see such images from now on, add some to the golden set, which does not ask for them."
        )
    out = "Leave such images out of the span; or, if the served model will see them, add some to the golden set and"
    if bundle.data.observable:
        return f"{out} let the run go on with replay of earlier spans (data_gate.mode: enforce -> observe)."
    stops = [reason.rule for reason in bundle.data.failures if reason.rule in NEVER_OBSERVED]
    return f"{out} correct what stops every run ({', '.join(stops)})."

"""The evaluation set: a golden set or a metric whose figures say nothing of the models, or of the traffic; pure.

A broken evaluation is no reason for a fall, it is a reason to believe none. So a failed check of the evaluation is
both what changed and the proof, and whether the golden set stands for what the model is for is asked of the images of
earlier spans: what falls there as well fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.evidence_signals import (
    SEEN,
    delta_of,
    failed_of,
    plain_rule,
    reasons_of,
    rejected_signals,
    said_by,
    strength_of,
)
from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, GOLDEN, GOLDEN_SERVING, Comparison
from ratchet.schemas.artifacts.decisions import GOLDEN_BUDGET, Reason, State
from ratchet.schemas.artifacts.diagnosis import EVALUATION_SET, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT
from ratchet.schemas.base.differences import measured
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.features import (
    FEATURE_TITLES,
    QA_BLUE_CAST,
    QA_BRIGHTNESS,
    QA_CONTRAST,
    QA_HUE,
    QA_NOISE,
    QA_RED_CAST,
    QA_SHARPNESS,
)

_FAR_BELOW = 0.6  # of what the baseline scores elsewhere; two of five boxes at random leave it .37
_FEWEST_OBJECTS, _FEWEST_IMAGES = 20, 10  # of a class; what the evaluator tests has as many by default
_MOSTLY = 0.5  # of the classes
_MOST_NAMED = 4  # rules
_WIDE = 0.1  # of the baseline's mAP; an interval that hides so much says little
_OF_IMAGES = (QA_BRIGHTNESS, QA_CONTRAST, QA_SHARPNESS, QA_RED_CAST, QA_BLUE_CAST, QA_HUE, QA_NOISE, EMBEDDING)
_BROKEN_RULES = ("trust:", "map_defined", "no_rules")


@dataclass(frozen=True)
class Flaw:
    """One way in which an evaluation is flawed.

    Attributes:
        detail: of the finding.
        rules: beginnings of the evaluator's rules about it.
        gate: beginnings of the data gate's.
        sentence: what is wrong, until a rule says more.
        action: what to do; `{how}` is what this run measured of it.
    """

    detail: str
    rules: tuple[str, ...]
    gate: tuple[str, ...]
    sentence: str
    action: str

    def owns(self, rule: str) -> bool:
        """Whether a rule of the data gate is about it."""
        return rule.startswith(self.gate) if self.gate else False


_ACCEPTED = "data_gate.accept_new_golden=true for one run"
LEAK = Flaw(
    "leak",
    ("trust:leak",),
    ("leak",),
    "Golden images are among the training images",
    "Take the named images out of the span, or, if models in service were trained on them, out of the golden set (with "
    f"{_ACCEPTED}); then run again.",
)
EXCHANGED = Flaw(
    "exchanged",
    ("trust:golden_digest",),
    ("golden_unchanged",),
    "The golden set is not the one that the baseline was measured on",
    f"Restore the golden set, or, if the exchange is meant, accept it with {_ACCEPTED}; then run again.",
)
TOO_SMALL = Flaw(
    "too_small",
    ("trust:enough",),
    ("golden_boxes",),
    "The golden set is too small to tell differences of the size seen",
    "Label more golden images{how}: four times as many halve the interval, evaluator.min_golden_images says the least; "
    f"then run again with {_ACCEPTED}.",
)
BROKEN = Flaw(
    "broken_metric",
    ("trust:", "map_defined", "no_rules"),
    ("classes:golden_set",),
    "The evaluation does not measure what it should",
    "Correct what is wrong with the golden set, its export or the evaluator's settings{how}, then run again.",
)
UNREPRESENTATIVE = Flaw(
    "unrepresentative",
    (),
    (),
    "The golden set looks otherwise than what the model is for",
    f"Add images to the golden set until it is what the model will see{{how}}, with {_ACCEPTED}.",
)
SPENT = Flaw(
    "spent",
    (GOLDEN_BUDGET,),
    (),
    "The golden set decided so often that what is chosen on it is fitted to it",
    f"Exchange the golden set for fresh images of the same kind, with {_ACCEPTED}.",
)
_NAMED = (LEAK, EXCHANGED, TOO_SMALL, SPENT)
FLAWS = (LEAK, EXCHANGED, TOO_SMALL, BROKEN, UNREPRESENTATIVE, SPENT)
_SOUND = "The evaluation passed its checks, and the golden set looks like what the model is for."
_UNCHECKED = "Whether the evaluation is sound was not measured."


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """One finding for each flaw that is supported; else the likeliest that is open; else one for all together."""
    findings = [_finding(flaw, bundle) for flaw in FLAWS]
    supported = [each for each in findings if each.state is CauseState.SUPPORTED]
    accused = [each for each in findings if each.state is CauseState.OPEN and any(s.supports for s in each.signals)]
    accused.sort(key=lambda each: -each.probability)
    return supported or accused[:1] or [_together(findings)]


def _together(findings: Sequence[CauseFinding]) -> CauseFinding:
    signals = [each for finding in findings for each in finding.signals if each.role is Role.SUSPECT]
    asked = [signal for signal in signals if signal.supports is not None]
    sentence, action = (_SOUND, "") if asked else (_UNCHECKED, "Evaluate again with this version.")
    return weighed(CauseFinding(EVALUATION_SET, "", CauseState.OPEN, 0.0, sentence, action), asked or signals[:1])


def _finding(flaw: Flaw, bundle: Bundle) -> CauseFinding:
    reasons = _rules_of(flaw, bundle)
    failed = [reason for reason in reasons if reason.state is State.FAILED]
    signals = [_of_rules(flaw, reasons), *rejected_signals(bundle, flaw.owns)]
    if not failed:  # a check that failed needs no figures beside it
        further = _further(flaw, bundle)
        # No check sees labels that fit nothing, or what is too little for all that is asked: where figures speak of
        # it, that the checks passed is silent.
        speaking = flaw in (BROKEN, TOO_SMALL) and any(each.supports and each.role is Role.SUSPECT for each in further)
        signals = [*([] if speaking else signals), *further]
    elif any(_breaks(reason) for reason in failed):
        broken = "Until this check passes, no figure of this evaluation speaks for or against a model."
        signals.append(Signal("evaluation_broken", Role.PROOF, 1.0, 1.0, "failed checks", True, broken))
    told = [reason.actual for reason in failed] or [s.sentence.rstrip(".") for s in signals if s.supports]
    sentence = f"{flaw.sentence}: {told[0]}." if told else f"{flaw.sentence}."
    action = flaw.action.replace("{how}", _how(flaw, bundle, failed))
    finding = weighed(CauseFinding(EVALUATION_SET, flaw.detail, CauseState.OPEN, 0.0, sentence, action), signals)
    images = next((reason.images for reason in [*failed, *failed_of(bundle, flaw.owns)] if reason.images), ())
    return CauseFinding(**{**vars(finding), "images": images})


def _how(flaw: Flaw, bundle: Bundle, failed: Sequence[Reason]) -> str:
    """Figures or rules that make an action exact."""
    if flaw is TOO_SMALL and bundle.evaluation:
        images, share = bundle.evaluation.golden.images, _interval(bundle).value or 0.0
        wanted = round(images * (share / _WIDE) ** 2)
        return f" ({images} -> {wanted} tell a tenth of the baseline's mAP)" if wanted > images else ""
    if flaw is BROKEN and failed:
        return f" ({', '.join(reason.rule for reason in failed[:_MOST_NAMED])})"
    if flaw is UNREPRESENTATIVE:
        return _apart(bundle)
    return ""


def _apart(bundle: Bundle) -> str:
    """The figure in which the golden set is farthest from the traffic, else from the training data, and where to."""
    for kind in (GOLDEN_SERVING, GOLDEN):
        worst = _worst(bundle, kind)
        if worst is None or worst.passed:
            continue
        title = FEATURE_TITLES.get(worst.feature, worst.feature)
        if worst.span.median is None or worst.other.median is None:
            return f" ({title})"
        return f" ({title}: median {worst.span.median:.3g} -> {worst.other.median:.3g})"
    return ""


def _breaks(reason: Reason) -> bool:
    return reason.rule.startswith(_BROKEN_RULES) and reason.rule != GOLDEN_BUDGET


def _rules_of(flaw: Flaw, bundle: Bundle) -> list[Reason]:
    """The evaluator's rules about a flaw, and the gate's."""
    evaluated = bundle.evaluation.decision.reasons if bundle.evaluation else ()
    own = [reason for reason in evaluated if reason.rule.startswith(flaw.rules or ("-",))]
    if flaw is BROKEN:  # what no other flaw is about
        named = tuple(rule for other in _NAMED for rule in other.rules)
        own = [reason for reason in own if not reason.rule.startswith(named)]
    return [*own, *reasons_of(bundle, flaw.owns)]


def _of_rules(flaw: Flaw, reasons: Sequence[Reason]) -> Signal:
    telling = next((reason for reason in reasons if reason.state is State.FAILED), reasons[0] if reasons else None)
    sentence = f"{plain_rule(telling.rule)}: {telling.actual}." if telling else "No rule was asked about it."
    supports = said_by([reason for reason in reasons if reason.tested]) if reasons else None
    return Signal(
        f"rules_{flaw.detail}", Role.SUSPECT, strength_of(telling), 1.0, "ratio to the limit", supports, sentence
    )


def _further(flaw: Flaw, bundle: Bundle) -> list[Signal]:
    if flaw is TOO_SMALL:
        interval, untestable = _interval(bundle), _untestable(bundle)
        if not untestable.supports:
            return [interval, untestable]
        # mAP over classes that nothing can be said of has a narrow interval by luck.
        return [*([interval] if interval.supports else []), untestable, _within_noise(bundle)]
    if flaw is BROKEN:
        figures = [_far_below(bundle), _golden_labels(bundle)]
        return [*figures, _images_alike(bundle)] if any(each.supports for each in figures) else figures
    if flaw is UNREPRESENTATIVE:
        compared = [_compared(bundle, kind) for kind in (GOLDEN, GOLDEN_SERVING)]
        return [*compared, _others_hold(bundle)] if any(each.supports for each in compared) else compared
    return []


def _interval(bundle: Bundle) -> Signal:
    """Whether a difference of a tenth of the baseline's mAP would stay in the noise of this golden set."""
    name, unit = "minimum_detectable", "share of the baseline's mAP"
    golden = bundle.evaluation.golden.compared if bundle.evaluation else None
    own = golden.baseline.coco.get("AP", -1.0) if golden and golden.baseline else -1.0
    least = bundle.delta.minimum_detectable if bundle.delta else None
    if own <= 0 or least is None:
        missing = "What difference the golden set can tell is not known."
        return Signal(name, Role.SUSPECT, None, _WIDE, unit, None, missing)
    told = bundle.delta is not None and bundle.delta.interval is not None and not _holds_zero(bundle.delta.interval)
    sentence = f"The golden set shows differences from {least:.3f} on, {percent(least / own)} of the baseline's mAP."
    is_wide = least / own >= _WIDE and not told
    return Signal(name, Role.SUSPECT, least / own, _WIDE, unit, is_wide, sentence)


def _untestable(bundle: Bundle) -> Signal:
    """Whether most classes have too few golden objects to be tested for a fall of their own."""
    name, unit = "untestable_classes", "share of the classes"
    golden = bundle.evaluation.golden.compared if bundle.evaluation else None
    support = list(golden.class_support.values()) if golden else []
    if not support:
        return Signal(name, Role.SUSPECT, None, _MOSTLY, unit, None, "The golden set's classes were not counted.")
    few = sum(each.objects < _FEWEST_OBJECTS or each.images < _FEWEST_IMAGES for each in support)
    share = few / len(support)
    sentence = (
        f"{few} of {len(support)} classes have fewer than {_FEWEST_OBJECTS} objects in {_FEWEST_IMAGES} golden images."
    )
    return Signal(name, Role.SUSPECT, share, _MOSTLY, unit, share >= _MOSTLY, sentence)


def _within_noise(bundle: Bundle) -> Signal:
    """Whether the difference of the two models is one that this golden set cannot tell from none."""
    name, unit, delta = "within_noise", "standard errors", bundle.delta
    if delta is None or delta.value is None or not delta.std_error or delta.interval is None:
        return Signal(name, Role.SYMPTOM, None, SEEN, unit, None, "The difference has no interval.")
    value = abs(delta.value) / delta.std_error
    sentence = f"The two models show {measured(delta.value, delta.interval)}."
    return Signal(name, Role.SYMPTOM, value, SEEN, unit, _holds_zero(delta.interval), sentence)


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def _far_below(bundle: Bundle) -> Signal:
    """Whether the baseline, which serves, scores far less on the golden set than on other images that it never saw."""
    name, unit = "golden_beside_others", "ratio of the baseline's mAP"
    golden = _baseline_map(bundle, "golden")
    for data_set in (EARLIER_SPANS, HELD_OUT):
        other = _baseline_map(bundle, data_set)
        if golden >= 0 and other > 0:
            sentence = (
                f"The baseline scores {golden:.3f} on the golden set and {other:.3f} on {data_set.replace('_', '-')} "
                "images."
            )
            ratio = golden / other
            return Signal(name, Role.SUSPECT, ratio, _FAR_BELOW, unit, ratio <= _FAR_BELOW, sentence)
    return Signal(name, Role.SUSPECT, None, _FAR_BELOW, unit, None, "The baseline was not measured on both.")


def _baseline_map(bundle: Bundle, data_set: str) -> float:
    """-1 where it was not measured."""
    of = bundle.evaluation.data_sets.get(data_set) if bundle.evaluation else None
    return of.compared.baseline.coco.get("AP", -1.0) if of and of.compared.baseline else -1.0


def _images_alike(bundle: Bundle) -> Signal:
    """Whether golden images look like the training data's, so that nothing about them makes their labels harder."""
    name, unit = "golden_images_alike", "ratio to the limit"
    found = [each for each in bundle.evidence.comparisons if each.kind == GOLDEN and each.feature in _OF_IMAGES]
    if not found:
        missing = "Golden images were not compared with the served model's training data."
        return Signal(name, Role.SYMPTOM, None, 1.0, unit, None, missing)
    worst = max(found, key=_ratio)
    words = "look like" if worst.passed else "do not look like"
    title = FEATURE_TITLES.get(worst.feature, worst.feature)
    sentence = f"Golden images {words} the served model's training data ({title}: distance {worst.distance:.3f})."
    return Signal(name, Role.SYMPTOM, _ratio(worst), 1.0, unit, worst.passed, sentence)


def _golden_labels(bundle: Bundle) -> Signal:
    """Whether the served model finds the span's labels and not those of the golden set."""
    name, unit, labels = "golden_recall", "ratio to the span's recall", bundle.evidence.labels
    if labels is None or labels.span_recall <= 0:
        return Signal(name, Role.SUSPECT, None, _FAR_BELOW, unit, None, "No labels were held against the served model.")
    ratio = labels.golden_recall / labels.span_recall
    sentence = (
        f"The served model finds {percent(labels.golden_recall)} of the golden set's labels and "
        f"{percent(labels.span_recall)} of the span's."
    )
    return Signal(name, Role.SUSPECT, ratio, _FAR_BELOW, unit, ratio <= _FAR_BELOW, sentence)


def _compared(bundle: Bundle, kind: str) -> Signal:
    """Whether the golden set looks otherwise than the training data, or than the traffic."""
    name, unit = f"{kind.replace(' ', '_')}_drift", "ratio to the limit"
    what = "the served model's training data" if kind == GOLDEN else "the traffic"
    worst = _worst(bundle, kind)
    if worst is None:
        missing = f"The golden set was not compared with {what}."
        return Signal(name, Role.SUSPECT, None, 1.0, unit, None, missing)
    title = FEATURE_TITLES.get(worst.feature, worst.feature)
    words = "looks like" if worst.passed else "differs from"
    sentence = f"The golden set {words} {what}: {title}, distance {worst.distance:.3f} where {worst.limit:.3f} passes."
    return Signal(name, Role.SUSPECT, _ratio(worst), 1.0, unit, not worst.passed, sentence)


def _worst(bundle: Bundle, kind: str) -> Comparison | None:
    return max((each for each in bundle.evidence.comparisons if each.kind == kind), key=_ratio, default=None)


def _ratio(comparison: Comparison) -> float:
    return comparison.distance / comparison.limit if comparison.limit > 0 else 0.0


def _others_hold(bundle: Bundle) -> Signal:
    """Whether only the golden set falls: earlier spans, or where there are none the new one, do not."""
    name, unit, golden = "others_hold", "mAP, standard errors decide", bundle.delta
    for data_set in (EARLIER_SPANS, HELD_OUT):
        delta = delta_of(bundle, data_set)
        if delta is None or not delta.std_error or golden is None or (golden.value or 0.0) >= 0:
            continue
        value = float(delta.value or 0.0)
        falls, holds = value < -SEEN * delta.std_error, value > (golden.value or 0.0) / 2 + SEEN * delta.std_error
        moved = f"mAP moved by {value:+.3f}, on the golden set by {golden.value:+.3f}"
        sentence = f"On {data_set.replace('_', '-')} images {moved}."
        supports = False if falls else (holds or None)
        return Signal(name, Role.SYMPTOM, value, 0.0, unit, supports, sentence, delta.std_error)
    return Signal(
        name, Role.SYMPTOM, None, 0.0, unit, None, "Nothing but the golden set was measured, or nothing fell."
    )

"""The evaluation set: a golden set or a metric whose figures say nothing of the models, or of the traffic; pure.

A broken evaluation is no reason for a fall, it is a reason to believe none. So a failed check of the evaluation is
both what changed and the proof, and whether the golden set stands for what the model is for is asked of the images of
earlier spans: what falls there as well fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.diagnosis.bundle import Bundle
from components.diagnosis.evidence_signals import (
    SEEN,
    delta_of,
    failed_of,
    plain_rule,
    reasons_of,
    rejected_signals,
    said_by,
    strength_of,
)
from components.diagnosis.weighing import weighed
from schemas.artifacts.data_evidence import GOLDEN, GOLDEN_SERVING, Comparison
from schemas.artifacts.decisions import GOLDEN_BUDGET, Reason, State
from schemas.artifacts.diagnosis import EVALUATION_SET, CauseFinding, CauseState, Role, Signal
from schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT
from schemas.data.features import FEATURE_TITLES

_NEAR_ZERO = 0.25  # of what the baseline scores elsewhere; boxes at random leave it a hundredth
_WIDE = 0.1  # of the baseline's mAP; an interval that hides so much says little
_BROKEN_RULES = ("trust:", "map_defined", "no_rules")


@dataclass(frozen=True)
class Flaw:
    """One way in which an evaluation is flawed.

    Attributes:
        detail: of the finding.
        rules: beginnings of the evaluator's rules about it.
        gate: beginnings of the data gate's.
        sentence: what is wrong, until a rule says more.
        action: what to do.
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
    "take the named images out of the span, or, if models in service were trained on them, out of the golden set (with "
    f"{_ACCEPTED}); then run again",
)
EXCHANGED = Flaw(
    "exchanged",
    ("trust:golden_digest",),
    ("golden_unchanged",),
    "The golden set is not the one that the baseline was measured on",
    f"restore the golden set, or, if the exchange is meant, accept it with {_ACCEPTED}; then run again",
)
TOO_SMALL = Flaw(
    "too_small",
    ("trust:enough",),
    ("golden_boxes",),
    "The golden set is too small to tell differences of the size seen",
    "label more golden images: four times as many halve the interval (evaluator.min_golden_images says the least)",
)
BROKEN = Flaw(
    "broken_metric",
    ("trust:", "map_defined", "no_rules"),
    ("classes:golden_set",),
    "The evaluation does not measure what it should",
    "look at boxes and classes of the golden images beside the detections, correct what is wrong, then run again",
)
UNREPRESENTATIVE = Flaw(
    "unrepresentative",
    (),
    (),
    "The golden set looks otherwise than what the model is for",
    f"add images like the traffic to the golden set, in the mix that the model will see, with {_ACCEPTED}",
)
SPENT = Flaw(
    "spent",
    (GOLDEN_BUDGET,),
    (),
    "The golden set decided so often that what is chosen on it is fitted to it",
    f"exchange the golden set for fresh images of the same kind, with {_ACCEPTED}",
)
_NAMED = (LEAK, EXCHANGED, TOO_SMALL, SPENT)
_FLAWS = (LEAK, EXCHANGED, TOO_SMALL, BROKEN, UNREPRESENTATIVE, SPENT)
_SOUND = "The evaluation passed its checks, and the golden set looks like what the model is for."
_UNCHECKED = "Whether the evaluation is sound was not measured."


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """One finding for each flaw that is supported; else the likeliest that is open; else one for all together."""
    findings = [_finding(flaw, bundle) for flaw in _FLAWS]
    supported = [each for each in findings if each.state is CauseState.SUPPORTED]
    accused = [each for each in findings if each.state is CauseState.OPEN and any(s.supports for s in each.signals)]
    accused.sort(key=lambda each: -each.probability)
    return supported or accused[:1] or [_together(findings)]


def _together(findings: Sequence[CauseFinding]) -> CauseFinding:
    signals = [each for finding in findings for each in finding.signals if each.role is Role.SUSPECT]
    measured = [signal for signal in signals if signal.supports is not None]
    sentence, action = (_SOUND, "") if measured else (_UNCHECKED, "evaluate again with this version")
    return weighed(CauseFinding(EVALUATION_SET, "", CauseState.OPEN, 0.0, sentence, action), measured or signals[:1])


def _finding(flaw: Flaw, bundle: Bundle) -> CauseFinding:
    reasons = _rules_of(flaw, bundle)
    failed = [reason for reason in reasons if reason.state is State.FAILED]
    signals = [_of_rules(flaw, reasons), *rejected_signals(bundle, flaw.owns)]
    if not failed:  # a check that failed needs no figures beside it
        signals += _further(flaw, bundle)
    elif any(_breaks(reason) for reason in failed):
        broken = "Until this check passes, no figure of this evaluation speaks for or against a model."
        signals.append(Signal("evaluation_broken", Role.PROOF, 1.0, 1.0, "failed checks", True, broken))
    told = [reason.actual for reason in failed] or [s.sentence.rstrip(".") for s in signals if s.supports]
    sentence = f"{flaw.sentence}: {told[0]}." if told else f"{flaw.sentence}."
    finding = weighed(CauseFinding(EVALUATION_SET, flaw.detail, CauseState.OPEN, 0.0, sentence, flaw.action), signals)
    images = next((reason.images for reason in [*failed, *failed_of(bundle, flaw.owns)] if reason.images), ())
    return CauseFinding(**{**vars(finding), "images": images})


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
        return [_interval(bundle)]
    if flaw is BROKEN:
        return [*(_near_zero(bundle, name) for name in (HELD_OUT, EARLIER_SPANS)), _golden_labels(bundle)]
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
    sentence = f"The golden set shows differences from {least:.3f} on, {least / own:.0%} of the baseline's mAP."
    return Signal(name, Role.SUSPECT, least / own, _WIDE, unit, least / own >= _WIDE and not told, sentence)


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def _near_zero(bundle: Bundle, data_set: str) -> Signal:
    """Whether the baseline, which serves, finds next to nothing on the golden set and plenty elsewhere."""
    name, unit = f"golden_beside_{data_set}", "ratio of the baseline's mAP"
    values: list[float] = []
    for each in ("golden", data_set):
        of = bundle.evaluation.data_sets.get(each) if bundle.evaluation else None
        baseline = of.compared.baseline if of else None
        values.append(baseline.coco.get("AP", -1.0) if baseline else -1.0)
    golden, other = values
    if golden < 0 or other <= 0:
        return Signal(name, Role.SUSPECT, None, _NEAR_ZERO, unit, None, "The baseline was not measured on both.")
    sentence = (
        f"The baseline scores {golden:.3f} on the golden set and {other:.3f} on {data_set.replace('_', '-')} images."
    )
    return Signal(name, Role.SUSPECT, golden / other, _NEAR_ZERO, unit, golden / other <= _NEAR_ZERO, sentence)


def _golden_labels(bundle: Bundle) -> Signal:
    """Whether the served model finds the span's labels and not those of the golden set."""
    name, unit, labels = "golden_recall", "ratio to the span's recall", bundle.evidence.labels
    if labels is None or labels.span_recall <= 0:
        return Signal(name, Role.SUSPECT, None, _NEAR_ZERO, unit, None, "No labels were held against the served model.")
    ratio = labels.golden_recall / labels.span_recall
    sentence = (
        f"The served model finds {labels.golden_recall:.0%} of the golden set's labels and {labels.span_recall:.0%} of "
        "the span's."
    )
    return Signal(name, Role.SUSPECT, ratio, _NEAR_ZERO, unit, ratio <= _NEAR_ZERO, sentence)


def _compared(bundle: Bundle, kind: str) -> Signal:
    """Whether the golden set looks otherwise than the training data, or than the traffic."""
    name, unit = f"{kind.replace(' ', '_')}_drift", "ratio to the limit"
    what = "the served model's training data" if kind == GOLDEN else "the traffic"
    found = [each for each in bundle.evidence.comparisons if each.kind == kind]
    if not found:
        missing = f"The golden set was not compared with {what}."
        return Signal(name, Role.SUSPECT, None, 1.0, unit, None, missing)
    worst = max(found, key=_ratio)
    title = FEATURE_TITLES.get(worst.feature, worst.feature)
    words = "looks like" if worst.passed else "differs from"
    sentence = f"The golden set {words} {what}: {title}, distance {worst.distance:.3f} where {worst.limit:.3f} passes."
    return Signal(name, Role.SUSPECT, _ratio(worst), 1.0, unit, not worst.passed, sentence)


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

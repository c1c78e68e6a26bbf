"""From what is known of every cause to one answer: a named cause, "unknown", or nothing to explain; pure.

Causes are taken for independent ways to lose mAP, beside one that nobody knows (noisy-OR with a leak: Pearl 1988,
Probabilistic Reasoning in Intelligent Systems, section 4.3.2). A cause is named where it is more likely than not that
mAP fell and that this cause was at work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.seen import SeenSignals
from ratchet.components.diagnosis.weighing import NAMED
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import (
    EVALUATION_SET,
    NOTHING,
    PIPELINE,
    UNKNOWN,
    Cause,
    CauseFinding,
    CauseState,
    DiagnosisState,
    Role,
    Signal,
)
from ratchet.schemas.artifacts.evaluation import Delta
from ratchet.schemas.base.differences import Clarity, detectable, measured, minimum_detectable
from ratchet.schemas.base.formatting import listed, percent

_ANYTHING = SeenSignals(0, {})
LEAK = 0.3  # chance that mAP falls by something that no module looks for
_MOST_EVIDENCE = 6
_WORTH = 0.01  # of the baseline's mAP: of a smaller fall no cause is named, for harmless changes cost as much
# Flaws of an evaluation set that no check of the evaluator sees: labels that fit nothing, too little of every class.
_UNSEEN_FLAWS = ("broken_metric", "too_small")
_MOST_RULES = 4
_EXPLAINED = 0.5  # part of the fall that supported causes have to give back where that was measured
_SURE = 2.0  # standard errors below it


def answer(bundle: Bundle, findings: Sequence[CauseFinding], seen: SeenSignals = _ANYTHING) -> Cause:
    """The one answer.

    Args:
        bundle: the records of the run.
        findings: of every cause, the likeliest first.
        seen: figures that the diagnosis was tried on: by one that is far beyond them no training is judged. A check of
            data or evaluation that failed needs no such trial.
    """
    if bundle.evaluation is None:
        return _of_rejected(bundle, findings)
    if bundle.baseline is None and bundle.plans is None:
        return _nothing("This is the first model, so there is nothing that it could have fallen from.", "")
    supported = [finding for finding in findings if finding.state is CauseState.SUPPORTED]
    if bundle.evaluation.decision.evaluation_broken or any(
        finding.cause == EVALUATION_SET and finding.detail in _UNSEEN_FLAWS for finding in supported
    ):
        return _of_broken(bundle.evaluation.decision, supported)
    fell = _chance_of_fall(bundle)
    likely = [finding for finding in supported if fell * of_fall(finding, findings) > NAMED]
    if not likely:
        return _unknown(bundle, findings) if _is_clear_fall(bundle) else _no_fall(bundle)
    if beyond := seen.beyond(likely[0]):
        return _untried(bundle, likely[0], beyond)
    likely = [finding for finding in likely if not seen.beyond(finding)]
    if _explain_too_little(likely):
        return _unknown(bundle, findings, likely)
    return named(likely[0], fell * of_fall(likely[0], findings), likely[1:])


def ranked(findings: Sequence[CauseFinding]) -> tuple[CauseFinding, ...]:
    """The likeliest first: by probability, then by what undoing it gives back, then by what changed."""
    order = list(CauseState)
    return tuple(
        sorted(
            findings,
            key=lambda each: (-each.probability, -(each.share or 0.0), -_suspects(each), order.index(each.state)),
        )
    )


def _suspects(finding: CauseFinding) -> int:
    return sum(signal.role is Role.SUSPECT and signal.supports is True for signal in finding.signals)


def of_fall(finding: CauseFinding, findings: Sequence[CauseFinding]) -> float:
    """Probability of a cause once something has made mAP fall.

    Of each cause the likeliest kind counts: kinds of one cause are no independent ways.
    """
    kinds: dict[str, float] = {}
    for each in findings:
        kinds[each.cause] = max(kinds.get(each.cause, 0.0), each.probability)
    none = math.prod(1 - probability for probability in kinds.values())
    return min(1.0, finding.probability / (1 - (1 - LEAK) * none))


def _chance_of_fall(bundle: Bundle) -> float:
    """How sure one may be that mAP fell by what is worth a cause, by the normal distribution of the difference.

    Half of all harmless changes show a little fall within the noise; their coin tosses must name nothing. So it counts
    how much surer than of a coin toss one may be of a fall, and how sure of one by more than WORTH.
    """
    if _broke_a_part(bundle):
        return 1.0
    delta = bundle.delta
    if delta is None or delta.value is None or not delta.std_error or bundle.verdict.pushes:
        return 1.0 if _is_clear_fall(bundle) else 0.0
    any_fall = 2 * _normal(-delta.value / delta.std_error) - 1
    return max(0.0, min(any_fall, _normal((-delta.value - _worth(bundle)) / delta.std_error)))


def _normal(value: float) -> float:
    """The cumulative normal distribution."""
    return math.erfc(-value / math.sqrt(2)) / 2


def _worth(bundle: Bundle) -> float:
    """The least fall that a cause is named for, in mAP."""
    baseline = bundle.evaluation.golden.compared.baseline if bundle.evaluation else None
    return _WORTH * max(0.0, baseline.coco.get("AP", 0.0)) if baseline else 0.0


def _is_clear_fall(bundle: Bundle) -> bool:
    """Whether a fall is beyond doubt: of mAP, of a class or slice that a rule tests, or of a training that was lost."""
    delta = bundle.delta
    fell = delta is not None and (delta.value or 0.0) < 0 and delta.clarity is Clarity.CLEAR
    return fell or _broke_a_part(bundle)


def _broke_a_part(bundle: Bundle) -> bool:
    """Whether a class or slice fell beyond doubt, or the training was lost."""
    assert bundle.evaluation is not None
    return any(
        reason.rule.startswith(("training:", "class_drop:", "slice_drop:"))
        or (reason.rule.startswith(("class_", "slice_")) and bundle.evaluation.clarity_of(reason.rule) is Clarity.CLEAR)
        for reason in bundle.evaluation.decision.failures
        if reason.rule != "class_and_slice_drops"
    )


def _explain_too_little(likely: Sequence[CauseFinding]) -> bool:
    shares = [finding.share for finding in likely if finding.share is not None]
    if len(shares) < len(likely):
        return False
    error = math.hypot(*(finding.std_error or 0.0 for finding in likely))
    return sum(shares) + _SURE * error < _EXPLAINED


def named(finding: CauseFinding, probability: float, others: Sequence[CauseFinding]) -> Cause:
    """A cause as the answer.

    Args:
        finding: that is named.
        probability: of it.
        others: that are likely as well.
    """
    evidence = [signal.sentence for signal in in_favour(finding)]
    beside = list({other.cause: other.sentence for other in others if other.cause != finding.cause}.values())
    return Cause(
        name=finding.cause,
        detail=finding.detail,
        probability=probability,
        state=DiagnosisState.NAMED,
        sentence=finding.sentence,
        evidence=(*evidence[:_MOST_EVIDENCE], *(f"At work as well: {sentence}" for sentence in beside)),
        action=finding.action,
    )


def in_favour(finding: CauseFinding) -> list[Signal]:
    """What speaks for it: what it gives back first, then what changed, then what it looks like."""
    roles = (Role.PROOF, Role.SUSPECT, Role.SYMPTOM)
    return sorted(
        (signal for signal in finding.signals if signal.supports), key=lambda signal: roles.index(signal.role)
    )


def _of_rejected(bundle: Bundle, findings: Sequence[CauseFinding]) -> Cause:
    supported = [finding for finding in findings if finding.state is CauseState.SUPPORTED]
    if supported:
        return named(supported[0], supported[0].probability, supported[1:])
    failures = bundle.data.failures
    told = failures[0].actual if failures else "no rule says why"
    return Cause(
        UNKNOWN,
        "",
        1.0,
        DiagnosisState.UNKNOWN,
        f"The data gate rejected the span ({told}); which cause would have made mAP fall is not known.",
        tuple(reason.actual for reason in failures[1:_MOST_EVIDENCE]),
        f"Correct what the data gate found ({_rules(failures)}), and run again." if failures else "",
    )


def _of_broken(decision: Decision, supported: Sequence[CauseFinding]) -> Cause:
    """Figures of a broken evaluation say nothing of the models, so only the evaluation itself can be named."""
    broken = [each for each in supported if each.cause == EVALUATION_SET]
    if broken:
        return named(broken[0], broken[0].probability, broken[1:])
    return Cause(
        UNKNOWN,
        "",
        1.0,
        DiagnosisState.UNKNOWN,
        "The evaluation is broken, so its figures say nothing about the models.",
        (),
        f"Mend the evaluation first; what is wrong with it: {_rules(decision.failures)}.",
    )


def _rules(failures: Sequence[Reason]) -> str:
    return listed([reason.rule for reason in failures], _MOST_RULES)


def _no_fall(bundle: Bundle) -> Cause:
    delta = bundle.delta
    if bundle.verdict is Verdict.PUSHED:
        return _nothing(f"mAP did not fall: {_difference(delta)}.", "")
    told = minimum_detectable(delta.interval) if delta else None
    action = (
        f"Differences below {detectable(told)} cannot be told with this golden set; more golden images, more data or a "
        "stated margin (evaluator.margin) would decide it."
        if told
        else ""
    )
    return _nothing(f"Nothing measurable fell: {_difference(delta)}.", action)


def _nothing(sentence: str, action: str) -> Cause:
    return Cause(NOTHING, "", 1.0, DiagnosisState.NOTHING, sentence, (), action)


def _difference(delta: Delta | None) -> str:
    return measured(delta.value if delta else None, delta.interval if delta else None)


def _unknown(bundle: Bundle, findings: Sequence[CauseFinding], partial: Sequence[CauseFinding] = ()) -> Cause:
    fall = bundle.delta
    shown = _difference(fall)
    if partial:
        gives_back = sum(finding.share or 0.0 for finding in partial)
        why = f"what is known ({partial[0].sentence}) explains {percent(gives_back)} of it"
    elif fall is not None and -(fall.value or 0.0) < _worth(bundle) and not _broke_a_part(bundle):
        why = (
            f"that is less than {percent(_WORTH)} of what the served model scores: too little to tell one cause from "
            "another"
        )
    else:
        why = "no cause is more likely than not"
    leads = [each for each in findings if each.state is CauseState.OPEN and each.probability > 0][:2]
    evidence = [each.sentence for each in partial] + [f"Neither shown nor ruled out: {each.sentence}" for each in leads]
    return Cause(
        UNKNOWN,
        "",
        1 - max((of_fall(each, findings) for each in findings), default=0.0) if not partial else 1.0,
        DiagnosisState.UNKNOWN,
        f"mAP fell ({shown}), and {why}.",
        tuple(evidence[:_MOST_EVIDENCE]),
        _next_measurement(findings),
    )


def _untried(bundle: Bundle, finding: CauseFinding, beyond: str) -> Cause:
    """A figure that nobody saw before may as well be none."""
    return Cause(
        UNKNOWN,
        "",
        1.0,
        DiagnosisState.UNKNOWN,
        f"mAP fell ({_difference(bundle.delta)}), and what looks like the cause rests on a figure far beyond anything "
        f"that the diagnosis was tried on: {beyond}.",
        (finding.sentence, *(signal.sentence for signal in in_favour(finding)))[:_MOST_EVIDENCE],
        f"See whether that figure is right; if it is: {finding.action}",
    )


def _next_measurement(findings: Sequence[CauseFinding]) -> str:
    # What the pipeline ran on is named by elimination, so it is tested last.
    untested = [
        each for each in findings if each.state is CauseState.NOT_TESTABLE and each.action and each.cause != PIPELINE
    ]
    if untested:
        test = untested[0].action
        return f"{test[0].upper()}{test[1:]}"
    return (
        "Train once more on the span that the served model was trained on, with the "
        "settings of this run. If mAP falls there too, it is the training; if not, it is this span."
    )

"""The one answer where no result files say whether mAP fell: from configurations, logs and data alone; pure.

A log says how mAP moved on whatever images it was validated on, so that a cause may be named by it. Configurations
alone name no cause: what changed is a suspect, and the file that would settle it is named.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.answer import named, of_fall
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import NEED_CONFIGS, NEED_DATA, NEED_LOGS, NEED_RESULTS, data_compared
from ratchet.components.diagnosis.plans.overfit import PARTED
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.plans.tested import looks_like
from ratchet.components.diagnosis.seen import SeenSignals
from ratchet.components.diagnosis.weighing import NAMED
from ratchet.schemas.artifacts.diagnosis import (
    EVALUATION_SET,
    NOTHING,
    UNKNOWN,
    Cause,
    CauseFinding,
    CauseState,
    DiagnosisState,
    Role,
)
from ratchet.schemas.base.formatting import listed

_LOGGED = 0.9  # how sure one may be of a fall that logs show: they know no interval
_WORTH = 0.01  # of mAP before: of a smaller fall no cause is named
_MOST_SUSPECTS = 5
_MOST_CHANGES = 3


def answer_without_results(bundle: Bundle, findings: Sequence[CauseFinding], seen: SeenSignals) -> Cause:
    """The one answer.

    Args:
        bundle: without an evaluation.
        findings: of every cause, the likeliest first.
        seen: not used: what the diagnosis was tried on were runs of this pipeline.
    """
    assert bundle.plans is not None
    supported = [finding for finding in findings if finding.state is CauseState.SUPPORTED]
    flawed = [finding for finding in supported if finding.cause == EVALUATION_SET]
    if flawed:
        return named(flawed[0], flawed[0].probability, flawed[1:])
    fall = logged_fall(bundle.plans)
    if fall is not None and not fell(fall):
        told = f"By their logs mAP did not fall: {fall[0]:.3f} -> {fall[1]:.3f} on validation images."
        return Cause(NOTHING, "", 1.0, DiagnosisState.NOTHING, told, (), f"To be sure give {NEED_RESULTS}.")
    likely = [each for each in supported if fall is not None and _LOGGED * of_fall(each, findings) > NAMED]
    if likely:
        return named(likely[0], _LOGGED * of_fall(likely[0], findings), likely[1:])
    return _suspects(bundle, bundle.plans, findings, fall)


def logged_fall(pair: PlanPair) -> tuple[float, float] | None:
    """mAP at the end of both logs, where they are of the same kind and of the same images as far as is known."""
    curves = [pair.before.curves, pair.after.curves]
    if pair.change("eval_data") or any(each is None for each in curves):
        return None
    for name in ("validation_map", "validation_map50"):
        before, after = (getattr(each, name) for each in curves)
        if before and after:
            return before[-1][1], after[-1][1]
    return None


def fell(fall: tuple[float, float]) -> bool:
    """Whether mAP is lower by what is worth a cause."""
    before, after = fall
    return before - after > _WORTH * before


def _suspects(
    bundle: Bundle, pair: PlanPair, findings: Sequence[CauseFinding], fall: tuple[float, float] | None
) -> Cause:
    accused = [each for each in findings if any(s.role is Role.SUSPECT and s.supports for s in each.signals)]
    accused.sort(key=lambda each: -each.probability)
    accused = accused or [each for each in findings if looks_like(each)]
    if fall is None:
        whether = "Whether mAP fell no file here shows"
    else:
        whether = f"By their logs mAP fell from {fall[0]:.3f} to {fall[1]:.3f}"
    if not accused:
        rest = _rest(pair, bundle)
        return _unknown(f"{whether}, {rest}.", _parted(findings), missing_file(bundle, pair))
    by = "the configurations alone" if _configs_alone(bundle, pair) else "what is here"
    first = accused[0]
    suspected = "" if looks_like(first) else f"the first suspect by {by}: "
    sentence = f"{whether}; {suspected}{first.sentence}"
    others = tuple(f"Suspect as well: {each.sentence}" for each in accused[1:_MOST_SUSPECTS])
    facts = tuple(signal.sentence for signal in first.signals if signal.supports)
    return _unknown(sentence, (*facts, *others), missing_file(bundle, pair))


def _unknown(sentence: str, evidence: tuple[str, ...], action: str) -> Cause:
    return Cause(UNKNOWN, "", 1.0, DiagnosisState.UNKNOWN, sentence, evidence, action)


def _parted(findings: Sequence[CauseFinding]) -> tuple[str, ...]:
    """That loss and mAP part in a log is worth telling, though by itself it says of no input that it changed."""
    signals = [signal for each in findings for signal in each.signals if signal.name == PARTED]
    return tuple(f"In the log of the training after: {each.sentence}" for each in signals if each.supports)


def _rest(pair: PlanPair, bundle: Bundle) -> str:
    changed = [f"{each.name}: {each.before} -> {each.after}" for each in pair.changes.changes] if pair.changes else []
    if changed:
        return f"and what changed is no suspect by itself ({listed(changed, _MOST_CHANGES)})"
    return "and nothing that could be compared has changed" if _compared(pair, bundle) else "nor what changed"


def _compared(pair: PlanPair, bundle: Bundle) -> bool:
    return pair.changes is not None or data_compared(bundle)


def _configs_alone(bundle: Bundle, pair: PlanPair) -> bool:
    logged = any(each.curves for each in (pair.before, pair.after))
    return not logged and not data_compared(bundle)


def missing_file(bundle: Bundle, pair: PlanPair) -> str:
    """What would make the answer surer, the most telling first."""
    if bundle.evaluation is None:
        return f"To settle it give {_other_half(pair)}{NEED_RESULTS}."
    if pair.changes is None:
        return f"To settle it give {NEED_CONFIGS}."
    if not all(each.curves for each in (pair.before, pair.after)):
        return f"To settle it give {NEED_LOGS}."
    return "" if data_compared(bundle) else f"To settle it give {NEED_DATA}."


def _other_half(pair: PlanPair) -> str:
    """What one of a pair would be held against; empty where nothing is given of one training alone."""
    for option, name in (("--config", "plan"), ("--logs", "curves")):
        given = [getattr(each, name) is not None for each in (pair.before, pair.after)]
        if given[0] is not given[1]:
            return f"{option}-{'after' if given[0] else 'before'}, to compare with what is here, and "
    return ""

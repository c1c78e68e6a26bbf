"""The verdict, its reason in a sentence, and the figures."""

from __future__ import annotations

from ratchet.components.pages.findings import in_short
from ratchet.components.pages.numbers import change, score
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.next_steps import TOLD
from ratchet.components.review.sections.noise import decisive, is_below, is_clear, map_as_a_whole, no_difference
from ratchet.components.review.sections.wording import (
    OF_A_RUN,
    Terms,
    map_change,
    shares,
    shortened,
    stopped,
)
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Evaluation
from ratchet.schemas.base.formatting import capital, many

TONES = {
    Verdict.PUSHED: "pass",
    Verdict.BOOTSTRAPPED: "pass",
    Verdict.BLOCKED: "reject",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.DATA_REJECTED: "reject",
}
_LONGEST = 110  # characters of what a rule found, in the sentence at the top
_KINDS = {"class": "classes", "slice": "slices"}


def reason_sentence(content: ReviewContent) -> str:
    """Why the run ended as it did; not yet escaped."""
    if content.evaluation is None:
        [first, *others] = content.data.failures
        more = f" {many(len(others), 'further rule')} failed." if others else ""
        title = rule_title(first.rule, passed=False)
        return f"{title}: {stopped(shortened(in_short(first)))}{more} Nothing was trained."
    return verdict_sentence(content.evaluation, OF_A_RUN)


def further_failures(evaluation: Evaluation, terms: Terms) -> str:
    """What else failed, in a sentence or two; empty if nothing did."""
    failures = evaluation.decision.failures
    first = decisive(evaluation, failures) if failures else None
    # What is no difference is told with the figures of mAP.
    told = {first} | {reason for reason in failures if reason.rule == "map_drop" and not is_clear(evaluation, reason)}
    return _others(evaluation, tuple(reason for reason in failures if reason not in told), terms).strip()


def _lower(text: str) -> str:
    return text if text.startswith("mAP") else text[:1].lower() + text[1:]


def verdict_sentence(evaluation: Evaluation, terms: Terms) -> str:
    """Why the evaluator decided as it did; not yet escaped."""
    return stopped(_sentence(evaluation, evaluation.golden, terms))


def _sentence(evaluation: Evaluation, golden: DataSetEvaluation, terms: Terms) -> str:
    images = many(golden.images, terms.image)
    noise = capital(no_difference(golden))
    if not evaluation.decision.failures:
        if golden.baseline is None:
            return (
                f"{terms.alone} reaches mAP {score(golden.candidate.coco['AP'])} on {images} and {terms.could_be_first}"
            )
        went = f"{noise} in mAP" if noise else f"mAP went {map_change(golden)}"
        return f"{went} on {images} and no rule failed, so the candidate {terms.passes}"
    first = decisive(evaluation, evaluation.decision.failures)
    if first.rule == "map_drop":
        if noise:
            return f"{noise} in mAP on {images}; the candidate {terms.fails}, since the rule expects {first.expected}"
        fell = "fell" if is_clear(evaluation, first) and is_below(golden) else "went"
        return f"mAP {fell} {map_change(golden)} on {images}" + _below_the_mark(evaluation)
    if first.rule == "map_drop_as_served" and evaluation.post_processing:
        unclear = no_difference(evaluation.post_processing.as_served)
        if unclear:
            expected = f"the candidate is not served, since the rule expects {first.expected}"
            return f"{capital(unclear)} in mAP from what is served, on {images}; {expected}"
        below = _below_the_mark(evaluation)
        fell = "mAP is not below what is served" if below else "mAP fell below what is served"
        return f"{fell}, {shares(evaluation.post_processing, golden)}; on {images}{below}"
    title = rule_title(first.rule, passed=False, clarity=evaluation.clarity_of(first.rule), own=terms.rules)
    if first.rule == "map_interval":
        went = f"{title}: on {images} mAP went {map_change(golden)}"
        return f"{noise} in mAP on {images}; {_lower(title)}" if noise else went
    sentence = f"{title}: {shortened(first.actual, _LONGEST)}"
    if golden.baseline is not None and not evaluation.decision.evaluation_broken:
        sentence += f"; {map_as_a_whole(golden)}"
    return sentence


def _below_the_mark(evaluation: Evaluation) -> str:
    """A candidate that rose above a lowered baseline is blocked only where the best served model is the bar."""
    mark, compared = evaluation.high_water, evaluation.beside_served.compared
    if not mark or not compared.baseline or compared.candidate.coco["AP"] < compared.baseline.coco["AP"]:
        return ""
    return f", but stays below the {score(mark.map)} of version {mark.version}, the best that was served"


def _others(evaluation: Evaluation, others: tuple[Reason, ...], terms: Terms) -> str:
    """Further failed rules; the sum of the tests only repeats the classes and slices that it names."""
    golden = evaluation.golden
    counts = {kind: [_of(reason) for reason in others if reason.rule.startswith(f"{kind}_drop:")] for kind in _KINDS}
    text = "".join(f" {_fallen(golden, kind, names)}" for kind, names in counts.items() if names)
    rest = [reason for reason in others if reason.rule.partition(":")[0] not in TOLD]
    if rest:
        clarity = evaluation.clarity_of(rest[0].rule)
        title = rule_title(rest[0].rule, passed=False, clarity=clarity, own=terms.rules)
        text += f" Also: {title}" + (f", and {len(rest) - 1} more." if rest[1:] else ".")
    return text


def _of(reason: Reason) -> str:
    return reason.rule.partition(":")[2]


def _fallen(golden: DataSetEvaluation, kind: str, names: list[str]) -> str:
    deltas = getattr(golden.deltas, f"per_{kind}") if golden.deltas else {}
    values = {name: deltas[name].value for name in names if name in deltas and deltas[name].value is not None}
    worst = min(values, key=lambda name: values[name], default=names[0])
    shown = f"{kind} {worst} ({change(values.get(worst))})"
    if len(names) == 1:
        return f"{shown[:1].upper()}{shown[1:]} got significantly worse."
    return f"{len(names)} {_KINDS[kind]} got significantly worse, most of all {shown}."

"""The verdict, its reason in a sentence, and the figures."""

from __future__ import annotations

from ratchet.components.pages.bars import interval_bar
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.causes import cause_in_head
from ratchet.components.review.sections.next_steps import TOLD, advice
from ratchet.components.review.sections.noise import decisive, is_below, is_clear, map_as_a_whole, no_difference
from ratchet.components.review.sections.wording import (
    OF_A_RUN,
    Terms,
    ap,
    change,
    found_in_words,
    interval,
    map_change,
    shares,
    shortened,
    stopped,
    when,
)
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Evaluation
from ratchet.schemas.artifacts.publication import AFTER_PUSH
from ratchet.schemas.base.differences import detectable
from ratchet.schemas.base.formatting import capital, many, score

TONES = {
    Verdict.PUSHED: "pass",
    Verdict.BOOTSTRAPPED: "pass",
    Verdict.BLOCKED: "reject",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.DATA_REJECTED: "reject",
}
_LONGEST = 110  # characters of what a rule found, in the sentence at the top
_KINDS = {"class": "classes", "slice": "slices"}


def headline(content: ReviewContent) -> str:
    """The header's content, as safe HTML."""
    span = f"Span {content.lineage.span.span} of {content.pipeline}"
    return (
        f'<h1>{safe(span)} <span class="quiet">run {safe(content.run_id, 120)}, {when(content.made_at)}</span></h1>'
        f'<p class="word">{content.verdict.value}</p><p class="lead">{safe(reason_sentence(content), 900)}</p>'
        f"{cause_in_head(content.diagnosis)}{_measured(content)}{_of_training(content)}{_first_step(content)}"
    )


def _measured(content: ReviewContent) -> str:
    if content.evaluation is None:
        return ""
    version = f"version {content.served}" if content.served else ""
    return figures(content.evaluation, OF_A_RUN, baseline=version) + details(content.evaluation, OF_A_RUN)


def reason_sentence(content: ReviewContent) -> str:
    """Why the run ended as it did; not yet escaped."""
    if content.evaluation is None:
        [first, *others] = content.data.failures
        more = f" {many(len(others), 'further rule')} failed." if others else ""
        return f"{found_in_words(first)}{more} Nothing was trained."
    return verdict_sentence(content.evaluation, OF_A_RUN)


def details(evaluation: Evaluation, terms: Terms) -> str:
    """What else failed, as safe HTML."""
    failures = evaluation.decision.failures
    first = decisive(evaluation, failures) if failures else None
    # What is no difference is told with the figures of mAP.
    told = {first} | {reason for reason in failures if reason.rule == "map_drop" and not is_clear(evaluation, reason)}
    text = _others(evaluation, tuple(reason for reason in failures if reason not in told), terms).strip()
    return f'<p class="quiet">{safe(text, 900)}</p>' if text else ""


def _of_training(content: ReviewContent) -> str:
    """What a person should know of the training, and of what came after a push, although it decided nothing."""
    warnings = content.decision.warnings if content.decision else ()
    told = [reason for reason in warnings if reason.rule.startswith("training:") or reason.rule in AFTER_PUSH]
    return "".join(
        f'<p class="quiet"><strong>{safe(rule_title(reason.rule, passed=False))}:</strong> '
        f"{safe(stopped(reason.actual), 900)}</p>"
        for reason in told
    )


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
            return f"{terms.alone} reaches mAP {ap(golden.candidate.coco['AP'])} on {images} and {terms.could_be_first}"
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
    return f", but stays below the {ap(mark.map)} of version {mark.version}, the best that was served"


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


def figures(evaluation: Evaluation, terms: Terms, candidate: str = "", baseline: str = "") -> str:
    """What was measured, as safe HTML.

    Args:
        evaluation: of both models.
        terms: what things are called.
        candidate: which one it is; not yet escaped, as all texts here.
        baseline: which one it is.
    """
    golden = evaluation.golden
    compared, delta = golden.compared, golden.deltas and golden.deltas.overall
    cells = [("candidate mAP", ap(compared.candidate.coco["AP"]), candidate)]
    if compared.baseline:
        cells.append(("baseline mAP", ap(compared.baseline.coco["AP"]), baseline))
    changed = evaluation.post_processing
    if changed:
        cells[-1] = ("baseline mAP", cells[-1][1], f"as the candidate is exported: {changed.changed}")
        served = changed.as_served.compared.baseline
        cells.append(("baseline as served", ap(served and served.coco["AP"]), baseline))
    cells += _best_served(evaluation)
    if delta:
        reach = max(abs(value) for value in (delta.value, delta.lo, delta.hi, 1e-4) if value is not None)
        bar = interval_bar(delta.value, delta.lo, delta.hi, reach, "difference of mAP")
        cells.append(("difference", f"{change(delta.value)} {bar}", f"95 % interval {interval(delta)}"))
    if evaluation.decision.evaluation_broken:
        trusted = ("baseline mAP", "baseline as served")
        cells = [(name, value, note if name in trusted else "not to be trusted") for name, value, note in cells]
    over = f"over the {len(compared.class_support)} classes that both know" if golden.shared else ""
    cells.append((terms.images, many(golden.images, "image"), over or many(compared.objects, "object")))
    if delta and delta.minimum_detectable and not evaluation.decision.evaluation_broken:
        told = detectable(delta.minimum_detectable)
        cells.append(("it can tell apart", f"{told} mAP", "a true difference found 8 times in 10"))
    return (
        '<dl class="figures">'
        + "".join(
            f'<div><dt>{name}</dt><dd>{value}</dd><dd class="quiet">{safe(note)}</dd></div>'
            for name, value, note in cells
        )
        + "</dl>"
    )


def _best_served(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Of a lowered baseline, what the best served model had."""
    mark, below = evaluation.high_water, evaluation.below_the_mark
    if mark is None or below is None:
        return []
    since = f" since {mark.lowered_by}" if mark.lowered_by else ""
    return [
        ("best served mAP", ap(mark.map), f"version {mark.version}; the baseline is {score(below)} below it{since}")
    ]


def _first_step(content: ReviewContent) -> str:
    steps = advice(content)
    if not steps:
        return ""
    return f'<p class="next"><strong>Next:</strong> {safe(steps[0])} <a href="#next">Commands</a></p>'

"""What is known of the cause: facts that the run analysis, each with where to look further."""

from __future__ import annotations

import math
from collections.abc import Iterable

from components.pages.rule_words import rule_title
from components.pages.tables import columns, table
from components.pages.text import safe
from components.review.content import ErrorTypeCost, ReviewContent
from components.review.sections.training import Row, asked_alike, differing
from components.review.sections.wording import ap, change, found_in_words, interval, shares
from schemas.artifacts.decisions import GOLDEN_BUDGET
from schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    EARLIER_SPANS,
    GOLDEN,
    HELD_OUT,
    TRAIN_SAMPLE,
    DataSetEvaluation,
    Delta,
)
from schemas.artifacts.training_record import TrainingRecord
from schemas.base.formatting import listed, many

_DATA_SETS = {
    GOLDEN: "golden set",
    HELD_OUT: "new span, images that chose nothing",
    EARLIER_SPANS: "earlier spans, images that chose nothing",
    TRAIN_SAMPLE: "new span, trained on",
}
_TONES = ("reject", "warn", "fact", "pass")  # in the order in which they are told
_MOST_DIFFERENCES = 6
_BROKEN = "The evaluation is broken, so these figures say nothing about the models."
_NOTABLE = 0.01  # AP; less is not worth a sentence


def cause_section(content: ReviewContent) -> str:
    """The facts as a list, and both models on all data sets; safe HTML."""
    facts = [
        *_diverged(content),
        *_trust(content),
        *_declared(content),
        *_post_processing(content),
        *_data(content),
        *_box_fit(content),
        *_error_types(content),
        *_training(content),
    ]
    facts.sort(key=lambda fact: _TONES.index(fact[0]))
    items = "".join(f'<li class="{tone}">{text}</li>' for tone, text in facts)
    return f'<ul class="facts">{items}</ul>{_data_sets(content)}'


def _diverged(content: ReviewContent) -> Iterable[tuple[str, str]]:
    for reason in content.decision.failures if content.decision else ():
        if reason.rule.startswith("training:"):
            title = rule_title(reason.rule, passed=False)
            yield "reject", f"<strong>{safe(title)}:</strong> {safe(reason.actual, 300)}. {_link('training')}"


def _trust(content: ReviewContent) -> Iterable[tuple[str, str]]:
    if content.decision is None:
        return
    checks = [reason for reason in content.decision.reasons if reason.rule.startswith("trust:")]
    failed = [reason for reason in checks if not reason.passed]
    for reason in failed:
        found = safe(found_in_words(reason))
        worn = reason.rule == GOLDEN_BUDGET  # its figures are sound
        what = "" if worn else "<strong>The evaluation cannot be trusted.</strong> "
        yield "reject", f"{what}{found} {_link('rules')}"
    if checks and not failed:
        yield (
            "pass",
            f"The evaluation itself is sound: all {len(checks)} checks of it passed, "
            "the leak check and the golden set's digest among them.",
        )


def _declared(content: ReviewContent) -> Iterable[tuple[str, str]]:
    declared = content.candidate.changed_training if content.candidate and not content.verdict.pushes else ()
    for told in declared:
        text = f"<strong>The training was changed on purpose:</strong> {safe(told)}."
        yield "reject", f"{text} {_link('differences')}"


def _post_processing(content: ReviewContent) -> Iterable[tuple[str, str]]:
    changed = content.evaluation and content.evaluation.post_processing
    if not changed or content.evaluation is None:
        return
    yield (
        "fact",
        f"<strong>The post-processing changed:</strong> {safe(changed.changed)}. On the golden set mAP went "
        f"{safe(shares(changed, content.evaluation.golden))}. The baseline on this page has the candidate's "
        "post-processing unless it says otherwise, so that what differs is the training's.",
    )


def _data(content: ReviewContent) -> Iterable[tuple[str, str]]:
    for reason in content.data.failures:
        seen = (
            "The data gate would have stopped this run, had it not been told only to observe"
            if content.data.passed
            else "The data gate rejected the span"
        )
        follow = len(content.data.following_from(reason))
        more = f" {many(follow, 'other finding')} {'follows' if follow == 1 else 'follow'} from it." if follow else ""
        yield "reject", f"<strong>{seen}:</strong> {safe(found_in_words(reason))}{more} {_link('data')}"
    warnings = content.data.warnings
    if warnings:
        titles = "; ".join(safe(rule_title(reason.rule, passed=False)) for reason in warnings[:3])
        yield "warn", f"{many(len(warnings), 'warning')} of the data gate: {titles}. {_link('data')}"
    if not content.data.remarkable:
        yield "pass", f"The data gate found nothing: all {len(content.data.reasons)} rules passed."
    elif content.data.untested:
        rules = many(len(content.data.untested), "rule")
        yield "fact", f"The data gate could not test {rules} of {len(content.data.reasons)}. {_link('data')}"


def _box_fit(content: ReviewContent) -> Iterable[tuple[str, str]]:
    """Whether objects are lost, or only their boxes fit worse: the first costs AP at every IoU, the second at high."""
    if content.evaluation is None or content.evaluation.golden.compared.baseline is None or content.is_noise:
        return
    compared = content.evaluation.golden.compared
    before, after = compared.baseline, compared.candidate
    if before is None or min(before.coco["AP50"], before.coco["AP75"], after.coco["AP50"], after.coco["AP75"]) < 0:
        return
    loose, tight = (after.coco[name] - before.coco[name] for name in ("AP50", "AP75"))
    shown = f"AP at IoU .50 {change(loose)}, at IoU .75 {change(tight)}"
    if tight < -_NOTABLE and tight < 2 * min(loose, 0):
        yield "fact", f"<strong>Objects are found, but their boxes fit worse:</strong> {shown}. {_link('changes')}"


def _error_types(content: ReviewContent) -> Iterable[tuple[str, str]]:
    if content.analysis is None or content.baseline is None or content.is_noise:
        return
    rises = {(iou, kind.name): kind for iou, kinds in content.analysis.error_types.types.items() for kind in kinds}
    if not rises:
        return
    (iou, name), worst = max(rises.items(), key=lambda entry: _rise(entry[1]))
    if _rise(worst) > _NOTABLE:
        yield (
            "fact",
            f"The type of error that grew most is <strong>{safe(name)}</strong>: it costs {worst.cost[CANDIDATE]:.3f} "
            f"of AP at IoU {iou:.2f}, with the baseline {worst.cost[BASELINE]:.3f}. {_link('errors')}",
        )


def _rise(kind: ErrorTypeCost) -> float:
    rise = kind.cost[CANDIDATE] - kind.cost.get(BASELINE, 0.0)
    return rise if math.isfinite(rise) else 0.0


def _training(content: ReviewContent) -> Iterable[tuple[str, str]]:
    if content.candidate is None or content.baseline is None:
        return
    rows = [row for row in differing(content.candidate, content.baseline) if row.of_method]
    if not rows:
        yield "fact", f"Both models were trained in the same way; only their data differ. {_link('differences')}"
        return
    factor = content.candidate.learning_rate.peak / content.baseline.learning_rate.peak
    times = f"; the peak learning rate is {factor:.3g} times the baseline's" if not 0.2 < factor < 5 else ""
    texts = [f"{safe(row.name)} {safe(row.candidate, 60)} (baseline {safe(row.baseline, 60)})" for row in rows]
    shown = listed(texts, _MOST_DIFFERENCES, "; ")
    yield "fact", f"{_what_differs(content.candidate, content.baseline, rows)}: {shown}{times}. {_link('differences')}"


def _what_differs(candidate: TrainingRecord, baseline: TrainingRecord, rows: list[Row]) -> str:
    if baseline.mode != candidate.mode:
        return "The first retraining after a first training, which differ by nature in how they were trained"
    if asked_alike(candidate, baseline) and all(row.follows for row in rows):
        return "Both models were trained under the same settings, and what follows from the amount of data differs"
    return "What differs in how they were trained"


def _link(section: str) -> str:
    return f'<a href="#{section}">show</a>'


def _data_sets(content: ReviewContent) -> str:
    """Both models on each data set, which tells forgetting, shift and overfitting apart."""
    if content.evaluation is None or content.baseline is None:
        return ""
    sets = {name: content.evaluation.data_sets[name] for name in _DATA_SETS if name in content.evaluation.data_sets}
    rows = (_row(_DATA_SETS[name], evaluated.compared) for name, evaluated in sets.items())
    head = columns(("data", "images", "baseline", "candidate", "difference"))
    deltas = {name: evaluated.deltas.overall for name, evaluated in sets.items() if evaluated.deltas}
    return (
        "<h3>The same two models on other data</h3>"
        f"<p>{_BROKEN if content.evaluation_is_broken else _reading(deltas)}</p>"
        f"{table(head, rows, 'stack figures-table')}"
    )


def _row(name: str, compared: DataSetEvaluation) -> str:
    delta = compared.deltas.overall if compared.deltas else None
    before = compared.baseline.coco["AP"] if compared.baseline else None
    cells = {
        "images": f"{compared.images:,}",
        "baseline": ap(before),
        "candidate": ap(compared.candidate.coco["AP"]),
        "difference": f"{change(delta.value if delta else None)} ({interval(delta)})",
    }
    return (
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td data-of="{title}">{text}</td>' for title, text in cells.items())
        + "</tr>"
    )


def _reading(deltas: dict[str, Delta]) -> str:
    """What the pattern of differences says; only of differences whose interval leaves zero out."""
    sign = {name: _sign(delta) for name, delta in deltas.items()}
    golden, held_out, earlier, trained = (sign.get(name, 0) for name in _DATA_SETS)
    if golden < 0 and earlier < 0 < held_out:
        return (
            "The candidate is worse on the golden set and on earlier spans alike, and better on the new span, on "
            "images that chose nothing. So it did learn the new span, at the cost of what was known: the new span "
            "shows other things or is labelled in another way; where neither is so, it forgets: look at how much of "
            "the earlier spans is replayed and at the learning rate."
        )
    if earlier < 0 <= held_out:
        return (
            "The candidate is worse on images of earlier spans and not on those of the new one: it forgets. Look at "
            "how much of the earlier spans is replayed and at the learning rate."
        )
    if golden < 0 and held_out > 0:
        return (
            "The candidate is worse on the golden set and better on images of the new span that chose nothing. So it "
            "did learn the new span; golden set and new span disagree, in what they show or in how they are labelled."
        )
    if golden < 0 and held_out < 0:
        return (
            "The candidate is worse on the new span as well. So golden set and new span do not disagree; look first at "
            "what differs in the training."
        )
    if golden < 0 and held_out == 0 and trained > 0:
        return (
            "The candidate is better only on images that it was trained on: it learned them by heart rather than what "
            "they have in common."
        )
    if golden > 0 and held_out >= 0:
        return "The candidate is better on the golden set, and not worse on the new span."
    return "No clear pattern: the intervals of the differences leave it open."


def _sign(delta: Delta) -> int:
    if delta.interval is None:
        return 0
    low, high = delta.interval
    return int(low > 0) - int(high < 0)

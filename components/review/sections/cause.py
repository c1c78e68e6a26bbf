"""Why mAP fell: every cause, what else the run found, and both models on other data."""

from __future__ import annotations

from collections.abc import Iterable

from ratchet.components.pages.rule_words import rule_title
from ratchet.components.pages.tables import columns, table
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.causes import causes_in_full
from ratchet.components.review.sections.wording import ap, change, found_in_words, interval, shares
from ratchet.schemas.artifacts.decisions import GOLDEN_BUDGET
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, GOLDEN, HELD_OUT, TRAIN_SAMPLE, DataSetEvaluation
from ratchet.schemas.base.formatting import many

_DATA_SETS = {
    GOLDEN: "golden set",
    HELD_OUT: "new span, images that chose nothing",
    EARLIER_SPANS: "earlier spans, images that chose nothing",
    TRAIN_SAMPLE: "new span, trained on",
}
_TONES = ("reject", "warn", "fact", "pass")  # in the order in which they are told
_BROKEN = "<p>The evaluation is broken, so these figures say nothing about the models.</p>"


def cause_title_of(content: ReviewContent) -> str:
    """What the section is called."""
    if content.evaluation is None:
        return "What is known of the cause"
    fell = content.diagnosis.cause.state is not DiagnosisState.NOTHING and not content.verdict.pushes
    return "Why mAP fell" if fell and not content.is_noise else "What the run found"


def cause_section(content: ReviewContent) -> str:
    """The diagnosis, further findings as a list, and both models on all data sets; safe HTML."""
    facts = [*_trust(content), *_post_processing(content), *_data(content)]
    facts.sort(key=lambda fact: _TONES.index(fact[0]))
    items = "".join(f'<li class="{tone}">{text}</li>' for tone, text in facts)
    found = f'<h3>What else was found</h3><ul class="facts">{items}</ul>' if items else ""
    return f"{causes_in_full(content)}{found}{_data_sets(content)}"


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


def _link(section: str) -> str:
    return f'<a href="#{section}">show</a>'


def _data_sets(content: ReviewContent) -> str:
    """Both models on each data set."""
    if content.evaluation is None or content.baseline is None:
        return ""
    sets = {name: content.evaluation.data_sets[name] for name in _DATA_SETS if name in content.evaluation.data_sets}
    rows = (_row(_DATA_SETS[name], evaluated.compared) for name, evaluated in sets.items())
    head = columns(("data", "images", "baseline", "candidate", "difference"))
    broken = _BROKEN if content.evaluation_is_broken else ""
    return f"<h3>The same two models on other data</h3>{broken}{table(head, rows, 'stack figures-table')}"


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

"""The page at the end of a run: why it ended as it did, first in a sentence, then in full; pure."""

from __future__ import annotations

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.findings import counts_in_words, finding_cards, untested_list
from ratchet.components.pages.html import render
from ratchet.components.pages.parts import data_sets, rules_table
from ratchet.components.pages.trail import trail
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.exports.links import exports_gist, exports_links
from ratchet.components.review.sections.cause import cause_section, cause_title_of
from ratchet.components.review.sections.causes import causes_gist
from ratchet.components.review.sections.changes import changes_gist, changes_section
from ratchet.components.review.sections.confusion import confusion_gist, confusion_section
from ratchet.components.review.sections.curves import curves_gist, curves_section
from ratchet.components.review.sections.errors import errors_gist, errors_section
from ratchet.components.review.sections.gallery import gallery_gist, gallery_section, gallery_title
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.lineage import lineage_section
from ratchet.components.review.sections.next_steps import next_gist, next_section
from ratchet.components.review.sections.past import past_gist, past_section
from ratchet.components.review.sections.second_opinion import second_opinion_gist, second_opinion_section
from ratchet.components.review.sections.serving import serving_gist, serving_section
from ratchet.components.review.sections.shadow import shadow_gist, shadow_section
from ratchet.components.review.sections.training import training_gist, training_section
from ratchet.components.review.sections.verdict import TONES, further_failures
from ratchet.components.review.sections.wording import OF_A_RUN
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.review import TFMA_FILE
from ratchet.schemas.base.formatting import many

_SOURCES = "Written by Ratchet. As JSON: evaluation.json, diagnosis.json, decision.json, evidence.json of this run."
_PICTURE_BYTES = 2_000_000  # bytes of all JPEGs
_COMPARED = {
    DRIFT: "Drift from the training data of the served model",
    SKEW: "Skew against what the served model is asked",
}


def review_page(content: ReviewContent) -> str:
    """The whole page.

    Args:
        content: what it shows.

    Returns:
        HTML that can be written as UTF-8.
    """
    return document(
        Page(
            title=f"{content.verdict.value}: {content.pipeline[:80]} {content.run_id}",
            tone=TONES[content.verdict],
            head=headline(content),
            sections=_sections(content),
            footer=footer(_SOURCES),
            trail=trail(),
            links=[(TFMA_FILE, "TFMA report")] if content.evaluation else [],
        )
    )


def _sections(content: ReviewContent) -> list[Section]:
    """The sections that have something to say."""
    return [
        Section("cause", cause_title_of(content), cause_section(content), causes_gist(content.diagnosis)),
        *_of_images(content),
        Section("next", "What to do next", next_section(content), next_gist(content)),
        *_of_evaluation(content),
        _data(content),
        *_of_training(content),
        _rules(content),
        Section("past", "Past runs", past_section(content), past_gist(content)),
        Section("take-along", "Take along", exports_links(content), exports_gist(content)),
        Section("lineage", "Lineage", lineage_section(content), f"Ratchet {content.lineage.code.partition(',')[0]}"),
    ]


def _of_images(content: ReviewContent) -> list[Section]:
    if content.evaluation is None or content.analysis is None:
        return []
    golden, analysis = content.evaluation.golden, content.analysis
    shown = gallery_section(analysis, golden.images, better_open=content.verdict is Verdict.PUSHED)
    gist = gallery_gist(analysis, golden.images)
    return [Section("images", gallery_title(golden.baseline is not None), shown, gist, open=True)]


def _of_evaluation(content: ReviewContent) -> list[Section]:
    evaluation, analysis = content.evaluation, content.analysis
    if evaluation is None or analysis is None:
        return []
    golden, types = evaluation.golden, analysis.error_types
    compared = golden.baseline is not None
    changes = "Where mAP changed" if compared else "Classes and figures"
    changed = changes_section(golden, compared, further_failures(evaluation, OF_A_RUN))
    confusion, curves = confusion_section(analysis.confusion), curves_section(analysis.curves, compared)
    sections = [
        Section("changes", changes, changed, changes_gist(golden)),
        Section("errors", "Errors by type and image", errors_section(types, analysis.slices), errors_gist(types)),
        Section("confusion", "Classes taken for others", confusion, confusion_gist(analysis.confusion)),
        Section("curves", "Precision, recall and F1", curves, curves_gist(analysis.curves)),
    ]
    if evaluation.second_opinion is not None:
        shown = second_opinion_section(evaluation.second_opinion, evaluation.decision)
        gist = second_opinion_gist(evaluation.second_opinion)
        sections.append(Section("second-opinion", "Second opinion", shown, gist))
    if evaluation.shadow is not None:
        shadow = evaluation.shadow
        sections.append(Section("shadow", "On logged requests", shadow_section(shadow), shadow_gist(shadow)))
    if evaluation.serving is not None:
        gist = serving_gist(evaluation.serving)
        sections.append(Section("serving", "Latency and size", serving_section(evaluation.serving), gist))
    return sections


def _of_training(content: ReviewContent) -> list[Section]:
    if content.candidate is None:
        return []
    baseline = content.baseline or content.adoption
    shown = training_section(content.candidate, baseline)
    return [Section("training", "Training", shown, training_gist(content.candidate, baseline))]


def _rules(content: ReviewContent) -> Section:
    decision, data = content.decision, content.data
    clarity = content.evaluation.clarity_of if content.evaluation else None
    shown = render(
        "review/templates/rules.html",
        evaluator=rules_table(decision.reasons, clarity) if decision and clarity else None,
        gate=rules_table(data.reasons),
    )
    failed = len(decision.failures if decision else data.failures)
    rules = (*(decision.reasons if decision else ()), *data.reasons)
    gist = f"{failed} of {many(len(rules), 'rule')} failed"
    return Section("rules", "All rules", shown, gist, tone="reject" if failed else "pass")


def _data(content: ReviewContent) -> Section:
    """A card a cause; distributions side by side, what was not tested and both data sets are folded below."""
    data = content.data
    compared = {title: [each for each in content.comparisons if each.kind == kind] for kind, title in _COMPARED.items()}
    shown = render(
        "review/templates/data.html",
        cards=finding_cards(data, content.pictures, content.comparisons, _PICTURE_BYTES),
        untested=untested_list(data.untested) if data.untested else None,
        compared=[(title, comparison_section(found, data.reasons)) for title, found in compared.items() if found],
        sets=data_sets(content.lineage.span, content.lineage.golden),
    )
    tone = "reject" if data.failures else "warn" if data.warnings else "pass"
    is_why = content.evaluation is None
    return Section("data", "The new span's data", shown, counts_in_words(data), open=is_why, tone=tone)

"""The page at the end of a run: why it ended as it did, first in a sentence, then in full; pure."""

from __future__ import annotations

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.findings import counts_in_words, finding_cards, untested_list
from ratchet.components.pages.parts import data_sets, rules_table
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.document import Section, document
from ratchet.components.review.sections.cause import cause_section, cause_title_of
from ratchet.components.review.sections.evaluation import (
    changes_section,
    errors_section,
    precision_recall_section,
    serving_section,
)
from ratchet.components.review.sections.gallery import gallery_section
from ratchet.components.review.sections.next_steps import next_section
from ratchet.components.review.sections.past import lineage_section, override_banner, past_section
from ratchet.components.review.sections.second_opinion import second_opinion_section
from ratchet.components.review.sections.training import record_tables, training_charts
from ratchet.components.review.sections.verdict import TONES, headline
from ratchet.components.review.tfma_view.figures import TfmaData
from ratchet.components.review.tfma_view.section import tfma_section
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW
from ratchet.schemas.artifacts.decisions import State

_WORDS = (
    "<details><summary>Words</summary><dl><dt>span</dt><dd>one delivery of labelled images</dd><dt>golden set</dt>"
    "<dd>the frozen images on which models are compared; they alone decide</dd><dt>baseline</dt><dd>the model that was "
    "served when the run began</dd><dt>candidate</dt><dd>the model that the run trained</dd><dt>data gate</dt><dd>the "
    "checks of a span before anything is trained on it</dd><dt>interval</dt><dd>where the difference would lie with 95 "
    "of 100 other golden sets like this one</dd></dl></details>"
)
_SOURCES = (
    "<p>Written by Ratchet. The same figures as JSON: evaluation.json of the artifact evaluation, diagnosis.json of "
    "the artifact diagnosis, decision.json and evidence.json of the data gate's decision.</p>"
)

_PICTURE_BYTES = 2_000_000  # bytes of all JPEGs
_COMPARED = {
    DRIFT: "Drift from the training data of the served model",
    SKEW: "Skew against what the served model is asked",
}


def review_page(content: ReviewContent, tfma: TfmaData | None, tfma_code: str) -> str:
    """The whole page.

    Args:
        content: what it shows.
        tfma: what TFMA's own component shows; None if no candidate was evaluated.
        tfma_code: TFMA's JavaScript.

    Returns:
        HTML that can be written as UTF-8.
    """
    sections, scripts = _sections(content), []
    if tfma is not None:
        report = tfma_section(tfma, tfma_code)
        sections.insert(-1, Section("tfma", "TFMA report", report.html))
        scripts = report.script_hashes
    return document(
        title=f"{content.verdict.value}: {safe(content.pipeline, 80)} {safe(content.run_id, 120)}",
        tone=TONES[content.verdict],
        head=f"{headline(content)}{override_banner(content)}",
        sections=sections,
        footer=f"{_WORDS}{_SOURCES}",
        further_scripts=scripts,
    )


def _sections(content: ReviewContent) -> list[Section]:
    """The sections that have something to say."""
    sections = [
        Section("cause", cause_title_of(content), cause_section(content)),
        Section("next", "What to do next", next_section(content)),
    ]
    if content.evaluation is not None and content.analysis is not None:
        golden, analysis = content.evaluation.golden, content.analysis
        title = "Golden images that got worse" if golden.baseline else "Golden images with the most errors"
        sections += [
            Section("images", title, gallery_section(analysis, golden.images)),
            Section("changes", "Where mAP changed", changes_section(golden)),
            Section("errors", "Types of errors", errors_section(analysis.error_types)),
            Section("precision-recall", "Precision and recall", precision_recall_section(analysis.curves)),
        ]
    if content.evaluation is not None and content.evaluation.second_opinion is not None:
        shown = second_opinion_section(content.evaluation.second_opinion, content.evaluation.decision)
        sections.append(Section("second-opinion", "Second opinion", shown))
    if content.evaluation is not None and content.evaluation.serving is not None:
        sections.append(Section("serving", "Latency and size", serving_section(content.evaluation.serving)))
    sections.append(Section("data", "The new span's data", _data(content)))
    if content.candidate is not None:
        charts = training_charts(content.candidate, content.baseline)
        title = "What differs between the two trainings" if content.baseline else "The training"
        tables = record_tables(content.candidate, content.baseline)
        sections.append(Section("training", "Training", f"{charts}<h3 id='differences'>{title}</h3>{tables}"))
    sections.append(Section("rules", "All rules", _rules(content)))
    sections.append(Section("past", "Past runs", past_section(content)))
    return [*sections, Section("lineage", "Lineage", lineage_section(content))]


def _rules(content: ReviewContent) -> str:
    parts = []
    if content.evaluation is not None:
        table = rules_table(content.evaluation.decision.reasons, content.evaluation.clarity_of)
        parts.append(f"<h3>Of the evaluator</h3>{table}")
    return "".join([*parts, f"<h3>Of the data gate</h3>{rules_table(content.data.reasons)}"])


def _data(content: ReviewContent) -> str:
    """Findings, distributions side by side, and the two data sets; safe HTML."""
    data = content.data
    cards = finding_cards(data, content.pictures, content.comparisons, content.served is not None, _PICTURE_BYTES)
    parts = [f"<p>{counts_in_words(data)}.</p>", cards]
    if data.untested:
        parts.append(f"<h3>Not tested</h3>{untested_list(data.untested)}")
    quiet = {reason.rule for reason in data.reasons if reason.state is State.PASSED}
    for kind, title in _COMPARED.items():
        entries = [entry for entry in content.comparisons if entry.kind == kind]
        if entries:
            parts.append(f"<h3>{title}</h3>{comparison_section(entries, quiet)}")
    return "".join([*parts, "<h3>Data sets</h3>", data_sets(content.lineage.span, content.lineage.golden)])

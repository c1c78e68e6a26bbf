"""The page at the end of a run: why it ended as it did, first in a sentence, then in full; pure.

One file with nothing to load. Its scripts and its style are named by their digests in its Content-Security-Policy, so
that nothing else can run or hide anything; every string of data, file or class names is hostile until `text.safe` has
seen it.
"""

from __future__ import annotations

from pathlib import Path

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.findings import counts_in_words, finding_cards, untested_list
from ratchet.components.pages.parts import data_sets, rules_table
from ratchet.components.pages.policy import content_security_policy, source_hash
from ratchet.components.pages.style import CHART_STYLE, STYLE
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
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

SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
_WHOLE_STYLE = STYLE + CHART_STYLE + (Path(__file__).parent / "page.css").read_text(encoding="utf-8")

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

Section = tuple[str, str, str]  # name, title, safe HTML


def review_page(content: ReviewContent, tfma: TfmaData | None, tfma_code: str) -> str:
    """The whole page.

    Args:
        content: what it shows.
        tfma: what TFMA's own component shows; None if no candidate was evaluated.
        tfma_code: TFMA's JavaScript.

    Returns:
        HTML that can be written as UTF-8.
    """
    sections, hashes = _sections(content), [source_hash(SCRIPT)]
    if tfma is not None:
        report = tfma_section(tfma, tfma_code)
        sections.insert(-1, ("tfma", "TFMA report", report.html))
        hashes += report.script_hashes
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{text}</section>'
        for name, title, text in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(_WHOLE_STYLE, hashes)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{content.verdict.value}: {safe(content.pipeline, 80)} {safe(content.run_id, 120)}</title>"
        f"<style>{_WHOLE_STYLE}</style></head><body>"
        f'<header class="verdict {TONES[content.verdict]}"><div>{headline(content)}{override_banner(content)}'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></div></header><main>{body}</main>'
        f'<footer class="quiet">{_WORDS}{_SOURCES}</footer><script>{SCRIPT}</script></body></html>\n'
    )


def _sections(content: ReviewContent) -> list[Section]:
    """The sections that have something to say."""
    sections = [
        ("cause", cause_title_of(content), cause_section(content)),
        ("next", "What to do next", next_section(content)),
    ]
    if content.evaluation is not None and content.analysis is not None:
        golden, analysis = content.evaluation.golden, content.analysis
        title = "Golden images that got worse" if golden.baseline else "Golden images with the most errors"
        sections += [
            ("images", title, gallery_section(analysis, golden.images)),
            ("changes", "Where mAP changed", changes_section(golden)),
            ("errors", "Types of errors", errors_section(analysis.error_types)),
            ("precision-recall", "Precision and recall", precision_recall_section(analysis.curves)),
        ]
    if content.evaluation is not None and content.evaluation.second_opinion is not None:
        shown = second_opinion_section(content.evaluation.second_opinion, content.evaluation.decision)
        sections.append(("second-opinion", "Second opinion", shown))
    if content.evaluation is not None and content.evaluation.serving is not None:
        sections.append(("serving", "Latency and size", serving_section(content.evaluation.serving)))
    sections.append(("data", "The new span's data", _data(content)))
    if content.candidate is not None:
        charts = training_charts(content.candidate, content.baseline)
        title = "What differs between the two trainings" if content.baseline else "The training"
        tables = record_tables(content.candidate, content.baseline)
        sections.append(("training", "Training", f"{charts}<h3 id='differences'>{title}</h3>{tables}"))
    sections.append(("rules", "All rules", _rules(content)))
    sections.append(("past", "Past runs", past_section(content)))
    return [*sections, ("lineage", "Lineage", lineage_section(content))]


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

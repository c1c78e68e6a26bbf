"""The page of `ratchet explain`: why mAP fell between two trainings of any toolkit; pure."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.comparisons import comparison_section
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import when
from ratchet.components.review.explain_content import ExplainContent
from ratchet.components.review.files_page import files_sections
from ratchet.components.review.sections.causes import causes_gist, every_cause
from ratchet.components.review.sections.plans import plans_gist, plans_section
from ratchet.components.review.sections.renamed import renamed
from ratchet.schemas.artifacts.data_evidence import DRIFT
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.data.training_data import SetFacts

GENERATOR = "ratchet explain"
_SOURCES = "Written by ratchet explain; the same as JSON: explanation.json beside this page."
_TERMS = ("AP, mAP", "IoU", "interval", "within the noise", "drift")
_TONES = {DiagnosisState.NAMED: "reject", DiagnosisState.UNKNOWN: "warn", DiagnosisState.NOTHING: "pass"}
_EVIDENCE = 3
# What sections of two sets of detections call baseline and candidate.
_NAMES = {
    "baseline": "before",
    "the baseline": "the model before",
    "candidate": "after",
    "the candidate": "the model after",
}
_CLASSES = 12


def explain_page(content: ExplainContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    further = files_sections(content.files) if content.files else []
    sections = [
        Section("cause", "Why", _causes(content), causes_gist(content.diagnosis), open=True),
        Section("trainings", "The two trainings", plans_section(content), plans_gist(content), open=True),
        *([Section("data", "The data", _data(content))] if _has_data(content) else []),
        *(renamed(section, _NAMES)._replace(open=False) for section in further if section.name != "files"),
        Section("files", "What was brought", _inputs(content)),
    ]
    return document(
        Page(
            title=f"{content.head}: {content.fall}",
            tone=_TONES.get(content.diagnosis.cause.state, "warn"),
            head=_head(content),
            sections=sections,
            footer=footer(_SOURCES, *_TERMS),
            generator=GENERATOR,
        )
    )


def _head(content: ExplainContent) -> Markup:
    head, _, action = content.action.partition(": ")
    return render(
        "review/templates/explain_head.html",
        content=content,
        evidence=content.evidence[:_EVIDENCE],
        to_do=head,
        action=action,
        when=when(content.made_at),
    )


def _causes(content: ExplainContent) -> Markup:
    def title(name: str, detail: str) -> str:
        return content.titles.get(f"{name}:{detail}", name)

    return every_cause(content.diagnosis, {}, title)


def _has_data(content: ExplainContent) -> bool:
    return bool(content.comparisons or content.facts.before or content.facts.after)


def _data(content: ExplainContent) -> Markup:
    sets = {"before": content.facts.before, "after": content.facts.after, "golden": content.facts.golden}
    known = {name: facts for name, facts in sets.items() if facts is not None}
    drift = [each for each in content.comparisons if each.kind == DRIFT]
    compared = (
        comparison_section(
            drift, content.data.reasons, other="the training data before", this="the training data after"
        )
        if drift
        else None
    )
    return render(
        "review/templates/explain_data.html",
        names=list(known),
        rows=_counts(known),
        shared=_shared(content),
        compared=compared and Markup(compared),
    )


def _counts(sets: dict[str, SetFacts]) -> list[tuple[str, list[int]]]:
    classes = list(dict.fromkeys(name for facts in sets.values() for name in facts.objects))[:_CLASSES]
    rows = [("images", [facts.images for facts in sets.values()]), ("boxes", [facts.boxes for facts in sets.values()])]
    return rows + [(name, [facts.objects.get(name, 0) for facts in sets.values()]) for name in classes]


def _shared(content: ExplainContent) -> list[str]:
    facts = content.facts
    told = {
        "images of the training after that the training before saw as well": facts.after_in_before,
        "golden images among the training images before": facts.golden_in_before,
        "golden images among the training images after": facts.golden_in_after,
    }
    return [f"{share.count:,} of {share.of:,} {what}" for what, share in told.items() if share]


def _inputs(content: ExplainContent) -> Markup:
    return render("review/templates/explain_inputs.html", content=content)

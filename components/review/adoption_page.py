"""The page of `ratchet adopt`: an adopted model on its golden set, with pictures of what it found; pure."""

from __future__ import annotations

from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import when
from ratchet.components.review.adoption_content import AdoptionContent
from ratchet.components.review.files_page import files_sections
from ratchet.components.review.sections.files_head import TRUTH
from ratchet.components.review.sections.head import Head, Note, figures, head_of
from ratchet.components.review.sections.renamed import renamed, renamed_markup
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.base.formatting import many

GENERATOR = "ratchet adopt"
_SOURCES = "Written by ratchet adopt; the same figures as JSON: adoption.json beside this page."
_TERMS = ("AP, mAP", "IoU", "operating point", "golden set")
_RULES = "rules"  # of a candidate; what they warn of an adopted model stands in its notes
_NOTES = 6
# A page of one model; `baseline` stands in no section of files without one but in explanations.
_NAMES = {"candidate": "model", "the candidate": "the model", "baseline": "baseline", "the baseline": "the baseline"}


def adoption_page(content: AdoptionContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    sections = [renamed(section, _NAMES) for section in files_sections(content.files) if section.name != _RULES]
    read = Section("reading", "How it is read", render("review/templates/adoption_reading.html", content=content))
    lacks = Section(
        "lacks",
        "What it lacks, and what that switches off",
        render("review/templates/adoption_lacks.html", content=content),
        many(len(content.lacks), "thing"),
    )
    measured = sections[-1]._replace(title="What was measured")
    return document(
        Page(
            title=f"{_word(content)}: {content.subject}",
            tone="warn" if content.is_rehearsal else "pass",
            head=head_of(_head(content)),
            sections=[*sections[:-1], read, *([lacks] if content.lacks else []), measured],
            footer=footer(_SOURCES, *_TERMS),
            generator=GENERATOR,
        )
    )


def _word(content: AdoptionContent) -> str:
    return "REHEARSED" if content.is_rehearsal else "ADOPTED"


def _head(content: AdoptionContent) -> Head:
    files = content.files
    return Head(
        subject=content.subject,
        about=f"on {files.files[TRUTH].path}, {when(files.made_at)}",
        word=_word(content),
        sentence=content.sentence,
        step=content.step,
        command=content.command,
        other_ways=False,
        notes=[Note("Note", note) for note in content.notes[:_NOTES]],
        figures=renamed_markup(figures(files.evaluation, OF_FILES, files.files[CANDIDATE].name), _NAMES),
    )

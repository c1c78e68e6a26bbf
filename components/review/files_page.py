"""The page of `ratchet evaluate`: what two files of detections show of two models, without a run around them; pure."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.parts import rules_table
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.changes import changes_gist, changes_section
from ratchet.components.review.sections.confusion import confusion_gist, confusion_section
from ratchet.components.review.sections.curves import curves_gist, curves_section
from ratchet.components.review.sections.errors import errors_gist, errors_section
from ratchet.components.review.sections.files_head import files_headline, files_section
from ratchet.components.review.sections.verdict import TONES
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.components.review.sections.worst_images import worst_images_gist, worst_images_section, worst_images_title

GENERATOR = "ratchet evaluate"
_SOURCES = "Written by ratchet evaluate; the same figures as JSON: evaluation.json beside this page."
_TERMS = ("AP, mAP", "IoU", "interval", "within the noise", "operating point")


def files_page(content: FilesContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    evaluation = content.evaluation
    names = " against ".join(file.name for role, file in content.files.items() if role in ("candidate", "baseline"))
    page = Page(
        title=f"{evaluation.decision.verdict.value}: {names}",
        tone=TONES[evaluation.decision.verdict],
        head=files_headline(content),
        sections=files_sections(content),
        footer=footer(_SOURCES, *_TERMS),
        generator=GENERATOR,
    )
    return document(page)


def files_sections(content: FilesContent) -> list[Section]:
    """What is shown of files that were compared."""
    evaluation, analysis = content.evaluation, content.analysis
    golden = evaluation.golden
    compared = golden.baseline is not None
    title = "Where mAP changed" if compared else "Classes and figures"
    rules = Markup(rules_table(evaluation.decision.reasons, evaluation.clarity_of, OF_FILES.rules))
    return [
        Section(
            "changes", title, changes_section(evaluation.golden, compared), changes_gist(evaluation.golden), open=True
        ),
        Section(
            "images", worst_images_title(content), worst_images_section(content), worst_images_gist(content), open=True
        ),
        Section(
            "curves",
            "Precision, recall and F1",
            curves_section(analysis.curves, compared),
            curves_gist(analysis.curves),
        ),
        Section(
            "errors",
            "Errors by type and image",
            errors_section(analysis.error_types, analysis.slices, OF_FILES),
            errors_gist(analysis.error_types),
        ),
        Section(
            "confusion",
            "Classes taken for others",
            confusion_section(analysis.confusion, OF_FILES),
            confusion_gist(analysis.confusion),
        ),
        Section("rules", "All rules", rules),
        Section("files", "What was compared", files_section(content)),
    ]

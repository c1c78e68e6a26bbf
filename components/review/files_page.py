"""The page of `ratchet evaluate`: what two files of detections show of two models, without a run around them; pure."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.pages.parts import rules_table
from ratchet.components.pages.text import safe
from ratchet.components.review.document import PAGE_STYLE, Section, document
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.confusion import confusion_section
from ratchet.components.review.sections.evaluation import changes_section, errors_section, precision_recall_section
from ratchet.components.review.sections.files_head import files_headline, files_section
from ratchet.components.review.sections.verdict import TONES
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.components.review.sections.worst_images import worst_images_section, worst_images_title

GENERATOR = "ratchet evaluate"
FILES_STYLE = PAGE_STYLE + (Path(__file__).parent / "files_page.css").read_text(encoding="utf-8")
_WORDS = (
    "<details><summary>Words</summary><dl><dt>candidate, baseline</dt><dd>the detections of <code>--dt</code> and of "
    "<code>--baseline-dt</code></dd><dt>golden images</dt><dd>in the words of the rules: those of the ground truth"
    "</dd><dt>interval</dt><dd>where the difference would lie with 95 of 100 other sets of images like this one</dd>"
    "<dt>mAP</dt><dd>mean average precision over classes and IoU .50 to .95, as COCO defines it</dd></dl></details>"
)
_SOURCES = (
    "<p>Written by <code>ratchet evaluate</code>. The same figures as JSON: evaluation.json beside this page.</p>"
)


def files_page(content: FilesContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    evaluation = content.evaluation
    names = " against ".join(file.name for role, file in content.files.items() if role in ("candidate", "baseline"))
    return document(
        title=f"{evaluation.decision.verdict.value}: {safe(names, 160)}",
        tone=TONES[evaluation.decision.verdict],
        head=files_headline(content),
        sections=files_sections(content),
        footer=f"{_WORDS}{_SOURCES}",
        style=FILES_STYLE,
        generator=GENERATOR,
    )


def files_sections(content: FilesContent) -> list[Section]:
    """What is shown of files that were compared."""
    evaluation, analysis = content.evaluation, content.analysis
    compared = evaluation.golden.baseline is not None
    title = "Where mAP changed" if compared else "Classes and figures"
    rules = rules_table(evaluation.decision.reasons, evaluation.clarity_of, OF_FILES.rules)
    return [
        Section("changes", title, changes_section(evaluation.golden, compared)),
        Section("images", worst_images_title(content), worst_images_section(content)),
        Section("precision-recall", "Precision and recall", precision_recall_section(analysis.curves, compared)),
        Section("errors", "Types of errors", errors_section(analysis.error_types, OF_FILES)),
        Section("confusion", "Classes taken for others", confusion_section(content.confusion)),
        Section("rules", "All rules", rules),
        Section("files", "What was compared", files_section(content)),
    ]

"""The head of a comparison of files, and what was compared."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import when
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.head import Head, Note, figures, head_of
from ratchet.components.review.sections.verdict import further_failures, verdict_sentence
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import and_more, size

TRUTH = "ground truth"
_MOST_REASONS = 6


def files_headline(content: FilesContent) -> Markup:
    """The head of the page."""
    evaluation, names = content.evaluation, {role: file.name for role, file in content.files.items()}
    against = f"against {names[BASELINE]}, " if BASELINE in names else ""
    further = further_failures(evaluation, OF_FILES)
    notes = [Note("", further)] if further else []
    return head_of(
        Head(
            subject=names[CANDIDATE],
            about=f"{against}on {names[TRUTH]}, {when(content.made_at)}",
            word=evaluation.decision.verdict.value,
            sentence=verdict_sentence(evaluation, OF_FILES),
            notes=[*notes, *_reasons(evaluation.decision.failures)],
            figures=figures(evaluation, OF_FILES, names[CANDIDATE], names.get(BASELINE, "")),
        )
    )


def _reasons(failures: tuple[Reason, ...]) -> list[Note]:
    if not failures:
        return []
    more = and_more(len(failures) - _MOST_REASONS)
    rest = [Note("", f'{more.removeprefix(" and ")} below, under "All rules"')] if more else []
    return [*(Note("Failed", reason.sentence) for reason in failures[:_MOST_REASONS]), *rest]


def files_section(content: FilesContent) -> Markup:
    """The files, the command and who wrote the page."""
    return render(
        "review/templates/files.html",
        files=[(role, file, size(file.size_bytes)) for role, file in content.files.items()],
        command=content.command,
        code=content.code,
    )

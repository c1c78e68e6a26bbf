"""The head of a comparison of files, and what was compared."""

from __future__ import annotations

from ratchet.components.pages.tables import columns, table
from ratchet.components.pages.text import safe
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.next_steps import command
from ratchet.components.review.sections.verdict import details, figures, verdict_sentence
from ratchet.components.review.sections.wording import OF_FILES, when
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import and_more, size

TRUTH = "ground truth"
_MOST_REASONS = 6


def files_headline(content: FilesContent) -> str:
    """The header's content, as safe HTML."""
    evaluation, names = content.evaluation, {role: file.name for role, file in content.files.items()}
    against = f"against {names[BASELINE]}, " if BASELINE in names else ""
    about = f"{against}on {names[TRUTH]}, {when(content.made_at)}"
    noted = {"candidate": names[CANDIDATE], "baseline": names.get(BASELINE, "")}
    return (
        f'<h1>{safe(names[CANDIDATE], 120)} <span class="quiet">{safe(about)}</span></h1>'
        f'<p class="word">{evaluation.decision.verdict.value}</p>'
        f'<p class="lead">{safe(verdict_sentence(evaluation, OF_FILES), 900)}</p>'
        f"{figures(evaluation, OF_FILES, **noted)}{details(evaluation, OF_FILES)}"
        f"{_reasons(evaluation.decision.failures)}"
    )


def _reasons(failures: tuple[Reason, ...]) -> str:
    if not failures:
        return ""
    more = and_more(len(failures) - _MOST_REASONS)
    rows = "".join(f"<li>{safe(reason.sentence, 400)}</li>" for reason in failures[:_MOST_REASONS])
    rest = f'<li>{more.removeprefix(" and ")} below, under <a href="#rules">All rules</a></li>' if more else ""
    return f'<div class="why"><p>Rules that failed</p><ul>{rows}{rest}</ul></div>'


def files_section(content: FilesContent) -> str:
    """The files, the command and who wrote the page; safe HTML."""
    rows = (
        f'<tr><th scope="row">{role}</th><td data-of="file"><code>{safe(file.path, 300)}</code></td>'
        f'<td data-of="holds">{safe(file.holds)}</td><td class="number" data-of="size">{size(file.size_bytes)}</td>'
        f'<td data-of="SHA-256"><code>{file.sha256}</code></td></tr>'
        for role, file in content.files.items()
    )
    return (
        table("<td></td>" + columns(("file", "holds", "size", "SHA-256")), rows, "stack")
        + f"<h3>Command</h3>{command(content.command)}"
        + f'<p class="quiet">Ratchet {safe(content.code)}</p>'
    )

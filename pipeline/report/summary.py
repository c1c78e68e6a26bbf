"""`summary.md`: an evaluation for a comment on a pull request; the verdict first, and short however much there is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ratchet.components.pages.markdown import name, prose, table
from ratchet.components.pages.numbers import change, interval, score
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.sections.verdict import verdict_sentence
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.pipeline.report.directory import PAGE
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation, Delta
from ratchet.schemas.base.formatting import and_more, many

_FIGURES = {"AP": "mAP", "AP50": "AP at IoU .50", "AP75": "AP at IoU .75"}
_REASONS, _CLASSES = 6, 8
_LONGEST = 500  # characters of a reason


def summary(content: FilesContent, directory: Path) -> str:
    """The text of the file.

    Args:
        content: of the page.
        directory: of the report, as it was given.
    """
    evaluation = content.evaluation
    decision, scored = evaluation.decision, evaluation.golden
    sign = "✓" if decision.verdict.pushes else "✗"
    lines = [f"## {sign} {decision.verdict.value}", "", prose(verdict_sentence(evaluation, OF_FILES), 900), ""]
    lines += [*_figures(scored), "", _about(content), ""]
    if decision.failures:
        lines += ["### Why", "", *_reasons(decision.failures), ""]
    if decision.warnings:
        lines += ["### Warnings", "", *_reasons(decision.warnings), ""]
    lines += _classes(scored)
    page = name(str(directory / PAGE), 300)
    lines.append(f"Classes, slices, curves, types of errors and all rules are on the page {page}.")
    return "\n".join(lines) + "\n"


def _figures(scored: DataSetEvaluation) -> list[str]:
    after, before = scored.candidate.coco, scored.baseline and scored.baseline.coco
    if before is None:
        return table(("", "candidate"), [(title, score(after[key])) for key, title in _FIGURES.items()])
    rows = [
        (title, score(after[key]), score(before[key]), change(_difference(after[key], before[key])), _ends(scored, key))
        for key, title in _FIGURES.items()
    ]
    return table(("", "candidate", "baseline", "difference", "95 % interval"), rows)


def _difference(after: float, before: float) -> float | None:
    return None if min(after, before) < 0 else after - before


def _ends(scored: DataSetEvaluation, key: str) -> str:
    return interval(scored.deltas.overall.interval) if key == "AP" and scored.deltas else ""


def _about(content: FilesContent) -> str:
    against = f" against {name(content.files[BASELINE].name)}" if BASELINE in content.files else ""
    scored = content.evaluation.golden
    measured = f"{many(scored.images, 'image')}, {many(scored.objects, 'object')}"
    return f"{name(content.files[CANDIDATE].name)}{against}, on {measured}."


def _reasons(reasons: tuple[Reason, ...]) -> Iterable[str]:
    for reason in reasons[:_REASONS]:
        yield f"- {name(reason.rule)}: {prose(f'expected {reason.expected}; found {reason.actual}', _LONGEST)}"
    more = and_more(len(reasons) - _REASONS)
    if more:
        yield f"- {more.removeprefix(' and ')} on the page"


def _classes(scored: DataSetEvaluation) -> list[str]:
    """The classes that changed most, or without a baseline the worst."""
    deltas = scored.deltas.per_class if scored.deltas else {}
    changed = {key: delta.value for key, delta in deltas.items() if delta.value}
    if changed:
        chosen = sorted(changed, key=lambda key: -abs(changed[key]))[:_CLASSES]
        rows = [_class(scored, key, deltas[key]) for key in chosen]
        head = ("class", "objects", "candidate", "baseline", "difference", "95 % interval")
        return ["### Classes that changed most", "", *table(head, rows), ""]
    if scored.baseline is not None:
        return []
    known = [key for key, value in scored.candidate.per_class.items() if value >= 0]
    chosen = sorted(known, key=lambda key: scored.candidate.per_class[key])[:_CLASSES]
    rows = [
        (name(key), f"{scored.class_support[key].objects:,}", score(scored.candidate.per_class[key])) for key in chosen
    ]
    return ["### Classes with the lowest AP", "", *table(("class", "objects", "candidate"), rows), ""]


def _class(scored: DataSetEvaluation, key: str, delta: Delta) -> tuple[str, ...]:
    before = scored.baseline.per_class[key] if scored.baseline else None
    objects = f"{scored.class_support[key].objects:,}"
    return (
        name(key),
        objects,
        score(scored.candidate.per_class[key]),
        score(before),
        change(delta.value),
        interval(delta.interval),
    )

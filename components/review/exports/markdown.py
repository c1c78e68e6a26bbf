"""A run in Markdown, for a ticket, a pull request or a mail: verdict, cause, figures and what to do; pure."""

from __future__ import annotations

from collections.abc import Iterator

from ratchet.components.pages.markdown import name, prose, table
from ratchet.components.pages.numbers import change, interval, score, when
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.next_steps import first_command, first_step
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.schemas.artifacts.cause_words import in_words
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation
from ratchet.schemas.base.formatting import capital, many

_LONGEST, _MOVED, _IMAGES = 900, 6, 8


def run_markdown(content: ReviewContent) -> str:
    """The whole text; every string of others in it is shown and does nothing else."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: ReviewContent) -> Iterator[str]:
    span = content.lineage.span.span
    yield f"## {content.verdict.value}: span {span} of {prose(content.pipeline, 80)}"
    yield ""
    yield prose(reason_sentence(content), _LONGEST)
    cause = content.diagnosis.cause
    if cause.state is not DiagnosisState.NOTHING:
        yield ""
        yield f"**{prose(capital(in_words(cause)), 120)}.** {prose(cause.sentence, _LONGEST)}"
        yield from (f"- {prose(sentence, _LONGEST)}" for sentence in cause.evidence)
    if content.evaluation is not None:
        yield from _figures(content.evaluation.golden)
    if content.analysis is not None and content.analysis.gallery:
        shown = content.analysis.gallery[:_IMAGES]
        yield ""
        yield f"{many(content.analysis.worse, 'golden image')} got worse, most of all:"
        yield from (f"- {name(image.file_name, 120)}: {prose(image.change, 200)}" for image in shown)
    step, command = first_step(content), first_command(content)
    if step:
        yield ""
        yield f"**Next:** {prose(step, _LONGEST)}"
    if command:
        yield ""
        yield name(command, 2000)
    yield ""
    yield f"Run {name(content.run_id, 120)}, {when(content.made_at)}, in {name(content.root, 300)}."


def _figures(golden: DataSetEvaluation) -> Iterator[str]:
    compared, delta = golden.compared, golden.deltas and golden.deltas.overall
    before = compared.baseline.coco["AP"] if compared.baseline else None
    rows = [("mAP", score(before), score(compared.candidate.coco["AP"]), change(delta and delta.value), _ends(delta))]
    moved = {**golden.deltas.per_class, **golden.deltas.per_slice} if golden.deltas else {}
    known = [(each.value, part) for part, each in moved.items() if each.value is not None]
    for _, part in sorted(known)[:_MOVED]:
        kind = "per_class" if golden.deltas and part in golden.deltas.per_class else "per_slice"
        first = getattr(compared.baseline, kind).get(part) if compared.baseline else None
        second = getattr(compared.candidate, kind).get(part)
        rows.append((name(part), score(first), score(second), change(moved[part].value), _ends(moved[part])))
    yield ""
    yield from table(("", "baseline", "candidate", "difference", "95 % interval"), rows)
    yield ""
    yield f"On {many(golden.images, 'golden image')}; classes and slices that fell most."


def _ends(delta) -> str:
    return interval(delta.interval if delta else None)
